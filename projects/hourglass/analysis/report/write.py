"""The report of a test, written as one HTML file."""
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

from hourglass.analysis.machine import described, machine
from hourglass.analysis.report import findings
from hourglass.errors import ConfigError
from hourglass.evaluation.metrics import Scored
from hourglass.inference.drawing import draw_heatmap, draw_skeleton, draw_truth, heatmap_sheet
from hourglass.inference.predict import Poses, predict
from hourglass.io.figures import inline_svg, panels
from hourglass.io.files import replacing
from hourglass.io.images import read_image
from hourglass.io.tables import number

_SIDE = 280                             # px of a person's images


def check_path(path: str | Path) -> Path:
    """Return the path of a report, checked before anything is run for it.

    Raises:
        ConfigError: if it does not end in .html.
    """
    if Path(path).suffix not in ('.html', '.htm'):
        raise ConfigError(f'{path}: name an .html file for the report')
    return Path(path)


def write_report(runner: Runner, path: str | Path, people: int = 8) -> None:
    """Write the results of a runner's last test, in the first process of a distributed run.

    Args:
        runner: after ``runner.test()``; the first metric is one of this package. With
            ``all_stages`` in ``test_cfg`` the report has the scores of every stage.
        path: an .html file. It holds its images and needs no other file.
        people: number of the worst and of the best people shown.

    Raises:
        ConfigError: if the first metric is of another project, or nobody was scored.
        DataError: if the file cannot be written.
    """
    if not is_main_process():
        return
    scored = getattr(runner.test_evaluator.metrics[0], 'scored', None)
    if scored is None or np.isnan(scored.distances[0]).all():
        raise ConfigError(f'{path}: no report without scores; the first of test_evaluator has to '
                          'be a metric of hourglass, and the data set has to be annotated')
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader('hourglass', 'analysis/report'), autoescape=True,
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals['number'] = number
    page = environment.get_template('page.html').render(_content(runner, scored, people))
    with replacing(Path(path)) as draft:
        draft.write_text(page, encoding='utf-8')


def _content(runner: Runner, scored: Scored, people: int) -> dict:
    dataset, protocol = runner.test_dataloader.dataset, scored.protocol
    records = [dataset.get_data_info(index) for index in scored.ids]
    sizes_image = [_size(record['raw_ann_info']['keypoints_image']) for record in records]
    order = findings.by_error(scored).tolist()
    people = min(people, len(order))
    shown = [('The worst people', order[:people]), ('The best people', order[::-1][:people])]
    config = Path(runner.cfg.filename or 'config').stem
    rows = findings.stage_rows(scored)
    return dict(
        title=f"{config} on {dataset.metainfo['dataset_name'].upper()}",
        summary=f'{protocol.title} of {len(scored.ids)} people; '
                f'{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}',
        protocol=protocol, stage_rows=rows, visibility_rows=findings.visibility_rows(scored),
        size_rows=findings.size_rows(scored, np.array(sizes_image)),
        curves=_curves(scored), stages=_stages(scored, rows[1:]),
        groups=[(heading, _people(runner, scored, [records[i] for i in some], some))
                for heading, some in shown],
        run=_run(runner), config=runner.cfg.pretty_text)


def _size(keypoints_image: ndarray) -> float:
    """Return the larger side, in px, of the box around a person's annotated joints, or NaN.

    The crop does not tell it: those of FLIC all have one size.
    """
    annotated = keypoints_image[np.isfinite(keypoints_image).all(-1)]
    return float(np.ptp(annotated, axis=0).max()) if len(annotated) else np.nan


def _curves(scored: Scored) -> Markup:
    protocol = scored.protocol
    return _chart(findings.curves(scored), 'percentage of correct keypoints over the threshold',
                  f'threshold, in units of {protocol.unit_name}', marked_x=protocol.threshold)


def _stages(scored: Scored, rows: Sequence[findings.Row]) -> Markup | str:
    """Draw a line over the stages for each column of the table; nothing for a single stage."""
    if len(rows) < 2:
        return ''
    stages = np.arange(len(rows))
    lines = {name: (stages, np.array([scores[name] for _, scores in rows]))
             for name in ('Total', *scored.protocol.groups)}
    return _chart(lines, 'score of every stage', 'stage', ticks=stages)


def _chart(lines: Mapping[str, tuple[ndarray, ndarray]], title: str, x_label: str,
           marked_x: float | None = None, ticks: ndarray | None = None) -> Markup:
    """Draw lines of percentages, name -> x and y."""
    figure, (panel,) = panels(1, size=(6.4, 3.2))
    for name, (x, y) in lines.items():
        panel.plot(x, y, label=name)
    if marked_x is not None:
        panel.axvline(marked_x, color='grey', lw=0.8, ls='--')
    panel.set(xlabel=x_label, ylabel='correct, %', ylim=(0, 100))
    if ticks is not None:
        panel.set_xticks(ticks)
    panel.legend(loc='center left', bbox_to_anchor=(1, 0.5), frameon=False)
    return Markup(inline_svg(figure, title))


def _people(runner: Runner, scored: Scored, records: Sequence[dict], places: Sequence[int]
            ) -> list[dict]:
    """Return what the page shows of some people; their heatmaps are computed again."""
    model = getattr(runner.model, 'module', runner.model)
    model.cfg, model.dataset_meta = runner.cfg, runner.test_dataloader.dataset.metainfo
    images = [read_image(record['img_path']) for record in records]
    poses = predict(model, images, heatmaps=True, inputs=True,
                    centers=[record['bbox_center'] for record in records],
                    scales=[record['bbox_scale'][:, 0] / 200 for record in records])
    assert isinstance(poses, list)                      # as the images are
    return [_person(model.dataset_meta, scored, *of_one)
            for of_one in zip(places, records, images, poses, strict=True)]


def _person(metainfo: dict, scored: Scored, place: int, record: dict, image: ndarray,
            poses: Poses) -> dict:
    assert poses.heatmaps is not None and poses.inputs is not None      # they were asked for
    truth, distances = record['raw_ann_info'], scored.distances[0][place]        # (L,)
    joints = [f'{name} {distance:.2f}' for name, distance in zip(
        scored.counted, distances, strict=True) if distance == distance]
    drawn = draw_skeleton(draw_truth(image, truth['keypoints_image']), poses.keypoints[0],
                          metainfo, side=poses.boxes[0][2] - poses.boxes[0][0])
    x1, y1, x2, y2 = np.clip(poses.boxes[0], 0, np.tile(image.shape[1::-1], 2)).astype(int)
    heatmaps, seen = poses.heatmaps[0], poses.inputs[0]
    return dict(
        name=truth['image_name'], row=truth['row'], joints=', '.join(joints),
        error=float(np.nanmean(np.minimum(distances, 2 * scored.protocol.curve))),
        overlay=_inlined(_fitted(drawn[y1:y2, x1:x2])),
        heatmap=_inlined(_fitted(draw_heatmap(seen, heatmaps.max(0)))),
        sheet=_inlined(heatmap_sheet(seen, heatmaps, scored.joints)))


def _fitted(image: ndarray) -> ndarray:
    factor = _SIDE / max(image.shape[:2])
    smooth = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=smooth)


def _inlined(image: ndarray) -> str:
    _, code = cv2.imencode('.jpg', image, (cv2.IMWRITE_JPEG_QUALITY, 85))
    return 'data:image/jpeg;base64,' + base64.b64encode(code.tobytes()).decode()


def _run(runner: Runner) -> list[tuple[str, str]]:
    """Return what has to be known to run the test again, by name."""
    checkpoint, about = runner._load_from, machine()
    facts = [('command', ' '.join(sys.argv)), ('config', str(runner.cfg.filename)),
             ('checkpoint', str(checkpoint))]
    if checkpoint and Path(checkpoint).is_file():
        facts.append(('SHA-256', hashlib.sha256(Path(checkpoint).read_bytes()).hexdigest()))
    parameters = sum(p.numel() for p in runner.model.parameters())
    packages = ('mmengine', 'mmpose', 'numpy', 'python')
    return [*facts, ('parameters', f'{parameters:,}'), ('machine', described(about)),
            ('versions', ', '.join(f'{name} {about[name]}' for name in packages))]
