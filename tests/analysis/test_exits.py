"""What leaving early costs is counted from what really ran."""
import json

import pytest
from conftest import DATA, REPOSITORY, needs
from tiny_network import write_tiny_network

from hourglass.analysis.exits import Exit, plot_exits


def an_exit(stages, tolerance, macs, wrist) -> Exit:
    return Exit(stages, tolerance, stages, macs, 0, 0.01, dict(wrist=wrist))


def test_a_plot_is_written(tmp_path):
    found = [an_exit(1, None, 1e9, 70), an_exit(2, None, 2e9, 80), an_exit(2, 1.0, 1.5e9, 79)]
    plot_exits(found, ['wrist'], tmp_path / 'new' / 'plot.png')
    assert (tmp_path / 'new' / 'plot.png').read_bytes().startswith(b'\x89PNG')


def test_cuts_and_tolerances_are_tested_and_counted(synthetic, cli, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('HOURGLASS_DATA', str(synthetic))
    config, checkpoint = write_tiny_network(tmp_path, stacks=3)
    cli('benchmark', 'exits', config, checkpoint, '--tolerances', 1000, '--scores', 'mpii/Total',
         '--json', tmp_path / 'exits.json', '--work-dir', tmp_path / 'run', '--plot',
         tmp_path / 'exits.png', '--cfg-options', 'test_dataloader.num_workers=0')
    one, two, three, early = json.loads((tmp_path / 'exits.json').read_text())['exits']
    assert [exit_['stacks'] for exit_ in (one, two, three, early)] == [1, 2, 3, 2]
    assert one['macs'] < two['macs'] == early['macs'] < three['macs']
    assert three['saved'] == 0 < two['saved'] == early['saved'] < one['saved']
    assert two['scores'] == early['scores'] != three['scores']
    assert 'until two agree within 1000 px | 2.00 |' in capsys.readouterr().out


def test_an_unknown_score_is_refused(synthetic, cli, tmp_path, monkeypatch):
    monkeypatch.setenv('HOURGLASS_DATA', str(synthetic))
    config, checkpoint = write_tiny_network(tmp_path, stacks=3)
    with pytest.raises(SystemExit, match='--scores flic/Elbow: the metric gives'):
        cli('benchmark', 'exits', config, checkpoint, '--tolerances', 1, '--work-dir',
            tmp_path / 'run', '--cfg-options', 'test_dataloader.num_workers=0')


@pytest.mark.slow
@needs(DATA / 'flic')
def test_people_of_flic_leave_early_without_loss(cli, tmp_path, monkeypatch):
    """At least 40 % of the stacks' work is saved within 0.3 points of all four."""
    monkeypatch.setenv('HOURGLASS_DATA', str(DATA))
    cli('benchmark', 'exits', REPOSITORY / 'configs/flic/td-hm_hourglass4-small_flic-128x128.py',
        'flic-small4', '--tolerances', 1.5, '--json', tmp_path / 'exits.json', '--work-dir',
        tmp_path / 'run')
    *_, four, early = json.loads((tmp_path / 'exits.json').read_text())['exits']
    assert early['saved'] >= 0.4
    for score in ('flic/Elbow', 'flic/Wrist'):
        assert early['scores'][score] >= four['scores'][score] - 0.3
