"""What the tools call and programs import: a trained network, and the keypoints it finds.

``from hourglass.apis import init_model, predict`` loads mmpose's models at the first use of a name.
"""
from importlib import import_module

_HOMES = dict(init_model='inference.model', predict='inference.predict', Poses='inference.predict')
__all__ = list(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'hourglass.{_HOMES[name]}'), name)
