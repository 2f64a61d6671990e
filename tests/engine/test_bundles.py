"""A bundled batch is mmengine's, and passes between processes as a few tensors."""
import pickle
from copy import deepcopy
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample
from torch import Tensor

from hourglass.engine import bundles
from hourglass.engine.bundles import bundle, unbundle
from hourglass.errors import DataError


def sample(seed: int, side: int = 8) -> dict:
    generator = torch.Generator().manual_seed(seed)
    packed = PoseDataSample(metainfo=dict(img_path=f'{seed}.jpg', id=seed))
    packed.gt_fields = PixelData(heatmaps=torch.rand(3, 4, 4, generator=generator))
    packed.gt_instance_labels = InstanceData(
        keypoint_weights=torch.rand(1, 3, generator=generator))
    packed.gt_instances = InstanceData(bboxes=torch.rand(1, 4, generator=generator).numpy())
    image = torch.randint(0, 256, (3, side, side), dtype=torch.uint8, generator=generator)
    return dict(inputs=image, data_samples=packed)


def same(ours, theirs) -> bool:
    if isinstance(theirs, torch.Tensor):
        return torch.equal(ours, theirs) and ours.dtype == theirs.dtype
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(theirs, np.ndarray):
        return np.array_equal(ours, theirs)
    return ours.metainfo == theirs.metainfo and ours.keys() == theirs.keys() and all(
        same(getattr(ours, label).get(name), value)
        for label in list(theirs.keys()) for name, value in getattr(theirs, label).items())


@pytest.mark.parametrize('sides', [[8, 8, 8], [8, 16, 8]], ids=['equal', 'unequal'])
def test_nothing_is_changed_or_lost(sides):
    samples = [sample(seed, side) for seed, side in enumerate(sides)]
    expected = pseudo_collate(deepcopy(samples))
    batch = unbundle(pickle.loads(ForkingPickler.dumps(bundle(samples))))
    assert batch.keys() == expected.keys()
    assert all(same(batch[key], expected[key]) for key in expected)


def test_few_tensors_are_sent(monkeypatch):
    sent = []
    reduce = torch.multiprocessing.reductions.reduce_tensor
    monkeypatch.setitem(ForkingPickler._extra_reducers, torch.Tensor,
                        lambda tensor: sent.append(tensor.shape) or reduce(tensor))
    ForkingPickler.dumps(bundle([sample(seed) for seed in range(16)]))
    assert sent == [(16, 3, 8, 8), (16, 3, 4, 4), (16, 1, 3)]


@pytest.mark.parametrize('samples', [[1, 2], [dict(a=1), dict(a=2)]])
def test_other_samples_are_left_alone(samples):
    assert unbundle(bundle(samples)) == pseudo_collate(samples)


def test_samples_without_labels_are_left_alone():
    plain = [dict(inputs=torch.zeros(1), data_samples=PoseDataSample()) for _ in range(2)]
    batch = unbundle(bundle(plain))
    assert [image.tolist() for image in batch['inputs']] == [[0], [0]]


def test_a_worker_that_cannot_share_a_batch_says_so_at_once(monkeypatch):
    """As when /dev/shm is full; torch's own thread would print it, and the run would wait."""
    def full(self: Tensor) -> None:
        raise RuntimeError('unable to allocate shared memory(shm): No space left on device (28)')
    monkeypatch.setattr(bundles, 'get_worker_info', lambda: 'worker')
    monkeypatch.setattr(Tensor, 'share_memory_', full)
    with pytest.raises(DataError, match=r'No space left .*/dev/shm.*--shm-size.*num_workers=0'):
        bundle([dict(inputs=torch.zeros(1), data_samples=PoseDataSample())])
