"""What a step of training costs: time and memory, of a config as it stands, on random pictures."""
import copy
import resource
import sys
import tempfile
import time
from itertools import pairwise

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample
from torch.utils.data import DataLoader

from hourglass.errors import ConfigError


def measure_training(cfg: Config, steps: int = 10) -> dict[str, float]:
    """Train a config's network for some steps, by its own optimiser, hooks and batch size.

    Peaks are those of the process's life: measure each config in a process of its own.

    Args:
        cfg: with a codec as ``model.head.decoder``.
        steps: measured, after two to warm up.

    Returns:
        ``seconds`` of the fastest step by the clock; ``core_seconds`` of the fastest by the time
        that this process was given; ``memory`` in MiB, by how much the peak rises over that before
        training: of the accelerator, else of this process's resident memory.

    Raises:
        ConfigError: if there is nothing to train, no codec, or no step to measure.
    """
    if 'train_dataloader' not in cfg or not cfg.model.head.get('decoder'):
        raise ConfigError(f'{cfg.filename}: needs a train_dataloader and a codec as '
                          'model.head.decoder')
    if steps < 1:
        raise ConfigError(f'{steps} steps: give 1 or more')
    cfg = copy.deepcopy(cfg)
    batch_size = cfg.train_dataloader.batch_size
    cfg.train_cfg = dict(by_epoch=False, max_iters=steps + _WARM_UP)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    cfg.default_hooks.checkpoint = cfg.param_scheduler = None
    cfg.log_processor = dict(by_epoch=False)
    cfg.log_level = 'ERROR'
    with tempfile.TemporaryDirectory() as folder:
        cfg.work_dir = folder
        runner = Runner.from_cfg(cfg)
        sample = _sample(cfg)
        runner._train_dataloader = DataLoader(
            [sample] * (batch_size * (steps + _WARM_UP)), batch_size, collate_fn=_collated)
        clock = _Clock()
        runner.register_hook(clock, priority='LOWEST')
        runner.train()
    wall, core = (min(after - before for before, after in pairwise(times[_WARM_UP:]))
                  for times in zip(*clock.times, strict=True))
    return dict(seconds=wall, core_seconds=core, memory=_peak() - clock.memory)


_WARM_UP = 2


class _Clock(Hook):
    """When the steps ended, and the memory in use before the first."""

    def before_train(self, runner) -> None:
        self.memory, self.times = _in_use(), [_now()]

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.times.append(_now())


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _in_use() -> float:
    if torch.cuda.is_available():
        return torch.cuda.memory_allocated() / 2**20
    return _peak()


def _peak() -> float:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    unit = 2**20 if sys.platform == 'darwin' else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _sample(cfg: Config) -> dict:
    """Random pixels and targets of the codec's sizes, for as many keypoints as the network has."""
    decoder = cfg.model.head.decoder
    (width, height), (w, h) = decoder.input_size, decoder.heatmap_size
    keypoints = cfg.model.backbone.get('num_keypoints') or cfg.model.head.num_keypoints
    sample = PoseDataSample(metainfo=dict(img_shape=(height, width)))
    sample.gt_fields = PixelData(heatmaps=torch.rand(keypoints, h, w))
    sample.gt_instance_labels = InstanceData(keypoint_weights=torch.ones(1, keypoints))
    return dict(inputs=torch.randint(256, (3, height, width), dtype=torch.uint8),
                data_samples=sample)


def _collated(samples: list[dict]) -> dict:
    return {key: [sample[key] for sample in samples] for key in samples[0]}
