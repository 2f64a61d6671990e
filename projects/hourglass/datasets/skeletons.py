"""Names, order, sides and bones of each data set's keypoints: mmpose's metainfo."""
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hourglass.errors import ConfigError, did_you_mean

Pair = tuple[str, str]

_LEFT, _RIGHT, _MIDDLE = [0, 170, 0], [0, 110, 255], [255, 120, 50]     # colours, BGR

_COCO = dict(eye=0.025, ear=0.035, shoulder=0.079, elbow=0.072, wrist=0.062, hip=0.107, knee=0.087,
             ankle=0.089)
# Deviations of COCO's annotators, in units of the root of the person's area; OKS divides by twice.
COCO_SIGMAS = dict(nose=0.026, **{f'{side}_{part}': sigma for part, sigma in _COCO.items()
                                  for side in ('left', 'right')})
# mmpose's for MPII (1.3.2), as they are there: shoulder and knee differ from COCO's
_MPII = dict(_COCO, shoulder=0.179, knee=0.083)
MPII_SIGMAS = {f'{side}_{part}': sigma for part, sigma in _MPII.items()
               for side in ('left', 'right')} | dict.fromkeys(
                   ('pelvis', 'thorax', 'upper_neck', 'head_top'), 0.026)

# words that name a side, in lower case; long ones first
_SIDES = dict(left='right', right='left', lt='rt', rt='lt', l='r', r='l')
WORD = re.compile(r'[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+')     # LEye: L, Eye; eye_r1: eye, r, 1


def define_skeleton(dataset_name: str, order: str | Sequence[str], lower: str | Sequence[str] = (),
                    bones: str | Sequence[Pair] = (), sigmas: Mapping[str, float] = COCO_SIGMAS,
                    flip_pairs: Sequence[Pair] | None = None) -> dict:
    """Make mmpose's metainfo, for a data set's ``METAINFO``.

    Args:
        order: names of all keypoints, in the order of the annotation: a list, or one text with
            blanks between them.
        lower: names of the lower body's keypoints, likewise; all others are the upper body.
        bones: pairs of keypoints to connect in drawings, or ``'a-b b-c'``. In texts, ``*_x`` stands
            for ``right_x`` and ``left_x``.
        sigmas: of the keypoints, for COCO's OKS; the skeleton has none if one is missing.
        flip_pairs: pairs of keypoints, left and right, that a mirrored image swaps; by default
            those of :func:`find_pairs`.

    Raises:
        ConfigError: for a name that is not in ``order``, or twice.
    """
    names, lower_names, where = _words(order), _words(lower), f'skeleton {dataset_name!r}'
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ConfigError(f'{where}: {twice[0]!r} names two keypoints; rename one')
    links = [_bone(bone, names, where)
             for bone in (_words(bones) if isinstance(bones, str) else bones)]
    _check_names(where, names, [*lower_names, *(end for link in links for end in link)])
    skeleton: dict[str, Any] = dict(
        dataset_name=dataset_name,
        keypoint_info={i: dict(id=i, name=name, type='lower' if name in lower_names else 'upper')
                       for i, name in enumerate(names)},
        joint_weights=[1.0] * len(names),
        sigmas=[sigmas[name] for name in names] if sigmas.keys() >= set(names) else [])
    if flip_pairs is None:
        flip_pairs = [(names[left], names[right]) for left, right in find_pairs(names)[0]]
    skeleton = with_flip_pairs(skeleton, flip_pairs)
    colours = {info['name']: info['color'] for info in skeleton['keypoint_info'].values()}
    return skeleton | dict(skeleton_info={
        i: dict(id=i, link=link, color=colours[link[1]]) for i, link in enumerate(links)})


def with_flip_pairs(skeleton: dict, flip_pairs: Sequence[Pair]) -> dict:
    """Return metainfo whose keypoints are swapped in these pairs, left and right, and no others.

    Raises ``ConfigError`` for an unknown name, or one in two pairs.
    """
    where, names = f"flip_pairs of {skeleton['dataset_name']!r}", keypoint_names(skeleton)
    if not all(not isinstance(pair, str) and len(pair) == 2 for pair in flip_pairs):
        raise ConfigError(f"{where}: give pairs of names, such as [('left_eye', 'right_eye')]")
    ends = [name for pair in flip_pairs for name in pair]
    _check_names(where, names, ends)
    if len(set(ends)) < len(ends):
        raise ConfigError(f'{where}: {Counter(ends).most_common(1)[0][0]!r} is in two of them')
    swap = {one: other for pair in flip_pairs for one, other in (pair, pair[::-1])}
    colour = {left: _LEFT for left, _ in flip_pairs} | {right: _RIGHT for _, right in flip_pairs}
    return skeleton | dict(keypoint_info={
        i: info | dict(swap=swap.get(info['name'], ''), color=colour.get(info['name'], _MIDDLE))
        for i, info in skeleton['keypoint_info'].items()})


def find_pairs(names: Sequence[str]) -> tuple[list[tuple[int, int]], list[str]]:
    """Find the keypoints that a mirrored image swaps, by their names.

    A side is a word of the name (``left_eye``, ``L_Eye``, ``eye-right``, ``leftEye``, ``eye.l``) or
    begins or ends one (``leyebrow``, ``eyeRight``).

    Returns:
        Pairs of indices, left and right, and the names that have a word for a side and no partner.
    """
    words = [tuple(word.lower() for word in WORD.findall(name)) for name in names]
    index = {of_name: i for i, of_name in enumerate(words)}
    pairs: list[tuple[int, int]] = []
    paired: set[int] = set()
    for i, of_name in enumerate(words):
        for other, is_left in _mirrored(of_name):
            j = index.get(other)
            if j is not None and other != of_name and paired.isdisjoint((i, j)):
                pairs.append((i, j) if is_left else (j, i))
                paired |= {i, j}
    return pairs, [name for i, name in enumerate(names) if i not in paired and len(name) > 1
                   and any(word in _SIDES or word.startswith(('left', 'right'))
                           for word in words[i])]


def _mirrored(words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Yield the words that may name the keypoint on the other side, and whether this is the left.

    All sides change first, as in ``left_eye_left_corner``, then one of them.
    """
    sides = [word for word in words if word in _SIDES]
    if words in (('l',), ('r',)):           # more likely a letter of the alphabet
        return
    if sides:
        yield tuple(_SIDES.get(word, word) for word in words), sides[0][0] == 'l'
    for i, word in enumerate(words):
        for side, other in _SIDES.items():
            for end in (f'^{side}', f'{side}$'):
                yield (*words[:i], re.sub(end, other, word), *words[i + 1:]), side[0] == 'l'


def _words(names: str | Sequence[str]) -> list[str]:
    """Return names of a list or of a text, in which ``*`` stands for both sides."""
    if not isinstance(names, str):
        return list(names)
    return [word.replace('*', side) for word in names.split()
            for side in (('right', 'left') if '*' in word else ('',))]


def _bone(bone: str | Pair, names: Sequence[str], where: str) -> Pair:
    """Split ``'a-b'`` into two names, which may have a hyphen themselves."""
    if not isinstance(bone, str):
        return bone
    parts = bone.split('-')
    ends = [('-'.join(parts[:i]), '-'.join(parts[i:])) for i in range(1, len(parts))]
    known = [pair for pair in ends if set(pair) <= set(names)]
    if len(known) > 1 or not ends:
        raise ConfigError(f'{where}: bone {bone!r} does not name two keypoints; give bones as '
                          "pairs, such as [('head', 'neck')]")
    return (known or ends)[0]


def _check_names(where: str, names: Sequence[str], used: Sequence[str]) -> None:
    unknown = [name for name in used if name not in names]
    if unknown:
        raise ConfigError(f'{where}: no keypoint {unknown[0]!r}{did_you_mean(unknown[0], names)}; '
                          f"name one of {', '.join(names)}")


def opposites(names: Sequence[str]) -> dict[str, str]:
    """Return the name of each keypoint's partner on the other side, for those that have one."""
    pairs = [(names[left], names[right]) for left, right in find_pairs(names)[0]]
    return {one: other for pair in pairs for one, other in (pair, pair[::-1])}


def plain_name(name: str) -> str:
    """Return the name of a keypoint as the skeletons here spell it: ``'Left Eye'``: left_eye."""
    return name.strip().lower().replace(' ', '_').replace('-', '_')


def keypoint_names(metainfo: dict) -> list[str]:
    """Return the names of the K keypoints of a skeleton, as defined here or as mmpose parses it."""
    names = metainfo.get('keypoint_id2name') or {
        i: info['name'] for i, info in metainfo['keypoint_info'].items()}
    return [names[i] for i in range(len(names))]


MPII = define_skeleton(
    'mpii',
    order='right_ankle right_knee right_hip left_hip left_knee left_ankle pelvis thorax '
          'upper_neck head_top right_wrist right_elbow right_shoulder left_shoulder left_elbow '
          'left_wrist',
    lower='*_ankle *_knee *_hip pelvis',
    bones='*_knee-*_ankle *_hip-*_knee pelvis-*_hip pelvis-thorax thorax-upper_neck '
          'upper_neck-head_top thorax-*_shoulder *_shoulder-*_elbow *_elbow-*_wrist',
    sigmas=MPII_SIGMAS)

FLIC = define_skeleton(
    'flic',
    order='left_shoulder left_elbow left_wrist right_shoulder right_elbow right_wrist left_hip '
          'right_hip left_eye right_eye nose',
    lower='*_hip',
    bones='*_shoulder-*_elbow *_elbow-*_wrist left_shoulder-right_shoulder *_shoulder-*_hip '
          'left_hip-right_hip nose-*_eye')

# LSP's neck is MPII's upper neck: it lies 0.27 of the way from the middle of the shoulders to the
# top of the head (LSP Extended 0.17, MPII's upper neck 0.19, thorax 0; medians, upright people).
LSP = define_skeleton(
    'lsp',
    order='right_ankle right_knee right_hip left_hip left_knee left_ankle right_wrist right_elbow '
          'right_shoulder left_shoulder left_elbow left_wrist upper_neck head_top',
    lower='*_ankle *_knee *_hip',
    bones='*_knee-*_ankle *_hip-*_knee right_hip-left_hip upper_neck-head_top '
          'upper_neck-*_shoulder *_shoulder-*_elbow *_elbow-*_wrist *_shoulder-*_hip',
    sigmas=MPII_SIGMAS | COCO_SIGMAS)
COCO = define_skeleton(
    'coco',
    order='nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow '
          'right_elbow left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle '
          'right_ankle',
    lower='*_ankle *_knee *_hip',
    bones='*_knee-*_ankle *_hip-*_knee left_hip-right_hip *_shoulder-*_hip '
          'left_shoulder-right_shoulder *_shoulder-*_elbow *_elbow-*_wrist nose-*_eye '
          '*_eye-*_ear *_ear-*_shoulder')
SKELETONS = dict(mpii=MPII, flic=FLIC, lsp=LSP, coco=COCO)


def side_colours(names: Sequence[str]) -> list[list[int]]:
    """Return the colour (BGR) of each keypoint: green on the left, orange on the right, or blue."""
    colours = [_MIDDLE] * len(names)
    for left, right in find_pairs(names)[0]:
        colours[left], colours[right] = _LEFT, _RIGHT
    return colours


def outline(metainfo: dict) -> dict[str, list]:
    """Return names (``keypoints``), ``links`` and ``flip_indices`` of a skeleton in either form."""
    names = keypoint_names(metainfo)
    if 'skeleton_links' in metainfo:                    # as mmpose parses it
        links, flips = metainfo['skeleton_links'], metainfo['flip_indices']
    else:
        links = [map(names.index, bone['link']) for bone in metainfo['skeleton_info'].values()]
        flips = [names.index(info['swap'] or info['name'])
                 for info in metainfo['keypoint_info'].values()]
    return dict(keypoints=names, links=[list(map(int, link)) for link in links],
                flip_indices=list(map(int, flips)))
