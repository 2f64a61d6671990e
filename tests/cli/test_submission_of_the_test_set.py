"""tools/test.py on MPII's test set: the official submission, and a score where the truth is known."""
import json

import numpy as np
import pytest
import scipy.io
import torch
from conftest import REPOSITORY
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from PIL import Image
from release_file import hidden_rect, image, pose, rect, write_release

CONFIG = REPOSITORY / 'configs/mpii/td-hm_hourglass8-paper_mpii-test-256x256.py'
TINY = ['model.backbone.num_stacks=1', 'model.backbone.channels=16', 'model.backbone.depth=1',
        'model.head.num_stages=1', 'test_dataloader.num_workers=0']


@pytest.fixture
def folder(tmp_path, cli, monkeypatch):
    """A data root with a release of three test people, one of them not alone, and its splits."""
    def make(test_rect) -> None:
        mpii = tmp_path / 'mpii'
        (mpii / 'images').mkdir(parents=True)
        for name in ('train', 'val', 'one', 'two'):
            noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
            Image.fromarray(noise).save(mpii / f'images/{name}.jpg')
        release = write_release(
            mpii / 'mpii_human_pose_v1_u12_1.mat', image('val.jpg', rect(pose(1))),
            image('train.jpg', rect(pose(4))),
            image('one.jpg', test_rect(1), training=0, single_person=1),
            image('two.jpg', test_rect(2), test_rect(3), training=0, single_person=2))
        joints = np.array([[p['x'], p['y']] for p in pose(1)])
        scipy.io.savemat(tmp_path / 'gt.mat', dict(
            headboxes_src=np.array([[[10.], [20.]], [[13.], [24.]]]),
            pos_gt_src=joints[..., None], jnt_missing=np.zeros((16, 1))))
        cli('prepare', 'mpii', mpii, '--release', release, '--val', tmp_path / 'gt.mat', '--quick')
    monkeypatch.setenv('HOURGLASS_DATA', str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return make


def evaluate(cli, tmp_path) -> dict:
    cfg = Config.fromfile(CONFIG)
    cfg.merge_from_dict({option.split('=')[0]: int(option.split('=')[1]) for option in TINY[:4]})
    init_default_scope('mmpose')
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), tmp_path / 'weights.pth')
    cli('test', CONFIG, tmp_path / 'weights.pth', '--work-dir', tmp_path / 'work', '--out',
         tmp_path / 'metrics.json', '--cfg-options', *TINY)
    return json.loads((tmp_path / 'metrics.json').read_text())


def test_without_truth_there_is_a_submission_and_no_score(cli, tmp_path, folder):
    folder(lambda seed: hidden_rect())
    assert evaluate(cli, tmp_path) == {'submission/people': 3, 'submission/single_person': 2}
    content = scipy.io.loadmat(tmp_path / 'pred_keypoints_mpii.mat', squeeze_me=True,
                               struct_as_record=False)
    names = [entry.image.name for entry in content['pred']]
    assert names == ['one.jpg', 'two.jpg']
    people = [content['pred'][0].annorect, *content['pred'][1].annorect]
    assert [len(person.annopoints.point) for person in people] == [16, 16, 16]
    assert content['single_person'].tolist() == [1, 2]


def test_with_truth_single_persons_are_scored(cli, tmp_path, folder):
    folder(lambda seed: rect(pose(seed)))
    found = evaluate(cli, tmp_path)
    assert found['submission/people'] == 3
    assert 0 <= found['mpii/Total'] < 100 and 'mpii/Ankle' in found
