"""Sizes told from shapes."""
from conftest import REPOSITORY

from hourglass.models.size import size_of


def test_the_papers_network_has_its_known_size():
    parameters, macs = size_of(REPOSITORY / 'configs/mpii/hourglass_8stack_256_paper.py')
    assert parameters == 25_434_112
    assert round(macs / 1e9, 1) == 27.4
