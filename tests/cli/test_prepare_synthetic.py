"""The renderer's command: two splits and a sheet, nothing done twice, refusals in one line."""
import json

import pytest


def test_a_real_call_and_a_second_one(cli, capsys, tmp_path):
    arguments = ('--out', tmp_path, '--train', 6, '--test', 4, '--size', 96, 96, '--workers', 1,
                 '--sheet', tmp_path / 'sheet.png')
    cli('prepare', 'synthetic', *arguments)
    assert 'train/annotations.json: 6 images in' in capsys.readouterr().out
    assert (tmp_path / 'sheet.png').stat().st_size > 10_000
    annotations = {split: tmp_path / split / 'annotations.json' for split in ('train', 'test')}
    written = {split: path.stat().st_mtime_ns for split, path in annotations.items()}
    cli('prepare', 'synthetic', *arguments)
    assert written == {split: path.stat().st_mtime_ns for split, path in annotations.items()}
    people = {split: json.loads(path.read_text())['people'] for split, path in annotations.items()}
    assert [len(people[split]) for split in ('train', 'test')] == [6, 4]
    assert not {str(p['joints']) for p in people['train']} & {
        str(p['joints']) for p in people['test']}


@pytest.mark.parametrize(('arguments', 'message'), [
    (('--train', 0, '--test', 0), 'nothing to render'),
    (('--train', -1, '--test', 0), 'count is -1'),
    (('--size', 8, 8), 'width is 8')])
def test_impossible_arguments_are_refused_in_one_line(cli, tmp_path, arguments, message):
    with pytest.raises(SystemExit, match=f'^error: .*{message}'):
        cli('prepare', 'synthetic', '--out', tmp_path, *arguments)
