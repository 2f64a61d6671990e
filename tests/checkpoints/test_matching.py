"""Checkpoints of other networks are refused with the first name that does not match."""
import pytest
import torch

from hourglass.checkpoints import refuse_another_network
from hourglass.errors import CheckpointError

OURS = dict(a=torch.zeros(2, 3), b=torch.zeros(4))


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_equal_names_and_shapes_pass(prefix):
    refuse_another_network(OURS, {prefix + name: value for name, value in OURS.items()}, 'a.pth')


@pytest.mark.parametrize(('theirs', 'message'), [
    (dict(a=OURS['a']), r"1 tensors do not fit, first 'b' \(missing there, \(4,\) in the config's"),
    (OURS | dict(c=OURS['a']), r"'c' \(\(2, 3\) there, none in the config's network\)"),
    (dict(a=OURS['b'], b=OURS['a']), r"2 tensors do not fit, first 'a' \(\(4,\) there, \(2, 3\)")])
def test_other_names_and_shapes_are_refused(theirs, message):
    with pytest.raises(CheckpointError, match=f'^a.pth: a checkpoint of another .*{message}'):
        refuse_another_network(OURS, theirs, 'a.pth')


def test_named_exceptions_may_differ():
    refuse_another_network(OURS, dict(a=OURS['a'], extra=OURS['a']), 'a.pth', ['b', 'ex*'])
