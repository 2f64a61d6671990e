"""What a training step of several processes sends, counted from the network alone."""
from dataclasses import dataclass

from torch import nn

_FLOAT = 4                              # bytes


@dataclass
class Traffic:
    """Bytes that each process hands to the network of machines in a step.

    DDP's gradients and the averaged statistics go through an all-reduce, which in a ring sends
    2 (n - 1) / n times its content. Shared batch statistics (``sync_bn``) are gathered from
    everyone in the forward pass, (n - 1) times 2 C + 1 numbers for each layer, and all-reduced in
    the backward pass, 2 C numbers.

    Attributes:
        gradients: all parameters.
        statistics: running statistics, without ``sync_bn``.
        shared: batch statistics, with ``sync_bn='torch'``.
        collectives: with ``sync_bn``, calls that the step has to wait for one after the other.
    """

    gradients: float
    statistics: float
    shared: float
    collectives: int


def traffic(network: nn.Module, ranks: int) -> Traffic:
    """Of ``ranks`` processes that train ``network`` in float32."""
    ring = 2 * (ranks - 1) / ranks * _FLOAT
    parameters = sum(p.numel() for p in network.parameters() if p.requires_grad)
    norms = [layer.num_features for layer in network.modules()
             if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    gathered = (ranks - 1) * _FLOAT * sum(2 * channels + 1 for channels in norms)
    return Traffic(ring * parameters, ring * 2 * sum(norms),
                   gathered + ring * 2 * sum(norms), 2 * len(norms))
