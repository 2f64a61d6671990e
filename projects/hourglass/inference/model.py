"""A trained network from a name, a file of weights, or a config and a checkpoint."""
from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from hourglass.checkpoints import import_checkpoint
from hourglass.checkpoints.names import SCHEME, find_config, find_weights, weights_by_name
from hourglass.errors import CheckpointError, ConfigError
from hourglass.inference.device import find_device
from hourglass.inference.network import PoseNetwork, decoder_of
from hourglass.io.memory import return_freed_memory

if TYPE_CHECKING:
    from mmengine.config import Config

_WEIGHTS = ('.safetensors', '.pth', '.pt', '.tar')


def load_model(config: str | Path | Config, weights: str | Path | None = None,
               device: str | torch.device | None = None) -> PoseNetwork:
    """Load a trained network. Only a config imports OpenMMLab's packages.

    Args:
        config: the name of weights that come with the package (``'flic-small'``), a file of weights
            that describes itself, as ``hourglass convert`` writes it, the name of any network in
            the model index, a config file, or a config.
        weights: a checkpoint file, or a name, for a config. Default: its ``load_from``.
        device: as for ``torch.device``; default the accelerator if there is one, else the CPU.

    Raises:
        ConfigError: if there is no such config or device, no weights are named, or OpenMMLab's
            packages are needed and missing.
        CheckpointError: if there are no such weights, they are of another network, or they do not
            describe themselves.
    """
    to = find_device(device)
    if isinstance(config, (str, Path)) and describe_themselves(config, weights):
        model = _from_weights(config, device).to(to)
        # torch's types lack this form of it
        model = model.to(memory_format=torch.channels_last)     # type: ignore[call-overload]
        return_freed_memory()               # that other copies of the weights have used
        return model
    path = find_config(config) if isinstance(config, (str, Path)) else config
    _need_openmmlab(f'{config}: a config')
    from hourglass.inference.openmmlab import load_estimator, pose_network
    return pose_network(load_estimator(path, weights, str(to)))


def describe_themselves(config: str | Path, weights: str | Path | None) -> bool:
    """Return whether a config names nothing but the weights, which then describe themselves."""
    of_name = weights_by_name().get(str(config).removeprefix(SCHEME))
    if weights is None:
        return of_name is not None or Path(config).suffix in _WEIGHTS
    return str(weights) == str(config) or Path(weights) == of_name


def _from_weights(weights: str | Path, device: str | torch.device | None) -> PoseNetwork:
    path = find_weights(weights)
    network, report = import_checkpoint(path)
    if report['head'] is not None:
        raise CheckpointError(f'{path}: a detector, not a network of keypoints; give it as '
                              f'--detector hourglass:{path}')
    description = report['description']
    if description is None:
        raise CheckpointError(f'{path}: does not say how its keypoints are found; give its config, '
                              'too')
    width, height = description.input_size
    model = PoseNetwork(network, description, decode=decoder_of(
        description, (width // 4, height // 4)))        # the stem of every StackedHourglass
    model.calibration = report['calibration']
    if path == weights_by_name().get(path.stem):
        model.make_estimator = partial(_estimator, path.stem, device)
    return model


def _estimator(name: str, device: str | torch.device | None) -> Any:
    _need_openmmlab("mmpose's estimator")
    from hourglass.inference.openmmlab import load_estimator
    return load_estimator(find_config(name), name, device)


def _need_openmmlab(what: str) -> None:
    if find_spec('mmpose') is None:
        raise ConfigError(f"{what} needs OpenMMLab's packages, which are not installed; "
                          f"init_model and predict of {', '.join(weights_by_name())} do without")
