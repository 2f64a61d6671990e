"""Errors are the user's kind, and hints name similar words alone."""
import inspect

import pytest

from hourglass import errors
from hourglass.errors import DataError, HourglassError, did_you_mean, one_line, words_of


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
    assert words_of(ValueError('a\n  b')) == one_line(DataError('a\n  b')) == 'a b'
    assert one_line(ValueError('a\n  b')) == 'ValueError: a b'
