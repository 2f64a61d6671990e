"""Metrics over several processes give what one process gives, to the last digit."""
import json

import conftest  # noqa: F401  (imports hourglass first, in the fresh processes too)
import pytest
import torch
import torch.distributed as dist
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from hourglass.datasets import skeletons

PEOPLE = 11                             # divides by neither 2 nor 3


def evaluate(rank: int, ranks: int, folder: str) -> None:
    """What a process of a distributed test does, with the share mmengine's sampler gives it."""
    from tests.evaluation.test_metrics import samples

    from hourglass.evaluation.metrics import MpiiPCKh
    if ranks > 1:
        torch.set_num_threads(1)
        dist.init_process_group('gloo', f'file://{folder}/{ranks}', rank=rank, world_size=ranks)
    data = samples(PEOPLE)
    padded = data + data[:-PEOPLE % ranks]          # a sampler that rounds up repeats the first
    metric = MpiiPCKh(people_file=f'{folder}/people{ranks}.json', collect_dir=f'{folder}/c{ranks}')
    metric.dataset_meta = parse_pose_metainfo(skeletons.MPII)
    for sample in padded[rank::ranks]:
        metric.process([], [sample])
    scores = metric.evaluate(PEOPLE)
    with open(f'{folder}/{ranks}_{rank}.json', 'w') as file:
        json.dump(scores, file)
    if ranks > 1:
        dist.destroy_process_group()


@pytest.mark.parametrize('ranks', [2, pytest.param(3, marks=pytest.mark.slow)])
def test_any_number_of_processes(tmp_path, ranks):
    evaluate(0, 1, str(tmp_path))
    torch.multiprocessing.spawn(evaluate, (ranks, str(tmp_path)), nprocs=ranks)
    alone = json.loads((tmp_path / '1_0.json').read_text())
    assert 0 < alone['mpii/Total'] < 100
    for rank in range(ranks):
        assert json.loads((tmp_path / f'{ranks}_{rank}.json').read_text()) == alone
    assert (tmp_path / f'people{ranks}.json').read_bytes() == (
        tmp_path / 'people1.json').read_bytes()
