"""Checkpoint loaders for mmengine: weights only, ``.safetensors``, and names of shipped weights."""
from __future__ import annotations

from hashlib import sha256
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch

from hourglass.checkpoints.description import Description
from hourglass.checkpoints.names import SCHEME, find_weights
from hourglass.checkpoints.reading import read_checkpoint, unwrapped_weights
from hourglass.datasets.skeletons import SKELETONS
from hourglass.errors import CheckpointError, words_of


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
    """Load a file, or shipped weights by name; mmengine logs the word after ``load_from_``."""
    path = find_weights(filename)
    return _as_of_mmengine(read_checkpoint(path, map_location), path)


def _as_of_mmengine(checkpoint: Any, path: Path) -> Any:
    """Give a checkpoint the form in which mmengine and mmpose read it.

    A state dict that lies under another name, as ``model``, is there under ``state_dict``, too:
    mmengine would load none of it. A file that names its skeleton, or describes itself, gets
    ``dataset_meta``, which mmpose's inferencers need.
    """
    from hourglass.checkpoints.plain import restore_histories
    if not isinstance(checkpoint, dict):
        return checkpoint
    restore_histories(checkpoint)
    weights = unwrapped_weights(checkpoint)
    if weights is not checkpoint:
        checkpoint['state_dict'] = weights
    meta = checkpoint.get('meta')
    if not isinstance(meta, dict):
        return checkpoint
    skeleton = SKELETONS.get(str(meta.get('skeleton')))
    if skeleton and find_spec('mmpose') is not None:
        from mmpose.datasets.datasets.utils import parse_pose_metainfo
        meta['dataset_meta'] = parse_pose_metainfo(skeleton)
    elif 'dataset_meta' not in meta and (description := Description.of(meta, path)):
        meta['dataset_meta'] = description.metainfo()
    return checkpoint


def _load_url(url: str, model_dir: str | None = None,
              map_location: str | torch.device | None = None, progress: bool = True
              ) -> dict[str, Any]:
    """Download a checkpoint to the cache of ``torch.hub``, unless it is there, and read it.

    The name of the file begins with a hash of the whole address, as many addresses end with the
    same name. A file that cannot be read, as one whose download was cut off, is removed.
    """
    folder = Path(model_dir or Path(torch.hub.get_dir(), 'checkpoints'))
    path = folder / f'{sha256(url.encode()).hexdigest()[:16]}-{Path(urlparse(url).path).name}'
    if not path.is_file():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(path), progress=progress)
        except (OSError, ValueError, HTTPException) as error:   # the latter: no form of an address
            raise CheckpointError(f'{url}: cannot be fetched to {folder} ({words_of(error)}); '
                                  'check the address, the connection and the space, or save the '
                                  f'file as {path}') from None
    try:
        return _as_of_mmengine(read_checkpoint(path, map_location), path)
    except CheckpointError as error:
        path.unlink(missing_ok=True)
        raise CheckpointError(str(error).replace(str(path), url)) from None
