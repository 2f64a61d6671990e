"""Properties that hold for any input: a few examples in every run, many in the slow tests."""
import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hourglass.codecs.hourglass_heatmap import HourglassHeatmap
from hourglass.datasets.crop import crop_around, crop_matrix, to_image
from hourglass.datasets.h5_people import people_arrays
from hourglass.datasets.transforms import CropImage, _mirror
from hourglass.errors import DataError
from hourglass.evaluation import pck
from hourglass.evaluation.prediction_files import read_predictions
from hourglass.io.mat import read_mat_as_stored

PROPERTIES: dict[str, tuple[dict, Callable]] = {}
SEEDS = st.integers(0, 2**32 - 1).map(np.random.default_rng)    # arrays grow out of one number


def holds(**strategies):
    """Register a property of all values of the strategies; ``folder`` comes from the test."""
    def register(check: Callable) -> Callable:
        PROPERTIES[check.__name__] = strategies, check
        return check
    return register


CODECS = dict(
    cells=st.tuples(st.integers(8, 80), st.integers(8, 80)), px=st.sampled_from([1, 2, 4, 8]),
    sigma=st.floats(0.5, 3), rng=SEEDS)


@holds(**CODECS, centers=st.sampled_from(['subpixel', 'cell']),
       refine=st.sampled_from(['quarter', 'parabola']))
def codec_inverts(cells, px, sigma, rng, centers, refine):
    """Within 0.01 of a cell where the codec is unbiased, a quarter where it is the paper's, half
    a cell where targets stand in whole cells, or a quarter offset lacks a neighbour."""
    size = np.array(cells)
    codec = HourglassHeatmap(tuple(px * size), cells, sigma, centers, refine=refine)
    keypoints = rng.uniform(-0.49, size * px - 0.51, (1, 5, 2))                 # input px
    found, scores = codec.decode(codec.encode(keypoints, np.ones((1, 5)))['heatmaps'])
    off = np.abs(found - keypoints) / px                                        # cells
    nearest = np.rint((keypoints + 0.5) / px - 0.5)
    at_border = (nearest <= 0) | (nearest >= size - 1)
    allowed = np.where(centers == 'cell', 0.5, np.where(
        refine == 'parabola', 0.01, np.where(at_border, 0.5, 0.25)))
    assert (off <= allowed + 1e-3).all()                # 1e-3: rounding of float32 at a cell's edge
    assert (scores > 0.35 if centers == 'subpixel' else scores == 1).all()      # exp(-1) at 0.5 px


@holds(**CODECS, centers=st.sampled_from(['subpixel', 'cell']))
def codec_commutes_with_mirroring(cells, px, sigma, rng, centers):
    codec = HourglassHeatmap((px * cells[0], px * cells[1]), cells, sigma, centers)
    keypoints = rng.uniform(-0.4, np.array(cells) * px - 0.6, (1, 5, 2))
    mirrored = keypoints * [-1, 1] + [px * cells[0] - 1, 0]
    there, back = (codec.encode(points, np.ones((1, 5)))['heatmaps']
                   for points in (keypoints, mirrored))
    assert np.abs(there[..., ::-1] - back).max() < 1e-4         # float32 of coordinates up to 640


@holds(**CODECS, far=st.floats(0.51, 1e6), unannotated=st.sampled_from(['zero', 'mask']))
def codec_leaves_outside_empty(cells, px, sigma, rng, far, unannotated):
    size = px * np.array(cells)
    codec = HourglassHeatmap(tuple(size), cells, sigma, unannotated=unannotated)
    low, high = np.array([-far, 3.0]), np.array([3.0, size[1] - 0.5 + far])
    encoded = codec.encode(np.array([[low, high, [2.0, 2.0]]]), np.array([[1, 1, 0]]))
    assert not encoded['heatmaps'].any()
    assert (encoded['keypoint_weights'] == (unannotated == 'zero')).all()


CROPS = dict(side=st.floats(1, 1e5), degrees=st.floats(-180, 180), rng=SEEDS,
             size=st.tuples(st.integers(16, 512), st.integers(16, 512)))


@holds(**CROPS)
def crop_and_back(side, degrees, rng, size):
    """A crop's matrix and its inverse cancel, within rounding."""
    center, scale = rng.uniform(-1e4, 1e4, 2), side * np.array([1, size[1] / size[0]])
    points = center + rng.uniform(-1, 1, (7, 2)) * side
    matrix = crop_matrix(center, scale, degrees, size)
    whole = np.vstack([matrix, [0, 0, 1]])
    there = points @ matrix[:, :2].T + matrix[:, 2]
    back = there - whole[:2, 2]
    back = np.linalg.solve(whole[:2, :2], back.T).T
    assert np.abs(back - points).max() < 1e-6 * (side + 1e4)
    assert np.allclose(center @ matrix[:, :2].T + matrix[:, 2], np.array(size) / 2, atol=1e-6 * 1e4)
    upright = crop_matrix(center, scale, 0, size)
    sample = dict(input_size=np.array(size), input_scale=scale, input_center=center)
    again = to_image(points @ upright[:, :2].T + upright[:, 2], sample)
    assert np.abs(again - points).max() < 1e-6 * (side + 1e4)


BOXES = dict(low=st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)),
             sides=st.tuples(st.floats(0.01, 1e5), st.floats(0.01, 1e5)))


@holds(**BOXES, padding=st.floats(1, 3))
def squares_show_boxes(low, sides, padding):
    box = np.array([*low, *np.add(low, sides)])
    middle, side = crop_around(box, (640, 480), padding)
    assert side >= np.ptp(box.reshape(2, 2), axis=0).max() * (1 - 1e-9)
    assert (middle - side / 2 <= box[:2] - 0.5 + 1e-6 * side).all()     # 0 is a pixel's middle
    assert (middle + side / 2 >= box[2:] - 0.5 - 1e-6 * side).all()


def sample(rng: np.random.Generator, image: np.ndarray) -> dict:
    height, width = image.shape[:2]
    return dict(
        img=image, flip_indices=[1, 0, 2], bbox=rng.uniform(0, 99, (1, 4)).astype(np.float32),
        bbox_center=rng.integers(0, 99, (1, 2)).astype(np.float32),
        bbox_scale=rng.uniform(1, 99, (1, 2)).astype(np.float32),
        keypoints=rng.integers(0, (width, height), (1, 3, 2)).astype(np.float32),
        keypoints_visible=rng.integers(0, 2, (1, 3)).astype(np.float32))


@holds(rng=SEEDS, size=st.tuples(st.integers(1, 4000), st.integers(1, 4000)))
def mirroring_twice(rng, size):
    results = sample(rng, np.empty((size[1], size[0], 0)))
    before = {key: np.array(value) for key, value in results.items()}
    _mirror(results, size)
    _mirror(results, size)
    for key in ('keypoints', 'keypoints_visible', 'bbox_center'):
        assert np.array_equal(results[key], before[key]), key           # whole numbers: exact
    assert np.abs(results['bbox'] - before['bbox']).max() < 1e-3        # float32 of up to 4000


@holds(**BOXES, rng=SEEDS, mirror=st.booleans(), degrees=st.floats(-180, 180),
       size=st.tuples(st.integers(1, 90), st.integers(1, 90)))
def any_box_gives_an_input_or_is_refused(low, sides, rng, mirror, degrees, size):
    """Tiny boxes and huge ones give the input its size; those far outside raise an error."""
    box = np.array([*low, *np.add(low, sides)])
    middle, side = crop_around(box, size)
    results = sample(rng, rng.integers(1, 256, (size[1], size[0], 3), np.uint8)) | dict(
        bbox_center=middle[None].astype(np.float32), bbox_scale=np.full((1, 2), side, np.float32),
        bbox_rotation=np.array([degrees], np.float32), mirror=mirror)
    if (box[2:] < -2 * side).any() or (box[:2] > np.array(size) + 2 * side).any():
        with pytest.raises(DataError, match='shows nothing of the'):
            CropImage((32, 24)).transform(results)
        return
    # its middle within a crop's half side of the image: it may not be refused
    near = (middle > -side / 2).all() and (middle < np.array(size) - 1 + side / 2).all()
    try:
        CropImage((32, 24)).transform(results)
    except DataError:
        assert not near
        return
    assert results['img'].shape == (24, 32, 3)
    assert results['img'].dtype == np.uint8
    assert np.isfinite(results['transformed_keypoints']).all()


PEOPLE = dict(rng=SEEDS, people=st.integers(1, 30), joints=st.integers(1, 16))
THRESHOLDS = np.array([0, 0.1, 0.2, 0.5, 1.0])


def scored(rng, people: int, joints: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return whole numbers, so that moving them is exact."""
    truth = rng.integers(0, 200, (people, joints, 2)).astype(float)
    predicted = truth + rng.integers(-9, 10, truth.shape)
    truth[rng.random(truth.shape[:2]) < 0.2] = np.nan
    return predicted, truth, 2.0**rng.integers(2, 6, people)


def counted(predicted, truth, unit) -> np.ndarray:
    """Return (T + 1, K), how many joints are annotated, and correct at each threshold."""
    distances = pck.normalised_distances(predicted, truth, unit)
    return np.stack([(~np.isnan(distances)).sum(0), *pck.count(distances, THRESHOLDS)])


@holds(**PEOPLE, shift=st.tuples(st.integers(-999, 999), st.integers(-999, 999)),
       zoom=st.sampled_from([0.25, 0.5, 2, 8]))
def pck_moves_along(rng, people, joints, shift, zoom):
    predicted, truth, unit = scored(rng, people, joints)
    counts, order = counted(predicted, truth, unit), rng.permutation(people)
    assert np.array_equal(counts, counted(predicted[order], truth[order], unit[order]))
    assert np.array_equal(counts, counted(predicted + shift, truth + shift, unit))
    assert np.array_equal(counts, counted(predicted * zoom, truth * zoom, unit * zoom))
    assert (np.diff(counts[1:], axis=0) >= 0).all()
    assert (counts[1:] <= counts[0]).all()
    perfect = counted(truth, truth, unit)
    assert (perfect[1:] == perfect[0]).all()


@holds(**PEOPLE, at=st.integers(0, 30))
def pck_adds_up(rng, people, joints, at):
    data = scored(rng, people, joints)
    parts = [counted(*(array[part] for array in data)) for part in (slice(at), slice(at, None))]
    assert np.array_equal(parts[0] + parts[1], counted(*data))


@holds(**PEOPLE)
def pck_counts_missing_as_wrong(rng, people, joints):
    predicted, truth, unit = scored(rng, people, joints)
    whole = counted(predicted, truth, unit)
    lost = rng.random((people, joints)) < 0.3
    fewer = counted(np.where(lost[..., None], np.nan, predicted), truth, unit)
    assert np.array_equal(fewer[0], whole[0])
    kept = counted(predicted, np.where(lost[..., None], np.nan, truth), unit)
    assert np.array_equal(fewer[1:], kept[1:])
    shares = pck.joint_means(whole[1:], whole[0])
    assert np.array_equal(np.isnan(shares).all(0), whole[0] == 0)


@holds(**PEOPLE, ending=st.sampled_from(['npy', 'h5', 'mat', 'json', 'records.json']))
def prediction_files(rng, people, joints, ending, folder: Path):
    """Predictions are read as they were written, bit for bit; NaN marks missing ones."""
    found = rng.uniform(1, 1000, (people, joints, 2))
    found[rng.random((people, joints)) < 0.1] = np.nan
    path = folder / f'found.{ending}'
    if ending == 'npy':
        np.save(path, found)
    elif ending == 'h5':
        with h5py.File(path, 'w') as file:
            file['preds'] = found
    elif ending == 'mat':
        scipy.io.savemat(path, dict(preds=found), do_compression=bool(people % 2))
    elif ending == 'json':
        path.write_text(json.dumps(found.tolist()))             # with its NaN, as Python writes it
    else:
        path.write_text(json.dumps([dict(row=row, keypoints=found[row].tolist())
                                    for row in rng.permutation(people).tolist()]))
    read = read_predictions(path, range(people), joints)[:]
    assert np.array_equal(read, found, equal_nan=True)


@holds(**PEOPLE, kind=st.sampled_from(['f8', 'f4', 'i4', 'u1']))
def data_files(rng, people, joints, kind, folder: Path):
    array = rng.integers(0, 200, (people, joints, 2)).astype(kind)
    scipy.io.savemat(folder / 'a.mat', dict(joints=array, other='text'))
    assert np.array_equal(read_mat_as_stored(folder / 'a.mat', 'joints'), array)
    with h5py.File(folder / 'a.h5', 'w') as file:
        file.create_dataset('part', data=array, chunks=True, compression='gzip')
    part = people_arrays(folder / 'a.h5', dict(part=(joints, 2)))['part']
    assert part.dtype == array.dtype
    assert np.array_equal(part[:], array)
    assert np.array_equal(part[1:3], array[1:3])


@pytest.mark.parametrize('name', PROPERTIES)
@pytest.mark.parametrize('examples', [15, pytest.param(300, marks=pytest.mark.slow)])
def test_a_property_holds_for_any_input(name, examples, tmp_path):
    strategies, check = PROPERTIES[name]
    if 'folder' in check.__annotations__:
        strategies = strategies | dict(folder=st.just(tmp_path))
    settings(max_examples=examples, derandomize=True, deadline=None, database=None,
             suppress_health_check=list(HealthCheck))(given(**strategies)(check))()
