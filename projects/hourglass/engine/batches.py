"""Batches that depend on the seed, the epoch and their place in it, and on nothing else.

mmengine seeds every data worker once and lets its transforms draw on: what a sample gets depends
on the number of workers and on all samples before it, so that a resumed run sees other data. Here
every sample is drawn from the seed, the epoch and its index, and an epoch can begin in its middle.
"""
import hashlib
import random
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
import torch
from mmengine.dataset import InfiniteSampler
from mmengine.dist import get_dist_info
from mmengine.registry import DATA_SAMPLERS as ROOT_SAMPLERS
from mmengine.registry import DATASETS as ROOT_DATASETS
from torch.utils.data import BatchSampler, Dataset, Sampler

from hourglass.registry import DATA_SAMPLERS, DATASETS


def seed_generators(*key: int | str) -> None:
    """Set the global generators of Python, numpy, torch and OpenCV to what belongs to a key."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=16).digest()
    a, b, c, d = (int.from_bytes(digest[i:i + 4], 'little') for i in range(0, 16, 4))
    random.seed(a)
    np.random.seed(b)
    torch.manual_seed(c)
    cv2.setRNGSeed(d >> 1)              # an int32


class Draw(NamedTuple):
    """A sample to be drawn: its index in the data set, and what its randomness comes from."""

    index: int
    epoch: int
    seed: int


@DATASETS.register_module()
class SeededDataset(Dataset):
    """A data set whose samples are drawn from seed, epoch and index.

    Whatever the pipeline takes from the global generators of ``random``, numpy, torch and OpenCV is
    so determined; a transform with a generator of its own is not. Everything else is asked of the
    data set within.

    Args:
        dataset: config of the data set.
    """

    def __init__(self, dataset: dict):
        self.dataset = ROOT_DATASETS.build(dataset)

    def __getitem__(self, draw: Draw | int):
        if not isinstance(draw, Draw):
            return self.dataset[draw]
        seed_generators('sample', draw.seed, draw.epoch, draw.index)
        return self.dataset[draw.index]

    def __len__(self) -> int:
        return len(self.dataset)

    def __getattr__(self, name: str):
        if name == 'dataset':           # asked for while being unpickled
            raise AttributeError(name)
        return getattr(self.dataset, name)


@DATA_SAMPLERS.register_module()
class ResumableBatches(BatchSampler):
    """Batches of :class:`Draw`, from any batch of an epoch on.

    Args:
        sampler, batch_size, drop_last: as for torch's ``BatchSampler``.
        batches: config of another batch sampler that makes the batches of indices.
        keep_seed: leave the sampler the seed its config gives it.
    """

    def __init__(self, sampler: Sampler, batch_size: int, drop_last: bool = False,
                 batches: dict | None = None, keep_seed: bool = False):
        super().__init__(sampler, batch_size, drop_last)
        self.keep_seed = keep_seed
        self.batches = BatchSampler(sampler, batch_size, drop_last) if batches is None else (
            ROOT_SAMPLERS.build(
                batches, default_args=dict(sampler=sampler, batch_size=batch_size)))
        self.endless = isinstance(sampler, InfiniteSampler)
        self.seed = self.epoch = self.first = 0

    def start(self, seed: int, epoch: int, first: int) -> None:
        """Set what the next iteration over the batches gives.

        Args:
            seed: of the run, the same on every rank.
            epoch: the epoch it is.
            first: 0-based number of the batch to begin with; those before are not loaded.
        """
        self.seed, self.epoch, self.first = seed, epoch, first
        if hasattr(self.sampler, 'seed') and not self.keep_seed:
            self.sampler.seed = seed
        if hasattr(self.sampler, 'set_epoch'):
            self.sampler.set_epoch(epoch)

    def __iter__(self) -> Iterator[list[Draw]]:
        rank, world_size = get_dist_info()
        size, place = len(self.sampler), rank       # place of this rank's next sample in the stream
        for number, batch in enumerate(self.batches):
            draws = []
            for index in batch:
                # mmengine's endless sampler goes through the data set again and again
                epoch = place // size if self.endless else self.epoch
                draws.append(Draw(index, epoch, self.seed))
                place += world_size
            if number >= self.first:
                yield draws

    def __len__(self) -> int:
        return len(self.batches)


def repeatable_loader(loader: dict, timeout: float) -> dict:
    """The config of a data loader as one of a loader with a :class:`SeededDataset` and
    :class:`ResumableBatches`.

    Args:
        timeout: seconds after which a batch that data workers do not deliver ends the run; 0 for
            never.
    """
    loader = dict(loader)
    loader['dataset'] = dict(type='hourglass.SeededDataset', dataset=loader['dataset'])
    loader['batch_sampler'] = dict(
        type='hourglass.ResumableBatches', drop_last=loader.pop('drop_last', False),
        batches=loader.get('batch_sampler'), keep_seed='seed' in loader['sampler'])
    if loader.get('num_workers', 0):    # torch refuses a limit where there is nobody to wait for
        loader.setdefault('timeout', timeout)
    return loader
