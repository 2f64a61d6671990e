"""Train configs under one budget with several seeds, and compare what their stages reach."""
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy import ndarray

from hourglass.errors import ConfigError, DataError
from hourglass.models.size import size_of

# what the paper averages in its figure 9, as far as a data set has it
HARD_JOINTS = ('Elbow', 'Wrist', 'Knee', 'Ankle')


@dataclass
class Variant:
    """One config of a comparison.

    Attributes:
        name: of the config file.
        parameters: of its network.
        macs: of its network for one picture.
        iterations: (V,) when it was validated.
        scores: per seed (V, N) percent, the mean of the joints' PCK, of each of N stages.
    """

    name: str
    parameters: int
    macs: float
    iterations: ndarray | None = None
    scores: dict[int, ndarray] = field(default_factory=dict)

    @property
    def num_stages(self) -> int:
        return next(iter(self.scores.values())).shape[1]

    def last(self, stage: int) -> ndarray:
        """(seeds,) what a stage reached in the end."""
        return np.array([curve[-1, stage] for curve in self.scores.values()])

    @property
    def halfway(self) -> ndarray | None:
        """(seeds,) what the stage at half the network reached; None where there is none."""
        return None if self.num_stages % 2 else self.last(self.num_stages // 2 - 1)


def train(config: Path, seed: int, iterations: int, validations: int, folder: Path) -> None:
    """One run of ``tools/train.py``, which goes on where an earlier one was cut; log in a file.

    Raises:
        ConfigError: if it fails; names the log.
    """
    interval = max(1, iterations // validations)
    tool = Path(__file__).parents[1] / '.mim/tools/train.py'
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / 'train.log'
    with log.open('a') as output:
        done = subprocess.run(
            [sys.executable, '-W', 'ignore', str(tool), str(config), '--work-dir', str(folder),
             '--resume', '--cfg-options', f'randomness.seed={seed}',
             f'train_cfg.max_iters={iterations}', f'train_cfg.val_interval={interval}',
             f'default_hooks.checkpoint.interval={interval}'],
            stdout=output, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        line = log.read_text().strip().splitlines()[-1]
        raise ConfigError(f'{config}, seed {seed}: training failed ({line}); see {log}')


def read_curves(folder: Path, joints: Sequence[str]) -> tuple[ndarray, ndarray]:
    """What a run's logs tell: (V,) iterations, (V, N) the mean of the joints' PCK per stage.

    Raises:
        DataError: if no stage was scored (``all_stages`` in ``model.test_cfg``).
    """
    scored = {}                                         # a resumed run has several logs
    for log in sorted(folder.glob('*/vis_data/scalars.json')):
        for line in map(json.loads, log.read_text().splitlines()):
            stages = _stage_scores(line, joints)
            if stages:
                scored[line['step']] = stages
    if not scored:
        raise DataError(f'{folder}: no scores of stages in its logs; the config needs '
                        'test_cfg=dict(all_stages=True) in its model')
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


def ablate(configs: Sequence[Path], seeds: Sequence[int], iterations: int, validations: int,
           work_dir: Path, joints: Sequence[str] = HARD_JOINTS) -> Iterator[list[Variant]]:
    """Train every config with every seed, all for the same number of iterations.

    What is finished in ``work_dir`` is not trained again. Seeds take turns before configs do, so
    that a comparison that is cut short has every config.

    Yields:
        After every run, the variants that have been scored at least once.
    """
    variants = [Variant(path.stem, *size_of(path)) for path in configs]
    for seed in seeds:
        for config, variant in zip(configs, variants, strict=True):
            folder = work_dir / variant.name / f'seed{seed}_{iterations}'
            if not (folder / f'iter_{iterations}.pth').is_file():
                print(f'{variant.name}, seed {seed}: {iterations} iterations', flush=True)
                train(config, seed, iterations, validations, folder)
            variant.iterations, variant.scores[seed] = read_curves(folder, joints)
            yield [scored for scored in variants if scored.scores]


def table(variants: Sequence[Variant]) -> str:
    """A markdown table: mean and standard deviation over the seeds, in percent."""
    rows = ['| network | parameters | MMACs | last stage | halfway | seeds |',
            '|---|---|---|---|---|---|']
    rows += [f'| {v.name} | {v.parameters / 1e6:.2f} M | {v.macs / 1e6:.0f} | '
             f'{_spread(v.last(-1))} | {_spread(v.halfway)} | '
             f"{' '.join(map(str, v.scores))} |" for v in variants]
    return '\n'.join(rows)


def _spread(values: ndarray | None) -> str:
    if values is None:
        return ''
    spread = f' ± {values.std(ddof=1):.1f}' if len(values) > 1 else ''
    return f'{values.mean():.1f}{spread}'


def as_json(variants: Sequence[Variant]) -> str:
    """Every number of every run."""
    return json.dumps([dict(
        name=v.name, parameters=v.parameters, macs=v.macs, iterations=v.iterations.tolist(),
        scores={seed: curve.tolist() for seed, curve in v.scores.items()}) for v in variants])


def plot(variants: Sequence[Variant], path: Path) -> None:
    """Accuracy against iterations: a panel per variant with a line per stage, and all together.

    Lines are means over the seeds, bands reach from the lowest to the highest.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    columns = -(-(len(variants) + 1) // 2)
    figure = Figure((3.4 * columns, 6), layout='constrained')
    panels = figure.subplots(2, columns, sharex=True, sharey=True, squeeze=False).ravel()
    together, *of_variants = panels
    together.set_title('last stage')
    for variant, panel in zip(variants, of_variants, strict=False):
        curves = np.stack(list(variant.scores.values()))                # (seeds, V, N)
        together.plot(variant.iterations, curves[..., -1].mean(0), label=variant.name)
        panel.set_title(variant.name)
        for stage in range(variant.num_stages):
            colour = colormaps['viridis'](1 - (stage + 1) / variant.num_stages)
            panel.plot(variant.iterations, curves[..., stage].mean(0), color=colour,
                       label=f'stage {stage}')
            panel.fill_between(variant.iterations, curves[..., stage].min(0),
                               curves[..., stage].max(0), color=colour, alpha=0.15, lw=0)
    for panel in panels[:len(variants) + 1]:
        panel.legend(fontsize=6)
        panel.grid(alpha=0.3)
    for panel in panels[len(variants) + 1:]:
        panel.set_visible(False)
    figure.supxlabel('iterations')
    figure.supylabel('PCK, %')
    figure.savefig(path, dpi=120)
