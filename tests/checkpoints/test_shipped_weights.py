"""The weights in the package are those of the model cards."""
import json

import pytest
import yaml
from conftest import DATA, REPOSITORY, needs
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import load_checkpoint

from hourglass.checkpoints.names import find_weights

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
    cli('test', REPOSITORY / model['Config'], find_weights(model['Weights']), '--all-stages',
         '--work-dir', tmp_path, '--out', tmp_path / 'scores.json')
    found = json.loads((tmp_path / 'scores.json').read_text())
    expected = model['Results'][0]['Metrics']
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=0.1)
