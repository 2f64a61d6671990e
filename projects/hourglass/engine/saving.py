"""Checkpoints that are written whole and hold all that a run needs to resume exactly."""
from __future__ import annotations

import inspect
from collections.abc import Iterable
from pathlib import Path

from mmengine.dist import all_reduce_params, is_main_process
from mmengine.evaluator import Evaluator
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook, EarlyStoppingHook, Hook
from mmengine.runner import BaseLoop, Runner
from mmengine.utils import digit_version
from torch import Tensor

import hourglass
from hourglass.checkpoints.plain import to_plain
from hourglass.engine.distributed import unwrapped
from hourglass.engine.loops import ResumableLoop
from hourglass.engine.resuming import take_settings
from hourglass.errors import CheckpointError, ConfigError, did_you_mean
from hourglass.evaluation.metrics import KeypointMetric
from hourglass.io.files import replacing
from hourglass.registry import HOOKS

STOPPED = 'stopped.pth'                 # the checkpoint of a run that a signal stopped


def known_scores(evaluator: Evaluator | None) -> list[str] | None:
    """Return the names of the scores of our metrics; None if only a validation tells them."""
    metrics = evaluator.metrics if evaluator else []
    if not metrics or not all(isinstance(metric, KeypointMetric) for metric in metrics):
        return None
    return [name for metric in metrics for name in metric.columns]


def check_score(setting: str, name: str, names: Iterable[str]) -> None:
    """Raise a ConfigError for a setting that names a score which is none of these."""
    if name not in names:
        raise ConfigError(f'{setting}={name!r} is no score of the validation; choose from '
                          f"{', '.join(names) or 'none, as nobody is annotated'}")


def check_rule(setting: str, name: str, rule: str | None, evaluator: Evaluator | None) -> None:
    """Raise a ConfigError if a rule takes the worst value of a score of our metrics for the best.

    ``'auto'`` is the first score; None is a rule that mmengine infers.
    """
    metrics = evaluator.metrics if evaluator else []
    for metric in metrics[:1] if name == 'auto' else metrics:
        if isinstance(metric, KeypointMetric) and name.split('/')[0] in ('auto', metric.prefix):
            best = 'less' if metric.protocol.points == 'distance' else 'greater'
            if rule not in (None, best):
                raise ConfigError(f'{setting}={name!r} with rule={rule!r} takes the worst score of '
                                  f"{metric.protocol.measure} for the best; set rule='{best}'")


def waiting_gradients(runner: Runner) -> dict[str, Tensor]:
    """Return the gradients by name that wait for the end of an accumulated step."""
    wrapper, model = runner.optim_wrapper, unwrapped(runner.model)
    if getattr(wrapper, '_accumulative_counts', 1) == 1 or wrapper.should_update():
        return {}
    return {name: parameter.grad for name, parameter in model.named_parameters()
            if parameter.grad is not None}


def hook_state(hook: Hook) -> dict:
    """Return what a hook has to know in a resumed run.

    It is its ``state_dict()``, if it has one, or what an ``EarlyStoppingHook`` knows of the scores.
    """
    if isinstance(hook, EarlyStoppingHook):
        return dict(wait_count=hook.wait_count, best_score=hook.best_score)
    return hook.state_dict() if hasattr(hook, 'state_dict') else {}


def hook_name(hook: Hook) -> str:
    return f"{type(hook).__name__} {getattr(hook, 'monitor', '')}".strip()


def restore_hook(hook: Hook, state: dict, loop: BaseLoop) -> None:
    """Give a hook its :func:`hook_state` of a checkpoint; a run that it had stopped stays so."""
    if not isinstance(hook, EarlyStoppingHook):
        hook.load_state_dict(state)
        return
    vars(hook).update(state)
    loop.stop_training |= hook.wait_count >= hook.patience or (
        hook.stopping_threshold is not None
        and hook.rule_map[hook.rule](hook.best_score, hook.stopping_threshold))


@register_backend('hourglass')
class WholeFiles(LocalBackend):
    """Files on a local disk that are either whole or not there."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        with replacing(Path(filepath)) as draft:
            draft.write_bytes(obj)


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """mmengine's ``CheckpointHook`` for runs that may be killed at any moment.

    mmengine removes an old checkpoint, then writes the new one in place. This hook writes the new
    file whole to the disk, then updates ``last_checkpoint``, then removes what is replaced. Its
    checkpoints also hold their position in the epoch, the gradients accumulated so far, the state
    of other hooks (:func:`hook_state`), and whether their validation is done. With
    ``backend_args``, files are written in place.

    A ``save_best`` that the metrics of the run do not have is a ``ConfigError`` before the first
    step, or at the first validation if one person does not tell; so is a ``rule`` of the wrong
    direction for one of our metrics. A warning is logged if the score has no value, as for a
    keypoint that is not annotated.
    """

    def __init__(self, **kwargs):
        kwargs.setdefault('backend_args', dict(backend='hourglass'))
        super().__init__(**kwargs)
        for key in self.args:           # what is left, with which mmengine fails at the first file
            known = inspect.signature(CheckpointHook).parameters
            raise ConfigError(f"SafeCheckpointHook: has no argument '{key}'"
                              f'{did_you_mean(key, known)}')
        self.validated_iter: int | None = None
        self.saved = False
        self.place: dict = {}                   # epoch and iteration of the file being written
        self.outdated: list[str] = []           # names of files to remove after the next is written

    def before_train(self, runner: Runner) -> None:
        super().before_train(runner)
        evaluator = getattr(getattr(runner, '_val_loop', None), 'evaluator', None)
        names = known_scores(evaluator)
        if names is not None:
            self.check_best(names)
        for key, rule in zip(self.key_indicators, self.rules) if self.save_best else ():
            check_rule('save_best', key, rule, evaluator)
        self._remove, self.file_backend.remove = self.file_backend.remove, self._remove_later
        self._name_last(runner)
        known = runner.message_hub.runtime_info
        self.last_ckpt = known.get('last_ckpt')             # mmengine forgets it when it resumes
        if is_main_process() and isinstance(self.file_backend, WholeFiles):
            for folder in {self.out_dir, runner.work_dir}:
                for draft in Path(folder).glob('*.????????.part'):
                    draft.unlink()                          # left by a run that was killed
        self.outdated = list(known.get('outdated_ckpts', ()))
        self._remove_outdated(runner)

    def _name_last(self, runner: Runner) -> None:
        """Let ``last_checkpoint`` name what this run begins from, and no checkpoint of another."""
        note = Path(runner.work_dir, 'last_checkpoint')
        if not is_main_process():
            return
        if not runner._resume:
            note.unlink(missing_ok=True)
        elif Path(runner._load_from or '').is_file():
            with replacing(note) as draft:
                draft.write_text(runner._load_from)

    def _remove_later(self, path: str) -> None:
        if Path(path).parent == Path(self.out_dir):         # a best one may be another run's
            self.outdated.append(Path(path).name)

    def _remove_outdated(self, runner: Runner, *more: str) -> None:
        best = {Path(path).name for key, path in runner.message_hub.runtime_info.items()
                if key.startswith('best_ckpt')}
        for name in {*self.outdated, *more} - best if is_main_process() else ():
            path = self.file_backend.join_path(self.out_dir, name)
            if self.file_backend.isfile(path):
                self._remove(path)
        self.outdated.clear()

    def after_val_epoch(self, runner: Runner, metrics: dict) -> None:
        training = isinstance(runner._train_loop, BaseLoop)     # not a validation on its own
        self.validated_iter = runner.iter if training else None
        self.saved = False
        super().after_val_epoch(runner, metrics)

    def after_validation(self, runner: Runner) -> None:
        """Write the checkpoint from before the validation again, after all hooks have seen it."""
        meta = dict(epoch=runner.epoch, iter=runner.iter)
        step = meta['epoch' if self.by_epoch else 'iter']
        last = Path(self.last_ckpt or '').name
        if not self.saved and last == self.filename_tmpl.format(step):
            self._save_checkpoint_with_step(runner, step, meta)     # again, now validated

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                self.outdated.append(self.filename_tmpl.format(self.keep_ckpt_ids[0]))
            self.keep_ckpt_ids.append(step)         # and the first drops out of a full deque
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info_dict(
            dict(last_ckpt=self.last_ckpt, outdated_ckpts=list(self.outdated)))
        self.save(runner, name, meta)
        self.saved = True
        self._remove_outdated(runner, STOPPED)

    def check_best(self, names: Iterable[str]) -> None:
        """Raise a ConfigError for a ``save_best`` that is none of these scores."""
        for key in self.key_indicators if self.save_best else ():
            if key != 'auto':
                check_score('save_best', key, names)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        self.check_best(metrics)
        for key in self.key_indicators if self.save_best else ():
            score = metrics.get(key, 0)
            if score is None or score != score:                         # None or NaN
                runner.logger.warning(f'save_best: {key} has no value, as none of its keypoints is '
                                      'annotated; no checkpoint is saved as the best')
        super()._save_best_checkpoint(runner, metrics)
        self._remove_outdated(runner)

    def save(self, runner: Runner, name: str, meta: dict) -> str:
        """Write a checkpoint, then ``last_checkpoint``; return the checkpoint's path.

        ``meta`` has ``epoch`` and ``iter``, the numbers of finished epochs and iterations.
        """
        # of all ranks; this run goes on with their mean, too, so that a resumed one is the same
        all_reduce_params(waiting_gradients(runner).values(), op='mean')
        self.place = dict(meta)             # FlexibleRunner puts the next epoch in, after one, too
        runner.save_checkpoint(
            self.out_dir, name, save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler, meta=meta, by_epoch=self.by_epoch,
            backend_args=self.backend_args, **self.args)
        self.place = {}
        path = self.file_backend.join_path(self.out_dir, name)
        if is_main_process():
            with replacing(Path(runner.work_dir, 'last_checkpoint')) as draft:
                draft.write_text(path)
        return path

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        checkpoint['meta'].update(self.place)
        if isinstance(runner.train_loop, ResumableLoop):
            meta = checkpoint['meta']
            meta['hourglass_version'] = hourglass.__version__
            meta['position'] = dict(runner.train_loop.position(meta),
                                    validated=self.validated_iter == meta['iter'])
            meta['hooks'] = {hook_name(hook): state for hook in runner.hooks
                             if (state := hook_state(hook))}
        if 'optimizer' in checkpoint and (gradients := waiting_gradients(runner)):
            checkpoint['gradients'] = {name: grad.cpu() for name, grad in gradients.items()}
        for key in ('meta', 'message_hub', 'param_schedulers'):
            if key in checkpoint:
                checkpoint[key] = to_plain(checkpoint[key])

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        if not runner._resume:
            return
        loop, path = runner._train_loop, runner._load_from or runner.work_dir
        if not {'meta', 'optimizer'} <= checkpoint.keys():
            raise CheckpointError(f'{path}: holds weights alone, as best_*.pth do, without the '
                                  'state of the optimiser; start from them with load_from instead '
                                  'of --resume')
        version = checkpoint['meta'].get('hourglass_version', '0')
        if digit_version(version) > digit_version(hourglass.__version__):
            raise CheckpointError(
                f'{path}: was saved by mmpose-hourglass {version}, and {hourglass.__version__} is '
                'installed: update it, or start anew from the weights, with load_from instead of '
                '--resume')
        info = checkpoint.get('message_hub', {}).get('runtime_info', {})
        for key in info:
            if key.startswith('best_ckpt') and (
                    moved := Path(path).with_name(Path(info[key]).name)).is_file():
                info[key] = str(moved)          # with the folder
        model = unwrapped(runner.model)
        for name, gradient in checkpoint.get('gradients', {}).items():
            parameter = model.get_parameter(name)
            parameter.grad = gradient.to(parameter.device)
        position = checkpoint['meta'].get('position')
        if isinstance(loop, ResumableLoop):
            take_settings(runner, checkpoint, path)
            if position:
                self._go_on(runner, loop, checkpoint['meta'], path)
        elif position and position['batches_done'] and not isinstance(loop, dict):
            raise CheckpointError(
                f'{path}: was saved in the middle of an epoch, where {type(loop).__name__} cannot '
                'resume: set train_cfg.type to hourglass.EpochLoop')

    def _go_on(self, runner: Runner, loop: ResumableLoop, meta: dict, path: str) -> None:
        """Continue where a checkpoint with this ``meta`` stands, with the state of its hooks."""
        loop._epoch, loop._iter = meta['epoch'], meta['iter']
        loop.go_on(meta['position'], path)
        self.validated_iter = loop.iter if meta['position']['validated'] else None
        for hook in runner.hooks:
            if state := meta.get('hooks', {}).get(hook_name(hook)):
                restore_hook(hook, state, loop)
