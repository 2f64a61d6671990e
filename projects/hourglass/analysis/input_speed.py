"""How many images a second one core makes ready for training."""
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


def measure_input(config: str | Config, seconds: float = 10) -> dict[str, float]:
    """Samples of a config's training data in random order, in this process with one thread.

    Args:
        config: file or config.
        seconds: how long, after 20 samples to warm up.

    Returns:
        As :func:`compare_inputs`.
    """
    return compare_inputs([config], seconds, rounds=1)[0]


def compare_inputs(configs: Sequence[str | Config], seconds: float = 10, rounds: int = 20
                   ) -> list[dict[str, float]]:
    """Several configs in turns, so that what else the machine does meets all of them alike.

    Args:
        configs: files or configs.
        seconds: for every config, in all.
        rounds: turns.

    Returns:
        One each: ``images_per_second`` by the clock, ``images_per_core_second`` by the time
        that this process was given, each the median of its turns, and ``images`` in all.

    Raises:
        ConfigError: if a config has no training data.
    """
    threads = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    try:
        streams = [_samples(config) for config in configs]
        for stream in streams:
            for _ in range(20):
                next(stream)
        turns = [[] for _ in streams]
        for _ in range(rounds):
            for stream, of_config in zip(streams, turns, strict=True):
                of_config.append(_turn(stream, seconds / rounds))
    finally:
        cv2.setNumThreads(threads[0])
        torch.set_num_threads(threads[1])
    return [dict(
        images_per_second=statistics.median(count / wall for count, wall, _ in of_config),
        images_per_core_second=statistics.median(count / core for count, _, core in of_config),
        images=sum(count for count, _, _ in of_config)) for of_config in turns]


def _turn(stream: Iterator, seconds: float) -> tuple[int, float, float]:
    """Samples taken, and how long that took: by the clock and of this process's own."""
    count, wall, core = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < seconds or not count:
        next(stream)
        count += 1
    return count, time.perf_counter() - wall, time.process_time() - core


def _samples(config: str | Config) -> Iterator[dict]:
    """Training samples without an end, every person once before one comes again."""
    cfg = Config.fromfile(config) if isinstance(config, str) else config
    if 'train_dataloader' not in cfg:
        raise ConfigError(f'{cfg.filename}: no train_dataloader, and its images are measured')
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    order = np.random.default_rng(0)
    while True:
        for index in order.permutation(len(dataset)):
            yield dataset[int(index)]
