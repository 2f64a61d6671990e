"""Every kind of input gives its images by name, and a line for each that fails."""
import os

import cv2
import numpy as np
import pytest
from PIL import Image
from video_files import write_damaged, write_video

from hourglass.errors import ConfigError, DataError
from hourglass.inference.sources import mark_results, open_source
from hourglass.io.images import as_image


@pytest.fixture
def folder(tmp_path):
    for name in ('b.png', 'a.JPG', 'sub/c.png'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), np.full((4, 6, 3), 90, np.uint8))
    (tmp_path / 'notes.txt').write_text('not an image')
    (tmp_path / 'torn.png').write_bytes((tmp_path / 'b.png').read_bytes()[:40])
    return tmp_path


def test_a_folder_gives_all_images_below_it(folder):
    source = open_source(str(folder))
    assert [image.name for image in source] == ['a.JPG', 'b.png', 'sub/c.png', 'torn.png']
    assert source.count == 4 and source.ignored == 1


def test_a_link_to_nothing_is_a_missing_image(folder):
    (folder / 'd.png').symlink_to(folder / 'gone.png')
    found = {image.name: image.image for image in open_source(str(folder))}
    with pytest.raises(DataError, match=r'd\.png: no such image'):
        as_image(found['d.png'])


def test_images_of_a_linked_folder_are_left_out_with_a_warning(folder, caplog):
    (folder / 'linked').symlink_to(folder / 'sub')
    assert 'linked/c.png' not in open_source(str(folder)).paths
    assert f'{folder}/linked: a link to a folder, whose images are left out' in caplog.text
    caplog.clear()
    assert list(open_source(str(folder / 'linked')).paths) == ['c.png']
    assert 'linked/c.png' in open_source(f'{folder}/**/*.png').paths and not caplog.text


@pytest.mark.parametrize(('source', 'fps', 'message'), [
    ('http://[::1/a.mp4', None, 'no address'), ('.', float('inf'), 'give a rate above 0')])
def test_an_address_or_a_rate_that_is_none_is_refused(source, fps, message):
    with pytest.raises(ConfigError, match=message):
        open_source(source, fps)


def test_a_stream_is_not_named_by_its_password(monkeypatch):
    monkeypatch.setattr('hourglass.inference.sources.Video', lambda address: [])
    assert open_source('rtsp://user:secret@cam.local/').name == 'cam.local'


def test_results_of_an_earlier_prediction_are_no_input(folder):
    for name in ('found/overlays/a.JPG', 'found/crops/sub/c.png_0.png', 'sub/heatmaps/b.png_0.png',
                 'crops/mine.png'):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((folder / 'b.png').read_bytes())
    (folder / 'found/predictions.json').write_text('{}')
    (folder / 'sub/journal').mkdir()                        # of a prediction that was stopped
    source = open_source(str(folder))
    assert list(source.paths) == ['a.JPG', 'b.png', 'crops/mine.png', 'sub/c.png', 'torn.png']
    assert source.ignored == 2                              # notes.txt, predictions.json
    assert list(open_source(str(folder / 'found/crops')).paths) == ['sub/c.png_0.png']


def test_images_of_12_bits_are_scaled_alike_in_a_folder(tmp_path):
    for name, value in (('a', 819), ('b', 4095)):
        cv2.imwrite(str(tmp_path / f'{name}.png'), np.full((4, 6), value, np.uint16))
    with pytest.warns(UserWarning, match='values of 12 bits'):
        open_source(str(tmp_path))
    for bits, expected in ((None, [51, 255]), (16, [3, 16])):
        images = open_source(str(tmp_path), bits=bits)
        assert [as_image(image.image)[0, 0, 0] for image in images] == expected
    with pytest.raises(DataError, match='4095, and 10 bits end'):
        as_image(list(open_source(str(tmp_path), bits=10))[1].image)


def test_a_file_and_a_pattern(folder):
    assert [image.name for image in open_source(str(folder / 'b.png'))] == ['b.png']
    names = [image.name for image in open_source(str(folder / '**/*.png'))]
    assert names == ['b.png', 'sub/c.png', 'torn.png']
    assert next(iter(open_source(f'{folder}/notes.txt'))).name == 'notes.txt'


def test_a_pattern_may_be_of_videos_and_a_name_may_look_like_a_pattern(tmp_path):
    for name in ('a.mp4', 'b[1].mp4'):
        write_video(tmp_path / name, times=range(2))
    source = open_source(str(tmp_path / '*.mp4'))
    assert source.videos == ['a.mp4', 'b[1].mp4'] and len(list(source)) == 4
    assert [one.name for one in open_source(str(tmp_path / 'b[1].mp4'))] == [
        'b[1].mp4/0', 'b[1].mp4/1']


def test_a_video_gives_its_frames_in_order(tmp_path):
    write_video(tmp_path / 'film.mp4')
    source = open_source(str(tmp_path / 'film.mp4'))
    frames = list(source)
    assert source.count == 10
    assert [frame.name for frame in frames] == [f'film.mp4/{i}' for i in range(10)]
    assert frames[4].video == 'film.mp4' and frames[4].time == pytest.approx(0.2)


def test_a_damaged_video_gives_its_frames_and_a_line(tmp_path):
    *frames, last = open_source(str(write_damaged(tmp_path / 'film.mp4')))
    assert 20 < len(frames) < 30 and not any(isinstance(one.image, DataError) for one in frames)
    assert last.name == f'film.mp4/{len(frames)}'
    assert f'film.mp4: damaged or cut off after {len(frames)} frames' in str(last.image)


def test_a_camera_gives_frames_with_times(monkeypatch):
    class Capture:
        def __init__(self, number):
            self.left = [np.full((4, 6, 3), number, np.uint8)] * 3

        def isOpened(self):                     # noqa: N802  (OpenCV's)
            return True

        def read(self):
            return (True, self.left.pop()) if self.left else (False, None)

        def release(self):
            self.left = None
    monkeypatch.setattr(cv2, 'VideoCapture', Capture)
    frames = list(open_source('7'))
    assert [frame.name for frame in frames] == ['camera7/0', 'camera7/1', 'camera7/2']
    assert 0 <= frames[0].time <= frames[2].time and frames[0].image[0, 0, 0] == 7


def test_a_folder_may_mix_images_and_videos(folder):
    write_video(folder / 'sub/film.ts', times=range(3))
    (folder / 'text.mp4').write_text('no film')
    frames = [Image.new('L', (4, 4), grey) for grey in (0, 99)]
    frames[0].save(folder / 'moving.gif', save_all=True, append_images=frames[1:], duration=40)
    source = open_source(str(folder))
    found = [(one.name, one.video, isinstance(one.image, DataError)) for one in source]
    assert found == [
        ('a.JPG', None, False), ('b.png', None, False), ('moving.gif/0', 'moving.gif', False),
        ('moving.gif/1', 'moving.gif', False), ('sub/c.png', None, False),
        *((f'sub/film.ts/{i}', 'sub/film.ts', False) for i in range(3)),
        ('text.mp4', None, True), ('torn.png', None, False)]
    assert source.count is None and source.videos == ['sub/film.ts', 'text.mp4']
    source.animated = False
    assert 'moving.gif' in [one.name for one in source]


def test_a_folder_may_have_videos_alone(tmp_path):
    write_video(tmp_path / 'film.ts', times=range(3))
    assert [one.name for one in open_source(str(tmp_path))] == [
        'film.ts/0', 'film.ts/1', 'film.ts/2']


def test_images_of_a_folder_as_frames_are_counted(tmp_path):
    for name in ('run/10.png', 'run/9.png', 'run/a/1.png', 'run/b.png'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), np.zeros((4, 4, 3), np.uint8))
    found = [(one.name, one.video, one.time) for one in open_source(str(tmp_path), fps=4)]
    top = tmp_path.name
    assert found == [('run/9.png', f'{top}/run', 0), ('run/10.png', f'{top}/run', 0.25),
                     ('run/b.png', f'{top}/run', 0.5), ('run/a/1.png', f'{top}/run/a', 0)]
    for source, fps in (('film.mp4', 25), ('0', 25), ('http://a/b.mp4', 25), (str(tmp_path), 0)):
        with pytest.raises(ConfigError, match='fps='):
            open_source(source, fps)


def test_frames_of_a_folder_come_before_its_animated_images(tmp_path):
    for name in ('1.png', '3.png'):
        cv2.imwrite(str(tmp_path / name), np.zeros((4, 4, 3), np.uint8))
    frames = [Image.new('L', (4, 4), value) for value in (0, 99)]
    frames[0].save(tmp_path / '2.gif', save_all=True, append_images=frames[1:])
    assert [one.name for one in open_source(str(tmp_path), fps=4)] == [
        '1.png', '3.png', '2.gif/0', '2.gif/1']


def test_files_that_pillow_cannot_read_are_ignored(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((4, 4, 3), np.uint8))
    for name in ('notes.pdf', 'valid.h5', 'drawing.eps'):
        (tmp_path / name).write_bytes(b'0')
    source = open_source(str(tmp_path))
    assert (list(source.paths), source.ignored) == (['a.png'], 3)


@pytest.mark.parametrize(('name', 'message'), [
    ('gone.png', 'no image; give an image, a folder'), ('gone.mp4', 'no such video; check'),
    ('none/*.png', 'no image'), ('none/*.mp4', 'no image'), ('empty', '1 file and no image'),
    ('text.mp4', 'not a readable video'), ('77', 'camera 77: not there'),
])
def test_what_is_not_there_is_refused(tmp_path, name, message, capfd):
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'empty/a.txt').touch()
    (tmp_path / 'text.mp4').write_text('no film')
    if name.endswith('.mp4'):
        pytest.importorskip('av')
    with pytest.raises(DataError, match=message):
        open_source(name if name.isdecimal() else str(tmp_path / name))


def test_results_of_a_prediction_that_was_killed_are_no_input(folder):
    mark_results(folder / 'found')
    (folder / 'found/overlays').mkdir()
    (folder / 'found/overlays/b.png').write_bytes((folder / 'b.png').read_bytes())
    assert list(open_source(str(folder)).paths) == ['a.JPG', 'b.png', 'sub/c.png', 'torn.png']


@pytest.mark.skipif(os.name == 'nt', reason='two slashes are a share there')
def test_a_path_that_begins_with_two_slashes_is_no_address(folder):
    assert list(open_source(f'/{folder}').paths) == list(open_source(str(folder)).paths)


def test_a_folder_whose_name_is_a_number_is_no_camera(folder, monkeypatch):
    (folder / 'sub').rename(folder / '2020')
    monkeypatch.chdir(folder)
    assert list(open_source('2020').paths) == ['c.png']
