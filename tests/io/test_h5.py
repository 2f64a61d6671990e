"""h5 files are read piece by piece, or refused by name."""
import h5py
import numpy as np
import pytest

from hourglass.errors import DataError
from hourglass.io.h5 import open_h5


def test_arrays_are_read_piece_by_piece(tmp_path, rng):
    part = rng.random((9, 4, 2))
    with h5py.File(tmp_path / 'a.h5', 'w') as file:
        file['part'], file['group/inner'], file['single'] = part, part, 3.0
    arrays = open_h5(tmp_path / 'a.h5')
    assert set(arrays) == {'part'}                      # no groups, no single numbers
    array = arrays['part']
    assert (array.shape, array.dtype, len(array)) == (part.shape, part.dtype, 9)
    assert np.array_equal(array[:], part)
    assert np.array_equal(array[2:5, :, 1:], part[2:5, :, 1:])


def test_a_missing_and_a_broken_file_are_refused(tmp_path):
    (tmp_path / 'a.h5').write_bytes(b'not an h5 file')
    with pytest.raises(DataError, match=r'/a\.h5: not a readable h5 file'):
        open_h5(tmp_path / 'a.h5')
    with pytest.raises(DataError, match=r'/gone\.h5: no such file'):
        open_h5(tmp_path / 'gone.h5')


def test_a_damaged_piece_is_named_when_it_is_read(tmp_path, rng):
    part = rng.integers(256, size=(4, 1000), dtype=np.uint8)
    with h5py.File(tmp_path / 'a.h5', 'w') as file:
        file.create_dataset('part', data=part, chunks=(2, 1000), fletcher32=True)
    content = (tmp_path / 'a.h5').read_bytes()
    (tmp_path / 'a.h5').write_bytes(content.replace(part[3, :99].tobytes(), bytes(99)))
    array = open_h5(tmp_path / 'a.h5')['part']
    assert np.array_equal(array[:2], part[:2])
    with pytest.raises(DataError, match=r"/a\.h5: 'part' cannot be read .*; fetch the file again"):
        array[2:]


def test_an_array_of_absurd_size_is_refused(tmp_path):
    with h5py.File(tmp_path / 'a.h5', 'w') as file:
        file.create_dataset('part', (10**9, 16, 2), chunks=(1000, 16, 2))
    assert (tmp_path / 'a.h5').stat().st_size < 10_000
    with pytest.raises(DataError, match=r"a\.h5: 'part' of shape .* more than 4 GiB"):
        open_h5(tmp_path / 'a.h5')


@pytest.mark.parametrize('kind', ['link', 'storage', 'virtual'])
def test_an_h5_file_may_not_show_other_files(tmp_path, kind):
    with h5py.File(tmp_path / 'secret.h5', 'w') as file:
        file['part'] = np.arange(6.0)
    with h5py.File(tmp_path / 'a.h5', 'w') as file:
        if kind == 'link':
            file['part'] = h5py.ExternalLink(str(tmp_path / 'secret.h5'), 'part')
        elif kind == 'storage':
            file.create_dataset('part', (6,), 'f8', external=[(str(tmp_path / 'secret.h5'), 0, 48)])
        else:
            layout = h5py.VirtualLayout((6,), 'f8')
            layout[:] = h5py.VirtualSource(tmp_path / 'secret.h5', 'part', (6,))
            file.create_virtual_dataset('part', layout)
    with pytest.raises(DataError, match=r"a\.h5: 'part' lies in another file"):
        open_h5(tmp_path / 'a.h5')
