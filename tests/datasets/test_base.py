"""A sample is one annotated person with the data set's metainfo; errors name row and image."""
import numpy as np
from conftest import NEEDS_MMENGINE_0_9_1
from mmengine.registry import DATASETS, init_default_scope
from mmpose.datasets.datasets.base import BaseCocoStyleDataset

from hourglass.datasets.base import own_name
from hourglass.datasets.mpii.dataset import MpiiDataset


def test_a_sample_has_what_mmposes_have_and_is_its_own(synthetic):
    dataset = MpiiDataset(data_root=str(synthetic / 'synthetic'), data_prefix=dict(
        img='train/images'), ann_file='train/annotations.json')
    ours, theirs = dataset.get_data_info(3), BaseCocoStyleDataset.get_data_info(dataset, 3)
    person = theirs.pop('person')
    assert ours.keys() > theirs.keys()
    assert all(np.array_equal(ours[key], theirs[key]) for key in theirs)
    assert np.allclose(ours['keypoints'][0], np.nan_to_num(person.keypoints_image), atol=1e-4)
    truth = ours['keypoints'].copy()
    ours['keypoints'] += 5
    assert np.array_equal(dataset.get_data_info(3)['keypoints'], truth)


@NEEDS_MMENGINE_0_9_1
def test_the_name_of_a_data_set_does_not_depend_on_the_skeleton(synthetic):
    init_default_scope('mmpose')
    people = dict(type='hourglass.MpiiDataset', data_root=str(synthetic / 'synthetic'),
                  data_prefix=dict(img='train/images'), ann_file='train/annotations.json')
    others = DATASETS.build(people | dict(skeleton='lsp'))
    assert others.metainfo['dataset_name'] == 'lsp' and own_name(others) == 'mpii'
    two = DATASETS.build(dict(type='ConcatDataset', datasets=[people, people]))
    assert own_name(two) == 'mpii'
