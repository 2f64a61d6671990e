"""Checkpoints that are whole, and hold all that a run needs to go on exactly."""
from contextlib import suppress
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook
from mmengine.runner import BaseLoop

from hourglass.engine.loops import ResumableLoop
from hourglass.errors import CheckpointError
from hourglass.io.files import replacing
from hourglass.registry import HOOKS

STOPPED = 'stopped.pth'                 # what a run that was told to stop leaves


@register_backend('hourglass')
class WholeFiles(LocalBackend):
    """Files on a local disk that are either whole or not there."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        with replacing(Path(filepath)) as draft:
            draft.write_bytes(obj)


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """mmengine's ``CheckpointHook`` for runs that may be killed at any moment.

    mmengine removes the old checkpoint and the best one before it writes the new one, writes in
    place, and does not note where in an epoch a checkpoint stands or whether the validation that
    belongs to it is done. Here a file takes its place when it is whole and on the disk, then
    ``last_checkpoint`` names it, then what it replaces is removed; and a checkpoint holds its
    position, the gradients accumulated so far, and the outcome of its validation.

    Args:
        kwargs: as for mmengine's; ``backend_args`` other than the default write as mmengine does.
    """

    def __init__(self, **kwargs):
        kwargs.setdefault('backend_args', dict(backend='hourglass'))
        super().__init__(**kwargs)
        self.validated_iter = None
        self.saved = False

    def before_train(self, runner) -> None:
        super().before_train(runner)
        known = runner.message_hub.runtime_info
        self.last_ckpt = known.get('last_ckpt')             # mmengine forgets it when it resumes
        if is_main_process() and isinstance(self.file_backend, WholeFiles):
            for folder in {self.out_dir, runner.work_dir}:
                for draft in Path(folder).glob('*.part'):
                    draft.unlink()                          # what a killed run was writing
            _remove(self.out_dir, known.get('outdated_ckpt'))

    def after_val_epoch(self, runner, metrics: dict) -> None:
        training = isinstance(runner._train_loop, BaseLoop)     # else nothing is but validated
        self.validated_iter = runner.iter if training else None
        self.saved = False
        super().after_val_epoch(runner, metrics)
        if training and not self.saved:
            self._save_again(runner)

    def _save_again(self, runner) -> None:
        """Note the validation in the checkpoint it belongs to, if there is one."""
        step = runner.epoch if self.by_epoch else runner.iter
        if self.last_ckpt and Path(self.last_ckpt).name == self.filename_tmpl.format(step):
            self._save_checkpoint_with_step(
                runner, step, dict(epoch=runner.epoch, iter=runner.iter))

    def _save_checkpoint_with_step(self, runner, step: int, meta: dict) -> None:
        outdated = self._keep(runner, step) if self.max_keep_ckpts > 0 else None
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info_dict(
            dict(last_ckpt=self.last_ckpt, outdated_ckpt=outdated))
        self._save(runner, name, meta)
        self.saved = True
        if is_main_process():
            _remove(self.out_dir, outdated)
            _remove(self.out_dir, STOPPED)

    def _keep(self, runner, step: int) -> str | None:
        """Count a step among those kept; the name of the checkpoint that no longer is."""
        kept, outdated = self.keep_ckpt_ids, None
        if not kept or kept[-1] != step:
            if len(kept) == self.max_keep_ckpts:
                outdated = self.filename_tmpl.format(kept.popleft())
            kept.append(step)
            runner.message_hub.update_info('keep_ckpt_ids', list(kept))
        return outdated

    def save_stopped(self, runner, meta: dict) -> str:
        """Write ``stopped.pth``, which the next checkpoint of the run replaces; its path.

        Args:
            meta: ``epoch`` and ``iter``, the numbers of those that are done.
        """
        return self._save(runner, STOPPED, meta)

    def _save(self, runner, name: str, meta: dict) -> str:
        """Write a checkpoint, then ``last_checkpoint``; the checkpoint's path."""
        runner.save_checkpoint(
            self.out_dir, name, save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler, meta=meta, by_epoch=self.by_epoch,
            backend_args=self.backend_args, **self.args)
        path = self.file_backend.join_path(self.out_dir, name)
        if is_main_process():
            with replacing(Path(runner.work_dir, 'last_checkpoint')) as draft:
                draft.write_text(path)
        return path

    def _save_best_checkpoint(self, runner, metrics: dict) -> None:
        if not self.save_best:
            return
        several = len(self.key_indicators) > 1
        before = dict(self.best_ckpt_path_dict) if several else {'': self.best_ckpt_path}
        # mmengine removes the one it knows of before it writes the new one
        if several:
            self.best_ckpt_path_dict = dict.fromkeys(before)
        else:
            self.best_ckpt_path = None
        super()._save_best_checkpoint(runner, metrics)
        after = self.best_ckpt_path_dict if several else {'': self.best_ckpt_path}
        for key, path in before.items():
            if after[key] is None:
                after[key] = path
            elif path and path != after[key] and is_main_process() and (
                    Path(path).parent == Path(self.out_dir)):       # not that of another run
                _remove(self.out_dir, Path(path).name)
        if not several:
            self.best_ckpt_path = after['']

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        if isinstance(runner.train_loop, ResumableLoop):
            meta = checkpoint['meta']
            meta['position'] = dict(runner.train_loop.position(meta),
                                    validated=self.validated_iter == meta['iter'])
        if 'optimizer' in checkpoint and _is_accumulating(runner.optim_wrapper):
            checkpoint['gradients'] = {
                name: parameter.grad.cpu() for name, parameter in _model(runner).named_parameters()
                if parameter.grad is not None}

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        if not runner._resume:
            return
        position = checkpoint['meta'].get('position')
        parameters = dict(_model(runner).named_parameters())
        for name, gradient in checkpoint.get('gradients', {}).items():
            parameters[name].grad = gradient.to(parameters[name].device)
        loop = runner._train_loop
        if position and isinstance(loop, ResumableLoop):
            loop._epoch, loop._iter = (checkpoint['meta'][key] for key in ('epoch', 'iter'))
            loop.go_on(position, runner._load_from or runner.work_dir)
            self.validated_iter = loop.iter if position['validated'] else None
        elif position and position['batches_done'] and not isinstance(loop, dict):
            raise CheckpointError(
                f'{runner._load_from or runner.work_dir}: stands in the middle of an epoch, where '
                f'{type(loop).__name__} cannot go on: set train_cfg.type to hourglass.EpochLoop')


def _model(runner):
    return getattr(runner.model, 'module', runner.model)


def _is_accumulating(wrapper) -> bool:
    """Whether gradients of past iterations wait for an optimiser step to come."""
    counts = getattr(wrapper, '_accumulative_counts', 1)
    return counts > 1 and wrapper.inner_count % counts != 0


def _remove(folder: str, name: str | None) -> None:
    if name:
        with suppress(FileNotFoundError):
            Path(folder, name).unlink()
