"""What the readers of all forms have in common: images are found, and people are put together."""
from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

import numpy as np

from hourglass.datasets.checks import Size, size_problem
from hourglass.datasets.skeletons import Pair
from hourglass.errors import DataError
from hourglass.io.images import image_size


class Point(NamedTuple):
    """An annotated keypoint, image px; equal groups mark one person, None says nothing."""

    name: str
    x: float
    y: float
    occluded: bool = False
    group: object = None


class Box(NamedTuple):
    """An annotated box, image px, and its group, as for a :class:`Point`."""

    x: float
    y: float
    width: float
    height: float
    group: object = None

    def holds(self, point: Point) -> bool:
        """Return whether a point lies in the box, or on its border."""
        return 0 <= point.x - self.x <= self.width and 0 <= point.y - self.y <= self.height

    @property
    def area(self) -> float:
        """In px^2."""
        return self.width * self.height

    def turned(self, degrees: float, about: tuple[float, float] = (0.5, 0.5)) -> Box:
        """Return the upright box around this one, turned clockwise.

        ``about`` is the point that stays, from (0, 0), the upper left corner, to (1, 1).
        """
        if not degrees:
            return self
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        sides = np.array([self.width, self.height])
        corners = sides * (np.array([(0, 0), (1, 0), (0, 1), (1, 1)]) - about)
        corners = corners @ [[cos, sin], [-sin, cos]] + (self.x, self.y) + sides * about
        (x, y), (width, height) = corners.min(0).tolist(), np.ptp(corners, axis=0).tolist()
        return Box(x, y, width, height, self.group)


@dataclass
class Builder:
    """People of an annotation, as they are read, for a file in COCO's form.

    Attributes:
        path: of the annotation, for messages.
        folder: of the images, which their names in the COCO file are relative to.
        names: of the keypoints; those of other names are appended when they are first seen.
        bones: pairs of names.
        flip_pairs: pairs of names that a mirrored image swaps, where the form says so.
        validation: names of the images of the validation split, where the form has splits.
        written: name of an image in the folder -> its path in the annotation.
    """

    path: Path
    folder: Path
    names: list[str] = field(default_factory=list)
    bones: Sequence[Pair] = ()
    flip_pairs: Sequence[Pair] = ()
    validation: list[str] = field(default_factory=list)
    images: dict[str, dict] = field(default_factory=dict)
    people: list[dict] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)

    def find_image(self, written: str, beside: Path = Path()) -> tuple[str | None, str]:
        """Find the image that a path in the annotation means; the folder may have been elsewhere.

        Returns its name in the folder, which is the longest end of the path that exists there, or
        None; and the whole path from ``beside``.
        """
        path = PureWindowsPath(written)                 # understands both slashes, and drives
        parts = [] if path.anchor else list(beside.parts)
        for part in path.parts:
            if part == '..' and parts:
                parts.pop()
            else:
                parts.append(part)
        ends = ('/'.join(parts[i:]) for i, part in enumerate(parts)
                if part not in ('..', path.anchor))
        found = next((end for end in ends if (self.folder / end).is_file()), None)
        return found, '/'.join(parts)

    def add_image(self, written: str, beside: Path = Path(), source: str | None = None,
                  annotated: Size | None = None) -> str:
        """Add the image of :meth:`find_image`, and return its name in the folder.

        ``source`` is the path that tells it from others, by default that from ``beside``, and
        ``annotated`` the (w, h) in px that the annotation states, if it does. Raises ``DataError``
        for a missing image, for one of another size, and for one that another path means, too.
        """
        name, whole = self.find_image(written, beside)
        if name is None:
            raise DataError(f'{self.path}: {self.folder} has no image {written}; name the folder '
                            'of the images with --images')
        source = source or whole
        if (other := self.written.setdefault(name, source)) != source:
            raise DataError(f'{self.path}: {other} and {source} would be the same image, '
                            f'{self.folder / name}; name the folder that has both with --images')
        if name not in self.images:
            width, height = size = image_size(self.folder / name)
            known = annotated if annotated and all(annotated) else None
            if problem := size_problem(known, size):
                raise DataError(f'{self.path}: {name}: {problem}')
            self.images[name] = dict(id=len(self.images) + 1, file_name=name, width=width,
                                     height=height)
        return name

    def add_person(self, image: str, points: Iterable[Point], box: Box | None = None) -> None:
        """Add a person; ``DataError`` if two points have the same name."""
        places: dict[str, tuple[float, float, int]] = {}
        for point in points:
            if point.name in places:
                raise DataError(f'{self.path}: {image} has two points {point.name!r} of one '
                                'person; give each person a group (or a box around all of it)')
            if point.name not in self.names:
                self.names.append(point.name)
            places[point.name] = point.x, point.y, 1 if point.occluded else 2
        self.people.append(dict(image=image, places=places, box=box))

    def add_shapes(self, image: str, points: Sequence[Point], boxes: Sequence[Box]) -> None:
        """Add the people of an image whose points and boxes are separate shapes.

        They belong together by their groups. Points without one belong to the smallest box around
        them; on an image without boxes, to one person.
        """
        owners: dict[object, Box] = {}
        for number, box in enumerate(boxes):
            owner = ('box', number) if box.group is None else box.group
            if owner in owners:
                raise DataError(f'{self.path}: {image} has two boxes of the group {box.group!r}; '
                                'give each person one box')
            owners[owner] = box
        theirs: dict[object, list[Point]] = {owner: [] for owner in owners}
        for point in points:
            around = [owner for owner, box in owners.items() if box.holds(point)]
            owner = point.group
            if owner is None and around:
                owner = min(around, key=lambda one: owners[one].area)
            elif owner is None and boxes:
                raise DataError(f'{self.path}: {image}: point {point.name!r} lies in no box and '
                                'has no group; give it the group of its person')
            theirs.setdefault(owner, []).append(point)
        for owner, found in theirs.items():
            self.add_person(image, found, owners.get(owner))

    def warn_of_others(self, others: Mapping[str, int]) -> None:
        """Warn of shapes that are no points and no boxes, from their kinds to their numbers."""
        if others:
            counts = ', '.join(f'{count} of kind {kind!r}' for kind, count in others.items())
            warnings.warn(f'{self.path}: shapes that are no keypoints and no boxes are left out: '
                          f'{counts}', stacklevel=3)

    def content(self) -> dict:
        """Return the content of a file in COCO's form.

        Raises ``DataError`` if nobody is annotated, or a coordinate is not finite.
        """
        if not any(person['places'] for person in self.people):
            raise DataError(f'{self.path}: no annotated keypoint')
        annotations = []
        for number, person in enumerate(self.people, 1):
            triples = np.array([person['places'].get(name, (0, 0, 0)) for name in self.names])
            if not np.isfinite([*triples.ravel(), *(person['box'] or ())[:4]]).all():
                raise DataError(f"{self.path}: {person['image']} has a point or a box that is not "
                                'finite; annotate it again')
            annotation = dict(id=number, image_id=self.images[person['image']]['id'],
                              category_id=1, iscrowd=0, keypoints=triples.ravel().tolist(),
                              num_keypoints=len(person['places']))
            if person['box']:
                annotation['bbox'] = list(person['box'][:4])
            annotations.append(annotation)
        number_of = {name: number for number, name in enumerate(self.names, 1)}
        category = dict(id=1, name='person', keypoints=self.names,
                        skeleton=[[number_of[end] for end in bone] for bone in self.bones])
        return dict(images=list(self.images.values()), categories=[category],
                    annotations=annotations)
