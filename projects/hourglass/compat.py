"""Patches that let OpenMMLab's last releases run on a current machine.

Each patch runs just before the module that needs it is imported, so ``import hourglass`` stays
light, and does nothing where the original works. Its docstring names the release that makes it
unnecessary. :func:`apply` is called by ``import hourglass``, and so by
``custom_imports = dict(imports=['hourglass'])`` in a config.
"""
import importlib
import importlib.util
import sys
from collections.abc import Callable
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace

Patch = Callable[[], ModuleSpec | None]


def patch_before_import(module: str, patch: str) -> None:
    """Have a function of this package called before ``module`` is imported.

    Args:
        module: of another package, by its dotted name.
        patch: ``'module:function'``, imported when it is needed.
    """
    def call() -> ModuleSpec | None:
        name, function = patch.split(':')
        return getattr(importlib.import_module(name), function)()
    _PATCHES[module] = call


def apply() -> None:
    """Arrange for every patch to run; calling it again changes nothing.

    A module that was imported before is patched at once: it may be halfway in use, as
    ``mmengine.runner`` is when a config's ``custom_imports`` imports this package.
    """
    if any(isinstance(finder, _PatchingFinder) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, _PatchingFinder(_PATCHES))
    for name, patch in _PATCHES.items():
        if name in sys.modules:
            patch()


class _PatchingFinder(MetaPathFinder):
    """Runs the patch of a module when the import system first asks for that module."""

    def __init__(self, patches: dict[str, Patch]):
        self.waiting = dict(patches)

    def find_spec(self, fullname, path=None, target=None) -> ModuleSpec | None:
        patch = self.waiting.pop(fullname, None)        # while it runs, it sees the original
        if patch is None:
            return None
        try:
            return patch()
        finally:
            self.waiting[fullname] = patch


def stand_in_for_mmcv_ops() -> None:
    """Let ``mmcv.ops`` import where its compiled part is missing, as in ``mmcv-lite``.

    ``mmpose.models`` imports ``mmcv.ops`` for two transformers nobody uses here. Every op asks
    ``ext_loader.load_ext`` for its functions; it now gets functions that raise when called.
    ``mmcv_full_available()`` still says no. Needed until mmpose (after 1.3.2) and mmdet (after
    3.3.0) import ``mmcv.ops`` where they use it; with the full ``mmcv`` it does nothing.
    """
    from mmcv.utils import ext_loader
    if importlib.util.find_spec('mmcv._ext') is None:
        ext_loader.load_ext = _functions_that_raise


def _functions_that_raise(name: str, functions: list[str]) -> ModuleType:
    module = ModuleType(f'mmcv.{name}')
    for function in functions:
        setattr(module, function, _raising(function))
    return module


def _raising(function: str) -> Callable:
    def missing_op(*_args, **_kwargs):
        raise NotImplementedError(
            f"mmcv.ops needs the compiled function '{function}', which mmcv-lite does not hold: "
            "install the full mmcv with 'make install MMCV=mmcv' (or pip install mmcv==2.1.0)")
    return missing_op


def stand_in_for_xtcocotools() -> ModuleSpec | None:
    """Serve ``xtcocotools`` from ``pycocotools`` where it is missing or does not import.

    Its last release (1.14.3) has wheels up to Python 3.11, built for numpy 1. mmpose uses
    ``coco``, ``cocoeval`` and ``mask`` alone, which both packages share. Needed until mmpose
    (after 1.3.2) asks for ``pycocotools``, or xtcocotools has current wheels.
    """
    try:
        importlib.import_module('xtcocotools.mask')         # the compiled part
    except (ImportError, ValueError, AttributeError) as error:   # numpy 2 gives any of the three
        for name in [n for n in sys.modules if n.split('.')[0] == 'xtcocotools']:
            del sys.modules[name]
        if importlib.util.find_spec('pycocotools') is None:
            raise ModuleNotFoundError(
                f'mmpose needs xtcocotools, which does not import here ({error}), or pycocotools '
                'in its place: pip install pycocotools', name='xtcocotools') from error
        return ModuleSpec('xtcocotools', _PycocotoolsLoader(), is_package=True)
    return ModuleSpec('xtcocotools', _ImportedLoader(), is_package=True)


class _ImportedLoader(Loader):
    """Hands out the working ``xtcocotools`` that trying it has imported."""

    def create_module(self, spec):
        module = sys.modules['xtcocotools']
        self.attributes = {name: getattr(module, name)
                           for name in ('__spec__', '__loader__', '__path__', '__file__')}
        return module

    def exec_module(self, module):
        vars(module).update(self.attributes)            # what the import system wrote over


class _PycocotoolsLoader(Loader):
    """Fills the module ``xtcocotools`` with the three modules of ``pycocotools``."""

    def create_module(self, spec):
        return None                                         # an ordinary empty module will do

    def exec_module(self, module):
        for name in ('mask', 'coco', 'cocoeval'):
            part = importlib.import_module(f'pycocotools.{name}')
            sys.modules[f'xtcocotools.{name}'] = part
            setattr(module, name, part)


def declare_torchvision_ops() -> None:
    """Declare the two ops whose absence breaks ``import torchvision`` beside a CPU torch.

    torchvision's registry builds are for CUDA: beside another build of torch their library does
    not load, and registering fake kernels for ops nobody declared raises. The declarations let
    its Python part (transforms, models) import. Needed until torchvision guards those
    registrations; where its library loads, nothing is declared.
    """
    import torch
    spec = importlib.util.find_spec('torchvision')
    if spec is None or _library_loads(spec):
        return
    library = torch.library.Library('torchvision', 'FRAGMENT')
    for name in ('nms', 'qnms'):
        if not hasattr(torch.ops.torchvision, name):
            library.define(f'{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
    _LIBRARIES.append(library)


def _library_loads(torchvision: ModuleSpec) -> bool:
    import torch
    try:
        for library in Path(torchvision.submodule_search_locations[0]).glob('_C.*'):
            torch.ops.load_library(library)
            return True
    except OSError:                     # built for another torch
        pass
    return False


def allow_mmengine_checkpoints() -> None:
    """Let ``torch.load`` read an mmengine checkpoint without unpickling freely.

    From torch 2.6 on only allow-listed globals load. A checkpoint of mmengine 0.10.7 holds its log
    history: numbers in numpy arrays in ``HistoryBuffer``, whose own statistics it fetches with
    ``getattr``. These few are allowed, ``getattr`` as a function that fetches nothing else. Needed
    until mmengine (after 0.10.7) lists them itself or stores plain tensors.
    """
    import torch
    if tuple(map(int, torch.__version__.split('.')[:2])) < (2, 6):  # loads as before, has no list
        return
    import numpy as np
    from mmengine.logging import HistoryBuffer
    reconstruct, scalar = np.zeros(1).__reduce__()[0], np.float64(0).__reduce__()[0]
    functions = [(function, f'numpy.{core}.multiarray.{name}')      # numpy 1 wrote core, 2 _core
                 for function, name in ((reconstruct, '_reconstruct'), (scalar, 'scalar'))
                 for core in ('core', '_core')]
    dtypes = [type(np.dtype(code)) for code in np.typecodes['AllInteger'] + 'efd?']
    torch.serialization.add_safe_globals(
        [HistoryBuffer, np.ndarray, np.dtype, bytes, *dtypes, *functions,
         (_history_statistic, 'builtins.getattr')])


def let_inferencers_take_boxes() -> None:
    """Let ``MMPoseInferencer(..., det_model='whole_image')(image, bboxes=[boxes])`` use the boxes.

    mmpose 1.3.2 has the argument, and drops it: without a detector every image is taken whole.
    Boxes that are given now stand in for what a detector finds, all of them, in their order. Needed
    until mmpose (after 1.3.2) uses them.
    """
    from mmpose.apis.inferencers.pose2d_inferencer import Pose2DInferencer
    original = Pose2DInferencer.preprocess_single

    def preprocess_single(self, input, index, bbox_thr=0.3, nms_thr=0.3, bboxes=()):
        if not len(bboxes) or self.detector is not None:
            return original(self, input, index, bbox_thr, nms_thr)
        self.detector, self.det_cat_ids = _finds(bboxes), (0,)
        try:
            return original(self, input, index, bbox_thr=-1, nms_thr=1)     # drops none of them
        finally:
            self.detector = None
    Pose2DInferencer.preprocess_single = preprocess_single


def _finds(boxes) -> Callable:
    """A detector that finds these boxes (P, 4) everywhere; the scores keep their order."""
    import torch
    from mmengine.structures import InstanceData
    corners = torch.as_tensor(boxes, dtype=torch.float32)[:, :4]
    found = InstanceData(bboxes=corners, labels=torch.zeros(len(corners), dtype=torch.long),
                         scores=1 - 1e-6 * torch.arange(len(corners)))
    return lambda *_args, **_kwargs: {'predictions': [SimpleNamespace(pred_instances=found)]}


def _history_statistic(owner: type, name: str) -> Callable:
    """``getattr`` for the one use a checkpoint has for it."""
    from mmengine.logging import HistoryBuffer
    if owner is not HistoryBuffer or name not in ('min', 'max', 'current', 'mean'):
        raise ValueError(f'a checkpoint may not fetch {name!r} of {owner!r}')
    return getattr(owner, name)


_LIBRARIES: list = []                   # of torch.library: declarations live as long as these
_PATCHES: dict[str, Patch] = {
    'mmcv.ops': stand_in_for_mmcv_ops,
    'xtcocotools': stand_in_for_xtcocotools,
    'torchvision': declare_torchvision_ops,
    'mmengine.runner': allow_mmengine_checkpoints,
    'mmpose.apis.inferencers.mmpose_inferencer': let_inferencers_take_boxes,
}
