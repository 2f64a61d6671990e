"""Matlab files are read in either shape, or refused by name."""
import struct
from io import BytesIO

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse

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


def stored(**variables: object) -> bytes:
    content = BytesIO()
    scipy.io.savemat(content, variables)
    return content.getvalue()


def replaced(content: bytes, *numbers: tuple[int, ...]) -> bytes:
    """Replace integers of 32 bits by others, where they stand last."""
    old, new = (struct.pack(f'<{len(words)}I', *words) for words in numbers)
    before, found, after = content.rpartition(old)
    assert found
    return before + new + after


NUMBERS = np.array([np.ones(3), np.ones(5)], object)


@pytest.mark.parametrize(('content', 'reason'), [
    # doubles become a matrix and an unknown kind, for which scipy follows a pointer to nothing
    (replaced(stored(a=NUMBERS), (9, 40), (14, 40)), 'kind 14 .* is out of place'),
    (replaced(stored(a=NUMBERS), (9, 40), (99, 40)), 'kind 99 .* is out of place'),
    (replaced(stored(a=NUMBERS), (9, 40), (9, 400)), 'with 400 bytes is out of'),
    # cells for which there is no room in the file, and scipy would take 16 GiB
    (replaced(stored(a=NUMBERS), (8, 1, 2), (8, 2**30, 2)), 'is larger than its'),
    (replaced(stored(a=NUMBERS), (8, 1, 2), (8, 2**32 - 1, 2)), 'is larger than'),
    (replaced(stored(a=dict(b=1.0)), (0x40005, 2), (0x40005, 0)), 'division'),
    (replaced(stored(a='text'), (8, 1, 4), (8, 2**30, 4)), 'is larger than its variable')],
    ids=lambda value: '' if isinstance(value, bytes) else None)      # contents have the time
def test_what_would_crash_scipy_or_take_all_memory_is_refused(tmp_path, content, reason):
    (tmp_path / 'a.mat').write_bytes(content)
    with pytest.raises(DataError, match=rf'a\.mat: not a readable \.mat file \(.*{reason}'):
        read_mat(tmp_path / 'a.mat', 'a')


def test_cells_nested_thousandfold_are_refused(tmp_path):
    inner = stored(a=np.ones(1))[128:]
    for _ in range(1000):                               # around it, a cell array of one
        head = struct.pack('<10I', 6, 8, 1, 0, 5, 8, 1, 1, 1, 0)
        inner = struct.pack('<II', 14, len(head) + len(inner)) + head + inner
    (tmp_path / 'a.mat').write_bytes(stored(a=1.0)[:128] + inner)
    with pytest.raises(DataError, match=r'a\.mat: not a readable \.mat file \(maximum recursion'):
        load_mat(tmp_path / 'a.mat')


@pytest.mark.parametrize('compressed', [False, True])
def test_every_kind_of_variable_is_read_as_scipy_reads_it(tmp_path, compressed):
    variables = dict(
        real=np.eye(3), complex=np.eye(2) * 1j, bytes=np.arange(5, dtype=np.uint8), text='läuft',
        texts=np.array(['a', 'bcd']), none=np.zeros((0, 0)), sparse=scipy.sparse.eye(3).tocsc(),
        large=scipy.sparse.csc_matrix(([1.0], ([5], [7])), (1000, 1000)),
        cells=np.array([1.0, 'b', np.ones(3)], object), struct=dict(a=dict(b=[1, 2]), c=''),
        truth=np.array([True, False]))
    scipy.io.savemat(tmp_path / 'a.mat', variables, do_compression=compressed)
    found, theirs = load_mat(tmp_path / 'a.mat'), scipy.io.loadmat(tmp_path / 'a.mat')
    assert all(repr(found[name]) == repr(theirs[name]) for name in variables)


def test_a_sparse_matrix_without_the_begins_of_its_columns_is_refused(tmp_path):
    content = stored(a=scipy.sparse.eye(3).tocsc())
    dims = struct.pack('<2i', 3, 3)
    assert content.count(dims) == 1
    (tmp_path / 'a.mat').write_bytes(content.replace(dims, struct.pack('<2i', 3, 9)))
    with pytest.raises(DataError, match=r'a sparse matrix of \(3, 9\) with 3 columns'):
        load_mat(tmp_path / 'a.mat')
