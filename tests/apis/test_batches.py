"""Batches of images to rows, as Ray Data and Spark need them; a killed worker loses no row."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import REPOSITORY
from tiny_network import write_tiny_network

from hourglass.apis import BatchPredictor, init_model
from hourglass.apis.batches import COLUMNS
from hourglass.checkpoints.convert import add_metadata, convert_checkpoint
from hourglass.datasets.synthetic import write_synthetic
from hourglass.errors import ConfigError


@pytest.fixture(scope='module')
def load():
    network = init_model('flic-small', device='cpu')
    return lambda: network


@pytest.fixture(scope='module')
def images(synthetic) -> list[str]:
    return sorted(map(str, (synthetic / 'synthetic/test/images').iterdir()))


def rows_of(columns: dict[str, list]) -> list[dict]:
    assert tuple(columns) == COLUMNS
    return [dict(zip(columns, row)) for row in zip(*columns.values())]


def test_several_people_none_and_images_that_cannot_be_used(load, images, tmp_path, cli):
    """Values are those of the command's file; each image has a row."""
    box, nested = [10, 5, 110, 125], np.array([np.array([10, 5, 110, 125])], object)
    boxes = [[box, [30, 10, 128, 100]], [], nested, [box], None, [[0, 0, 0, 9]]]
    paths = [*images[:3], str(tmp_path / 'none.jpg'), *images[3:5]]
    found = rows_of(BatchPredictor(load)(dict(image=paths, boxes=boxes)))
    assert [(row['image'], row['person']) for row in found] == [
        (paths[0], 0), (paths[0], 1), (paths[1], None), (paths[2], 0),
        *((path, None) for path in paths[3:])]
    assert [row['error'] for row in found[:4]] == [None] * 4
    for row, words in zip(found[4:], ('no such image', 'boxes are missing', 'has no area')):
        assert words in row['error'] and row['image'] in row['error'] and row['keypoints'] is None
    (tmp_path / 'boxes.json').write_text(json.dumps(dict(zip(
        (Path(path).name for path in paths), ([*boxes[:2], [box]])))))
    cli('predict', Path(images[0]).parent, '--model', 'flic-small', '--boxes',
        tmp_path / 'boxes.json', '--out', tmp_path, '--device', 'cpu', '--max-frames', 3)
    people = json.loads((tmp_path / 'predictions.json').read_text())['annotations']
    for row, person in zip((found[0], found[1], found[3]), people):
        for key in ('bbox', 'score', 'keypoints'):
            assert row[key] == pytest.approx(person[key], abs=2e-4)         # rounded to 1e-4


def test_a_detector_or_the_whole_image_says_where_people_are(load, images):
    def detector():
        return lambda image, name: [[1, 2, 90, 100, 0.75]]
    table = dict(image=images[:2])
    detected = rows_of(BatchPredictor(load, detector)(table))
    assert [(row['bbox_score'], row['person']) for row in detected] == [(0.75, 0)] * 2
    whole = rows_of(BatchPredictor(load, whole_image=True)(table))
    assert [row['bbox'] for row in whole] == [[0, 0, 128, 128]] * 2
    with pytest.raises(ConfigError, match='both say where people are'):
        BatchPredictor(load, detector, whole_image=True)
    with pytest.raises(ConfigError, match="without the column 'boxes': it has image; people are"):
        BatchPredictor(load)(table)


def test_boxes_of_fewer_images_are_refused(load, images):
    with pytest.raises(ConfigError, match='boxes: 1 given for 2 images'):
        BatchPredictor(load)(dict(image=images[:2], boxes=[[]]))


def test_a_data_frame_is_a_table_too(load, images):
    pandas = pytest.importorskip('pandas')
    frame = pandas.DataFrame(dict(image=images[:2]), index=[7, 3])
    found = pandas.DataFrame(BatchPredictor(load, whole_image=True)(frame))
    assert found.image.tolist() == images[:2] and found.person.tolist() == [0, 0]


# with a place for what writes beside the workers, also on two cores
START = """\
import runpy, sys, ray
ray.init(num_cpus=4, include_dashboard=False)
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name='__main__')
"""
# a person fills each image; the first process to come to its 2,500th dies
DETECTOR = """\
import itertools, os, signal
from pathlib import Path
calls = itertools.count()

def find(image):
    note = Path(__file__).with_name('killed')
    if next(calls) == 2500 and not note.exists():
        note.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return [[0, 0, image.shape[1], image.shape[0]]]
"""


@pytest.mark.slow
def test_a_worker_of_ray_that_is_killed_loses_no_row_and_doubles_none(tmp_path, cli):
    """10,000 images, of which 200 differ, and a damaged one, by docs/examples/ray_predict.py."""
    pytest.importorskip('ray')
    parquet = pytest.importorskip('pyarrow.parquet')
    weights, out = tmp_path / 'tiny.safetensors', tmp_path / 'out'
    config, checkpoint = write_tiny_network(tmp_path)
    convert_checkpoint(checkpoint, tmp_path / 'plain.safetensors')
    description = init_model(config, checkpoint, device='cpu').description
    add_metadata(tmp_path / 'plain.safetensors', weights, description.metadata())
    write_synthetic(tmp_path / 'people', 200, seed=0, workers=1, size=(64, 64))
    people = sorted((tmp_path / 'people/images').iterdir())
    (tmp_path / 'images').mkdir()
    for number in range(10_000):
        os.link(people[number % 200], tmp_path / f'images/{number:05}.jpg')
    (tmp_path / 'images/damaged.jpg').write_text('no image')
    (tmp_path / 'detector_of_a_test.py').write_text(DETECTOR)
    example = REPOSITORY / 'docs/examples/ray_predict.py', tmp_path / 'images', out
    options = dict(
        capture_output=True, text=True, check=False, env=os.environ | dict(
            RAY_worker_niceness='0', RAY_USAGE_STATS_ENABLED='0', OMP_NUM_THREADS='1',
            PYTHONPATH=f'{REPOSITORY}/projects:{tmp_path}'))
    done = subprocess.run(
        [sys.executable, '-c', START, *example, '--network', weights, '--detector',
         'detector_of_a_test:find'], **options)
    assert done.returncode == 0, done.stderr[-3000:]
    again = subprocess.run([sys.executable, *example], **options)
    assert again.returncode == 2 and f'error: {out} exists; choose another' in again.stderr
    assert (tmp_path / 'killed').exists()
    *found, damaged = sorted(parquet.read_table(out).to_pylist(), key=lambda row: row['image'])
    assert [Path(row['image']).name for row in found] == [
        f'{number:05}.jpg' for number in range(10_000)]
    assert all(row['person'] == 0 and row['error'] is None for row in found)
    assert Path(damaged['image']).name == 'damaged.jpg' and damaged['person'] is None
    assert 'not a readable image' in damaged['error']
    cli('predict', tmp_path / 'people/images', '--whole-image', '--weights', weights, '--out',
        tmp_path / 'alone', '--no-overlays', '--device', 'cpu')
    alone = json.loads((tmp_path / 'alone/predictions.json').read_text())['annotations']
    far = [np.abs(np.subtract(row['keypoints'], alone[int(Path(row['image']).stem) % 200][
        'keypoints'])).max() for row in found]
    print(f'\n{len(found)} rows, at most {max(far)} from the others')
    assert max(far) < 2e-4                              # rounded to 1e-4
