"""Files of images walked from end to end, so that a damaged one is known before it is decoded.

libjpeg fills what is missing with grey, and Pillow leaves PNG's checksums of the pixels unread.
"""
import re
import zlib
from dataclasses import dataclass

_PNG = b'\x89PNG\r\n\x1a\n'
_SOI, _EOI, _SOS = b'\xff\xd8', 0xd9, 0xda
_FRAMES = set(range(0xc0, 0xd0)) - {0xc4, 0xc8, 0xcc}
# DHT, DAC, SOS, DQT, DNL, DRI, APPn, COM: all that may follow a scan, besides the end
_AFTER_A_SCAN = {0xc4, 0xcc, _SOS, 0xdb, 0xdc, 0xdd, *range(0xe0, 0xf0), 0xfe}
_MARKER = re.compile(rb'\xff+([^\xff])')
# inside a scan: 0 stands behind a byte 255 of the pixels, 0xd0 to 0xd7 restart it
_MARKER_IN_SCAN = re.compile(rb'\xff([^\x00\xd0-\xd7\xff])')


@dataclass(frozen=True)
class JpegFrame:
    """What the header of an intact JPEG says.

    Attributes:
        size: (w, h) in px.
        bits, colours: of a pixel.
        end: bytes up to the end of the image; some cameras write more behind it.
    """

    size: tuple[int, int]
    bits: int
    colours: int
    end: int


def check_image(data: bytes) -> JpegFrame | None:
    """Look over the bytes of an image file; what is neither JPEG nor PNG passes.

    A JPEG has no checksums: that its markers are in order, up to the one that ends it, tells that
    nothing is cut off, not that every pixel is as it was written. A PNG has.

    Returns:
        Of a JPEG what its header says.

    Raises:
        ValueError: if the file is cut off or damaged.
    """
    if data.startswith(_SOI):
        return _walk_jpeg(data)
    if data.startswith(_PNG):
        _walk_png(data)
    return None


def _walk_jpeg(data: bytes) -> JpegFrame:
    at, frame, in_scan = len(_SOI), None, False
    while True:
        found = (_MARKER_IN_SCAN.search if in_scan else _MARKER.match)(data, at)
        if found is None:
            raise ValueError(f'damaged at byte {at}' if not in_scan and at + 2 <= len(data)
                             else f'breaks off after {len(data)} bytes')
        marker, at = found[1][0], found.end()
        if marker == _EOI and in_scan:
            return JpegFrame(*frame, at)
        known = _AFTER_A_SCAN if frame is not None else _AFTER_A_SCAN | _FRAMES
        if marker not in known or (marker == _SOS and frame is None):
            raise ValueError(f'damaged at byte {at - 1}')
        length = int.from_bytes(data[at:at + 2], 'big')
        if at + length > len(data):
            raise ValueError(f'breaks off after {len(data)} bytes')
        if marker in _FRAMES:
            frame = _frame(data[at + 2:at + length], at)
        in_scan = in_scan or marker == _SOS
        at += length


def _frame(segment: bytes, at: int) -> tuple[tuple[int, int], int, int]:
    """(w, h), bits and colours."""
    if len(segment) < 6:
        raise ValueError(f'damaged at byte {at}')
    bits, colours = segment[0], segment[5]
    height, width = (int.from_bytes(segment[i:i + 2], 'big') for i in (1, 3))
    return (width, height), bits, colours


def _walk_png(data: bytes) -> None:
    view, at = memoryview(data), len(_PNG)
    while True:
        length, kind = int.from_bytes(view[at:at + 4], 'big'), bytes(view[at + 4:at + 8])
        end = at + 8 + length
        if end + 4 > len(data):
            raise ValueError(f'breaks off after {len(data)} bytes')
        if zlib.crc32(view[at + 4:end]) != int.from_bytes(view[end:end + 4], 'big'):
            raise ValueError(f'damaged between bytes {at} and {end}')
        if kind == b'IEND':
            return
        at = end + 4
