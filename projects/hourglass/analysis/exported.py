"""The scores of an exported file on a test set, beside those of the network it was made from."""
from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import InstanceData

from hourglass.analysis.exits import score_names
from hourglass.checkpoints.configs import check_test_set, read_config
from hourglass.checkpoints.names import find_config
from hourglass.deploy.export import Exported, KeypointsOf
from hourglass.evaluation.metrics import KeypointMetric
from hourglass.evaluation.protocols import differences
from hourglass.io.tables import markdown_table, number


def compare_scores(config: str | Path, exported: Exported) -> str:
    """Test a network and its file on the test set of the config; returns a markdown table.

    With this package's metrics it has the paired 95 % interval of each difference.
    """
    cfg = read_config(find_config(config))
    check_test_set(cfg, config)
    cfg.log_level, cfg.visualizer = 'WARNING', dict(type='mmengine.Visualizer')
    cfg.load_from = None                    # which the network and the file take the place of
    cfg.test_dataloader.persistent_workers = False      # the second test would fork with them
    with TemporaryDirectory() as cfg.work_dir:
        (before, metric), (after, of_file) = (_scores(cfg, name, of) for name, of in (
            ('torch', exported.in_torch), ('file', exported.in_file)))
    intervals = {}
    if isinstance(metric, KeypointMetric) and metric.scored and of_file.scored:
        intervals = {f'{metric.prefix}/{name}': f'{lower:+.2f} to {upper:+.2f}'
                     for name, (_, lower, upper) in differences(
                         of_file.scored.tables[0], metric.scored.tables[0]).items()}
    rows = []
    for name in score_names(cfg, None) or before:
        one, other = before.get(name), after.get(name)      # None where nothing is annotated
        change = None if one is None or other is None else other - one
        rows.append([name, number(one), number(other), number(change, '+.2f'),
                     intervals.get(name, '')])
    return markdown_table(rows, ['score', 'torch', exported.path.name, 'difference',
                                 '95 % interval'])


def _scores(cfg: Config, name: str, keypoints_of: KeypointsOf) -> tuple[dict[str, float], Any]:
    """Return all scores, and the first metric."""
    cfg.experiment_name = name
    runner = Runner.from_cfg(cfg)
    runner.register_hook(_Replace(keypoints_of))
    return runner.test(), runner.test_evaluator.metrics[0]


class _Replace(Hook):
    """Hook that tests a function from crops to keypoints in the place of the model."""

    def __init__(self, keypoints_of: KeypointsOf):
        self.keypoints_of = keypoints_of

    def before_test(self, runner: Runner) -> None:
        model = runner.model

        def test_step(data: dict) -> list:
            keypoints, scores = self.keypoints_of(torch.stack(list(data['inputs'])).float())
            found = [InstanceData(keypoints=one[None].numpy(), keypoint_scores=of_one[None].numpy())
                     for one, of_one in zip(keypoints, scores)]
            return model.add_pred_to_datasample(found, None, data['data_samples'])
        model.test_step = test_step
