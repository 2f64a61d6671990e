"""Show how far runs of training have come, from their logs.

hourglass curve RUN [RUN ...] [--plot OUT [--score NAME]]
"""
import argparse
from pathlib import Path

from hourglass.errors import ConfigError, did_you_mean


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('runs', type=Path, nargs='+', metavar='RUN',
                        help='work folders, or single log files (copies of scalars.json); a '
                        'figure shows them one behind the other')
    parser.add_argument('--plot', type=Path, metavar='OUT', help='write a figure to this file')
    parser.add_argument('--score', metavar='NAME', help='draw this score of the validations, too')


def run(args: argparse.Namespace) -> None:
    from hourglass.analysis.curve import plot, read_curve, table
    from hourglass.io.figures import save_figure
    if args.score and not args.plot:
        raise ConfigError('--score: is drawn into a figure; add --plot OUT')
    curves = [read_curve(run) for run in args.runs]
    print(table(curves))
    if args.plot:
        names = {row[1] for curve in curves for row in curve.score_rows()}
        if args.score and args.score not in names:
            raise ConfigError(f'--score {args.score}: is in none of these logs'
                              f'{did_you_mean(args.score, names)}')
        save_figure(plot(curves, args.score), args.plot)
