"""Found boxes are counted, and their poses scored as the test scores those of the data set."""
import json

import pytest
from tiny_network import write_tiny_network


def test_detectors_are_compared_with_the_data_sets_crops(
        cli, synthetic, tmp_path, monkeypatch, capsys):
    """Of one who knows the images' border, and of one who finds nobody."""
    monkeypatch.setenv('HOURGLASS_DATA', str(synthetic))
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'finders.py').write_text(
        'def whole(image):\n    return [[0, 0, *image.shape[1::-1]]]\n'
        'def nobody(image):\n    return []\n')
    config, checkpoint = write_tiny_network(tmp_path)
    with config.open('a') as file:              # the crop of predictions
        file.write("test_dataloader['dataset']['pipeline'] = [\n"
                   "    dict(type='hourglass.CropImage', input_size=(64, 64)),\n"
                   "    dict(type='PackPoseInputs')]\n")
    cli('benchmark', 'detectors', config, checkpoint, 'annotation', 'finders:whole',
        'finders:nobody', '--json', 'found.json')
    crops, whole, nobody = json.loads((tmp_path / 'found.json').read_text())['detectors']
    assert (crops['usable'], crops['boxes'], crops['seconds']) == (None, None, None)
    assert whole['boxes'] == 1 and 0 < whole['usable'] < 100 and whole['seconds'] > 0
    assert None not in (whole['usable_score'], whole['same_score'])
    assert (nobody['usable_score'], nobody['same_score']) == (None, None)
    assert nobody['usable'] == nobody['boxes'] == nobody['score'] == 0
    assert crops['difference'] is None
    assert nobody['difference'] == pytest.approx(-crops['score'])
    assert nobody['lower'] < nobody['difference'] < nobody['upper'] <= 0
    cli('test', config, checkpoint, '--work-dir', 'run', '--out', 'metrics.json',
        '--cfg-options', 'test_dataloader.num_workers=0')
    tested = json.loads((tmp_path / 'metrics.json').read_text())
    assert crops['score'] == pytest.approx(tested['mpii/Total'])
    table = capsys.readouterr().out
    assert '| finders:nobody | 0.0 | 0.0 |' in table
    assert '| score less that of annotation, 95 % interval |' in table


def test_a_metric_of_another_package_is_an_error(cli, synthetic, tmp_path, monkeypatch):
    monkeypatch.setenv('HOURGLASS_DATA', str(synthetic))
    config, checkpoint = write_tiny_network(tmp_path)
    with config.open('a') as file:
        file.write("test_evaluator = dict(_delete_=True, type='PCKAccuracy')\n")
    with pytest.raises(SystemExit, match='the first metric of test_evaluator has to be this'):
        cli('benchmark', 'detectors', config, checkpoint, 'annotation')
