"""The report page: it needs nothing else, shows the metrics' numbers, and refuses in one line."""
import html
import json
import re
import shutil
import sys

import pytest
from browser import needs_browser, open_browser
from tiny_network import write_tiny_network

from hourglass.analysis.report.write import _chart
from hourglass.cli import main


@pytest.fixture(scope='module')
def report(synthetic, tmp_path_factory):
    """A folder with report.html and metrics.json of a tiny network; one image has HTML as name."""
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


def test_the_page_needs_nothing_else_and_names_what_was_run(report):
    page = (report / 'report.html').read_text()
    # within the page alone: images, and parts of a chart that are used again
    assert not re.search(r'(src|href)="(?!data:|#)', page) and 'url(http' not in page
    assert '<script' not in page and '@import' not in page
    assert html.escape('<script>alert(1)<') in page
    assert str(report / 'tiny.pth') in page and re.search(r'[0-9a-f]{64}', page)
    assert 'stem_channels' in page                  # the config


def test_the_charts_have_a_line_for_every_group_and_readable_labels(report):
    page = (report / 'report.html').read_text()
    curves, stages, reliability, _ = re.findall(r'<svg.*?</svg>', page, re.S)
    names = ['Total', 'Head', 'Shoulder', 'Elbow', 'Wrist', 'Hip', 'Knee', 'Ankle']
    for chart, x_label in ((curves, "threshold, in units of 0.6 x the diagonal of the head's box"),
                           (stages, 'stage')):
        labels = [html.unescape(text) for text in re.findall(r'<text[^>]*>([^<]*)</text>', chart)]
        assert [label for label in labels if label in names] == names
        assert {x_label, 'correct, %'} <= set(labels)
    assert re.search(r'>peak, error 0\.\d{3}<', reliability) and '>exact<' in reliability


def test_names_are_shown_as_they_are():
    chart = str(_chart({'_tip': ([0, 1], [0, 50]), 'a$^$': ([0, 1], [50, 0])}, 'title', 'x'))
    labels = [html.unescape(text) for text in re.findall(r'<text[^>]*>([^<]*)</text>', chart)]
    assert {'\u200b_tip', 'a$^$'} <= set(labels)


@needs_browser
def test_a_browser_shows_the_numbers_of_the_metrics(report, tmp_path):
    metrics = json.loads((report / 'metrics.json').read_text())
    with open_browser(tmp_path) as driver:
        driver.get((report / 'report.html').as_uri())
        rows = _table(driver, 'scores')
        images = driver.execute_script(
            'return [...document.images].map(i => [i.naturalWidth, i.alt])')
        charts = driver.execute_script("return [...document.querySelectorAll('svg')].map("
                                       'chart => chart.getBoundingClientRect().width)')
        wide = driver.execute_script('return document.documentElement.scrollWidth > innerWidth')
        assert not driver.get_log('browser')
    for row, prefix in (('prediction', ''), ('stage 0', 'stage0/'), ('stage 1', 'stage1/')):
        for column, shown in rows[row].items():
            score, *interval = shown.splitlines()
            assert score == f"{metrics[f'mpii/{prefix}{column}']:.2f}"
            if not prefix:
                lower, upper = metrics['interval95'][f'mpii/{column}']
                assert interval == [f'{lower:.1f}\N{EN DASH}{upper:.1f}']
                assert lower <= float(score) <= upper
    assert len(images) == 3 * 16 and all(width > 50 and alt for width, alt in images)
    assert len(charts) == 4 and min(charts) > 300 and not wide


def _table(driver, name: str) -> dict[str, dict[str, str]]:
    header, *rows = driver.execute_script(
        'return [...document.querySelectorAll(`#${arguments[0]} tr`)].map('
        'row => [...row.cells].map(cell => cell.textContent.trim()))', name)
    return {row[0]: dict(zip(header[1:], row[1:])) for row in rows}


def test_the_subcommand_writes_the_same_tables(report, monkeypatch, tmp_path):
    monkeypatch.setenv('HOURGLASS_DATA', str(report / 'data'))
    _call(monkeypatch, 'report', report / 'tiny.py', report / 'tiny.pth', tmp_path / 'r.html',
          '--people', 2, '--work-dir', tmp_path, *SERIAL)
    here, there = (re.findall('<table.*?</table>', path.read_text(), re.S) for path in (
        tmp_path / 'r.html', report / 'report.html'))
    assert len(here) >= 2 and here == there
    assert (tmp_path / 'r.html').read_text().count('<figure>') == 4


def test_a_fold_by_indices_shows_its_own_people(report, monkeypatch, tmp_path):
    monkeypatch.setenv('HOURGLASS_DATA', str(report / 'data'))
    _call(monkeypatch, 'report', report / 'tiny.py', report / 'tiny.pth', tmp_path / 'r.html',
          '--work-dir', tmp_path, *SERIAL, 'test_dataloader.dataset.indices=[15,3,9]')
    page = (tmp_path / 'r.html').read_text()
    assert 'of 3 people' in page
    for row in (3, 9, 15):
        assert page.count(f'row {row}') == 2            # among the worst and among the best


@pytest.mark.parametrize(('out', 'more', 'message'), [
    ('report.txt', [], 'name an .html file'),
    ('a_file/report.html', [], 'cannot be written'),
    ('report.html', ['test_evaluator.type=mmengine.DumpResults',
                     'test_evaluator.out_file_path={}/all.pkl'], 'no report without scores')])
def test_what_cannot_be_reported_is_refused_in_one_line(out, more, message, report, monkeypatch,
                                                     tmp_path):
    monkeypatch.setenv('HOURGLASS_DATA', str(report / 'data'))
    (tmp_path / 'a_file').touch()
    with pytest.raises(SystemExit) as ended:
        _call(monkeypatch, 'report', report / 'tiny.py', report / 'tiny.pth', tmp_path / out,
              '--work-dir', tmp_path / 'work', *SERIAL, *(each.format(tmp_path) for each in more))
    assert message in ended.value.code and '\n' not in ended.value.code
    assert not (tmp_path / out).exists()
