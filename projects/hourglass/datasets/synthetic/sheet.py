"""Contact sheets: a grid of pictures with their joints, limbs and head boxes drawn in."""

import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hourglass.errors import DataError

_RIGHT, _LEFT, _MIDDLE = (40, 40, 255), (60, 230, 60), (255, 190, 40)
_LIMBS = (
    (0, 1, _RIGHT), (1, 2, _RIGHT), (10, 11, _RIGHT), (11, 12, _RIGHT),
    (3, 4, _LEFT), (4, 5, _LEFT), (13, 14, _LEFT), (14, 15, _LEFT),
    (2, 6, _MIDDLE), (6, 3, _MIDDLE), (6, 7, _MIDDLE), (12, 7, _MIDDLE), (7, 13, _MIDDLE),
    (7, 8, _MIDDLE), (8, 9, _MIDDLE),
)
"""MPII joint numbers of each limb's ends, and its colour: the person's right is red."""

_ZOOM = 2
_BITS = 4


def draw_record(picture: np.ndarray, record: dict[str, Any]) -> np.ndarray:
    """An enlarged copy of a picture (H, W, 3) with one record on it; hidden joints are hollow."""
    drawn = cv2.resize(picture, None, fx=_ZOOM, fy=_ZOOM, interpolation=cv2.INTER_CUBIC)

    def place(point: list[float]) -> tuple[int, int]:
        """Fixed-point pixel of the enlarged picture for a 1-based point of the original."""
        enlarged = (np.asarray(point) - 0.5) * _ZOOM - 0.5
        x, y = np.round(enlarged * (1 << _BITS)).astype(int).tolist()
        return x, y

    joints, annotated = record['joints'], record['joints_vis']
    for start, end, colour in _LIMBS:
        if annotated[start] and annotated[end]:
            cv2.line(drawn, place(joints[start]), place(joints[end]), colour, 1, cv2.LINE_AA, _BITS)
    for joint, shown, hidden in zip(joints, annotated, record['joints_occluded'], strict=True):
        if shown:
            cv2.circle(drawn, place(joint), 3 << _BITS, (0, 255, 255), 1 if hidden else -1,
                       cv2.LINE_AA, _BITS)
    box = record['head_box']
    cv2.rectangle(drawn, place(box[:2]), place(box[2:]), (255, 0, 255), 1, cv2.LINE_AA, _BITS)
    return drawn


def write_sheet(annotation: str | os.PathLike[str], target: str | os.PathLike[str], seed: int = 0,
                columns: int = 6, rows: int = 4) -> Path:
    """Draw random pictures of an annotation file of ``write_synthetic`` to one image file."""
    annotation, target = Path(annotation), Path(target)
    people = json.loads(annotation.read_text(encoding='utf-8'))['people']
    columns = min(columns, len(people))
    rows = min(rows, len(people) // columns)
    chosen = np.random.default_rng(seed).choice(len(people), columns * rows, replace=False)
    cells = []
    for index in chosen:
        path = annotation.parent / 'images' / people[index]['image']
        picture = cv2.imread(str(path))
        if picture is None:
            raise DataError(f'{path}: not a readable picture; delete {annotation} and run again')
        cells.append(draw_record(picture, people[index]))
    sheet = np.vstack([np.hstack(cells[row * columns:(row + 1) * columns])
                       for row in range(rows)])
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(str(target), sheet):
            raise DataError(f'{target}: cannot write the sheet; choose a writable place')
    except (OSError, cv2.error) as error:
        raise DataError(f'{target}: cannot write the sheet; name a .png or .jpg file in a '
                        'writable folder') from error
    return target
