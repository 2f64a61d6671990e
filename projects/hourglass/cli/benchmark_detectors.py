"""Find people with detectors, and test a network on their boxes."""
import argparse
from dataclasses import asdict
from pathlib import Path

from hourglass.io.files import write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('config', help='config file, whose test images are taken')
    parser.add_argument('checkpoint', help='checkpoint file, or the name of weights')
    parser.add_argument('detectors', nargs='+', help='names as for hourglass predict --detector, '
                        "or annotation: the data set's own crops")
    parser.add_argument('--detector-score', type=float, metavar='SCORE',
                        help='leave out boxes below it; default as for hourglass predict')
    parser.add_argument('--json', type=Path, metavar='OUT', help='write the numbers to this file')


def run(args: argparse.Namespace) -> None:
    from mmengine.logging import MMLogger

    from hourglass.analysis.detection import measure_detectors, table
    from hourglass.analysis.machine import machine
    from hourglass.checkpoints.configs import read_config
    from hourglass.checkpoints.names import find_config
    MMLogger.get_instance('mmengine', log_level='WARNING')
    cfg = read_config(find_config(args.config))
    found = measure_detectors(cfg, args.checkpoint, args.detectors, args.detector_score)
    print(table(found))
    if args.json:
        write_json(args.json, dict(
            machine=machine(), detectors=[asdict(one) for one in found]), indent=1)
