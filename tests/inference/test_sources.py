"""Every kind of input gives its images by name, and a line for each that fails."""
import cv2
import numpy as np
import pytest

from hourglass.errors import DataError
from hourglass.inference.sources import open_source


def write_video(path, frames: int = 10) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 20, (64, 48))
    for brightness in range(frames):
        writer.write(np.full((48, 64, 3), 20 * brightness, np.uint8))
    writer.release()


@pytest.fixture
def folder(tmp_path):
    for name in ('b.png', 'a.JPG', 'sub/c.png'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), np.full((4, 6, 3), 90, np.uint8))
    (tmp_path / 'notes.txt').write_text('not an image')
    (tmp_path / 'torn.png').write_bytes((tmp_path / 'b.png').read_bytes()[:40])
    return tmp_path


def test_a_folder_gives_all_below_it_and_names_what_is_broken(folder):
    source = open_source(str(folder))
    images = list(source)
    assert [image.name for image in images] == ['a.JPG', 'b.png', 'sub/c.png', 'torn.png']
    assert source.count == 4 and source.ignored == 1 and source.fps is None
    assert [isinstance(image.image, DataError) for image in images] == [False] * 3 + [True]
    assert 'torn.png: not a readable image' in str(images[-1].image)


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


def test_a_file_and_a_pattern(folder):
    assert [image.name for image in open_source(str(folder / 'b.png'))] == ['b.png']
    names = [image.name for image in open_source(str(folder / '**/*.png'))]
    assert names == ['b.png', 'sub/c.png', 'torn.png']
    assert next(iter(open_source(f'{folder}/notes.txt'))).name == 'notes.txt'


def test_a_video_gives_its_frames_in_order(tmp_path):
    write_video(tmp_path / 'film.mp4')
    source = open_source(str(tmp_path / 'film.mp4'))
    frames = list(source)
    assert source.fps == 20 and source.count == 10
    assert [frame.name for frame in frames] == [str(i) for i in range(10)]
    assert (np.diff([frame.image.mean() for frame in frames]) > 10).all()


def test_a_video_that_breaks_off_says_after_how_many_frames(tmp_path):
    # the index at the end of an AVI is cut off with half of its frames
    path = tmp_path / 'film.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 20, (64, 48))
    for _ in range(40):
        writer.write(np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8))
    writer.release()
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
    frames = list(open_source(str(path)))
    assert 10 < len(frames) < 30
    assert str(frames[-1].image) == f'{path}: breaks off after {len(frames) - 1} of 40 frames'


@pytest.mark.parametrize(('name', 'message'), [
    ('gone.png', 'no image; give an image, a folder'), ('gone.mp4', 'no such video'),
    ('none/*.png', 'no image'), ('empty', '1 files and no image'),
    ('text.mp4', 'not a readable video'), ('77', 'camera 77: not there'),
])
def test_what_is_not_there_is_refused(tmp_path, name, message, capfd):
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'empty/a.txt').touch()
    (tmp_path / 'text.mp4').write_text('no film')
    with pytest.raises(DataError, match=message):
        open_source(name if name.isdecimal() else str(tmp_path / name))
