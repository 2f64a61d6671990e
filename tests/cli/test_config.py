"""Configs with the command line merged in, and the mistakes that are refused."""
import argparse

import pytest
from conftest import REPOSITORY

from hourglass.cli.arguments import add_run_arguments
from hourglass.cli.config import load_config
from hourglass.errors import ConfigError


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
    assert cfg.work_dir == 'work_dirs/some_experiment'
    assert cfg.default_hooks.visualization == dict(
        type='X', enable=True, show=False, out_dir='images', interval=5, wait_time=1)
    assert load_config(arguments(path, '--work-dir', 'w')).work_dir == 'w'
    assert load_config(arguments(path, '--local_rank', '1')).launcher == 'none'


def test_a_hook_of_none_is_left_out(tmp_path):
    path = write(tmp_path, "default_hooks = dict(logger=dict(type='LoggerHook'), "
                 "stop=dict(type='hourglass.StopHook'), average=None)")
    cfg = load_config(arguments(path, '--cfg-options', 'default_hooks.stop=None',
                                'default_hooks.logger=None'))
    assert cfg.default_hooks == dict(logger=None)       # mmengine leaves its own ones out itself


@pytest.mark.parametrize(('text', 'more', 'message'), [
    ('train_dataloder = dict(batch_size=2)', [], "'train_dataloder', did you mean "
                                                  "'train_dataloader'"),
    ('train_cfg = dict(max_epochs=3)', ['--cfg-options', 'train_cgf.max_epochs=2'],
     "nothing reads 'train_cgf' .*, did you mean 'train_cfg'"),
    ('train_cfg = dict(max_epochs=3)', ['--cfg-options', 'train_cfg.max_epoch.a=2'],
     "no 'max_epoch' there, did you mean 'max_epochs'"),
    ('train_cfg = dict(max_epochs=3)', ['--cfg-options', 'train_cfg.max_epochs.a=2'],
     "no 'a' there, as train_cfg.max_epochs is no dict"),
    ('train_dataloader = dict(batch_size=3)', ['--cfg-options', 'train_dataloader.batch_sze=2'],
     "did you mean 'batch_size'"),
    ('model = dict(a=1)', ['--cfg-options', 'load_form=x.pth'], "did you mean 'load_from'"),
    ('codec = dict(sigma=1)', ['--cfg-options', 'codec.sigma=9'], 'model.head.decoder'),
    ('model = dict(a=1)', ['--cfg-options', 'model..a=2'], 'model..a: a key is empty'),
    ("default_hooks = dict(visualization=dict(type='X'))", ['--show', '--interval', '0'],
     '--interval 0: give 1 or more'),
    ('codec = dict(sigma=1)', ['--cfg-options', 'codc.sigma=9'], "did you mean 'codec'"),
    ('modle = dict(a=1)', [], "'modle', did you mean 'model'"),
    ('model = dict(parts=[dict(a=1)])', ['--cfg-options', 'model.parts.3.a=2'], "no '3' there"),
    ("optim_wrapper = dict(optimizer=dict(type='SGD', lr=1))",
     ['--cfg-options', 'optim_wrapper.optimizer.momentun=0.9'],
     "optim_wrapper.optimizer.momentun: SGD has no such argument, did you mean 'momentum'"),
    ('val_dataloader = dict(batch_size=3)\nval_cfg = None', [], '^val_cfg and val_evaluator: '
     'missing or None; give val_dataloader, val_cfg and val_evaluator, or set all three to None$'),
    ('train_dataloader = dict(batch_size=3)', ['--cfg-options', 'train_dataloader.batch_size=0'],
     'train_dataloader.batch_size is 0: give a whole number, 1 or more'),
])
def test_keys_that_would_change_nothing_are_refused(tmp_path, text, more, message):
    with pytest.raises(ConfigError, match=message):
        load_config(arguments(write(tmp_path, text), *more))


@pytest.mark.parametrize('option', [
    'model.head.loss.use_target_weight=False', 'model.backbone.in_channels=1',
    'optim_wrapper.clip_grad.max_norm=5', 'optim_wrapper.paramwise_cfg.norm_decay_mult=0',
    'default_hooks.checkpoint.save_last=False', 'default_hooks.early.type=EarlyStoppingHook',
    'val_cfg.fp16=True'])
def test_new_keys_are_taken(option):
    path = REPOSITORY / 'configs/flic/td-hm_hourglass2-paper_flic-256x256.py'
    here = load_config(arguments(path, '--cfg-options', option))
    key, _, value = option.partition('=')
    for part in key.split('.'):
        here = here[part]
    assert str(here) == value


@pytest.mark.parametrize(('text', 'message'), [
    ('env_cfg = dict(cudnn_benchmrk=True)', 'nothing reads env_cfg.cudnn_benchmrk, did you mean '
                                            "'cudnn_benchmark'"),
    ("env_cfg = dict(mp_cfg=dict(mp_start='fork'))",
     'env_cfg.mp_cfg.mp_start; there are mp_start_method, opencv_num_threads'),
    ('auto_scale_lr = dict(enabled=True)', "auto_scale_lr.enabled, did you mean 'enable'"),
    ('randomness = dict(sed=1)', "randomness.sed, did you mean 'seed'"),
    ('optim_wrapper = dict(clip_grad=dict(max_nrm=1))', "clip_grad.max_nrm, did you mean 'max_nor"),
    ("optim_wrapper = dict(clip_grad=dict(type='value', max_norm=1))", 'nothing reads optim_wrapper'
                                                                       '.clip_grad.max_norm'),
    ('optim_wrapper = dict(paramwise_cfg=dict(norm_decay_mul=0))', "mean 'norm_decay_mult'")])
def test_settings_that_mmengine_does_not_read_are_refused(tmp_path, text, message):
    with pytest.raises(ConfigError, match=f'some_experiment.py: .*{message}'):
        load_config(arguments(write(tmp_path, text)))


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
                 'val_dataloader = dict(num_workers=2, persistent_workers=True)\n'
                 'val_cfg = val_evaluator = dict()')
    cfg = load_config(arguments(path))
    assert not cfg.train_dataloader.persistent_workers
    assert cfg.val_dataloader.persistent_workers


@pytest.mark.parametrize(('loader', 'loop', 'timeout'), [
    ('', '', None), ('num_workers=0', '', None), ('num_workers=2', '', 1800),
    ('num_workers=2, timeout=5', '', 5), ('num_workers=2', 'loader_timeout=60', None)])
def test_data_workers_have_half_an_hour_for_a_batch(tmp_path, loader, loop, timeout):
    """None is torch's default without workers, and leaves it to the loop that has its own."""
    cfg = load_config(arguments(write(
        tmp_path, f'train_dataloader = dict(batch_size=1, {loader})\n'
                  f'train_cfg = dict(max_epochs=1, {loop})')))
    assert cfg.train_dataloader.get('timeout') == timeout


@pytest.mark.parametrize(('typo', 'meant'), [
    ('train_dataloder', 'train_dataloader'), ('default_hook', 'default_hooks'),
    ('modle', 'model'), ('optim_wraper', 'optim_wrapper'), ('load_form', 'load_from'),
    ('val_evalautor', 'val_evaluator'), ('resumed', 'resume'),
    ('param_schedular', 'param_scheduler')])
def test_misspelt_keys_are_refused_beside_the_right_one_too(tmp_path, typo, meant):
    for more in ('', f'{meant} = None\n'):
        with pytest.raises(ConfigError, match=f"unknown key '{typo}', did you mean '{meant}'"):
            load_config(arguments(write(tmp_path, f'{more}{typo} = dict(a=1)  # {typo}=\n')))


def test_misspelt_keys_are_refused_in_yaml_and_json(tmp_path):
    for name, text in (('a.yaml', 'modle:\n  a: 1\n'), ('a.json', '{"modle": {"a": 1}}')):
        (tmp_path / name).write_text(text)
        with pytest.raises(ConfigError, match="'modle', did you mean 'model'"):
            load_config(arguments(tmp_path / name))


@pytest.mark.parametrize('name', [
    'evaluator', 'train_loader', 'preprocessor', 'val_loader', 'model_cfg', 'hooks', 'codec',
    'dataset_type', 'scheduler', 'optimizer', 'visualizers_used', 'train_pipeline', 'norm_cfg'])
def test_helper_variables_are_accepted(tmp_path, name):
    cfg = load_config(arguments(write(tmp_path, f'{name} = dict(a=1)')))
    assert cfg[name].a == 1


def test_a_helper_almost_named_like_a_key_is_accepted_where_the_config_uses_it(tmp_path):
    base = write(tmp_path, "mode = 'fan_in'\nmodels = dict(a=1)\n"
                 'model = dict(init=dict(mode=mode))')
    child = tmp_path / 'child.py'
    child.write_text(f"_base_ = '{base.name}'\nmodel = dict(more=_base_.models)")
    cfg = load_config(arguments(child))
    assert (cfg.model.init.mode, cfg.model.more.a) == ('fan_in', 1)


@pytest.mark.slow
@pytest.mark.parametrize('more', [['--show-dir', 'images'], ['--show']])
def test_images_of_other_projects_are_refused_with_the_configs_that_draw_them(more):
    path = REPOSITORY / 'configs/reuse/segmenter_mmseg.py'
    message = (r"segmenter_mmseg\.py has no default_hooks\.visualization; they work with "
               "hourglass's and mmpose's own configs")
    with pytest.raises(ConfigError, match=message):
        load_config(arguments(path, *more))
