"""The keypoints that a test scores are those that ``predict`` gives: one crop, one decoding."""
import json
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import DATA, needs
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import Evaluator
from mmengine.registry import DATASETS, init_default_scope
from pairs import zip_equal

from hourglass.apis import init_model, predict
from hourglass.checkpoints.names import find_config
from hourglass.datasets.transforms import CropImage
from hourglass.io.images import as_image, read_image


def by_the_runner(model, dataset: dict, count: int) -> tuple[list[dict], np.ndarray]:
    """The first samples of a data set, and their keypoints (count, K, 2) by the runner's way."""
    init_default_scope('mmpose')
    built = DATASETS.build(dataset)
    samples = [built[index] for index in range(count)]
    with torch.no_grad():
        found = model.test_step(pseudo_collate(samples))
    return ([built.get_data_info(index) for index in range(count)],
            np.concatenate([one.pred_instances.keypoints for one in found]))


@pytest.mark.data
@needs(DATA / 'flic/images')
@pytest.mark.parametrize(('name', 'folder'), [('flic-small', 'flic'), ('lsp-small', 'lsp')])
def test_predict_gives_what_the_test_scores(name, folder, monkeypatch):
    """With the crops of the data set, keypoint by keypoint, to the last bit."""
    monkeypatch.setenv('HOURGLASS_DATA', str(DATA))
    model = init_model(name, device='cpu')
    estimator = model.estimator()
    records, expected = by_the_runner(estimator, estimator.cfg.test_dataloader.dataset, 24)
    poses = predict(model, [read_image(record['img_path']) for record in records],
                    centers=[record['bbox_center'] for record in records],
                    scales=[record['bbox_scale'][:, 0] / 200 for record in records],
                    batch_size=24)
    assert np.array_equal(np.concatenate([one.keypoints for one in poses]), expected)


@pytest.mark.slow
@pytest.mark.data
@needs(DATA / 'flic/images')
def test_flics_score_by_the_command_predict_is_that_of_test(cli, tmp_path, monkeypatch):
    """With boxes whose squares are the data set's crops, to 0.1; the boxes go through a file."""
    monkeypatch.setenv('HOURGLASS_DATA', str(DATA))
    cfg = Config.fromfile(find_config('flic-small'))
    cli('test', find_config('flic-small'), 'flic-small', '--work-dir', tmp_path / 'test', '--out',
        tmp_path / 'scores.json')
    init_default_scope('mmpose')
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    records = [dataset.get_data_info(index) for index in range(len(dataset))]
    boxes, place = defaultdict(list), []
    (tmp_path / 'images').mkdir()
    for record in records:
        name = Path(record['img_path']).name
        (tmp_path / 'images' / name).unlink(missing_ok=True)
        (tmp_path / 'images' / name).symlink_to(Path(record['img_path']).resolve())
        middle, half = record['bbox_center'][0] + 0.5, record['bbox_scale'][0] / 2 / 1.25
        place.append((name, len(boxes[name])))
        boxes[name].append(np.r_[middle - half, middle + half].tolist())
    (tmp_path / 'boxes.json').write_text(json.dumps(boxes))
    cli('predict', tmp_path / 'images', '--model', 'flic-small', '--boxes',
        tmp_path / 'boxes.json', '--out', tmp_path / 'out', '--no-overlays', '--device', 'cpu')
    content = json.loads((tmp_path / 'out/predictions.json').read_text())
    names = {image['id']: image['file_name'] for image in content['images']}
    found = defaultdict(list)
    for person in content['annotations']:
        found[names[person['image_id']]].append(np.reshape(person['keypoints'], (1, -1, 3)))
    metric = Evaluator(cfg.test_evaluator).metrics[0]
    metric.dataset_meta = dataset.metainfo
    for record, (name, number) in zip_equal(records, place):
        triples = found[name][number]
        metric.process([], [record | dict(pred_instances=dict(
            keypoints=triples[..., :2], keypoint_scores=triples[..., 2]))])
    scores, tested = metric.evaluate(len(records)), json.loads(
        (tmp_path / 'scores.json').read_text())
    for joint in ('flic/Elbow', 'flic/Wrist'):
        assert scores[joint] == pytest.approx(tested[joint], abs=0.1)


def test_people_of_several_images_share_batches_and_no_more_is_kept(synthetic, monkeypatch):
    """70 whole images with 32 people at a time are three batches, read as they are needed."""
    from hourglass.inference.places import Request
    from hourglass.inference.predict import predict_each
    model = init_model('flic-small', device='cpu')
    paths = sorted((synthetic / 'synthetic/test/images').iterdir())
    sizes, read = [], 0
    heatmaps = model.heatmaps

    def requests():
        nonlocal read
        for number in range(70):
            read += 1
            yield Request(paths[number % len(paths)], str(number))
    monkeypatch.setattr(type(model), 'heatmaps',
                        lambda self, pixels: sizes.append(len(pixels)) or heatmaps(pixels))
    for done, (_, poses) in enumerate(predict_each(model, requests(), flip=False), start=1):
        assert poses.keypoints.shape == (1, 11, 2)
        assert read - done < 32
    assert done == 70 and sizes == [32, 32, 6]


def test_an_image_that_fails_takes_no_other_with_it(synthetic):
    from hourglass.errors import DataError
    from hourglass.inference.places import Request
    from hourglass.inference.predict import predict_each
    model = init_model('flic-small', device='cpu')
    path = min((synthetic / 'synthetic/test/images').iterdir())
    found = [poses for _, poses in predict_each(model, [
        Request(path, 'whole'), Request(path, 'outside', [[900, 900, 950, 950]]),
        Request('gone.jpg', 'gone.jpg'), Request(DataError('torn.jpg: not readable'), 'torn.jpg'),
        Request(path, 'no person', []), Request(path, 'again')], flip=False)]
    assert [str(one).partition(':')[0] if isinstance(one, DataError) else len(one.keypoints)
            for one in found] == [1, 'outside', 'gone.jpg', 'torn.jpg', 0, 1]
    assert np.array_equal(found[0].keypoints, found[-1].keypoints)


def test_a_large_jpeg_is_reduced_as_it_is_decoded_as_in_a_data_set(tmp_path):
    """A crop of 600 px for an input of 128 px needs a quarter of the image's resolution."""
    path = tmp_path / 'large.jpg'
    noise = np.random.default_rng(0).integers(256, size=(60, 80, 3), dtype=np.uint8)
    cv2.imwrite(str(path), cv2.resize(noise, (800, 600)))
    model, center, scale = init_model('flic-small', device='cpu'), [400.0, 300], 600 / 200
    poses = predict(model, path, centers=[center], scales=[scale], inputs=True)
    sample = CropImage((128, 128))(dict(
        img_path=str(path), bbox_center=np.array([center], np.float32),
        bbox_scale=np.full((1, 2), 600, np.float32)))
    assert np.array_equal(poses.inputs[0], sample['img'])
    others = predict(model, path, centers=[center, [50, 60]], scales=[scale, 0.5], inputs=True)
    assert np.array_equal(others.inputs[0], sample['img'])
    whole = predict(model, as_image(path), centers=[center], scales=[scale], inputs=True)
    assert 0 < np.abs(poses.inputs.astype(int) - whole.inputs).mean() < 1
