"""What it costs in accuracy to run fewer stacks: all people the same number, or each its own."""
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.runner import Runner

from hourglass.analysis.benchmark import Contender, size
from hourglass.deploy.runtimes import RUNTIMES
from hourglass.engine.model_hooks import OptimizeHook
from hourglass.errors import ConfigError
from hourglass.io.files import replacing


@dataclass
class Exit:
    """One way to leave the network, tested.

    Attributes:
        stages: stacks that everybody runs at most.
        tolerance: heatmap px, by which people leave before; None: nobody does.
        stacks: that an image ran, on average.
        macs: multiply-adds of an image, on average.
        saved: fraction of the multiply-adds of all stacks that was not computed.
        seconds: of an image in the network, on average (its mirror image is another).
        scores: of the config's metrics.
    """

    stages: int
    tolerance: float | None
    stacks: float
    macs: float
    saved: float
    seconds: float
    scores: dict[str, float]


def measure_exits(cfg: Config, tolerances: Sequence[float], optimize: str) -> list[Exit]:
    """Test a network cut behind each of its stages, and with each tolerance.

    Args:
        cfg: with its checkpoint as ``load_from``.
        tolerances: heatmap px.
        optimize: what runs it: a runtime that people can leave early.

    Raises:
        ConfigError: if it cannot be run that way.
    """
    count = cfg.model.head.num_stages
    if RUNTIMES.get(optimize) is None or RUNTIMES[optimize].build_exit is None:
        able = [name for name, runtime in RUNTIMES.items() if runtime.build_exit]
        raise ConfigError(f"--optimize {optimize}: {' or '.join(able)} can be left early")
    if not all(tolerance >= 0 for tolerance in tolerances):
        raise ConfigError(f'--tolerances {tolerances}: give heatmap px, 0 or more')
    if tolerances and count < 3:
        raise ConfigError(f'{cfg.filename}: nobody can leave a network of {count} stacks early; '
                          'give --tolerances without a number, or take one of 3 or more')
    macs = [size(Contender(cfg, stages=stages))[1] for stages in range(1, count + 1)]
    of_stem = macs[0] - (macs[1] - macs[0]) if count > 1 else 0
    found = []
    for stages, tolerance in [*((stages, None) for stages in range(1, count + 1)),
                              *((count, tolerance) for tolerance in tolerances)]:
        scores, seconds, left = _test(cfg, stages, tolerance, optimize)
        people = sum(left.values())
        mean = sum(macs[stage] * number for stage, number in left.items()) / people
        found.append(Exit(
            stages, tolerance, sum((stage + 1) * number for stage, number in left.items()) / people,
            mean, (macs[-1] - mean) / (macs[-1] - of_stem), seconds / people, scores))
    return found


def _test(cfg: Config, stages: int, tolerance: float | None, optimize: str
          ) -> tuple[dict[str, float], float, dict[int, int]]:
    """Scores, seconds in the network, and how many images left behind each stage."""
    cfg = deepcopy(cfg)
    cfg.experiment_name = f'stages{stages}_tolerance{tolerance}'
    runner = Runner.from_cfg(cfg)
    clock = _Clock(optimize, stages - 1, tolerance)
    runner.register_hook(clock)
    scores = runner.test()
    return scores, clock.seconds, clock.left or {stages - 1: clock.images}


class _Clock(OptimizeHook):
    """Times the backbone it puts in."""

    def before_test(self, runner) -> None:
        super().before_test(runner)
        self.seconds, self.images = 0.0, 0
        backbone = runner.model.backbone
        run = backbone.forward

        def timed(images):
            start = perf_counter()
            outputs = run(images)
            self.seconds += perf_counter() - start
            self.images += len(images)
            return outputs
        backbone.forward = timed
        self.left = getattr(backbone, 'left', None)


def plot_exits(found: Sequence[Exit], scores: Sequence[str], path: Path) -> None:
    """Scores against multiply-adds: fixed numbers of stacks, and tolerances.

    Raises:
        DataError: if the file cannot be written.
    """
    figure = Figure(figsize=(4 * len(scores), 3.2), layout='constrained')
    for axes, score in zip(figure.subplots(1, len(scores), squeeze=False)[0], scores, strict=True):
        for name, points, marker in (
                ('so many stacks for all', [e for e in found if e.tolerance is None], 'o'),
                ('each leaves when two stacks agree',
                 [e for e in found if e.tolerance is not None], '^')):
            points = sorted(points, key=lambda exit_: exit_.macs)
            axes.plot([e.macs / 1e9 for e in points], [e.scores[score] for e in points],
                      marker=marker, label=name)
        axes.set(xlabel='GMACs an image', ylabel=score)
        axes.grid(alpha=0.3)
    axes.legend(fontsize='small')
    with replacing(path) as draft:
        figure.savefig(draft, format=path.suffix.lstrip('.') or 'png', dpi=110)
