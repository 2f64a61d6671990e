"""Checkpoint loaders for mmengine: weights only, ``.safetensors``, and names of shipped weights."""
from importlib.util import find_spec

import torch

from hourglass.checkpoints.names import SCHEME, find_weights
from hourglass.checkpoints.reading import one_line_of, read_checkpoint
from hourglass.datasets.skeletons import SKELETONS


def register() -> None:
    """Replace mmengine's loaders of local files and of downloads.

    mmengine finds a loader by matching a pattern. Local files get one that unpickles nothing but
    tensors and refuses a broken file in one line; mmengine's depends on the release and the
    environment. What it downloads (``load_url``, which ``torchvision://`` and others use, too)
    torch would unpickle freely: a checkpoint can be a program. Needed until mmengine (after 0.10.7)
    says ``weights_only=True`` itself and reads ``.safetensors``; the names of the shipped weights,
    ``hourglass://flic-small``, for good.
    """
    from mmengine.runner import checkpoint
    for pattern in (SCHEME, ''):
        checkpoint.CheckpointLoader.register_scheme(pattern, load_from_local, force=True)
    checkpoint.load_url = _load_url


def load_from_local(filename: str, map_location: str | torch.device | None = None) -> dict:
    """Load a file, or shipped weights by name; mmengine logs the word after ``load_from_``.

    A ``.safetensors`` file that says which keypoints it has gets ``dataset_meta``, where mmpose's
    inferencers look for them.

    Raises:
        CheckpointError: if there is no such file, or it cannot be read.
    """
    checkpoint = read_checkpoint(find_weights(filename), map_location)
    meta = checkpoint.get('meta') or {}
    skeleton = SKELETONS.get(meta.get('skeleton'))
    if skeleton is not None and find_spec('mmpose') is not None:
        from mmpose.datasets.datasets.utils import parse_pose_metainfo
        meta['dataset_meta'] = parse_pose_metainfo(skeleton)
    return checkpoint


def _load_url(url: str, **options) -> dict:
    """``torch.hub.load_state_dict_from_url``, weights only."""
    with one_line_of(url):
        return torch.hub.load_state_dict_from_url(url, **options, weights_only=True)
