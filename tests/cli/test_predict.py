"""From images and videos to files; an image that fails is reported and the rest goes on."""
import csv
import json
import sys

import cv2
import numpy as np
import pytest
from pairs import zip_equal
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from video_files import write_video

from hourglass.apis import init_model, predict
from hourglass.datasets.skeletons import COCO_SIGMAS, keypoint_names
from hourglass.evaluation.oks import average_precision
from hourglass.inference.collection import predict_collection
from hourglass.io.video import Video


@pytest.fixture
def images(synthetic, tmp_path):
    """A folder of three people, one of them in a subfolder."""
    folder = tmp_path / 'images'
    (folder / 'more').mkdir(parents=True)
    for name, path in zip(('a.jpg', 'b.png', 'more/c.jpg'),
                          sorted((synthetic / 'synthetic/test/images').iterdir())):
        cv2.imwrite(str(folder / name), cv2.imread(str(path)))
    return folder


def test_a_folder_to_overlays_json_and_table(cli, images, tmp_path, capsys):
    out = tmp_path / 'out'
    cli('predict', images, '--whole-image', '--model', 'flic-small', '--out', out, '--heatmaps',
        '--crop', '--min-score', 0, '--device', 'cpu')
    assert '3 people in 3 images, one looked for in each whole image' in capsys.readouterr().out
    coco = COCO(out / 'predictions.json')
    assert [image['file_name'] for image in coco.imgs.values()] == ['a.jpg', 'b.png', 'more/c.jpg']
    (person,) = coco.imgToAnns[2]
    expected = predict(init_model('flic-small', device='cpu'), images / 'more/c.jpg',
                       whole_image=True)
    found = np.reshape(person['keypoints'], (-1, 3))
    assert found[:, :2] == pytest.approx(expected.keypoints[0], abs=1e-3)
    assert found[:, 2] == pytest.approx(expected.scores[0], abs=1e-4)
    assert person['whole_image'] and person['bbox'] == [0, 0, 128, 128]
    names = coco.cats[1]['keypoints']
    with (out / 'predictions.csv').open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 3 * 11
    assert [line['keypoint'] for line in lines[:11]] == names
    assert float(lines[22]['x']) == found[0, 0] and lines[22]['image'] == 'more/c.jpg'
    for name in ('overlays/a.jpg', 'overlays/b.png', 'overlays/more/c.jpg', 'heatmaps/b.png_0.png',
                 'crops/more/c.jpg_0.png'):
        assert cv2.imread(str(out / name)) is not None
    before, after = cv2.imread(str(images / 'b.png')), cv2.imread(str(out / 'overlays/b.png'))
    assert before.shape == after.shape and (before != after).any()


def test_predictions_follow_the_boxes_the_stage_and_the_least_score(cli, images, tmp_path):
    (tmp_path / 'boxes.json').write_text(json.dumps(
        {'a.jpg': [[5, 5, 100, 120], [30, 10, 128, 100]], 'b.png': []}))
    common = (images / '*.*', '--model', 'flic-small', '--boxes', tmp_path / 'boxes.json')
    cli('predict', *common, '--out', tmp_path / 'last', '--no-overlays')
    cli('predict', *common, '--out', tmp_path / 'first', '--stage', 0, '--no-flip',
         '--min-score', 2)
    last, first = (json.loads((tmp_path / name / 'predictions.json').read_text())
                   for name in ('last', 'first'))
    assert [person['bbox'] for person in last['annotations']] == [[5, 5, 95, 115], [30, 10, 98, 90]]
    assert first['info']['stage'] == 0
    assert first['annotations'][0]['keypoints'] != last['annotations'][0]['keypoints']
    assert not (tmp_path / 'last/overlays').exists()
    drawn, given = (cv2.imread(str(path)) for path in (
        tmp_path / 'first/overlays/b.png', images / 'b.png'))
    assert np.array_equal(drawn, given)             # no person, and no score above 2


@pytest.mark.slow
def test_results_for_coco_keep_ids_and_have_the_score_of_the_same_poses(cli, images, tmp_path):
    """Annotated people are poses with noise; AP by COCO's own code, and by ours without files."""
    model = init_model('flic-small', device='cpu')
    boxes = np.array([[5, 5, 100, 120], [30, 10, 128, 100]])
    sigmas = np.array([COCO_SIGMAS[name] for name in keypoint_names(model.dataset_meta)])
    rng, people, found = np.random.default_rng(0), [], []
    for image_id, name in ((70, 'a.jpg'), (40, 'b.png'), (55, 'more/c.jpg')):
        poses = predict(model, images / name, boxes)
        found += [dict(image_id=image_id, keypoints=keypoints, score=scores.mean())
                  for keypoints, scores in zip_equal(poses.keypoints, poses.scores)]
        for keypoints, box in zip_equal(poses.keypoints, boxes.tolist()):
            noisy = keypoints + rng.normal(0, 4, keypoints.shape)
            people.append(dict(
                id=900 - len(people), image_id=image_id, category_id=1, iscrowd=0, num_keypoints=11,
                keypoints=np.c_[noisy, np.full(11, 2)].ravel().tolist(), area=9000.0,
                bbox=[*box[:2], box[2] - box[0], box[3] - box[1]]))
    truth = tmp_path / 'truth.json'
    truth.write_text(json.dumps(dict(
        images=[dict(id=70, file_name='a.jpg'), dict(id=40, file_name='b.png'),
                dict(id=55, file_name='set/more/c.jpg')],
        categories=[dict(id=1, name='person')], annotations=people)))
    common = (images, '--model', 'flic-small', '--boxes', truth, '--no-overlays', '--device', 'cpu')
    cli('predict', *common, '--out', tmp_path / 'list', '--format', 'coco-results')
    cli('predict', *common, '--out', tmp_path / 'coco')
    content = json.loads((tmp_path / 'coco/predictions.json').read_text())
    assert [image['id'] for image in content['images']] == [70, 40, 55]
    assert [person['id'] for person in content['annotations']] == [one['id'] for one in people]
    coco = COCO(truth)
    results = coco.loadRes(str(tmp_path / 'list/predictions.json'))
    assert [(one['image_id'], one['annotation_id']) for one in results.anns.values()] == [
        (one['image_id'], one['id']) for one in people]
    evaluation = COCOeval(coco, results, 'keypoints')
    evaluation.params.kpt_oks_sigmas = sigmas
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    expected = np.array(list(average_precision(people, found, sigmas)[0].values()))
    stats = np.where(evaluation.stats < 0, np.nan, 100 * evaluation.stats)
    assert np.array_equal(stats, expected, equal_nan=True) and 20 < expected[0] < 90


def test_a_video_to_a_video_with_a_detector(cli, images, tmp_path, monkeypatch):
    (tmp_path / 'left_half.py').write_text(
        'def find(image):\n    h, w = image.shape[:2]\n    return [[0, 0, w / 2, h, 0.9]]\n')
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / 'film.mp4', times=(*range(9), 20, 21), turned=90)
    cli('predict', 'film.mp4', '--model', 'flic-small', '--detector', 'left_half:find', '--smooth',
         '--max-frames', 10)
    found = json.loads((tmp_path / 'work_dirs/predict/predictions.json').read_text())
    assert [(image['file_name'], image['time']) for image in found['images']] == [
        (f'film.mp4/{i}', time / 20) for i, time in enumerate((*range(9), 20))]
    assert found['annotations'][3]['bbox'] == [0, 0, 24, 64]
    assert {person['track_id'] for person in found['annotations']} == {1}
    frames = list(Video('work_dirs/predict/overlays/film.mp4'))
    assert [frame.time for frame in frames] == pytest.approx(
        [image['time'] for image in found['images']], abs=1e-4)
    assert frames[0].image.shape == (64, 48, 3)


def test_a_detector_that_fails_costs_an_image_and_a_bad_box_itself(
        cli, images, tmp_path, monkeypatch, capsys, caplog):
    (tmp_path / 'moody.py').write_text(
        'results = [None, [[5, 5, 90, 120, 0.3], [5, 5, 80, 120, 0.9], [9, 9, 9, 9, 0.9]]]\n'
        'def find(image):\n    return results.pop(0)\n')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match='2 images could not be used'):
        cli('predict', images, '--model', 'flic-small', '--detector', 'moody:find', '--out', 'out')
    reported = capsys.readouterr().err
    assert 'error: a.jpg: the detector returned NoneType of shape ()' in reported
    assert 'error: more/c.jpg: the detector failed (IndexError: pop from empty list)' in reported
    assert "b.png: the detector's box [9.0, 9.0, 9.0, 9.0] is left out" in caplog.text
    found = json.loads((tmp_path / 'out/predictions.json').read_text())
    assert [person['bbox'] for person in found['annotations']] == [[5, 5, 75, 115]]


def test_what_fails_is_reported_and_the_rest_goes_on(cli, images, tmp_path, capsys):
    (images / 'torn.jpg').write_bytes((images / 'a.jpg').read_bytes()[:300])
    Image.new('L', (1, 1), 3).save(images / 'one_pixel.png')
    (images / 'empty.png').touch()
    whole = [[0, 0, 128, 128]]
    (tmp_path / 'boxes.json').write_text(json.dumps({
        'a.jpg': whole, 'b.png': [[900, 0, 950, 10]], 'torn.jpg': whole,
        'empty.png': whole, 'one_pixel.png': [[0, 0, 1, 1]]}))
    with pytest.raises(SystemExit) as stop:
        cli('predict', images, '--model', 'flic-small', '--out', tmp_path / 'out', '--boxes',
             tmp_path / 'boxes.json')
    assert stop.value.code == '4 images could not be used'
    reported = capsys.readouterr().err.splitlines()
    assert len([line for line in reported if line.startswith('error: ')]) == 4
    for start in ('b.png: a crop of', 'more/c.jpg: ', f'{images}/torn.jpg: not a readable',
                  f'{images}/empty.png: not a readable'):
        assert any(line.startswith(f'error: {start}') for line in reported), start
    found = json.loads((tmp_path / 'out/predictions.json').read_text())
    assert [image['file_name'] for image in found['images']] == ['a.jpg', 'one_pixel.png']


@pytest.mark.parametrize(('arguments', 'message'), [
    (['gone.jpg', '--whole-image'], 'gone.jpg: no image'),
    (['.', '--model', 'none', '--whole-image'], 'none: no such config file'),
    (['.'], 'where are the people'), (['.', '--detector', 'hogg'], 'detector hogg: there is none'),
    (['.', '--config', 'a.py'], '--config and --weights go together'),
    (['.', '--whole-image', '--smooth'], 'still images; --smooth is for videos'),
    (['.', '--whole-image', '--fps', 0], 'fps=0'),
    (['.', '--whole-image', '--fps', 25, '--journal'], 'leave them out for videos'),
    (['../film', '--whole-image', '--journal'], 'leave them out for videos'),
    (['.', '--boxes', 'a', '--detector', 'b'], '--detector and --boxes both say'),
    (['.', '--boxes', 'none_of_these.json'], 'none of its 1 image_ids, as .100., is one of the'),
    (['.', '--whole-image', '--box-format', 'xywh'], '--box-format is for --boxes'),
    (['.', '--boxes', 'old/predictions.json', '--out', './old'], 'old/predictions.json: would rep'),
])
def test_wrong_arguments_end_in_a_line(cli, images, monkeypatch, arguments, message):
    monkeypatch.chdir(images)
    (images.parent / 'film').mkdir()
    for name in ('a.jpg', 'b.mp4'):
        (images.parent / 'film' / name).touch()
    (images / 'none_of_these.json').write_text('[{"image_id": 100, "bbox": [1, 2, 3, 4]}]')
    with pytest.raises(SystemExit, match=message):
        cli('predict', *arguments)


def test_calibrated_weights_write_probabilities_and_others_are_refused(cli, images, tmp_path):
    cli('predict', images / 'a.jpg', '--model', 'flic-small', '--out', tmp_path, '--probability',
        '--whole-image', '--no-overlays', '--device', 'cpu')
    with (tmp_path / 'predictions.csv').open() as file:
        rows = [(float(line['score']), float(line['probability'])) for line in csv.DictReader(file)]
    assert len(rows) == 11 and all(0 <= probability <= 1 for _, probability in rows)
    (person,) = json.loads((tmp_path / 'predictions.json').read_text())['annotations']
    assert person['probability'] == [probability for _, probability in rows]
    with pytest.raises(SystemExit, match='error: probability: these weights are calibrated for'):
        cli('predict', images, '--model', 'flic-small', '--out', tmp_path, '--probability',
            '--whole-image', '--no-flip', '--device', 'cpu')


def test_fewer_stacks_and_another_runtime(cli, images, tmp_path, capsys):
    common = (images / 'a.jpg', '--whole-image', '--model', 'flic-small4', '--no-overlays',
              '--device', 'cpu')
    for name, options in (('stage', ('--stage', 1)), ('early', ('--exit-tolerance', 1000)),
                          ('stages', ('--stages', 2, '--optimize', 'fuse')), ('all', ())):
        cli('predict', *common, '--out', tmp_path / name, *options)
    found = {name: json.loads((tmp_path / name / 'predictions.json').read_text())
             for name in ('stage', 'stages', 'early', 'all')}
    stage, stages, early, everything = (
        content['annotations'][0]['keypoints'] for content in found.values())
    assert stages == pytest.approx(stage, abs=2e-3) and early == pytest.approx(stage, abs=2e-3)
    assert everything != pytest.approx(stage, abs=2e-3)
    assert [content['info']['stage'] for content in found.values()] == [1, 1, 3, 3]
    for options, words in ((('--stage', 0, '--stages', 1), 'give one'),
                           (('--stages', 0), '--stages 0'), (('--stages', 9), 'the network has 4'),
                           (('--optimize', 'fsue'), "optimize='fsue'"),
                           (('--weights', 'a.pth'), '--model: names the weights'),
                           (('--max-frames', 0), '--max-frames 0: give 1 or more'),
                           (('--max-people', 1), '--max-people is for --detector')):
        with pytest.raises(SystemExit, match=words):
            cli('predict', *common, '--out', tmp_path / 'no', *options)


def test_results_of_an_earlier_call_stay_if_nothing_is_done(cli, images, tmp_path, capsys):
    common = ('predict', images / 'a.jpg', '--whole-image', '--model', 'flic-small',
              '--out', tmp_path)
    cli(*common)
    before = (tmp_path / 'predictions.json').read_bytes()
    with pytest.raises(SystemExit, match='probability'):
        cli(*common, '--stage', 0, '--probability')
    assert (tmp_path / 'predictions.json').read_bytes() == before


@pytest.mark.parametrize(('error', 'status'), [(KeyboardInterrupt, 130), (MemoryError, None)])
def test_what_is_done_is_written_if_a_run_is_stopped(
        cli, images, tmp_path, monkeypatch, error, status):
    def stopped(*args, **kwargs):
        found = predict_collection(*args, **kwargs)
        yield next(found)
        raise error
    monkeypatch.setattr('hourglass.inference.collection.predict_collection', stopped)
    with pytest.raises(SystemExit if status else MemoryError) as ended:
        cli('predict', images, '--whole-image', '--model', 'flic-small', '--batch-size', 1, '--out',
            tmp_path / 'out')
    assert getattr(ended.value, 'code', None) == status
    assert json.loads((tmp_path / 'out/predictions.json').read_text())['images']


def test_options_reach_what_they_are_for(cli, images, tmp_path, monkeypatch):
    asked = {}

    def collection(model, source, find_boxes, results, drawing, **options):
        asked.update(options, min_score=drawing.min_score, bits=source.bits, fps=source.fps)
        yield None
    monkeypatch.setattr('hourglass.inference.collection.predict_collection', collection)
    monkeypatch.setattr('hourglass.inference.boxes.box_finder',
                        lambda *where, **options: asked.update(options))
    cli('predict', images, '--model', 'flic-small', '--out', tmp_path / 'out', '--device', 'cpu',
        '--detector', '--detector-score', 0.4, '--detector-overlap', 0.6, '--max-people', 2,
        '--batch-size', 3, '--min-score', 0.7, '--fps', 25, '--smooth', '--bits', 12)
    assert asked == dict(device='cpu', score=0.4, overlap=0.6, max_people=2, batch_size=3,
                         min_score=0.7, smooth=True, stage=None, flip=None, probability=False,
                         bits=12, fps=25)
    assert (tmp_path / 'out/.hourglass').exists()


def test_a_journal_begins_anew_if_images_of_more_bits_are_added(cli, images, tmp_path):
    deep = cv2.imread(str(images / 'b.png')).astype(np.uint16)
    (tmp_path / 'deep').mkdir()
    cv2.imwrite(str(tmp_path / 'deep/a.png'), 16 * deep)            # 12 bits

    def people(out: str, *options: str) -> list:
        cli('predict', tmp_path / 'deep', '--whole-image', '--model', 'flic-small', '--no-overlays',
            '--device', 'cpu', '--out', tmp_path / out, *options)
        return json.loads((tmp_path / out / 'predictions.json').read_text())['annotations']
    people('shared', '--journal')
    cv2.imwrite(str(tmp_path / 'deep/b.png'), 257 * deep)           # 16, of all images now
    assert people('shared', '--journal') == people('fresh')


def test_a_journal_begins_anew_if_the_module_of_the_detector_has_changed(
        cli, images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for width in (40, 60, 60):
        monkeypatch.delitem(sys.modules, 'narrow', raising=False)
        (tmp_path / 'narrow.py').write_text(f'def find(image):\n    return [[0, 0, {width}, 90]]\n')
        cli('predict', images / 'a.jpg', '--detector', 'narrow:find', '--model', 'flic-small',
            '--no-overlays', '--device', 'cpu', '--out', 'out', '--journal')
        found, = json.loads((tmp_path / 'out/predictions.json').read_text())['annotations']
        assert found['bbox'] == [0, 0, width, 90]
    assert len(list((tmp_path / 'out/journal').iterdir())) == 2
