"""Checks that a checkpoint belongs to a network, by names and shapes."""
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path

from torch import Tensor

from hourglass.errors import CheckpointError


def refuse_another_network(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor],
                           path: str | Path, may_differ: Sequence[str] = ()) -> None:
    """Raise unless the tensors of a checkpoint match those of the network in name and shape.

    mmengine prints the names that do not match and continues with random weights there, so that a
    wrong checkpoint looks like a bad one.

    Args:
        ours: the network's state dict.
        theirs: the checkpoint's, with or without DataParallel's ``module.``.
        path: of the checkpoint, for the message.
        may_differ: patterns of names that need not match.

    Raises:
        CheckpointError: with the first name that does not match.
    """
    here = {name: tuple(value.shape) for name, value in ours.items()}
    there = {name.removeprefix('module.'): tuple(value.shape) for name, value in theirs.items()}
    wrong = [name for name in here | there if here.get(name) != there.get(name)
             and not any(fnmatch(name, pattern) for pattern in may_differ)]
    if wrong:
        name = wrong[0]
        raise CheckpointError(
            f'{path}: a checkpoint of another network: {len(wrong)} tensors do not fit, first '
            f"'{name}' ({there.get(name, 'missing')} there, {here.get(name, 'none')} in the "
            "config's network); use the config it was trained with, or import another "
            "project's with hourglass.checkpoints")
