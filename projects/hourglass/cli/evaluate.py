"""Score prediction files against the annotation, without a network.

hourglass evaluate mpii --gt valid.h5 --pred preds.h5 [--protocol official] [--curves PNG]
hourglass evaluate flic --gt examples.mat --pred mine.npy other.json
hourglass evaluate lsp --gt joints.mat --pred preds.mat --protocol pcp
"""
import argparse
import sys
from contextlib import nullcontext
from pathlib import Path

from hourglass.errors import ConfigError
from hourglass.evaluation.ground_truth import read_truth
from hourglass.evaluation.prediction_files import read_predictions
from hourglass.evaluation.protocols import LSP, PROTOCOLS, differences, find_protocol
from hourglass.evaluation.scoring import Evaluation, evaluate
from hourglass.evaluation.tables import draw_curves, people_csv, report
from hourglass.io.files import without_nan, write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('dataset', choices=PROTOCOLS)
    parser.add_argument('--gt', required=True, help='annotation file, in any published form')
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
    parser.add_argument('--json', metavar='OUT', help='write the numbers to this file')
    parser.add_argument('--curves', metavar='PNG', help='draw PCK over its threshold')
    parser.add_argument('--people', metavar='CSV', help='write every distance of every person')


def run(args: argparse.Namespace) -> None:
    if args.people and len(args.pred) > 1:
        raise ConfigError('--people: for one prediction file at a time')
    protocol = find_protocol(args.dataset, args.protocol)
    truth = read_truth(args.dataset, args.gt, args.split, args.head_boxes, args.labels,
                       args.skeleton)
    evaluations: list[Evaluation] = []
    found = []
    for path in args.pred:
        predictions = read_predictions(path, truth.rows, len(truth.names))
        with (people_csv(args.people, truth, protocol.counted(truth.names)) if args.people
              else nullcontext()) as on_people:
            evaluation = evaluate(truth, predictions, protocol, args.base, on_people)
        for warning in evaluation.warnings():
            print(f'warning: {path}: {warning}', file=sys.stderr)
        found.append(evaluation.as_dict() | dict(minus={
            str(other.predictions): without_nan(differences(evaluation.table, other.table))
            for other in evaluations}))
        if protocol is LSP['official']:
            limbs = evaluate(truth, predictions, LSP['pcp'], args.base).table
            found[-1]['PCP'] = limbs.scores['Total']
        evaluations.append(evaluation)
    if args.curves:
        draw_curves(evaluations, args.curves)
    if args.json:
        write_json(Path(args.json), found if len(found) > 1 else found[0], indent=1)
    print(report(args.dataset, evaluations))
