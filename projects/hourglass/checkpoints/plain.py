"""Checkpoints of mmengine without objects of mmengine and numpy.

Every release of torch reads such files weights-only, whatever is installed beside it.
"""
from __future__ import annotations

from types import FunctionType
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer


def to_plain(value: Any) -> Any:
    """Return nested values with tensors for arrays, Python's numbers, and dicts for log histories.

    :func:`restore_histories` and :func:`.reading.read_checkpoint` undo this. Functions in dicts are
    left out: a schedule such as ``OneCycleLR`` keeps one in its state, and has it when it is built.
    """
    if isinstance(value, HistoryBuffer):
        log, counts = map(to_plain, value.data)
        return dict(log_history=log, count_history=counts, max_length=value.max_length)
    if isinstance(value, np.ndarray):
        known = value.dtype.kind in 'bif' or value.dtype == np.uint8    # by every torch
        return torch.from_numpy(value.copy()) if known else value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()
                if not isinstance(item, FunctionType)}
    return type(value)(map(to_plain, value)) if type(value) in (list, tuple) else value


def restore_histories(checkpoint: dict[str, Any]) -> None:
    """Put the log histories into a checkpoint that mmengine will resume."""
    scalars = checkpoint.get('message_hub', {}).get('log_scalars', {})
    scalars.update({name: HistoryBuffer(history['log_history'].tolist(),
                                        history['count_history'].tolist(), history['max_length'])
                    for name, history in scalars.items() if isinstance(history, dict)})
