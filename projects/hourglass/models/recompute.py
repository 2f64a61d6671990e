"""Memory for time: feature maps inside the stacks are computed again when they are needed."""
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from hourglass.models.network import StackedHourglass


def recomputed_forward(network: StackedHourglass, images: Tensor) -> tuple[Tensor, ...]:
    """The forward pass of a network that keeps the input of each stack, and nothing inside.

    Outputs, gradients and running statistics are those of ``network(images)``, (B, 3, H, W).
    """
    def stack(i: int, x: Tensor) -> tuple[Tensor, Tensor | None]:
        features = network.features[i](network.hourglasses[i](x))           # (B, C, h, w)
        heatmaps = network.heatmaps[i](features) if network.heatmaps else None
        is_last = i == len(network.reinjects)
        return (features if heatmaps is None else heatmaps,
                None if is_last else network.reinjects[i](x, features, heatmaps))

    x = recomputed(network.stem, [network.stem], images)                    # (B, C, h, w)
    outputs = []
    for i in range(len(network.hourglasses)):
        output, x = recomputed(stack, [network.hourglasses[i], network.features[i]], i, x)
        outputs.append(output)
    return tuple(outputs)


def recomputed(function: Callable, modules: Sequence[nn.Module], *inputs: Any) -> Any:
    """Call ``function(*inputs)`` and keep nothing but its inputs; the backward pass calls it again.

    It draws no random numbers; the second call leaves the buffers of the ``modules`` alone.
    """
    return checkpoint(function, *inputs, use_reentrant=False, preserve_rng_state=False,
                      context_fn=lambda: (nullcontext(), _copied_buffers(modules)))


@contextmanager
def _copied_buffers(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Give modules copies of their buffers for a while.

    Without, the running statistics of BatchNorm take in the same batch twice, which torch leaves to
    the caller. A momentum of 0 would still count the batch, and ``track_running_stats=False`` saves
    other tensors than the first call did.
    """
    own = [(module, dict(module._buffers)) for root in modules for module in root.modules()
           if module._buffers]
    for module, buffers in own:
        module._buffers.update({name: buffer if buffer is None else buffer.clone()
                                for name, buffer in buffers.items()})
    try:
        yield
    finally:
        for module, buffers in own:
            module._buffers.update(buffers)
