"""A file is scored on the test set as ``hourglass test`` scores its network."""
import json

import pytest
import torch
from tiny_network import write_tiny_network

from hourglass.analysis.exported import compare_scores
from hourglass.deploy.export import export


@pytest.mark.slow
def test_the_scores_of_a_file_stand_beside_those_of_the_test_command(synthetic, tmp_path, cli,
                                                                     monkeypatch):
    monkeypatch.setenv('HOURGLASS_DATA', str(synthetic))
    _, checkpoint = write_tiny_network(tmp_path)
    config = tmp_path / 'scored.py'
    text = (tmp_path / 'tiny.py').read_text()
    config.write_text(text[:text.index('test_dataloader')]
                      + 'test_dataloader = dict(num_workers=0, persistent_workers=False, dataset='
                        "dict(pipeline=[dict(type='hourglass.LoadImage'), "
                        "dict(type='hourglass.BoxToCrop'), "
                        "dict(type='hourglass.CropImage', input_size=(64, 64)), "
                        "dict(type='PackPoseInputs')]))\n")
    done = export(config, checkpoint, tmp_path / 'tiny.safetensors')
    in_torch = done.in_torch
    done.in_file = lambda pixels: (torch.zeros_like(in_torch(pixels)[0]), in_torch(pixels)[1])
    rows = [[cell.strip() for cell in line.strip('|').split('|')]
            for line in compare_scores(config, done).splitlines()]
    assert rows[0] == ['score', 'torch', 'tiny.safetensors', 'difference',
                       '95 % interval']
    cli('test', config, checkpoint, '--work-dir', tmp_path, '--out', tmp_path / 'scores.json',
        '--cfg-options', 'model.test_cfg.flip_test=False')
    expected = json.loads((tmp_path / 'scores.json').read_text())
    for name, before, after, difference, interval in rows[2:]:
        assert float(before) == pytest.approx(expected[name], abs=0.006)    # two decimals
        assert float(after) < float(before) or float(before) == 0
        assert float(difference) == pytest.approx(float(after) - float(before), abs=0.011)
        lower, upper = map(float, interval.split(' to '))
        assert lower <= float(difference) <= upper
    assert len(rows) > 5 and any(float(row[1]) > 0 for row in rows[2:])
