"""Sizes told from shapes."""
from conftest import REPOSITORY

from hourglass.analysis.size import size_of


def test_the_papers_network_has_its_known_size():
    parameters, macs = size_of(REPOSITORY / 'configs/mpii/td-hm_hourglass8-paper_mpii-256x256.py')
    assert parameters == 25_434_112
    assert round(macs / 1e9, 1) == 27.4


def test_depthwise_residuals_halve_the_work(tmp_path):
    config = tmp_path / 'depthwise.py'
    config.write_text(f"_base_ = ['{REPOSITORY}/configs/mpii/td-hm_hourglass8-paper_mpii-256x256.py']\n"
                      "model = dict(backbone=dict(residual='depthwise', with_cp=True))")
    parameters, macs = size_of(config)
    assert parameters == 10_688_768
    assert round(macs / 1e9, 1) == 13.5
