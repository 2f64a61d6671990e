"""Helper variables of a config, such as ``codec``, changed by a child or on the command line.

A base config has used its own value before a child sees it. A change is therefore moved to the
places where the value of a base still stands.
"""
import ast
import copy
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.utils import get_installed_path

from hourglass.checkpoints.configs import read_config
from hourglass.errors import ConfigError
from hourglass.io.files import with_environment

_FOR_OTHERS = ('custom_imports', 'dataset_type', 'data_mode')   # mmengine and mmpose read these
_NAMED_ALIKE = ('input_size', 'heatmap_size', 'held_out')       # where they are used


def move_changes_of_file(cfg: Config, path: str, is_helper: Callable[[str], bool]) -> list[str]:
    """Move what a config file changes in helper variables of its bases to where they were used.

    Returns warnings about settings that belong together, of which only one was changed. Raises
    ``ConfigError`` for a change that no place takes and that the file does not use itself, and for
    a new variable that has the name of a setting and is not used.
    """
    if Path(path).suffix != '.py':
        return []
    bases = {path: _bases(path)}
    bases |= {base: _bases(base) for base in bases[path]}
    configs = {base: read_config(base) for base in bases[path]}
    files = {file: _variables(file) for file in bases}
    unused, used = set(), set()
    for file, (assigned, loaded, _) in files.items():   # which changes a helper that no file uses?
        inherited = {name for base in bases[file] for name in configs[base]}
        taken = loaded.union(*(of_base for child, (_, _, of_base) in files.items()
                               if file in bases[child]))
        if inherited:
            _refuse_unread(cfg, assigned - inherited - taken, is_helper, file)
        unused |= (assigned & inherited) - taken
        used |= taken
    # what a file uses it puts into its places, but perhaps not into all that have a codec
    earlier = list(configs.values())
    _move(cfg, {name: [base[name] for base in earlier if name in base] for name in sorted(cfg)
                if is_helper(name) and (name in unused or isinstance(cfg[name], dict))},
          used - unused, is_helper, path)
    if any(_data(base, 'test') and _data(base, 'val') == _data(base, 'test') == _data(cfg, 'test')
           != _data(cfg, 'val') for base in earlier):
        return [f'{path}: val_dataloader.dataset is changed and test_dataloader.dataset, which was '
                "the same, is not; 'hourglass test' reads the latter"]
    return []


def _refuse_unread(cfg: Config, names: set[str], is_helper: Callable[[str], bool], file: str
                   ) -> None:
    """Raise ``ConfigError`` if settings have such a name, and none of them the variable's value."""
    parts = {key: value for key, value in cfg._cfg_dict.items() if not is_helper(key)}
    for name in sorted(names & cfg.keys() - parts.keys()):
        places = dict(_places(parts, name))
        if places and _bare(cfg[name]) not in places.values():
            nearest = min(places, key=lambda place: (not place.startswith('train'), len(place)))
            raise ConfigError(f"{file}: nothing reads '{name}' at the top; set {nearest}")


def _places(node: Any, name: str, place: str = '') -> Iterator[tuple[str, Any]]:
    """Yield all values of a key in nested dicts and lists, with their places."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        here = f'{place}.{key}'.lstrip('.')
        if key == name:
            yield here, _bare(value)
        if isinstance(value, (dict, list)):
            yield from _places(value, name, here)


def move_options(cfg: Config, options: dict, is_helper: Callable[[str], bool]) -> None:
    """Merge options of the command line into helper variables and the places that use them.

    Raises ``ConfigError`` for a change that no place takes.
    """
    chosen = {key: value for key, value in options.items() if is_helper(key.split('.')[0])}
    before = copy.deepcopy({key.split('.')[0]: cfg[key.split('.')[0]] for key in chosen})
    cfg.merge_from_dict(chosen)
    _move(cfg, {name: [value] for name, value in before.items()}, (), is_helper, '--cfg-options')


def _move(cfg: Config, earlier: dict[str, list], used: Iterable[str],
          is_helper: Callable[[str], bool], where: str) -> None:
    def rank(name: str) -> int:                 # pipelines, then what is in them, then sizes
        return 0 if isinstance(cfg[name], list) else 1 if isinstance(cfg[name], dict) else 2
    for name in sorted(earlier, key=lambda name: (rank(name), name)):
        new = copy.deepcopy(cfg[name])
        olds = [_bare(old) for old in earlier[name] if _bare(old) != _bare(new)]
        parts = {key: value for key, value in cfg._cfg_dict.items() if not is_helper(key)}
        if not olds or name in _FOR_OTHERS:
            continue
        moved = 0
        if rank(name) < 2 or name in _NAMED_ALIKE:
            moved = sum(_replace(parts, name, old, new) for old in [*olds, _bare(new)])
            for helper in cfg.keys() - parts.keys() - {name}:
                for old in olds:
                    _replace({helper: cfg[helper]}, name, old, new)
        if not moved and name not in used:
            raise ConfigError(
                f"{where}: '{name}' is changed, and its earlier value cannot be found in the "
                'config; change the places that use it, such as model.head.decoder or '
                'train_dataloader.dataset.pipeline.N')


def _replace(node: Any, name: str, old: Any, new: Any) -> int:
    """Replace a value in nested dicts and lists; return how often.

    A dict may have more keys, as one that was merged into others has; anything but a dict or a list
    is replaced under its own name alone.
    """
    count = 0
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        bare = _bare(value)
        if isinstance(old, dict) and isinstance(value, dict) and old and all(
                item in bare and bare[item] == old[item] for item in old):
            for item in old.keys() - new.keys():
                del value[item]
            value.update(copy.deepcopy(new))
        elif bare == old and (isinstance(old, list) or key == name):
            node[key] = copy.deepcopy(new)
        else:
            count += _replace(value, name, old, new) if isinstance(value, (dict, list)) else 0
            continue
        count += 1
    return count


def _bare(value: Any) -> Any:
    """Return a copy without the scopes that mmengine writes into the bases of other projects."""
    if isinstance(value, dict):
        return {key: _bare(item) for key, item in value.items() if key != '_scope_'}
    return [_bare(item) for item in value] if isinstance(value, list) else value


def _bases(path: str) -> list[str]:
    """Return the files of all bases of a config, its own first."""
    if Config._is_lazy_import(path):
        modules = Config._get_base_modules(ast.parse(Path(path).read_text(encoding='utf-8')).body)
        own = [_file_of(module, Path(path)) for module in modules]
    else:
        own = [Config._get_cfg_path(with_environment(base), path)[0]
               for base in Config._get_base_files(path)]
    return [*own, *(deeper for base in own for deeper in _bases(base))]


def _file_of(module: str, config: Path) -> str:
    """Return the file of a base that a config in mmengine's new style imports."""
    parts = module.lstrip('.').split('.')
    level = len(module) - len(module.lstrip('.'))
    folder = config.parents[level - 1] if level else Path(get_installed_path(parts.pop(0)))
    return f'{folder.joinpath(*parts)}.py'


def _variables(path: str) -> tuple[set[str], set[str], set[str]]:
    """Return the variables that a config file assigns, uses, and uses of its base."""
    nodes = list(ast.walk(ast.parse(Path(path).read_text(encoding='utf-8'))))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    return ({node.id for node in names if isinstance(node.ctx, ast.Store)},
            {node.id for node in names if isinstance(node.ctx, ast.Load)},
            {node.attr for node in nodes if isinstance(node, ast.Attribute)
             and isinstance(node.value, ast.Name) and node.value.id == '_base_'})


def _data(cfg: Config, name: str) -> Any:
    return (cfg.get(f'{name}_dataloader') or {}).get('dataset')
