"""Find the keypoints of people: overlays, predictions.json and predictions.csv."""
import argparse
import sys
from pathlib import Path

from tqdm import tqdm

import hourglass
from hourglass.apis import init_model
from hourglass.checkpoints.names import find_weights, weights_by_name
from hourglass.cli.arguments import add_launcher_arguments, add_speed_arguments, speed_options
from hourglass.engine.processes import Place, work_apart
from hourglass.errors import ConfigError
from hourglass.inference.boxes import BoxFile, load_detector
from hourglass.inference.collection import Boxes, Drawing, predict_collection
from hourglass.inference.results import Results, SharedResults
from hourglass.inference.sources import Frames, ImageFiles, open_source
from hourglass.io.journal import Journal, fingerprint


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('input', help="an image, a folder, a pattern in quotes ('a/*.jpg'), a "
                        'video, or the number of a camera')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/predict'),
                        help='folder for the results; default %(default)s')
    network = parser.add_argument_group('network')
    network.add_argument('--model', default='lsp-small', help='by its name: '
                         f"{', '.join(weights_by_name())} (default %(default)s)")
    network.add_argument('--config', help='a config file instead, with --weights')
    network.add_argument('--weights', help='checkpoint')
    network.add_argument('--device', help='cpu, cuda, cuda:1...; default the accelerator there is')
    network.add_argument('--stage', type=int, help='whose prediction: 0 the first stack, -1 the '
                         'last')
    network.add_argument('--no-flip', action='store_true',
                         help='do not average with the mirrored image: twice as fast')
    network.add_argument('--batch-size', type=int, default=32, help='of people')
    add_speed_arguments(network)
    people = parser.add_argument_group('where people are (default: one in each whole image)')
    people.add_argument('--boxes', help='JSON file: {"a.jpg": [[x1, y1, x2, y2], ...]}, or COCO')
    people.add_argument('--detector', metavar='MODULE:FUNCTION',
                        help='a function from an image (H, W, 3) BGR to boxes (P, 4)')
    drawn = parser.add_argument_group('images')
    drawn.add_argument('--heatmaps', action='store_true',
                       help="what the network believes: every keypoint's heatmap")
    drawn.add_argument('--crop', action='store_true', help='what the network saw')
    drawn.add_argument('--no-overlays', action='store_true', help='draw no skeletons')
    drawn.add_argument('--min-score', type=float, default=0.0,
                       help='draw no keypoint whose heatmap peaks below; default draws all')
    parser.add_argument('--max-frames', type=int, help='stop after so many images')
    shared = parser.add_argument_group('large collections')
    shared.add_argument('--journal', action='store_true',
                        help='leave what is done in OUT/journal, so that another call with the '
                        'same network and options does only the rest; always with --launcher')
    add_launcher_arguments(shared)


def where_people_are(args: argparse.Namespace) -> Boxes:
    if args.boxes and args.detector:
        raise ConfigError('--boxes and --detector both say where people are; give one')
    if args.boxes:
        named = BoxFile(args.boxes)
        return lambda shot: named(shot.name)
    if args.detector:
        detector = load_detector(args.detector)
        return lambda shot: detector(shot.image)
    return lambda shot: None


def predicting_stage(args: argparse.Namespace) -> int:
    if args.stages is not None:
        return args.stages - 1
    return -1 if args.stage is None else args.stage


def open_results(args: argparse.Namespace, place: Place, model, source: ImageFiles | Frames
                 ) -> Results:
    """Where the model's poses go; of shared work, ``source`` keeps this process's share."""
    about = dict(made_by=f'mmpose-hourglass {hourglass.__version__}',
                 model=args.weights or args.model, stage=predicting_stage(args))
    if not args.journal and args.launcher == 'none':
        return Results(model.dataset_meta, about)
    if not isinstance(source, ImageFiles):
        raise ConfigError(f'{args.input}: --journal and --launcher are for images; leave them '
                          'out, or store the frames as images')
    source.keep(list(source.stamps())[:args.max_frames])
    work = [find_weights(args.weights or args.model), str(model.cfg.model),
            str(model.cfg.test_dataloader.dataset.pipeline),
            *(f'{name}={value}' for name, value in vars(args).items() if name in (
                'stage', 'stages', 'optimize', 'exit_tolerance', 'no_flip', 'detector', 'heatmaps',
                'crop', 'no_overlays', 'min_score'))]
    if args.boxes:
        work.append(Path(args.boxes).expanduser())
    journal = Journal(args.out / 'journal', fingerprint(work), place.rank, place.ranks)
    results = SharedResults(model.dataset_meta, about, journal, source)
    source.keep(results.share())
    return results


def predict_all(args: argparse.Namespace) -> list[str]:
    """The problems there were, a line each."""
    if bool(args.config) != bool(args.weights):
        raise ConfigError('--config and --weights go together (or --model alone)')
    place = work_apart(args.launcher)
    boxes, source = where_people_are(args), open_source(args.input)
    if args.stage is not None and args.stages is not None:
        raise ConfigError('--stage and --stages both say which stack predicts; give one')
    speed = speed_options(args)
    if speed and args.stage is not None:
        raise ConfigError(f'--stage {args.stage}: goes without --optimize and --exit-tolerance; '
                          f'--stages {args.stage + 1} goes with them')
    model = init_model(args.config or args.model, args.weights, args.device, **speed)
    results = open_results(args, place, model, source)
    drawing = Drawing(args.out, not args.no_overlays, args.heatmaps, args.crop, args.min_score)
    looked_at = predict_collection(
        model, source, boxes, results, drawing, stage=args.stage, batch_size=args.batch_size,
        flip=False if args.no_flip else None)
    bar = tqdm(looked_at, total=source.count, unit='image', disable=not sys.stderr.isatty())
    try:
        for count, problem in enumerate(bar, start=1):
            if problem:
                tqdm.write(f'error: {problem}', file=sys.stderr)
            if count == args.max_frames:
                break
    except KeyboardInterrupt:
        print('stopped; what was found so far is written', file=sys.stderr)
    finally:
        looked_at.close()
    left = results.finish(args.out)
    if left:
        print(f'{source.count} images done here; the {left} that are left are those of other '
              'processes, the last of which writes the results, or of another call')
        return []
    whole = '' if args.boxes or args.detector else (
        ', each looked for in the whole image (--boxes or --detector say where people are)')
    print(f'{results.num_people} people in {results.num_images} images{whole}: {args.out}')
    if source.left_out:
        print(f'{source.left_out} files of {args.input} are no images by their names')
    return results.problems


def run(args: argparse.Namespace) -> None:
    problems = predict_all(args)
    if problems:
        sys.exit(f'{len(problems)} could not be used')
