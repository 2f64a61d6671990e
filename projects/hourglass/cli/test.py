"""Test a checkpoint on the data set of its config."""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from hourglass.cli.arguments import add_run_arguments, add_speed_arguments, speed_options
from hourglass.engine.processes import work_apart
from hourglass.errors import ConfigError
from hourglass.io.files import check_writable, replacing, without_nan

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.runner import Runner


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint file, or the name of weights')
    parser.add_argument('--out', help='write the metrics to this file, .json, .yaml or .pkl')
    parser.add_argument('--people', help="write every person's predicted keypoints, scores and "
                        'distances to this .json file, which hourglass evaluate reads')
    parser.add_argument('--all-stages', action='store_true',
                        help='score the prediction of every stage, not only of the last')
    parser.add_argument('--report', help='write the results to this .html file: tables, curves, '
                        'the worst and the best people')
    parser.add_argument('--calibrate', metavar='OUT', nargs='?', const='', help='fit the '
                        'probability of a keypoint to be correct to half of the images, and write '
                        'the checkpoint with it to this file; default: the checkpoint itself, '
                        'which is replaced')
    add_speed_arguments(parser)
    parser.add_argument('--journal', metavar='DIR', help='keep finished people in this folder, so '
                        'that another call with the same config and checkpoint tests only the '
                        'rest; with --launcher the processes share the people and do not wait for '
                        'each other')
    parser.add_argument('--dump', help='write all predictions to this .pkl file')


def run(args: argparse.Namespace) -> None:
    from mmengine.runner import Runner

    from hourglass.checkpoints.configs import check_test_set
    from hourglass.checkpoints.names import checked_checkpoint, find_weights
    from hourglass.cli.config import load_config
    from hourglass.engine.checks import check_evaluation
    from hourglass.engine.journal_loop import use_journal
    checkpoint = checked_checkpoint(args.checkpoint)
    if args.calibrate is not None and '://' in checkpoint:
        checkpoint = str(find_weights(checkpoint))      # a file, as it may be replaced
    _check_arguments(args, checkpoint)
    place = work_apart(args.launcher) if args.journal else None
    cfg = load_config(args, join=place is None)
    check_test_set(cfg, args.config)
    cfg.load_from = checkpoint
    _configure(cfg, args)
    if place:
        use_journal(cfg, args.journal, place)
    runner = Runner.from_cfg(cfg)
    check_evaluation(runner.test_loop)
    metrics = runner.test()
    if metrics:                         # nobody is left to other processes or calls
        _write_results(runner, metrics, args, checkpoint)


def _check_arguments(args: argparse.Namespace, checkpoint: str) -> None:
    """Raise for files that could not be written, before the test and not after it."""
    for option, suffixes in (('out', ('.json', '.yaml', '.yml', '.pkl', '.pickle')),
                             ('dump', ('.pkl', '.pickle'))):
        path = getattr(args, option)
        if path and Path(path).suffix not in suffixes:
            raise ConfigError(f"--{option} {path}: name a {' or '.join(suffixes)} file")
    for path in map(Path, filter(None, (args.out, args.dump, args.people))):
        check_writable(path)
    if args.report:
        from hourglass.analysis.report.write import check_path
        check_path(args.report)
    if args.calibrate and Path(args.calibrate).suffix != Path(checkpoint).suffix:
        raise ConfigError(f'--calibrate {args.calibrate}: name a {Path(checkpoint).suffix} file, '
                          'as the checkpoint is one')
    if args.dump and args.journal:
        raise ConfigError('--dump and --journal: a journal keeps only metrics; give one of them')


def _configure(cfg: Config, args: argparse.Namespace) -> None:
    """Change the config of a test as the arguments ask; those that do not fit it are refused."""
    head = _name(cfg.model.get('head', {}).get('type', ''))
    if args.all_stages and not head.endswith('StackedHeatmapHead'):
        raise ConfigError(f'--all-stages: the head of {args.config} is '
                          f'{head or "missing"}, which predicts from one stage; leave it out')
    if args.all_stages or args.report:
        cfg.merge_from_dict({'model.test_cfg.all_stages': True})
    evaluators = cfg.test_evaluator
    evaluators = evaluators if isinstance(evaluators, list) else [evaluators]
    if args.people:
        from mmengine.registry import METRICS

        from hourglass.evaluation.metrics import KeypointMetric
        kind = evaluators[0]['type']
        metric = METRICS.get(kind) if isinstance(kind, str) else kind
        if metric is None or not issubclass(metric, KeypointMetric):
            raise ConfigError(f'--people: the first of test_evaluator is {_name(kind)}, which '
                              'writes no people; set a metric of keypoints of hourglass, such as '
                              'hourglass.PCK, first')
        evaluators[0].people_file = args.people
    if args.dump:
        cfg.test_evaluator = [*evaluators, dict(type='DumpResults', out_file_path=args.dump)]
    if faster := speed_options(args):
        if args.all_stages or args.report or args.calibrate is not None:
            raise ConfigError('--optimize, --stages and --exit-tolerance are for one stage; leave '
                              '--all-stages, --report and --calibrate out')
        cfg.custom_hooks = [*(cfg.get('custom_hooks') or []),
                            dict(type='hourglass.OptimizeHook', **faster)]


def _write_results(runner: Runner, metrics: dict, args: argparse.Namespace, checkpoint: str
                   ) -> None:
    """Write what the arguments ask for of a test of all people."""
    import mmengine
    from mmengine.dist import is_main_process

    from hourglass.analysis.calibrate import calibrate, calibration_in
    if args.calibrate is not None:
        calibrate(runner, checkpoint, args.calibrate or checkpoint)
    if args.report:
        from hourglass.analysis.report.write import write_report
        write_report(runner, args.report, calibration=calibration_in(args.calibrate or checkpoint))
    if args.out and is_main_process():
        intervals = {f'{metric.prefix}/{name}': bounds for metric in runner.test_evaluator.metrics
                     for name, bounds in getattr(metric, 'intervals', {}).items()}
        more = dict(interval95=intervals) if intervals else {}
        with replacing(Path(args.out)) as draft:
            mmengine.dump(without_nan(metrics | more), draft, Path(args.out).suffix[1:])


def _name(kind: str | type) -> str:
    """Return the name of a config's type, which is a class in a config of pure Python."""
    return kind if isinstance(kind, str) else kind.__name__
