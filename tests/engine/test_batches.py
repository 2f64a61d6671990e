"""What a sample is depends on seed, epoch and index, however and whenever it is loaded."""
import pickle
import random

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.registry import DATASETS, init_default_scope
from mmengine.runner import Runner
from pairs import zip_equal
from torch.utils.data import DataLoader, Dataset

from hourglass.datasets.skeletons import MPII
from hourglass.engine.batches import (
    Draw,
    ResumableBatches,
    SeededDataset,
    repeatable_loader,
    seed_generators,
)
from hourglass.engine.bundles import bundle


@DATASETS.register_module(force=True)
class Numbers(Dataset):
    """Samples of one number from each of the four global generators."""

    metainfo = dict(name='numbers')

    def __init__(self, length: int = 10):
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> list[float]:
        noise = np.zeros((1, 1), np.float32)
        cv2.randu(noise, 0, 1)
        return [index, random.random(), np.random.rand(), torch.rand(()).item(), noise.item()]


def seeded(length: int = 10) -> SeededDataset:
    return SeededDataset(dict(type='Numbers', length=length))


def load(workers: int, epoch: int = 0, first: int = 0, seed: int = 0) -> list:
    dataset = seeded()
    batches = ResumableBatches(DefaultSampler(dataset, seed=1), batch_size=3)
    batches.start(seed, epoch, first)
    return list(DataLoader(dataset, batch_sampler=batches, num_workers=workers,
                           collate_fn=lambda samples: samples))


def test_samples_are_the_same_with_any_number_of_workers_and_from_any_batch_on():
    expected = load(workers=0)
    assert [len(batch) for batch in expected] == [3, 3, 3, 1]
    assert load(workers=2) == expected
    assert load(workers=2, first=2) == expected[2:]
    assert load(workers=0, first=4) == []
    assert {sample[0] for batch in expected for sample in batch} == set(range(10))


def test_every_generator_differs_with_seed_epoch_and_index():
    dataset = seeded()
    draws = [Draw(1, 0, 0), Draw(2, 0, 0), Draw(1, 1, 0), Draw(1, 0, 1)]
    numbers = np.array([dataset[draw][1:] for draw in draws])               # (4, 4)
    assert len(np.unique(numbers)) == 16
    assert np.array_equal(numbers[0], dataset[draws[0]][1:])


def test_plain_indices_and_the_data_sets_attributes_pass():
    dataset = seeded(4)
    assert len(dataset) == 4
    assert dataset[3][0] == 3
    assert dataset.metainfo['name'] == 'numbers'
    assert pickle.loads(pickle.dumps(dataset)).length == 4
    with pytest.raises(AttributeError):
        _ = dataset.nothing


@pytest.mark.parametrize('world_size', [1, 2])
def test_an_endless_sampler_counts_its_epochs_over_all_processes(monkeypatch, world_size):
    """Rank by rank, 24 samples of a set of 10 lie in the epochs 0, 1 and 2: 10, 10 and 4."""
    drawn = []
    for rank in range(world_size):
        for module in ('hourglass.engine.batches', 'mmengine.dataset.sampler'):
            monkeypatch.setattr(f'{module}.get_dist_info', lambda rank=rank: (rank, world_size))
        batches = ResumableBatches(InfiniteSampler(seeded(), seed=5), batch_size=2)
        batches.start(seed=0, epoch=0, first=0)
        assert len(batches) == {1: 5, 2: 3}[world_size]         # as of 4 samples in one process
        of_rank = [next(made) for made in [iter(batches)] for _ in range(12 // world_size)]
        again = ResumableBatches(InfiniteSampler(seeded(), seed=5), batch_size=2)
        again.start(seed=0, epoch=0, first=3)
        assert next(iter(again)) == of_rank[3]
        drawn += [draw for batch in of_rank for draw in batch]
    for epoch, count in enumerate((10, 10, 4)):
        indices = [draw.index for draw in drawn if draw.epoch == epoch]
        assert len(indices) == len(set(indices)) == count


def test_an_epoch_keeps_the_length_that_other_ranks_gave_it(monkeypatch):
    """9 samples are 10 for two ranks; three need 12, and one has the two halves in their order."""
    def of(rank: int, world_size: int) -> ResumableBatches:
        for module in ('hourglass.engine.batches', 'mmengine.dataset.sampler'):
            monkeypatch.setattr(f'{module}.get_dist_info', lambda: (rank, world_size))
        return ResumableBatches(DefaultSampler(seeded(9), seed=5), batch_size=6 // world_size)

    halves = []
    for rank in (0, 1):
        batches = of(rank, 2)
        halves.append([draw.index for batch in batches for draw in batch])
        assert batches.length() == dict(samples=10, people=9)
    alone = of(0, 1)
    assert alone.keep_length(10, people=9) == 0
    indices = [draw.index for batch in alone for draw in batch]
    assert [indices[0::2], indices[1::2]] == halves
    assert of(0, 3).keep_length(10, people=9) == 2
    assert of(0, 3).keep_length(10, people=8) == 0          # of another data set


def test_the_samplers_seed_is_the_runs_unless_the_config_gives_one():
    for keep, expected in ((False, 7), (True, 3)):
        batches = ResumableBatches(DefaultSampler(seeded(), seed=3), 2, keep_seed=keep)
        batches.start(seed=7, epoch=2, first=0)
        assert (batches.sampler.seed, batches.sampler.epoch) == (expected, 2)


def test_a_loaders_config_keeps_its_own_batches_and_limits():
    loader = dict(batch_size=2, num_workers=1, drop_last=True, dataset=dict(type='Numbers'),
                  sampler=dict(type='DefaultSampler', seed=1), batch_sampler=dict(type='Own'))
    made = repeatable_loader(loader, timeout=60)
    assert made['timeout'] == 60
    assert made['batch_sampler'] == dict(
        type='hourglass.ResumableBatches', drop_last=True, batches=dict(type='Own'), keep_seed=True)
    assert 'drop_last' not in made
    assert loader['drop_last']                                      # which is left as it was
    assert 'timeout' not in repeatable_loader(loader | dict(num_workers=0), timeout=60)
    assert made['collate_fn'] is bundle
    assert repeatable_loader(loader | dict(collate_fn=len), 60)['collate_fn'] is len


def test_seeding_repeats_all_generators():
    def four():
        return Numbers()[0]
    seed_generators('a', 1)
    first = four()
    seed_generators('a', 2)
    assert all(x != y for x, y in zip_equal(first[1:], four()[1:]))
    seed_generators('a', 1)
    assert four() == first


def test_mmposes_sampler_of_several_sources_resumes_at_any_batch(synthetic):
    folder = dict(data_root=str(synthetic / 'synthetic'), data_prefix=dict(img='train/images'))
    part = dict(type='hourglass.MpiiDataset', ann_file='train/annotations.json', **folder)
    init_default_scope('mmpose')
    loader = Runner.build_dataloader(repeatable_loader(dict(
        batch_size=4, num_workers=0, dataset=dict(
            type='CombinedDataset', metainfo=MPII, datasets=[dict(part, indices=16), part]),
        sampler=dict(type='MultiSourceSampler', batch_size=4, source_ratio=[3, 1])), 0), seed=5)
    batches = loader.batch_sampler

    def drawn(epoch: int, first: int = 0) -> list[list[int]]:
        batches.start(seed=1, epoch=epoch, first=first)
        return [[draw.index for draw in batch] for batch in batches]
    first, second = drawn(0), drawn(1)
    assert len(first) == len(batches) == 12
    assert all(sum(index < 16 for index in batch) == 3 for batch in first + second)
    assert drawn(1, 7) == second[7:] and drawn(0) == first != second
    assert loader.dataset[Draw(3, 0, 1)]['keypoints'].shape == (1, 16, 2)
