"""Errors are the user's kind, and hints name similar words alone."""
import inspect

import pytest

from hourglass import errors
from hourglass.errors import DataError, HourglassError, did_you_mean, one_line, words_of
from hourglass.io.files import named_errors
from hourglass.io.images import read_image


def test_all_errors_are_caught_as_one_kind():
    kinds = [kind for kind in vars(errors).values()
             if inspect.isclass(kind) and issubclass(kind, Exception)]
    assert len(kinds) == 6
    assert all(issubclass(kind, HourglassError) for kind in kinds)
    assert issubclass(HourglassError, ValueError)


@pytest.mark.parametrize(('word', 'hint'), [
    ('modle', ", did you mean 'model'?"), ('model', ", did you mean 'model'?"), ('data', ''),
    ('', '')])
def test_only_a_similar_word_is_suggested(word, hint):
    assert did_you_mean(word, ['model', 'train_cfg']) == hint


def test_errors_become_one_line():
    assert words_of(ValueError('a\n  b')) == 'a b'
    assert one_line(ValueError('a\n  b')) == 'ValueError: a b'
    caught = DataError('Caught DataError in DataLoader worker process 0.\nOriginal Traceback:\n'
                       '  File "x.py", line 1\nhourglass.errors.DataError: a.jpg: not an image\n')
    assert one_line(caught) == 'a.jpg: not an image'


def test_a_name_with_control_characters_begins_no_line_and_reaches_no_terminal(tmp_path):
    path = tmp_path / 'ä b\nerror: c\x1b[2J\udcff.jpg'
    path.write_bytes(b'')
    with pytest.raises(DataError) as error:
        read_image(path)
    with pytest.raises(DataError) as again, named_errors(path, 'not readable'):
        raise error.value
    assert str(error.value) == str(again.value)
    assert str(error.value).startswith(
        rf'{tmp_path}/ä b\nerror: c\x1b[2J\udcff.jpg: not a readable image')
