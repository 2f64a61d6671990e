"""CVAT: ``annotations.xml`` of the export "CVAT for images 1.1"."""
from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from xml.etree import ElementTree

from hourglass.datasets.forms.builder import Box, Builder, Point
from hourglass.errors import DataError
from hourglass.io.files import named_errors

_SHAPES = 'box', 'points', 'skeleton'


def read_cvat(path: Path, images: Path | None) -> Builder:
    """Read skeletons, points and boxes of all images.

    A ``skeleton`` is a person, with the box of its group, or else the smallest one around it. So is
    a ``points`` with several points, whose keypoints are numbered. Single points are keypoints,
    named by their label, and belong together as :meth:`.Builder.add_shapes` says. Shapes of other
    kinds are left out with a warning. Raises ``DataError`` for a file that is not of this form, and
    for skeletons of several labels whose keypoints differ.
    """
    with named_errors(path, 'not an XML file', 'export it again'):
        root = ElementTree.parse(path).getroot()
    found = root.findall('image')
    if not found:
        raise DataError(f"{path}: no 'image'; export it as 'CVAT for images 1.1'")
    keypoints_of: dict[str | None, set] = defaultdict(set)
    for skeleton in root.iterfind('image/skeleton'):
        keypoints_of[skeleton.get('label')] |= {
            point.get('label') for point in skeleton.findall('points')}
    if len(set(map(frozenset, keypoints_of.values()))) > 1:
        labels = ', '.join(map(str, keypoints_of))
        raise DataError(f'{path}: skeletons with other keypoints each: {labels}; export it as '
                        "'COCO Keypoints 1.0' and name one of them with --category")
    builder = Builder(path, images or path.parent)
    for element in found:
        try:
            _add_people(builder, element)
        except DataError:
            raise
        except (KeyError, ValueError) as error:
            raise DataError(f"{path}: image {element.get('name')}: {type(error).__name__}: "
                            f'{error}; export it again') from None
    builder.warn_of_others(Counter(
        shape.tag for element in found for shape in element if shape.tag not in _SHAPES))
    return builder


def _add_people(builder: Builder, element: ElementTree.Element) -> None:
    image = builder.add_image(element.attrib['name'], annotated=(
        int(element.get('width', 0)), int(element.get('height', 0))))
    points, boxes = [], []
    for box in element.findall('box'):
        x1, y1, x2, y2 = (float(box.attrib[key]) for key in ('xtl', 'ytl', 'xbr', 'ybr'))
        boxes.append(Box(x1, y1, x2 - x1, y2 - y1, box.get('group_id')).turned(
            float(box.get('rotation', 0))))
    found = element.findall('skeleton')
    groups = Counter(skeleton.get('group_id') for skeleton in found)
    for number, skeleton in enumerate(found):
        theirs = [point for one in skeleton.findall('points') for point in _points(one)]
        group = skeleton.get('group_id')
        # several people may have one group, and a person may have none, or no box of it
        if groups[group] > 1 or group is None or all(box.group != group for box in boxes):
            group = f'skeleton {number}'
            if theirs:
                _give(boxes, theirs, group)
        points += [point._replace(group=group) for point in theirs]
    for one in element.findall('points'):
        if len(several := _points(one)) > 1:
            builder.add_person(image, several)
        else:
            points += several
    builder.add_shapes(image, points, boxes)


def _give(boxes: list[Box], points: list[Point], group: str) -> None:
    """Give the smallest box around points, of those without a group, a group."""
    around = [place for place, box in enumerate(boxes)
              if box.group is None and all(map(box.holds, points))]
    if around:
        place = min(around, key=lambda one: boxes[one].area)
        boxes[place] = boxes[place]._replace(group=group)


def _points(element: ElementTree.Element) -> list[Point]:
    """Return the points of an element; ``outside`` means not in the image."""
    if element.get('outside') == '1':
        return []
    places = [list(map(float, place.split(','))) for place in element.attrib['points'].split(';')]
    label, occluded = element.attrib['label'], element.get('occluded') == '1'
    return [Point(label if len(places) == 1 else f'{label}_{i}', x, y, occluded,
                  element.get('group_id')) for i, (x, y) in enumerate(places, 1)]
