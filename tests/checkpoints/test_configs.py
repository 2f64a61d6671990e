"""Configs in mmengine's new style are those of the old one."""
import errno
from pathlib import Path

import pytest
from conftest import REPOSITORY
from mmengine.config import Config

from hourglass.checkpoints.configs import read_config
from hourglass.errors import ConfigError
from hourglass.io.files import with_environment

OLD = 'configs/flic/td-hm_hourglass2-paper_flic-256x256.py'
NEW = 'configs/flic/td_hm_hourglass2_paper_flic_256x256.py'


def write(folder: Path, text: str, name: str = 'config.py') -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_recipe_is_the_same_in_both_styles(monkeypatch):
    monkeypatch.setenv('HOURGLASS_DATA', '/people')
    old, new = (read_config(REPOSITORY / path) for path in (OLD, NEW))
    assert new.train_dataloader.dataset.data_root == '/people/flic'
    assert new.to_dict() == old.to_dict()


def test_imported_objects_have_their_registered_names(tmp_path):
    cfg = read_config(write(tmp_path, """\
from mmengine.dataset import DefaultSampler
from mmengine.model import ExponentialMovingAverage
from mmpose.codecs import MSRAHeatmap
from mmpose.models import TopdownPoseEstimator
from torch import nn
from hourglass.codecs.hourglass_heatmap import HourglassHeatmap
from hourglass.inference.openmmlab import load_estimator
from mmengine import fileio
default_scope = 'mmpose'
parts = [dict(type=DefaultSampler), dict(type=TopdownPoseEstimator), (MSRAHeatmap, nn.Conv2d),
         HourglassHeatmap, dict(type=load_estimator), ExponentialMovingAverage, fileio.LocalBackend]
"""))
    assert cfg.parts == [
        dict(type='DefaultSampler'), dict(type='TopdownPoseEstimator'), ('MSRAHeatmap', 'Conv2d'),
        'hourglass.HourglassHeatmap', dict(type='hourglass.TrainedModel'),
        'ExponentialMovingAverage', 'mmengine.fileio.LocalBackend']
    assert set(cfg) == {'default_scope', 'parts'}


@pytest.mark.parametrize(('text', 'message'), [
    ('from hourglass.models import nothing\nmodel = dict(type=nothing)',
     'ImportError: Failed to import nothing from hourglass.models in .*config.py'),
    ('from mmengine.config import read_base\nwith read_base():\n    from .none import *',
     'ConfigParsingError: .*none.py not found'),
    ('model = dict(', 'SyntaxError')])
def test_a_config_that_does_not_load_is_named(tmp_path, text, message):
    with pytest.raises(ConfigError, match=f'config.py: {message}') as error:
        read_config(write(tmp_path, text))
    assert '\n' not in str(error.value)


def test_a_missing_file_is_named():
    with pytest.raises(ConfigError, match='none.py: no such config file'):
        read_config('none.py')


def test_a_full_folder_for_temporary_files_is_not_blamed_on_the_config(tmp_path, monkeypatch):
    (tmp_path / 'a.py').write_text('a = 1')

    def full(*_, **__):
        raise OSError(errno.ENOSPC, 'No space left on device')
    monkeypatch.setattr(Config, 'fromfile', full)
    with pytest.raises(OSError, match='No space left'):
        read_config(tmp_path / 'a.py')


def test_a_config_without_its_end_is_refused(tmp_path):
    (tmp_path / 'a.py').write_text('model = dict')
    with pytest.raises(ConfigError, match="'model' is dict without values; is the file"):
        read_config(tmp_path / 'a.py')


@pytest.mark.parametrize('text', ['{{$HOURGLASS_NONE:data}}/a', '{{ $HOURGLASS_NONE : data }}/a'])
def test_blanks_around_a_variable_do_not_count(text):
    assert with_environment(text) == 'data/a'
