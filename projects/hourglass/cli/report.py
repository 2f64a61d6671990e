"""A test as one HTML file: python tools/report.py CONFIG CHECKPOINT OUT.html"""
import argparse

from mmengine.runner import Runner

from hourglass.analysis.report.write import check_path, write_report
from hourglass.checkpoints.names import checked_checkpoint
from hourglass.cli.common import add_run_arguments, load_config, one_line_errors


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Test a network and write a report as HTML')
    add_run_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint file, or the name of weights')
    parser.add_argument('out', help='.html file; it needs no other')
    parser.add_argument('--people', type=int, default=8,
                        help='of the worst and of the best to show; default %(default)s')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with one_line_errors():
        out = check_path(args.out)
        cfg = load_config(args)
        cfg.load_from = checked_checkpoint(args.checkpoint)
        cfg.merge_from_dict({'model.test_cfg.all_stages': True})
        runner = Runner.from_cfg(cfg)
        runner.test()
        write_report(runner, out, args.people)


if __name__ == '__main__':
    main()
