"""Files are whole or not there."""
import errno
import os

import pytest

from hourglass.errors import DataError
from hourglass.io.files import replacing


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


def test_a_full_disk_leaves_the_old_file_and_no_draft(tmp_path, monkeypatch):
    write(tmp_path / 'a', b'old')

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(DataError, match=r'/a: cannot be written \(No space left on device\)'):
        write(tmp_path / 'a', b'new')
    assert [path.name for path in tmp_path.iterdir()] == ['a']
    assert (tmp_path / 'a').read_bytes() == b'old'
