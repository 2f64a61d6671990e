"""What is chosen for annotated people: the crop, the pairs, the network and its first weights."""
from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from hourglass.checkpoints import read_checkpoint
from hourglass.checkpoints.names import weights_by_name
from hourglass.datasets.coco_file import CocoFile, has_area
from hourglass.datasets.skeletons import (
    SKELETONS,
    WORD,
    Pair,
    find_pairs,
    keypoint_names,
    plain_name,
)
from hourglass.errors import DataError

_MOST_ROWS = 30                 # of a table with a row for each pair of keypoints
_LEAST_SHARED = 1 / 3           # of the keypoints, for a network to be worth starting from
_TUNING = 0.5                   # of the rate, for a network that is trained already
_GENTLE, _FEW = 3e-4, 100       # the rate for fewer people, if all keypoints are trained already
_KEY = str.maketrans("'\\", '`/')        # of a dict, which mmengine writes as it is, between '


@dataclass(frozen=True)
class Size:
    """A network, and how it is trained."""

    num_stacks: int
    channels: int
    depth: int
    stem_channels: tuple[int, int, int]
    side: int                   # of the input, px
    sigma: float                # of the targets, px of the heatmaps
    batch: int
    lr: float
    samples: int                # that it is trained on, each person many times
    wrapper: str = 'hourglass.BFloat16OptimWrapper'


# by the most people to train on: the recipes small_128 and strong_256 of configs/_base_
SIZES = {
    5_000: Size(2, 64, 3, (16, 32, 32), 128, 1.0, 16, 4e-3, 48_000, 'OptimWrapper'),
    20_000: Size(2, 256, 4, (64, 128, 128), 256, 2.0, 32, 1e-3, 600_000),
    math.inf: Size(8, 256, 4, (64, 128, 128), 256, 2.0, 32, 1e-3, 2_000_000)}
# that of the weights `people` and `flic`, for as few people as the first, if these are started from
TRAINED = Size(2, 128, 3, (32, 64, 64), 160, 1.25, 16, 2e-3, 48_000, 'OptimWrapper')


def choose_crop(file: CocoFile) -> tuple[str, str]:
    """Return a crop of :class:`.KeypointDataset`, and why: what a prediction can be given, too.

    Raises ``DataError`` if nothing says how large people are, or there are none.
    """
    people = [one for one in file.annotations
              if any(one['keypoints'][2::3]) and not one.get('iscrowd')]
    if not people:
        raise DataError(f'{file.path}: {len(file.annotations)} annotations, and none has an '
                        'annotated keypoint; export the annotation as COCO keypoints')
    boxes = sum(has_area(one.get('bbox')) for one in people)
    found = f'{boxes} of {len(people)} have a box with an area'
    if 2 * boxes >= len(people):
        return 'bbox', found
    if max(Counter(one['image_id'] for one in people).values()) == 1:
        return 'image', f'{found}, and each image shows one'
    if len(file.names) == 1:
        raise DataError(f'{file.path}: several people on an image, with one keypoint and no box; '
                        'annotate boxes, which say how large they are')
    return 'keypoints', f'{found}, and an image shows several'


def choose_pairs(names: Sequence[str], given: Sequence[Pair]) -> tuple[list[Pair], str]:
    """Return pairs of names to swap in mirrored images, and why there are none to be mirrored.

    The reason is empty if images can be mirrored.
    """
    if given:
        return list(given), ''
    found, alone = find_pairs(names)
    why = '' if found else 'no pairs were found by the names'
    if alone:
        why = f"these have a side and no partner: {', '.join(alone)}"
    return [(names[left], names[right]) for left, right in found], why


def choose_size(people: int) -> Size:
    """Return the network for a number of people to train on."""
    return next(size for most, size in SIZES.items() if people < most)


def choose_network(names: Sequence[str], people: int, small: bool = False
                   ) -> tuple[Size, str | None, list[str]]:
    """Return the network for keypoints and a number of people to train on, and its first weights.

    Below 5,000 people it is :data:`TRAINED` if there are weights to start from, and otherwise, or
    if ``small``, the first of :data:`SIZES`. The rest is as :func:`choose_weights` returns it.
    """
    size = choose_size(0 if small else people)
    if size == choose_size(0) and not small:
        weights, shared = choose_weights(names, TRAINED)
        if weights:
            return TRAINED, weights, shared
    return size, *choose_weights(names, size)


def choose_weights(names: Sequence[str], size: Size) -> tuple[str | None, list[str]]:
    """Return the weights in the package to start from, and the keypoints that they share.

    Weights of another network, or that share less than a third of the keypoints, are not taken.
    """
    ours = {plain_name(name): name for name in names}
    shared = {}
    for name, path in weights_by_name().items():
        meta = read_checkpoint(path)['meta']
        network = json.loads(meta['network'])
        if all(network[key] == value for key, value in json.loads(json.dumps(asdict(size))).items()
               if key in network):
            theirs = set(keypoint_names(SKELETONS[meta['skeleton']]))
            shared[name] = [name for plain, name in ours.items() if plain in theirs]
    # of several that share as many, those trained on the most people
    best = max(shared, key=lambda name: (len(shared[name]), name.startswith('people')),
               default=None)
    if best is None or len(shared[best]) < len(names) * _LEAST_SHARED:
        return None, []
    return best, shared[best]


def choose_rate(size: Size, people: int, shared: float) -> float:
    """Return the learning rate, with the share of keypoints that start from weights, 0 to 1.

    ``docs/own-data.md`` has what different rates give for 10 to 1,000 people.
    """
    if not shared:
        return size.lr
    return _GENTLE if people < _FEW and shared == 1 else size.lr * _TUNING


def table_rows(names: Sequence[str], pairs: Sequence[Pair]) -> dict[str, list[str]]:
    """Return the rows of a table of scores: each pair and each other keypoint, or one for all.

    The row of a pair is named by the words that both names have: ``'eye'``. Characters that a key
    of a config cannot have are replaced.
    """
    if len(names) > _MOST_ROWS:
        return {'All': list(names)}
    common = {left: '_'.join(word for word in WORD.findall(left) if word in WORD.findall(right))
              for left, right in pairs}
    taken = Counter([*common.values(), *names])
    rows = {name: [name] for name in names}
    for left, right in pairs:
        del rows[right]
        row = common[left] if taken[common[left]] == 1 else left
        rows[row or left] = [*rows.pop(left), right]
    return {row.translate(_KEY): members for row, members in rows.items()}
