"""The parts of a prediction are timed in turns; rows are medians, beside the network's rate."""
import cv2
import numpy as np
import pytest
from video_files import write_video

from hourglass.analysis.prediction_speed import PARTS, PredictionSpeed, measure_prediction, table
from hourglass.apis import init_model
from hourglass.errors import ConfigError, DataError
from hourglass.inference.sources import ImageFiles, open_source


@pytest.fixture(scope='module')
def model():
    return init_model('people-small')


@pytest.fixture
def folder(tmp_path):
    for name in 'ab':
        cv2.imwrite(str(tmp_path / f'{name}.png'), np.full((40, 50, 3), 99, np.uint8))
    return tmp_path


def test_every_part_is_timed_in_every_turn(model, folder):
    found = measure_prediction(model, lambda: ImageFiles(str(folder)), lambda request: np.array(
        [[5.0, 5, 30, 30]] * (1 + (request.name == 'a.png'))), rounds=2)
    assert (found.images, found.people) == (2, 3)
    assert tuple(found.seconds) == PARTS
    assert all(len(turns) == 2 and min(turns) > 0 for turns in found.seconds.values())


def test_a_video_is_opened_for_every_part(model, tmp_path):
    write_video(tmp_path / 'a.mp4', times=range(3))
    found = measure_prediction(
        model, lambda: open_source(str(tmp_path / 'a.mp4')), lambda _: None, rounds=1)
    assert (found.images, found.people) == (3, 3)


def test_rows_are_medians_and_the_ratio_that_within_a_turn():
    speed = PredictionSpeed(10, 20, {'network': [1.0, 2.0, 9.0], 'together': [2.0, 2.5, 10.0]})
    assert speed.rows() == [
        ['network', '200.0', '5.0', '1.00'], ['together', '250.0', '4.0', '0.80']]
    assert '10 images with 20 people' in table(speed)
    assert '1 image with 1 person\n' in table(PredictionSpeed(1, 1, speed.seconds))


def test_what_cannot_be_measured_is_an_error(model, folder):
    with pytest.raises(DataError, match='nobody'):
        measure_prediction(model, lambda: ImageFiles(str(folder)), lambda _: np.zeros((0, 4)))
    with pytest.raises(ConfigError, match='batch_size=0: give 1 or more'):
        measure_prediction(model, lambda: ImageFiles(str(folder)), lambda _: None, batch_size=0)
    (folder / 'c.png').write_bytes(b'no image')
    with pytest.raises(DataError, match='c.png'):
        measure_prediction(model, lambda: ImageFiles(str(folder)), lambda _: None)
