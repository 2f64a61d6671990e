"""Journals return what was written, to the digit, and ignore incomplete lines and other work."""
from types import SimpleNamespace

import numpy as np
import pytest

from hourglass.errors import DataError
from hourglass.io import journal as module
from hourglass.io.journal import Journal, fingerprint


def test_entries_of_all_processes_come_back_to_the_digit(tmp_path, rng):
    arrays = dict(distances=rng.random((3, 4)) / 3, seen=rng.random(4) > 0.5,
                  single=rng.random(5).astype(np.float32) / 3)
    arrays['distances'][0, 1] = np.nan
    Journal(tmp_path, 'w', 0, 2).add('a', arrays)
    Journal(tmp_path, 'w', 1, 2).add('b', dict(person=None, id=7))
    Journal(tmp_path, 'other', 1, 2).add('c', {})
    found = Journal(tmp_path, 'w', 0, 1).read()
    assert set(found) == {'a', 'b'} and found['b'] == dict(person=None, id=7)
    for name, array in arrays.items():
        assert found['a'][name].dtype == array.dtype
        assert np.array_equal(found['a'][name], array, equal_nan=name == 'distances')


def test_a_cut_line_is_left_out_and_the_next_call_writes_behind_it(tmp_path):
    journal = Journal(tmp_path, 'w', 0, 1)
    for name in 'ab':
        journal.add(name, dict(x=1))
    journal.path.write_bytes(journal.path.read_bytes()[:-3])
    assert set(journal.read()) == {'a'}
    journal.add('c', dict(x=2))
    assert journal.read() == {'a': {'x': 1}, 'c': {'x': 2}}


def test_the_word_of_a_work_changes_with_any_of_its_parts(tmp_path):
    file = tmp_path / 'weights'
    words = set()
    for content, option in (('1', 'a'), ('2', 'a'), ('2', 'b'), ('2a', '')):
        file.write_text(content)
        words.add(fingerprint([file, option]))
    assert len(words) == 4
    assert fingerprint([file, '']) in words


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / 'file').touch()
    journal = Journal(tmp_path / 'file', 'w', 0, 1)
    with pytest.raises(DataError, match=rf'{journal.path}: cannot be written \(Not a directory\)'):
        journal.add('a', {})


def test_entries_reach_the_disk_once_a_second(tmp_path, monkeypatch):
    flushed, now = [], [0.0]
    monkeypatch.setattr(module, 'flush', flushed.append)
    monkeypatch.setattr(module, 'time', SimpleNamespace(monotonic=lambda: now[0]))
    journal = Journal(tmp_path, 'w', 0, 1)
    for now[0] in (0.0, 0.5, 1.5):
        journal.add(str(now[0]), {})
    assert flushed == 2 * [journal.path, journal.folder]
