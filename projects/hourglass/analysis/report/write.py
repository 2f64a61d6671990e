"""The report of a test, written as one HTML file."""
from __future__ import annotations

import base64
import hashlib
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import cv2
import jinja2
import numpy as np
from markupsafe import Markup
from mmengine.dist import is_main_process
from mmengine.runner import Runner
from numpy import ndarray

from hourglass.analysis.calibrate import checked
from hourglass.analysis.machine import described, machine
from hourglass.analysis.report import findings
from hourglass.datasets.base import own_name
from hourglass.datasets.person import PX_PER_SCALE
from hourglass.engine.distributed import unwrapped
from hourglass.errors import ConfigError
from hourglass.evaluation.calibration import Calibration
from hourglass.evaluation.metrics import Scored
from hourglass.evaluation.pck import box_side
from hourglass.inference.drawing import (
    draw_heatmap,
    draw_skeleton,
    draw_truth,
    heatmap_sheet,
    part_of,
)
from hourglass.inference.openmmlab import pose_network
from hourglass.inference.predict import Poses, predict
from hourglass.io.figures import inline_svg, panels
from hourglass.io.files import replacing
from hourglass.io.images import read_image
from hourglass.io.tables import number

_SIDE = 280                             # px of a person's images


def check_path(path: str | Path) -> Path:
    """Return the path of a report, or raise a ``ConfigError`` if it does not end in .html."""
    if Path(path).suffix not in ('.html', '.htm'):
        raise ConfigError(f'{path}: name an .html file for the report')
    return Path(path)


def write_report(runner: Runner, path: str | Path, people: int = 8,
                 calibration: Calibration | None = None) -> str:
    """Write the results of a runner's last test, in the first process of a distributed run.

    Returns the worst people as a markdown table (:func:`.findings.worst_table`); other processes
    return an empty text.

    Args:
        runner: after ``runner.test()``. With ``all_stages`` in ``test_cfg`` the report has the
            scores of every stage.
        path: an .html file. It holds its images and needs no other file.
        people: number of the worst and of the best people shown.
        calibration: of the weights; the page shows what it is worth on the images that it was not
            fitted to.

    Raises:
        ConfigError: if the first metric is of another project, or no person was scored.
        DataError: if the file cannot be written.
    """
    if not is_main_process():
        return ''
    scored = getattr(runner.test_evaluator.metrics[0], 'scored', None)
    if scored is None:
        raise ConfigError(f'{path}: no report without scores; the first of test_evaluator has to '
                          'be a metric of hourglass, and the data set has to be annotated')
    samples = runner.test_dataloader.dataset
    by_id = {sample['id']: sample for sample in map(samples.get_data_info, range(len(samples)))}
    records = [by_id[key] for key in scored.ids]        # a fold by indices keeps its ids
    if 'keypoints_image' not in records[0].get('raw_ann_info', ()):
        raise ConfigError(f'{path}: a report needs a data set of hourglass, such as '
                          f'hourglass.KeypointDataset, not a {type(samples).__name__}')
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader('hourglass', 'analysis/report'), autoescape=True,
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = environment.get_template('page.html').render(
        _content(runner, scored, records, people, calibration), number=number)
    with replacing(Path(path)) as draft:
        draft.write_text(page, encoding='utf-8')
    return findings.worst_table(
        scored, [record['raw_ann_info']['row'] for record in records], people)


def _content(runner: Runner, scored: Scored, records: Sequence[dict], people: int,
             calibration: Calibration | None) -> dict:
    dataset, protocol = runner.test_dataloader.dataset, scored.protocol
    # not the sizes of the crops, which are all the same in FLIC
    sizes_image = box_side(np.stack([record['raw_ann_info']['keypoints_image']
                                     for record in records]))
    order = findings.by_error(scored).tolist()
    people = min(people, len(order))
    shown = [('The worst people', order[:people]), ('The best people', order[::-1][:people])]
    config = Path(runner.cfg.filename or 'config').stem
    rows, stages = findings.stage_rows(scored), np.arange(scored.num_stages)
    of_stages = {name: (stages, np.array([table.scores[name] for _, table in rows[1:]]))
                 for name in ('Total', *protocol.groups)}
    return dict(
        title=f'{config} on {own_name(dataset).upper()}',
        summary=f'{protocol.title} of {len(scored.ids)} people; '
                f'{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}',
        protocol=protocol, stage_rows=rows, visibility_rows=findings.visibility_rows(scored),
        size_rows=findings.size_rows(scored, sizes_image),
        curves=_chart(findings.curves(scored), 'percentage of correct keypoints over the threshold',
                      f'threshold, in units of {protocol.unit_name}', marked=protocol.threshold),
        stages=_chart(of_stages, 'score of every stage', 'stage', xticks=stages)
        if len(stages) > 1 else '',
        **_confidence(scored, calibration),
        groups=[(heading, _people(runner, scored, {i: records[i] for i in some}))
                for heading, some in shown],
        run=_run(runner), config=runner.cfg.pretty_text)


def _confidence(scored: Scored, calibration: Calibration | None) -> dict[str, Markup | str]:
    """Return the reliability diagram and the ROC; empty without keypoints, or occluded ones."""
    charts: dict[str, Markup | str] = dict(reliability='', roc='')
    if scored.of_keypoints:
        found = checked(scored, calibration)
        measured = dict(probability=found.probabilities, peak=found.peaks)
        lines = {f'{name}, error {of.error:.3f}': (100 * of.predicted, 100 * of.observed)
                 for name, of in measured.items() if of}
        diagonal = np.array([0, 100])
        charts['reliability'] = _chart(
            lines | dict(exact=(diagonal, diagonal)), 'reliability of the scores',
            f'predicted, % ({found.people} people, with the expected calibration error)')
    if (curve := findings.visible_roc(scored)) is not None:
        false, true, area = curve
        charts['roc'] = _chart(
            {f'peak, area {area:.3f}': (100 * false, 100 * true)}, 'visible against occluded',
            'occluded keypoints above a threshold, %', y_label='visible ones above it, %')
    return charts


def _label(name: str) -> str:
    """Return a name as matplotlib shows it: no formula, and not hidden as it begins with "_"."""
    return ('\u200b' if name.startswith('_') else '') + name.replace('$', r'\$')


def _chart(lines: Mapping[str, tuple[ndarray, ndarray]], title: str, x_label: str,
           marked: float | None = None, y_label: str = 'correct, %', **options: ndarray) -> Markup:
    """Draw lines of percentages, name -> x and y, and a vertical line at ``marked``."""
    figure, (panel,) = panels(1, size=(6.4, 3.2))
    for name, (x, y) in lines.items():
        panel.plot(x, y, label=_label(name))
    if marked is not None:
        panel.axvline(marked, color='grey', lw=0.8, ls='--')
    panel.set(xlabel=x_label, ylabel=y_label, ylim=(0, 100), **options)
    panel.legend(loc='center left', bbox_to_anchor=(1, 0.5), frameon=False)
    return Markup(inline_svg(figure, title))


def _people(runner: Runner, scored: Scored, records: Mapping[int, dict]) -> list[dict]:
    """Return what the page shows of some people; their heatmaps are computed again."""
    model = unwrapped(runner.model)
    model.cfg, model.dataset_meta = runner.cfg, runner.test_dataloader.dataset.metainfo
    images = [read_image(one['img_path'], one.get('bits')) for one in records.values()]
    poses = predict(pose_network(model), images, heatmaps=True, inputs=True,
                    centers=[record['bbox_center'] for record in records.values()],
                    scales=[record['bbox_scale'][:, 0] / PX_PER_SCALE
                            for record in records.values()])
    assert isinstance(poses, list)                      # as the images are
    return [_person(model.dataset_meta, scored, *of_one)
            for of_one in zip(records, records.values(), images, poses)]


def _person(metainfo: dict, scored: Scored, place: int, record: dict, image: ndarray,
            poses: Poses) -> dict:
    assert poses.heatmaps is not None and poses.inputs is not None      # they were asked for
    truth, distances = record['raw_ann_info'], scored.distances[0][place]        # (L,)
    joints = ', '.join(f'{name} {distance:.2f}'
                       for name, distance in zip(scored.counted, distances) if distance == distance)
    drawn = draw_skeleton(draw_truth(image, truth['keypoints_image']), poses.keypoints[0],
                          metainfo, side=poses.boxes[0][2] - poses.boxes[0][0])
    heatmaps, seen = poses.heatmaps[0], poses.inputs[0]
    return dict(
        name=truth['image_name'], row=truth['row'], joints=joints,
        error=findings.mean_distances(scored)[place],
        overlay=_fitted(part_of(drawn, poses.boxes[0])),
        heatmap=_fitted(draw_heatmap(seen, heatmaps.max(0))),
        sheet=_inlined(heatmap_sheet(seen, heatmaps, scored.joints)))


def _fitted(image: ndarray) -> str:
    """Return an image, resized to the page, as the source of an element."""
    factor = _SIDE / max(image.shape[:2])
    smooth = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return _inlined(cv2.resize(image, None, fx=factor, fy=factor, interpolation=smooth))


def _inlined(image: ndarray) -> str:
    _, code = cv2.imencode('.jpg', image, (cv2.IMWRITE_JPEG_QUALITY, 85))
    return 'data:image/jpeg;base64,' + base64.b64encode(code.tobytes()).decode()


def _run(runner: Runner) -> dict[str, str]:
    """Return the facts that are needed to repeat the test, by name."""
    checkpoint, about = runner._load_from, machine()
    facts = dict(command=' '.join(sys.argv), config=runner.cfg.filename, checkpoint=checkpoint)
    if checkpoint and Path(checkpoint).is_file():
        facts['SHA-256'] = hashlib.sha256(Path(checkpoint).read_bytes()).hexdigest()
    return facts | dict(
        parameters=f'{sum(p.numel() for p in runner.model.parameters()):,}',
        machine=described(about), versions=', '.join(
            f'{name} {about[name]}' for name in ('mmengine', 'mmpose', 'numpy', 'python')))
