"""What the tools share: config checks and errors in one line."""
import argparse

import pytest

from hourglass.cli.arguments import add_run_arguments
from hourglass.cli.config import load_config
from hourglass.cli.errors import one_line_errors
from hourglass.errors import ConfigError, DataError


def arguments(config, *more: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_run_arguments(parser)
    return parser.parse_args([str(config), *more])


def write(tmp_path, text: str):
    path = tmp_path / 'some_experiment.py'
    path.write_text(text)
    return path


def test_common_arguments_reach_the_config(tmp_path):
    path = write(tmp_path, "train_cfg = dict(max_epochs=3)\nmodel = dict(parts=[dict(a=1)])\n"
                 "default_hooks = dict(visualization=dict(type='X'))")
    cfg = load_config(arguments(
        path, '--show-dir', 'images', '--interval', '5', '--launcher', 'none', '--local-rank',
        '0', '--cfg-options', 'train_cfg.max_epochs=7', 'model.parts.0.a=2'))
    assert cfg.train_cfg.max_epochs == 7
    assert cfg.model.parts[0].a == 2
    assert cfg.work_dir == f'work_dirs/{tmp_path.name}/some_experiment'
    assert cfg.default_hooks.visualization == dict(
        type='X', enable=True, show=False, out_dir='images', interval=5, wait_time=1)
    assert load_config(arguments(path, '--work-dir', 'w')).work_dir == 'w'
    assert load_config(arguments(path, '--local_rank', '1')).launcher == 'none'


@pytest.mark.parametrize(('text', 'more', 'message'), [
    ('train_dataloder = dict(batch_size=2)', [], "'train_dataloder', did you mean "
                                                  "'train_dataloader'"),
    ('train_cfg = dict(max_epochs=3)', ['--cfg-options', 'train_cgf.max_epochs=2'],
     "nothing reads 'train_cgf' .*, did you mean 'train_cfg'"),
    ('train_cfg = dict(max_epochs=3)', ['--cfg-options', 'train_cfg.by.epoch=2'], "no 'by' there"),
    ('model = dict(a=1)', ['--cfg-options', 'load_form=x.pth'], "did you mean 'load_from'"),
    ('codec = dict(sigma=1)', ['--cfg-options', 'codec.sigma=9'], 'model.head.decoder'),
    ('modle = dict(a=1)', [], "'modle', did you mean 'model'"),
    ('model = dict(parts=[dict(a=1)])', ['--cfg-options', 'model.parts.3.a=2'], "no '3' there"),
])
def test_keys_that_would_change_nothing_are_refused(tmp_path, text, more, message):
    with pytest.raises(ConfigError, match=message):
        load_config(arguments(write(tmp_path, text), *more))


@pytest.mark.parametrize(('text', 'message'), [
    ('model = dict(', 'SyntaxError'), ("_base_ = ['none.py']", 'none.py'),
    ('model = dict(a=b)', "'b' is not defined"),
    ("custom_imports = dict(imports=['no_such_module'])", 'no_such_module')])
def test_a_config_that_does_not_load_is_named(tmp_path, text, message):
    with pytest.raises(ConfigError, match=f'some_experiment.py: .*{message}') as error:
        load_config(arguments(write(tmp_path, text)))
    assert '\n' not in str(error.value)


def test_no_workers_are_not_kept(tmp_path):
    path = write(tmp_path, 'train_dataloader = dict(num_workers=0, persistent_workers=True)\n'
                 'val_dataloader = dict(num_workers=2, persistent_workers=True)')
    cfg = load_config(arguments(path))
    assert not cfg.train_dataloader.persistent_workers
    assert cfg.val_dataloader.persistent_workers


def test_an_error_out_of_a_worker_is_shown_by_its_last_line():
    worker = DataError('Caught DataError in DataLoader worker process 0.\nOriginal Traceback:\n'
                       '  File "x.py", line 1\nhourglass.errors.DataError: a.jpg: not an image')
    with pytest.raises(SystemExit, match=r'^error: a\.jpg: not an image$'), one_line_errors():
        raise worker


def test_other_errors_are_shown_in_full():
    for error in (KeyError('something else'), TypeError('bad'), RuntimeError('bug')):
        with pytest.raises(type(error)), one_line_errors():
            raise error
