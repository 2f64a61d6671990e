"""What is wrong with annotated people and their images: each check describes a fault in a line."""
from __future__ import annotations

import math
import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from mmengine.dataset import Compose
from mmengine.logging import MMLogger
from numpy import ndarray

from hourglass.datasets.person import Person, joint_problem
from hourglass.datasets.skeletons import find_pairs, keypoint_names
from hourglass.errors import ConfigError, DataError
from hourglass.io.images import image_size

Size = tuple[int, int]                  # (w, h) in px

_LOOKED_AT = 1000                       # headers of images read before a run, in a second at most
_AT_ONCE = 4096                         # people, of whom copies are made
_SHARE = 2                              # px: no data set has all its people in such a corner


def check_people(people: Sequence[Person], num_keypoints: int, ann_file: str, folder: Path,
                 no_unit: str | None) -> None:
    """Raise ``DataError`` for the first fault of people or image folder.

    The sizes of up to 1,000 images, spread over the data set, are read; those of all others are
    checked as they are cropped. ``no_unit`` is as for :func:`person_problem`.
    """
    def check(people: Iterable[Person], problem_of: Callable[[Person], str | None]) -> None:
        for person in people:
            problem = problem_of(person)
            if problem:
                where = f'{ann_file}, row {person.row} ({person.image_name})'
                raise DataError(f'{where}: {problem}')

    check(people, lambda person: person_problem(person, num_keypoints, no_unit))
    if problem := unit_problem(people):
        raise DataError(f'{ann_file}: {problem}')
    names = list(dict.fromkeys(person.image_name for person in people))
    missing = missing_images(folder, set(names))
    if missing:
        first = next(person for person in people if person.image_name in missing)
        raise DataError(f'{folder}: {len(missing)} of {len(names)} images are missing, first '
                        f'{first.image_name}{missing[first.image_name]} of row {first.row} in '
                        f'{ann_file}; complete the folder')
    sizes = {}
    for name in names[::-(-len(names) // _LOOKED_AT)]:
        with suppress(DataError):       # of a broken image; reading it raises the error
            sizes[name] = image_size(folder / name)
    check((person for person, inside in zip(people, surely_inside(people))
           if not inside or person.image_name in sizes),
          lambda person: place_problem(person, sizes.get(person.image_name)))


def person_problem(person: Person, num_keypoints: int, no_unit: str | None) -> str | None:
    """Describe why a person cannot be a sample; None if nothing is wrong.

    ``no_unit`` is the description of a PCK unit that is not above 0; None where none is needed.
    """
    if not 0 < person.side_image < np.inf:
        return f'the scale makes a crop of {person.side_image} px, more than 0 needed'
    if not np.isfinite(person.center_image).all():
        return f'the centre is {person.center_image.tolist()}, two numbers needed'
    unit = person.pck_unit
    if no_unit and unit is not None and not 0 < unit < np.inf and (
            not np.isnan(person.keypoints_image).all()):
        return no_unit
    return joint_problem(person, num_keypoints)


def unit_problem(people: Iterable[Person]) -> str | None:
    """Describe coordinates that are no px, as they are too small in the whole data set."""
    of_kind: dict[str, list] = dict(
        keypoints=[person.keypoints_image for person in people],
        boxes=[person.bbox_image for person in people if person.bbox_image is not None],
        crops=[[person.side_image for person in people]])
    for kind, arrays in of_kind.items():
        values = np.concatenate([np.zeros(0), *map(np.ravel, arrays)])
        largest = np.abs(values, out=values).max(where=np.isfinite(values), initial=0)
        if 0 < largest <= _SHARE:
            return (f'all {kind} lie within {largest:.3g} px: are they in shares of the image? '
                    'Multiply x by its width and y by its height')
    return None


def size_problem(annotated: Size | None, size: Size) -> str | None:
    """Describe an image of another size than the annotation's, which may be unknown (None)."""
    if annotated is None or tuple(annotated) == size:
        return None
    turned = ('; it is turned by its EXIF data, which the annotation may not know'
              if tuple(annotated) == size[::-1] else '')
    return (f'the image has {size[0]}x{size[1]} px and was annotated with '
            f'{annotated[0]}x{annotated[1]}{turned}; scale the annotation, or take those images')


def place_problem(person: Person, size: Size | None) -> str | None:
    """Describe a person whose box, crop or keypoints all lie outside of the image.

    ``size`` is the image's, the annotated one if None; nothing is checked if both are unknown.
    """
    if size and (problem := size_problem(person.image_size, size)):
        return problem
    size = size or person.image_size
    if size is None:
        return None
    end, half = np.array(size) - 0.5, person.side_image / 2     # of the last pixel
    joints = person.keypoints_image[~np.isnan(person.keypoints_image).any(-1)]
    within = ((joints >= -0.5) & (joints <= end)).all(-1)
    if len(joints) and not within.any():
        return f'all {len(joints)} keypoints lie outside of the {size[0]}x{size[1]} image'
    boxes = dict(crop=np.r_[person.center_image - half, person.center_image + half])
    if person.bbox_image is not None:
        boxes['box'] = person.bbox_image
    for kind, box in boxes.items():
        if (box[2:] <= -0.5).any() or (box[:2] >= end).any():
            return (f'the {kind}, {list(map(int, np.round(box)))}, shows nothing of the '
                    f'{size[0]}x{size[1]} image')
    return None


def surely_inside(people: Sequence[Person]) -> Iterator[bool]:
    """Yield for each person whether there is a crop in which :func:`place_problem` finds nothing.

    It takes the annotated size of their images, and is False for those who need a closer look.
    """
    for start in range(0, len(people), _AT_ONCE):
        some = people[start:start + _AT_ONCE]
        joints = np.stack([person.keypoints_image for person in some])              # (P, K, 2)
        ends = np.array([person.image_size or (0, 0) for person in some]) - 0.5     # (P, 2)
        half = np.array([person.side_image for person in some])[:, None] / 2
        centers = np.stack([person.center_image for person in some])
        crops = np.hstack([centers - half, centers + half])
        boxes = np.stack([crop if person.bbox_image is None else person.bbox_image
                          for person, crop in zip(some, crops)])
        inside = ((joints >= -0.5) & (joints <= ends[:, None])).all(-1).any(-1) & (half[:, 0] > 0)
        for corners in (crops, boxes):
            inside &= ((corners[:, 2:] > -0.5) & (corners[:, :2] < ends)).all(1)
        yield from inside.tolist()


def crop_problem(center: ndarray, radius: float, size: Size) -> str | None:
    """Describe a crop around ``center`` (image px) that shows nothing even if turned."""
    gaps = (max(-0.5 - place, place - side + 0.5, 0.0)
            for place, side in zip(center.tolist(), size))
    if math.hypot(*gaps) < radius:
        return None
    return (f'a crop of {radius:.0f} px around {np.round(center).tolist()} shows nothing of the '
            f'{size[0]}x{size[1]} image')


def mirrors(pipeline: Compose) -> bool:
    """Return whether a pipeline mirrors images, with a step of ours or of mmpose."""
    return any(type(step).__name__ in ('DrawFlip', 'RandomFlip') and np.any(step.prob)
               for step in pipeline.transforms)


# steps that choose or mirror the crop; a flip after it mirrors its pixels alone, or nothing
_OF_THE_CROP = ('BoxToCrop', 'CropAsFound', 'DrawFlip', 'GetBBoxCenterScale', 'LuaScaleRotation',
                'PaperScaleRotation', 'RandomBBoxTransform', 'RandomFlip', 'RandomHalfBody')


def check_pipeline(dataset: Any) -> None:
    """Raise ``ConfigError`` for a pipeline, of any part, whose targets would not be the image's.

    That is a ``DrawFlip`` before mmpose's ``TopdownAffine``, any flip after ``GenerateTarget``, a
    step that chooses the crop after it was cut, and an encoder for crops of another size.
    """
    for part in getattr(dataset, 'datasets', [getattr(dataset, 'dataset', None)]):
        if part is not None:
            check_pipeline(part)
    transforms = getattr(dataset, 'pipeline', Compose(())).transforms
    steps = [type(step).__name__ for step in transforms]
    following = steps[steps.index('DrawFlip'):] if 'DrawFlip' in steps else ()
    if 'TopdownAffine' in following and 'CropImage' not in following:
        raise ConfigError('pipeline: hourglass.DrawFlip mirrors nothing before TopdownAffine; take '
                          'RandomFlip there, or hourglass.CropImage after it')
    made = steps.index('GenerateTarget') if 'GenerateTarget' in steps else len(steps)
    for flip in ('DrawFlip', 'RandomFlip'):
        if flip in steps[made:]:
            raise ConfigError(f'pipeline: {flip} after GenerateTarget mirrors no heatmaps; move '
                              'GenerateTarget behind it')
    cuts = [place for place, name in enumerate(steps) if name in ('CropImage', 'TopdownAffine')]
    for name in steps[cuts[-1]:] if cuts else ():
        if name in _OF_THE_CROP:
            raise ConfigError(f'pipeline: {name} after {steps[cuts[-1]]} comes too late for the '
                              'crop and its keypoints; move it before that')
    if made == len(steps):
        return
    crops = [tuple(transforms[place].input_size) for place in cuts if place < made]
    encoders = transforms[made].encoder
    for encoder in encoders if isinstance(encoders, list) else [encoders]:
        size = tuple(getattr(encoder, 'input_size', None) or ())
        if crops and size and size != crops[-1]:
            raise ConfigError(f'pipeline: input_size of GenerateTarget.encoder is {size} and that '
                              f'of the crop {crops[-1]} (w, h); set both to the same')


def check_pairs(metainfo: dict) -> None:
    """Raise ``ConfigError`` if a mirrored image would train keypoints in the wrong place.

    A skeleton without pairs, or with a keypoint of one side, needs ``flip_pairs`` that say so. That
    less than half of the keypoints are in pairs is logged.
    """
    names, where = keypoint_names(metainfo), metainfo['dataset_name']
    swapped = [name for i, name in enumerate(names) if metainfo['flip_indices'][i] != i]
    advice = (f"give the data set flip_pairs, such as [('{names[0]}', '{names[-1]}')] or [] for "
              'none, or leave mirroring out of the pipeline')
    alone = [name for name in find_pairs(names)[1] if name not in swapped]
    if alone:
        raise ConfigError(f'{where}: {alone[0]!r} has a side and no partner, and training mirrors '
                          f'images; {advice}')
    if not swapped and len(names) > 1:
        raise ConfigError(f"{where}: no two of {', '.join(names)} are named left and right, and "
                          f'training mirrors images; {advice}')
    if 0 < len(swapped) < len(names) / 2:
        rest = ', '.join(name for name in names if name not in swapped)
        MMLogger.get_current_instance().warning(
            f"{where}: a mirrored image swaps {', '.join(swapped)}, and not {rest}; flip_pairs of "
            'the data set changes that')


# what may differ between two spellings of a file name, and the form in which it no longer does
_FORMS: dict[str, Callable[[str], str]] = {
    'slashes': lambda name: str(PurePosixPath(name.replace('\\', '/'))),
    'Unicode forms': lambda name: unicodedata.normalize('NFC', _FORMS['slashes'](name)),
    'case or extension': lambda name: os.path.splitext(_FORMS['Unicode forms'](name))[0].casefold(),
    'folders': lambda name: os.path.basename(_FORMS['case or extension'](name))}


def missing_images(folder: Path, names: set[str]) -> dict[str, str]:
    """Find the images that a folder lacks, each with a hint at a file of a similar name."""
    if not folder.is_dir():
        raise DataError(f'{folder}: no such image folder (docs/data.md)')

    def files(subfolders: Iterable[str]) -> set[str]:
        return {f'{sub}/{entry.name}' if sub else entry.name        # with a slash on Windows, too
                for sub in subfolders if (folder / sub).is_dir()
                for entry in os.scandir(folder / sub)}

    missing = names - files({os.path.dirname(name) for name in names})
    if not missing:
        return {}
    present = files({'', *(os.path.dirname(_FORMS['slashes'](name)) for name in missing)})
    similar = {what: {form(name): name for name in present} for what, form in _FORMS.items()}

    def hint(name: str) -> str:
        for what, form in _FORMS.items():
            if form(name) in similar[what]:
                return f' ({similar[what][form(name)]} is there: {what} differ, spell both alike)'
        return ''
    return {name: hint(name) for name in missing}
