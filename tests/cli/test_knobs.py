"""Helper variables at the top of a config reach the places that use them, or are refused."""
import argparse
import shutil
from pathlib import Path

import pytest
from conftest import REPOSITORY
from mmengine.config import Config

from hourglass.checkpoints.configs import read_config
from hourglass.cli.arguments import add_run_arguments
from hourglass.cli.config import load_config
from hourglass.errors import ConfigError

BASE = REPOSITORY / 'configs/flic/td-hm_hourglass2-small_flic-128x128.py'
SHIPPED = sorted(path for path in REPOSITORY.glob('configs/*/*.py') if path.parent.name != '_base_')
FIRST = {path.parent: path for path in reversed(SHIPPED)}       # of each folder
SIZES = 'input_size, heatmap_size = (256, 256), (64, 64)'
IMPORTED = 'from mmengine.config import read_base\nwith read_base():\n'
PLAIN = ("train_pipeline = [step for step in _base_.train_pipeline\n"
         "                  if step['type'] != 'hourglass.LuaColour']")


def load(path: Path, *options: str) -> Config:
    parser = argparse.ArgumentParser()
    add_run_arguments(parser)
    words = ['--cfg-options', *options] if options else []
    return load_config(parser.parse_args([str(path), *words]))


@pytest.fixture
def child(tmp_path):
    """The config of a child of :data:`BASE`, or of a child of that, that has these lines."""
    def make(text: str, *options: str, deep: bool = False) -> Config:
        path = tmp_path / 'child.py'
        path.write_text(f"_base_ = ['{BASE}']\n{text}\n")
        if deep:
            path = tmp_path / 'grandchild.py'
            path.write_text("_base_ = ['child.py']\ntrain_cfg = dict(max_epochs=1)\n")
        return load(path, *options)
    return make


def codecs(cfg: Config) -> list:
    """Of the targets and of the decoder."""
    encoders = [step['encoder'] for step in cfg.train_dataloader.dataset.pipeline
                if step['type'] == 'GenerateTarget']
    return [*encoders, cfg.model.head.decoder]


@pytest.mark.parametrize('deep', [False, True])
@pytest.mark.parametrize(('text', 'options'), [
    ('codec = dict(sigma=3.0)', ()), ('', ('codec.sigma=3.0',)),
    ('codec = dict(_base_.codec, sigma=3.0)', ()),
    ('codec = dict(_base_.codec, sigma=3.0)\nmodel = dict(head=dict(decoder=codec))', ()),
    ('codec = dict(sigma=7.0)', ('codec.sigma=3.0',)),
    ('codec = dict(sigma=3.0)', ('codec.refine=parabola',))])
def test_a_codec_reaches_targets_and_decoder(child, text, options, deep):
    cfg = child(text, *options, deep=deep)
    assert [codec.sigma for codec in codecs(cfg)] == [3.0, 3.0]
    assert len({str(dict(codec)) for codec in codecs(cfg)}) == 1
    assert cfg.codec.sigma == 3.0


@pytest.mark.parametrize(('text', 'options'), [
    (SIZES, ()), ('', ('input_size=(256,256)', 'heatmap_size=(64,64)'))])
def test_sizes_reach_crops_and_codec(child, text, options):
    cfg = child(text, *options)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        assert [step.input_size for step in loader.dataset.pipeline
                if step.type == 'hourglass.CropImage'] == [(256, 256)]
    assert [(c.input_size, c.heatmap_size) for c in codecs(cfg)] == [((256, 256), (64, 64))] * 2


def test_pixels_are_normalised_as_the_child_says(child):
    for cfg in (child('normalisation = dict(mean=[1, 2, 3])'),
                child('', 'normalisation.mean=[1,2,3]')):
        assert cfg.model.data_preprocessor.mean == [1, 2, 3]
        assert cfg.model.data_preprocessor.std == [58.395, 57.12, 57.375]
        assert cfg.model.data_preprocessor.type == 'PoseDataPreprocessor'


def test_pipelines_and_splits_reach_the_data(child):
    assert 'hourglass.LuaColour' in str(read_config(BASE).train_dataloader)
    cfg = child(f"{PLAIN}\ncodec = dict(sigma=3.0)\ntrain_split = dict(data_root='/my')")
    assert 'hourglass.LuaColour' not in str(cfg.train_dataloader)
    assert codecs(cfg)[0].sigma == 3.0
    assert cfg.train_dataloader.dataset.data_root == '/my'
    assert cfg.val_dataloader.dataset.data_root != '/my'
    cfg = child('', 'val_split.data_root=/my', 'train_pipeline.1.max_rotation=5')
    assert cfg.val_dataloader.dataset.data_root == cfg.test_dataloader.dataset.data_root == '/my'
    assert cfg.train_dataloader.dataset.pipeline[1].max_rotation == 5


def test_a_place_of_its_own_is_left_alone(child):
    """A pipeline that the child gives to training alone is not that of the others."""
    cfg = child('val_pipeline = _base_.val_pipeline[:2]\n'
                'val_dataloader = dict(dataset=dict(pipeline=val_pipeline))')
    assert [len(loader.dataset.pipeline) for loader in (
        cfg.val_dataloader, cfg.test_dataloader)] == [2, 4]


@pytest.mark.parametrize(('text', 'options', 'message'), [
    ('extra = dict(a=1)', ('extra.a=2',), "--cfg-options: 'extra' is changed, and its earlier"),
    ("model = dict(head=dict(decoder=dict(type='Other')))\n"
     "train_pipeline = []\ntrain_dataloader = dict(dataset=dict(pipeline=train_pipeline))",
     ('codec.sigma=2.0',), "'codec' is changed, and its earlier value cannot be found"),
    ("augmentation = dict(type='No')", (), None),
    ("dataset_type = 'Mine'", (), None)])
def test_a_change_that_no_place_takes_is_refused(child, text, options, message):
    if message is None:
        child(text, *options)
        return
    with pytest.raises(ConfigError, match=message):
        child(text, *options)


@pytest.mark.parametrize('deep', [False, True])
@pytest.mark.parametrize(('text', 'place'), [
    ('batch_size = 99', 'train_dataloader.batch_size'), ('max_epochs = 99', 'train_cfg.max_epochs'),
    ("optimizer = dict(type='Adam', lr=1e-4)", 'optim_wrapper.optimizer'),
    ('batch_size = 99\ntrain_dataloader = dict(batch_size=batch_size // 3)', None),
    ('batch_size = 99\ntrain_dataloader = dict(batch_size=99)', None), ('mine = 3', None)])
def test_a_new_variable_in_place_of_a_setting_is_refused(child, text, place, deep):
    if place is None:
        child(text, deep=deep)
        return
    message = rf"child\.py: nothing reads '{text.split()[0]}' at the top; set {place}$"
    with pytest.raises(ConfigError, match=message):
        child(text, deep=deep)


def test_a_scalar_that_is_used_for_more_than_itself_is_refused(tmp_path):
    base, path = tmp_path / 'base.py', tmp_path / 'child.py'
    base.write_text("classes = ('a', 'b')\nmodel = dict(classes=classes, count=len(classes))")
    path.write_text("_base_ = ['base.py']\nclasses = ('a', 'b', 'c')\n")
    with pytest.raises(ConfigError, match=r"child\.py: 'classes' is changed, and its earlier"):
        load(path)
    path.write_text("_base_ = ['base.py']\nclasses = ('a', 'b', 'c')\n"
                    'model = dict(classes=classes, count=len(classes))')
    assert load(path).model.count == 3


def test_validation_data_that_a_test_does_not_read_are_said_to_differ(child, capsys):
    child("val_dataloader = dict(dataset=dict(ann_file='mine.json'))")
    assert 'warning: ' in (said := capsys.readouterr().err)
    assert 'child.py: val_dataloader.dataset is changed and test_dataloader.dataset, which' in said
    child("val_dataloader = test_dataloader = dict(dataset=dict(ann_file='mine.json'))")
    child("test_dataloader = dict(dataset=dict(ann_file='mine.json'))")
    child('val_dataloader = dict(batch_size=2)')
    assert not capsys.readouterr().err


@pytest.mark.parametrize('deep', [False, True])
def test_a_child_in_the_new_style_changes_them_too(tmp_path, deep):
    shutil.copytree(REPOSITORY / 'configs/_base_', tmp_path / 'configs/_base_')
    shutil.copytree(REPOSITORY / 'configs/flic', tmp_path / 'configs/flic')
    child = tmp_path / 'configs/flic/child.py'
    child.write_text(f'{IMPORTED}    from .td_hm_hourglass2_paper_flic_256x256 import *\n'
                     'codec.update(sigma=3.0)\ntrain_split.update(data_root="/my")\n')
    if deep:
        child = tmp_path / 'configs/grandchild.py'
        child.write_text(f'{IMPORTED}    from .flic.child import *\n')
    cfg = load(child)
    assert [codec.sigma for codec in codecs(cfg)] == [3.0, 3.0]
    assert cfg.train_dataloader.dataset.data_root == '/my'


@pytest.mark.parametrize('path', [pytest.param(
    path.relative_to(REPOSITORY).as_posix(),
    marks=[pytest.mark.slow] * (path not in FIRST.values())) for path in SHIPPED])
def test_nothing_is_moved_in_the_shipped_configs(path, monkeypatch, capsys):
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.delenv('HOURGLASS_DATA', raising=False)         # of which mmengine logs a line
    loaded, plain = load(Path(path)), read_config(path)
    for part in ('model', 'train_dataloader', 'test_dataloader', 'optim_wrapper'):
        for config in (loaded, plain):
            (config.get(part) or {}).pop('timeout', None)
            (config.get(part) or {}).pop('persistent_workers', None)
        assert loaded.get(part) == plain.get(part)
    assert not capsys.readouterr().err
