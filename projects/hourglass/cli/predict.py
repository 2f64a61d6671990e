"""Find the keypoints of people in images or videos: overlays, predictions.json, predictions.csv."""
from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import hourglass
from hourglass.cli.arguments import (
    add_detector_argument,
    add_launcher_arguments,
    add_speed_arguments,
    speed_options,
)
from hourglass.engine.processes import Place, work_apart
from hourglass.errors import ConfigError
from hourglass.io.files import check_outputs
from hourglass.io.tables import counted

if TYPE_CHECKING:
    from hourglass.apis import PoseNetwork
    from hourglass.inference.results import Results
    from hourglass.inference.sources import Frames, ImageFiles


_MODEL = 'people'
_STOPPED = 128 + signal.SIGINT


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('input', help="image, folder, pattern ('a/*.jpg'), video, its address, or "
                        'camera number')
    parser.add_argument('--bits', type=int, choices=range(8, 17), metavar='N', help='for '
                        '16-bit images: how many bits hold values (12: white is 4095); default: as '
                        'many as some of the images need')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/predict'),
                        help='folder for the results; default %(default)s')
    parser.add_argument('--format', choices=('coco', 'coco-results'), default='coco', help='of '
                        'predictions.json: coco-results is the list that COCO.loadRes takes')
    network = parser.add_argument_group('network')
    network.add_argument('--model', help='name of the weights: flic, flic-small, flic-small4, '
                         f'lsp-small, people, people-small (default {_MODEL})')
    network.add_argument('--config', help='config file, with --weights instead of --model')
    network.add_argument('--weights', help='checkpoint; without --config a file that describes '
                         'itself, or a name')
    network.add_argument('--device', help='cpu, cuda, cuda:1...; default: an accelerator if any')
    network.add_argument('--stage', type=int, help='stack that predicts: 0 the first, -1 the last')
    network.add_argument('--no-flip', action='store_true',
                         help='do not average with the mirrored image: almost twice as fast')
    network.add_argument('--probability', action='store_true', help='write the probability of each '
                         'keypoint to be correct, for weights calibrated by hourglass test')
    network.add_argument('--batch-size', type=int, default=32, help='number of people')
    add_speed_arguments(network)
    people = parser.add_argument_group('where people are: give one of the first three')
    add_detector_argument(
        people, 'find them: hourglass (the default without a name), rtmlib, hourglass:FILE, '
        'torchvision, hog, onnx:FILE, onnx:FILE,FAMILY, mmdet:CONFIG,CHECKPOINT, or '
        'module:function')
    people.add_argument('--boxes', help='JSON file: {"a.jpg": [[x1, y1, x2, y2], ...]}, or COCO\'s '
                        'annotations or results')
    people.add_argument('--box-format', choices=('xyxy', 'xywh'), help='of --boxes, if not as '
                        'usual: two corners, or a corner, width and height')
    people.add_argument('--whole-image', action='store_true', help='one person fills each image')
    people.add_argument('--detector-score', type=float, metavar='SCORE',
                        help='leave out boxes below it; default 0.3 for hourglass, 0.5 for others')
    people.add_argument('--detector-overlap', type=float, metavar='IOU',
                        help='of two boxes that overlap by more, keep one; default 0.5')
    people.add_argument('--max-people', type=int,
                        help='boxes of --detector in an image; default all')
    drawn = parser.add_argument_group('images')
    drawn.add_argument('--heatmaps', action='store_true', help='draw the heatmap of every keypoint')
    drawn.add_argument('--crop', action='store_true', help='write the crops of the people')
    drawn.add_argument('--no-overlays', action='store_true', help='draw no skeletons')
    drawn.add_argument('--min-score', type=float, default=0.3,
                       help='draw keypoints from this score up; default %(default)s')
    parser.add_argument('--max-frames', type=int, help='stop after this many images')
    videos = parser.add_argument_group('videos')
    videos.add_argument('--smooth', action='store_true', help='smooth the movement of keypoints')
    videos.add_argument('--fps', type=float, metavar='RATE', help='the images of a folder are the '
                        'frames of a video, in the order of their names, so many in a second')
    shared = parser.add_argument_group('large collections')
    shared.add_argument('--journal', action='store_true', help='keep results in OUT/journal, so '
                        'that the same call does only the rest; always with --launcher')
    add_launcher_arguments(shared)


def run(args: argparse.Namespace) -> None:
    from hourglass.apis import init_model
    from hourglass.inference.boxes import box_finder
    from hourglass.inference.collection import Drawing, predict_collection
    from hourglass.inference.sources import ImageFiles, mark_results, open_source
    _check_arguments(args)
    args.model = args.model or _MODEL
    place = work_apart(args.launcher)
    source = open_source(args.input, args.fps, args.bits)
    find_boxes = box_finder(
        args.boxes, args.detector, args.whole_image, args.box_format,
        # the names of the frames of a video are not known before
        source.paths if args.boxes and isinstance(source, ImageFiles) and (
            args.fps or source.is_still) else (),
        device=args.device, score=args.detector_score, overlap=args.detector_overlap,
        max_people=args.max_people)
    if args.smooth and source.is_still:
        raise ConfigError(f'{args.input}: still images; --smooth is for videos, and --fps takes '
                          'the images of a folder as one')
    name = args.config or args.weights or args.model
    model = init_model(name, args.weights, args.device, **speed_options(args))
    mark_results(args.out)
    results = _open_results(args, place, model, source)
    drawing = Drawing(args.out, not args.no_overlays, args.heatmaps, args.crop, args.min_score)
    images = predict_collection(
        model, source, find_boxes, results, drawing, stage=args.stage, batch_size=args.batch_size,
        flip=False if args.no_flip else None, probability=args.probability, smooth=args.smooth)
    done, stopped, printed = _predict_images(images, source, results, args)
    if left := results.finish(args.out):
        print(f'{counted(done, "image")} done here; {left} are left. The last process to finish, '
              'or another call, writes the results')
        sys.exit(_STOPPED if stopped else None)
    _print_summary(results, source, args)
    if stopped:
        sys.exit(_STOPPED)
    for problem in results.problems:                    # of other processes, too
        if problem not in printed:
            print(f'error: {problem}', file=sys.stderr)
    if results.problems:
        sys.exit(f"{counted(len(results.problems), 'image')} could not be used")


def _check_arguments(args: argparse.Namespace) -> None:
    if args.model and (args.config or args.weights):
        raise ConfigError('--model: names the weights; leave out --config and --weights')
    if args.max_frames is not None and args.max_frames < 1:
        raise ConfigError(f'--max-frames {args.max_frames}: give 1 or more')
    if args.config and not args.weights:
        raise ConfigError('--config and --weights go together (or --model alone)')
    if args.stage is not None and args.stages is not None:
        raise ConfigError('--stage and --stages both say which stack predicts; give one')
    if speed_options(args) and args.stage is not None:
        raise ConfigError(f'--stage {args.stage}: cannot be combined with --optimize or '
                          '--exit-tolerance; give --stages, the number of stacks to run, instead')
    check_outputs([args.out / 'predictions.json'], [args.boxes])


def _predict_images(images: Generator[str | None], source: ImageFiles | Frames, results: Results,
                    args: argparse.Namespace) -> tuple[int, bool, set[str]]:
    """Go through the images of :func:`.predict_collection`, and print their problems.

    Returns how many are done, whether the user stopped it, and the problems.
    """
    from tqdm import tqdm
    done, problems = 0, set()
    try:
        for problem in tqdm(
                images, total=source.count, unit='image', disable=not sys.stderr.isatty()):
            done += 1
            if problem:
                problems.add(problem)
                tqdm.write(f'error: {problem}', file=sys.stderr)
            if done == args.max_frames:
                break
    except KeyboardInterrupt:
        print('stopped; the images that are done are written', file=sys.stderr)
        return done, True, problems
    except BaseException:
        if done:                                # keep it; the first error is raised
            with suppress(Exception):
                results.finish(args.out)
        raise
    finally:
        images.close()
    return done, False, problems


def _print_summary(results: Results, source: ImageFiles | Frames, args: argparse.Namespace
                   ) -> None:
    content = results.content()
    whole = ', one looked for in each whole image' if args.whole_image else ''
    people, count = len(content['annotations']), len(content['images'])
    print(f"{counted(people, 'person', 'people')} in {counted(count, 'image')}{whole}, written to "
          f'{args.out}')
    if source.ignored:
        print(f"{counted(source.ignored, 'file')} of {args.input} ignored: no image by name")


def _open_results(args: argparse.Namespace, place: Place, model: PoseNetwork,
                  source: ImageFiles | Frames) -> Results:
    """Return what collects the poses; in shared work, reduce ``source`` to this process's share."""
    from hourglass.checkpoints.names import find_weights
    from hourglass.inference.detectors import detector_files
    from hourglass.inference.results import Results, SharedResults
    from hourglass.inference.sources import ImageFiles
    from hourglass.io.journal import Journal, fingerprint
    from hourglass.models.stages import stage_index
    stage = model.stage if args.stage is None else stage_index(args.stage, model.num_stages)
    info = dict(made_by=f'mmpose-hourglass {hourglass.__version__}',
                model=args.weights or args.model, stage=stage)
    as_list = args.format == 'coco-results'
    if not args.journal and args.launcher == 'none':
        return Results(model.dataset_meta, info, as_list)
    if not isinstance(source, ImageFiles) or source.videos or args.fps or args.smooth:
        raise ConfigError(f'{args.input}: --journal and --launcher are for image files; leave them '
                          'out for videos')
    source.animated = False                 # the journal has an entry for each file
    source.keep(list(source.paths)[:args.max_frames])
    options = ('stage', 'stages', 'optimize', 'exit_tolerance', 'no_flip', 'detector', 'heatmaps',
               'crop', 'no_overlays', 'min_score', 'probability', 'whole_image', 'detector_score',
               'detector_overlap', 'max_people', 'box_format')
    work = fingerprint([
        hourglass.__version__, find_weights(args.weights or args.model), str(model.description),
        *(detector_files(args.detector) if args.detector else []),
        *(f'{name}={getattr(args, name)}' for name in options),
        f'bits={source.bits}',          # which new images of 16 bits can change for all
        *([Path(args.boxes).expanduser()] if args.boxes else [])])
    journal = Journal(args.out / 'journal', work, place.rank, place.ranks)
    results = SharedResults(model.dataset_meta, info, journal, source, as_list)
    source.keep(results.share())
    return results
