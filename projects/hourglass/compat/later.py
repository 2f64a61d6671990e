"""Imports that OpenMMLab and torch make for parts that are not used here, put off until they are.

They take most of the time that a command needs to start.
"""
from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_FSDP = tuple(f'torch.distributed.fsdp{part}' for part in (
    '', '.api', '.fully_sharded_data_parallel'))
LATER = {                              # module -> what it imports later
    'mmengine.optim.optimizer.zero_optimizer': ('torch.distributed.optim',),
    'mmengine.model.wrappers.fully_sharded_distributed': _FSDP,
    'mmengine._strategy.fsdp': _FSDP,
    'mmpose.visualization.simcc_vis': ('torchvision.transforms',),
    'mmpose.visualization.local_visualizer_3d': ('matplotlib', 'matplotlib.pyplot', 'mmpose.apis'),
    'mmpose.datasets.transforms.bottomup_transforms': ('scipy.stats',),
    'mmpose.datasets.transforms.common_transforms': ('scipy.stats',),
    'mmpose.codecs.associative_embedding': ('munkres',),
    'mmdet.utils.mot_error_visualize': ('matplotlib.pyplot',),
    'xtcocotools.coco': tuple(f'matplotlib{part}' for part in (
        '', '.pyplot', '.collections', '.patches')),
}

_DISABLED = '__dynamo_disable'          # where torch/_compile.py keeps what it gets from disable


def import_later(name: str, *modules: str) -> ModuleSpec | None:
    """Let the module ``name`` import others only when something in it uses them.

    FSDP and ZeRO load sympy and half of torch, SimCC's drawings torchvision, one function each
    scipy.stats, pyplot, munkres and mmpose's inferencers. The module gets a :class:`Later` for what
    it imports of them. Needed until mmengine (after 0.10.7), mmpose (after 1.3.2), mmdet (after
    3.3.0) and xtcocotools (after 1.14.3) import these where they use them.
    """
    def run(execute: Callable[[ModuleType], None], module: ModuleType) -> None:
        with _standing_in(*map(_LaterModule, modules)):
            execute(module)
    return _run_by(run, name)


def read_version_of_torchvision() -> ModuleSpec | None:
    """Let a run log torchvision's version without importing it, which takes longer than torch.

    Needed until mmengine (after 0.10.7) asks the package's metadata for it.
    """
    def run(execute: Callable[[ModuleType], None], module: ModuleType) -> None:
        execute(module)
        original = vars(module)['collect_env']

        def collect_env() -> dict:
            from importlib.metadata import PackageNotFoundError, version
            stand_ins = []
            with suppress(PackageNotFoundError):
                number = version('torchvision')
                stand_ins = [ModuleType('torchvision')]
                vars(stand_ins[0])['__version__'] = number
            with _standing_in(*stand_ins):
                return original()
        vars(module)['collect_env'] = collect_env
    return _run_by(run, 'mmengine.utils.dl_utils.collect_env')


def leave_out_dynamo() -> None:
    """Let torch's optimisers step without importing ``torch._dynamo``, which brings sympy and FSDP.

    They import it to tell a compiler where to stop. Needed until torch (after 2.13) does that only
    while something is compiled; then the real module is imported.
    """
    sys.modules.setdefault('torch._dynamo', _DynamoLater())


class _DynamoLater(ModuleType):
    __file__ = None

    def __init__(self) -> None:
        super().__init__('torch._dynamo')
        self.__spec__ = ModuleSpec('torch._dynamo', None)       # for importlib.util.find_spec
        self.disabled: list[tuple[Any, tuple, dict]] = []

    def graph_break(self, *_args: Any, **_options: Any) -> None:
        """Do nothing, as the real one does outside of compiled code."""

    def disable(self, function: Any, *args: Any, **options: Any) -> Any:
        """Return the function, as nothing is compiled yet; the real one follows when it is."""
        self.disabled.append((function, args, options))
        return function

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__') and name != '__path__':        # a submodule's import needs it
            raise AttributeError(name)
        if sys.modules.get('torch._dynamo') is self:
            del sys.modules['torch._dynamo']
        real = importlib.import_module('torch._dynamo')
        while self.disabled:
            function, args, options = self.disabled.pop()
            setattr(function, _DISABLED, real.disable(function, *args, **options))
        return getattr(real, name)


def _run_by(run: Callable[[Callable[[ModuleType], None], ModuleType], None], name: str
            ) -> ModuleSpec | None:
    """Let ``run(execute, module)`` execute the module ``name`` when it is imported."""
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.loader is not None:
        spec.loader = _RunLoader(partial(run, spec.loader.exec_module))
    return spec


class _RunLoader(Loader):
    def __init__(self, run: Callable[[ModuleType], None]):
        self.run = run

    def exec_module(self, module: ModuleType) -> None:
        self.run(module)


@contextmanager
def _standing_in(*modules: ModuleType) -> Iterator[None]:
    """Let these be imported for a while in the place of those that are not imported yet."""
    missing = {module.__name__: module for module in modules if module.__name__ not in sys.modules}
    sys.modules.update(missing)
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]


class _LaterModule(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith('__'):                       # asked by the import system
            raise AttributeError(name)
        return Later(self.__name__, name)


class Later:
    """An attribute of a module that is imported as soon as the attribute is used.

    It can be called, asked for attributes and items, tested for instances, and subclassed: a
    subclass gets its real base when it is first instantiated.
    """

    def __init__(self, module: str, name: str):
        self.__name__, self.__module__ = name, module

    def _real(self) -> Any:
        module = importlib.import_module(self.__module__)
        if not hasattr(module, self.__name__):          # a module of the package
            importlib.import_module(f'{self.__module__}.{self.__name__}')
        return getattr(module, self.__name__)

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__'):                       # typing asks for these
            raise AttributeError(name)
        return getattr(self._real(), name)

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self._real()(*args, **options)

    def __getitem__(self, key: Any) -> Any:
        return self._real()[key]

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self._real())

    def __mro_entries__(self, _bases: tuple) -> tuple[type]:
        class Base(_Replaced):
            def __new__(cls, *args: Any, **options: Any) -> Any:
                real = self._real()
                if Base.__bases__ != (real,):
                    Base.__bases__ = (real,)
                if real.__new__ is object.__new__:
                    return object.__new__(cls)
                return real.__new__(cls, *args, **options)
        return (Base,)


class _Replaced:
    """A base that Python lets be replaced, which ``object`` is not."""
