"""Predict a collection of images or a video, and time the parts and the whole in turns."""
import argparse
from dataclasses import asdict
from functools import partial
from pathlib import Path

from hourglass.cli.arguments import add_detector_argument, add_speed_arguments, speed_options
from hourglass.errors import ConfigError
from hourglass.io.files import write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('input', help='as for hourglass predict; so are the next seven options')
    parser.add_argument('--model', help='default people')
    parser.add_argument('--config')
    parser.add_argument('--weights')
    add_detector_argument(parser)
    parser.add_argument('--boxes')
    parser.add_argument('--whole-image', action='store_true')
    parser.add_argument('--no-flip', action='store_true')
    add_speed_arguments(parser)
    parser.add_argument('--batch-size', type=int, default=32, help='number of people')
    parser.add_argument('--rounds', type=int, default=3, help='turns (default %(default)s)')
    parser.add_argument('--json', type=Path, metavar='OUT', help='write the numbers to this file')
    parser.set_defaults(launcher='none')


def run(args: argparse.Namespace) -> None:
    from hourglass.analysis.machine import described, machine
    from hourglass.analysis.prediction_speed import measure_prediction, table
    from hourglass.apis import init_model
    from hourglass.inference.boxes import box_finder
    from hourglass.inference.sources import open_source
    if args.model and (args.config or args.weights):
        raise ConfigError('--model: names the weights; leave out --config and --weights')
    if args.rounds < 1:
        raise ConfigError(f'--rounds {args.rounds}: give 1 or more')
    model = init_model(args.config or args.weights or args.model or 'people', args.weights,
                       **speed_options(args))
    model.flip = model.flip and not args.no_flip
    speed = measure_prediction(
        model, partial(open_source, args.input),
        box_finder(args.boxes, args.detector, args.whole_image), args.batch_size, args.rounds)
    print(f'{table(speed)}\n\n{described(machine())}')
    if args.json:
        write_json(args.json, dict(machine=machine(), speed=asdict(speed)), indent=1)
