"""Config files in both of mmengine's styles, as one."""
from __future__ import annotations

import errno
import inspect
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.config.lazy import LazyAttr, LazyObject
from mmengine.registry import Registry

from hourglass.errors import ConfigError, words_of
from hourglass.io.files import with_environment


def read_config(path: str | Path) -> Config:
    """Load a config file.

    In mmengine's new style (``read_base``, imported classes), the classes become the names that
    the registries have for them, so that the config is that of the same file in the other style;
    environment variables are read in either. Raises ``ConfigError`` if the file does not exist or
    cannot be loaded.
    """
    if not Path(path).is_file():
        raise ConfigError(f'{path}: no such config file')
    if Path(path).suffix not in ('.py', '.json', '.yaml', '.yml'):
        raise ConfigError(f'{path}: not the name of a config (.py, .yaml, .json) or of weights '
                          '(.safetensors, .pth)')
    try:
        cfg = Config.fromfile(path)
        if Config._is_lazy_import(str(path)):
            values = {key: value for key, value in cfg._to_lazy_dict().items()
                      if not isinstance(value, LazyObject) and not inspect.ismodule(value)}
            cfg = Config(_named(values, cfg.get('default_scope')), filename=path)
    except Exception as error:          # a config is Python, so a typo can raise anything
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise                       # mmengine reads a copy in the folder for temporary files
        raise ConfigError(f'{path}: {type(error).__name__}: {words_of(error)}') from None
    for key, value in cfg._cfg_dict.items():
        if value in (dict, list, tuple):        # as where the end of the file is missing
            raise ConfigError(f"{path}: '{key}' is {value.__name__} without values; is the file "
                              'whole?')
    return cfg


def check_test_set(cfg: Config, path: str | Path | None) -> None:
    """Raise ``ConfigError`` if a config has nothing to test on."""
    if cfg.get('test_dataloader') is None:
        raise ConfigError(f'{path}: has no test_dataloader; give test_dataloader, test_cfg and '
                          'test_evaluator')


def _named(value: Any, scope: str | None) -> Any:
    """Return nested values with the names of imported objects in their places."""
    if isinstance(value, dict):
        return {key: _named(item, scope) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_named(item, scope) for item in value)
    if isinstance(value, str):
        return with_environment(value)
    return _name(value, scope) if isinstance(value, (LazyObject, LazyAttr)) else value


def _name(imported: LazyObject | LazyAttr, scope: str | None) -> str:
    """Return the registered name of an imported object, with its scope if that is not the default.

    An object in no registry is named by its module, which mmengine takes as well.
    """
    found, package = imported.build(), imported.module.partition('.')[0]
    for place in ('mmengine', package):
        if find_spec(place) is None or find_spec(f'{place}.registry') is None:
            continue
        for registry in vars(import_module(f'{place}.registry')).values():
            if isinstance(registry, Registry):
                registry.import_from_location()
                for name, known in registry.module_dict.items():
                    if known is found:
                        return (name if registry.scope in ('mmengine', scope)
                                else f'{registry.scope}.{name}')
    return f'{imported.module}.{imported}'
