"""Images of the page: what is uploaded, and rendered examples to begin with."""
from functools import cache

import cv2
import numpy as np
from PIL import Image, ImageOps
from werkzeug.datastructures import FileStorage

from hourglass.datasets.synthetic import render_person
from hourglass.errors import DataError

# what browsers show; Pillow would read more, some of it by other programs (EPS by Ghostscript)
FORMATS = ('JPEG', 'PNG', 'WEBP', 'GIF', 'BMP')
MAX_MEGAPIXELS = 50                     # 150 MB unpacked
_EXAMPLES = (115, 36, 97)                 # seeds; the last shows two people, for another box
_SIZE = (480, 400)                      # (w, h)


def read_upload(upload: FileStorage | None) -> Image.Image:
    """The image of a request, upright.

    Raises:
        DataError: if there is none, or it is no image, broken, or too large to unpack.
    """
    if not upload:
        raise DataError("image: none given; upload a file in the field 'image'")
    try:
        image = Image.open(upload.stream, formats=FORMATS)
        if image.width * image.height > MAX_MEGAPIXELS * 1e6:
            raise Image.DecompressionBombError
        return ImageOps.exif_transpose(image)
    except Image.DecompressionBombError:
        raise DataError(f'image: over {MAX_MEGAPIXELS} megapixels; make it smaller') from None
    except Exception:                   # Pillow raises a dozen types for a broken file
        raise DataError(f"image: not a readable one; give a {', '.join(FORMATS[:-1])} or "
                        f'{FORMATS[-1]} file') from None


@cache
def examples() -> tuple[tuple[bytes, list[float]], ...]:
    """Rendered people, the same in every process: a PNG file, and a box around the person.

    The box is x1, y1, x2, y2, image px from the image's corner, with some room around the joints.
    """
    made = []
    for seed in _EXAMPLES:
        image, person = render_person(seed, size=_SIZE)
        joints = np.array(person['joints'])[np.array(person['joints_vis']) == 1] - 0.5
        room = 0.06 * np.ptp(joints, axis=0).max()
        corners = np.clip([joints.min(0) - room, joints.max(0) + room], 0, _SIZE)
        made.append((cv2.imencode('.png', image)[1].tobytes(), corners.ravel().tolist()))
    return tuple(made)
