"""Ground truth: every published form gives the arrays to score by, or an error that names it."""
import json

import h5py
import numpy as np
import pytest
import scipy.io
from conftest import DATA, needs

from hourglass.datasets.mpii.files import H5_TRUTH
from hourglass.errors import ConfigError, DataError
from hourglass.evaluation.ground_truth import read_truth


def write_mpii(folder, joints: np.ndarray) -> dict:
    """Three forms of P people with whole 1-based joints and a head box of 30 x 40 px."""
    people = len(joints)
    with h5py.File(folder / 'valid.h5', 'w') as file:
        file['part'], file['normalize'] = joints, np.full(people, 0.6 * 50)
        file['visible'] = np.ones((people, 16))
    scipy.io.savemat(folder / 'gt.mat', dict(
        headboxes_src=np.tile([[[10.], [20.]], [[40.], [60.]]], people),
        pos_gt_src=joints.transpose(1, 2, 0), jnt_missing=np.zeros((16, people))))
    (folder / 'val.json').write_text(json.dumps([dict(
        image='a.jpg', center=[1, 2], scale=1.0, joints=pose.tolist(), joints_vis=[1] * 16)
        for pose in joints]))
    return dict(h5=(folder / 'valid.h5', None), mat=(folder / 'gt.mat', None),
                json=(folder / 'val.json', folder / 'gt.mat'))


@pytest.mark.parametrize('form', ['h5', 'mat', 'json'])
def test_every_form_of_mpii_gives_the_same_truth_whole_or_in_pieces(tmp_path, rng, form):
    joints = rng.integers(1, 200, (5, 16, 2)).astype(float)
    path, head_boxes = write_mpii(tmp_path, joints)[form]
    truth = read_truth('mpii', path, head_box_file=head_boxes)
    assert (len(truth), list(truth.rows), truth.usual_base) == (5, list(range(5)), 1)
    people = truth[:]
    assert np.array_equal(people.keypoints_image, joints - 1)
    assert people.pck_unit == pytest.approx(np.full(5, 30.0)) and not people.occluded.any()
    assert np.array_equal(truth[2:4].keypoints_image, joints[2:4] - 1)
    assert list(truth.images) == (['a.jpg'] * 5 if form == 'json' else list(range(5)))


def test_an_mpii_json_without_head_boxes_advises_to_give_them(tmp_path, rng):
    path, _ = write_mpii(tmp_path, rng.uniform(1, 200, (2, 16, 2)))['json']
    truth = read_truth('mpii', path)
    assert np.isnan(truth[:].pck_unit).all() and truth.advice == 'give --head-boxes mpii_gt_val.mat'


def test_an_h5_file_without_people_is_refused(tmp_path):
    with h5py.File(tmp_path / 'empty.h5', 'w') as file:
        for name, shape in H5_TRUTH.items():
            file[name] = np.zeros((0, *shape))
    with pytest.raises(DataError, match='empty.h5: no people in this file'):
        read_truth('mpii', tmp_path / 'empty.h5')


@pytest.mark.parametrize(('dataset', 'options', 'message'), [
    ('flic', dict(head_box_file='x'), '--head-boxes: flic has no such choice, mpii has'),
    ('mpii', dict(labels='person'), '--labels: mpii has no such choice, flic has'),
    ('mpii', dict(skeleton='lsp'), '--skeleton: mpii has no such choice, lsp has'),
    ('mpii', dict(split='val'), '--split: .*valid.h5 holds one split'),
    ('mpii', dict(head_box_file='x'), '--head-boxes: .*valid.h5 holds one split')])
def test_options_that_a_data_set_or_file_does_not_have(tmp_path, rng, dataset, options, message):
    path, _ = write_mpii(tmp_path, rng.uniform(1, 200, (2, 16, 2)))['h5']
    with pytest.raises(ConfigError, match=message):
        read_truth(dataset, path, **options)
    with pytest.raises(DataError, match='gone.h5: no such file'):
        read_truth(dataset, tmp_path / 'gone.h5')


def test_wrong_joints_are_named_by_row(tmp_path):
    (tmp_path / 'a.json').write_text(json.dumps([dict(
        image='a.jpg', center=[1, 2], scale=1.0, joints=[[1.0, 2.0]] * 14, joints_vis=[1] * 14)]))
    with pytest.raises(DataError, match=r'a.json, row 0 \(a.jpg\): joints of shape \(14, 2\)'):
        read_truth('mpii', tmp_path / 'a.json')


@needs(DATA / 'flic_original')
@pytest.mark.data
def test_split_labels_and_skeleton_of_the_real_ones():
    mpii = read_truth('mpii', DATA / 'mpii/mpii_annotations.json.gz',
                      head_box_file=DATA / 'mpii/detections_our_format.mat')
    flic = read_truth('flic', DATA / 'flic_original/examples.mat')
    person = read_truth('flic', DATA / 'flic_original/examples.mat', 'train', labels='person')
    h5 = read_truth('flic', DATA / 'flic_original/valid.h5')
    lsp = read_truth('lsp', DATA / 'lsp/joints.mat', skeleton='mpii')
    assert [(truth.about, len(truth), len(truth.names), truth.usual_base)
            for truth in (mpii, flic, person, h5, lsp)] == [
        ('val', 2958, 16, 1), ('test, observer-centric', 1016, 11, 0),
        ('train, person-centric', 3987, 11, 0), ('', 1016, 11, 0), ('test', 1000, 16, 1)]
    valid = read_truth('mpii', DATA / 'mpii/valid.h5')
    assert list(valid.images) == list(mpii.images) and len(set(mpii.images)) == 2729
    assert len(set(flic.images)) == len(set(h5.images)) == 926
