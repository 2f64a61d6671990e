"""The command measures the works that have sizes, and writes table, numbers and figure."""
import json

import pytest

OTHERS = ['--people', '--stacks', '--processes', '--annotations']


def test_work_without_a_size_is_left_out(cli, tmp_path, capsys):
    cli('benchmark', 'growth', '--images', 1, 2, *OTHERS,
        '--plot', tmp_path / 'growth.svg', '--json', tmp_path / 'growth.json')
    assert '| images | 2 |' in capsys.readouterr().out
    found, = json.loads((tmp_path / 'growth.json').read_text())['growths']
    assert (found['work'], list(found['seconds'])) == ('images', ['1', '2'])
    assert (tmp_path / 'growth.svg').read_text().startswith('<?xml')


def test_a_size_below_one_is_refused(cli):
    with pytest.raises(SystemExit, match='0: give sizes of 1 or more'):
        cli('benchmark', 'growth', '--images', 0, *OTHERS)


@pytest.mark.slow
def test_several_processes_share_the_images(cli, capsys):
    cli('benchmark', 'growth', '--images', *OTHERS[:2], '--processes', 2, '--annotations')
    assert '| processes on the CPU, 100 images each | 2 |' in capsys.readouterr().out
