"""Accuracy against time: the table, the figure, and the file of other networks."""
import json
from functools import partial

import pytest
import torch
from conftest import DATA, needs
from pairs import zip_equal

from hourglass.analysis.accuracy_speed import (
    ELSEWHERE,
    Row,
    measure,
    named_network,
    plot,
    read_others,
    table,
)
from hourglass.checkpoints.names import find_config
from hourglass.errors import ConfigError, DataError

ROWS = [
    Row('ours', 'none', False, dict(Elbow=(90, 1), Wrist=(80, 2)),
        {1: (9, 10, 12), 2: (6, 6, 7)}),
    Row('ours', 'ncnn', True, dict(Elbow=(91, 1), Wrist=(82.5, 2)),
        {1: (14, 15, 16), 2: (8, 9, 10)}),
    Row('unread', 'ONNX file', ms={1: (3, 3.5, 4), 2: (2, 2, 3)}, note='time alone'),
    Row('theirs', ELSEWHERE, scores=dict(Elbow=(95, None)), ms={1: (20, 20, 20)})]


def test_the_table_leaves_out_what_is_not_known():
    assert table(ROWS, ['Elbow', 'Wrist']).splitlines()[2:] == [
        '| ours | 90.00 ± 1.00 | 80.00 ± 2.00 | none | 10.0 (9.0-12.0) | 6.0 (6.0-7.0) |  |',
        '| ours + mirrored | 91.00 ± 1.00 | 82.50 ± 2.00 | ncnn | 15.0 (14.0-16.0) | '
        '9.0 (8.0-10.0) |  |',
        '| unread |  |  | ONNX file | 3.5 (3.0-4.0) | 2.0 (2.0-3.0) | time alone |',
        '| theirs | 95.00 |  | reported elsewhere | 20.0 |  |  |']


def test_the_figure_has_a_panel_for_each_score_and_number_of_threads():
    panels = plot(ROWS, ['Elbow', 'Wrist']).axes
    assert [(panel.get_ylabel(), panel.get_xlabel()) for panel in panels] == [
        (f'{score}, %', f'ms an image, {threads}') for score in ('Elbow', 'Wrist')
        for threads in ('1 thread', '2 threads')]
    assert all(panel.get_xscale() == 'log' for panel in panels)
    marked = [[(*line.get_xydata()[0].tolist(), line.get_markerfacecolor() == 'none')
               for line in panel.lines if line.get_marker() not in ('None', '_', '|')]
              for panel in panels]
    assert marked[0] == [(10, 90, False), (15, 91, True), (20, 95, False)]
    assert marked[3] == [(6, 80, False), (9, 82.5, True)]
    assert panels[3].get_ylim()[0] > 77                 # 80 ± 2, and nothing else is drawn
    legends = [[(text.get_text(), handle.get_marker()) for text, handle in zip_equal(
        legend.get_texts(), legend.legend_handles)] for legend in panels[0].figure.legends]
    assert legends == [
        [('ours', 'None')], [('none', 'o'), ('ncnn', 's'), ('hollow: + mirrored', 'o')],
        [('theirs', '$1$')]]


def test_a_file_of_others_has_networks_to_measure_and_reported_numbers(tmp_path):
    path = tmp_path / 'others.json'
    for name in 'ab':
        (tmp_path / f'{name}.onnx').touch()
    path.write_text(json.dumps([
        dict(name='a', onnx='a.onnx', keypoints='flic', test='flic-small', rgb=False),
        dict(name='b', onnx='b.onnx'),
        dict(name='c', scores=dict(Elbow=98.7), ms=43.5),
        dict(name='d', scores=dict(Elbow=88.9))]))
    (first, second), rows = read_others(path)
    assert first.test.filename == str(find_config('flic-small')) and second.test is None
    assert first.load.args[0] == tmp_path / 'a.onnx' and len(first.load.args[1]) == 11
    assert first.load.keywords == dict(rgb=False)
    assert [(row.by, row.scores, row.ms) for row in rows] == [
        (ELSEWHERE, dict(Elbow=(98.7, None)), {1: (43.5, 43.5, 43.5)}),
        (ELSEWHERE, dict(Elbow=(88.9, None)), {})]
    path.write_text('{"name": "x"}')
    with pytest.raises(DataError, match='others.json: a list needed, with a record for each'):
        read_others(path)


@pytest.mark.parametrize(('entry', 'words'), [
    (dict(scores={}), "no 'name'"), ([], r'\[\] where a record is needed'),
    (dict(name='a'), "no 'onnx' .* and no 'scores' .*; add one"),
    (dict(name='a', scores={}, colour=1), "no key 'colour'; there are name, scores, ms, threads"),
    (dict(name='a', scores={}, thread=1), "no key 'thread', did you mean 'threads'"),
    (dict(name=7, scores={}), 'name is 7; give a text'),
    (dict(name='a', scores=dict(Elbow='98')), "scores is {'Elbow': '98'}; give numbers by name"),
    (dict(name='a', scores={}, ms='fast'), "ms is 'fast'; give a number"),
    (dict(name='a', scores={}, threads=0), 'threads is 0; give a whole number, 1 or more'),
    (dict(name='a', onnx='gone.onnx'), r"onnx is 'gone\.onnx', and .*/gone\.onnx is no file; give"),
    (dict(name='a', onnx='others.json', keypoints='cat'), "keypoints is 'cat'; give .* of mpii, "),
    (dict(name='a', onnx='others.json', mean=[1, 2]), r'mean is \[1, 2\]; give 3 numbers'),
    (dict(name='a', onnx='others.json', keypoints='mpii', test='no.py'), r'test: no\.py: no such')])
def test_an_entry_that_cannot_be_read_is_named(tmp_path, entry, words):
    (tmp_path / 'others.json').write_text(json.dumps([dict(name='a', scores={}), entry]))
    with pytest.raises(DataError, match=f'others.json, network 1: {words}'):
        read_others(tmp_path / 'others.json')


def test_a_score_that_a_test_set_does_not_have_is_refused_before_anything_is_loaded():
    network = named_network('flic-small', ['none'])
    network.load = partial(pytest.fail, 'the network was loaded')
    with pytest.raises(ConfigError, match='--scores Knee: the metric of .*flic-128x128.py gives '
                       'Total, Elbow, '):
        measure([network], ['Elbow', 'Knee'], [1])


@pytest.mark.slow
@pytest.mark.data
@needs(DATA / 'flic')
def test_flic_is_scored_as_on_its_card(monkeypatch):
    """By two ways to run it."""
    monkeypatch.setenv('HOURGLASS_DATA', str(DATA))
    rows = measure([named_network('flic-small', ['none', 'fuse'])], ['Elbow', 'Wrist'], [1],
                   rounds=2)
    assert [(row.by, row.mirrored) for row in rows] == [
        ('none', False), ('none', True), ('fuse', False), ('fuse', True)]
    assert rows[1].scores == rows[3].scores
    assert rows[1].scores['Elbow'] == pytest.approx((95.42, 1.01), abs=0.01)
    assert rows[1].scores['Wrist'] == pytest.approx((87.25, 1.77), abs=0.01)
    assert torch.get_num_threads() == 1
