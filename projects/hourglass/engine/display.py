"""What a run shows: a progress bar on a terminal, and images with predicted skeletons."""
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.engine.hooks import PoseVisualizationHook
from mmpose.structures import PoseDataSample
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from hourglass.datasets.base import SAMPLE_IDS
from hourglass.evaluation.samples import annotation_of
from hourglass.inference.drawing import draw_skeleton, draw_truth
from hourglass.io.images import WRITABLE, read_image, write_image
from hourglass.registry import HOOKS


@HOOKS.register_module()
class ProgressBarHook(Hook):
    """Hook that shows loss, accuracy and remaining time as a bar, on a terminal only.

    mmengine's log lines appear above the bar, and go to files as they are.
    """

    priority = 'LOWEST'                 # after the timers and loggers have updated their numbers

    def __init__(self):
        self.bar: tqdm | None = None
        self.shown = ExitStack()

    def before_train(self, runner: Runner) -> None:
        if runner.rank == 0 and sys.stderr.isatty():
            self.bar = self.shown.enter_context(tqdm(
                total=runner.max_iters, initial=runner.iter, desc='training', dynamic_ncols=True,
                unit='it'))
            self.shown.enter_context(logging_redirect_tqdm([runner.logger]))

    def after_train_iter(self, runner: Runner, outputs: dict, **step: object) -> None:
        if self.bar is not None:
            # the total loss and the last stage's accuracy, where there are stages
            last = max((key for key in outputs if key.startswith('acc_stage')), default='',
                       key=lambda key: int(key.removeprefix('acc_stage')))
            shown = {'loss': outputs.get('loss'), 'acc': outputs.get(last)}
            self.bar.total = runner.max_iters           # a run of minutes corrects it
            if runner.max_epochs > 1:                   # a run of iterations has one
                self.bar.set_description(f'epoch {runner.epoch + 1}/{runner.max_epochs}',
                                         refresh=False)
            self.bar.set_postfix_str('  '.join(
                f'{name} {float(value):.4g}' for name, value in shown.items() if value is not None),
                refresh=False)
            self.bar.update()

    def after_train(self, runner: Runner) -> None:
        self.shown.close()

    leave_run = after_train


@HOOKS.register_module()
class OverlayHook(PoseVisualizationHook):
    """Hook that draws the predicted skeleton of every ``interval``-th person validated or tested.

    mmpose's hook nests its folder once more in itself with every batch, draws every person
    regardless of the interval, and omits keypoints with a peak below 0.3, which hard keypoints
    often have. This hook has the same arguments (``--show-dir`` of the tools sets them) and draws
    all keypoints. The annotated ones are white crosses below the prediction. Files of the second of
    several data sets begin with ``2_``, and so on.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._places: dict[int, str] = {}       # of data sets -> how their files begin

    def after_val_iter(self, runner: Runner, outputs: Sequence[PoseDataSample],
                       **step: object) -> None:
        self._draw(outputs, runner.val_evaluator.dataset_meta)

    def after_test_iter(self, runner: Runner, outputs: Sequence[PoseDataSample],
                        **step: object) -> None:
        self._draw(outputs, runner.test_evaluator.dataset_meta)

    def _draw(self, samples: Sequence[PoseDataSample], metainfo: dict) -> None:
        for sample in samples if self.enable else ():
            dataset, number = divmod(sample.metainfo['id'], SAMPLE_IDS)
            begin = self._places.setdefault(
                dataset, f'{len(self._places) + 1}_' if self._places else '')
            if number % self.interval:
                continue
            image = draw_truth(read_image(sample.img_path),
                               annotation_of(sample.to_dict())['keypoints_image'])
            drawn = draw_skeleton(image, np.asarray(sample.pred_instances.keypoints)[0], metainfo)
            if self.show:
                self._visualizer.show(drawn[..., ::-1], wait_time=self.wait_time)
            if self.out_dir is not None:
                name = Path(sample.img_path).name
                if not name.lower().endswith(WRITABLE):
                    name += '.png'
                write_image(Path(self.out_dir, f'{begin}{number:06d}_{name}'), drawn)
