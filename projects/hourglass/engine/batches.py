"""Batches that depend only on the seed, the epoch and their place in it.

mmengine seeds each data worker once, so that a sample's augmentation depends on the number of
workers and on all earlier samples. Here an epoch can begin at any batch.
"""
from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.dist import get_dist_info
from mmengine.registry import DATA_SAMPLERS as ROOT_SAMPLERS
from mmengine.registry import DATASETS as ROOT_DATASETS
from torch.utils.data import BatchSampler, Dataset, Sampler

from hourglass.datasets.checks import check_pipeline
from hourglass.engine.bundles import bundle
from hourglass.errors import ConfigError
from hourglass.registry import DATA_SAMPLERS, DATASETS


def seed_generators(*key: int | str) -> None:
    """Seed the global generators of Python, numpy, torch and OpenCV from a key."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=16).digest()
    a, b, c, d = np.frombuffer(digest, '<u4').tolist()
    random.seed(a)
    np.random.seed(b)
    torch.manual_seed(c)
    cv2.setRNGSeed(d >> 1)              # an int32


@dataclass(frozen=True)
class Draw:
    """A sample's index in the data set, and what its randomness is seeded with."""

    index: int
    epoch: int
    seed: int


@DATASETS.register_module()
class SeededDataset(Dataset):
    """A data set with samples that depend only on seed, epoch and index; ``dataset`` is its config.

    This holds for transforms that use the global generators of ``random``, numpy, torch and OpenCV,
    not for one with a generator of its own. Other attributes are those of the wrapped data set.
    """

    def __init__(self, dataset: dict):
        self.dataset = ROOT_DATASETS.build(dataset)
        check_pipeline(self.dataset)

    def __getitem__(self, draw: Draw | int) -> Any:
        if not isinstance(draw, Draw):
            return self.dataset[draw]
        seed_generators('sample', draw.seed, draw.epoch, draw.index)
        return self.dataset[draw.index]

    def __len__(self) -> int:
        return len(self.dataset)

    def __getattr__(self, name: str) -> Any:
        if name == 'dataset':           # while it is unpickled
            raise AttributeError(name)
        return getattr(self.dataset, name)


@DATA_SAMPLERS.register_module()
def sources(sampler: dict, dataset: SeededDataset, seed: int | None) -> Sampler:
    """Build mmpose's ``MultiSourceSampler``, which accepts no other data set than its own."""
    return ROOT_SAMPLERS.build(sampler, default_args=dict(dataset=dataset.dataset, seed=seed))


@DATA_SAMPLERS.register_module()
class ResumableBatches(Sampler[list[Draw]]):
    """Batches of :class:`Draw`, from any batch of an epoch on.

    Args:
        sampler, batch_size, drop_last: as for torch's ``BatchSampler``.
        batches: config of another batch sampler that makes the batches of indices.
        keep_seed: keep the seed that the config gives the sampler.

    Raises:
        ConfigError: if there are too few samples for a batch.
    """

    def __init__(self, sampler: DefaultSampler | InfiniteSampler, batch_size: int,
                 drop_last: bool = False, batches: dict | None = None, keep_seed: bool = False):
        self.sampler, self.keep_seed, self.batch_size = sampler, keep_seed, batch_size
        self.batches = ROOT_SAMPLERS.build(
            batches or dict(type=BatchSampler, drop_last=drop_last),
            default_args=dict(sampler=sampler, batch_size=batch_size))
        self.given_seed: int = getattr(sampler, 'seed', 0)
        self.endless = isinstance(sampler, InfiniteSampler)
        if not self.endless and not len(self.batches):
            raise ConfigError(f'train_dataloader: {len(sampler)} samples make no batch of '
                              f'{batch_size} with drop_last={drop_last}; lower batch_size')
        self.seed = self.epoch = self.first = 0

    def start(self, seed: int, epoch: int, first: int) -> None:
        """Set the run's seed, equal on all ranks, and the 0-based epoch and batch to begin with."""
        self.seed, self.epoch, self.first = seed, epoch, first
        if hasattr(self.sampler, 'seed') and not self.keep_seed:
            self.sampler.seed = seed
        if hasattr(self.sampler, 'set_epoch'):
            self.sampler.set_epoch(epoch)
        if hasattr(self.sampler, 'source2inds'):
            # mmpose's goes on where the last epoch ended, which a resumed run does not know
            self.sampler.seed = (self.given_seed if self.keep_seed else seed) + epoch
            self.sampler.source2inds = {
                source: self.sampler._indices_of_rank(len(part))
                for source, part in enumerate(self.sampler.dataset.datasets)}

    def length(self) -> dict[str, int]:
        """Return the samples of an epoch with those repeated to fill it, and without them."""
        return dict(samples=getattr(self.sampler, 'total_size', 0),
                    people=len(self.sampler.dataset))

    def keep_length(self, samples: int, people: int) -> int:
        """Fill the epochs as those of a run with another number of ranks, of this :meth:`length`.

        Returns the number of samples by which they are longer here.
        """
        total = self.length()['samples']
        if self.length()['people'] != people or not samples or not total:
            return 0
        world_size = get_dist_info()[1]
        self.sampler.num_samples = -(-samples // world_size)
        self.sampler.total_size = world_size * self.sampler.num_samples
        return self.sampler.total_size - samples

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
        """Return the number of batches of an epoch, or of a pass of an endless sampler."""
        if self.endless:                # its length is that of all ranks
            return -(-len(self.sampler) // (get_dist_info()[1] * self.batch_size))
        return len(self.batches)


def repeatable_loader(loader: dict, timeout: float) -> dict:
    """Return a data loader's config with :class:`SeededDataset` and :class:`ResumableBatches`.

    Its batches are to be read through :func:`hourglass.engine.bundles.unbundle`.

    ``timeout`` is the seconds that data workers have for a batch; 0 for no limit.
    """
    loader = dict(loader)
    loader['dataset'] = dict(type='hourglass.SeededDataset', dataset=loader['dataset'])
    loader.setdefault('collate_fn', bundle)
    loader['batch_sampler'] = dict(
        type='hourglass.ResumableBatches', drop_last=loader.pop('drop_last', False),
        batches=loader.get('batch_sampler'), keep_seed='seed' in loader['sampler'])
    if str(loader['sampler'].get('type')).endswith('MultiSourceSampler'):
        loader['sampler'] = dict(type='hourglass.sources', sampler=loader['sampler'])
    if loader.get('num_workers', 0):    # torch refuses a limit without workers
        loader.setdefault('timeout', timeout)
    return loader
