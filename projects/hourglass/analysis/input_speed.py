"""How many images per second one core prepares for training."""
import statistics
import time
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from hourglass.errors import ConfigError
from hourglass.registry import DATASETS


def compare_inputs(configs: Sequence[str | Config], seconds: float = 10, rounds: int = 20
                   ) -> list[dict[str, float]]:
    """Measure the training data of configs in random order, in this process with one thread.

    The configs take turns, so that other work on the machine slows all of them alike; each gets
    ``seconds`` in all, after 20 samples to warm up. Returns for each config ``images_per_second``
    by the clock and ``images_per_core_second`` by the processor time of this process, both medians
    over the turns, and ``images`` in all. Raises ``ConfigError`` if one has no training data.
    """
    threads = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    try:
        streams = [_samples(config) for config in configs]
        for stream in streams:
            for _ in range(20):
                next(stream)
        turns = [[_turn(stream, seconds / rounds) for stream in streams] for _ in range(rounds)]
    finally:
        cv2.setNumThreads(threads[0])
        torch.set_num_threads(threads[1])
    return [dict(
        images_per_second=statistics.median(count / wall for count, wall, _ in of_config),
        images_per_core_second=statistics.median(count / core for count, _, core in of_config),
        images=sum(count for count, _, _ in of_config)) for of_config in zip(*turns, strict=True)]


def _turn(stream: Iterator[dict], seconds: float) -> tuple[int, float, float]:
    """Take samples; return their number and the time: by the clock, and of this process."""
    count, wall, core = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < seconds or not count:
        next(stream)
        count += 1
    return count, time.perf_counter() - wall, time.process_time() - core


def _samples(config: str | Config) -> Iterator[dict]:
    """Yield training samples without end, each once before any comes again."""
    cfg = Config.fromfile(config) if isinstance(config, str) else config
    if 'train_dataloader' not in cfg:
        raise ConfigError(f'{cfg.filename}: has no train_dataloader to measure')
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    order = np.random.default_rng(0)
    while True:
        for index in order.permutation(len(dataset)):
            yield dataset[int(index)]
