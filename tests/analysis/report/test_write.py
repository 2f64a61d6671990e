"""Reports: their numbers against numbers worked out by hand, the page in a browser, its errors."""
import html
import json
import re
import shutil
import sys

import numpy as np
import pytest
from browser import needs_browser, open_browser
from tiny_network import write_tiny_network

from hourglass.analysis.report.chart import line_chart
from hourglass.cli import main
from hourglass.evaluation.metrics import Scored
from hourglass.evaluation.protocols import FLIC
from hourglass.report import findings

PROTOCOL = FLIC['torso']
JOINTS = PROTOCOL.scored                # the elbows first


@pytest.fixture
def scored() -> Scored:
    """Four people with elbows alone; the prediction and two stages. The threshold is 0.2."""
    predicted = np.full((4, len(JOINTS)), np.nan)
    predicted[:, :2] = [[.1, .3], [.15, np.nan], [9., .0], [np.nan, np.nan]]
    stages = [np.where(np.isnan(predicted), np.nan, 1.), predicted]
    occluded = np.zeros((4, len(JOINTS)), bool)
    occluded[0, 1] = True
    return Scored(PROTOCOL, JOINTS, [5, 6, 7, 8], np.stack([predicted, *stages]), occluded)


def test_every_stage_has_a_row(scored):
    rows = dict(findings.stage_rows(scored))
    elbows = 100 * (2 / 3 + 1 / 2) / 2
    assert {name: row['Elbow'] for name, row in rows.items()} == pytest.approx(
        {'prediction': elbows, 'stage 0': 0, 'stage 1': elbows})


def test_hidden_joints_have_a_row_only_where_some_are_known(scored):
    rows = dict(findings.visibility_rows(scored))
    assert rows['visible']['Elbow'] == pytest.approx(100 * (2 / 3 + 1) / 2)
    assert rows['occluded']['Elbow'] == 0
    scored.occluded[:] = False
    assert findings.visibility_rows(scored) == []


def test_people_are_told_apart_by_size(scored):
    rows = findings.size_rows(scored, np.array([30., 10., 20., np.nan]))
    assert [(name, row['Elbow']) for name, row in rows] == [
        ('10 to 10 px (1 people)', 100), ('20 to 20 px (1 people)', 50),
        ('30 to 30 px (1 people)', 50)]


def test_the_worst_come_first_and_one_joint_far_away_does_not_decide(scored):
    scored.distances[0, 0, :2] = [.35, .4]          # mean 0.375; person 2: (0.4 + 0) / 2
    assert findings.by_error(scored).tolist() == [0, 2, 1]


def test_a_curve_rises_from_threshold_to_threshold(scored):
    thresholds, elbow = findings.curves(scored)['Elbow']
    assert elbow[thresholds.searchsorted(0.12)] == pytest.approx(100 * (1 / 3 + 1 / 2) / 2)
    assert elbow[-1] == pytest.approx(100 * (2 / 3 + 1 / 2) / 2)


def test_a_chart_places_what_it_draws():
    drawn = line_chart({'a < b': ([0, 1, 2], [0, np.nan, 100])}, 'x', 'y', 'title', [0, 1, 2])
    points, = re.findall(r'points="(.*?)"', drawn)
    (left, bottom), (right, top) = (map(float, point.split(',')) for point in points.split())
    assert left < right and top < bottom and 'a &lt; b' in drawn and 'nan' not in drawn


@pytest.fixture(scope='module')
def report(synthetic, tmp_path_factory):
    """A folder with the report.html and metrics.json of a tiny network, on an image whose name
    is not harmless."""
    folder = tmp_path_factory.mktemp('report')
    data = folder / 'data'
    shutil.copytree(synthetic, data)
    truth_file = data / 'synthetic/test/annotations.json'
    truth = truth_file.read_text()
    name = sorted(path.name for path in (data / 'synthetic/test/images').iterdir())[0]
    evil = '<script>alert(1)<' + name       # no slash: it is a file's name
    assert name in truth
    truth_file.write_text(truth.replace(name, evil))
    (data / 'synthetic/test/images' / name).rename(data / 'synthetic/test/images' / evil)
    config, checkpoint = write_tiny_network(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('HOURGLASS_DATA', str(data))
        _call(patch, 'test', config, checkpoint, '--work-dir', folder, '--report',
              folder / 'report.html', '--out', folder / 'metrics.json', *SERIAL)
    return folder


SERIAL = ('--cfg-options', 'test_dataloader.num_workers=0',
          'test_dataloader.persistent_workers=False')


def _call(patch: pytest.MonkeyPatch, *arguments) -> None:
    words = [str(argument) for argument in arguments]
    patch.setattr(sys, 'argv', ['hourglass', *words])                   # what the report quotes
    main(words)


def test_the_page_needs_nothing_else_and_tells_what_was_run(report):
    page = (report / 'report.html').read_text()
    assert not re.search(r'(src|href)="(?!data:)', page) and '<script' not in page
    assert html.escape('<script>alert(1)<') in page
    assert str(report / 'tiny.pth') in page and re.search(r'[0-9a-f]{64}', page)
    assert 'stem_channels' in page                  # the config


@needs_browser
def test_a_browser_shows_the_numbers_of_the_metrics(report, tmp_path):
    metrics = json.loads((report / 'metrics.json').read_text())
    with open_browser(tmp_path) as driver:
        driver.get((report / 'report.html').as_uri())
        rows = _table(driver, 'scores')
        images = driver.execute_script(
            'return [...document.images].map(i => [i.naturalWidth, i.alt])')
        curves = driver.execute_script("return [...document.querySelectorAll('polyline')].map("
                                       'line => line.getBBox().width)')
        wide = driver.execute_script('return document.documentElement.scrollWidth > innerWidth')
        assert not driver.get_log('browser')
    for row, prefix in (('prediction', ''), ('stage 0', 'stage0/'), ('stage 1', 'stage1/')):
        for column, shown in rows[row].items():
            value = metrics[f'mpii/{prefix}{column}']
            assert shown == ('' if np.isnan(value) else f'{value:.2f}')
    assert len(images) == 3 * 16 and all(width > 50 and alt for width, alt in images)
    assert len(curves) > 8 and max(curves) > 300 and not wide


def _table(driver, name: str) -> dict[str, dict[str, str]]:
    header, *rows = driver.execute_script(
        'return [...document.querySelectorAll(`#${arguments[0]} tr`)].map('
        'row => [...row.cells].map(cell => cell.textContent.trim()))', name)
    return {row[0]: dict(zip(header[1:], row[1:], strict=True)) for row in rows}


def test_the_tool_alone_writes_the_same_tables(report, monkeypatch, tmp_path):
    monkeypatch.setenv('HOURGLASS_DATA', str(report / 'data'))
    _call(monkeypatch, 'report', report / 'tiny.py', report / 'tiny.pth', tmp_path / 'r.html',
          '--people', 2, '--work-dir', tmp_path, *SERIAL)
    here, there = (re.findall('<table.*?</table>', path.read_text(), re.S) for path in (
        tmp_path / 'r.html', report / 'report.html'))
    assert len(here) >= 2 and here == there
    assert (tmp_path / 'r.html').read_text().count('<figure>') == 4


@pytest.mark.parametrize(('out', 'more', 'message'), [
    ('report.txt', [], 'name an .html file'),
    ('a_file/report.html', [], 'cannot be written'),
    ('report.html', ['test_evaluator.type=mmengine.DumpResults',
                     'test_evaluator.out_file_path={}/all.pkl'], 'no report without scores')])
def test_what_cannot_be_reported_is_said_in_one_line(out, more, message, report, monkeypatch,
                                                     tmp_path):
    monkeypatch.setenv('HOURGLASS_DATA', str(report / 'data'))
    (tmp_path / 'a_file').touch()
    with pytest.raises(SystemExit) as ended:
        _call(monkeypatch, 'report', report / 'tiny.py', report / 'tiny.pth', tmp_path / out,
              '--work-dir', tmp_path / 'work', *SERIAL, *(each.format(tmp_path) for each in more))
    assert message in ended.value.code and '\n' not in ended.value.code
    assert not (tmp_path / out).exists()
