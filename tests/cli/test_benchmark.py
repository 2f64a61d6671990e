"""What is measured of networks, in turns: counts that are known, times in proportion, refusals."""
import json

import pytest
import torch
from conftest import REPOSITORY
from tiny_network import write_tiny_network

from hourglass.analysis.benchmark import Contender, Report, benchmark, size
from hourglass.analysis.machine import machine, peak_memory
from hourglass.analysis.size import size_of
from hourglass.errors import ConfigError, HourglassError

HOURGLASS52 = str(REPOSITORY / 'configs/comparison/td-hm_hourglass52-mmpose_mpii-256x256.py')


@pytest.fixture(scope='module')
def tiny(tmp_path_factory) -> str:
    return str(write_tiny_network(tmp_path_factory.mktemp('tiny'))[0])


def test_sizes_are_those_of_the_cards(tiny):
    assert size(Contender(tiny)) == size_of(tiny)
    parameters, macs = size(Contender(tiny, stages=1))
    assert parameters < size_of(tiny)[0] and macs < size_of(tiny)[1]


def test_another_projects_network_is_measured_head_and_all():
    """94.85 M parameters and 28.7 GMACs stand in mmpose's own table of this network."""
    parameters, macs = size(Contender(HOURGLASS52))
    assert round(parameters / 1e6, 2) == 94.85
    assert macs / 1e9 == pytest.approx(28.7, abs=0.1)           # theirs counts normalisation, too


def test_times_are_positive_and_ratios_to_the_first(tiny):
    report = benchmark([Contender(tiny), Contender(tiny, 'fuse'), Contender(tiny, stages=1)],
                       ['latency', 'training'], batch_size=4, rounds=3)
    plain, fused, one = report.rows
    assert plain['latency']['ratio'] == 1
    for row in report.rows:
        times = row['latency']
        assert 0 < times['low'] <= times['median'] <= times['high'] < 5
        assert row['deviation'] < 1e-4
    assert 'training' in plain and 'training' not in fused and 'training' not in one
    assert 'throughput' not in plain and 'macs' not in plain


def test_the_tool_prints_a_table_and_writes_the_numbers(tiny, cli, tmp_path, capsys):
    out = tmp_path / 'numbers.json'
    cli('benchmark', tiny, '--optimize', 'fuse', '--against', tiny, '--rounds', 2, '--json', out,
         '--batch-size', 2, '--measure', 'size', 'throughput', 'input')
    printed = capsys.readouterr().out.splitlines()
    assert 'tiny none' in printed[2] and 'tiny fuse' in printed[3]
    assert 'images/s' in printed[1] and 'GMACs' in printed[1] and 'training' not in printed[1]
    assert any('input not measured' in line and 'synthetic' in line for line in printed)
    report = Report(**json.loads(out.read_text()))
    assert report.machine == machine()
    assert [row['optimize'] for row in report.rows] == ['none', 'fuse']
    assert report.rows[0]['parameters'] == size_of(tiny)[0]


@pytest.mark.parametrize(('arguments', 'words'), [
    (['nothing.py'], 'nothing.py'), (['TINY', '--optimize', 'fsue'], "optimize='fsue'"),
    ([HOURGLASS52, '--optimize', 'fuse'], 'StackedHeatmapHead'),
    (['TINY', '--stages', '3'], 'the network has 2'),
    (['TINY', '--stages', '0'], 'stages=0'), (['TINY', '--threads', '0'], '--threads 0'),
    (['TINY', '--batch-size', '0'], 'batch_size=0')])
def test_what_cannot_be_measured_is_refused_in_a_line(tiny, cli, arguments, words):
    with pytest.raises(SystemExit) as ended:
        cli('benchmark', *(tiny if argument == 'TINY' else argument for argument in arguments),
             '--measure', 'size', 'latency', '--rounds', 2)
    assert words in str(ended.value) and '\n' not in str(ended.value)


def test_an_unknown_measure_is_refused(tiny):
    with pytest.raises(ConfigError, match='speed'):
        benchmark([Contender(tiny)], ['speed'])


def takes(megabytes: int):
    return lambda: torch.ones(megabytes, 2**18).sum()


def fails():
    raise ValueError('no such thing')


@pytest.mark.slow                       # starts processes
def test_memory_is_what_a_call_takes_at_its_peak():
    # what torch itself loads at a first call comes to a few MiB
    assert 200 <= peak_memory(takes, 200) / 2**20 < 230
    with pytest.raises(HourglassError, match='no such thing'):
        peak_memory(fails)
