"""Train configs under one budget with several seeds, and compare what their stages reach."""
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from mmengine.config import Config
from numpy import ndarray

from hourglass.analysis.size import size_of
from hourglass.errors import ConfigError, DataError

# what the paper averages in its figure 9, as far as a data set has it
HARD_JOINTS = ('Elbow', 'Wrist', 'Knee', 'Ankle')


@dataclass
class Variant:
    """One config of a comparison.

    Attributes:
        name: of the config file.
        parameters: of its network.
        macs: of its network for one image.
        has_loss: (N,) whether a stage has a loss of its own.
        curves: per seed (V,) iterations and (V, N) percent, the mean of the joints' PCK, of each of
            N stages.
    """

    name: str
    parameters: int
    macs: float
    has_loss: Sequence[bool]
    curves: dict[int, tuple[ndarray, ndarray]] = field(default_factory=dict)

    @property
    def num_stages(self) -> int:
        return len(self.has_loss)

    def last(self, stage: int) -> ndarray:
        """(seeds,) what a stage reached in the end."""
        return np.array([scores[-1, stage] for _, scores in self.curves.values()])

    @property
    def halfway(self) -> ndarray | None:
        """(seeds,) what the stage at half the network reached; None where none there has a loss."""
        stage = self.num_stages // 2 - 1
        return None if self.num_stages % 2 or not self.has_loss[stage] else self.last(stage)

    def common(self) -> tuple[ndarray, ndarray]:
        """(C,) iterations at which every seed was scored, as a cut run lacks one; (seeds, C, N)."""
        iterations = sorted(set.intersection(*(set(i.tolist()) for i, _ in self.curves.values())))
        return np.array(iterations), np.stack([
            scores[np.isin(i, iterations)] for i, scores in self.curves.values()])


def read_variant(config: Path) -> tuple[Variant, str]:
    """What is known of a config before it is trained, and a digest of all it says.

    Raises:
        ConfigError: if it is not trained for a number of iterations.
    """
    cfg = Config.fromfile(config)
    if 'max_iters' not in cfg.train_cfg:
        raise ConfigError(f'{config}: is trained for epochs; a comparison needs a number of '
                          "iterations, train_cfg=dict(type='hourglass.IterationLoop', "
                          'max_iters=...), as in configs/_base_/ablation')
    head = cfg.model.head
    weights = head.get('stage_weights') or [1.0] * head.num_stages
    text = json.dumps(cfg.to_dict(), sort_keys=True, default=str)
    return (Variant(config.stem, *size_of(config), [weight != 0 for weight in weights]),
            hashlib.sha256(text.encode()).hexdigest()[:8])


def train(config: Path, seed: int, iterations: int, validations: int | None, folder: Path) -> None:
    """One run of ``tools/train.py``, which goes on where an earlier one was cut; log in a file.

    Args:
        validations: in the run; None leaves the config's interval.

    Raises:
        ConfigError: if it fails; names the log.
    """
    options = [f'randomness.seed={seed}', f'train_cfg.max_iters={iterations}',
               'default_hooks.logger.log_metric_by_epoch=False']    # or every score is at step 0
    if validations is not None:
        interval = max(1, iterations // validations)
        options += [f'train_cfg.val_interval={interval}',
                    f'default_hooks.checkpoint.interval={interval}']
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / 'train.log'
    with log.open('a') as output:
        done = subprocess.run(
            [sys.executable, '-W', 'ignore', '-m', 'hourglass', 'train', str(config), '--work-dir',
             str(folder), '--resume', '--cfg-options', *options],
            stdout=output, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        line = log.read_text().strip().rpartition('\n')[-1]
        raise ConfigError(f'{config}, seed {seed}: training failed ({line}); see {log}')


def read_curves(folder: Path, joints: Sequence[str]) -> tuple[ndarray, ndarray]:
    """What a run's logs tell: (V,) iterations, (V, N) the mean of the joints' PCK per stage.

    Both are empty where nothing was scored yet.
    """
    scored = {}                                         # a resumed run has several logs
    for log in sorted(folder.glob('*/vis_data/scalars.json')):
        for text in log.read_text().splitlines():
            try:
                line = json.loads(text)
            except json.JSONDecodeError:                # the run was cut while it wrote this line
                continue
            stages = _stage_scores(line, joints)
            if stages:
                scored[line['step']] = stages
    iterations = sorted(scored)
    return np.array(iterations), np.array([scored[i] for i in iterations])


def _stage_scores(line: dict, joints: Sequence[str]) -> list[float]:
    """The mean of the joints' percentages, stage by stage, out of one line of the log."""
    stages = []
    while True:
        found = [line[key] for joint in joints for key in line
                 if key.endswith(f'/stage{len(stages)}/{joint}')]
        if not found:
            return stages
        stages.append(float(np.mean(found)))


def ablate(configs: Sequence[Path], seeds: Sequence[int], iterations: int,
           validations: int | None, work_dir: Path, joints: Sequence[str] = HARD_JOINTS
           ) -> Iterator[list[Variant]]:
    """Train every config with every seed, all for the same number of iterations.

    What was trained in ``work_dir`` under the same config is not trained again. Seeds take turns
    before configs do, so that a comparison that is cut short has every config.

    Yields:
        After every run, the variants that have been scored at least once.

    Raises:
        ConfigError: for configs of one name, or that cannot be compared.
        DataError: if a run has no score of its last iteration.
    """
    names = [config.stem for config in configs]
    if len(set(names)) < len(names):
        raise ConfigError(f'two configs are called {max(names, key=names.count)}; rename one')
    variants = {config: read_variant(config) for config in configs}
    for seed in seeds:
        for config, (variant, digest) in variants.items():
            folder = work_dir / variant.name / f'seed{seed}_{iterations}_{digest}'
            if iterations not in read_curves(folder, joints)[0]:
                print(f'{variant.name}, seed {seed}: {iterations} iterations', flush=True)
                train(config, seed, iterations, validations, folder)
            curve = read_curves(folder, joints)
            if iterations not in curve[0]:
                raise DataError(
                    f"{folder}: no score of {', '.join(joints)} for each stage after {iterations} "
                    'iterations: the config needs test_cfg=dict(all_stages=True) in its model; if '
                    'the run was cut in its last validation, delete the folder')
            variant.curves[seed] = curve
            yield [scored for scored, _ in variants.values() if scored.curves]


def table(variants: Sequence[Variant]) -> str:
    """A markdown table: mean and standard deviation over the seeds, in percent."""
    rows = ['| network | parameters | MMACs | last stage | halfway | seeds |',
            '|---|---|---|---|---|---|']
    rows += [f'| {v.name} | {v.parameters / 1e6:.2f} M | {v.macs / 1e6:.0f} | '
             f'{_spread(v.last(-1))} | {_spread(v.halfway)} | '
             f"{' '.join(map(str, v.curves))} |" for v in variants]
    return '\n'.join(rows)


def _spread(values: ndarray | None) -> str:
    if values is None:
        return ''
    spread = f' ± {values.std(ddof=1):.1f}' if len(values) > 1 else ''
    return f'{values.mean():.1f}{spread}'


def as_json(variants: Sequence[Variant]) -> str:
    """Every number of every run."""
    return json.dumps([dict(
        name=v.name, parameters=v.parameters, macs=v.macs, has_loss=list(v.has_loss),
        curves={seed: dict(iterations=iterations.tolist(), scores=scores.tolist())
                for seed, (iterations, scores) in v.curves.items()}) for v in variants])


def plot(variants: Sequence[Variant], path: Path) -> None:
    """Accuracy against iterations: a panel per variant with a line per stage, and all together.

    Lines are means over the seeds, bands reach from the lowest to the highest; a stage without a
    loss of its own is dotted.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    columns = -(-(len(variants) + 1) // 2)
    figure = Figure((3.4 * columns, 6), layout='constrained')
    panels = figure.subplots(2, columns, sharex=True, sharey=True, squeeze=False).ravel()
    together, *of_variants = panels
    together.set_title('last stage')
    for variant, panel in zip(variants, of_variants, strict=False):
        iterations, curves = variant.common()                           # (C,), (seeds, C, N)
        together.plot(iterations, curves[..., -1].mean(0), label=variant.name)
        panel.set_title(variant.name)
        for stage in range(variant.num_stages):
            colour = colormaps['viridis'](1 - (stage + 1) / variant.num_stages)
            panel.plot(iterations, curves[..., stage].mean(0), color=colour,
                       ls='-' if variant.has_loss[stage] else ':', label=f'stage {stage}')
            panel.fill_between(iterations, curves[..., stage].min(0), curves[..., stage].max(0),
                               color=colour, alpha=0.15, lw=0)
    for panel in panels[:len(variants) + 1]:
        panel.legend(fontsize=6)
        panel.grid(alpha=0.3)
    for panel in panels[len(variants) + 1:]:
        panel.set_visible(False)
    figure.supxlabel('iterations')
    figure.supylabel('PCK, %')
    figure.savefig(path, dpi=120)
