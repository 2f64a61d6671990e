"""mim, OpenMMLab's command line, finds and runs what the installed package holds."""
import importlib.util
import os
import subprocess
import sys

import pytest
from conftest import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.skipif(
    importlib.util.find_spec('mim') is None, reason='openmim is not installed')]


@pytest.fixture
def installed(tmp_path):
    """A folder with the wheel's content: mim does not find an editable install's files."""
    pip = [sys.executable, '-m', 'pip', '-q']
    subprocess.run([*pip, 'wheel', '--no-deps', '--no-build-isolation', '-w', tmp_path / 'wheel',
                    REPOSITORY], check=True)
    (wheel,) = (tmp_path / 'wheel').iterdir()
    subprocess.run([*pip, 'install', '--no-deps', '--target', tmp_path / 'site', wheel], check=True)
    return tmp_path / 'site'


def mim(*arguments, installed, data) -> None:
    path = os.pathsep.join([str(installed), *filter(None, [os.environ.get('PYTHONPATH')])])
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', 'from mim.cli import cli; cli()',
         *map(str, arguments)], capture_output=True, text=True, check=False,
        env=os.environ | {'HOURGLASS_DATA': str(data), 'PYTHONPATH': path})
    assert done.returncode == 0, done.stderr[-2000:]


def test_mim_trains_tests_and_gives_configs(installed, synthetic, tmp_path):
    config = installed / 'hourglass/.mim/configs/demo/td-hm_hourglass2-demo_synthetic-128x128.py'
    where = dict(installed=installed, data=synthetic)
    common = ('--work-dir', tmp_path, '--cfg-options', 'model.backbone.channels=16')
    mim('train', 'mmpose-hourglass', config, *common, 'train_cfg.max_epochs=1',
        'train_dataloader.batch_size=8', **where)
    mim('test', 'mmpose-hourglass', config, '--checkpoint', tmp_path / 'epoch_1.pth', *common,
        **where)
    mim('download', 'mmpose-hourglass', '--config', 'flic-small', '--dest', tmp_path, **where)
    assert 'StackedHourglass' in (tmp_path / 'flic-small.py').read_text()
