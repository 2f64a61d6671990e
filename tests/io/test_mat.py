"""Matlab files are read in either shape, or refused by name."""
import h5py
import numpy as np
import pytest
import scipy.io

from hourglass.errors import DataError
from hourglass.io import files
from hourglass.io.mat import load_mat, read_mat, read_mat_as_stored


@pytest.fixture
def people(tmp_path):
    """A struct array (1, 2) with the fields ``name`` and ``box``."""
    array = np.empty((1, 2), [('name', object), ('box', object)])
    array[0, 0], array[0, 1] = ('a.jpg', [1.0, 2, 3, 4]), ('b.jpg', [5.0, 6, 7, 8])
    scipy.io.savemat(tmp_path / 'a.mat', dict(people=array, other=1), do_compression=True)
    return tmp_path / 'a.mat'


def test_structs_have_attributes(people):
    first, second = read_mat(people, 'people', fields=('name', 'box'))
    assert (first.name, second.box.tolist()) == ('a.jpg', [5, 6, 7, 8])
    assert read_mat(people, 'other').tolist() == [1]            # a single value is an array, too
    with pytest.raises(DataError, match=r"a\.mat: 'people' has no field 'torso'"):
        read_mat(people, 'people', fields=('name', 'torso'))


def test_stored_shapes_are_written_back_unchanged(people, tmp_path):
    stored = read_mat_as_stored(people, 'people')
    assert stored.shape == (1, 2) and stored['name'][0, 1].tolist() == ['b.jpg']
    scipy.io.savemat(tmp_path / 'b.mat', dict(people=stored))
    again = read_mat_as_stored(tmp_path / 'b.mat', 'people')
    assert again['box'][0, 0].tolist() == stored['box'][0, 0].tolist() == [[1, 2, 3, 4]]


def test_other_and_missing_files_are_refused(people, tmp_path):
    with pytest.raises(DataError, match=r"a\.mat: holds no 'joints', so it is another file"):
        read_mat(people, 'joints')
    with pytest.raises(DataError, match=r'gone\.mat: no such file'):
        load_mat(tmp_path / 'gone.mat')
    with h5py.File(tmp_path / 'new.mat', 'w', userblock_size=512) as file:
        file['joints'] = np.zeros(3)
    head = b'MATLAB 7.3 MAT-file'.ljust(124) + b'\0\2IM'
    (tmp_path / 'new.mat').write_bytes(head + (tmp_path / 'new.mat').read_bytes()[len(head):])
    with pytest.raises(DataError, match=r'new\.mat: a Matlab 7\.3 file; save it with -v7'):
        read_mat(tmp_path / 'new.mat', 'joints')


def test_a_file_cut_anywhere_is_refused(people, tmp_path):
    whole = people.read_bytes()
    for length in range(1, len(whole) - 1, 7):
        (tmp_path / 'cut.mat').write_bytes(whole[:length])
        with pytest.raises(DataError, match=r'cut\.mat: (not a readable \.mat|holds no)'):
            read_mat(tmp_path / 'cut.mat', 'other')


@pytest.mark.parametrize('size', [10**6, 10**5])       # one variable too large, or both together
def test_variables_of_absurd_size_are_refused(tmp_path, monkeypatch, size):
    monkeypatch.setattr(files, 'MOST_UNPACKED', 10**6)
    scipy.io.savemat(tmp_path / 'a.mat', dict(joints=np.zeros(size), more=np.zeros(10**5)),
                     do_compression=True)
    assert (tmp_path / 'a.mat').stat().st_size < 20_000
    with pytest.raises(DataError, match=r'a\.mat: .*unpacks to more than'):
        read_mat(tmp_path / 'a.mat', 'joints')
