"""LSP as samples: both crops, and all people."""
import numpy as np
import pytest
from conftest import DATA, needs
from lsp_records import write_extended, write_lsp
from PIL import Image

from hourglass.datasets.lsp.dataset import LspDataset
from hourglass.errors import ConfigError


def test_crops_of_images_and_of_joints(tmp_path, poses):
    write_extended(tmp_path / 'joints.mat', poses[:2], np.ones((2, 14)))
    (tmp_path / 'images').mkdir()
    for number in (1, 2):
        Image.new('RGB', (120, 200)).save(tmp_path / f'images/im0000{number}.jpg')
    whole, _ = LspDataset('train', data_root=str(tmp_path)).read_people()
    assert whole.center_image.tolist() == [59.5, 99.5] and whole.side_image == 200
    joints, _ = LspDataset('train', crop='joints', data_root=str(tmp_path)).read_people()
    assert np.array_equal(joints.center_image,
                          (joints.keypoints_image.min(0) + joints.keypoints_image.max(0)) / 2)
    dataset = LspDataset('train', skeleton='mpii', data_root=str(tmp_path))
    assert dataset.metainfo['num_keypoints'] == 16
    assert dataset.get_data_info(0)['keypoints'].shape == (1, 16, 2)


@needs(DATA / 'lsp')
@pytest.mark.data
def test_no_person_is_skipped():
    for split in ('train', 'test'):
        assert len(LspDataset(split, data_root=str(DATA / 'lsp'), test_mode=True)) == 1000


@pytest.mark.parametrize('options', [
    {'split': 'val'}, {'split': 'train', 'crop': 'x'}, {'split': 'train', 'skeleton': 'hand'}])
def test_other_values_are_refused(tmp_path, poses, options):
    write_lsp(tmp_path / 'joints.mat', poses, np.zeros((2000, 14)))
    with pytest.raises(ConfigError, match='choose from'):
        LspDataset(**options, data_root=str(tmp_path))
