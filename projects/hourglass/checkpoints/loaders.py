"""Checkpoint loaders for mmengine: weights only, ``.safetensors``, and names of shipped weights."""
from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import torch

from hourglass.checkpoints.names import SCHEME, find_weights
from hourglass.checkpoints.reading import one_line_of, read_checkpoint
from hourglass.datasets.skeletons import SKELETONS


def register() -> None:
    """Replace mmengine's loaders of local files and of downloads (``load_url``).

    mmengine may unpickle everything, so that a checkpoint could run a program; these unpickle
    nothing but tensors, and raise errors of one line. Needed until mmengine (after 0.10.7) passes
    ``weights_only=True`` and reads ``.safetensors``; the names of shipped weights
    (``hourglass://flic-small``) stay.
    """
    from mmengine.runner import checkpoint
    for pattern in (SCHEME, ''):
        checkpoint.CheckpointLoader.register_scheme(pattern, load_from_local, force=True)
    checkpoint.load_url = _load_url


def load_from_local(filename: str, map_location: str | torch.device | None = None
                    ) -> dict[str, Any]:
    """Load a file, or shipped weights by name; mmengine logs the word after ``load_from_``.

    A file that names its skeleton gets ``dataset_meta``, which mmpose's inferencers need.
    """
    checkpoint = read_checkpoint(find_weights(filename), map_location)
    meta = checkpoint.get('meta') if isinstance(checkpoint, dict) else None
    skeleton = SKELETONS.get(str(meta.get('skeleton'))) if isinstance(meta, dict) else None
    if meta and skeleton and find_spec('mmpose') is not None:
        from mmpose.datasets.datasets.utils import parse_pose_metainfo
        meta['dataset_meta'] = parse_pose_metainfo(skeleton)
    return checkpoint


def _load_url(url: str, **options: Any) -> dict[str, Any]:
    """Call ``torch.hub.load_state_dict_from_url`` weights-only."""
    with one_line_of(url):
        return torch.hub.load_state_dict_from_url(url, **options, weights_only=True)
