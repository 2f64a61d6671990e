"""AP in a test: people that repeat, and refusals in one line."""
import numpy as np
import pytest
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from hourglass.datasets import skeletons
from hourglass.datasets.person import Person, coco_annotation
from hourglass.errors import ConfigError, DataError
from hourglass.evaluation.oks_metric import OksAP


def sample(row: int, names: list[str]) -> dict:
    keypoints = np.random.default_rng(row).uniform(0, 200, (len(names), 2))
    person = Person(image_name='a.jpg', center_image=keypoints[0], side_image=1,
                    keypoints_image=keypoints, occluded=np.zeros(len(names), bool), pck_unit=1,
                    row=row)
    return dict(
        id=row, img_path='a.jpg', raw_ann_info=coco_annotation(person, row), pred_instances=dict(
            keypoints=keypoints[None], keypoint_scores=np.full((1, len(names)), 0.5)))


def metric_of(skeleton: dict, data: list[dict], size: int, **options) -> dict[str, float]:
    metric = OksAP(**options)
    metric.dataset_meta = parse_pose_metainfo(skeleton)
    metric.process([], data)
    return metric.evaluate(size)


@pytest.mark.parametrize('skeleton', skeletons.SKELETONS.values(), ids=skeletons.SKELETONS)
def test_the_metric_counts_a_person_once_and_misses_none(skeleton):
    names = skeletons.keypoint_names(skeleton)
    data = [sample(row, names) for row in range(6)]
    assert metric_of(skeleton, [*data, *data[:2]], 6)['oks/AP'] == pytest.approx(100)
    with pytest.raises(DataError, match='1 of 7 people were not predicted'):
        metric_of(skeleton, data, 7)
    assert metric_of(skeleton, [*data[:5], dict(data[5], id=3)], 6)['oks/AP'] == pytest.approx(100)
    del data[3]['raw_ann_info']['bbox']
    with pytest.raises(DataError, match=r"a.jpg: OKS needs an annotation in COCO's form"):
        metric_of(skeleton, data, 6)


def test_sigmas_are_given_or_refused():
    skeleton = skeletons.define_skeleton('own', 'nose left_tail right_tail', '', 'nose-*_tail')
    data = [sample(row, ['nose', 'left_tail', 'right_tail']) for row in range(3)]
    with pytest.raises(ConfigError, match="for each keypoint, and 'left_tail' has none") as error:
        metric_of(skeleton, data, 3)
    assert '\n' not in str(error.value)
    given = dict(nose=0.03, left_tail=0.1, right_tail=0.1)
    assert metric_of(skeleton, data, 3, sigmas=given)['oks/AP'] == pytest.approx(100)
    with pytest.raises(ConfigError, match="'left_tail' has none"):
        metric_of(skeleton, data, 3, sigmas=given | dict(left_tail=0))
