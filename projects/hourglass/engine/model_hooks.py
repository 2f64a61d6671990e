"""Hooks on the model before it runs: its weights, its memory format and, in a test, its runtime."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatch

import torch
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.model import PretrainedInit
from mmengine.runner import BaseLoop, Runner
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from hourglass.checkpoints import refuse_another_network, state_dict
from hourglass.datasets.skeletons import keypoint_names, plain_name
from hourglass.deploy.runtimes import optimized
from hourglass.engine.distributed import unwrapped
from hourglass.errors import CheckpointError
from hourglass.inference.openmmlab import pose_network, with_network
from hourglass.registry import HOOKS


@HOOKS.register_module()
class MatchingCheckpointHook(Hook):
    """Hook that refuses a checkpoint of another network, where mmengine warns and continues.

    It also refuses one that has the keypoints of the run's data set in another order. The
    checkpoint of a ``Pretrained`` ``init_cfg`` may hold more than the part that it initialises.

    Args:
        may_differ: patterns of tensor names that may be missing on one side or have another shape
            where a training starts from weights, for fine-tuning: ``['backbone.heatmaps.*',
            'backbone.reinjects.*.heatmaps.*']`` when the keypoints change. If the keypoints of the
            training are not those of the checkpoint, in its order, matching layers of heatmaps keep
            the weights of the keypoints that both name; other keypoints start from random numbers.
    """

    def __init__(self, may_differ: Sequence[str] = ()):
        self.may_differ = tuple(may_differ)

    def before_run(self, runner: Runner) -> None:
        if not isinstance(runner._train_loop, BaseLoop):        # a test: not initialised
            return
        for name, part in unwrapped(runner.model).named_modules():
            for path, prefix in _pretrained(part):
                ours = {f'{name}.{key}'.lstrip('.'): value
                        for key, value in part.state_dict().items()}
                content = CheckpointLoader.load_checkpoint(path, 'cpu')
                theirs = state_dict(content, path)
                moved = {f'{name}.{key.removeprefix("module.").removeprefix(prefix)}'.lstrip('.'):
                         value for key, value in theirs.items()
                         if key.removeprefix('module.').startswith(prefix)}
                refuse_another_network(ours, {key: moved[key] for key in ours if key in moved},
                                       f'init_cfg: {path}', self.may_differ)
                if any('heatmaps' in key for key in ours):      # which alone depend on keypoints
                    _refuse_another_order(f'init_cfg: {path}', _names_of_data(runner._train_loop),
                                          _names_in(content))

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        path = runner._load_from or runner.work_dir
        ours, theirs = unwrapped(runner.model).state_dict(), state_dict(checkpoint, path)
        loop = next((loop for loop in (runner._train_loop, runner._val_loop, runner._test_loop)
                     if isinstance(loop, BaseLoop)), None)
        starts = isinstance(runner._train_loop, BaseLoop) and not runner._resume
        refuse_another_network(ours, theirs, path, self.may_differ if starts else ())
        own, other = _names_of_data(loop), _names_in(checkpoint)
        if starts and own != other and self._move_keypoints(ours, theirs, own, other):
            known = len(set(own) & set(other))
            MMLogger.get_current_instance().info(
                f'{path}: {known} of {len(own)} keypoints start from it'
                + (', and the others from random numbers' if known < len(own) else ''))
        else:
            _refuse_another_order(path, own, other)

    def _move_keypoints(self, ours: Mapping[str, Tensor], theirs: dict[str, Tensor],
                        own: Sequence[str], other: Sequence[str]) -> bool:
        """Give the layers of heatmaps in ``theirs`` the keypoints ``own``, instead of ``other``.

        Keypoints that are not in ``other`` get the weights of ``ours``. Returns whether there are
        such layers.
        """
        shared = [name for name in own if name in other]
        to, from_ = (torch.tensor([names.index(name) for name in shared], dtype=torch.long)
                     for names in (own, other))
        found = False
        for key, value in theirs.items():
            name = key.removeprefix('module.')
            start, axis = ours.get(name), 1 if 'reinjects' in name else 0       # of the keypoints
            if start is None or 'heatmaps' not in name or not any(
                    fnmatch(name, pattern) for pattern in self.may_differ):
                continue
            if start.shape[axis:axis + 1] == (len(own),) and value.shape == (
                    *start.shape[:axis], len(other), *start.shape[axis + 1:]):
                moved = value.cpu().index_select(axis, from_).to(start.dtype)
                theirs[key] = start.cpu().index_copy(axis, to, moved)
                found = True
        return found


def _names(metainfo: dict | None) -> list[str]:
    """Return the keypoints of a data set that has any, as :func:`.skeletons.plain_name`."""
    if not metainfo or 'keypoint_id2name' not in metainfo:
        return []
    return [plain_name(name) for name in keypoint_names(metainfo)]


def _names_of_data(loop: BaseLoop | None) -> list[str]:
    return _names(getattr(loop.dataloader.dataset, 'metainfo', None)) if loop else []


def _names_in(checkpoint: dict) -> list[str]:
    return _names((checkpoint.get('meta') or {}).get('dataset_meta'))


def _refuse_another_order(path: str, own: Sequence[str], other: Sequence[str]) -> None:
    """Raise if keypoints of a data set, ``own``, have other places among as many of weights."""
    moved = [name for name in own if name in other and own.index(name) != other.index(name)]
    if moved and len(own) == len(other):
        raise CheckpointError(
            f"{path}: has the data set's keypoints in another order, first '{moved[0]}' "
            f'({other.index(moved[0])} there, {own.index(moved[0])} in the data); take data in its '
            'order, or train from it with load_from and may_differ (docs/fine-tune.md)')


def _pretrained(part: nn.Module) -> list[tuple[str, str]]:
    """Return the checkpoints that a module is initialised from, and the prefix of its tensors."""
    found = getattr(part, 'init_cfg', None) or []
    return [(cfg['checkpoint'], f"{cfg['prefix'].rstrip('.')}." if cfg.get('prefix') else '')
            for cfg in (found if isinstance(found, list) else [found])
            if cfg.get('type') in ('Pretrained', PretrainedInit)]


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Hook that keeps weights and feature maps with the channels innermost in memory.

    The results stay the same up to rounding, and convolutions are faster on most processors.
    """

    def before_run(self, runner: Runner) -> None:
        runner.model.to(memory_format=torch.channels_last)


@HOOKS.register_module()
class OptimizeHook(Hook):
    """Hook that tests the network as :func:`hourglass.deploy.runtimes.optimized` runs it.

    It is a hook because the runner loads the weights only when the test begins.
    """

    def __init__(self, optimize: str = 'auto', stage: int | None = None,
                 exit_tolerance: float | None = None):
        self.options = optimize, stage, exit_tolerance

    def before_test(self, runner: Runner) -> None:
        model = unwrapped(runner.model)
        model.cfg = runner.cfg
        runner.model = with_network(model.eval(), optimized(pose_network(model), *self.options))

    def after_test(self, runner: Runner) -> None:
        left = getattr(runner.model.backbone, 'left', None)
        if left:
            counts = ', '.join(f'{stage + 1}: {left[stage]}' for stage in sorted(left))
            runner.logger.info(f'left after stack {counts} (each image and each mirrored one)')
