"""Memory for time: what lies inside a part of a network is computed again when it is needed."""
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint


def recomputed(function: Callable, owners: Sequence[nn.Module], *inputs: Any) -> Any:
    """``function(*inputs)`` that keeps nothing but its inputs; the backward pass calls it again.

    Args:
        function: draws no random numbers.
        owners: the modules it runs. Outputs, gradients and their buffers are those of a plain call.
        inputs: for the function; those that are tensors are kept.
    """
    return checkpoint(function, *inputs, use_reentrant=False, preserve_rng_state=False,
                      context_fn=lambda: (nullcontext(), _copied_buffers(owners)))


@contextmanager
def _copied_buffers(owners: Sequence[nn.Module]) -> Iterator[None]:
    """Give modules copies of their buffers for a while.

    A second call would otherwise let BatchNorm's averages take in the same batch twice, which
    torch's ``checkpoint`` leaves to its caller. A momentum of 0 would still count the batch, and
    ``track_running_stats=False`` saves other tensors than the first call did.
    """
    own = [(module, dict(module._buffers)) for owner in owners for module in owner.modules()
           if module._buffers]
    for module, buffers in own:
        module._buffers.update({name: buffer if buffer is None else buffer.clone()
                                for name, buffer in buffers.items()})
    try:
        yield
    finally:
        for module, buffers in own:
            module._buffers.update(buffers)
