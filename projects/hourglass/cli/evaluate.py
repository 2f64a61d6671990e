"""Score prediction files against the annotation, without a network.

hourglass evaluate mpii --gt valid.h5 --pred preds.h5 [--protocol official] [--curves PNG]
hourglass evaluate flic --gt examples.mat --pred mine.npy other.json
hourglass evaluate lsp --gt joints.mat --pred preds.mat --protocol pcp
hourglass evaluate own --gt coco.json --pred results.json
"""
from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from hourglass.errors import ConfigError
from hourglass.io.files import check_outputs, write_json

if TYPE_CHECKING:
    from numpy import ndarray

    from hourglass.evaluation.coco_files import CocoPeople
    from hourglass.evaluation.ground_truth import Truth
    from hourglass.evaluation.protocols import Protocol
    from hourglass.evaluation.scoring import Evaluation

_DATASETS = ('mpii', 'flic', 'lsp')         # with protocols of their own


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('dataset', choices=[*_DATASETS, 'own'])
    parser.add_argument('--gt', required=True, help='annotation file, in any published form; '
                        "own: in COCO's format")
    parser.add_argument('--pred', required=True, nargs='+', help='.h5, .mat, .json or .npy files')
    parser.add_argument('--protocol', help='mpii: official (default), hrnet, tompson, princeton; '
                        'flic: torso (default), modec; lsp: official (default), person, pcp')
    base = parser.add_mutually_exclusive_group()
    base.add_argument('--one-based', dest='base', action='store_const', const=1,
                      help='predicted coordinates count from 1 (usual for mpii and lsp)')
    base.add_argument('--zero-based', dest='base', action='store_const', const=0,
                      help='predicted coordinates count from 0 (usual for flic)')
    parser.add_argument('--split', help='split to score, of a file that holds several')
    parser.add_argument('--head-boxes', metavar='MAT', help='mpii_gt_val.mat, for an MPII .json')
    parser.add_argument('--labels', choices=['observer', 'person'], help="FLIC's left and right")
    parser.add_argument('--skeleton', choices=['lsp', 'mpii'],
                        help="joints predicted on LSP: its 14, or MPII's 16")
    parser.add_argument('--threshold', type=float, help='own: the largest distance that counts as '
                        "correct, in units of the longer side of the person's box; default 0.2")
    parser.add_argument('--sigmas', metavar='NAME=SIGMA', nargs='+', type=_sigma,
                        help='own: for OKS, of keypoints that COCO does not have')
    parser.add_argument('--category', help='own: the category, of several with keypoints')
    parser.add_argument('--json', metavar='OUT', help='write the numbers to this file')
    parser.add_argument('--curves', metavar='PNG', help='draw PCK over its threshold')
    parser.add_argument('--people', metavar='CSV', help='write every distance of every person')


def _sigma(text: str) -> tuple[str, float]:
    name, _, number = text.partition('=')
    try:
        return name, float(number)
    except ValueError:
        raise argparse.ArgumentTypeError(f'{text}, NAME=NUMBER needed') from None


def run(args: argparse.Namespace) -> None:
    from hourglass.evaluation.coco_files import read_people
    from hourglass.evaluation.ground_truth import read_truth
    from hourglass.evaluation.protocols import differences, find_protocol, own_protocol
    from hourglass.evaluation.tables import draw_curves, own_report, report
    if args.people and len(args.pred) > 1:
        raise ConfigError('--people: for one prediction file at a time')
    _refuse_options(args)
    check_outputs((args.json, args.curves, args.people), (args.gt, *args.pred, args.head_boxes))
    people = sigmas = None
    if args.dataset == 'own':
        people = read_people(args.gt, args.category)
        protocol = own_protocol('PCK', {name: (name,) for name in people.names},
                                0.2 if args.threshold is None else args.threshold, 'bbox')
        truth, sigmas = people.truth, _sigmas(people.names, args.sigmas)
    else:
        protocol = find_protocol(args.dataset, args.protocol)
        truth = read_truth(args.dataset, args.gt, args.split, args.head_boxes, args.labels,
                           args.skeleton)
    evaluations = [_evaluate(path, truth, protocol, people, sigmas, args) for path in args.pred]
    if args.curves:
        draw_curves(evaluations, args.curves)
    if args.json:
        contents = [one.as_dict() | dict(minus={
            str(other.predictions): differences(one.table, other.table)
            for other in evaluations[:place]}) for place, one in enumerate(evaluations)]
        write_json(Path(args.json), contents if len(contents) > 1 else contents[0], indent=1)
    print(own_report(evaluations) if people else report(args.dataset, evaluations))


def _evaluate(path: str, truth: Truth, protocol: Protocol, people: CocoPeople | None,
              sigmas: ndarray | None, args: argparse.Namespace) -> Evaluation:
    """Score a prediction file, and print what looks wrong in it."""
    from hourglass.evaluation.coco_files import assigned, read_results
    from hourglass.evaluation.oks import average_precision
    from hourglass.evaluation.prediction_files import read_predictions
    from hourglass.evaluation.protocols import LSP
    from hourglass.evaluation.scoring import evaluate
    from hourglass.evaluation.tables import people_csv
    found = read_results(path, people) if people else []
    predictions = assigned(people, found, path) if people else read_predictions(
        path, truth.rows, len(truth.names), truth.names)
    with (people_csv(args.people, truth, protocol.counted(truth.names)) if args.people
          else nullcontext()) as on_people:
        evaluation = evaluate(truth, predictions, protocol, args.base, on_people)
    for warning in evaluation.warnings():
        print(f'warning: {path}: {warning}', file=sys.stderr)
    if protocol is LSP['official']:
        limbs = evaluate(truth, predictions, LSP['pcp'], args.base).table
        evaluation.more = dict(PCP=limbs.scores['Total'])
        evaluation.more_intervals = dict(PCP=limbs.intervals['Total'])
    if people and sigmas is not None:
        shifted = [one | dict(keypoints=one['keypoints'] - evaluation.base) for one in found]
        evaluation.more, evaluation.more_intervals = average_precision(
            people.annotations, shifted, sigmas)
    return evaluation


def _refuse_options(args: argparse.Namespace) -> None:
    """Raise a ``ConfigError`` for an option of ``own`` with a data set, or the reverse."""
    for options, owners in ((('threshold', 'sigmas', 'category'), ['own']),
                            (('protocol', 'split', 'head_boxes', 'labels', 'skeleton'), _DATASETS)):
        given = [name for name in options if getattr(args, name) is not None]
        if given and args.dataset not in owners:
            raise ConfigError(f"--{given[0].replace('_', '-')}: {args.dataset} has no such choice")


def _sigmas(names: Sequence[str], given: Sequence[tuple[str, float]] | None) -> ndarray | None:
    """Return those for OKS, or None with a line on stderr that says which are missing."""
    from hourglass.datasets.skeletons import COCO_SIGMAS
    from hourglass.evaluation.oks import find_sigmas
    unknown = [name for name, _ in given or () if name not in names]
    if unknown:
        raise ConfigError(f"--sigmas: no keypoint {unknown[0]!r}, there are {', '.join(names)}")
    try:
        return find_sigmas(names, COCO_SIGMAS | dict(given or ()), '--sigmas')
    except ConfigError as error:
        print(f'warning: no AP: {error}', file=sys.stderr)
        return None
