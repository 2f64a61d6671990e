"""The script for one GPU, from data to scores and weights, at a size for a test."""
import json
import os
import subprocess
import sys

import pytest
from conftest import DATA, REPOSITORY, needs

from hourglass.checkpoints import import_checkpoint

OPTIONS = ('train_cfg.max_epochs=1 train_dataloader.dataset.indices=32 '
           'val_dataloader.dataset.indices=32 model.backbone.channels=16')


@pytest.mark.slow
@pytest.mark.data
@needs(DATA / 'flic')
def test_it_leaves_scores_weights_and_curves_and_goes_on_when_called_again(tmp_path):
    name = 'td-hm_hourglass2-small_flic-128x128'
    for _ in range(2):
        done = subprocess.run(
            [str(REPOSITORY / 'tools/train_flic.sh'), str(tmp_path)], check=False, text=True,
            capture_output=True, env=os.environ | dict(
                PYTHON=sys.executable, CONFIGS=name, OPTIONS=OPTIONS,
                HOURGLASS_DATA=str(DATA.resolve())))
        assert done.returncode == 0, done.stderr[-3000:]
    scores = json.loads((tmp_path / f'{name}.json').read_text())
    assert {'flic/Elbow', 'flic/stage0/Wrist', 'flic/stage1/Wrist'} <= set(scores)
    assert import_checkpoint(tmp_path / f'{name}.safetensors')[0].channels == 16
    curve = (tmp_path / f'{name}.jsonl').read_text().splitlines()
    assert len([line for line in curve if 'flic/Wrist' in line]) == 1   # the second call: nothing
