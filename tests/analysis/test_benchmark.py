"""Networks are measured in turns: times in proportion, and only what was asked for."""
import pytest
from tiny_network import write_tiny_network

from hourglass.analysis.benchmark import Contender, benchmark
from hourglass.errors import ConfigError


@pytest.fixture(scope='module')
def tiny(tmp_path_factory) -> str:
    return str(write_tiny_network(tmp_path_factory.mktemp('tiny'))[0])


def test_times_are_positive_and_ratios_to_the_first(tiny):
    report = benchmark([Contender(tiny), Contender(tiny, 'fuse'), Contender(tiny, stages=1)],
                       ['latency', 'training'], batch_size=4, rounds=3)
    plain, fused, one = report.rows
    assert plain['latency']['ratio'] == 1
    for row in report.rows:
        times = row['latency']
        assert 0 < times['low'] <= times['median'] <= times['high']
        assert row['deviation'] < 1e-4
    assert 'training' in plain and 'training' not in fused and 'training' not in one
    assert 'throughput' not in plain and 'macs' not in plain


def test_an_unknown_measure_is_refused(tiny):
    with pytest.raises(ConfigError, match='speed'):
        benchmark([Contender(tiny)], ['speed'])
