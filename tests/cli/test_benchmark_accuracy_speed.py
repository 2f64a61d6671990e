"""A network and its own file as that of another are scored alike, by the command."""
import json

import numpy as np
import pytest
from onnx_files import write_constant
from tiny_network import write_tiny_network

from hourglass.deploy.export import export

pytest.importorskip('onnxruntime')


@pytest.mark.slow
def test_a_network_and_its_file_get_the_scores_of_the_test(cli, synthetic, tmp_path, monkeypatch,
                                                           capsys):
    monkeypatch.setenv('HOURGLASS_DATA', str(synthetic))
    config, checkpoint = write_tiny_network(tmp_path)
    export(config, checkpoint, tmp_path / 'tiny.onnx')
    write_constant(tmp_path / 'other.onnx', [np.ones((1, 7))])
    (tmp_path / 'others.json').write_text(json.dumps([
        dict(name='exported', onnx='tiny.onnx', keypoints='mpii', test=str(config), rgb=False),
        dict(name='unread', onnx='other.onnx', keypoints='mpii', test=str(config)),
        dict(name='paper', scores=dict(Head=99), ms=12)]))
    cli('benchmark', 'accuracy-speed', f'{config},{checkpoint}', '--scores', 'Total', 'Head',
        '--optimize', 'fuse', '--threads', 1, '--rounds', 2, '--others', tmp_path / 'others.json',
        '--plot', tmp_path / 'a.png', '--json', tmp_path / 'a.json')
    plain, mirrored, exported, unread, paper = json.loads(
        (tmp_path / 'a.json').read_text())['rows']
    cli('test', config, checkpoint, '--work-dir', tmp_path / 'run', '--out', tmp_path / 'm.json',
        '--cfg-options', 'test_dataloader.num_workers=0')
    tested = json.loads((tmp_path / 'm.json').read_text())
    assert {name: score for name, (score, _) in mirrored['scores'].items()} == {
        name: tested[f'mpii/{name}'] for name in ('Total', 'Head')}
    assert exported['scores'] == plain['scores'] != mirrored['scores']
    assert unread['scores'] == {} and 'time alone' in unread['note']
    for row in (plain, mirrored, exported, unread):
        low, median, high = row['ms']['1']
        assert 0 < low <= median <= high
    assert paper['by'] == 'reported elsewhere' and paper['ms'] == {'1': [12, 12, 12]}
    assert '| tiny + mirrored | ' in capsys.readouterr().out
    assert (tmp_path / 'a.png').read_bytes().startswith(b'\x89PNG')


@pytest.mark.parametrize(('arguments', 'message'), [
    (('flic-small', '--rounds', 1), 'error: --rounds 1: give 2 or more$'),
    (('flic-small', '--threads', 2, 0), 'error: --threads 0: give 1 or more$'),
    ((), 'no network to measure; name one, such as flic-small, or give --others')])
def test_wrong_arguments_end_in_a_line(cli, arguments, message):
    with pytest.raises(SystemExit, match=message):
        cli('benchmark', 'accuracy-speed', *arguments)
