"""Stacked Hourglass Networks for human pose estimation, as a plugin for OpenMMLab.

``import hourglass`` loads neither torch nor OpenMMLab's packages, whose imports it prepares
(:mod:`hourglass.compat`); ``from hourglass import StackedHourglass`` loads torch alone.
"""
import re
from contextlib import suppress
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from hourglass import compat

if TYPE_CHECKING:
    from hourglass.models.backbone import StackedHourglass as StackedHourglass
    from hourglass.models.network import Hourglass as Hourglass
    from hourglass.models.network import Reinject as Reinject
    from hourglass.models.network import Residual as Residual

__version__ = '0.2.0'
_MODULES = dict(StackedHourglass='models.backbone', Hourglass='models.network',
                Reinject='models.network', Residual='models.network')
__all__ = list(_MODULES)

_LEAST = dict(torch='2.0', numpy='1.22', mmengine='0.8', mmcv='2.0', mmpose='1.2')


def _refuse_older_packages() -> None:
    """Raise ``ImportError`` for an installed package that is too old; none is imported for this."""
    for name, least in _LEAST.items():
        with suppress(PackageNotFoundError):
            found = version(name)
            release = [*map(int, re.findall(r'\d+', found)[:2]), 0][:2]
            if release < [*map(int, least.split('.'))]:
                raise ImportError(f'hourglass needs {name} {least} or later, and {found} is '
                                  f"installed: pip install '{name}>={least}'")


_refuse_older_packages()
compat.PATCHES['mmengine.runner.runner'] = lambda: import_module(
    'hourglass.checkpoints.loaders').register()
compat.apply()


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'hourglass.{_MODULES[name]}'), name)
