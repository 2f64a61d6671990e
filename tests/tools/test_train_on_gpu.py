"""The script for a lent GPU, from the package to scores and weights, at a size for a test."""
import json
import os
import subprocess
import sys

import pytest
from conftest import DATA, REPOSITORY, needs

from hourglass.checkpoints import import_checkpoint

NAME = 'td-hm_hourglass2-small_flic-128x128'
OPTIONS = ('train_dataloader.num_workers=1 test_dataloader.dataset.indices=32 '
           'model.backbone.channels=16 train_dataloader.batch_size=4 '
           'default_hooks.logger.interval=1')


@pytest.mark.slow
@pytest.mark.data
@needs(DATA / 'flic')
def test_it_leaves_scores_weights_and_curves(tmp_path):
    site, out = tmp_path / 'site', tmp_path / 'out'
    site.mkdir()
    (site / 'data').symlink_to(DATA.resolve())              # as if installed and unpacked before
    done = subprocess.run(
        [str(REPOSITORY / 'tools/train_on_gpu.sh'), 'run', str(tmp_path), str(out)], check=False,
        text=True, capture_output=True, env=os.environ | dict(
            PYTHON=sys.executable, CONFIG=str(REPOSITORY / f'configs/flic/{NAME}.py'),
            OPTIONS=OPTIONS, SITE=str(site), MINUTES='0.1', PART_MIB='1'))
    assert done.returncode == 0, done.stderr[-3000:]
    scores = json.loads((out / f'{NAME}.json').read_text())
    assert {'flic/Elbow', 'flic/stage0/Wrist', 'flic/stage1/Wrist'} <= set(scores)
    weights = tmp_path / 'joined.safetensors'
    weights.write_bytes(b''.join(
        part.read_bytes() for part in sorted(out.glob(f'{NAME}.safetensors.*'))))
    assert import_checkpoint(weights)[0].channels == 16
    rates = [json.loads(line)['lr'] for line in (out / f'{NAME}.jsonl').read_text().splitlines()]
    assert rates[-1] == min(rates) < max(rates) / 10


def test_a_package_that_is_too_large_is_refused(tmp_path):
    (tmp_path / 'data/flic').mkdir(parents=True)
    (tmp_path / 'data/flic/image.jpg').write_bytes(bytes(3 << 20))
    pip = tmp_path / 'python'                               # downloads nothing
    pip.write_text(f'#!/bin/sh\nif [ "$2" = pip ]; then mkdir -p {tmp_path}/package/wheels; '
                   f'echo > {tmp_path}/package/wheels/a; else exec {sys.executable} "$@"; fi\n')
    pip.chmod(0o755)
    done = subprocess.run(
        [str(REPOSITORY / 'tools/train_on_gpu.sh'), 'pack', str(tmp_path / 'package')],
        check=False, text=True, capture_output=True, env=os.environ | dict(
            PYTHON=str(pip), PACK_MIB='2', HOURGLASS_DATA=str(tmp_path / 'data')))
    assert (done.returncode, done.stderr) == (1, 'error: more than PACK_MIB=2\n')
