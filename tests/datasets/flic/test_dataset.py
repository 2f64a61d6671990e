"""FLIC as samples: which joints other skeletons take, and what is refused."""
import numpy as np
import pytest
from conftest import DATA, needs
from flic_records import example, write

from hourglass.datasets.flic.dataset import FlicDataset
from hourglass.datasets.skeletons import keypoint_names
from hourglass.errors import ConfigError, DataError


def test_a_network_for_mpii_is_trained_on_the_joints_that_lie_alike(tmp_path):
    write(tmp_path / 'examples.mat', [example(train=train) for train in (True, False)])
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images/frame-0.jpg').touch()

    def joints(**options) -> dict[str, np.ndarray]:
        dataset = FlicDataset(data_root=str(tmp_path), labels='person', **options)
        found = dataset[0]['raw_ann_info']['keypoints_image']
        return dict(zip(keypoint_names(dataset.metainfo), found))

    own, theirs = joints(split='train'), joints(split='train', skeleton='mpii')
    shared = {f'{side}_{part}' for side in ('left', 'right')
              for part in ('shoulder', 'elbow', 'wrist')}
    for name, place in theirs.items():
        if name == 'thorax':
            assert np.array_equal(place, (own['left_shoulder'] + own['right_shoulder']) / 2)
        else:
            assert np.array_equal(place, own[name]) if name in shared else np.isnan(place).all()
    # a test measures by the torso, which ends at a hip
    tested = joints(split='test', skeleton='mpii', test_mode=True)
    assert np.array_equal(tested['left_hip'], joints(split='test')['left_hip'])


@needs(DATA / 'flic')
@pytest.mark.data
def test_the_data_set_skips_no_person():
    for split, people in (('train', 3987), ('test', 1016)):
        assert len(FlicDataset(split=split, data_root=str(DATA / 'flic'))) == people


def test_missing_images_and_empty_splits_are_named(tmp_path):
    (tmp_path / 'images').mkdir()
    root = dict(data_root=str(tmp_path))
    write(tmp_path / 'examples.mat', [example()])
    with pytest.raises(DataError, match='1 of 1 images are missing, first frame-0.jpg'):
        FlicDataset(split='train', **root)
    with pytest.raises(DataError, match='no people in this split'):
        FlicDataset(split='test', **root)
    with pytest.raises(ConfigError, match="split='valid'"):
        FlicDataset(split='valid', **root)
