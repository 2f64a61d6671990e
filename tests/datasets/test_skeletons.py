"""Skeletons: names in the order of the annotation, before and after mmpose has read them."""
import pytest
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from hourglass.datasets.skeletons import SKELETONS, define_skeleton, keypoint_names


@pytest.mark.parametrize('skeleton', SKELETONS.values(), ids=SKELETONS)
def test_names_are_those_of_the_definition_in_either_form(skeleton):
    names = keypoint_names(skeleton)
    assert keypoint_names(parse_pose_metainfo(skeleton)) == names
    assert len(names) == len(set(names)) == {'mpii': 16, 'flic': 11, 'lsp': 14}[
        skeleton['dataset_name']]


def test_the_order_is_that_of_the_annotation():
    arm = define_skeleton('arm', upper='wrist elbow', lower='', order='wrist elbow',
                          bones='wrist-elbow')
    assert keypoint_names(arm) == ['wrist', 'elbow']
    # whatever order the dictionary has
    arm['keypoint_info'] = dict(reversed(arm['keypoint_info'].items()))
    assert keypoint_names(arm) == ['wrist', 'elbow']
