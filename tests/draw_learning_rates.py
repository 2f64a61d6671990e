"""Draw docs/images/learning-rates.svg: the learning rate of every schedule in configs, as trained.

Each is trained with a model of four numbers, in at least 40 steps, whole and resumed after a
quarter, a half and three quarters; and resumed at the same places with twice the epochs.
"""
from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from conftest import REPOSITORY
from mmengine.config import Config
from toy_runs import rates, toy_config, train

from hourglass.checkpoints.configs import read_config
from hourglass.io.figures import panels, save_figure

STEPS = 40


def shipped() -> dict[str, Config]:
    """The configs with a schedule that no other one before them has, by name."""
    found: dict[str, Config] = {}
    for path in sorted((REPOSITORY / 'configs').glob('*/*.py')):
        cfg = read_config(path)
        if 'max_epochs' in cfg.get('train_cfg', {}):
            found.setdefault(str(cfg.get('param_scheduler')), cfg)
    return {Path(cfg.filename).stem: cfg for cfg in found.values()}


def trained(cfg: Config, work: Path, factor: int, resumed: str = '') -> tuple[list[float], int]:
    """Return the rates of a run of ``factor`` times the epochs, and the epochs of a quarter."""
    epochs = cfg.train_cfg.max_epochs
    quarter = max(1, epochs // 4)
    run = toy_config(work, **{
        'optim_wrapper.optimizer.lr': cfg.optim_wrapper.optimizer.lr,
        'train_cfg': dict(type='hourglass.EpochLoop', max_epochs=factor * epochs),
        'train_dataloader.dataset.length': 2 * max(1, STEPS // epochs),
        'default_hooks.checkpoint.interval': quarter,
        **(dict(resume=True, load_from=resumed) if resumed else {})})
    run.param_scheduler = cfg.get('param_scheduler')
    run.default_hooks.update(logger=None, timer=None)
    return rates(train(run)), quarter


def main(path: str) -> None:
    schedules = shipped()
    figure, axes = panels(len(schedules), columns=3, size=(3.6, 2.4))
    for panel, (name, cfg) in zip(axes, schedules.items()):
        with TemporaryDirectory() as folder:
            work = Path(folder, 'whole')
            whole, quarter = trained(cfg, work, 1)
            double, _ = trained(cfg, Path(folder, 'double'), 2)
            length = len(whole) // cfg.train_cfg.max_epochs
            panel.plot(whole, 'C0', lw=4, alpha=0.3, label='whole')
            panel.plot(double, 'C1', lw=4, alpha=0.3, label='twice the epochs')
            # three places, or fewer in a run of few epochs
            for epoch in range(quarter, min(4 * quarter, cfg.train_cfg.max_epochs), quarter):
                for factor, colour in ((1, 'C0'), (2, 'C1')):
                    part, _ = trained(cfg, Path(folder, f'{epoch}-{factor}'), factor,
                                      str(work / f'epoch_{epoch}.pth'))
                    begin = epoch * length
                    panel.plot(range(begin, begin + len(part)), part, colour, lw=0.8)
                    panel.plot(begin, part[0], 'o', color=colour, ms=4,
                               label='resumed' if (epoch, factor) == (quarter, 1) else None)
        panel.set_title(name, fontsize=7)
        panel.set_ylim(0)
    axes[0].legend(fontsize=7)
    figure.supxlabel('step')
    figure.supylabel('learning rate')
    save_figure(figure, path)


if __name__ == '__main__':
    main(*sys.argv[1:])
