"""Prediction files: every form gives the same joints, and a file that does not fit is named."""
import json
from itertools import permutations

import h5py
import numpy as np
import pytest
import scipy.io

from hourglass.errors import DataError
from hourglass.evaluation.prediction_files import read_predictions

PEOPLE, JOINTS = 5, 16


@pytest.fixture
def joints(rng) -> np.ndarray:
    return rng.uniform(1, 100, (PEOPLE, JOINTS, 2))


def write(path, array: np.ndarray, name: str = 'preds') -> str:
    if path.suffix == '.npy':
        np.save(path, array)
    elif path.suffix == '.h5':
        with h5py.File(path, 'w') as file:
            file[name] = array
    elif path.suffix == '.mat':
        scipy.io.savemat(path, {name: array, 'note': 'a text', 'scores': np.ones((PEOPLE, 3))})
    else:
        path.write_text(json.dumps(array.tolist()))
    return path


@pytest.mark.parametrize('name', ['a.npy', 'a.h5', 'a.mat', 'a.json'])
@pytest.mark.parametrize('axes', [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_forms_and_axes_do_not_matter(tmp_path, joints, name, axes):
    scored = np.concatenate([joints, np.ones((PEOPLE, JOINTS, 1))], axis=-1)
    for number, array in enumerate((joints, scored)):
        found = read_predictions(write(tmp_path / f'{number}{name}', array.transpose(axes)),
                                 range(PEOPLE), JOINTS)
        assert np.array_equal(found[:], joints)
        assert np.array_equal(found[1:3], joints[1:3])
        assert found.base is None


def test_an_array_is_found_by_its_name_or_as_the_only_one_of_the_shape(tmp_path, joints):
    tompson = read_predictions(write(tmp_path / 'a.mat', joints.transpose(1, 2, 0), 'pos_pred_src'),
                               range(PEOPLE), JOINTS)
    assert np.array_equal(tompson[:], joints)
    scipy.io.savemat(tmp_path / 'lsp.mat', dict(pred=joints.T, more=np.zeros((2, 3, 4))))
    assert np.array_equal(read_predictions(tmp_path / 'lsp.mat', range(PEOPLE), JOINTS)[:], joints)
    with h5py.File(tmp_path / 'a.h5', 'w') as file:
        file['one'], file['two'] = joints, joints
    with pytest.raises(DataError, match=r"which array holds the predictions\?.*name it 'preds'"):
        read_predictions(tmp_path / 'a.h5', range(PEOPLE), JOINTS)


def test_joints_of_json_are_found_by_their_names(tmp_path, joints):
    names, path = [f'joint{number}' for number in range(JOINTS)], tmp_path / 'a.json'
    more = np.concatenate([joints[:, ::-1], joints[:, :1] + 1], axis=1)     # reversed, and another
    records = [dict(row=row, keypoints=person.tolist()) for row, person in enumerate(more)]
    path.write_text(json.dumps(dict(base=0, joints=[*names[::-1], 'more'], people=records)))
    found = read_predictions(path, range(PEOPLE), JOINTS, names)
    assert np.array_equal(found[:], joints) and found.base == 0
    for axes in permutations(range(3)):                 # an array, and some of its people
        path.write_text(json.dumps(dict(joints=[*names[::-1], 'more'],
                                        preds=more.transpose(axes).tolist())))
        assert np.array_equal(read_predictions(path, range(PEOPLE), JOINTS, names)[1:3],
                              joints[1:3])
    path.write_text(json.dumps(dict(joints=None, preds=joints.tolist())))
    assert np.array_equal(read_predictions(path, range(PEOPLE), JOINTS, names)[:], joints)
    path.write_text(json.dumps(dict(joints=[*names[::-1], 'more'], people=records)))
    with pytest.raises(DataError, match="a.json: no 'tail' among its joints; name them as"):
        read_predictions(path, range(PEOPLE), JOINTS, [*names[1:], 'tail'])
    path.write_text(json.dumps(dict(joints=[1, 2], people=records)))
    with pytest.raises(DataError, match=r'joints is \[1, 2\], a list of names needed'):
        read_predictions(path, range(PEOPLE), JOINTS, names)


def test_a_matlab_73_file_is_read(tmp_path, joints):
    with h5py.File(tmp_path / 'a.mat', 'w') as file:
        file['preds'] = joints.transpose(2, 1, 0)               # Matlab's axes are reversed
    assert np.array_equal(read_predictions(tmp_path / 'a.mat', range(PEOPLE), JOINTS)[:], joints)


def test_records_are_found_by_row_and_people_without_one_are_not_predicted(tmp_path, joints):
    rows = [10, 11, 12, 13, 14]
    records = [dict(row=row, keypoints=joints[row - 10].tolist()) for row in (14, 10, 12)]
    (tmp_path / 'a.json').write_text(json.dumps(dict(base=0, people=records)))
    found = read_predictions(tmp_path / 'a.json', rows, JOINTS)
    assert found.base == 0
    assert np.array_equal(found[:][[0, 2, 4]], joints[[0, 2, 4]])
    assert np.isnan(found[:][[1, 3]]).all()

    flat = np.concatenate([joints, np.ones((PEOPLE, JOINTS, 1))], -1).reshape(PEOPLE, -1)
    coco = [dict(row=rows[i], keypoints=flat[i].tolist(), score=1) for i in (3, 1)]
    (tmp_path / 'b.json').write_text(json.dumps(coco))
    assert np.array_equal(read_predictions(tmp_path / 'b.json', rows, JOINTS)[:][[1, 3]],
                          joints[[1, 3]])


def test_records_by_image_are_refused_as_an_image_can_have_several_people(tmp_path, joints):
    records = [dict(image_id=i, keypoints=joints[i].tolist()) for i in range(PEOPLE)]
    (tmp_path / 'a.json').write_text(json.dumps(records))
    with pytest.raises(DataError, match="'image_id' do not say which person"):
        read_predictions(tmp_path / 'a.json', range(PEOPLE), JOINTS)


def test_empty_rows_are_not_predictions(tmp_path, joints):
    joints[1], joints[2, 3], joints[3, 4] = 0, np.nan, np.inf
    found = read_predictions(write(tmp_path / 'a.npy', joints), range(PEOPLE), JOINTS)[:]
    assert np.isnan(found[1]).all()
    assert np.isnan(found[2, 3]).all() and np.isnan(found[3, 4]).all()
    assert np.isnan(found).sum() == 2 * (JOINTS + 2)
    lists = joints.tolist()
    lists[1], lists[2][3] = None, None
    (tmp_path / 'a.json').write_text(json.dumps(lists).replace('Infinity', 'null'))
    assert np.array_equal(read_predictions(tmp_path / 'a.json', range(PEOPLE), JOINTS)[:], found,
                          equal_nan=True)
    (tmp_path / 'b.json').write_text(json.dumps([dict(row=3, keypoints=None)]))
    assert np.isnan(read_predictions(tmp_path / 'b.json', range(PEOPLE), JOINTS)[:]).all()


@pytest.mark.parametrize(('content', 'message'), [
    ([[[1, 2]] * 16] * 4, r'shape \(4, 16, 2\), \(5, 16, 2\) needed'),
    ([[[1, 2]] * 14] * 5, r'shape \(5, 14, 2\), \(5, 16, 2\) needed'),
    ([[[1, 2]] * 16] * 4 + [[[1, 2]] * 3], r'person 4: \(3, 2\) numbers where the first'),
    ([[['x', 2]] * 16] * 5, 'person 0: .*numbers needed'),
    ([dict(row=7, keypoints=[1, 2, 1] * 16)], 'record 0: row 7 is no person'),
    ([dict(row=[3], keypoints=[1, 2, 1] * 16)], r'record 0: row \[3\] is no person'),
    ([dict(row=1, keypoints=[1, 2, 1] * 16)] * 2, 'record 1: row 1 is there twice'),
    ([dict(row=1, keypoints=[1, 2, 1] * 14)], r'record 0: keypoints of shape \(42,\)'),
    ([dict(row=1)], "record 0: no 'keypoints'"),
    ([dict(keypoints=[1, 2, 1] * 16)], r"1 records without a 'row' for 5 people"),
    (dict(base=2, preds=[[[1, 2]]]), 'base is 2'), ({}, 'a list of people needed'),
    ([], 'a list of people needed'), ('[[1', 'not a JSON file')])
def test_json_that_does_not_fit_is_refused(tmp_path, content, message):
    path = tmp_path / 'a.json'
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(DataError, match=message) as error:
        read_predictions(path, range(PEOPLE), JOINTS)
    assert str(path) in str(error.value) and '\n' not in str(error.value)


@pytest.mark.parametrize('name', ['a.npy', 'a.h5', 'a.mat', 'a.json'])
def test_torn_files_are_named(tmp_path, joints, name):
    whole = write(tmp_path / name, joints)
    whole.write_bytes(whole.read_bytes()[:300])
    with pytest.raises(DataError, match=name):
        read_predictions(whole, range(PEOPLE), JOINTS)[:]


def test_axes_that_could_be_swapped_are_refused(tmp_path, rng):
    square = rng.uniform(1, 100, (16, 16, 2))
    assert np.array_equal(read_predictions(write(tmp_path / 'a.npy', square), range(16), 16)[:],
                          square)
    with pytest.raises(DataError, match=r'which axis of \(2, 16, 16\) are the people'):
        read_predictions(write(tmp_path / 'b.npy', square.transpose(2, 0, 1)), range(16), 16)


def test_a_damaged_part_of_an_h5_file_is_named(tmp_path, rng):
    with h5py.File(tmp_path / 'a.h5', 'w') as file:
        file.create_dataset('preds', data=rng.uniform(1, 100, (PEOPLE, JOINTS, 2)),
                            compression='gzip', chunks=(1, JOINTS, 2))
        first = file['preds'].id.get_chunk_info(0)
    damaged = bytearray((tmp_path / 'a.h5').read_bytes())
    damaged[first.byte_offset:first.byte_offset + first.size] = bytes(first.size)
    (tmp_path / 'a.h5').write_bytes(damaged)
    with pytest.raises(DataError, match="a.h5: 'preds' cannot be read"):
        read_predictions(tmp_path / 'a.h5', range(PEOPLE), JOINTS)[:]


def test_other_files_are_refused(tmp_path, joints):
    for name, message in (('gone.npy', 'no such file'), ('a.pkl', r'must be \.npy')):
        if name == 'a.pkl':
            (tmp_path / name).touch()
        with pytest.raises(DataError, match=message):
            read_predictions(tmp_path / name, range(PEOPLE), JOINTS)
    np.save(tmp_path / 'text.npy', joints.astype(str))
    with pytest.raises(DataError, match='holds <U.* where numbers are needed'):
        read_predictions(tmp_path / 'text.npy', range(PEOPLE), JOINTS)
    np.savez(tmp_path / 'several.npz', joints)
    (tmp_path / 'several.npz').rename(tmp_path / 'several.npy')
    with pytest.raises(DataError, match='an archive of several arrays'):
        read_predictions(tmp_path / 'several.npy', range(PEOPLE), JOINTS)
    np.save(tmp_path / 'pickled.npy', np.array([{}], object))
    with pytest.raises(DataError, match='not a readable .npy file of numbers'):
        read_predictions(tmp_path / 'pickled.npy', range(PEOPLE), JOINTS)
