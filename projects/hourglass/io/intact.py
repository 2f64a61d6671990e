"""Checks of JPEG files from end to end: libjpeg fills missing parts of an image with grey."""
import re
from dataclasses import dataclass

_SOI, _EOI, _SOS = b'\xff\xd8', 0xd9, 0xda
_FRAMES = set(range(0xc0, 0xd0)) - {0xc4, 0xc8, 0xcc}
# DHT, DAC, SOS, DQT, DNL, DRI, APPn, COM: the segments that may follow a scan
_AFTER_A_SCAN = {0xc4, 0xcc, _SOS, 0xdb, 0xdc, 0xdd, *range(0xe0, 0xf0), 0xfe}
_MARKER = re.compile(rb'\xff+([^\xff])')
# inside a scan, 0 follows a byte 255 of the pixels, and 0xd0 to 0xd7 restart the decoder
_MARKER_IN_SCAN = re.compile(rb'\xff([^\x00\xd0-\xd7\xff])')


@dataclass(frozen=True)
class JpegFrame:
    """Header of an intact JPEG."""

    size: tuple[int, int]               # (w, h) in px
    bits: int                           # of each colour of a pixel
    colours: int                        # of a pixel, 1 or 3 in most files
    end: int                            # bytes up to the end; some cameras append more


def check_jpeg(data: bytes) -> JpegFrame | None:
    """Return the header of a JPEG file's bytes, or ``None`` for any other format.

    Raises ``ValueError`` if the file is cut off or its markers are out of order. A JPEG has no
    checksums, so damaged pixels are not found.
    """
    if not data.startswith(_SOI):
        return None
    at, header, in_scan = len(_SOI), None, False
    while True:
        found = (_MARKER_IN_SCAN.search if in_scan else _MARKER.match)(data, at)
        if found is None:
            raise ValueError(f'damaged at byte {at}' if not in_scan and at + 2 <= len(data)
                             else f'breaks off after {len(data)} bytes')
        marker, at = found[1][0], found.end()
        if marker == _EOI and in_scan and header:
            return JpegFrame(*header, end=at)
        allowed = _AFTER_A_SCAN if header else (_AFTER_A_SCAN | _FRAMES) - {_SOS}
        length = int.from_bytes(data[at:at + 2], 'big')
        if marker not in allowed or (marker in _FRAMES and length < 8):
            raise ValueError(f'damaged at byte {at - 1}')
        if at + length > len(data):
            raise ValueError(f'breaks off after {len(data)} bytes')
        if marker in _FRAMES:
            height, width = (int.from_bytes(data[at + i:at + i + 2], 'big') for i in (3, 5))
            header = (width, height), data[at + 2], data[at + 7]
        in_scan = in_scan or marker == _SOS
        at += length
