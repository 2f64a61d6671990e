"""Pictures of the page: what is uploaded, and rendered examples to begin with."""
from functools import cache

import cv2
from PIL import Image, ImageOps
from werkzeug.datastructures import FileStorage

from hourglass.datasets.synthetic import render_person_picture
from hourglass.errors import DataError

# what browsers show; Pillow would read more, some of it by other programs (EPS by Ghostscript)
FORMATS = ('JPEG', 'PNG', 'WEBP', 'GIF', 'BMP')
MAX_MEGAPIXELS = 50                     # 150 MB unpacked
_EXAMPLES = (54, 2, 15)                 # seeds; the last shows two people, for boxes


def read_upload(upload: FileStorage | None) -> Image.Image:
    """The picture of a request, upright.

    Raises:
        DataError: if there is none, or it is no picture, broken, or too large to unpack.
    """
    if not upload:
        raise DataError("picture: none given; upload a file in the field 'picture'")
    try:
        picture = Image.open(upload.stream, formats=FORMATS)
        if picture.width * picture.height > MAX_MEGAPIXELS * 1e6:
            raise Image.DecompressionBombError
        return ImageOps.exif_transpose(picture)
    except Image.DecompressionBombError:
        raise DataError(f'picture: over {MAX_MEGAPIXELS} megapixels; make it smaller') from None
    except Exception:                   # Pillow raises a dozen types for a broken file
        raise DataError(f"picture: not a readable one; give a {', '.join(FORMATS[:-1])} or "
                        f'{FORMATS[-1]} file') from None


def example_count() -> int:
    return len(_EXAMPLES)


@cache
def example_png(index: int) -> bytes:
    """A rendered person as a PNG file; the same in every process."""
    picture, _ = render_person_picture(_EXAMPLES[index], size=(640, 520))
    return cv2.imencode('.png', picture)[1].tobytes()
