"""People keep their numbers from frame to frame, and their keypoints jump less."""
import numpy as np
import pytest
from conftest import DATA, needs
from pairs import zip_equal

from hourglass.apis import init_model, predict
from hourglass.datasets.lsp.files import read_lsp
from hourglass.errors import DataError
from hourglass.inference.predict import Poses
from hourglass.inference.tracking import OneEuro, Tracker
from hourglass.io.images import read_image

RATE = 25                               # frames a second


def box(x: float, y: float = 0.0, width: float = 40) -> list[float]:
    return [x, y, x + width, y + 100]


def followed(tracker: Tracker, frames: list) -> list[list[int]]:
    return [tracker.follow(np.reshape(boxes, (-1, 4)), time / RATE)[0]
            for time, boxes in enumerate(frames)]


def test_two_people_who_pass_each_other_keep_their_numbers():
    """3 px a frame, in opposite directions; while they overlap, only one of them is found."""
    right, left = ([box(3 * t) for t in range(80)], [box(200 - 3 * t) for t in range(80)])
    frames = [[a] if abs(a[0] - b[0]) < 15 else [b, a] if t % 2 else [a, b]
              for t, (a, b) in enumerate(zip(right, left))]
    numbers = followed(Tracker(), frames)
    assert all(sorted(one) in ([1, 2], [1], [2]) for one in numbers)
    first = [boxes[one.index(1)][0] for boxes, one in zip(frames, numbers) if len(one) == 2]
    assert first == [a[0] for a, boxes in zip(right, frames) if len(boxes) == 2]


def test_two_people_where_one_was_have_different_numbers():
    assert followed(Tracker(), [[box(0)], [box(5), box(0)], [box(1), box(6)]]) == [
        [1], [2, 1], [1, 2]]


def test_a_person_may_move_by_a_box_in_a_frame():
    assert followed(Tracker(), [[box(45 * t)] for t in range(5)]) == [[1]] * 5


def test_who_is_away_for_longer_than_the_memory_is_somebody_new():
    tracker = Tracker(memory=0.5)
    there = np.array([box(0)])
    assert [tracker.follow(there, time)[0] for time in (0, 0.4, 1.0)] == [[1], [1], [2]]
    tracker.next_video()
    assert tracker.follow(there, 0)[0] == [3]
    assert tracker.follow(np.zeros((0, 4)), 0.1)[0] == []


def test_a_person_keeps_the_number_for_a_second_without_a_box():
    tracker = Tracker()
    assert [tracker.follow([box(0)], time)[0] for time in (0, 0.9, 2.0)] == [[1], [1], [2]]


def test_what_cannot_be_followed_is_refused():
    tracker = Tracker(smooth=True)
    tracker.follow([box(0)], 0)
    with pytest.raises(DataError, match='a frame at 0 s after one at 0 s: times increase'):
        tracker.follow([box(0)], 0)
    with pytest.raises(DataError, match='x1 < x2 and y1 < y2 needed'):
        tracker.follow([[5, 5, float('nan'), 9]], 1)
    with pytest.raises(DataError, match='x1 < x2 and y1 < y2 needed'):
        tracker.follow([[5, 5, 5, 9]], 1)
    with pytest.raises(DataError, match='2 numbers for 1 people'):
        tracker.steady(poses(np.zeros((3, 2))), [1, 2], 1)


def poses(keypoints: np.ndarray, score: float = 0.7) -> Poses:
    return Poses(keypoints[None], np.full((1, len(keypoints)), score),
                 np.array([[0.0, 0, 256, 256]]), whole_image=False, image_size=(256, 256))


def test_nothing_is_changed_unless_asked_for(rng):
    tracker = Tracker()
    for time, corner in enumerate(rng.uniform(0, 5, 9)):
        numbers, boxes = tracker.follow(np.array([[*box(corner), 0.9]]), time / RATE)
        assert boxes.tolist() == [[*box(corner), 0.9]]
        given = poses(rng.uniform(0, 9, (3, 2)))
        assert tracker.steady(given, numbers, time / RATE) is given


def smoothed_boxes(boxes: list) -> np.ndarray:
    tracker = Tracker(smooth=True)
    return np.concatenate([tracker.follow(np.array([[*one, 0.9]]), time / RATE)[1]
                           for time, one in enumerate(boxes)])


def test_boxes_shake_less(rng):
    boxes = [box(shift) for shift in rng.uniform(-5, 5, 200)]
    found = smoothed_boxes(boxes)
    assert found[50:, 0].std() < 0.4 * np.std(boxes, axis=0)[0]
    assert (found[:, 4] == 0.9).all()


def test_a_smoothed_box_stays_with_a_runner():
    """At most a tenth of the size, 100 px, though the runner stops from 5 sizes a second."""
    boxes = [box(20 * min(time, 20)) for time in range(30)]
    away = np.abs(np.array(boxes) - smoothed_boxes(boxes)[:, :4])
    assert 5 < away.max() < 10 + 1e-9


def smoothed(points: np.ndarray, rate: float = RATE, score: float = 0.7) -> np.ndarray:
    """(T, N, 2) of a person of 256 px."""
    smooth = OneEuro()
    return np.stack([smooth(one, time / rate, 256, score) for time, one in enumerate(points)])


def test_a_joint_that_jumps_between_two_places_moves_slowly(rng):
    """By 80 px, in half of the frames."""
    points = np.zeros((100, 1, 2))
    points[1:, 0, 0] = 80 * rng.integers(0, 2, 99)
    assert np.abs(np.diff(smoothed(points), axis=0)).max() < 20
    assert np.abs(np.diff(points, axis=0)).max() == 80


@pytest.mark.parametrize('rate', [25, 50])
def test_joints_keep_up_with_a_person(rate):
    """Who crosses four fifths of the own size a second, and swings a wrist by 15 % of it.

    ``pytest -s`` prints what ``docs/predict.md`` says.
    """
    times = np.arange(6 * rate) / rate
    points = np.zeros((len(times), 14, 2))
    points[..., 0] = 256 * 0.8 * times[:, None]
    points[:, 0, 1] = 256 * 0.15 * np.sin(2 * np.pi * 1.5 * times)
    off = np.linalg.norm(smoothed(points, rate) - points, axis=-1)[rate:]
    wrist, body = np.sqrt((off ** 2).mean(0))[:2] / 256
    print(f'{rate} frames a second: the wrist is {wrist:.1%} of the size off, the body {body:.2%}')
    assert 0.03 < wrist < 0.06 and body < 0.005


def test_an_unsure_joint_moves_less():
    points = np.zeros((3, 1, 2))
    points[2] = 10
    sure, unsure = (smoothed(points, score=score)[-1, 0, 0] for score in (0.9, 0.2))
    assert 0 < unsure < 0.4 * sure


@pytest.mark.slow
@pytest.mark.data
@needs(DATA / 'lsp/images')
@pytest.mark.parametrize('name', ['lsp-small', 'people-small', 'people'])
def test_a_still_image_does_not_jump(name, rng):
    """Five of LSP's test people, whose boxes move by up to 5 % of their sides in 100 frames.

    A frame jumps if a joint is over 20 px, of the 256 of a crop, from where it was in the frame
    before. ``pytest -s`` prints the shares that ``docs/predict.md`` has.
    """
    model, shares = init_model(name, device='cpu'), []
    for person in read_lsp(DATA / 'lsp/joints.mat', 'test')[::200]:
        image = read_image(DATA / 'lsp/images' / person.image_name)
        joints = person.keypoints_image
        low, high = joints.min(0), joints.max(0)
        low, high = low - 0.05 * (high - low).max(), high + 0.05 * (high - low).max()
        shifts = rng.uniform(-0.05, 0.05, (100, 2)) * (high - low)
        shares.append([])
        for smooth in (False, True):
            tracker = Tracker(smooth)
            followed = [tracker.follow(np.array([[*low + shift, *high + shift]]), time / RATE)
                        for time, shift in enumerate(shifts)]
            found = predict(model, [image] * 100, [boxes for _, boxes in followed])
            keypoints = np.stack([tracker.steady(poses, numbers, time / RATE).keypoints[0]
                                  for time, (poses, (numbers, _)) in enumerate(
                                      zip_equal(found, followed))])
            side = found[0].boxes[0, 2] - found[0].boxes[0, 0]
            moved = np.linalg.norm(np.diff(keypoints, axis=0), axis=-1) * 256 / side   # (99, K)
            shares[-1].append((moved > 20).any(-1).mean())
    print(name, 'without and with smoothing, of each person:', np.round(shares, 2).tolist())
    without, with_smoothing = np.mean(shares, axis=0)
    assert with_smoothing < 0.02 < without / 10


def test_a_box_further_away_is_somebody_else():
    """Boxes of twice the size overlap by 20 of 140."""
    assert followed(Tracker(), [[box(0)], [box(60)]]) == [[1], [2]]


def test_keypoints_are_smoothed_by_score_and_size_and_what_went_before():
    tracker, alone = Tracker(smooth=True), OneEuro()
    for time in range(8):
        points = np.outer([0.0, 4, 9], [time, time**2])             # in a crop of 256 px
        numbers, _ = tracker.follow([box(0)], time / RATE)
        found = tracker.steady(poses(points, score=0.4), numbers, time / RATE).keypoints[0]
        assert found == pytest.approx(alone(points, time / RATE, 256, 0.4))
    assert np.abs(found - points).max() > 1


def test_keypoints_that_were_not_found_for_a_second_begin_anew():
    tracker = Tracker(smooth=True)
    for time in np.arange(0, 1.6, 0.5):
        numbers, _ = tracker.follow([box(0)], time)
        if time in (0, 1.5):
            given = poses(np.full((3, 2), 100 * time))
            assert np.array_equal(tracker.steady(given, numbers, time).keypoints, given.keypoints)
