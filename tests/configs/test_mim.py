"""mim, OpenMMLab's command line, finds and runs what the installed package holds."""
import importlib.util
import subprocess
import sys

import pytest
from wheels import build, install

pytestmark = [pytest.mark.slow, pytest.mark.skipif(
    importlib.util.find_spec('mim') is None, reason='openmim is not installed')]


def test_mim_trains_tests_and_gives_configs(synthetic, tmp_path):
    _, wheel = build(tmp_path / 'build')
    site = tmp_path / 'site'
    environment = install(wheel, site) | {'HOURGLASS_DATA': str(synthetic)}

    def mim(*arguments) -> None:
        done = subprocess.run(
            [sys.executable, '-W', 'ignore', '-c', 'from mim.cli import cli; cli()',
             *map(str, arguments)], capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr[-2000:]

    config = site / 'hourglass/.mim/configs/demo/td-hm_hourglass2-demo_synthetic-128x128.py'
    common = ('--work-dir', tmp_path, '--cfg-options', 'model.backbone.channels=16')
    mim('train', 'mmpose-hourglass', config, *common, 'train_cfg.max_epochs=1')
    mim('test', 'mmpose-hourglass', config, '--checkpoint', tmp_path / 'epoch_1.pth', *common)
    mim('download', 'mmpose-hourglass', '--config', 'flic-small', '--dest', tmp_path)
    assert 'StackedHourglass' in (tmp_path / 'flic-small.py').read_text()
