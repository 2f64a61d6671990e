"""Training runs in processes of their own, which can be killed, and comparisons of their files.

All are forked from one process that has imported everything and computed nothing, so that a run of
a tiny network takes a second or two.
"""
from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import torch
from children import Child
from conftest import REPOSITORY
from pairs import zip_equal

from hourglass.checkpoints import read_checkpoint

CONTEXT = multiprocessing.get_context('forkserver')
CONTEXT.set_forkserver_preload([
    'hourglass.registry', 'mmengine.runner', 'mmengine.visualization', 'mmpose.models',
    'mmpose.datasets', 'mmpose.visualization', 'hourglass.engine.display', 'run_process',
    'children'])


def write_config(folder: Path, data: Path, name: str = 'tiny.py', more: str = '') -> Path:
    """Three epochs of five steps of a network of 8 features at 64x64, with all that has a state:
    augmentation, a moving average, schedules by iteration, the best checkpoint."""
    config = folder / name
    config.write_text(f"""\
_base_ = ['{REPOSITORY}/configs/synthetic/td-hm_hourglass2-strong_synthetic-256x256.py']
codec = dict(_base_.codec, input_size=(64, 64), heatmap_size=(16, 16), sigma=1.0)
resized = dict(input_size=(64, 64), encoder=codec)
train_pipeline, val_pipeline = (
    [dict(step, **{{key: value for key, value in resized.items() if key in step}})
     for step in pipeline] for pipeline in (_base_.train_pipeline, _base_.val_pipeline))
model = dict(
    backbone=dict(num_stacks=1, channels=8, depth=1, stem_channels=(4, 8, 8)),
    head=dict(decoder=codec))
data = dict(data_root='{data}/synthetic')
train_dataloader = dict(
    batch_size=4, num_workers=1, dataset=dict(**data, pipeline=train_pipeline, indices=20))
val_dataloader = dict(
    batch_size=4, num_workers=0, persistent_workers=False,
    dataset=dict(**data, pipeline=val_pipeline, indices=8))
test_dataloader = val_dataloader
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(lr=4e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=5),
    dict(type='CosineAnnealingLR', by_epoch=True, convert_to_iter_based=True, eta_min=1e-6),
]
train_cfg = dict(max_epochs=3, val_interval=1)
default_hooks = dict(
    logger=dict(interval=1), checkpoint=dict(save_best='mpii/Total', rule='greater'))
randomness = dict(seed=3)
del data, resized
{more}
""")
    return config


class Run(Child):
    """``tools/train.py`` in a process of its own.

    Args:
        slow: seconds that every flush of a file takes, so that a test meets one at it.
        options: for ``--cfg-options``.
        patch: Python that the process runs first.
        log: where the output goes; by default beside the work folder.
    """

    def __init__(self, config: Path, work_dir: Path, *arguments, slow: float = 0,
                 options: tuple = (), patch: str = '', log: Path | None = None):
        from run_process import train
        self.work_dir = work_dir
        log = log or work_dir.with_name(f'{work_dir.name}.log')
        command = [str(config), '--work-dir', str(work_dir), *map(str, arguments)]
        if options:
            command += ['--cfg-options', *options]
        super().__init__(log, train, command, str(log), slow, patch, context=CONTEXT)


def losses(work_dir: Path) -> dict[int, set]:
    """Return the losses logged for each iteration, by any of the runs in a folder."""
    found = {}
    for path in work_dir.glob('*/vis_data/scalars.json'):
        for line in path.read_text().splitlines():
            try:
                step = json.loads(line)
            except json.JSONDecodeError:        # being written when the run was killed
                continue
            if 'loss' in step:
                found.setdefault(step['step'], set()).add(
                    tuple(step[key] for key in sorted(step) if key.startswith(('loss', 'acc'))))
    return found


def state(path: Path) -> dict:
    """Return the content of a checkpoint that interruptions must not change."""
    content = read_checkpoint(path)
    scalars = content['message_hub']['log_scalars']
    info = content['message_hub']['runtime_info']
    return dict(
        weights=content['state_dict'], average=content.get('ema_state_dict'),
        optimizer=content.get('optimizer'), schedules=content.get('param_schedulers'),
        epoch=content['meta']['epoch'], iteration=content['meta']['iter'],
        position=content['meta']['position'],
        best=(info.get('best_score'), Path(info.get('best_ckpt', '')).name),
        kept=info.get('keep_ckpt_ids'),
        history={name: history for name, history in scalars.items()
                 if 'time' not in name and 'memory' not in name})


def differences(a, b, place: str = '') -> list[str]:
    """Return the places where two nested states differ."""
    if isinstance(a, torch.Tensor):
        same = a.dtype == b.dtype and torch.equal(a, b)
        return [] if same else [place]
    if isinstance(a, dict):
        if a.keys() != b.keys():
            return [f'{place}: {sorted(map(str, a.keys() ^ b.keys()))}']
        return [line for key in a for line in differences(a[key], b[key], f'{place}/{key}')]
    if isinstance(a, (list, tuple)):
        if len(a) != len(b):
            return [f'{place}: {len(a)} and {len(b)}']
        return [line for i, (x, y) in enumerate(zip_equal(a, b))
                for line in differences(x, y, f'{place}/{i}')]
    if hasattr(a, 'tolist'):
        a, b = a.tolist(), b.tolist()
    return [] if a == b else [f'{place}: {a} and {b}']
