"""A collection is drawn and collected image by image, in order, though some fail."""
import cv2
import numpy as np
import pytest
from video_files import write_video

from hourglass.apis import predict
from hourglass.errors import DataError
from hourglass.inference.collection import Drawing, predict_collection
from hourglass.inference.places import Request
from hourglass.inference.results import Results
from hourglass.inference.sources import ImageFiles, open_source
from hourglass.io.images import StoredImage
from hourglass.io.video import Video


@pytest.fixture
def folder(synthetic, tmp_path):
    paths = sorted((synthetic / 'synthetic/test/images').iterdir())
    for name, path in zip(('a.jpg', 'b.png', 'd.gif.png'), paths):
        cv2.imwrite(str(tmp_path / name), cv2.imread(str(path)))
    (tmp_path / 'c.png').write_bytes((tmp_path / 'b.png').read_bytes()[:50])
    return tmp_path


def test_every_image_is_drawn_or_has_a_problem(model, folder):
    def find(image):
        if image.name == 'd.gif.png':
            raise DataError('d.gif.png: no boxes')
        return np.array([[10, 10, 90, 100.0]])
    results = Results(model.dataset_meta, {})
    drawing = Drawing(folder / 'out', heatmaps=True, crops=True)
    problems = list(predict_collection(model, ImageFiles(str(folder)), find, results, drawing))
    assert [problem is None for problem in problems] == [True, True, False, False]
    assert 'c.png: not a readable image' in problems[2] and problems[3] == 'd.gif.png: no boxes'
    assert results.problems == problems[2:]
    assert [image['file_name'] for image in results.content()['images']] == ['a.jpg', 'b.png']
    assert sorted(path.relative_to(folder / 'out').as_posix()
                  for path in (folder / 'out').rglob('*.*')) == [
        'crops/a.jpg_0.png', 'crops/b.png_0.png', 'heatmaps/a.jpg_0.png', 'heatmaps/b.png_0.png',
        'overlays/a.jpg', 'overlays/b.png']
    assert cv2.imread(str(folder / 'out/crops/a.jpg_0.png')).shape == (128, 128, 3)


class Fleeting(StoredImage):
    """A file that can be read once."""

    def read(self, reduction: int = 1) -> tuple:
        self.reads = getattr(self, 'reads', 0) + 1
        if self.reads > 1:
            raise DataError(f'{self.path}: no such image')
        return super().read(reduction)


def test_a_file_that_is_gone_before_it_is_drawn_takes_no_other_with_it(model, folder):
    source = [Request(Fleeting(folder / 'a.jpg'), 'a.jpg'),
              Request(StoredImage(folder / 'b.png'), 'b.png')]
    results = Results(model.dataset_meta, {})
    problems = list(predict_collection(
        model, source, lambda _: None, results, Drawing(folder / 'out')))
    assert problems == [f"{folder / 'a.jpg'}: no such image", None]
    assert [path.name for path in (folder / 'out/overlays').iterdir()] == ['b.png']


def test_a_broken_frame_of_a_folder_does_not_end_its_video(model, folder):
    results = Results(model.dataset_meta, {})
    problems = list(predict_collection(
        model, ImageFiles(str(folder), fps=5), lambda _: None, results,
        Drawing(folder / 'out', overlays=False)))
    assert [problem is None for problem in problems] == [True, True, False, True]


def test_images_whose_names_are_alike_do_not_share_a_file(model, synthetic, tmp_path):
    image = cv2.imread(str(min((synthetic / 'synthetic/test/images').iterdir())))
    names = ['a.jpg', 'a.png', 'a.tga', 'a.tga.png', 'b/a.jpg']
    drawing = Drawing(tmp_path, crops=True)
    for number, name in enumerate(names):
        poses = predict(model, image, [[10, 10, 50 + number, 90]], inputs=True)
        drawing.draw(Request(image, name), poses, model.dataset_meta)
    files = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob('*.*')]
    assert sorted(files) == sorted(
        [f'crops/{name}_0.png' for name in names] + [f'overlays/{name}' for name in (
            'a.jpg', 'a.png', 'a.tga.png', 'a.tga.png.png', 'b/a.jpg')])


def test_sides_of_an_observer_are_noted_in_the_drawing(model, synthetic, tmp_path):
    image = cv2.imread(str(min((synthetic / 'synthetic/test/images').iterdir())))
    poses = predict(model, image, [[10, 10, 90, 90]])
    drawn = []
    for sides in (True, False):
        Drawing(tmp_path).draw(Request(image, 'a.png'), poses,
                               model.dataset_meta | dict(observer_sides=sides))
        drawn.append(cv2.imread(str(tmp_path / 'overlays/a.png')))
    rows = np.nonzero((drawn[0] != drawn[1]).any((1, 2)))[0]
    assert len(rows) and rows.min() > 0.8 * len(image)              # a line at the bottom
    assert model.dataset_meta['observer_sides']                     # it is FLIC's


def test_a_folder_is_drawn_as_a_video_and_smoothed(model, folder):
    pytest.importorskip('av')
    (folder / 'c.png').unlink()
    keypoints = {}
    for smooth in (False, True):
        results = Results(model.dataset_meta, {})
        out = folder.with_name(f'{folder.name} {smooth}')
        list(predict_collection(model, ImageFiles(str(folder), fps=25), lambda image: None, results,
                                Drawing(out), smooth=smooth))
        assert [frame.time for frame in Video(out / f'overlays/{folder.name}.mp4')] == (
            pytest.approx([0, 0.04, 0.08]))
        people = results.content()['annotations']
        assert [person['track_id'] for person in people] == [1, 1, 1]
        keypoints[smooth] = np.array([np.reshape(person['keypoints'], (-1, 3))[:, :2]
                                      for person in people])
    (plain, smoothed) = keypoints.values()
    assert np.array_equal(plain[0], smoothed[0])
    moved, less = (np.abs(np.diff(one, axis=0)).sum() for one in (plain, smoothed))
    assert less < 0.5 * moved


def test_a_frame_without_boxes_does_not_end_a_video(model, folder):
    pytest.importorskip('av')
    (folder / 'c.png').unlink()

    def find(image):
        if image.name.endswith('b.png'):
            raise DataError('b.png: the detector failed')
        return np.array([[10, 10, 90, 100.0]])
    results = Results(model.dataset_meta, {})
    problems = list(predict_collection(model, ImageFiles(str(folder), fps=25), find, results,
                                       Drawing(folder / 'out')))
    assert problems == [None, 'b.png: the detector failed', None]
    assert [one['track_id'] for one in results.content()['annotations']] == [1, 1]


def test_videos_whose_overlays_are_named_alike_do_not_share_a_file(model, synthetic, tmp_path):
    pytest.importorskip('av')
    image = cv2.imread(str(min((synthetic / 'synthetic/test/images').iterdir())))
    poses, drawing = predict(model, image, [[10, 10, 90, 90]]), Drawing(tmp_path)
    for name in ('a.mkv', 'a.mkv.mp4', 'a.mkv'):
        drawing.draw(Request(image, f'{name}/0', video=name), poses, model.dataset_meta)
    drawing.close()
    assert sorted(path.name for path in (tmp_path / 'overlays').iterdir()) == [
        'a.mkv.mp4', 'a.mkv.mp4.mp4']


def test_keypoints_below_the_score_are_not_drawn(model, folder):
    for min_score, changed in ((0.0, True), (1e9, False)):
        drawing = Drawing(folder / f'out{min_score}', min_score=min_score)
        list(predict_collection(model, ImageFiles(str(folder / 'b.png')), lambda image: None,
                                Results(model.dataset_meta, {}), drawing))
        drawn = cv2.imread(str(folder / f'out{min_score}/overlays/b.png'))
        assert (drawn != cv2.imread(str(folder / 'b.png'))).any() == changed


@pytest.mark.parametrize('smooth', [False, True])
def test_people_of_another_video_have_new_numbers_and_boxes_are_smoothed(model, tmp_path, smooth):
    pytest.importorskip('av')
    (tmp_path / 'in').mkdir()
    for name in ('a.mp4', 'b.mp4'):
        write_video(tmp_path / 'in' / name, times=range(2))
    places = iter([2.0, 6, 2, 6])

    def find(request: Request) -> np.ndarray:
        x = next(places)
        return np.array([[x, 2, x + 38, 40]])
    results = Results(model.dataset_meta, {})
    problems = list(predict_collection(
        model, open_source(str(tmp_path / 'in')), find, results,
        Drawing(tmp_path / 'out', overlays=False), smooth=smooth))
    assert problems == [None] * 4
    people = results.content()['annotations']
    assert [one['track_id'] for one in people] == [1, 1, 2, 2]
    first, moved = (one['bbox'][0] for one in people[:2])
    assert first == 2 and (2 < moved < 6 if smooth else moved == 6)
