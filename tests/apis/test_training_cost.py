"""A config's own training is measured, without its data."""
import pytest
from conftest import REPOSITORY
from mmengine.config import Config

from hourglass.apis.training_cost import measure_training
from hourglass.errors import ConfigError


def small(**backbone) -> Config:
    cfg = Config.fromfile(REPOSITORY / 'configs/demo/synthetic.py')
    cfg.model.backbone.update(channels=8, stem_channels=(4, 8, 8), **backbone)
    cfg.train_dataloader.batch_size = 2
    return cfg


def test_steps_are_measured_and_the_config_stays_as_it_was(monkeypatch):
    monkeypatch.setenv('HOURGLASS_DATA', '/nowhere')
    cfg = small()
    before = cfg.pretty_text
    cost = measure_training(cfg, steps=2)
    assert cfg.pretty_text == before
    assert cost['seconds'] > 0
    assert 0 < cost['core_seconds'] <= 1.5 * cost['seconds'] * 16      # threads add up
    assert cost['memory'] >= 0


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(ConfigError, match='0 steps'):
        measure_training(small(), steps=0)
    with pytest.raises(ConfigError, match='train_dataloader'):
        measure_training(Config(dict(model=dict(head=dict()))))
