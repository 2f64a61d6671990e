"""Batches that pass from a loader's worker to the run as a few tensors.

torch hands every tensor of a batch over by a file descriptor of its own, a hundred for 32 samples
of mmpose, and the run waits until all have arrived.
"""
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor
from torch.utils.data import get_worker_info

from hourglass.errors import DataError, words_of

_LABELS = 'gt_fields', 'gt_instance_labels'      # elements of mmpose's samples that hold tensors


def bundle(samples: Sequence[Any]) -> Any:
    """Collate samples as mmengine's ``pseudo_collate``, their tensors of equal shape stacked.

    :func:`unbundle` makes mmengine's batch of it. Samples that are not ``inputs`` and
    ``data_samples``, as OpenMMLab packs them, are left as ``pseudo_collate`` returns them.
    """
    batch = pseudo_collate(samples)
    if not isinstance(batch, dict) or not batch.keys() >= {'inputs', 'data_samples'}:
        return batch
    stacked: dict[tuple[str, str], Tensor] = {}
    if _can_be_stacked(batch['inputs']):
        stacked['', 'inputs'] = torch.stack(batch.pop('inputs'))
    for label in _LABELS:
        elements = [getattr(sample, label) for sample in batch['data_samples'] if label in sample]
        whole = len(elements) == len(batch['data_samples'])
        for name in elements[0].keys() if whole else ():
            values = [element.get(name) for element in elements]
            if _can_be_stacked(values):
                stacked[label, name] = torch.stack(values)
                for element in elements:
                    delattr(element, name)
    if get_worker_info() is not None:
        # torch does it in a thread, whose errors end nothing: the run would wait for the batch
        try:
            for tensor in stacked.values():
                tensor.share_memory_()
        except RuntimeError as error:
            raise DataError(
                f'the data worker cannot share a batch: {words_of(error)}: raise the shared memory,'
                ' /dev/shm (docker run --shm-size), or set num_workers=0') from None
    return dict(batch, stacked=stacked)


def unbundle(batch: Any) -> Any:
    """Return mmengine's batch of what :func:`bundle` returned; its tensors are views."""
    if not isinstance(batch, dict) or 'stacked' not in batch:
        return batch
    batch = dict(batch)
    for (label, name), tensor in batch.pop('stacked').items():
        values = list(tensor)
        if label:
            for sample, value in zip(batch['data_samples'], values):
                setattr(getattr(sample, label), name, value)
        else:
            batch[name] = values
    return batch


def _can_be_stacked(values: Sequence[Any]) -> bool:
    return len({(value.shape, value.dtype) if isinstance(value, Tensor) else None
                for value in values}) == 1 and isinstance(values[0], Tensor)
