"""Hooks on the model before it runs: its weights, its memory format and, in a test, its runtime."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.hooks import Hook
from mmengine.model import PretrainedInit
from mmengine.runner import BaseLoop, Runner
from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn

from hourglass.checkpoints import refuse_another_network, state_dict
from hourglass.deploy.runtimes import optimized
from hourglass.engine.distributed import unwrapped
from hourglass.inference.openmmlab import pose_network, with_network
from hourglass.registry import HOOKS


@HOOKS.register_module()
class MatchingCheckpointHook(Hook):
    """Hook that refuses a checkpoint of another network, where mmengine warns and continues.

    A ``Pretrained`` one of an ``init_cfg`` may hold more than its part of the network.

    Args:
        may_differ: patterns of tensor names that may be missing on one side or have another shape,
            for fine-tuning: ``['backbone.heatmaps.*', 'backbone.reinjects.*.heatmaps.*']`` when
            the number of keypoints changes.
    """

    def __init__(self, may_differ: Sequence[str] = ()):
        self.may_differ = tuple(may_differ)

    def before_run(self, runner: Runner) -> None:
        model = unwrapped(runner.model)
        if not isinstance(runner._train_loop, BaseLoop):        # a test: not initialised
            return
        for name, part in model.named_modules():
            for path, prefix in _pretrained(part):
                ours = {f'{name}.{key}'.lstrip('.'): value
                        for key, value in part.state_dict().items()}
                theirs = state_dict(CheckpointLoader.load_checkpoint(path, 'cpu'), path)
                moved = {f'{name}.{key.removeprefix("module.").removeprefix(prefix)}'.lstrip('.'):
                         value for key, value in theirs.items()
                         if key.removeprefix('module.').startswith(prefix)}
                refuse_another_network(ours, {key: moved[key] for key in ours if key in moved},
                                       f'init_cfg: {path}', self.may_differ)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        path = runner._load_from or runner.work_dir
        model = unwrapped(runner.model)
        refuse_another_network(model.state_dict(), state_dict(checkpoint, path), path,
                               self.may_differ)


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
