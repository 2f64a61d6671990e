"""Score prediction files against the annotation, without a network.

hourglass evaluate mpii --gt valid.h5 --pred preds.h5 [--protocol official] [--curves PNG]
hourglass evaluate flic --gt examples.mat --pred mine.npy other.json
hourglass evaluate lsp --gt joints.mat --pred preds.mat --protocol pcp
"""
import argparse
import json
import sys
from pathlib import Path

from hourglass.errors import ConfigError
from hourglass.evaluation.ground_truth import Truth, read_truth
from hourglass.evaluation.prediction_files import read_predictions
from hourglass.evaluation.protocols import PROTOCOLS
from hourglass.evaluation.scoring import Evaluation, evaluate
from hourglass.evaluation.tables import draw_curves, people_csv, table, with_published
from hourglass.io.files import replacing

_USUAL_BASE = dict(mpii=1, flic=0, lsp=1)           # what the data sets' own files count from


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('dataset', choices=PROTOCOLS)
    parser.add_argument('--gt', required=True, help='annotation file, in any published form')
    parser.add_argument('--pred', required=True, nargs='+', help='.h5, .mat, .json or .npy files')
    parser.add_argument('--protocol', help='who counts; mpii: official (default), hrnet, tompson, '
                        'princeton; flic: torso; lsp: torso (default), person, pcp')
    base = parser.add_mutually_exclusive_group()
    base.add_argument('--one-based', dest='base', action='store_const', const=1,
                      help='predicted coordinates count from 1 (usual for mpii and lsp)')
    base.add_argument('--zero-based', dest='base', action='store_const', const=0,
                      help='predicted coordinates count from 0 (usual for flic)')
    parser.add_argument('--split', help='of an annotation file that holds several')
    parser.add_argument('--head-boxes', metavar='MAT', help='mpii_gt_val.mat, for an MPII .json')
    parser.add_argument('--labels', choices=['observer', 'person'], help='of FLIC')
    parser.add_argument('--skeleton', choices=['lsp', 'mpii'],
                        help="of predictions on LSP: its 14 joints, or MPII's 16")
    parser.add_argument('--json', metavar='OUT', help='write the numbers to this file')
    parser.add_argument('--curves', metavar='PNG', help='draw PCK over its threshold')
    parser.add_argument('--people', metavar='CSV', help='write every distance of every person')


def score(args: argparse.Namespace, truth: Truth, path: str) -> Evaluation:
    choices = PROTOCOLS[args.dataset]
    protocol = choices.get(args.protocol or next(iter(choices)))
    if protocol is None:
        raise ConfigError(f'--protocol {args.protocol}: choose from {", ".join(choices)}')
    predictions = read_predictions(path, truth.rows, len(truth.names))
    if args.base is not None and predictions.base not in (None, args.base):
        raise ConfigError(f'{path}: says itself that it counts from {predictions.base}; leave '
                          f"{'--one-based' if args.base else '--zero-based'} out")
    base = next(base for base in (args.base, predictions.base, _USUAL_BASE[args.dataset])
                if base is not None)
    if not args.people:
        return evaluate(truth, predictions, protocol, base)
    with people_csv(args.people, truth, protocol.counted(truth.names)) as on_people:
        return evaluate(truth, predictions, protocol, base, on_people)


def warn(evaluation: Evaluation) -> None:
    name = evaluation.predictions
    if evaluation.speaks_for_other_base:
        x, y = evaluation.shift
        print(f'warning: {name}: read as {evaluation.base}-based, its joints lie {x:+.2f}, '
              f"{y:+.2f} px off on average; they fit {'--zero-based' if evaluation.base else ''}"
              f"{'' if evaluation.base else '--one-based'} better", file=sys.stderr)
    elif evaluation.is_shifted:
        x, y = evaluation.shift
        print(f'warning: {name}: its joints lie {x:+.2f}, {y:+.2f} px off on average; were they '
              'predicted on images of another size, or is it the bias of their decoder?',
              file=sys.stderr)
    if evaluation.scores['Total'] < 5:
        print(f'warning: {name}: next to nothing is right; are these the same people, in the same '
              'order, on images of the same size?', file=sys.stderr)
    if evaluation.missing:
        print(f'warning: {name}: {len(evaluation.missing)} of {evaluation.num_people} people have '
              f'no prediction and count as wrong, first row {evaluation.missing[0]}',
              file=sys.stderr)
    if evaluation.missing_joints:
        print(f'warning: {name}: {evaluation.missing_joints} annotated joints of other people have '
              'no prediction and count as wrong', file=sys.stderr)


def row_names(paths: list[str]) -> list[str]:
    """The files' names, or their paths where names repeat."""
    names = [Path(path).name for path in paths]
    return names if len(set(names)) == len(names) else paths


def as_json(evaluation: Evaluation, truth: Truth) -> dict:
    scores = {name: None if value != value else value for name, value in evaluation.scores.items()}
    return dict(protocol=evaluation.protocol.name, **scores, gt=str(truth.path),
                about_gt=truth.about, pred=str(evaluation.predictions), base=evaluation.base,
                people=evaluation.num_people, missing_people=evaluation.missing,
                missing_joints=evaluation.missing_joints)


def run(args: argparse.Namespace) -> None:
    if args.people and len(args.pred) > 1:
        raise ConfigError('--people: for one prediction file at a time')
    truth = read_truth(args.dataset, args.gt, args.split, args.head_boxes, args.labels,
                       args.skeleton)
    evaluations = []
    for path in args.pred:
        evaluations.append(score(args, truth, path))
        warn(evaluations[-1])
    if args.curves:
        draw_curves(evaluations, args.curves)
    if args.json:
        found = [as_json(evaluation, truth) for evaluation in evaluations]
        with replacing(Path(args.json)) as draft:
            draft.write_text(json.dumps(found if len(found) > 1 else found[0], indent=1))
    protocol = evaluations[0].protocol
    about = f' ({truth.about})' if truth.about else ''
    print(f'{protocol.title} of {len(truth)} people of {args.gt}{about}')
    if not evaluations[0].counts.annotated.any():
        print('nobody has annotated joints, so there is no score')
    print(table(with_published(args.dataset, [
        (name, protocol.name, evaluation.scores)
        for name, evaluation in zip(row_names(args.pred), evaluations, strict=True)])))
