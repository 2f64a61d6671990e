"""DeepLabCut: ``CollectedData_*.csv``, a table with a row for each labelled frame."""
from __future__ import annotations

import csv
import math
import warnings
from collections.abc import Sequence
from pathlib import Path

import yaml

from hourglass.datasets.forms.builder import Builder, Point
from hourglass.datasets.skeletons import Pair
from hourglass.errors import DataError
from hourglass.io.files import named_errors

_HEADS = ('scorer', 'individuals', 'bodyparts', 'coords')
_NO_ANIMAL = 'single'                   # individual of a project's uniquebodyparts


def read_deeplabcut(path: Path, images: Path | None) -> Builder:
    """Read a table of labels; the frames are those of the project that it lies in.

    The head of the table has rows ``scorer``, ``individuals`` (of several animals), ``bodyparts``
    and ``coords``. DeepLabCut writes it twice, and an ``.h5`` is read from the ``.csv`` beside it.
    Points of the individual ``single`` are those of no animal, such as the corners of an arena, and
    are left out with a warning. The bones are the ``skeleton`` of the project's ``config.yaml``.
    Raises ``DataError`` for a file that is not of this form.
    """
    if path.suffix == '.h5':
        path = path.with_suffix('.csv')
    heads, rows = _read_table(path)
    coords = heads['coords']
    columns = [i for i, text in enumerate(coords) if text == 'x']
    if not columns or any(coords[i + 1:i + 2] != ['y'] for i in columns):
        raise DataError(f"{path}: coords are {', '.join(coords)}; a y needed after each x")
    project = [*path.absolute().parents][:3][-1]        # PROJECT/labeled-data/VIDEO/TABLE
    builder = Builder(path, images or project)
    animal_of = [*heads.get('individuals', ()), *[''] * len(coords)]
    of_animals = [i for i in columns if animal_of[i] != _NO_ANIMAL]
    if 0 < len(of_animals) < len(columns):
        others = ', '.join(heads['bodyparts'][i] for i in columns if i not in of_animals)
        warnings.warn(f'{path}: keypoints that belong to no animal are left out: {others}',
                      stacklevel=2)
    for number, row in enumerate(rows, len(heads) + 1):
        if not any(row):
            continue
        if any(len(head) != len(row) for head in heads.values()):
            raise DataError(f'{path}, line {number}: {len(row)} cells, {len(coords)} needed')
        # the frame is one column, or three from DeepLabCut 2.2 on: labeled-data, video, image
        image = builder.add_image('/'.join(filter(None, row[:columns[0]])))
        animals: dict[str, list[Point]] = {}
        for i in of_animals or columns:
            try:
                x, y = (float(text or 'nan') for text in row[i:i + 2])
            except ValueError:
                raise DataError(f'{path}, line {number}: {row[i:i + 2]} where numbers are needed'
                                ) from None
            name = heads['bodyparts'][i]
            if name not in builder.names:
                builder.names.append(name)
            if not math.isnan(x + y):
                animals.setdefault(animal_of[i], []).append(Point(name, x, y))
        for points in animals.values():
            builder.add_person(image, points)
    builder.bones = _bones(project / 'config.yaml', builder.names)
    return builder


def _read_table(path: Path) -> tuple[dict[str, list[str]], list[list[str]]]:
    """Return the rows of the head by their names, and all others."""
    with named_errors(path, 'not a table of DeepLabCut', 'export it as .csv',
                      'no such file; DeepLabCut writes it beside the .h5'), \
            path.open(encoding='utf-8-sig', newline='') as file:
        rows = list(csv.reader(file))
    heads = {row[0]: row for row in rows[:4] if row and row[0] in _HEADS}
    if not {'bodyparts', 'coords'} <= heads.keys():
        raise DataError(f"{path}: no rows 'bodyparts' and 'coords'; give CollectedData_*.csv of a "
                        'DeepLabCut project')
    return heads, rows[len(heads):]


def _bones(config: Path, names: Sequence[str]) -> list[Pair]:
    """Return the ``skeleton`` of a project.

    Bones to keypoints that are not there, as in DeepLabCut's example, are left out.
    """
    if not config.is_file():
        return []
    with named_errors(config, 'not a config of DeepLabCut', 'save it again'):
        content = yaml.safe_load(config.read_text(encoding='utf-8')) or {}
        return [(a, b) for a, b in content.get('skeleton') or () if {a, b} <= set(names)]
