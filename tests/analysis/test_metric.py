"""The metric that an analysis scores by."""
import pytest
from mmengine.config import Config

from hourglass.analysis.metric import first_metric
from hourglass.errors import ConfigError
from hourglass.evaluation.metrics import FlicPCK


def test_it_is_the_first_one_and_the_config_stays_as_it_was():
    evaluators = [dict(type='hourglass.FlicPCK', protocol='modec'), dict(type='PCKAccuracy')]
    cfg = Config(dict(test_dataloader=dict(), test_evaluator=evaluators))
    metric = first_metric(cfg)
    assert type(metric) is FlicPCK and metric.protocol.name == 'modec'
    assert cfg.test_evaluator == evaluators


def test_a_config_without_a_test_set_is_refused():
    with pytest.raises(ConfigError, match='has no test_dataloader'):
        first_metric(Config(dict(test_evaluator=dict(type='hourglass.FlicPCK'))))
