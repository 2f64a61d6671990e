"""Damage of a JPEG is found where its markers show it."""
from io import BytesIO

import pytest
from PIL import Image

from hourglass.io.intact import check_jpeg


def jpeg(**options) -> bytes:
    content = BytesIO()
    Image.new('RGB', (64, 48)).save(content, 'JPEG', **options)
    return content.getvalue()


@pytest.mark.parametrize('options', [{}, {'progressive': True}, {'comment': b'\xff\xd9'}], ids=str)
def test_the_header_of_an_intact_jpeg_is_returned(options):
    content = jpeg(**options)
    frame = check_jpeg(content + b'appended by a camera')
    assert (frame.size, frame.bits, frame.colours, frame.end) == ((64, 48), 8, 3, len(content))


def test_other_formats_pass_unchecked():
    assert check_jpeg(b'\x89PNG\r\n\x1a\n') is None
    assert check_jpeg(b'') is None


@pytest.mark.parametrize('tear', [
    lambda content: content[:-2], lambda content: content[:-2] + bytes(2000),
    lambda content: content[:-20] + b'\xff\xd8\xff\xd9',
    lambda content: content[:200] + content[210:], lambda content: content[:100] + b'\xff\xd9',
    lambda content: content[:2]])
def test_a_jpeg_that_lacks_a_part_is_refused(tear):
    with pytest.raises(ValueError, match='damaged at|breaks off'):
        check_jpeg(tear(jpeg()))
