"""Label Studio: the JSON export, a list of tasks."""
from __future__ import annotations

from collections import Counter
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from hourglass.datasets.forms.builder import Box, Builder, Point
from hourglass.errors import DataError
from hourglass.io.files import read_json
from hourglass.io.images import image_suffixes

_UPLOADED = 8                           # letters that Label Studio puts before an uploaded name


def read_label_studio(path: Path, images: Path | None) -> Builder:
    """Read keypoints and rectangles of all tasks, which are percent of the image there.

    A keypoint belongs to the rectangle that is its parent (``parentID``), or as
    :meth:`.Builder.add_shapes` says. Of several annotations of a task, the one that is its ground
    truth is read. Results of other kinds are left out with a warning. Raises ``DataError`` if there
    is no ground truth among several, and for a file that is not of this form.
    """
    builder = Builder(path, images or path.parent)
    others: Counter[str] = Counter()
    for number, task in enumerate(read_json(path, 'export it again')):
        try:
            found = [annotation for annotation in task['annotations']
                     if not annotation.get('was_cancelled') and annotation['result']]
            chosen = [one for one in found if one.get('ground_truth')] or found
            if len(chosen) > 1:
                raise DataError(f'{path}, task {number}: {len(chosen)} annotations; mark one of '
                                'them as ground truth, or export one')
            for annotation in chosen:
                _add_people(builder, task['data'], annotation['result'], others)
        except (KeyError, IndexError, TypeError) as error:
            raise DataError(f'{path}, task {number}: {type(error).__name__}: {error}; export it as '
                            'JSON') from None
    builder.warn_of_others(others)
    return builder


def _add_people(builder: Builder, data: dict, result: list[dict], others: Counter[str]) -> None:
    image = ''
    points, boxes = [], []
    for one in result:
        if one['type'] not in ('keypointlabels', 'rectanglelabels'):
            others[one['type']] += 1
            continue
        if not image:
            name, source = _name(builder, data)
            image = builder.add_image(name, source=source, annotated=(
                one['original_width'], one['original_height']))
        if turn := one.get('image_rotation'):
            raise DataError(f'{builder.path}: {image} was turned by {turn} degrees in Label '
                            'Studio; turn it back there, and export it again')
        value, size = one['value'], (one['original_width'], one['original_height'])
        x, y = value['x'] / 100 * size[0], value['y'] / 100 * size[1]
        if one['type'] == 'rectanglelabels':
            boxes.append(Box(x, y, value['width'] / 100 * size[0], value['height'] / 100 * size[1],
                             one['id']).turned(value.get('rotation', 0), about=(0, 0)))
        else:
            points.append(Point(value['keypointlabels'][0], x, y, group=one.get('parentID')))
    if image:
        builder.add_shapes(image, points, boxes)


def _name(builder: Builder, data: dict) -> tuple[str, str | None]:
    """Return the name of a task's image: of ``?d=``, or without the prefix of an uploaded one.

    An uploaded one has its path there, too, as the prefix tells two of the same name apart.
    """
    urls = [urlsplit(value) for value in data.values() if isinstance(value, str)]
    names = [parse_qs(url.query).get('d', [unquote(url.path)])[0] for url in urls]
    name = next((name for name in names if Path(name).suffix.lower() in image_suffixes()), None)
    if name is None:
        raise DataError(f'{builder.path}: no image is named by {data}')
    last = name.rpartition('/')[2]
    if last[_UPLOADED:_UPLOADED + 1] == '-' and builder.find_image(name)[0] is None:
        return last[_UPLOADED + 1:], name
    return name, None
