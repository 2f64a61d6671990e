"""Uploads are read upright and refused when broken; the examples are the same in every process."""
from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image
from werkzeug.datastructures import FileStorage

from hourglass.datasets.synthetic import render_person
from hourglass.errors import DataError
from hourglass.web.images import EXAMPLES, FORMATS, examples, read_upload


def uploaded(image: Image.Image, kind: str, **options) -> FileStorage:
    file = BytesIO()
    image.save(file, kind, **options)
    return FileStorage(BytesIO(file.getvalue()), 'name')


@pytest.mark.parametrize('kind', FORMATS)
def test_every_format_is_read(kind):
    assert read_upload(uploaded(Image.new('L', (7, 5), 9), kind)).size == (7, 5)


def test_an_image_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6                        # shown turned by 90 degrees to the right
    stored = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    upright = read_upload(uploaded(stored, 'PNG', exif=exif))
    assert np.array_equal(upright, np.rot90(np.asarray(stored), -1))


@pytest.mark.parametrize(('upload', 'message'), [
    (None, "image: none given; upload a file in the field 'image'"),
    (FileStorage(BytesIO(b'words'), 'name'),
     'image: not a readable one; give a JPEG, PNG, WEBP, GIF or BMP file'),
    (uploaded(Image.new('1', (7_100, 7_100)), 'PNG'), 'image: over 50 megapixels; make it smaller'),
    (uploaded(Image.new('L', (7, 5)), 'TIFF'), 'image: not a readable one'),
])
def test_other_uploads_are_refused(upload, message):
    with pytest.raises(DataError, match=message):
        read_upload(upload)


def test_a_box_has_a_margin_around_the_joints_of_its_example():
    for seed, (png, box) in zip(EXAMPLES, examples(), strict=True):
        image, person = render_person(seed, size=(480, 400))
        assert np.array_equal(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR), image)
        joints = np.array(person['joints'])[np.array(person['joints_vis']) == 1] - 0.5
        low, high = joints.min(0) - box[:2], box[2:] - joints.max(0)
        margin = 0.06 * np.ptp(joints, axis=0).max()            # less at the border of the image
        assert (np.concatenate([low, high]) >= 0).all()
        assert np.concatenate([low, high]).max() == pytest.approx(margin)
