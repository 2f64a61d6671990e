"""The detector in mmengine's runner: losses of every stack, boxes in image px, the commands."""
import gzip
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import REPOSITORY

from hourglass.datasets.mpii.dataset import MpiiDataset
from hourglass.errors import ConfigError
from hourglass.inference.detectors import find_detector
from hourglass.models.person_detector import CenterDetector

CONFIG = REPOSITORY / 'configs/detection/centers_hourglass2-small_people-384x384.py'
BACKBONE = dict(type='hourglass.StackedHourglass', num_stacks=2, channels=8, num_keypoints=None,
                depth=1, stem_channels=(4, 4, 8))


def test_every_stack_has_losses_and_the_last_one_predicts():
    model = CenterDetector(BACKBONE, longer_side=32).eval()
    images = torch.rand(2, 3, 32, 32)
    boxes = torch.tensor([[4.0, 4, 24, 28, 1]])
    found = model(images, [SimpleNamespace(boxes=boxes)] * 2, mode='loss')
    assert len(found) == 4 and all(value > 0 for value in found.values())
    samples = [SimpleNamespace(zoom=1), SimpleNamespace(zoom=0.5)]
    with torch.no_grad():
        model.head.maps[1].bias[0] = 3
        once, twice = model(images[:1].repeat(2, 1, 1, 1), samples, mode='predict')
    assert once.found[:, 4].min() > 0.9
    assert twice.found[:, :4] == pytest.approx(2 * once.found[:, :4])
    assert twice.found[:, 4] == pytest.approx(once.found[:, 4])


def test_sides_that_do_not_suit_half_the_size_are_refused():
    model = CenterDetector(BACKBONE, longer_side=32).eval()
    with pytest.raises(ConfigError, match='32x24 px: sides have to be multiples of 16; set multi'):
        model(torch.rand(1, 3, 24, 32), [SimpleNamespace(zoom=1)], mode='predict')


@pytest.mark.slow
def test_it_is_trained_tested_converted_and_used_by_the_commands(
        cli, synthetic, tmp_path):
    """On rendered people of 128 px, for two epochs of four batches."""
    root, boxes = synthetic / 'synthetic', {}
    people = MpiiDataset('train/annotations.json', data_root=str(root),
                         data_prefix=dict(img='train/images'))
    for person in map(people.get_data_info, range(len(people))):
        joints = person['raw_ann_info']['keypoints_image']
        corner, end = np.nanmin(joints, axis=0) - 4, np.nanmax(joints, axis=0) + 4
        boxes[Path(person['img_path']).name] = [[*corner, *(end - corner), 0.9]]
    with gzip.open(tmp_path / 'boxes.json.gz', 'wt') as file:
        json.dump(boxes, file)
    config = tmp_path / 'toy.py'
    config.write_text(f"""\
_base_ = [{str(CONFIG)!r}]
model = dict(backbone=dict(channels=16, stem_channels=(8, 8, 16)), longer_side=128)
load_from = None
view = dict(type='hourglass.RandomView', size=128, longer_side=128, mosaic=0.2)
train_dataloader = dict(batch_size=8, num_workers=0, dataset=dict(
    _delete_=True, type='hourglass.BoxesDataset', ann_file={str(tmp_path / 'boxes.json.gz')!r},
    data_prefix=dict(img={str(root / 'train/images')!r}),
    pipeline=[view, dict(type='hourglass.PackBoxes')]))
val_dataloader = test_dataloader = dict(num_workers=0, dataset=dict(
    people=dict(data_root={str(root)!r}, ann_file='test/annotations.json', head_box_file=None,
                data_prefix=dict(img='test/images')),
    pipeline=[dict(type='hourglass.FitImage', longer_side=128, multiple=64),
              dict(type='hourglass.PackBoxes')]))
train_cfg = dict(max_epochs=2)
""")
    cli('train', config, '--work-dir', tmp_path / 'run')
    cli('test', config, tmp_path / 'run/epoch_2.pth', '--work-dir', tmp_path / 'test', '--out',
        tmp_path / 'scores.json')
    scores = json.loads((tmp_path / 'scores.json').read_text())
    assert 0 <= scores['boxes/usable@0.2'] <= 100
    assert len(scores['interval95']['boxes/usable@0.2']) == 2
    cli('convert', tmp_path / 'run/epoch_2.pth', tmp_path / 'a.safetensors', '--half')
    detect = find_detector(f"hourglass:{tmp_path / 'a.safetensors'}", score=0)
    assert len(detect(min((root / 'test/images').iterdir())))
    assert (tmp_path / 'a.safetensors').stat().st_size < 2.5e5
