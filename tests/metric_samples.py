"""Samples for the tests of metrics, and a process of a distributed test that scores them."""
import json

import numpy as np
import torch
import torch.distributed as dist
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from pairs import zip_equal

from hourglass.datasets import skeletons
from hourglass.evaluation.metrics import MpiiPCKh


def samples(count: int = 10, joints: int = 16, seed: int = 0, missing: float = 0.2) -> list[dict]:
    """People with a share of the joints not annotated, predicted about 10 px off."""
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0, 100, (count, joints, 2))
    truth[rng.random((count, joints)) < missing] = np.nan
    predicted = np.nan_to_num(truth) + rng.normal(0, 10, truth.shape)
    return [dict(id=i, raw_ann_info=dict(keypoints_image=t, pck_unit=30.0, image_name='a.jpg',
                                         row=i, occluded=np.arange(joints) == i,
                                         single_person=i > 2),
                 pred_instances=dict(keypoints=p[None], keypoint_scores=np.ones((1, joints))))
            for i, (t, p) in enumerate(zip_equal(truth, predicted))]


def evaluate_in_process(rank: int, ranks: int, folder: str, people: int) -> None:
    """Score the share of a rank, as mmengine's sampler divides the people; write the scores."""
    if ranks > 1:
        torch.set_num_threads(1)
        dist.init_process_group('gloo', f'file://{folder}/{ranks}', rank=rank, world_size=ranks)
    data = samples(people)
    padded = data + data[:-people % ranks]          # a sampler that rounds up repeats the first
    metric = MpiiPCKh(people_file=f'{folder}/people{ranks}.json', collect_dir=f'{folder}/c{ranks}')
    metric.dataset_meta = parse_pose_metainfo(skeletons.MPII)
    for sample in padded[rank::ranks]:
        metric.process([], [sample])
    scores = metric.evaluate(people)
    with open(f'{folder}/{ranks}_{rank}.json', 'w') as file:
        json.dump(scores, file)
