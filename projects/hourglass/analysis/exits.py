"""What fewer stacks cost in accuracy: the same number for everyone, or early exit."""
from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import deepcopy
from dataclasses import dataclass
from time import perf_counter

from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.runner import Runner
from torch import Tensor

from hourglass.analysis.metric import first_metric
from hourglass.analysis.size import size_of, stages_of
from hourglass.deploy.runtimes import WITH_EXIT, wait_for_device
from hourglass.engine.model_hooks import OptimizeHook
from hourglass.errors import ConfigError
from hourglass.evaluation.metrics import KeypointMetric
from hourglass.io.figures import panels
from hourglass.io.tables import markdown_table, number


@dataclass
class Exit:
    """One way to run fewer stacks, tested; all but the first two are averages of an image."""

    stages: int                         # stacks that run at most
    tolerance: float | None             # heatmap px, for early exit; None is without
    stacks: float                       # stacks that ran
    macs: float                         # multiply-adds
    saved: float                        # fraction of the multiply-adds of all stacks not computed
    seconds: float                      # in the network (a mirrored image counts as another)
    scores: dict[str, float]            # of the config's metrics


def score_names(cfg: Config, wanted: Sequence[str] | None) -> list[str]:
    """Return the scores to show: those wanted, or the total and groups of the first metric.

    What a metric of another project returns is known only after a test: then the list is empty.
    Raises ``ConfigError`` if the first metric does not have a score of that name.
    """
    metric = first_metric(cfg)
    if not isinstance(metric, KeypointMetric):
        return list(wanted or ())
    _check_scores(wanted or (), metric.columns)
    return list(wanted or metric.columns[:1 + len(metric.protocol.groups)])


def measure_exits(cfg: Config, tolerances: Sequence[float], optimize: str,
                  scores: Sequence[str] = ()) -> list[Exit]:
    """Test a network cut after each of its stages, and with each tolerance, heatmap px.

    ``cfg`` has its checkpoint as ``load_from``, ``optimize`` is a runtime with early exit, and the
    metrics have to return ``scores``. Raises ``ConfigError`` if the network cannot be run in that
    way, or a score is not returned.
    """
    count = stages_of(cfg)
    if optimize not in WITH_EXIT:
        raise ConfigError(f'--optimize {optimize}: has no early exit; choose '
                          f"{' or '.join(WITH_EXIT)}")
    if not all(tolerance >= 0 for tolerance in tolerances):
        raise ConfigError(f'--tolerances {tolerances}: give heatmap px, 0 or more')
    if tolerances and count < 3:
        raise ConfigError(f'{cfg.filename}: has {count} stacks, and early exit needs 3 or more; '
                          'give --tolerances without a number')
    macs = [size_of(cfg, stages)[1] for stages in range(1, count + 1)]
    of_stem = macs[0] - (macs[1] - macs[0]) if count > 1 else 0
    found = []
    for stages, tolerance in [*((stages, None) for stages in range(1, count + 1)),
                              *((count, tolerance) for tolerance in tolerances)]:
        of_this = deepcopy(cfg)
        of_this.experiment_name = f'stages{stages}_tolerance{tolerance}'
        runner, clock = Runner.from_cfg(of_this), _Clock(optimize, stages - 1, tolerance)
        runner.register_hook(clock)
        given = runner.test()
        _check_scores(scores, given)
        left = clock.left or {stages - 1: clock.images}             # stage -> images
        stacks, mean = (sum(costs[stage] * number for stage, number in left.items()) / clock.images
                        for costs in (range(1, count + 1), macs))
        found.append(Exit(stages, tolerance, stacks, mean, (macs[-1] - mean) / (macs[-1] - of_stem),
                          clock.seconds / clock.images, given))
    return found


def _check_scores(wanted: Sequence[str], known: Collection[str]) -> None:
    if missing := [name for name in wanted if name not in known]:
        raise ConfigError(f"--scores {missing[0]}: the metric gives {', '.join(known)}")


class _Clock(OptimizeHook):
    """Runs the network as :class:`OptimizeHook` does, and measures the time in it."""

    def before_test(self, runner: Runner) -> None:
        super().before_test(runner)
        self.seconds, self.images = 0.0, 0
        backbone = runner.model.backbone
        run, self.left = backbone.forward, getattr(backbone, 'left', None)

        def timed(images: Tensor) -> tuple[Tensor, ...]:
            wait_for_device()
            start = perf_counter()
            outputs = run(images)
            wait_for_device()
            self.seconds += perf_counter() - start
            self.images += len(images)
            return outputs
        backbone.forward = timed


def table(found: Sequence[Exit], scores: Sequence[str]) -> str:
    """Format a markdown table, a row for each way."""
    rows = [[f'first {way.stages} for all' if way.tolerance is None else
             f'until two agree within {way.tolerance:g} px',
             f'{way.stacks:.2f}', f'{way.macs / 1e9:.3f}', f'{100 * way.saved:.1f}',
             f'{1000 * way.seconds:.1f}', *(number(way.scores[score]) for score in scores)]
            for way in found]
    return markdown_table(
        rows, ['', 'stacks an image', 'GMACs', 'of the stacks saved, %', 'ms', *scores])


def plot(found: Sequence[Exit], scores: Sequence[str]) -> Figure:
    """Draw each score against multiply-adds: fixed numbers of stacks, and early exit."""
    figure, axes = panels(len(scores), size=(4, 3.2))
    ordered = sorted(found, key=lambda way: way.macs)
    for panel, score in zip(axes, scores):
        for name, early, marker in (('fixed number of stacks', False, 'o'),
                                    ('early exit', True, '^')):
            ways = [way for way in ordered if (way.tolerance is not None) == early]
            panel.plot([way.macs / 1e9 for way in ways], [way.scores[score] for way in ways],
                       marker=marker, label=name)
        panel.set(xlabel='GMACs per image', ylabel=score)
    axes[-1].legend(fontsize='small')
    return figure
