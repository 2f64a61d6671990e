"""Arguments in a config that the class they are given to does not have."""
from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import Any

from mmengine import registry
from mmengine.config import Config

from hourglass.errors import ConfigError, did_you_mean

# keys that lead to a class; its registry; and what is taken before the class is called
_PLACES: tuple[tuple[str, registry.Registry, tuple[str, ...]], ...] = (
    ('model', registry.MODELS, ()),
    ('model.data_preprocessor', registry.MODELS, ()),
    ('model.backbone', registry.MODELS, ()),
    ('model.neck', registry.MODELS, ()),
    ('model.*head', registry.MODELS, ()),
    ('model.teacher', registry.MODELS, ()),
    ('*_dataloader.dataset', registry.DATASETS, ()),
    ('*_dataloader.dataset.datasets.*', registry.DATASETS, ()),
    ('*_dataloader.dataset.pipeline.*', registry.TRANSFORMS, ()),
    ('*_dataloader.dataset.datasets.*.pipeline.*', registry.TRANSFORMS, ()),
    ('*_dataloader.sampler', registry.DATA_SAMPLERS, ()),
    ('default_hooks.*', registry.HOOKS, ('priority',)),
    ('custom_hooks.*', registry.HOOKS, ('priority',)),
    ('optim_wrapper', registry.OPTIM_WRAPPERS, ('constructor', 'paramwise_cfg')),
    ('optim_wrapper.optimizer', registry.OPTIMIZERS, ()),
    ('param_scheduler', registry.PARAM_SCHEDULERS, ('convert_to_iter_based',)),
    ('param_scheduler.*', registry.PARAM_SCHEDULERS, ('convert_to_iter_based',)),
    ('train_cfg', registry.LOOPS, ('by_epoch', 'max_epochs', 'max_iters')),
    ('*_evaluator', registry.METRICS, ()),
    ('*_evaluator.*', registry.METRICS, ()),
    ('visualizer', registry.VISUALIZERS, ()),
    ('visualizer.vis_backends.*', registry.VISBACKENDS, ()))


def check_arguments(cfg: Config) -> None:
    """Raise ``ConfigError`` for an argument that its class would refuse, once it is built.

    A ``type`` that is not registered is left to whoever builds it.
    """
    scope = cfg.get('default_scope') or 'mmengine'
    for pattern, of_kind, taken in _PLACES:
        for place, options in _typed(cfg._cfg_dict, pattern.split('.')):
            kind, known = options['type'], None
            with of_kind.switch_scope_and_registry(scope) as within, suppress(Exception):
                # whatever an import may raise, the runner says it better
                known = _arguments(within.get(kind) if isinstance(kind, str) else kind)
            if known is None:
                continue
            known |= {'type', '_scope_', *taken}
            for key in options.keys() - known:
                raise ConfigError(f'{place}.{key}: {kind} has no such argument'
                                  f'{did_you_mean(key, known)}')


def _typed(node: Any, keys: list[str], place: str = '') -> Iterator[tuple[str, dict]]:
    """Yield the dicts with a ``type`` that a pattern of keys leads to, and their places."""
    if not keys:
        if isinstance(node, dict) and 'type' in node:
            yield place, node
        return
    items: Iterable[tuple[Any, Any]] = (node.items() if isinstance(node, dict) else
                                        enumerate(node) if isinstance(node, list) else ())
    for key, value in items:
        if fnmatchcase(str(key), keys[0]):
            yield from _typed(value, keys[1:], f'{place}.{key}'.lstrip('.'))


def _arguments(called: Callable) -> set[str] | None:
    """Return the names of the arguments that a class or function takes; None if it takes any.

    A constructor with ``**kwargs`` also takes those of the next one.
    """
    found: set[str] = set()
    constructors = ([vars(kind)['__init__'] for kind in called.__mro__ if '__init__' in vars(kind)]
                    if isinstance(called, type) else [called])
    for constructor in constructors:
        parameters = inspect.signature(constructor).parameters.values()
        found |= {parameter.name for parameter in parameters}
        if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters):
            return found
    return None
