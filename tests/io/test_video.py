"""Frames of videos come upright with the times of their file, and are written with them."""
import struct
import sys
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

pytest.importorskip('av')

from browser import needs_browser, open_browser
from children import reserved_port
from PIL import Image
from video_files import write_damaged, write_video

from hourglass.errors import DataError
from hourglass.io.video import Animation, Video, VideoWriter

UNEVEN = (0, 1, 2, 6, 7, 20)            # times of frames, 1/20 s


@pytest.mark.parametrize('name', ['a.mp4', 'a.mov', 'a.mkv', 'a.ts', 'a.flv', 'a.avi'])
def test_frames_have_the_times_of_their_file(tmp_path, name):
    times = range(6) if name == 'a.avi' else UNEVEN         # AVI has one rate
    video = Video(write_video(tmp_path / name, times))
    frames = list(video)
    assert [frame.time for frame in frames] == pytest.approx(np.divide(times, 20), abs=1e-3)
    assert frames[0].image.shape == (48, 64, 3)
    assert (np.diff([frame.image[:, 32:].mean() for frame in frames]) > 10).all()
    assert video.count in (6, None)


def test_a_last_frame_that_stays_for_long_is_no_damage(tmp_path):
    path = write_video(tmp_path / 'a.mkv', (0, 1, 2), last=200)
    assert [frame.time for frame in Video(path)] == pytest.approx([0, 0.05, 0.1], abs=1e-3)


@pytest.mark.parametrize(('turned', 'white'), [
    (90, np.s_[:16]), (180, np.s_[:, 48:]), (270, np.s_[48:])])
def test_a_turned_video_is_upright(tmp_path, turned, white):
    """The white column at the left is shown at the top, the right or the bottom."""
    image = next(iter(Video(write_video(tmp_path / 'a.mp4', turned=turned)))).image
    assert image.shape[:2] == ((48, 64) if turned == 180 else (64, 48))
    assert image[white].mean() > 240 and image.mean() < 80


@pytest.mark.parametrize('transposed', [False, True])
@pytest.mark.parametrize('signs', [(1, 1), (-1, 1), (1, -1), (-1, -1)])
def test_a_mirrored_video_is_upright(tmp_path, transposed, signs):
    """Its matrix says where the upper left quarter, the dark one, is shown."""
    path, (p, q) = tmp_path / 'a.mp4', signs
    writer = VideoWriter(path)
    image = np.full((48, 64, 3), 200, np.uint8)
    image[:24, :32] = 0
    writer.write(image, 0)
    writer.close()
    (a, b), (c, d) = ((0, q), (p, 0)) if transposed else ((p, 0), (0, q))
    content = path.read_bytes()
    start = content.index(b'tkhd') + 44
    path.write_bytes(content[:start] + struct.pack(
        '>9i', *np.multiply([a, b, 0, c, d, 0, 0, 0, 0], 1 << 16).tolist()[:8], 1 << 30)
        + content[start + 36:])
    shown = next(iter(Video(path))).image
    assert shown.shape[:2] == ((64, 48) if transposed else (48, 64))
    x, y = (np.array([[a, c], [b, d]]) @ [-1, -1] > 0).tolist()     # from the middle to it
    height, width = np.array(shown.shape[:2]) // 2
    assert shown[y * height:][:height, x * width:][:, :width].mean() < 10
    assert shown.mean() == pytest.approx(150, abs=5)


@pytest.mark.parametrize('name', ['a.mp4', 'a.mkv', 'a.ts', 'a.flv', 'a.avi'])
def test_what_lies_before_the_damage_is_read(tmp_path, name):
    count = 0
    with pytest.raises(DataError) as caught:
        for _ in Video(write_damaged(tmp_path / name)):
            count += 1
    assert 20 <= count <= 30
    assert f'{name}: damaged or cut off after {count} frames, 1.' in str(caught.value)


@pytest.mark.parametrize(('name', 'message'), [
    ('gone.mp4', 'gone.mp4: no such video; check its path'),
    ('text.mp4', r'not a readable video \(Invalid data'),
    ('http://127.0.0.1:{port}/a.mp4', r'not a readable video \(Connection refused')])
def test_what_is_no_video_is_refused(tmp_path, name, message):
    (tmp_path / 'text.mp4').write_text('no film')
    with reserved_port() as port, pytest.raises(DataError, match=message):
        Video(name.format(port=port) if '://' in name else tmp_path / name)


def test_a_file_that_lists_addresses_fetches_none(tmp_path):
    """FFmpeg lets a local file open local files alone."""
    write_video(tmp_path / 'a.ts')
    with _server(tmp_path) as (address, asked):
        (tmp_path / 'list.m3u8').write_text(
            f'#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{address}/a.ts\n#EXT-X-ENDLIST\n')
        with pytest.raises(DataError):
            list(Video(tmp_path / 'list.m3u8'))
    assert not asked


@contextmanager
def _server(folder):
    """The address of a server of the folder's files, and what it was asked for."""
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def log_request(self, *_):
            asked.append(self.path)
    server = ThreadingHTTPServer(('127.0.0.1', 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f'http://127.0.0.1:{server.server_port}', asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_video_is_read_from_a_server(tmp_path):
    write_video(tmp_path / 'a.ts')
    with _server(tmp_path) as (address, asked):
        assert len(list(Video(f'{address}/a.ts'))) == 10
        with pytest.raises(DataError, match=r'b\.ts: not a readable video \(.*404'):
            Video(f'{address}/b.ts')
    assert '/a.ts' in asked


@pytest.mark.parametrize('name', ['a.gif', 'a.webp', 'a.png'])
def test_an_animation_has_the_durations_of_its_frames(tmp_path, name):
    frames = [Image.new('RGB', (8, 6), (60 * number, 0, 0)) for number in range(4)]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:],
                   duration=[100, 40, 500, 70], lossless=True)
    assert Animation.recognises(tmp_path / name)
    found = list(Animation(tmp_path / name))
    assert [frame.time for frame in found] == pytest.approx([0, 0.1, 0.14, 0.64])
    assert [frame.image[0, 0].tolist() for frame in found] == [
        [0, 0, 60 * number] for number in range(4)]


def test_the_still_of_an_animated_png_is_no_frame(tmp_path):
    still, *frames = (Image.new('RGB', (8, 6), (60 * number, 0, 0)) for number in range(3))
    still.save(tmp_path / 'a.png', save_all=True, append_images=frames, duration=50,
               default_image=True)
    found = list(Animation(tmp_path / 'a.png'))
    assert [frame.time for frame in found] == pytest.approx([0, 0.05])
    assert [frame.image[0, 0, 2] for frame in found] == [60, 120]


def test_stills_and_pages_are_no_animations(tmp_path):
    page = Image.new('L', (4, 4))
    page.save(tmp_path / 'still.gif')
    page.save(tmp_path / 'pages.tif', save_all=True, append_images=[page])
    (tmp_path / 'text.gif').write_text('GIF89a')
    assert not any(map(Animation.recognises, tmp_path.iterdir()))


@pytest.mark.parametrize(('encoder', 'codec', 'off'), [
    ('libx264', 'h264', 3), ('mpeg4', 'mpeg4', 4)])
def test_what_is_written_has_times_and_pixels(tmp_path, monkeypatch, encoder, codec, off):
    monkeypatch.setattr('av.codecs_available', {encoder})
    writer = VideoWriter(tmp_path / 'new/a.mp4')
    for number, time in enumerate(UNEVEN):
        writer.write(np.full((49, 63, 3), 40 * number, np.uint8), time / 20)
    writer.close()
    video = Video(tmp_path / 'new/a.mp4')
    assert video.stream.codec_context.name == codec
    frames = list(video)
    assert [frame.time for frame in frames] == pytest.approx(np.divide(UNEVEN, 20), abs=1e-4)
    assert frames[0].image.shape == (50, 64, 3)             # H.264 takes even sides
    assert [frame.image.mean() for frame in frames] == pytest.approx(
        [40 * number for number in range(6)], abs=off)


@pytest.mark.slow
@needs_browser
def test_a_browser_plays_what_is_written(tmp_path):
    """To its end; the last frame, from 1 s, is the brightest, and is shown."""
    writer = VideoWriter(tmp_path / 'a.mp4')
    for number, time in enumerate(UNEVEN):
        writer.write(np.full((48, 64, 3), 40 * number, np.uint8), time / 20)
    writer.close()
    (tmp_path / 'page.html').write_text('<video src="a.mp4" autoplay muted></video>')
    with _server(tmp_path) as (address, _), open_browser(tmp_path / 'profile') as driver:
        driver.get(f'{address}/page.html')
        ended, error, length, size, level = driver.execute_async_script("""
            const done = arguments[0], video = document.querySelector('video')
            const answer = () => {
                const canvas = document.createElement('canvas').getContext('2d')
                canvas.drawImage(video, 0, 0)
                const level = canvas.getImageData(9, 9, 1, 1).data[0]
                done([video.ended, video.error && video.error.message, video.duration,
                      [video.videoWidth, video.videoHeight], level])
            }
            video.ended || video.error ? answer() : video.onended = video.onerror = answer""")
    assert ended and error is None and size == [64, 48]
    assert length > 1.02 and level == pytest.approx(200, abs=8)


def test_a_video_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(DataError, match=r'a\.mp4: cannot be written'):
        VideoWriter(tmp_path / 'file/a.mp4')


def test_without_pyav_the_error_names_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'av', None)
    with pytest.raises(DataError, match=r'a\.mp4: videos need PyAV \(the extra video\)'):
        Video(tmp_path / 'a.mp4')
