"""The metric by which an analysis scores a network: the first of a config's ``test_evaluator``."""
from copy import deepcopy
from typing import Any

from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope

from hourglass.checkpoints.configs import check_test_set


def first_metric(cfg: Config) -> Any:
    """Build the metric, of this package or another, in the scope of the config.

    Raises ``ConfigError`` if the config has nothing to test on.
    """
    check_test_set(cfg, cfg.filename)
    init_default_scope(cfg.get('default_scope') or 'mmpose')
    return Evaluator(deepcopy(cfg.test_evaluator)).metrics[0]
