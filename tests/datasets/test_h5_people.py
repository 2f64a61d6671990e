"""Arrays with one row per person are opened whole, or refused by name."""
import h5py
import numpy as np
import pytest

from hourglass.datasets.h5_people import names_of, people_arrays, read_people
from hourglass.errors import DataError

SHAPES = dict(part=(3, 2), scale=())


@pytest.fixture
def write(tmp_path):
    """Write two people, with changes, to a file; ``None`` leaves an array out."""
    def call(**changes):
        arrays = dict(imgname=np.array([b'a.jpg', b'b.jpg']), scale=np.ones(2),
                      part=np.arange(12.0).reshape(2, 3, 2)) | changes
        with h5py.File(tmp_path / 'a.h5', 'w') as file:
            for name, array in arrays.items():
                if array is not None:
                    file[name] = array
        return tmp_path / 'a.h5'
    return call


def test_names_and_arrays_of_people_are_read(write):
    path = write()
    names, arrays = read_people(path, SHAPES)
    assert names == ['a.jpg', 'b.jpg']
    assert arrays['part'].tolist() == people_arrays(path, SHAPES)['part'][:].tolist()
    assert set(arrays) == set(SHAPES)


@pytest.mark.parametrize(('changes', 'message'), [
    (dict(part=None), "holds no 'part', so it is another file than expected"),
    (dict(imgname=None), "holds no 'imgname'"),
    (dict(scale=np.array([b'a', b'b'])), r"'scale' holds \|S1, numbers needed"),
    (dict(part=np.zeros((2, 4))), r"'part' of shape \(2, 4\), \(people, 3, 2\) needed"),
    (dict(scale=np.ones((2, 1))), r"'scale' of shape \(2, 1\), \(people,\) needed"),
    (dict(scale=np.ones(3)), "arrays of different lengths, {'part': 2, 'scale': 3}"),
    (dict(imgname=np.array([b'a.jpg'])), '1 image names for 2 people')])
def test_other_arrays_are_refused(write, changes, message):
    with pytest.raises(DataError, match=rf'a\.h5: {message}'):
        read_people(write(**changes), SHAPES)


def test_file_names_may_be_codes_of_characters():
    codes = np.zeros((1, 16))
    codes[0, :5] = [ord(letter) for letter in 'a.jpg']
    assert names_of(codes, 'valid.h5') == ['a.jpg']
