"""The report itself: gathered from a runner that has tested, and written as one file."""
import base64
import hashlib
import os
import platform
import sys
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import cv2
import jinja2
import numpy as np
import torch
from markupsafe import Markup
from mmengine.dist import is_main_process
from mmengine.runner import Runner
from numpy import ndarray

import hourglass
from hourglass.analysis.report import findings
from hourglass.analysis.report.chart import line_chart
from hourglass.errors import ConfigError
from hourglass.evaluation.metrics import Scored
from hourglass.inference.drawing import draw_heatmap, draw_skeleton, heatmap_sheet
from hourglass.inference.predict import Poses, predict
from hourglass.io.files import replacing
from hourglass.io.images import read_image

_SIDE = 280                             # px of a person's images


def check_path(path: str | Path) -> Path:
    """The path of a report, before anything is run for it.

    Raises:
        ConfigError: if it does not end in .html.
    """
    if Path(path).suffix not in ('.html', '.htm'):
        raise ConfigError(f'{path}: name an .html file for the report')
    return Path(path)


def write_report(runner: Runner, path: str | Path, people: int = 8) -> None:
    """Write what a runner's last test found, in the first process of a distributed run.

    Args:
        runner: after ``runner.test()``, with one of our metrics first; with ``all_stages`` in
            ``test_cfg`` every stage is told of.
        path: an .html file. It needs nothing else: images are inside.
        people: how many of the worst and of the best people are shown.

    Raises:
        ConfigError: if the first metric is none of ours, or nobody was scored.
        DataError: if the file cannot be written.
    """
    if not is_main_process():
        return
    scored = getattr(runner.test_evaluator.metrics[0], 'scored', None)
    if scored is None or np.isnan(scored.distances[0]).all():
        raise ConfigError(f'{path}: no report without scores; the first of test_evaluator has to '
                          'be a metric of hourglass, and the data set has to know the truth')
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader('hourglass', 'analysis/report'), autoescape=True,
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals['percent'] = _percent
    page = environment.get_template('page.html').render(_content(runner, scored, people))
    with replacing(Path(path)) as draft:
        draft.write_text(page, encoding='utf-8')


def _content(runner: Runner, scored: Scored, people: int) -> dict:
    dataset, protocol = runner.test_dataloader.dataset, scored.protocol
    records = [dataset.get_data_info(index) for index in scored.ids]
    sizes_image = [_size(record['raw_ann_info']['keypoints_image']) for record in records]
    order = findings.by_error(scored)
    people = min(people, len(order))
    shown = [('The worst people', order[:people]), ('The best people', order[::-1][:people])]
    note = ("Left: the prediction (green is the person's left, orange the right) and the "
            'annotated joints (white crosses); right: the heatmaps over what the network saw. '
            'Sorted by the mean distance of the annotated joints; of each, what exceeds '
            f'{2 * protocol.curve:g} counts as that.')
    config = Path(runner.cfg.filename or 'config').stem
    rows = findings.stage_rows(scored)
    return dict(
        title=f"{config} on {dataset.metainfo['dataset_name'].upper()}",
        summary=f'{protocol.title} of {len(scored.ids)} people; '
                f'{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}',
        measure=protocol.measure, unit=protocol.unit_name, stage_rows=rows,
        measured=f'{protocol.title}, percent; distances in units of {protocol.unit_name}',
        visibility_rows=findings.visibility_rows(scored),
        size_rows=findings.size_rows(scored, np.array(sizes_image)),
        curves=Markup(_curves(scored)), stages=Markup(_stages(scored, rows[1:])),
        groups=[(heading, note, _people(runner, scored, [records[i] for i in some], some))
                for heading, some in shown],
        run=_run(runner), config=runner.cfg.pretty_text)


def _size(keypoints_image: ndarray) -> float:
    """The larger side, in px, of the box around a person's annotated joints; NaN without any.

    Not the side of the crop: FLIC's people all have the same.
    """
    annotated = keypoints_image[np.isfinite(keypoints_image).all(-1)]
    return float(np.ptp(annotated, axis=0).max()) if len(annotated) else np.nan


def _percent(value: float | None) -> str:
    return '' if value is None or value != value else f'{value:.2f}'


def _curves(scored: Scored) -> str:
    end = scored.protocol.curve
    return line_chart(
        findings.curves(scored), f'threshold, in units of {scored.protocol.unit_name}',
        'correct, %', 'percentage of correct keypoints over the threshold',
        [round(end * part / 5, 3) for part in range(6)], marked_x=scored.protocol.threshold)


def _stages(scored: Scored, rows: Sequence[findings.Row]) -> str:
    """A line per row of the table over the stages; nothing where there is one stage or none."""
    if len(rows) < 2:
        return ''
    stages = range(len(rows))
    lines = {name: (stages, [scores[name] for _, scores in rows])
             for name in ('Total', *scored.protocol.groups)}
    return line_chart(lines, 'stage', 'correct, %', 'score of every stage', list(stages))


def _people(runner: Runner, scored: Scored, records: Sequence[dict], places: Sequence[int]
            ) -> list[dict]:
    """What is shown of some people; their heatmaps are computed once more."""
    model = getattr(runner.model, 'module', runner.model)
    model.cfg, model.dataset_meta = runner.cfg, runner.test_dataloader.dataset.metainfo
    images = [read_image(record['img_path']) for record in records]
    poses = predict(model, images, heatmaps=True, inputs=True,
                    centers=[record['bbox_center'] for record in records],
                    scales=[record['bbox_scale'][:, 0] / 200 for record in records])
    return [_person(model.dataset_meta, scored, *of_one)
            for of_one in zip(places, records, images, poses, strict=True)]


def _person(metainfo: dict, scored: Scored, place: int, record: dict, image: ndarray,
            poses: Poses) -> dict:
    distances = scored.distances[0][place]                                  # (L,)
    told = [f'{name} {distance:.2f}' for name, distance in zip(
        scored.counted, distances, strict=True) if distance == distance]
    drawn = draw_skeleton(_crossed(image, record['raw_ann_info']['keypoints_image']),
                          poses.keypoints[0], metainfo, side=poses.boxes[0][2] - poses.boxes[0][0])
    x1, y1, x2, y2 = np.clip(poses.boxes[0], 0, np.tile(image.shape[1::-1], 2)).astype(int)
    heatmaps, seen = poses.heatmaps[0], poses.inputs[0]
    return dict(
        name=record['raw_ann_info']['image_name'], row=record['raw_ann_info']['row'],
        error=float(np.nanmean(np.minimum(distances, 2 * scored.protocol.curve))),
        joints=', '.join(told), overlay=_inlined(_fitted(drawn[y1:y2, x1:x2])),
        heatmap=_inlined(_fitted(draw_heatmap(seen, heatmaps.max(0)))),
        sheet=_inlined(heatmap_sheet(seen, heatmaps, scored.joints)))


def _crossed(image: ndarray, keypoints_image: ndarray) -> ndarray:
    crossed, size = image.copy(), max(4, max(image.shape[:2]) // 40)
    for x, y in keypoints_image[np.isfinite(keypoints_image).all(-1)]:
        cv2.drawMarker(crossed, (round(x), round(y)), (255, 255, 255), cv2.MARKER_CROSS, size, 1,
                       cv2.LINE_AA)
    return crossed


def _fitted(image: ndarray) -> ndarray:
    factor = _SIDE / max(image.shape[:2])
    smooth = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=smooth)


def _inlined(image: ndarray) -> str:
    _, code = cv2.imencode('.jpg', image, (cv2.IMWRITE_JPEG_QUALITY, 85))
    return 'data:image/jpeg;base64,' + base64.b64encode(code.tobytes()).decode()


def _run(runner: Runner) -> list[tuple[str, str]]:
    """What has to be known to run it again."""
    checkpoint = runner._load_from
    facts = [('command', ' '.join(sys.argv)), ('config', str(runner.cfg.filename)),
             ('checkpoint', str(checkpoint))]
    if checkpoint and Path(checkpoint).is_file():
        facts.append(('SHA-256', hashlib.sha256(Path(checkpoint).read_bytes()).hexdigest()))
    parameters = sum(p.numel() for p in runner.model.parameters())
    packages = ', '.join(f'{name} {version(name)}' for name in ('torch', 'mmengine', 'mmpose',
                                                                 'numpy'))
    return [*facts, ('parameters', f'{parameters:,}'),
            ('versions', f'hourglass {hourglass.__version__}, {packages}, '
                         f'Python {platform.python_version()}'),
            ('machine', _machine())]


def _machine() -> str:
    processor = platform.processor() or platform.machine()
    if Path('/proc/cpuinfo').is_file():             # Linux tells the model's name there alone
        names = [line.partition(': ')[2] for line in Path('/proc/cpuinfo').read_text().splitlines()
                 if line.startswith('model name')]
        processor = names[0] if names else processor
    gpu = f', {torch.cuda.get_device_name()}' if torch.cuda.is_available() else ''
    return f'{os.cpu_count()} x {processor}{gpu}'
