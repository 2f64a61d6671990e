"""Metrics: the same numbers for any batches, the reference in the annotation, clear refusals."""
import numpy as np
import pytest

from hourglass.errors import DataError
from hourglass.evaluation.metrics import FlicPCK, MpiiPCKh


def samples(count: int = 10, joints: int = 16, seed: int = 0) -> list[dict]:
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0, 100, (count, joints, 2))
    truth[rng.random((count, joints)) < 0.2] = np.nan
    predicted = np.nan_to_num(truth) + rng.normal(0, 10, truth.shape)
    return [dict(raw_ann_info=dict(keypoints_image=t, pck_unit=30.0, picture='a.jpg', row=i),
                 pred_instances=dict(keypoints=p[None]))
            for i, (t, p) in enumerate(zip(truth, predicted, strict=True))]


def evaluate(metric, data: list[dict], batch: int) -> dict:
    for start in range(0, len(data), batch):
        metric.process([], data[start:start + batch])
    return metric.evaluate(len(data))


@pytest.mark.parametrize(('metric', 'joints', 'names'), [
    (MpiiPCKh, 16, {'PCKh', 'Head', 'Shoulder', 'Elbow', 'Wrist', 'Hip', 'Knee', 'Ankle',
                    'PCKh@0.1'}),
    (FlicPCK, 11, {'Elbow', 'Wrist', 'Shoulder'})])
def test_batches_do_not_matter(metric, joints, names):
    data = samples(joints=joints)
    results = [evaluate(metric(), data, batch) for batch in (1, 3, 10)]
    assert results[0] == results[1] == results[2]
    assert {name.split('/')[1] for name in results[0]} == names
    assert 0 < results[0][f'{metric.default_prefix}/Wrist'] < 100


def test_perfect_and_hopeless_predictions():
    data = samples()
    for sample in data:
        sample['pred_instances']['keypoints'] = np.nan_to_num(
            sample['raw_ann_info']['keypoints_image'])[None]
    assert set(evaluate(MpiiPCKh(), data, 4).values()) == {100.0}
    for sample in data:
        sample['pred_instances']['keypoints'] += 1e6
    assert set(evaluate(MpiiPCKh(), data, 4).values()) == {0.0}


def test_a_person_without_head_box_is_not_skipped():
    data = samples()
    data[3]['raw_ann_info']['pck_unit'] = np.nan
    with pytest.raises(DataError, match=r'a\.jpg, row 3: no head box'):
        evaluate(MpiiPCKh(), data, 4)
