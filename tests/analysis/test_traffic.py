"""What a step sends, by hand."""
from torch import nn

from hourglass.analysis.traffic import traffic


def test_bytes_of_a_small_network_by_hand():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))      # 16 and 8 parameters
    sent = traffic(network, 4)
    assert sent.gradients == 2 * 3 / 4 * 24 * 4
    assert sent.statistics == 2 * 3 / 4 * 8 * 4
    assert sent.shared == 3 * 9 * 4 + 2 * 3 / 4 * 8 * 4
    assert sent.collectives == 2
    assert traffic(network, 1).gradients == traffic(network, 1).shared == 0
