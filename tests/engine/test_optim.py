"""bfloat16 where it is meant to be, float32 elsewhere."""
import torch
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn

import hourglass.registry  # noqa: F401


def test_convolutions_run_in_bfloat16_and_weights_stay_float32():
    network = nn.Conv2d(3, 4, 3)
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    wrapper = OPTIM_WRAPPERS.build(
        dict(type='hourglass.BFloat16OptimWrapper', optimizer=optimizer))
    before = network.weight.detach().clone()
    with wrapper.optim_context(network):
        output = network(torch.rand(1, 3, 8, 8))
        loss = nn.functional.mse_loss(output, torch.ones_like(output))
    assert (output.dtype, loss.dtype) == (torch.bfloat16, torch.float32)
    wrapper.update_params(loss)
    assert network.weight.dtype == torch.float32
    assert not torch.equal(network.weight, before)
    assert network(torch.rand(1, 3, 8, 8)).dtype == torch.float32          # outside, all as ever
