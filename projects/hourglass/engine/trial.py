"""One batch through everything that a run needs, before its first step."""
from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Iterator
from typing import NoReturn

import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import EarlyStoppingHook, Hook
from mmengine.logging import MMLogger
from mmengine.runner import EpochBasedTrainLoop, Runner

from hourglass.engine.bundles import unbundle
from hourglass.engine.checks import check_batches, check_evaluation, doubts
from hourglass.engine.display import OverlayHook
from hourglass.engine.distributed import unwrapped
from hourglass.engine.plan import describe
from hourglass.engine.resuming import follows_scores
from hourglass.engine.saving import SafeCheckpointHook, check_rule, check_score, known_scores
from hourglass.errors import ConfigError, HourglassError, words_of


class TrialHook(Hook):
    """Hook that tries a validation on one person before the training, whose first is hours away.

    With a ``work_dir``, where the run would write, it is a dry run: it also takes a training step,
    prints what would be trained and ends the process. ``stepped`` is whether the run has trained.
    """

    priority = 'LOWEST'                 # when everything is built and loaded

    def __init__(self, work_dir: str | None = None):
        self.work_dir, self.stepped = work_dir, False

    def before_train(self, runner: Runner) -> None:
        check_batches(runner.train_dataloader, unwrapped(runner.model))
        for line in doubts(runner):
            runner.logger.warning(line)
        if self.work_dir is not None:
            _dry_run(runner, self.work_dir)
        elif reason := _finished(runner):
            runner.logger.warning(f'{runner._load_from}: {reason}')
        else:
            try_validation(runner, draws=True)

    def after_train_iter(self, runner: Runner, **step: object) -> None:
        self.stepped = True


def _dry_run(runner: Runner, work_dir: str) -> NoReturn:
    plan, losses = describe(runner, work_dir), try_step(runner)
    try_validation(runner)
    if runner.rank == 0:
        print(f'{plan}\n{"tried":<12} a step ({losses})'
              f"{' and a validation' if runner.val_loop is not None else ''}; nothing written")
    raise SystemExit(0)


def _finished(runner: Runner) -> str:
    """Return why a resumed run has nothing left to train, and what goes on; empty if it has."""
    by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
    if runner._resume and (runner.epoch >= runner.max_epochs if by_epoch
                           else runner.iter >= runner.max_iters):
        return ('this run is finished, and nothing is left to train; a larger max_epochs '
                '(max_iters) in train_cfg, or more --minutes, goes on, with a longer schedule')
    if runner.train_loop.stop_training:
        return ('the EarlyStoppingHook ended this run, and nothing is left to train; another '
                'patience or stopping_threshold goes on')
    return ''


def try_step(runner: Runner) -> str:
    """Take a training step with the first batch, in memory alone; return its losses.

    Raises ``ConfigError`` if a parameter that is trained gets no gradient.
    """
    model, wrapper = unwrapped(runner.model).train(), runner.optim_wrapper
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


def try_validation(runner: Runner, draws: bool = False) -> None:
    """Predict the first person of the validation and hand the prediction to the metrics.

    With ``draws``, also to the hooks that draw predictions, if they are enabled. Raises
    ``ConfigError`` for whatever a validation would fail with.
    """
    if runner.val_loop is None:
        return
    model = unwrapped(runner.model)
    loader, evaluator = runner.val_dataloader, runner.val_evaluator
    check_evaluation(runner.val_loop)
    try:
        batch = loader.collate_fn([loader.dataset[0]])
        with torch.no_grad():
            outputs = model.eval().val_step(copy.deepcopy(batch))
        evaluator.process(data_samples=outputs, data_batch=batch)
        for metric in evaluator.metrics:
            if type(metric).__module__.startswith('mmpose.'):   # ours check earlier, write files
                _try_scores(metric)
        for hook in runner.hooks:
            if isinstance(hook, OverlayHook) and draws:
                hook.after_val_iter(runner, outputs)
        wanted, scores = list(_wanted_scores(runner)), known_scores(evaluator)
        for setting, name, rule in wanted:
            check_rule(setting, name, rule, evaluator)
        if wanted and scores is None:
            with contextlib.suppress(Exception), _quietly():        # one person may be too few
                scores = evaluator.evaluate(1)
        if scores is not None:
            for setting, name, _ in wanted:
                check_score(setting, name, scores)
    except (HourglassError, OSError):
        raise
    except Exception as error:          # of any transform, codec or metric
        raise ConfigError(f'the validation would fail: {type(error).__name__}: '
                          f'{words_of(error)}') from error
    finally:
        for metric in evaluator.metrics:
            metric.results.clear()
        model.train()


def _wanted_scores(runner: Runner) -> Iterator[tuple[str, str, str | None]]:
    """Yield settings that name a score of the validations, its name, and which is the best."""
    for hook in runner.hooks:
        if isinstance(hook, SafeCheckpointHook) and hook.save_best:
            yield from (('save_best', name, rule) for name, rule in zip(
                hook.key_indicators, hook.rules) if name != 'auto')
        if isinstance(hook, EarlyStoppingHook):
            yield f'{type(hook).__name__}.monitor', hook.monitor, hook.rule
    for schedule in runner.param_schedulers or ():
        if follows_scores([schedule]):
            yield 'param_scheduler.monitor', schedule.monitor, schedule.rule


def _try_scores(metric: BaseMetric) -> None:
    """Compute the scores of what one of mmpose's metrics has, without its messages."""
    name, meta = type(metric).__name__, metric.dataset_meta
    if name == 'CocoMetric' and not len(meta['sigmas']):
        raise ConfigError(f"val_evaluator: CocoMetric needs the keypoints' sigmas, and the data "
                          f"set '{meta['dataset_name']}' has none; use hourglass.OksAP(sigmas=...),"
                          ' PCKAccuracy, NME or EPE')
    with _quietly():
        metric.compute_metrics(metric.results)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep what metrics log and print to themselves."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel('ERROR')
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)
