"""Train configs under one budget with several seeds, and compare what their stages reach."""
from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy import ndarray

from hourglass.analysis.size import size_of, stages_of
from hourglass.checkpoints.configs import read_config
from hourglass.errors import ConfigError, DataError
from hourglass.io.figures import panels
from hourglass.io.tables import markdown_table

HARD_JOINTS = ('Elbow', 'Wrist', 'Knee', 'Ankle')       # the paper averages them in its figure 9

# iteration -> percent: for each of N stages, the mean of the joints' PCK
Curve = dict[int, list[float]]


@dataclass
class Variant:
    """One config of a comparison."""

    name: str                           # of the config file
    parameters: int                     # of its network
    macs: float                         # multiply-adds of its network for one image
    has_loss: Sequence[bool]            # (N,) whether a stage has a loss of its own
    curves: dict[int, Curve] = field(default_factory=dict)      # by seed, iterations ascending

    def last(self, stage: int) -> ndarray:
        """Return (seeds,), the percentages of a stage at the end."""
        return np.array([curve[max(curve)][stage] for curve in self.curves.values()])

    @property
    def halfway(self) -> ndarray | None:
        """(seeds,) percentages of the stage halfway at the end; None if it has no loss."""
        before, odd = divmod(len(self.has_loss), 2)
        return None if odd or not self.has_loss[before - 1] else self.last(before - 1)

    def common(self) -> tuple[list[int], ndarray]:
        """Return C iterations at which every seed was scored, and (seeds, C, N) percent.

        A run that was cut can lack some iterations.
        """
        iterations = sorted(set.intersection(*map(set, self.curves.values())))
        return iterations, np.array([[curve[i] for i in iterations]
                                     for curve in self.curves.values()])


def read_variant(config: Path) -> tuple[Variant, str]:
    """Return the variant of a config before training, and a digest of the whole config.

    Raises ``ConfigError`` if it does not train for a number of iterations.
    """
    cfg = read_config(config)
    if 'max_iters' not in cfg.train_cfg:
        raise ConfigError(f'{config}: trains for epochs; a comparison needs a number of '
                          "iterations, train_cfg=dict(type='hourglass.IterationLoop', "
                          'max_iters=...), as in configs/_base_/ablation')
    weights = cfg.model.head.get('stage_weights') or [1.0] * stages_of(cfg)
    text = json.dumps(cfg.to_dict(), sort_keys=True, default=str)
    return (Variant(config.stem, *size_of(cfg), [weight != 0 for weight in weights]),
            hashlib.sha256(text.encode()).hexdigest()[:8])


def train(config: Path, seed: int, iterations: int, validations: int | None, folder: Path) -> None:
    """Run ``hourglass train`` in a folder, from its last checkpoint if there is one.

    Without ``validations`` the config's interval stays. A failure is a ``ConfigError``.
    """
    options = [f'randomness.seed={seed}', f'train_cfg.max_iters={iterations}',
               'default_hooks.logger.log_metric_by_epoch=False']    # else all scores are at step 0
    if validations is not None:
        interval = max(1, iterations // validations)
        options += [f'train_cfg.val_interval={interval}',
                    f'default_hooks.checkpoint.interval={interval}']
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / 'train.log'
    # the new process has to find the package where this one did
    paths = filter(None, [str(Path(__file__).parents[2]), os.environ.get('PYTHONPATH')])
    command = [sys.executable, '-W', 'ignore', '-m', 'hourglass', 'train', str(config),
               '--work-dir', str(folder), '--resume', '--cfg-options', *options]
    with log.open('a') as output:
        training = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT,
                                    env=os.environ | dict(PYTHONPATH=os.pathsep.join(paths)))
        try:
            failed = training.wait()
        except KeyboardInterrupt:       # which the training has got as well: it saves its state
            training.wait()
            raise
    if failed:
        line = log.read_text().strip().rpartition('\n')[-1]
        raise ConfigError(f'{config}, seed {seed}: training failed ({line}); see {log}')


def read_scores(folder: Path, joints: Sequence[str]) -> Curve:
    """Read the mean of the joints' PCK from the logs of a run; empty if there is none yet."""
    curve = {}                                          # a resumed run has several logs
    for log in sorted(folder.glob('*/vis_data/scalars.json')):
        for text in log.read_text().splitlines():
            with suppress(json.JSONDecodeError):        # the run was cut while it wrote this line
                line = json.loads(text)
                if stages := _stage_scores(line, joints):
                    curve[line['step']] = stages
    return dict(sorted(curve.items()))


def _stage_scores(line: dict, joints: Sequence[str]) -> list[float]:
    """Return the mean of the joints' percentages for each stage in one line of a log."""
    stages: list[float] = []
    while found := [line[key] for joint in joints for key in line
                    if key.endswith(f'/stage{len(stages)}/{joint}')]:
        stages.append(float(np.mean(found)))
    return stages


def ablate(configs: Sequence[Path], seeds: Sequence[int], iterations: int,
           validations: int | None, work_dir: Path, joints: Sequence[str] = HARD_JOINTS
           ) -> Iterator[list[Variant]]:
    """Train every config with every seed, all for the same number of iterations.

    A run that ``work_dir`` already has, under the same config, is not repeated. All configs are
    trained with one seed before the next, so that a comparison that is cut short has every config.
    Yields the variants that have a score, after each run. Raises ``ConfigError`` for configs that
    cannot be compared, and ``DataError`` if a run has no score of its last iteration.
    """
    names = [config.stem for config in configs]
    if len(set(names)) < len(names):
        raise ConfigError(f'two configs are called {max(names, key=names.count)}; rename one')
    variants = {config: read_variant(config) for config in configs}
    for seed in seeds:
        for config, (variant, digest) in variants.items():
            folder = work_dir / variant.name / f'seed{seed}_{iterations}_{digest}'
            if iterations not in read_scores(folder, joints):
                print(f'{variant.name}, seed {seed}: {iterations} iterations', flush=True)
                train(config, seed, iterations, validations, folder)
            curve = read_scores(folder, joints)
            if iterations not in curve:
                raise DataError(
                    f"{folder}: no score of {', '.join(joints)} for each stage after {iterations} "
                    'iterations: the config needs test_cfg=dict(all_stages=True) in its model; if '
                    'the run was cut in its last validation, delete the folder')
            variant.curves[seed] = curve
            yield [scored for scored, _ in variants.values() if scored.curves]


def against_first(variants: Sequence[Variant]) -> list[tuple[float, float]] | None:
    """Return by how many points each last stage is ahead of the first variant's, and the error.

    The error is half the 95 % interval (t distribution). The variance between seeds is taken to be
    the same for all variants and pooled over them, as that of two or three runs is hardly known;
    None if no variant has two.
    """
    from scipy.stats import t  # imported late: it takes a second
    last = [variant.last(-1) for variant in variants]
    freedom = sum(len(of_seeds) - 1 for of_seeds in last)
    if not freedom:
        return None
    variance = sum(((of_seeds - of_seeds.mean())**2).sum() for of_seeds in last) / freedom
    return [(of_seeds.mean() - last[0].mean(), t.ppf(0.975, freedom) * np.sqrt(
        variance * (1 / len(of_seeds) + 1 / len(last[0])))) for of_seeds in last]


def table(variants: Sequence[Variant]) -> str:
    """Format a markdown table: mean and standard deviation over the seeds, in percent."""
    ahead = against_first(variants)
    compared = [''] * len(variants) if ahead is None else [
        '', *(f'{points:+.1f} ± {error:.1f}' for points, error in ahead[1:])]
    return markdown_table(
        [[v.name, f'{v.parameters / 1e6:.2f} M', f'{v.macs / 1e6:.0f}', _spread(v.last(-1)),
          difference, _spread(v.halfway), ' '.join(map(str, v.curves))]
         for v, difference in zip(variants, compared)],
        ['network', 'parameters', 'MMACs', 'last stage', 'against the first', 'halfway', 'seeds'])


def _spread(values: ndarray | None) -> str:
    if values is None:
        return ''
    return f'{values.mean():.1f}' + (f' ± {values.std(ddof=1):.1f}' if len(values) > 1 else '')


def as_json(variants: Sequence[Variant]) -> list[dict]:
    """Return every number of every run, as JSON can hold it."""
    return [asdict(variant) | dict(curves={
        seed: dict(iterations=list(curve), scores=list(curve.values()))
        for seed, curve in variant.curves.items()}) for variant in variants]


def plot(variants: Sequence[Variant]) -> Figure:
    """Draw accuracy against iterations: all last stages together, and the stages of each variant.

    Lines are means over the seeds, bands reach from the lowest to the highest, and stages without a
    loss are dotted.
    """
    figure, (together, *of_variants) = panels(
        len(variants) + 1, len(variants) // 2 + 1, size=(3.4, 3), sharex=True, sharey=True)
    together.set_title('last stage')
    for variant, panel in zip(variants, of_variants):
        iterations, curves = variant.common()                           # (seeds, C, N)
        together.plot(iterations, curves[..., -1].mean(0), label=variant.name)
        panel.set_title(variant.name)
        for stage, has_loss in enumerate(variant.has_loss):
            of_seeds = curves[..., stage]
            colour = colormaps['viridis'](1 - (stage + 1) / len(variant.has_loss))
            panel.plot(iterations, of_seeds.mean(0), color=colour, ls='-' if has_loss else ':',
                       label=f'stage {stage}')
            panel.fill_between(iterations, of_seeds.min(0), of_seeds.max(0), color=colour,
                               alpha=0.15, lw=0)
    for panel in (together, *of_variants):
        panel.legend(fontsize=6)
    figure.supxlabel('iterations')
    figure.supylabel('PCK, %')
    return figure
