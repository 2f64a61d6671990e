"""Train a network."""
from __future__ import annotations

import argparse
import sys
import traceback
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hourglass.cli.arguments import add_run_arguments
from hourglass.cli.errors import one_line_errors, unbuilt
from hourglass.engine.processes import find_place, first_start, restarted
from hourglass.errors import ConfigError, one_line

if TYPE_CHECKING:
    from mmengine.config import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_arguments(parser)
    parser.add_argument('--resume', nargs='?', const='auto', metavar='CHECKPOINT',
                        help='resume from this checkpoint, or the last one in the work folder')
    parser.add_argument('--amp', action='store_true', help='mixed precision')
    parser.add_argument('--no-validate', action='store_true', help='no validation while training')
    parser.add_argument('--minutes', type=float, metavar='N',
                        help='train for this long, whatever the config says, with a learning rate '
                        'that ends at zero')
    parser.add_argument('--dry-run', action='store_true',
                        help='print what would be trained, try a step and a validation, and stop')
    parser.add_argument('--auto-scale-lr', action='store_true',
                        help='scale the learning rate with the real total batch size')


def training_config(args: argparse.Namespace) -> Config:
    """Return the config of a run as the arguments change it; those that do not fit are refused."""
    from mmengine.registry import OPTIMIZERS

    from hourglass.checkpoints.names import checked_checkpoint
    from hourglass.cli.config import load_config
    from hourglass.engine.budget import train_for
    from hourglass.engine.lengths import follow_loop
    from hourglass.engine.optim import scale_learning_rate
    from hourglass.engine.resuming import keep_global_batch
    cfg = load_config(args)
    optimizer = cfg.get('optim_wrapper', {}).get('optimizer', {}).get('type')
    if isinstance(optimizer, str) and OPTIMIZERS.get(optimizer) is None:
        raise ConfigError(f"optim_wrapper.optimizer.type='{optimizer}': no such optimiser; check "
                          'its spelling')
    if args.minutes is not None:
        train_for(cfg, args.minutes)
    follow_loop(cfg)
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        ((cfg.get('default_hooks') or {}).get('checkpoint') or {}).pop('save_best', None)
    if args.amp:
        _use_amp(cfg)
    checkpoint = _find_checkpoint(args, cfg)
    if checkpoint:
        cfg.resume, cfg.load_from = True, str(checkpoint)
    if cfg.get('load_from'):
        cfg.load_from = checked_checkpoint(cfg.load_from)
    ranks = find_place(args.launcher).ranks
    if checkpoint and '://' not in cfg.load_from:
        keep_global_batch(cfg, cfg.load_from, ranks)
    if args.auto_scale_lr or cfg.get('auto_scale_lr', {}).get('enable'):
        scale_learning_rate(cfg, ranks)
    return cfg


def _use_amp(cfg: Config) -> None:
    from mmengine.device import get_device
    if get_device() == 'cpu':
        raise ConfigError("--amp: mmengine's mixed precision needs an accelerator, and this "
                          'machine has none; leave --amp out')
    if cfg.optim_wrapper.get('type', 'OptimWrapper') not in ('OptimWrapper', 'AmpOptimWrapper'):
        raise ConfigError('--amp: cannot be combined with optim_wrapper.type='
                          f"'{cfg.optim_wrapper.type}'")
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def _find_checkpoint(args: argparse.Namespace, cfg: Config) -> str | Path | None:
    """Return the checkpoint to resume from; None if a new run starts, from load_from if set."""
    from hourglass.checkpoints.reading import last_whole_checkpoint
    checkpoint = args.resume
    if restarted() and Path(cfg.work_dir, 'last_checkpoint').is_file():     # one of this run
        checkpoint = 'auto'
    if checkpoint == 'auto':
        checkpoint, warning = last_whole_checkpoint(cfg.work_dir)
        if warning:
            print(f'warning: {warning}', file=sys.stderr)
    elif checkpoint and checkpoint.endswith('.safetensors'):
        raise ConfigError(f'--resume {checkpoint}: holds weights alone; start from them with '
                          f'--cfg-options load_from={checkpoint}')
    return checkpoint


def run(args: argparse.Namespace) -> None:
    from mmengine.runner import Runner

    from hourglass.engine.checks import check_model
    from hourglass.engine.distributed import unwrapped
    from hourglass.engine.trial import TrialHook
    from hourglass.io.files import claimed
    trial = TrialHook()
    try:
        with one_line_errors():         # inside the try, as it lets defects through
            cfg = training_config(args)
            with ExitStack() as ended:
                if args.dry_run:
                    trial.work_dir, cfg.log_level = cfg.work_dir, 'WARNING'
                    cfg.work_dir = ended.enter_context(TemporaryDirectory())
                elif find_place(args.launcher).rank == 0:
                    ended.enter_context(claimed(Path(cfg.work_dir)))
                    if first_start() and args.resume != 'auto':     # what is there is another run's
                        Path(cfg.work_dir, 'last_checkpoint').unlink(missing_ok=True)
                runner = Runner.from_cfg(cfg)
                check_model(unwrapped(runner.model), runner.cfg)
                runner.register_hook(trial)
                runner.train()
    except Exception as error:
        if not trial.stepped:           # of the config, or the machine
            sys.exit(f'error: {unbuilt(error)}')
        traceback.print_exc()           # a defect: the traceback, then a last line
        then = ('Checkpoints are whole: after a fix, use --resume'
                if Path(cfg.work_dir, 'last_checkpoint').is_file() else 'Nothing was saved yet')
        sys.exit(f'error: {one_line(error)}; the traceback above shows where. {then}')
