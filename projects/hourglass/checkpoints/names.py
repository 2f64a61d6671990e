"""Names instead of paths, for the networks of the model index and the weights in the package."""
from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import yaml

from hourglass.checkpoints.reading import check_whole
from hourglass.errors import CheckpointError, ConfigError, HourglassError, did_you_mean

_PACKAGE = Path(__file__).parents[1]
_CHECKOUT = _PACKAGE.parents[1]
# An installed wheel has copies of the configs, where OpenMMLab's mim looks for them.
ROOT = _CHECKOUT if (_CHECKOUT / 'model-index.yml').is_file() else _PACKAGE / '.mim'
DETECTOR = _PACKAGE / 'weights/detection/people-384.safetensors'
SCHEME = 'hourglass://'                 # before the name of weights in the package


@cache
def configs_by_name() -> dict[str, Path]:
    """Return the config file of each network in the model index, by name."""
    def read(path: str) -> dict:
        return yaml.safe_load((ROOT / path).read_text(encoding='utf-8'))
    return {model['Name']: ROOT / model['Config'] for metafile in read('model-index.yml')['Import']
            for model in read(metafile)['Models']}


@cache
def weights_by_name() -> dict[str, Path]:
    """Return the weights that come with the package, by name."""
    return dict(sorted((path.stem, path)
                       for path in (_PACKAGE / 'weights').glob('*.safetensors')))


def find_config(name: str | Path) -> Path:
    """Find a config file by its path or by the name of its network, or raise ``ConfigError``."""
    return _find(name, configs_by_name, ConfigError, 'config file, and no network of that name')


def find_weights(name: str | Path) -> Path:
    """Find a checkpoint by its path, or weights in the package as ``NAME`` or ``hourglass://NAME``.

    The detector's are ``people-384``. Raises ``CheckpointError`` if neither exists.
    """
    return _find(name, lambda: weights_by_name() | {DETECTOR.stem: DETECTOR}, CheckpointError,
                 'checkpoint, and no weights of that name in the package')


def _find(name: str | Path, by_name: Callable[[], dict[str, Path]],
          error: type[HourglassError], missing: str) -> Path:
    path = Path(name).expanduser()
    if path.is_file():
        return path
    known, plain = by_name(), str(name).removeprefix(SCHEME).rstrip('/')
    if plain not in known:
        raise error(f'{name}: no such {missing}{did_you_mean(plain, known)}; networks '
                    f"with weights: {', '.join(weights_by_name())}")
    return known[plain]


def checked_checkpoint(name: str) -> str:
    """Find a checkpoint for mmengine to load, and check that it is whole; keep a URL as it is."""
    if '://' in name and not name.startswith(SCHEME):
        return name
    path = find_weights(name)
    check_whole(path)
    return str(path)
