"""Hooks that mmengine and mmpose lack or that theirs get wrong."""
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.hooks import Hook
from mmpose.engine.hooks import PoseVisualizationHook
from tqdm import tqdm

from hourglass.checkpoints import refuse_another_network, state_dict
from hourglass.inference.drawing import draw_skeleton
from hourglass.io.images import read_image, write_image
from hourglass.registry import HOOKS


@HOOKS.register_module()
class MatchingCheckpointHook(Hook):
    """Refuse a checkpoint that is not of this network, where mmengine warns and goes on.

    Args:
        may_differ: patterns of tensor names that may be on one side or of another shape, for
            fine-tuning: ``['backbone.heatmaps.*', 'backbone.reinjects.*.heatmaps.*']`` when the
            number of keypoints changes.
    """

    def __init__(self, may_differ: Sequence[str] = ()):
        self.may_differ = tuple(may_differ)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        path = runner._load_from or runner.work_dir
        model = getattr(runner.model, 'module', runner.model)
        refuse_another_network(model.state_dict(), state_dict(checkpoint, path), path,
                               self.may_differ)


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Keep the weights, and with them every feature map, with the channels innermost in memory.

    The numbers stay the same up to rounding; convolutions are faster on most processors. mmengine
    has no setting for it.
    """

    def before_run(self, runner) -> None:
        runner.model.to(memory_format=torch.channels_last)


@HOOKS.register_module()
class ProgressBarHook(Hook):
    """A bar with loss, accuracy and remaining time, on a terminal; nothing elsewhere.

    mmengine's log lines go on above the bar, and alone into files.
    """

    priority = 'LOWEST'                 # after the timers and loggers have updated their numbers

    def before_train(self, runner) -> None:
        self.bar = None
        if runner.rank == 0 and sys.stderr.isatty():
            self.bar = tqdm(total=runner.max_iters, initial=runner.iter, desc='training',
                            dynamic_ncols=True, unit='it')
            for handler in runner.logger.handlers:
                _print_above_bar(handler)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if self.bar is not None:
            self.bar.set_description(f'epoch {runner.epoch + 1}/{runner.max_epochs}', refresh=False)
            self.bar.set_postfix_str('  '.join(_shown(outputs)), refresh=False)
            self.bar.update()

    def after_train(self, runner) -> None:
        if self.bar is not None:
            self.bar.close()


def _shown(outputs: dict) -> list[str]:
    """The total loss and the last stage's accuracy, out of what a training step returns."""
    last = max((key for key in outputs if key.startswith('acc_stage')), default=None,
               key=lambda key: int(key.removeprefix('acc_stage')))
    numbers = {'loss': outputs.get('loss'), 'acc': outputs.get(last)}
    return [f'{name} {float(value):.4g}' for name, value in numbers.items() if value is not None]


def _print_above_bar(handler) -> None:
    emit = handler.emit

    def emit_above(record):
        with tqdm.external_write_mode():
            emit(record)
    handler.emit = emit_above


@HOOKS.register_module()
class OverlayHook(PoseVisualizationHook):
    """Images with the predicted skeletons, for every ``interval``-th person validated or tested.

    mmpose's hook nests its folder once more in itself with every batch, draws every person
    whatever the interval, and leaves out joints whose peak is below 0.3, which a network trained
    on heatmaps gives to hard joints; this one has its arguments (``--show-dir`` of the tools sets
    them) and draws all. The annotated joints are drawn in white below the prediction.
    """

    def before_run(self, runner) -> None:
        if self.enable and self.out_dir is not None:
            self.out_dir = os.path.abspath(self.out_dir)
            os.makedirs(self.out_dir, exist_ok=True)

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self._write_some(outputs, runner.val_evaluator.dataset_meta)

    def after_test_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self._write_some(outputs, runner.test_evaluator.dataset_meta)

    def _write_some(self, samples: Sequence, metainfo: dict) -> None:
        for sample in samples if self.enable else ():
            if sample.metainfo['id'] % self.interval == 0:
                self._write(sample, metainfo)

    def _write(self, sample, metainfo: dict) -> None:
        image = read_image(sample.img_path)
        for x, y in sample.raw_ann_info['keypoints_image']:
            if np.isfinite([x, y]).all():
                cv2.drawMarker(image, (round(x), round(y)), (255, 255, 255), cv2.MARKER_CROSS,
                               max(image.shape[:2]) // 30, 1, cv2.LINE_AA)
        drawn = draw_skeleton(image, np.asarray(sample.pred_instances.keypoints)[0], metainfo)
        if self.show:
            self._visualizer.show(drawn[..., ::-1], wait_time=self.wait_time)
        if self.out_dir is not None:
            path = Path(self.out_dir, f"{sample.metainfo['id']:06d}_{Path(sample.img_path).name}")
            write_image(path, drawn)
