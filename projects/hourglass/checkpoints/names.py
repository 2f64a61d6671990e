"""Names instead of paths: the networks of the model index, the weights in the package."""
from functools import cache
from pathlib import Path

import yaml

from hourglass.checkpoints.reading import check_whole
from hourglass.errors import CheckpointError, ConfigError, did_you_mean

_PACKAGE = Path(__file__).parents[1]
_INDEX = _PACKAGE / '.mim/model-index.yml'
SCHEME = 'hourglass://'                 # before the name of weights in the package


@cache
def configs_by_name() -> dict[str, Path]:
    """Every network of the model index with its config file."""
    root = _INDEX.parent
    metafiles = [root / path for path in yaml.safe_load(_INDEX.read_text())['Import']]
    return {model['Name']: root / model['Config'] for metafile in metafiles
            for model in yaml.safe_load(metafile.read_text())['Models']}


@cache
def weights_by_name() -> dict[str, Path]:
    """The networks whose weights come with the package."""
    return {path.stem: path for path in sorted((_PACKAGE / 'weights').glob('*.safetensors'))}


def find_config(name: str | Path) -> Path:
    """A config file by its path, or by the network's name.

    Raises:
        ConfigError: if there is neither.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return path
    known = configs_by_name()
    if str(name) not in known:
        raise ConfigError(f'{name}: no such config file, and no network of that name'
                          f'{did_you_mean(str(name), known)}; with weights there are '
                          f"{', '.join(weights_by_name())}")
    return known[str(name)]


def find_weights(name: str | Path) -> Path:
    """A checkpoint by its path, or weights in the package by name or as ``hourglass://NAME``.

    Raises:
        CheckpointError: if there is neither.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return path
    known, plain = weights_by_name(), str(name).removeprefix(SCHEME).rstrip('/')
    if plain not in known:
        raise CheckpointError(f'{name}: no such checkpoint, and no weights of that name in the '
                              f"package{did_you_mean(plain, known)}; there are {', '.join(known)}")
    return known[plain]


def checked_checkpoint(name: str) -> str:
    """What mmengine is to load: a readable file, weights by name, or an address, as it is.

    Raises:
        CheckpointError: for a missing or torn file, by its name.
    """
    if '://' in name:
        return name
    path = find_weights(name)
    check_whole(path)
    return str(path)
