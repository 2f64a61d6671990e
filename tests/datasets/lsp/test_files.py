"""LSP and LSP Extended: the two meanings of a flag, both skeletons."""
import numpy as np
import pytest
import scipy.io
from conftest import DATA, needs
from lsp_records import write_extended, write_lsp

from hourglass.datasets.lsp.files import read_lsp
from hourglass.datasets.person import with_joints_of
from hourglass.datasets.skeletons import LSP, MPII, keypoint_names
from hourglass.errors import ConfigError, DataError

NAMES = keypoint_names(LSP)


def test_in_lsp_the_flag_is_1_where_a_joint_is_hidden(tmp_path, poses, rng):
    hidden = rng.random((2000, 14)) < 0.1
    write_lsp(tmp_path / 'joints.mat', poses, hidden)
    train, test = (read_lsp(tmp_path / 'joints.mat', split) for split in ('train', 'test'))
    assert [p.row for p in (train[0], train[-1], test[0], test[-1])] == [0, 999, 1000, 1999]
    assert (test[0].image_name, test[-1].image_name) == ('im1001.jpg', 'im2000.jpg')
    assert np.array_equal([p.keypoints_image for p in train + test], poses - 1)
    assert np.array_equal([p.occluded for p in train + test], hidden)


def test_in_lsp_extended_the_flag_is_1_where_a_joint_is_labelled(tmp_path, poses):
    labelled = np.ones((3, 14))
    labelled[1, :4] = 0
    poses[1, :4] = -99                              # meaningless there
    write_extended(tmp_path / 'joints.mat', poses[:3], labelled)
    people = read_lsp(tmp_path / 'joints.mat', 'train')
    assert [p.image_name for p in people] == ['im00001.jpg', 'im00002.jpg', 'im00003.jpg']
    assert np.array_equal(np.isnan(people[1].keypoints_image).any(-1), labelled[1] == 0)
    assert not people[1].occluded.any()
    low, high = (f(people[1].keypoints_image, axis=0) for f in (np.nanmin, np.nanmax))
    assert np.array_equal(people[1].center_image, (low + high) / 2)
    assert people[1].side_image == 1.25 * (high - low).max()
    with pytest.raises(ConfigError, match='LSP Extended has no test people'):
        read_lsp(tmp_path / 'joints.mat', 'test')


def test_as_a_part_of_mpiis_skeleton(tmp_path, poses):
    write_lsp(tmp_path / 'joints.mat', poses, np.zeros((2000, 14)))
    person = read_lsp(tmp_path / 'joints.mat', 'test')[0]
    as_mpii = with_joints_of(MPII, person, LSP)
    ours = dict(zip(NAMES, person.keypoints_image))
    theirs = dict(zip(keypoint_names(MPII), as_mpii.keypoints_image))
    assert all(np.array_equal(theirs[name], ours[name]) for name in NAMES)
    assert np.array_equal(theirs['pelvis'], (ours['right_hip'] + ours['left_hip']) / 2)
    assert np.array_equal(theirs['thorax'], (ours['right_shoulder'] + ours['left_shoulder']) / 2)
    assert person.keypoints_image.shape == (14, 2)          # the person given is left as it is


@needs(DATA / 'lsp')
@pytest.mark.data
def test_the_real_ones_are_complete():
    for split in ('train', 'test'):
        assert len(read_lsp(DATA / 'lsp/joints.mat', split)) == 1000
    extended = read_lsp(DATA / 'lspet/joints.mat', 'train')
    assert len(extended) == 10000
    assert sum(np.isnan(person.keypoints_image).any(-1).sum() for person in extended) == 16787


def test_wrong_files_are_named(tmp_path, poses):
    path = tmp_path / 'joints.mat'
    for array, message in ((np.zeros((3, 14, 10)), r'shape \(3, 14, 10\); \(3, 14, 2000\) is LSP'),
                           (np.full((14, 3, 2), 'x'), 'numbers needed'),
                           (np.full((14, 3, 2), 2.0), 'row 0: flags .*0 or 1 needed'),
                           (np.full((14, 3, 2), 0.0), 'row 0: 0 labelled joints')):
        scipy.io.savemat(path, {'joints': array})
        with pytest.raises(DataError, match=message):
            read_lsp(path, 'train')
    poses[7, 3] = np.nan
    write_lsp(path, poses, np.zeros((2000, 14)))
    with pytest.raises(DataError, match='row 7: a labelled joint is not a number'):
        read_lsp(path, 'train')
    with pytest.raises(ConfigError, match='choose from'):
        read_lsp(path, 'val')
