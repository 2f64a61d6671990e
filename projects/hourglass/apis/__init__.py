"""What programs import: a trained network, and the keypoints it finds.

The modules behind ``init_model``, ``predict`` and ``Poses`` are imported at the first use.
"""
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hourglass.apis.model import init_model as init_model
    from hourglass.inference.poses import Poses as Poses
    from hourglass.inference.predict import predict as predict

_MODULES = dict(init_model='apis.model', predict='inference.predict', Poses='inference.poses')
__all__ = list(_MODULES)


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'hourglass.{_MODULES[name]}'), name)
