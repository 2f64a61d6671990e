"""Training runs of a model of four numbers, which take milliseconds, and what they trained with."""
from __future__ import annotations

import uuid
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, HOOKS, METRICS, MODELS
from mmengine.runner import BaseLoop, Runner
from torch import Tensor, nn


@MODELS.register_module(force=True)
class ToyModel(BaseModel):
    """A line, fitted to zero."""

    def __init__(self, init_cfg: dict | None = None):
        super().__init__(init_cfg=init_cfg)
        self.line, self.bend = nn.Linear(1, 1), nn.Linear(1, 1)

    def forward(self, inputs: list[Tensor], mode: str = 'tensor') -> dict | list:
        if mode == 'predict':
            return [dict(error=1.0) for _ in inputs]
        return dict(loss=self.bend(self.line(torch.stack(inputs))).square().mean())


@DATASETS.register_module(force=True)
class ToyDataset(torch.utils.data.Dataset):
    def __init__(self, length: int = 8):
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict:
        return dict(inputs=torch.ones(1))


@METRICS.register_module(force=True)
class ToyMetric(BaseMetric):
    default_prefix = 'toy'

    def process(self, data_batch: dict, data_samples: list[dict]) -> None:
        self.results += data_samples

    def compute_metrics(self, results: list[dict]) -> dict:
        return dict(error=results[0]['error'])


@HOOKS.register_module(force=True)
class NotesRates(Hook):
    """Notes the learning rate and decay of every step."""

    def __init__(self):
        self.rates, self.decays = [], []

    def before_train_iter(self, runner: Runner, **step: object) -> None:
        group = runner.optim_wrapper.param_groups[0]
        self.rates.append(group['lr'])
        self.decays.append(group['weight_decay'])


class IdleLoop(BaseLoop):
    """One of mmengine's, for hooks that only ask whether there is one."""

    def __init__(self):
        pass

    def run(self) -> None:
        pass


def toy_config(work_dir: Path, **changes: object) -> Config:
    """Three epochs of four steps, AdamW at a rate of 1, with a cosine to 0.01; then the changes,
    as in ``--cfg-options``."""
    cfg = Config(dict(
        default_scope='mmengine', custom_imports=None, model=dict(type='ToyModel'),
        train_dataloader=dict(
            batch_size=2, num_workers=0, dataset=dict(type='ToyDataset'),
            sampler=dict(type='DefaultSampler', shuffle=False)),
        optim_wrapper=dict(optimizer=dict(type='AdamW', lr=1.0, weight_decay=0.1)),
        param_scheduler=[dict(type='CosineAnnealingLR', by_epoch=True, convert_to_iter_based=True,
                              eta_min=0.01)],
        train_cfg=dict(type='hourglass.EpochLoop', max_epochs=3),
        default_hooks=dict(checkpoint=dict(type='hourglass.SafeCheckpointHook', interval=1)),
        custom_hooks=[dict(type='NotesRates')], env_cfg=dict(dist_cfg=dict(backend='gloo')),
        work_dir=str(work_dir), experiment_name=uuid.uuid4().hex, log_level='WARNING'))
    if 'train_cfg' in changes:
        cfg.pop('train_cfg')
    cfg.merge_from_dict(changes)
    return cfg


def train(cfg: Config) -> Runner:
    """Train, in this process; the hook ``NotesRates`` of the runner has the rates."""
    Runner._log_env = lambda *args: None        # asks compilers for their versions for a second
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def rates(runner: Runner) -> list[float]:
    return next(hook for hook in runner.hooks if isinstance(hook, NotesRates)).rates
