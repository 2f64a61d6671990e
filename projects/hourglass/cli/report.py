"""Test a network, write the results as one HTML file, and print a table of the worst people."""
import argparse

from hourglass.cli.arguments import add_run_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint file, or the name of weights')
    parser.add_argument('out', help='.html file; it needs no other file')
    parser.add_argument('--people', type=int, default=8,
                        help='how many of the worst and of the best people to show; default '
                        '%(default)s')


def run(args: argparse.Namespace) -> None:
    from mmengine.runner import Runner

    from hourglass.analysis.calibrate import calibration_in
    from hourglass.analysis.report.write import check_path, write_report
    from hourglass.checkpoints.configs import check_test_set
    from hourglass.checkpoints.names import checked_checkpoint
    from hourglass.cli.config import load_config
    out, cfg = check_path(args.out), load_config(args)
    check_test_set(cfg, args.config)
    cfg.load_from = checked_checkpoint(args.checkpoint)
    cfg.merge_from_dict({'model.test_cfg.all_stages': True})
    runner = Runner.from_cfg(cfg)
    runner.test()
    print(write_report(runner, out, args.people, calibration_in(cfg.load_from)))
