"""An annotation in any form as a file in COCO's form."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hourglass.datasets.forms.builder import Builder
from hourglass.datasets.forms.cvat import read_cvat
from hourglass.datasets.forms.deeplabcut import read_deeplabcut
from hourglass.datasets.forms.label_studio import read_label_studio
from hourglass.datasets.forms.labelme import read_labelme
from hourglass.datasets.forms.sleap import read_sleap
from hourglass.datasets.forms.yolo import read_yolo
from hourglass.datasets.skeletons import Pair
from hourglass.errors import DataError
from hourglass.io.files import named_errors, read_json, write_json

_BY_SUFFIX = {'.yaml': read_yolo, '.yml': read_yolo, '.csv': read_deeplabcut,
              '.h5': read_deeplabcut, '.xml': read_cvat}


@dataclass(frozen=True)
class Source:
    """A file in COCO's form with its images, and what the form it is made from says besides."""

    file: Path
    images: Path
    flip_pairs: Sequence[Pair] = ()
    validation: Sequence[str] = ()      # names of images
    names: Sequence[str] = ()           # of the keypoints


def as_coco(path: Path, images: Path | None, target: Path, names: Sequence[str] = ()) -> Source:
    """Return an annotation as a file in COCO's form, which ``target`` becomes unless it is one.

    The form is that of COCO (.json), YOLO-pose (``data.yaml``, or its folder), DeepLabCut (.csv or
    .h5), SLEAP (.slp, whose frames are written beside ``target``), labelme (a folder), CVAT (.xml)
    or Label Studio (.json). ``images`` is the folder of the images; by default, the form says where
    they are, or they lie beside the annotation. ``names`` are keypoints that come first, in this
    order, also if no one has them here; unless the file is COCO's already.

    Raises:
        DataError: for a file of another form, or one that cannot be read.
    """
    with named_errors(path, 'not as its form has it', 'export it again'):
        builder = _read(path, images, target)
        if builder is None:
            return Source(path, images or path.parent)
        builder.names = list(dict.fromkeys([*names, *builder.names]))
        content = builder.content()
    write_json(target, content)
    annotated = {person['image'] for person in builder.people}
    return Source(target, builder.folder, builder.flip_pairs,
                  [name for name in builder.validation if name in annotated], builder.names)


def _read(path: Path, images: Path | None, target: Path) -> Builder | None:
    """Read an annotation of a form other than COCO's; None for COCO's."""
    if not path.exists():
        raise DataError(f'{path}: no such file')
    if path.is_dir():
        yaml = next((path / name for name in ('data.yaml', 'data.yml') if (path / name).is_file()),
                    None)
        return read_yolo(yaml, images) if yaml else read_labelme(path, images)
    if path.suffix == '.slp':
        return read_sleap(path, images or target.with_name(f'{target.stem}_frames'))
    if path.suffix in _BY_SUFFIX:
        return _BY_SUFFIX[path.suffix](path, images)
    content = read_json(path, 'export it again')
    if isinstance(content, list):
        return read_label_studio(path, images)
    if isinstance(content, dict) and 'shapes' in content:
        raise DataError(f'{path}: of one image, by labelme; give the folder of all of them')
    return None
