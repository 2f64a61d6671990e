"""Sizes are counted from shapes, the head's too, up to a stage."""
import pytest
from conftest import COUNTS_MACS, REPOSITORY
from mmengine.config import Config
from tiny_network import write_tiny_network

from hourglass.analysis.size import size_of
from hourglass.errors import ConfigError

pytestmark = COUNTS_MACS
PAPER = REPOSITORY / 'configs/mpii/td-hm_hourglass8-paper_mpii-256x256.py'


def test_the_papers_network_has_its_known_size():
    parameters, macs = size_of(PAPER)
    assert parameters == 25_434_112
    assert round(macs / 1e9, 1) == 27.4


def test_depthwise_residuals_halve_the_work(tmp_path):
    config = tmp_path / 'depthwise.py'
    config.write_text(f"_base_ = ['{PAPER}']\n"
                      "model = dict(backbone=dict(residual='depthwise', with_cp=True))")
    parameters, macs = size_of(config)
    assert parameters == 10_688_768
    assert round(macs / 1e9, 1) == 13.5


def test_another_projects_network_is_counted_with_its_head():
    """94.85 M parameters and 28.7 GMACs stand in mmpose's own table of this network."""
    parameters, macs = size_of(
        REPOSITORY / 'configs/comparison/td-hm_hourglass52-mmpose_mpii-256x256.py')
    assert round(parameters / 1e6, 2) == 94.85
    assert macs / 1e9 == pytest.approx(28.7, abs=0.1)           # theirs counts normalisation, too


def test_each_further_stage_costs_the_same(tmp_path):
    cfg = Config.fromfile(write_tiny_network(tmp_path, stacks=3)[0])
    (one, of_one), (two, of_two), (three, of_three) = (size_of(cfg, n) for n in (1, 2, 3))
    assert three - two == two - one > 0
    assert of_three - of_two == of_two - of_one > 0
    assert size_of(cfg) == (three, of_three)
    with pytest.raises(ConfigError, match='the network has 3'):
        size_of(cfg, 4)
