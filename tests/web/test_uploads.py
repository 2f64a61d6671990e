"""Uploads become upright images and frames, or are refused in a line; no address is fetched."""
import pytest

pytest.importorskip('flask')

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO

import cv2
import numpy as np
from PIL import Image
from werkzeug.datastructures import FileStorage

from hourglass.errors import DataError
from hourglass.web.uploads import FORMATS, MAX_FRAMES, read_frames, read_upload


def file_of(content: bytes) -> FileStorage:
    return FileStorage(BytesIO(content), 'http://localhost/name.mp4')


def uploaded(image: Image.Image, kind: str, **options) -> FileStorage:
    file = BytesIO()
    if kind == 'HEIF':
        import pillow_heif
        pillow_heif.from_pillow(image.convert('RGB')).save(file)
    else:
        image.save(file, kind, **options)
    return file_of(file.getvalue())


@pytest.mark.parametrize('kind', FORMATS)
def test_every_format_is_read(kind):
    assert read_upload(uploaded(Image.new('L', (17, 15), 9), kind)).shape == (15, 17, 3)


def test_an_image_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6                        # shown turned by 90 degrees to the right
    stored = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    upright = read_upload(uploaded(stored, 'PNG', exif=exif))
    assert np.array_equal(upright[..., 0], np.rot90(np.asarray(stored), -1))


@pytest.mark.parametrize(('upload', 'message'), [
    (None, "image: none given; upload a file in the field 'image'"),
    (file_of(b'words'),
     'image: not a readable one; give a JPEG, PNG, '),
    (uploaded(Image.new('1', (7_100, 7_100)), 'PNG'), 'image: over 50 megapixels; make it smaller'),
    (uploaded(Image.new('L', (7, 5)), 'TIFF'), 'image: not a readable one'),
])
def test_other_uploads_are_refused(upload, message):
    with pytest.raises(DataError, match=message):
        read_upload(upload)


@pytest.fixture(scope='module')
def video(tmp_path_factory) -> bytes:
    """8 s of 10 frames each, brighter by 3 from frame to frame."""
    pytest.importorskip('av')
    path = tmp_path_factory.mktemp('video') / 'a.mp4'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'mp4v'), 10, (1300, 16))
    for index in range(80):
        writer.write(np.full((16, 1300, 3), 3 * index, np.uint8))
    writer.release()
    return path.read_bytes()


@pytest.mark.parametrize(('seconds', 'count', 'gap', 'sentence'), [
    (30, 40, 0.2, None),
    (5.95, 60, 0.1, 'video: its first 5.95 seconds are shown')])
def test_a_video_becomes_evenly_spaced_frames(video, seconds, count, gap, sentence):
    frames, missing = read_frames(file_of(video), seconds)
    assert missing == sentence
    assert len(frames) == count <= MAX_FRAMES
    assert [time for time, _ in frames] == pytest.approx(gap * np.arange(count))
    images = [np.asarray(Image.open(BytesIO(jpeg))) for _, jpeg in frames]
    assert images[0].shape == (16, 1280, 3)             # shrunk
    levels = [image.mean() for image in images]
    assert levels == pytest.approx(30 * gap * np.arange(count), abs=4)      # of MPEG-4 and JPEG


def test_a_video_of_too_many_frames_is_cut(video, monkeypatch):
    monkeypatch.setattr('hourglass.web.uploads._MOST_PIXELS', 1300 * 16 * 10)
    frames, missing = read_frames(file_of(video), 30)
    assert len(frames) == 10
    assert missing == 'video: it has so many frames that the first 1.0 seconds are shown'


def test_an_image_that_no_jpeg_can_hold_is_refused():
    with pytest.raises(DataError, match='image: a side of more than 65,500 px; make it smaller'):
        read_frames(uploaded(Image.new('L', (70_000, 2)), 'PNG'), 30)


def test_frames_before_the_damage_of_a_video_are_kept(tmp_path, rng):
    pytest.importorskip('av')
    path = tmp_path / 'a.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 10, (64, 48))
    for _ in range(40):
        writer.write(rng.integers(0, 255, (48, 64, 3), np.uint8))
    writer.release()
    whole = path.read_bytes()
    frames, missing = read_frames(file_of(whole[:len(whole) // 2]), 30)
    assert 10 < len(frames) < 30
    assert missing.startswith('video: ')
    assert '/' not in missing


def test_a_video_without_a_readable_frame_is_refused(video):
    with pytest.raises(DataError, match='^video: not a readable video') as error:
        read_frames(file_of(video[:len(video) // 2]), 30)       # its index stands at the end
    assert '/' not in str(error.value)


def test_a_video_of_too_large_frames_is_refused(video, monkeypatch):
    monkeypatch.setattr('hourglass.web.uploads.MAX_MEGAPIXELS', 0.02)
    with pytest.raises(DataError, match='^video: over 0.02 megapixels; make it smaller'):
        read_frames(file_of(video), 30)


def addresses(server: str) -> dict[str, bytes]:
    """Files that name an address, for programs that follow it."""
    segment = f'{server}/a.ts'.encode()
    playlist = b'#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n' + segment + b'\n#EXT-X-ENDLIST\n'
    return {
        'HLS': playlist,
        'DASH': b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles='
                b'"urn:mpeg:dash:profile:isoff-live:2011"><BaseURL>' + segment
                + b'</BaseURL></MPD>',
        'a list': b'ffconcat version 1.0\nfile ' + segment + b'\n',
        'SVG': b'<svg xmlns="http://www.w3.org/2000/svg"><image href="' + segment + b'"/></svg>',
        'the address itself': segment,
        'HLS that begins as MP4': b'\0\0\0\x18ftypisom\n' + playlist,
        'HLS that begins as Matroska': b'\x1aE\xdf\xa3\n' + playlist}


def test_no_address_in_a_file_is_fetched():
    pytest.importorskip('av')               # which would fetch them
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(('127.0.0.1', 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        for content in addresses(f'http://127.0.0.1:{server.server_port}').values():
            for read in (read_upload, lambda upload: read_frames(upload, 30)):
                with pytest.raises(DataError):
                    read(file_of(content))
        assert asked == []
        cv2.VideoCapture(f'http://127.0.0.1:{server.server_port}/a.ts')
        assert asked[0] == '/a.ts'                      # the server would have noticed
    finally:
        server.shutdown()
        thread.join()
