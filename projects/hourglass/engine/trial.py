"""One batch through everything that a run needs, before its first step."""
from __future__ import annotations

import contextlib
import copy
import io

import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.runner import Runner

from hourglass.engine.bundles import unbundle
from hourglass.engine.plan import describe
from hourglass.errors import ConfigError, HourglassError


class TrialHook(Hook):
    """Hook that tries a validation on one person before the training, whose first is hours away.

    With a ``work_dir``, where the run would write, it is a dry run: it also takes a training step,
    prints what would be trained and ends the process.
    """

    priority = 'LOWEST'                 # when everything is built and loaded

    def __init__(self, work_dir: str | None = None):
        self.work_dir = work_dir

    def before_train(self, runner: Runner) -> None:
        if self.work_dir is None:
            try_validation(runner)
            return
        plan, losses = describe(runner, self.work_dir), try_step(runner)
        try_validation(runner)
        if runner.rank == 0:
            print(f'{plan}\n{"tried":<12} a step ({losses})'
                  f"{' and a validation' if runner.val_loop is not None else ''}; nothing written")
        raise SystemExit(0)


def try_step(runner: Runner) -> str:
    """Take a training step with the first batch, in memory alone; return its losses.

    Raises ``ConfigError`` if a parameter that is trained gets no gradient.
    """
    model, wrapper = getattr(runner.model, 'module', runner.model).train(), runner.optim_wrapper
    batch = unbundle(next(iter(runner.train_dataloader)))
    with wrapper.optim_context(model):
        data = model.data_preprocessor(batch, True)
        loss, values = model.parse_losses(model._run_forward(data, mode='loss'))
    wrapper.backward(loss)
    idle = [name for name, parameter in model.named_parameters()
            if parameter.requires_grad and parameter.grad is None]
    if idle:
        raise ConfigError(f"{len(idle)} parameters get no gradient, first '{idle[0]}': no loss "
                          'depends on them; freeze or remove them')
    wrapper.step()
    return ', '.join(f'{name} {value.item():.4g}' for name, value in values.items()
                     if 'loss' in name)


def try_validation(runner: Runner) -> None:
    """Predict the first person of the validation and hand the prediction to the metrics.

    Raises ``ConfigError`` for whatever a validation would fail with.
    """
    if runner.val_loop is None:
        return
    model = getattr(runner.model, 'module', runner.model)
    loader, evaluator = runner.val_dataloader, runner.val_evaluator
    try:
        batch = loader.collate_fn([loader.dataset[0]])
        with torch.no_grad():
            outputs = model.eval().val_step(copy.deepcopy(batch))
        evaluator.process(data_samples=outputs, data_batch=batch)
        for metric in evaluator.metrics:
            if type(metric).__module__.startswith('mmpose.'):   # ours check earlier, write files
                _try_scores(metric)
    except HourglassError:
        raise
    except Exception as error:          # of any transform, codec or metric
        raise ConfigError(f'the validation would fail: {type(error).__name__}: '
                          f"{' '.join(str(error).split())}") from error
    finally:
        for metric in evaluator.metrics:
            metric.results.clear()
        model.train()


def _try_scores(metric: BaseMetric) -> None:
    """Compute the scores of what one of mmpose's metrics has, without its messages."""
    name, meta = type(metric).__name__, metric.dataset_meta
    if name == 'CocoMetric' and not len(meta['sigmas']):
        raise ConfigError(f"val_evaluator: CocoMetric needs the keypoints' sigmas, and the data "
                          f"set '{meta['dataset_name']}' has none; use hourglass.OksAP(sigmas=...),"
                          ' PCKAccuracy, NME or EPE')
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel('ERROR')
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            metric.compute_metrics(metric.results)
    finally:
        logger.setLevel(level)
