"""labelme: a folder with a JSON file for each image."""
from __future__ import annotations

from collections import Counter
from pathlib import Path

from hourglass.datasets.forms.builder import Box, Builder, Point
from hourglass.errors import DataError
from hourglass.io.files import read_json


def read_labelme(path: Path, images: Path | None) -> Builder:
    """Read the shapes of all images: a point is a keypoint, named by its label; a rectangle a box.

    X-AnyLabeling gives all four corners of a rectangle instead of two. Shapes of a person have the
    same ``group_id``; :meth:`.Builder.add_shapes` says what is done without one. Shapes of other
    kinds are left out with a warning. The path of an image is relative to the folder of its file.
    Raises ``DataError`` for files that are not of this form.
    """
    builder = Builder(path, images or path)
    others: Counter[str] = Counter()
    file_of: dict[str, Path] = {}
    for file in sorted(path.rglob('*.json')):
        content = read_json(file, 'save it again')
        if not isinstance(content, dict) or 'shapes' not in content:
            continue                                    # other tools' files may lie beside it
        try:
            image = builder.add_image(
                content['imagePath'], file.parent.relative_to(path),
                annotated=(content.get('imageWidth') or 0, content.get('imageHeight') or 0))
            if image in file_of:
                raise DataError(f'{file}: its image is {image}, as that of {file_of[image]}; put '
                                'each image beside its file, and have one file for it')
            file_of[image] = file
            points, boxes = _read_shapes(content['shapes'], others)
        except DataError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f'{file}: not a file of labelme ({type(error).__name__}: {error}); '
                            'save it again') from None
        builder.add_shapes(image, points, boxes)
    builder.warn_of_others(others)
    return builder


def _read_shapes(shapes: list[dict], others: Counter[str]) -> tuple[list[Point], list[Box]]:
    """Return the points and boxes of an image, and count shapes of other kinds in ``others``."""
    points, boxes = [], []
    for shape in shapes:
        kind, group, places = shape['shape_type'], shape.get('group_id'), shape['points']
        if kind == 'point':
            flags = shape.get('flags') or {}
            (x, y), = places
            points.append(Point(shape['label'], float(x), float(y), bool(flags.get('occluded')),
                                group))
        elif kind == 'rectangle':
            if len(places) not in (2, 4):
                raise ValueError(f'a rectangle of {len(places)} points')
            xs, ys = zip(*places)
            low_x, low_y = min(xs), min(ys)
            boxes.append(Box(low_x, low_y, max(xs) - low_x, max(ys) - low_y, group))
        else:
            others[kind] += 1
    return points, boxes
