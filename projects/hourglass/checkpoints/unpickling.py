"""A pickle module for ``torch.load`` before 2.6, whose ``weights_only`` has no list to extend.

It unpickles tensors, plain containers and what :func:`hourglass.compat.mmengine_globals` lists.
Anything else in a file raises ``UnpicklingError`` and is neither imported nor called.
"""
from __future__ import annotations

import pickle
from argparse import Namespace
from collections import OrderedDict
from importlib.util import find_spec
from typing import Any, BinaryIO

import torch

from hourglass.compat import mmengine_globals


def _encode(text: str, encoding: str) -> bytes:
    """Return the bytes that protocol 2, which ``torch.save`` uses, stores as latin-1 text."""
    return text.encode('latin-1')


_ALLOWED: dict[str, Any] = {
    'argparse.Namespace': Namespace,
    'collections.OrderedDict': OrderedDict, '_codecs.encode': _encode, 'torch.Size': torch.Size,
    'torch.device': torch.device, 'torch.nn.parameter.Parameter': torch.nn.Parameter,
    **{f'torch._utils.{name}': getattr(torch._utils, name)
       for name in ('_rebuild_tensor', '_rebuild_tensor_v2', '_rebuild_parameter')},
    **{str(dtype): dtype for dtype in vars(torch).values() if isinstance(dtype, torch.dtype)}}

_PythonUnpickler: Any = vars(pickle)['_Unpickler']      # each of its steps can be replaced


class Unpickler(_PythonUnpickler):
    """An unpickler that finds only what is allowed, and sets the state of instances of it alone."""

    dispatch = dict(_PythonUnpickler.dispatch)

    def __init__(self, file: BinaryIO, **options: Any):
        super().__init__(file, **options)
        self.allowed = _ALLOWED | (mmengine_globals() if find_spec('mmengine') else {})

    def find_class(self, module: str, name: str) -> Any:
        """Return an allowed class or function; torch looks up the types of storages itself."""
        name = f"{module.replace('__builtin__', 'builtins')}.{name}"
        if name not in self.allowed:
            raise pickle.UnpicklingError(f'Unsupported class {name}')
        return self.allowed[name]

    def load_build(self) -> None:
        owner, kinds = self.stack[-2], [kind for kind in self.allowed.values()
                                        if isinstance(kind, type)]
        if not isinstance(owner, (torch.Tensor, *kinds)):       # such as a class or a function
            raise pickle.UnpicklingError(f'Unsupported state of {owner!r}')
        super().load_build()

    dispatch[pickle.BUILD[0]] = load_build


def load(file: BinaryIO, **options: Any) -> Any:
    """Unpickle one object, as ``pickle.load`` does."""
    return Unpickler(file, **options).load()
