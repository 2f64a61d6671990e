"""The device that a network runs on, by its name."""
from __future__ import annotations

import torch

from hourglass.errors import ConfigError


def cuda_or_cpu() -> str:
    """Return ``'cuda'`` if there is such a GPU, else ``'cpu'``, where others are not supported."""
    return 'cuda' if torch.cuda.is_available() else 'cpu'


def find_device(name: str | torch.device | None = None) -> torch.device:
    """Return a device by its name, by default the accelerator if there is one, else the CPU.

    A GPU has its number, so that other threads, whose current GPU is the first one, mean the same.
    Raises ``ConfigError`` if there is no such device.
    """
    if name is None:
        name = ('cuda' if torch.cuda.is_available() else
                'mps' if torch.backends.mps.is_available() else 'cpu')
    name = str(name)
    if name.startswith('meta'):
        raise ConfigError(f"device '{name}': holds no numbers; leave it out, or give 'cpu'")
    try:
        return torch.empty(0, device=name).device
    except (AssertionError, RuntimeError) as error:
        reason = str(error).partition('\n')[0].partition('. ')[0]
        if reason.startswith('Expected one of'):        # all that torch knows of
            reason = 'torch knows no such device'
        raise ConfigError(f"device '{name}': cannot be used here ({reason}); leave it out, or give "
                          "'cpu'") from None
