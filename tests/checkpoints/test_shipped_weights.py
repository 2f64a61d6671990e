"""The weights in the package are those of the model cards."""
import json
import re

import pytest
import yaml
from conftest import DATA, REPOSITORY, needs
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import load_checkpoint

from hourglass.analysis.calibrate import calibration_in
from hourglass.checkpoints.names import DETECTOR, find_weights

METAFILES = [yaml.safe_load(path.read_text())
             for path in sorted(REPOSITORY.glob('configs/*/metafile.yml'))]
MODELS_SHIPPED = [model for content in METAFILES for model in content['Models']
                  if 'Weights' in model]


@pytest.mark.parametrize('model', MODELS_SHIPPED, ids=lambda model: model['Name'])
def test_they_fit_their_config_and_are_small(model):
    path = find_weights(model['Weights'])
    assert path.stat().st_size <= 4e6
    cfg = Config.fromfile(REPOSITORY / model['Config'])
    init_default_scope(cfg.default_scope)
    load_checkpoint(MODELS.build(cfg.model), str(path), strict=True)


@pytest.mark.slow
@pytest.mark.data
@needs(DATA / 'flic')
@pytest.mark.parametrize('model', MODELS_SHIPPED, ids=lambda model: model['Name'])
def test_they_score_what_the_cards_say(model, cli, tmp_path, monkeypatch):
    monkeypatch.setenv('HOURGLASS_DATA', str(DATA))
    again = tmp_path / 'again.safetensors'
    config = model.get('Calibration', model['Config'])  # whose test set the calibration is of
    cli('test', REPOSITORY / config, find_weights(model['Weights']), '--all-stages',
         '--work-dir', tmp_path, '--out', tmp_path / 'scores.json', '--calibrate', again)
    found = json.loads((tmp_path / 'scores.json').read_text())
    expected = next(result['Metrics'] for result in model['Results']
                    if result['Metrics'].keys() <= found.keys())
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=0.1)
    shipped, calibration = (calibration_in(str(path))
                            for path in (find_weights(model['Weights']), again))
    assert (shipped.correct, shipped.people) == (calibration.correct, calibration.people)
    log, = tmp_path.rglob('*.log')
    error = re.search(r'calibration error of the other \d+: ([\d.]+)', log.read_text())
    assert float(error[1]) <= 0.03


@pytest.mark.slow
@pytest.mark.data
@needs(DATA / 'mpii_subset')
@pytest.mark.parametrize(('config', 'name', 'total'), [
    ('mpii/td-hm_hourglass2-small-lsp_mpii-subset-128x128', 'lsp-small', 66.78),
    ('people/td-hm_hourglass2-small_people-128x128', 'people-small', 73.82),
    ('people/td-hm_hourglass2-medium_people-160x160', 'people', 80.75)])
def test_they_score_what_the_cards_say_on_the_mpii_subset(config, name, total, cli, tmp_path,
                                                          monkeypatch):
    monkeypatch.setenv('HOURGLASS_DATA', str(DATA))
    cli('test', REPOSITORY / f'configs/{config}.py', name, '--work-dir', tmp_path,
        '--out', tmp_path / 'scores.json')
    assert json.loads((tmp_path / 'scores.json').read_text())['mpii/Total'] == pytest.approx(
        total, abs=0.1)


@pytest.mark.slow
@pytest.mark.data
@needs(DATA / 'mpii_subset')
def test_the_detector_finds_what_its_card_says(cli, tmp_path, monkeypatch):
    monkeypatch.setenv('HOURGLASS_DATA', str(DATA))
    content = yaml.safe_load((REPOSITORY / 'configs/detection/metafile.yml').read_text())
    model, = content['Models']
    cli('test', REPOSITORY / model['Config'], DETECTOR, '--work-dir', tmp_path,
        '--out', tmp_path / 'scores.json')
    found, expected = (json.loads((tmp_path / 'scores.json').read_text()),
                       model['Results'][0]['Metrics'])
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=0.1)
