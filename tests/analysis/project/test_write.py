"""The written config builds the data sets that were looked over, and says what was chosen."""
import shlex

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DATASETS
from own_people import NAMES, annotation, write_people
from safetensors.torch import save_file

from hourglass.analysis.project.write import write_project
from hourglass.apis import init_model, predict
from hourglass.checkpoints.description import Description
from hourglass.datasets.forms.convert import Source
from hourglass.datasets.skeletons import COCO_SIGMAS, keypoint_names
from hourglass.errors import DataError
from hourglass.inference.openmmlab import load_estimator
from hourglass.models.backbone import StackedHourglass


def source(folder, *arguments, **category) -> Source:
    return Source(write_people(folder, *arguments, **category), folder / 'images')


def written(folder, *arguments, **options) -> tuple[str, Config]:
    said = '\n'.join(write_project(folder / 'project', *arguments, **options))
    return said, Config.fromfile(folder / 'project/config.py')


def splits(cfg: Config) -> tuple:
    return tuple(DATASETS.build(dict(cfg[name].dataset, _scope_='mmpose'))
                 for name in ('train_dataloader', 'val_dataloader'))


def test_the_config_builds_what_was_looked_over(tmp_path, monkeypatch):
    said, cfg = written(tmp_path, source(tmp_path))
    assert 'to train: 14 people on 7 images' in said
    assert 'to validate: 2 people on 1 images' in said
    monkeypatch.chdir('/')                              # paths are relative to the config
    assert [len(one) for one in splits(cfg)] == [14, 2]
    assert splits(cfg)[0].crop == 'bbox' and cfg.model.test_cfg.flip_test
    assert StackedHourglass(**{key: value for key, value in cfg.model.backbone.items()
                               if key != 'type'}).num_keypoints == 3
    assert cfg.work_dir == str(tmp_path / 'project/run')
    assert cfg.load_from == 'hourglass://flic' and 'shares 3 of 3 keypoints' in said
    assert cfg.model.head.decoder.unannotated == 'mask'


@pytest.mark.slow
def test_weights_that_describe_themselves_are_used_with_the_config(tmp_path):
    """By this package and mmpose's inferencers: the config's data set has no names of its own."""
    from mmpose.apis import MMPoseInferencer
    _, cfg = written(tmp_path, source(tmp_path), small=True)
    weights = tmp_path / 'mine.safetensors'
    description = Description(NAMES, [], [0, 2, 1], cfg.input_size, [0] * 3, [1] * 3)
    save_file(StackedHourglass(**{key: value for key, value in cfg.model.backbone.items()
                                  if key != 'type'}).state_dict(prefix='backbone.'), weights,
              metadata=description.metadata())
    config, path = str(cfg.filename), str(tmp_path / 'images/0.png')
    theirs = MMPoseInferencer(config, str(weights), det_model='whole_image', device='cpu')
    model = load_estimator(config, weights, 'cpu')
    for meta in (theirs.inferencer.model.dataset_meta, model.dataset_meta):
        assert keypoint_names(meta) == NAMES and meta['flip_indices'] == [0, 2, 1]
    found = next(theirs(path))['predictions'][0][0]['keypoints']
    expected = predict(init_model(config, weights, device='cpu'), path, whole_image=True)
    assert np.array(found) == pytest.approx(expected.keypoints[0], abs=1e-3)


def test_the_sheet_shows_the_crops(tmp_path):
    written(tmp_path, source(tmp_path))
    assert cv2.imread(str(tmp_path / 'project/people.png')).shape == (3 * 256, 6 * 256, 3)


def test_the_commands_can_be_pasted_if_the_folder_has_a_blank(tmp_path):
    *_, following, then = write_project(tmp_path / 'my project', source(tmp_path))
    assert shlex.split(following)[1:] == ['hourglass', 'train', f'{tmp_path}/my project/config.py']
    assert f'{tmp_path}/my project/run/best_*.pth' in shlex.split(then) and '/best_*.pth ' in then


def test_a_config_is_not_left_by_a_call_that_fails_at_a_broken_image(tmp_path):
    people = source(tmp_path)
    for path in (tmp_path / 'images').iterdir():
        path.write_bytes(path.read_bytes()[:-8000])
    with pytest.raises(DataError, match='not a readable image'):
        written(tmp_path, people)
    assert not (tmp_path / 'project/config.py').exists()


def test_people_that_are_left_out_are_counted(tmp_path):
    people = [annotation(i, i) for i in range(7)] + [annotation(9, 7, iscrowd=1)]
    said, _ = written(tmp_path, source(tmp_path, people), held_out=(1, 3))
    assert said.count("1 left out for 'crowd'") == 1


def test_the_config_says_what_scores_are_measured_by(tmp_path):
    """Where few people have a box, it is theirs for some, and for all others another one."""
    people = [annotation(i, i // 2, bbox=None if i % 3 else [1, 2, 50, 30]) for i in range(16)]
    _, cfg = written(tmp_path, source(tmp_path, people))
    assert ("longer side of the person's box; without one,\n"
            '# of the box around the keypoints.') in cfg.text
    boxes = {info['raw_ann_info']['row']: info['raw_ann_info']['bbox_image']
             for one in splits(cfg) for info in map(one.get_data_info, range(len(one)))}
    assert cfg.train_dataloader.dataset.crop == 'keypoints'
    assert boxes[0].tolist() == boxes[3].tolist() == [1, 2, 51, 32] != boxes[1].tolist()


def test_missing_images_of_both_splits_are_counted(tmp_path):
    people = source(tmp_path)
    for path in (tmp_path / 'images').iterdir():
        path.unlink()
    with pytest.raises(DataError, match='images: 8 of 8 images are missing'):
        written(tmp_path, people)


def test_the_range_of_16_bits_is_that_of_both_splits(tmp_path):
    people = source(tmp_path)
    for number in range(8):
        cv2.imwrite(str(tmp_path / f'images/{number}.png'),
                    np.full((60, 80), 4095 if number == 3 else 100, np.uint16))
    with pytest.warns(UserWarning, match='values of 12 bits'):
        said, cfg = written(tmp_path, people)
    assert 'images: 16 bits for a value, of which 12 are used; 4095 is white' in said
    assert said.endswith(' --bits 12 --boxes FILE (or --detector, for people)')
    assert [split.bits for split in splits(cfg)] == [12, 12]


def test_two_files_are_the_splits_and_share_no_image(tmp_path):
    train = source(tmp_path / 'a', [annotation(1, 0)])
    _, cfg = written(tmp_path, train, source(tmp_path / 'b'))
    assert [len(one) for one in splits(cfg)] == [1, 16]
    with pytest.raises(DataError, match=r'people\.json: 1 images are in .*a.people\.json, too'):
        written(tmp_path, train, train)


def test_two_files_have_the_same_keypoints(tmp_path):
    train = source(tmp_path / 'a', [annotation(1, 0)])
    val = source(tmp_path / 'b', names=['nose', 'right_eye', 'left_eye'])
    with pytest.raises(DataError, match='its keypoints are not those of .*: nose, left_eye, right'):
        written(tmp_path, train, val)


def test_a_list_and_the_split_of_the_form_are_kept(tmp_path):
    (tmp_path / 'list.txt').write_text('3.png')
    for one, options in ((source(tmp_path), dict(held_out=tmp_path / 'list.txt')),
                         (Source(tmp_path / 'people.json', tmp_path / 'images',
                                 validation=['3.png']), {})):
        _, cfg = written(tmp_path, one, **options)
        val = splits(cfg)[1]
        assert {val.get_data_info(i)['img_path'] for i in range(len(val))} == {
            str(tmp_path / 'project/../images/3.png')}


def test_no_pairs_no_mirrored_images(tmp_path):
    said, cfg = written(tmp_path, source(tmp_path, names=['a', 'b', 'c']))
    assert 'images are not mirrored in training, as no pairs were found by the names' in said
    assert cfg.train_dataloader.dataset.pipeline[0].prob == 0 and not cfg.model.test_cfg.flip_test


def test_keypoints_that_mirrored_images_do_not_swap_are_said(tmp_path):
    names = ['left_ear', 'right_ear', 'face-0']
    said, _ = written(tmp_path, source(tmp_path, names=names))
    assert 'pairs of left and right: left_ear - right_ear\nin no pair, and the same in mirrored ' \
        'images: face-0\n' in said


def test_a_run_can_write_a_config_whose_keypoints_have_any_name(tmp_path):
    _, cfg = written(tmp_path, source(tmp_path, names=["bird's beak", 'a\\b', 'c"d']))
    rows = {'bird`s beak': ["bird's beak"], 'a/b': ['a\\b'], 'c"d': ['c"d']}
    assert Config.fromstring(cfg.pretty_text, '.py').val_evaluator[0].groups == rows


def test_98_keypoints_are_one_row_and_coco_people_get_its_ap(tmp_path):
    for names, count in (([f'p{i}' for i in range(98)], 1), (list(COCO_SIGMAS), 2)):
        people = [annotation(i, i, keypoints=[20, 20, 2] * len(names)) for i in range(8)]
        _, cfg = written(tmp_path, source(tmp_path, people, names=names))
        assert [metric.type for metric in cfg.val_evaluator] == [
            'hourglass.PCK', 'hourglass.OksAP'][:count]
    assert set(cfg.val_evaluator[0].groups) >= {'nose', 'eye', 'ankle'}
