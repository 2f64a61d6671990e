"""The script for a lent GPU, from the package to scores and weights, at a size for a test."""
import json
import os
import sys
from subprocess import CompletedProcess
from zipfile import ZipFile

import pytest
import torch
from children import run
from conftest import DATA, REPOSITORY, needs

from hourglass.checkpoints import import_checkpoint

NAME = 'td-hm_hourglass2-small_flic-128x128'
OPTIONS = ('train_dataloader.num_workers=1 test_dataloader.dataset.indices=32 '
           'model.backbone.channels=16 train_dataloader.batch_size=4 '
           'default_hooks.logger.interval=1')


def script(*arguments: object, **environment: str) -> CompletedProcess:
    return run([REPOSITORY / 'tools/train_on_gpu.sh', *arguments],
               env=os.environ | dict(PYTHON=sys.executable) | environment)


@pytest.fixture
def site(tmp_path):
    """A package, as if it had been installed and unpacked before."""
    for name in ('code.zip', 'data.zip', 'commit'):
        (tmp_path / name).touch()
    site = tmp_path / 'site'
    site.mkdir()
    (site / 'data').symlink_to(DATA.resolve())
    (site / 'code').symlink_to(REPOSITORY)
    return site


@pytest.mark.slow
@pytest.mark.data
@needs(DATA / 'flic')
def test_it_leaves_scores_weights_and_curves(tmp_path, site):
    out = tmp_path / 'out'
    done = script('run', tmp_path, out, CONFIG=f'configs/flic/{NAME}.py', OPTIONS=OPTIONS,
                  SITE=str(site), MINUTES='0.1', PART_MIB='1', ALLOW_CPU='1')
    assert done.returncode == 0, done.stderr[-3000:]
    scores = json.loads((out / f'{NAME}.json').read_text())
    assert {'flic/Elbow', 'flic/stage0/Wrist', 'flic/stage1/Wrist'} <= set(scores)
    weights = tmp_path / 'joined.safetensors'
    weights.write_bytes(b''.join(
        part.read_bytes() for part in sorted(out.glob(f'{NAME}.safetensors.*'))))
    assert import_checkpoint(weights)[0].channels == 16
    rates = [json.loads(line)['lr'] for line in (out / f'{NAME}.jsonl').read_text().splitlines()]
    assert rates[-1] == min(rates) < max(rates) / 10


@pytest.mark.slow
@pytest.mark.data
@needs(DATA / 'flic')
def test_a_training_that_is_cut_leaves_weights_and_curves(tmp_path, site):
    """The training's own process is stopped, as at the end of a slot."""
    out, work = tmp_path / 'out', tmp_path / 'work'
    stopped = tmp_path / 'python'
    stopped.write_text(f"""#!/bin/sh
case "$*" in *"hourglass train"*) exec timeout --signal=TERM 60 {sys.executable} "$@";; esac
exec {sys.executable} "$@"
""")
    stopped.chmod(0o755)
    done = script('run', tmp_path, out, CONFIG=f'configs/flic/{NAME}.py', OPTIONS=OPTIONS,
                  SITE=str(site), WORK=str(work), MINUTES='60', ALLOW_CPU='1', PYTHON=str(stopped))
    assert done.returncode not in (0, 2), done.stderr[-3000:]
    assert (out / f'{NAME}.jsonl').read_text() and not (out / f'{NAME}.json').exists()
    weights = out / f'{NAME}.safetensors.00'
    assert import_checkpoint(weights.rename(out / 'all.safetensors'))[0].channels == 16


@pytest.mark.skipif(torch.cuda.is_available(), reason='needs a machine without a GPU')
def test_without_a_gpu_or_a_package_nothing_begins(tmp_path, site):
    done = script('run', tmp_path, tmp_path / 'out', SITE=str(site))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == 'error: no GPU here; ALLOW_CPU=1 trains without'
    done = script('run', tmp_path / 'none', tmp_path / 'out', SITE=str(site))
    assert (done.returncode, done.stderr) == (
        2, f'error: {tmp_path}/none: no package; make it with pack\n')
    assert not (tmp_path / 'out').exists()


def test_a_package_has_the_code_without_weights_and_a_limit(tmp_path):
    (tmp_path / 'data/flic').mkdir(parents=True)
    (tmp_path / 'data/flic/image.jpg').write_bytes(os.urandom(3 << 20))
    package = tmp_path / 'package'
    (package / 'wheels').mkdir(parents=True)
    (package / 'wheels/old.whl').touch()                    # of an earlier release
    pip = tmp_path / 'python'                               # downloads nothing
    pip.write_text(f'#!/bin/sh\nif [ "$2" = pip ]; then mkdir -p {package}/wheels; '
                   f'echo > {package}/wheels/a.whl; else exec {sys.executable} "$@"; fi\n')
    pip.chmod(0o755)
    options = dict(PYTHON=str(pip), HOURGLASS_DATA=str(tmp_path / 'data'))
    done = script('pack', package, PACK_MIB='2', **options)
    assert (done.returncode, done.stderr) == (1, 'error: more than PACK_MIB=2\n')
    weights = 'projects/hourglass/weights/flic-small.safetensors'
    assert script('pack', package, WEIGHTS=weights, **options).returncode == 0
    assert [path.name for path in (package / 'wheels').iterdir()] == ['a.whl']
    names = ZipFile(package / 'code.zip').namelist()
    assert {'tools/train.py', 'projects/hourglass/__init__.py'} < set(names)
    assert [name for name in names if name.endswith('.safetensors')] == [weights]
