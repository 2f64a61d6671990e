"""Images of the page: uploads, and rendered examples."""
from functools import cache

import cv2
import numpy as np
from PIL import Image, ImageOps
from werkzeug.datastructures import FileStorage

from hourglass.datasets.synthetic import render_person
from hourglass.errors import DataError

# formats that browsers show; Pillow reads more, some with other programs (EPS with Ghostscript)
FORMATS = ('JPEG', 'PNG', 'WEBP', 'GIF', 'BMP')
MAX_MEGAPIXELS = 50                     # 150 MB when decoded
EXAMPLES = (115, 36, 97)                # seeds; the last image shows two people
_SIZE = (480, 400)                      # (w, h)


def read_upload(upload: FileStorage | None) -> Image.Image:
    """Read the image of a request, and turn it upright.

    Raises ``DataError`` if no file was uploaded, or it is not a readable image, or too large.
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
    """Render the examples: PNG files, and boxes (x1, y1, x2, y2 in px) around the joints."""
    rendered = []
    for seed in EXAMPLES:
        image, person = render_person(seed, size=_SIZE)
        joints = np.array(person['joints'])[np.array(person['joints_vis']) == 1] - 0.5
        margin = 0.06 * np.ptp(joints, axis=0).max()
        corners = np.clip([joints.min(0) - margin, joints.max(0) + margin], 0, _SIZE)
        rendered.append((cv2.imencode('.png', image)[1].tobytes(), corners.ravel().tolist()))
    return tuple(rendered)
