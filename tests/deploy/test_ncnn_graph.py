"""The text of a network for ncnn: every map is read once, and every weight is there once."""
from collections import Counter

import pytest
import torch

from hourglass import StackedHourglass
from hourglass.deploy.ncnn_graph import INPUT, ncnn_graph
from hourglass.errors import ConfigError
from hourglass.models.long_hourglass import LongHourglass


def network(**options) -> StackedHourglass:
    options = dict(num_stacks=2, channels=8, num_keypoints=3, depth=1,
                   stem_channels=(4, 8, 8)) | options
    return StackedHourglass(**options).eval()


@pytest.mark.parametrize('every_stage', [False, True])
def test_every_map_is_written_once_and_read_once(every_stage):
    magic, counts, *lines = ncnn_graph(network(), every_stage)[0].splitlines()
    layers, written, read = len(lines), [], []
    for line in lines:
        _, _, num_inputs, num_outputs, *names = line.split()
        names = names[:int(num_inputs) + int(num_outputs)]
        read += names[:int(num_inputs)]
        written += names[int(num_inputs):]
        assert set(read) <= set(written)                        # in the order of computation
    assert magic == '7767517' and counts == f'{layers} {len(written)}'
    assert max(Counter(written).values()) == max(Counter(read).values()) == 1
    outputs = ['stage0', 'stage1'] if every_stage else ['stage1']
    assert sorted(set(written) - set(read)) == outputs and written[0] == INPUT


def test_the_weights_are_those_of_the_layers():
    graph, weights = ncnn_graph(network(num_stacks=1))
    numbers = 0
    for line in graph.splitlines()[2:]:
        kind, *rest = line.split()
        given = dict(word.split('=') for word in rest if '=' in word)
        if kind == 'Convolution':                               # a flag, weights, biases
            numbers += 1 + int(given['6']) + int(given['0']) * int(given['5'])
        elif kind == 'BatchNorm':
            numbers += 4 * int(given['0'])
    assert len(weights) == 4 * numbers


def test_what_ncnn_cannot_compute_is_refused():
    with pytest.raises(ConfigError, match='not a LongHourglass'):
        ncnn_graph(LongHourglass(channels=8, depth=1))
    changed = network()
    changed.stem.append(torch.nn.GELU())
    with pytest.raises(ConfigError, match='has no layer for GELU'):
        ncnn_graph(changed)
