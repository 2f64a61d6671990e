"""What a data set may assume otherwise than we do becomes right, or is refused by name.

A toy of two people on two images, 64x48 px, whose annotation has one fault at a time.
"""
from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from conftest import NEEDS_MMENGINE_0_9_1
from mmengine.dataset import ConcatDataset, RepeatDataset
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmpose.datasets import CombinedDataset
from mmpose.registry import METRICS
from PIL import Image
from tiny_network import write_tiny_network

from hourglass.apis import init_model, predict
from hourglass.datasets.base import PersonDataset
from hourglass.datasets.person import Person
from hourglass.datasets.skeletons import define_skeleton
from hourglass.engine.batches import SeededDataset
from hourglass.engine.checks import check_evaluation
from hourglass.errors import ConfigError, DataError
from hourglass.inference.drawing import write_sheet
from hourglass.registry import DATASETS

WIDTH, HEIGHT = 64, 48
NAMES = ['left_hand', 'right_hand', 'tail']
CROP = dict(type='hourglass.CropImage', input_size=(64, 64))
TEST = [dict(type='hourglass.LoadImage'), CROP, dict(type='mmpose.PackPoseInputs')]
CODEC = dict(type='hourglass.HourglassHeatmap', input_size=(64, 64), heatmap_size=(16, 16))
FLIP = [dict(type='hourglass.DrawFlip', prob=1.0), CROP]


@DATASETS.register_module(force=True)
class Toy(PersonDataset):
    """People from a list of dicts with the fields of a person; the names are the annotation's."""

    def __init__(self, data_root: str, ann_file: str = 'a.json', **kwargs):
        names = json.loads(Path(data_root, ann_file).read_text())['names']
        self.METAINFO = define_skeleton('toy', names)
        super().__init__(data_root, ann_file, **kwargs)

    def read_people(self) -> list[Person]:
        people = json.loads(Path(self.ann_file).read_text())['people']
        return [Person(**{key: np.array(value, float) if key.endswith('_image') else value
                          for key, value in person.items()}, row=row,
                       occluded=np.zeros(self.metainfo['num_keypoints'], bool), side_image=40.0)
                for row, person in enumerate(people)]


def annotated(number: int, **changes) -> dict:
    return dict(
        image_name=f'{number}.png', center_image=[30, 22], image_size=(WIDTH, HEIGHT),
        keypoints_image=[[20, 20 + number], [40, 24], [30, 40]], bbox_image=[15, 15, 45, 45],
        image_id=500 - number, annotation_id=70 + number) | changes


@pytest.fixture
def folder(tmp_path, rng) -> Path:
    (tmp_path / 'images').mkdir()
    for number in range(2):
        coarse = rng.integers(256, size=(6, 8, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / f'images/{number}.png'), cv2.resize(coarse, (WIDTH, HEIGHT)))
    return tmp_path


def toy(folder: Path, people: list[dict] | None = None, names=NAMES, ann_file: str = 'a.json',
        **options) -> Toy:
    people = [annotated(number) for number in range(2)] if people is None else people
    (folder / ann_file).write_text(json.dumps(dict(names=names, people=people)))
    return Toy(str(folder), ann_file, **options)


FAULTS = {
    'another size': (
        dict(image_size=(128, 96)), 'row 1 .1.png.: the image has 64x48 px and was annotated with '
        '128x96; scale the annotation, or take those images'),
    'sides swapped': (
        dict(image_size=(48, 64)), 'has 64x48 px and was annotated with 48x64; it is turned by its '
        'EXIF data'),
    'keypoints outside': (
        dict(keypoints_image=[[70, 20], [80, 24], [90, 50]]), 'row 1 .1.png.: all 3 keypoints lie '
        'outside of the 64x48 image'),
    'crop outside': (
        dict(center_image=[95, 22]), r'row 1 .1.png.: the crop, \[75, 2, 115, 42\], shows nothing'),
    'box outside': (
        dict(bbox_image=[-30, 2, -4, 40]), r'row 1 .1.png.: the box, \[-30, 2, -4, 40\], shows'),
    'backslash': (dict(image_name='x\\1.png'), r'first x\\1.png \(1.png is there: folders differ'),
    'doubled slash': (
        dict(image_name='../images//1.png'), '../images/1.png is there: slashes differ, spell'),
    'case': (dict(image_name='1.PNG'), r'1.PNG \(1.png is there: case or extension differ'),
}


@pytest.mark.parametrize(('change', 'message'), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_one_person_is_named_before_the_first_sample(folder, change, message):
    assert len(toy(folder)) == 2
    with pytest.raises(DataError, match=message) as error:
        toy(folder, [annotated(0), annotated(1, **change)])
    assert '\n' not in str(error.value)


def test_shares_of_the_image_are_refused(folder):
    def shares(values: list) -> list:
        return (np.reshape(values, (-1, 2)) / [WIDTH, HEIGHT]).tolist()
    people = [dict(annotated(i), keypoints_image=shares(annotated(i)['keypoints_image']))
              for i in range(2)]
    with pytest.raises(DataError, match='a.json: all keypoints lie within .* are they in shares'):
        toy(folder, people)


def test_the_size_of_every_image_is_compared_where_it_is_read(folder, monkeypatch):
    monkeypatch.setattr('hourglass.datasets.checks._LOOKED_AT', 1)          # image 0 alone
    dataset = toy(folder, [annotated(0), annotated(1, image_size=(128, 96))], pipeline=[CROP])
    assert dataset[0]['img'].shape == (64, 64, 3)
    with pytest.raises(DataError, match=r'1.png: the image has 64x48 px and was annotated'):
        dataset.prepare_data(1)


@pytest.mark.parametrize('suffix', ['jpg', 'png'])
def test_training_testing_and_prediction_turn_an_image_upright(folder, monkeypatch, suffix):
    upright = cv2.imread(str(folder / 'images/1.png'))
    exif = Image.Exif()
    exif[0x0112] = 6                                    # to be turned by 90 degrees to the right
    stored = Image.fromarray(np.rot90(upright)[..., ::-1])
    stored.save(folder / f'images/t.{suffix}', exif=exif, quality=100, subsampling=0)
    turned = [annotated(1, image_name=f't.{suffix}')]
    inputs = {}
    for name, pipeline in dict(
            train=[CROP], test=TEST[:2], mmpose=[dict(type='LoadImage'), dict(
                type='TopdownAffine', input_size=(64, 64))]).items():
        init_default_scope('mmpose')
        inputs[name] = toy(folder, turned, pipeline=pipeline)[0]['img']
    monkeypatch.setenv('HOURGLASS_DATA', str(folder))
    model = init_model(*map(str, write_tiny_network(folder)))
    inputs['predict'] = predict(model, folder / f'images/t.{suffix}', centers=[[30, 22]],
                                scales=[0.2], inputs=True).inputs[0]
    expected = toy(folder, [annotated(1)], pipeline=[CROP])[0]['img']
    for name, found in inputs.items():
        assert np.abs(found.astype(int) - expected).max() <= 8, name
    assert np.abs(expected.astype(int) - np.rot90(expected)).mean() > 20    # would be seen


@pytest.mark.parametrize('names', [
    ['L_Hand', 'R_Hand', 'tail'], ['hand_left', 'hand_right', 'tail'],
    ['leftHand', 'rightHand', 'tail'], ['hand.l', 'hand.r', 'tail']], ids='-'.join)
def test_a_mirrored_image_swaps_the_sides_in_any_spelling(folder, names):
    plain, mirrored = (toy(folder, names=names, pipeline=pipeline)[0]['keypoints'][0]
                       for pipeline in ([CROP], FLIP))
    assert np.allclose(mirrored, np.array([[WIDTH - 1, 0]]) + plain[[1, 0, 2]] * [-1, 1])


@pytest.mark.parametrize(('names', 'message'), [
    (['near', 'off', 'tail'], 'toy: no two of near, off, tail are named left and right'),
    (['left_hand', 'paw', 'tail'], "toy: 'left_hand' has a side and no partner")])
def test_mirrored_training_without_pairs_asks_for_them(folder, names, message):
    with pytest.raises(ConfigError, match=f'{message}.*give the data set flip_pairs') as error:
        toy(folder, names=names, pipeline=FLIP)
    assert '\n' not in str(error.value)
    toy(folder, names=names, pipeline=[CROP])
    toy(folder, names=names, pipeline=FLIP, test_mode=True)
    assert toy(folder, names=names, pipeline=FLIP, flip_pairs=[])[0]['flip_indices'] == [0, 1, 2]
    given = toy(folder, names=names, pipeline=FLIP, flip_pairs=[names[:2]])
    assert given[0]['flip_indices'] == [1, 0, 2]


def test_few_pairs_are_reported(folder, monkeypatch):
    said = []
    monkeypatch.setattr(MMLogger.get_current_instance(), 'warning', said.append)
    people = [annotated(0, keypoints_image=np.full((5, 2), 20).tolist())]
    toy(folder, people, names=['left_a', 'right_a', 'b', 'c', 'd'], pipeline=FLIP)
    assert said == ['toy: a mirrored image swaps left_a, right_a, and not b, c, d; flip_pairs of '
                    'the data set changes that']
    toy(folder, pipeline=FLIP)
    assert len(said) == 1


def perfect(dataset, skeleton_of=None) -> dict[str, float]:
    """Scores of predictions that equal the annotation, through three metrics."""
    samples = [dataset[index]['data_samples'].to_dict() for index in range(len(dataset))]
    for sample in samples:
        keypoints = sample['gt_instances']['keypoints']
        sample['pred_instances'] = dict(
            keypoints=keypoints, keypoint_scores=np.ones(keypoints.shape[:2]))
    init_default_scope('mmpose')
    scores = {}
    for config in (
            dict(type='CocoMetric', nms_mode='none'),
            dict(type='hourglass.OksAP', sigmas=dict.fromkeys(NAMES, 0.1)),
            dict(type='hourglass.PCK', unit='bbox', groups=dict(Hand=NAMES[:2]))):
        metric = METRICS.build(config)
        metric.dataset_meta = dict((skeleton_of or dataset).metainfo, sigmas=np.full(3, 0.1))
        metric.process([], samples)
        scores |= metric.evaluate(len(samples))
    return {name: scores[name] for name in ('coco/AP', 'oks/AP', 'pck/Hand')}


RIGHT = {'coco/AP': pytest.approx(1), 'oks/AP': pytest.approx(100), 'pck/Hand': 100}
OPTIONS = dict(pipeline=TEST, test_mode=True)


def test_a_data_prefix_without_the_images_is_refused(folder):
    with pytest.raises(ConfigError, match="data_prefix is {'img_path': 'images'}; name the folder"):
        toy(folder, data_prefix=dict(img_path='images'))


def test_ids_are_those_of_the_file(folder):
    dataset = toy(folder, **OPTIONS)
    infos = [dataset.get_data_info(index) for index in range(2)]
    assert [info['img_id'] for info in infos] == [500, 499]
    assert [info['raw_ann_info']['image_id'] for info in infos] == [500, 499]
    assert [info['raw_ann_info']['id'] for info in infos] == [70, 71]
    assert perfect(dataset) == RIGHT
    unnamed = toy(folder, [annotated(i, image_id=None, annotation_id=None) for i in range(2)],
                  **OPTIONS)
    assert perfect(unnamed) == RIGHT


def combined(*parts: Toy, **options) -> CombinedDataset:
    init_default_scope('mmpose')
    dataset = CombinedDataset(metainfo=define_skeleton('toy', NAMES), datasets=[
        dict(type='hourglass.Toy', data_root=part.data_root, ann_file=Path(part.ann_file).name,
             pipeline=part.pipeline.transforms, test_mode=True) for part in parts], **options)
    dataset._metainfo['CLASSES'] = [dict(id=1, name='person')]
    return dataset


@NEEDS_MMENGINE_0_9_1
@pytest.mark.parametrize('join', [lambda *parts: ConcatDataset(parts), combined],
                         ids=['ConcatDataset', 'CombinedDataset'])
def test_concatenated_data_sets_are_scored_whole(folder, join):
    # ids and rows of the second file begin anew, on the same images
    parts = toy(folder, **OPTIONS), toy(folder, [
        annotated(i, image_id=600 + i, annotation_id=90 + i) for i in range(2)], ann_file='b.json',
        **OPTIONS)
    whole = join(*parts)
    ids = [whole[index]['data_samples'].id for index in range(4)]
    assert len(set(ids)) == 4 and max(ids) < 2**53                      # exact as a float
    assert perfect(whole, parts[0]) == RIGHT


@NEEDS_MMENGINE_0_9_1
def test_a_part_is_scored_and_a_repeated_person_refused(folder):
    dataset = toy(folder, indices=[1], **OPTIONS)
    assert perfect(dataset) == RIGHT
    assert perfect(ConcatDataset([dataset, toy(folder, ann_file='b.json', indices=1, **OPTIONS)]),
                   dataset) == RIGHT
    with pytest.raises(DataError, match='1 of 2 samples repeat others, .*leave out RepeatDataset'):
        perfect(RepeatDataset(dataset, 2), dataset)


def check(dataset, **metric) -> None:
    """What a run checks before it validates on this data set."""
    init_default_scope('mmpose')
    built = METRICS.build(metric or dict(type='CocoMetric'))
    built.dataset_meta = dict(dataset_name='toy', sigmas=np.ones(3))
    check_evaluation(SimpleNamespace(
        dataloader=SimpleNamespace(dataset=dataset), evaluator=SimpleNamespace(metrics=[built])))


@NEEDS_MMENGINE_0_9_1
def test_equal_ids_of_two_files_are_refused_for_a_metric_that_goes_by_them(folder):
    def whole(join, **change) -> ConcatDataset | CombinedDataset:
        return join([toy(folder, **OPTIONS), toy(
            folder, [annotated(1, image_id=600, annotation_id=90) | change], ann_file='b.json',
            **OPTIONS)])
    check(whole(ConcatDataset))
    for join, change in ((ConcatDataset, dict(image_id=500)),   # both are image 0's
                         (lambda parts: combined(*parts), dict(annotation_id=70))):
        with pytest.raises(ConfigError, match=r'CocoMetric: image .*1\.png\), annotation .*: one of'
                           ' these ids is there twice; give joined files ids of their own, or'):
            check(whole(join, **change))
    check(whole(ConcatDataset, image_id=500), type='EPE')


@NEEDS_MMENGINE_0_9_1
def test_a_metric_that_reads_one_of_two_files_is_refused(folder):
    (folder / 'coco.json').write_text(json.dumps(dict(
        images=[dict(id=i) for i in (499, 500)], categories=[], annotations=[])))
    metric = dict(type='CocoMetric', ann_file=str(folder / 'coco.json'))
    first = toy(folder, **OPTIONS)
    second = toy(folder, [annotated(0, image_id=600, annotation_id=90)], ann_file='b.json',
                 **OPTIONS)
    check(ConcatDataset([first]), **metric)
    with pytest.raises(ConfigError, match=r'image 600 .*, annotation 90: not in the file'):
        check(ConcatDataset([first, second]), **metric)


def test_repeated_people_are_refused_before_the_training(folder):
    with pytest.raises(DataError, match='2 of 4 samples repeat others, .*leave out RepeatDataset'):
        check(RepeatDataset(toy(folder, **OPTIONS), 2), type='EPE')


def test_converted_keypoints_are_scored_as_they_are(folder):
    init_default_scope('mmpose')
    convert = dict(type='KeypointConverter', num_keypoints=3, mapping=[(0, 1), (1, 0), ((0, 1), 2)])
    dataset = toy(folder, pipeline=[convert, *TEST], test_mode=True)
    before = dataset.metainfo['flip_indices']
    scores = perfect(dataset)
    assert {name: scores[name] for name in ('oks/AP', 'pck/Hand')} == {
        'oks/AP': pytest.approx(100), 'pck/Hand': 100}
    assert dataset.metainfo['flip_indices'] == before == [1, 0, 2]


def test_a_flip_that_would_do_nothing_is_refused(folder):
    init_default_scope('mmpose')
    load = dict(type='hourglass.LoadImage'), dict(type='hourglass.DrawFlip')
    pipeline = [*load, dict(type='TopdownAffine', input_size=(64, 64))]
    with pytest.raises(ConfigError, match='DrawFlip mirrors nothing before TopdownAffine; take'):
        toy(folder, pipeline=pipeline)
    part = toy(folder)
    with pytest.raises(ConfigError, match='DrawFlip mirrors nothing before TopdownAffine'):
        SeededDataset(dict(
            type='CombinedDataset', metainfo=define_skeleton('toy', NAMES), pipeline=pipeline,
            datasets=[dict(type='hourglass.Toy', data_root=part.data_root)]))
    toy(folder, pipeline=[*load, CROP])


@pytest.mark.parametrize('flip', ['hourglass.DrawFlip', 'RandomFlip'])
def test_a_flip_of_images_whose_targets_are_made_is_refused(folder, flip):
    init_default_scope('mmpose')
    flip, target = dict(type=flip, prob=0.5), dict(type='GenerateTarget', encoder=CODEC)
    with pytest.raises(ConfigError, match='Flip after GenerateTarget mirrors no heatmaps; move'):
        toy(folder, pipeline=[CROP, target, flip])
    toy(folder, pipeline=[flip, CROP, target])


@pytest.mark.parametrize('step', [
    'RandomFlip', 'RandomHalfBody', 'hourglass.DrawFlip', 'hourglass.PaperScaleRotation'])
@pytest.mark.parametrize('crop', ['hourglass.CropImage', 'TopdownAffine'])
def test_a_step_that_comes_too_late_for_the_crop_is_refused(folder, crop, step):
    """mmpose's RandomFlip would mirror the crop, and not its keypoints."""
    init_default_scope('mmpose')
    late = [dict(type=crop, input_size=(64, 64)), dict(type=step),
            dict(type='GenerateTarget', encoder=CODEC)]
    for pipeline in (late, late[:2]):
        with pytest.raises(ConfigError, match=f"{step.split('.')[-1]} after {crop.split('.')[-1]} "
                           'comes too late for the crop'):
            toy(folder, pipeline=pipeline)


@pytest.mark.parametrize('crop', ['hourglass.CropImage', 'TopdownAffine'])
def test_targets_for_crops_of_another_size_are_refused(folder, crop):
    init_default_scope('mmpose')
    target = dict(type='GenerateTarget', encoder=CODEC)
    with pytest.raises(ConfigError, match=r'encoder is \(64, 64\) and that of the crop \(32, 32\)'):
        toy(folder, pipeline=[dict(type=crop, input_size=(32, 32)), target])
    toy(folder, pipeline=[dict(type=crop, input_size=(64, 64)), target])


def test_a_sheet_shows_a_box_of_a_pixel(folder):
    dataset = toy(folder, [annotated(0, bbox_image=[63.2, 20, 63.4, 47.9]), annotated(1)])
    write_sheet(dataset, folder / 'sheet.png')
    assert cv2.imread(str(folder / 'sheet.png')).any()


def test_values_of_12_bits_are_scaled_alike_in_a_whole_data_set(folder):
    """Also those of an image that is dark enough for 10 bits; a warning says how."""
    bright = [toy(folder, pipeline=[CROP])[i]['img'].astype(int) for i in range(2)]
    for number, factor in enumerate((4, 16)):
        path = str(folder / f'images/{number}.png')
        cv2.imwrite(path, cv2.imread(path).astype(np.uint16) * factor)
    with pytest.warns(UserWarning, match='values of 12 bits: 0 to 4095 becomes 0 to 255 in all'):
        dataset = toy(folder, pipeline=[CROP])
    for bits, white in ((None, 4095), (12, 4095), (16, 65535)):
        dataset = dataset if bits is None else toy(folder, pipeline=[CROP], bits=bits)
        for number, factor in enumerate((4, 16)):
            expected = bright[number] * factor * 255 / white
            assert np.abs(dataset[number]['img'] - expected).max() <= 2
    with pytest.raises(DataError, match=r'1.png: values up to \d+, and 10 bits end at 1023, .* '
                                        'give bits=12 for all'):
        toy(folder, pipeline=[CROP], bits=10).prepare_data(1)
