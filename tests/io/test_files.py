"""Files are written whole or not at all, and reading errors name the file."""
import errno
import gc
import gzip
import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from children import together

from hourglass.errors import DataError
from hourglass.io import files
from hourglass.io.files import (
    check_writable,
    claimed,
    make_folder,
    match_names,
    named_errors,
    open_json,
    read_json,
    replacing,
    without_collection,
    write_json,
)


def write(path, content: bytes) -> None:
    with replacing(path) as draft:
        draft.write_bytes(content)


def test_content_and_name_are_on_the_disk_in_this_order(tmp_path, monkeypatch):
    done = []
    replace, flush = os.replace, os.fsync
    monkeypatch.setattr(os, 'fsync', lambda descriptor: (
        done.append(os.readlink(f'/proc/self/fd/{descriptor}')), flush(descriptor)))
    monkeypatch.setattr(os, 'replace', lambda *paths: (done.append('replace'), replace(*paths)))
    write(tmp_path / 'a', b'new')
    draft, *others = done
    assert others == ['replace', str(tmp_path)]
    assert draft.startswith(f'{tmp_path}/a.') and draft.endswith('.part')
    assert (tmp_path / 'a').read_bytes() == b'new'


def test_windows_flushes_files_it_may_write_to_and_no_folders(tmp_path, monkeypatch):
    """There ``fsync`` of a read-only file is EBADF, and ``open`` of a folder EACCES."""
    opened, done = os.open, []

    def opens(path, flags):
        done.append((os.path.basename(path).split('.')[0], flags))
        return opened(path, flags)
    monkeypatch.setattr(files, 'os', SimpleNamespace(
        **{**vars(os), 'name': 'nt', 'open': opens}))
    write(tmp_path / 'a', b'new')
    assert done == [('a', os.O_RDWR)]
    assert (tmp_path / 'a').read_bytes() == b'new'


def test_a_full_disk_leaves_the_old_file_and_no_draft(tmp_path, monkeypatch):
    write(tmp_path / 'a', b'old')

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(DataError, match=r'/a: cannot be written \(No space left on device\)'):
        write(tmp_path / 'a', b'new')
    assert [path.name for path in tmp_path.iterdir()] == ['a']
    assert (tmp_path / 'a').read_bytes() == b'old'


def test_an_error_while_writing_leaves_the_old_file_and_passes_through(tmp_path):
    write(tmp_path / 'a', b'old')
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / 'a') as draft:
        draft.write_bytes(b'half')
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ['a']
    assert (tmp_path / 'a').read_bytes() == b'old'


@pytest.mark.parametrize(('error', 'message'), [
    (FileNotFoundError('x'), 'a.jpg: no such image'),
    (ValueError('two\n lines'), 'a.jpg: not an image (two lines); draw it again'),
    (MemoryError(), 'a.jpg: not an image (MemoryError); draw it again')], ids=str)
def test_any_error_becomes_one_line(error, message):
    with pytest.raises(DataError) as raised, named_errors(
            'a.jpg', 'not an image', 'draw it again', 'no such image'):
        raise error
    assert str(raised.value) == message


@pytest.mark.parametrize('name', ['a.json', 'a.json.gz'])
def test_json_is_read_compressed_or_not(tmp_path, name):
    content = json.dumps({'ä': [1, 2.5, None]}).encode()
    packed = gzip.compress(content, mtime=0) if name.endswith('gz') else content
    (tmp_path / name).write_bytes(packed)
    assert read_json(tmp_path / name) == {'ä': [1, 2.5, None]}
    with open_json(tmp_path / name) as file:
        assert file.read(1) == '{'


def test_a_byte_order_mark_before_json_is_read(tmp_path):
    (tmp_path / 'a.json').write_text('[1]', encoding='utf-8-sig')
    assert read_json(tmp_path / 'a.json') == [1]


def test_numbers_that_json_lacks_become_null(tmp_path):
    write_json(tmp_path / 'a.json', dict(a=[float('nan'), np.inf, -np.inf, 1.5], b='nan'))
    assert read_json(tmp_path / 'a.json') == dict(a=[None, None, None, 1.5], b='nan')


@pytest.mark.parametrize(('name', 'content', 'message'), [
    ('a.json', None, 'no such file'), ('a.json', b'[1', 'not a JSON file'),
    ('a.json', b'\xff\xff', 'not a JSON file'), ('a.json', b'[' * 10**5, 'not a JSON file'),
    ('a.json.gz', b'[1]', 'not a JSON file'),
    ('a.json.gz', gzip.compress(b'[1, 2]', mtime=0)[:-9], 'not a JSON file')])
def test_broken_json_is_refused_by_name(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf'/{name}: {message}') as error:
        read_json(tmp_path / name, 'write it again')
    assert '\n' not in str(error.value)
    assert content is None or str(error.value).endswith('; write it again')


def test_compressed_json_of_absurd_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, 'MOST_UNPACKED', 10**6)
    (tmp_path / 'a.json.gz').write_bytes(gzip.compress(b' ' * 10**7, mtime=0))
    with pytest.raises(DataError, match=r'a\.json\.gz: .*unpacks to more than'):
        read_json(tmp_path / 'a.json.gz')


def test_a_claimed_folder_is_refused_to_another_process_until_the_first_ends(tmp_path):
    def another(rank: int) -> None:
        with claimed(tmp_path):
            pass

    def refused(rank: int) -> None:
        with pytest.raises(DataError, match=f'in use by process {os.getppid()} of '):
            another(rank)
    with claimed(tmp_path):
        together(refused, (), ranks=1)
    together(another, (), ranks=1)


def test_cycles_are_looked_for_again_after_an_error(monkeypatch):
    with pytest.raises(DataError), without_collection():
        assert not gc.isenabled()
        raise DataError
    assert gc.isenabled()


def test_a_file_that_another_one_names_is_missing_itself(tmp_path):
    path = tmp_path / 'a.slp'
    path.write_text('')
    with pytest.raises(DataError, match=r"a\.slp: not read \(.*clip\.mp4'\); save it again"), \
            named_errors(path, 'not read', 'save it again'):
        open(tmp_path / 'clip.mp4').close()


@pytest.mark.parametrize('other', ['missing.json', 'other/missing.json'])
def test_an_error_of_another_file_than_the_one_that_is_written_passes_through(tmp_path, other):
    with pytest.raises(FileNotFoundError, match=r'missing\.json'), replacing(tmp_path / 'a'):
        (tmp_path / other).read_text()


def test_a_file_that_cannot_be_written_is_found_before(tmp_path, monkeypatch):
    check_writable(tmp_path / 'new/a.json')
    assert (tmp_path / 'new').is_dir() and not list((tmp_path / 'new').iterdir())
    (tmp_path / 'file').touch()
    for path in (tmp_path / 'new', tmp_path / 'file/a.json'):
        with pytest.raises(DataError, match=r'cannot be written \(.*\); choose a folder'):
            check_writable(path)
    monkeypatch.setattr(os, 'access', lambda path, mode: False)         # root may write anywhere
    with pytest.raises(DataError, match='cannot be written'):
        check_writable(tmp_path / 'new/a.json')


@pytest.mark.skipif(not Path('/proc/self/fd').is_dir(), reason='Linux names open files')
def test_new_folders_have_their_names_on_the_disk(tmp_path, monkeypatch):
    done, flushed = [], os.fsync
    monkeypatch.setattr(os, 'fsync', lambda descriptor: (
        done.append(os.readlink(f'/proc/self/fd/{descriptor}')), flushed(descriptor)))
    make_folder(tmp_path / 'a/b')
    assert sorted(done) == [str(tmp_path), str(tmp_path / 'a')]


def test_a_name_is_the_only_one_with_as_many_of_its_folders():
    find = match_names(['a/x.jpg', 'b/x.jpg', 'b/y.jpg'])
    assert [find(name) for name in ('a/x.jpg', 'c/a/x.jpg', 'x.jpg', 'c/x.jpg', 'y.jpg')] == [
        'a/x.jpg', 'a/x.jpg', None, None, 'b/y.jpg']
