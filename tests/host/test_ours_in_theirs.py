"""Our network, head, codec and backbone in mmpose's own configs: docs/in-mmpose.md, as tests."""
from pathlib import Path

import mmpose
import numpy as np
import pytest
from conftest import REPOSITORY
from host_parts import write_theirs

from hourglass.checkpoints import read_checkpoint

PAGE = 'in-mmpose.md'
RESNET = ['model.backbone.depth=18', 'model.head.in_channels=512']      # a small one


@pytest.fixture
def small(synthetic, tmp_path):
    """Options for a small file in COCO's form."""
    images = synthetic / 'synthetic/test/images'
    annotation = write_theirs(tmp_path, 'CocoDataset', 17, images)
    return [f'{loader}_dataloader.dataset.{option}' for loader in ('train', 'val') for option in (
        f'ann_file={annotation}', f'data_prefix.img={images}', "bbox_file=''")]


@pytest.mark.parametrize(('file', 'options', 'losses'), [
    ('coco_hourglass.py', ['model.backbone.channels=16'], {'loss_stage0', 'loss_stage1'}),
    ('coco_backbone.py', ['model.backbone.channels=16', 'model.head.in_channels=16'],
     {'loss_kpt'})])
def test_their_config_trains_our_network(run, small, file, options, losses):
    annotation = small[0].partition('=')[2]
    [step], [scores] = run(PAGE, file, *small, *options, f'val_evaluator.ann_file={annotation}')
    assert {name for name in step if name.startswith('loss_')} == losses
    assert np.isfinite(step['loss'])
    assert 0 <= scores['coco/AP'] <= 1


@pytest.mark.slow
def test_their_config_takes_our_crop_metrics_and_hooks(run, small, tmp_path):
    annotation = small[0].partition('=')[2]
    [step], [scores] = run(PAGE, 'coco_parts.py', *small, *RESNET,
                           f'val_evaluator.0.ann_file={annotation}')
    assert np.isfinite(step['loss_kpt'])
    assert {'coco/AP', 'oks/AP'} <= scores.keys()
    assert read_checkpoint(tmp_path / 'work/epoch_1.pth')['meta']['position']['validated'] is True


@pytest.mark.slow
def test_their_config_trains_on_our_people(run, synthetic):
    data = [f'{loader}_dataloader.dataset.data_root={synthetic}/synthetic'
            for loader in ('train', 'val')]
    [step], [scores] = run(PAGE, 'our_people.py', *data, *RESNET)
    assert np.isfinite(step['loss_kpt'])
    assert 0 <= scores['mpii/Total'] <= 100


def test_no_file_of_ours_hides_a_data_set_of_mmpose():
    """Which looks for ``configs/_base_/datasets/NAME.py`` in the working folder first."""
    ours, theirs = ({path.name for path in (root / 'configs/_base_/datasets').glob('*.py')}
                    for root in (REPOSITORY, Path(mmpose.__file__).parent / '.mim'))
    assert theirs and not ours & theirs
