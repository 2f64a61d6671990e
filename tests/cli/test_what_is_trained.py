"""A config, and what is trained with it or the line that refuses it before the first step."""
from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from runs import write_config

PARTS = {'stem', 'hourglasses', 'features', 'heatmaps'}
WITH_STATISTICS = PARTS - {'heatmaps'}
ITERATIONS = ['train_cfg._delete_=True', 'train_cfg.type=hourglass.IterationLoop',
              'train_cfg.val_interval=6', 'train_cfg.max_iters=6']


@dataclass
class Trained:
    """What a run did: the rate of each step; parts whose weights or statistics changed; px of the
    largest target that are above 0.6."""

    rates: list[float] = field(default_factory=list)
    moved: set[str] = field(default_factory=set)
    counted: set[str] = field(default_factory=set)
    target: int = 0


@HOOKS.register_module(force=True)
class NotesTraining(Hook):
    trained = Trained()

    def before_train(self, runner: Runner) -> None:
        NotesTraining.trained = Trained()
        self.before = {name: value.clone() for name, value in runner.model.state_dict().items()}

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict) -> None:
        self.trained.rates.append(runner.optim_wrapper.param_groups[0]['lr'])
        maps = torch.stack([s.gt_fields.heatmaps for s in data_batch['data_samples']])
        self.trained.target = max(self.trained.target, (maps > 0.6).sum((-2, -1)).max().item())

    def after_train(self, runner: Runner) -> None:
        for name, value in runner.model.state_dict().items():
            if not torch.equal(value, self.before[name]):
                (self.trained.counted if 'running' in name else self.trained.moved).add(
                    name.split('.')[1])


@pytest.fixture
def run(synthetic, cli, tmp_path):
    """Train with options of the command line; return the checkpoints."""
    config, work = write_config(
        tmp_path, synthetic, more="custom_hooks = [dict(type='NotesTraining')]"), tmp_path / 'work'

    def call(*options: str) -> list:
        cli('train', config, '--work-dir', work, '--cfg-options',
            'train_dataloader.num_workers=0', *options)
        return sorted(path.name for path in work.glob('*.pth') if 'best' not in path.name)
    return call


@pytest.mark.parametrize(('options', 'expected'), [
    ([], {}),
    (['optim_wrapper.optimizer.lr=8e-3', 'codec.sigma=2.0'], dict(rate=8e-3, sigma=2.0)),
    (ITERATIONS, dict(steps=6)),
    (['model.backbone.frozen_stages=0'], dict(still={'stem'}, uncounted={'stem'})),
    (['model.backbone.norm_eval=True'], dict(uncounted=WITH_STATISTICS)),
    (['model.backbone.norm_cfg.type=GN', 'model.backbone.norm_cfg.num_groups=2',
      'model.backbone.act_cfg.type=GELU'], dict(uncounted=WITH_STATISTICS))])
def test_what_the_config_says_is_trained(run, options, expected):
    files = run(*options)
    trained, steps = NotesTraining.trained, expected.get('steps', 15)
    assert trained.rates == pytest.approx([
        expected.get('rate', 4e-3) * min(0.1 + 0.225 * step, 1)             # a warm-up of 5 steps
        * (1 + math.cos(math.pi * step / steps)) / 2                        # a cosine over all
        for step in range(steps)], abs=2e-6)                                # that ends at 1e-6
    assert trained.moved == PARTS - expected.get('still', set())
    assert trained.counted == WITH_STATISTICS - expected.get('uncounted', set())
    # a Gaussian is above 0.6 on 2 pi ln(1 / 0.6) sigma^2 px, up to whole ones
    assert trained.target == pytest.approx(3.2 * expected.get('sigma', 1)**2, abs=2)
    assert files[-1] == ('iter_6.pth' if options == ITERATIONS else 'epoch_3.pth')


@pytest.mark.parametrize(('options', 'line'), [
    (['optim_wrapper.optimizer.foreach=True', 'optim_wrapper.optimizer.fused=True'],
     'optim_wrapper: AdamW: RuntimeError: `fused'),
    (['optim_wrapper.optimizer.fused=False', 'optim_wrapper.optimizer.capturable=True'],
     'capturable=True'),
    (['optim_wrapper.optimizer.lr=-1'], 'optim_wrapper: AdamW: ValueError: Invalid learning rate'),
    (['optim_wrapper.clip_grad.max_nrm=1'], "clip_grad.max_nrm, did you mean 'max_norm'?"),
    (['optim_wrapper.type=AmpOptimWrapper'], 'optim_wrapper: AmpOptimWrapper: AssertionError: '),
    (['param_scheduler.0.convert_to_iter_based=True'], 'is for by_epoch=True; leave it out'),
    (['default_hooks.early.type=EarlyStoppingHook', 'default_hooks.early.monitor=mpii/Total'],
     'default_hooks: EarlyStoppingHook: ValueError: Cannot infer the rule for mpii/Total, thus'),
    (['randomness.sed=1'], "did you mean 'seed'?"),
    (['model.backbone.in_channels=1'], 'images of shape (1, 3, 64, 64); the network takes (B, 1,'),
    (['model.backbone.channels=8.0'], 'channels is 8.0: give a whole number'),
    (['model.backbone.num_stack=3'], "StackedHourglass has no such argument, did you mean 'num_st"),
    (['train_dataloader.batch_size=64', 'train_dataloader.drop_last=True'],
     'train_dataloader: 20 samples make no batch of 64 with drop_last=True'),
    (['train_dataloader.dataset.indices=0'], 'train_dataloader.dataset.indices: leaves nobody'),
    (['train_dataloader.batch_size=19', 'model.backbone.depth=4'],
     'train_dataloader: 20 samples in batches of 19 leave one for the last, whose 1x1 maps'),
    (['train_dataloader.sampler.type=InfiniteSampler'], 'an epoch of it never ends; take'),
    (['train_cfg.max_iters=4'], 'train_cfg: counts both epochs and iterations; begin it anew'),
    (['default_hooks.visualization.enable=True', 'default_hooks.visualization.out_dir=/proc/x'],
     '/proc/x/000000_000000.jpg: cannot be written')])
def test_what_cannot_be_trained_is_refused_in_one_line(run, options, line, tmp_path):
    with pytest.raises(SystemExit) as stop:
        run(*options)
    said = str(stop.value.code)
    assert said.startswith('error: ') and line in said
    assert '\n' not in said and 'the traceback above' not in said
    assert not list(tmp_path.rglob('*.pth'))
