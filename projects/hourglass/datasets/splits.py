"""Images to validate on, chosen so that no image is in two splits."""
from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Union

from hourglass.errors import ConfigError, did_you_mean
from hourglass.io.files import named_errors

HeldOut = Union[float, tuple[int, int], str, Path]


def validation_images(names: Iterable[str], held_out: HeldOut) -> set[str]:
    """Return the images of the validation split.

    Args:
        names: file names of all images.
        held_out: a share of the images, such as 0.15; ``(k, n)``, fold k of n, from 0; or the path
            of a text file with one name a line. Shares and folds depend on the names alone, so
            that they are the same in every run.

    Raises:
        ConfigError: for a share that leaves one of the splits empty, a fold that does not exist,
            or a listed name that is not among the images.
    """
    order = sorted(set(names), key=lambda name: (
        zlib.crc32(name.encode('utf-8', 'surrogateescape')), name))     # a name may be no UTF-8
    if isinstance(held_out, (str, Path)):
        return _listed(Path(held_out), order)
    if isinstance(held_out, (tuple, list)):
        fold, folds = held_out if len(held_out) == 2 else (0, 0)
        if not 0 <= fold < folds <= len(order) or folds < 2:
            raise ConfigError(f'held_out={held_out}: give (k, n), fold k, from 0, of n; there are '
                              f'{len(order)} images')
        return set(order[fold::folds])
    count = round(held_out * len(order)) or 1
    if not 0 < held_out < 1 or count >= len(order):
        raise ConfigError(f'held_out={held_out}: of {len(order)} images, {count} to validate on; '
                          'give a share between 0 and 1 that leaves some to train on')
    return set(order[:count])


def _listed(path: Path, names: Sequence[str]) -> set[str]:
    with named_errors(path, 'not a list of images', 'write one name a line'):
        lines = path.read_text('utf-8-sig', 'surrogateescape').split('\n')
        listed = {line.strip() for line in lines} - {''}
    if unknown := sorted(listed - set(names)):
        raise ConfigError(f'{path}: {len(unknown)} names are not among the annotated images, first '
                          f'{unknown[0]!r}{did_you_mean(unknown[0], names)}')
    if not listed or listed == set(names):
        raise ConfigError(f'{path}: lists {len(listed)} of {len(names)} images; each split needs '
                          'some')
    return listed
