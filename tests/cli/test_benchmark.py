"""The benchmark command: a table, the numbers as a file, and refusals in one line."""
import json

import pytest
import torch
from conftest import REPOSITORY
from tiny_network import write_tiny_network

from hourglass.analysis import machine
from hourglass.analysis.benchmark import Report
from hourglass.analysis.size import size_of

HOURGLASS52 = str(REPOSITORY / 'configs/comparison/td-hm_hourglass52-mmpose_mpii-256x256.py')


@pytest.fixture(scope='module')
def tiny(tmp_path_factory) -> str:
    return str(write_tiny_network(tmp_path_factory.mktemp('tiny'))[0])


def test_the_command_prints_a_table_and_writes_the_numbers(tiny, cli, tmp_path, capsys):
    out = tmp_path / 'numbers.json'
    cli('benchmark', tiny, '--optimize', 'fuse', '--against', tiny, '--rounds', 2, '--json', out,
         '--batch-size', 2, '--measure', 'size', 'throughput', 'input')
    printed = capsys.readouterr().out.splitlines()
    assert 'tiny none' in printed[2] and 'tiny fuse' in printed[3]
    assert 'images/s' in printed[1] and 'GMACs' in printed[1] and 'training' not in printed[1]
    assert any('input not measured' in line and 'synthetic' in line for line in printed)
    report = Report(**json.loads(out.read_text()))
    assert report.machine == machine.machine()
    assert [row['optimize'] for row in report.rows] == ['none', 'fuse']
    assert report.rows[0]['parameters'] == size_of(tiny)[0]


def test_a_table_without_times_explains_none(tiny, cli, capsys):
    cli('benchmark', tiny, '--measure', 'size')
    assert 'times:' not in capsys.readouterr().out
    cli('benchmark', tiny, '--measure', 'throughput', '--rounds', 2)
    assert 'times: median' in capsys.readouterr().out


@pytest.mark.parametrize(('arguments', 'words'), [
    (['nothing.py'], 'nothing.py'), (['TINY', '--optimize', 'fsue'], "optimize='fsue'"),
    ([HOURGLASS52, '--optimize', 'fuse'], 'StackedHeatmapHead'),
    (['TINY', '--stages', '3'], 'the network has 2'),
    (['TINY', '--stages', '0'], 'stages=0'), (['TINY', '--threads', '0'], '--threads 0'),
    (['TINY', '--batch-size', '0'], 'batch_size is 0: give 1 or more')])
def test_what_cannot_be_measured_is_refused_in_a_line(tiny, cli, arguments, words):
    with pytest.raises(SystemExit) as ended:
        cli('benchmark', *(tiny if argument == 'TINY' else argument for argument in arguments),
             '--measure', 'size', 'latency', '--rounds', 2)
    assert words in str(ended.value) and '\n' not in str(ended.value)


def test_without_proc_everything_but_memory_is_measured(tiny, cli, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(machine, '_PROC', tmp_path / 'proc')
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    cli('benchmark', tiny, '--measure', 'size', 'latency', 'memory', '--rounds', 2)
    about, header, row, *notes = capsys.readouterr().out.splitlines()
    assert 'cores' in about and 'tiny none' in row
    assert 'GMACs' in header and 'batch 1, ms' in header and 'MiB' not in header
    assert notes[1:] == [f'{tiny}: memory: needs an accelerator or {tmp_path}/proc/self/clear_refs '
                         '(Linux)']
