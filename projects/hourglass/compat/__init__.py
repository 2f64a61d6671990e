"""Patches that let OpenMMLab's last releases run on a current machine.

A patch runs just before the module that needs it is imported, and changes nothing where the
original works. Its docstring names the release that makes it unnecessary.
"""
from __future__ import annotations

import copy
import importlib
import importlib.util
import logging
import pickle
import re
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, BinaryIO, NoReturn, Optional

from hourglass.compat.later import (
    LATER,
    import_later,
    leave_out_dynamo,
    read_version_of_torchvision,
)

Patch = Callable[[], Optional[ModuleSpec]]


def apply() -> None:
    """Arrange for every patch to run; another call changes nothing.

    A module that is imported already is patched at once: it may be only partly imported, as
    ``mmengine.runner`` is when a config's ``custom_imports`` imports this package.
    """
    if not any(isinstance(finder, _PatchingFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _PatchingFinder())
        for name in [name for name in PATCHES if name in sys.modules]:
            PATCHES[name]()


class _PatchingFinder(MetaPathFinder):
    """A finder that runs the patch of a module when that module is first looked for."""

    def __init__(self) -> None:
        self.running: set[str] = set()                  # their modules are left to other finders

    def find_spec(self, fullname: str, path: Sequence[str] | None = None,
                  target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname in self.running or fullname not in PATCHES:
            return None
        self.running.add(fullname)
        try:
            return PATCHES[fullname]()
        finally:
            self.running.remove(fullname)


def stand_in_for_mmcv_ops() -> None:
    """Let ``mmcv.ops`` import without its compiled part, as in ``mmcv-lite``; its ops then raise.

    ``mmpose.models`` imports it for two transformers that are not used here. Needed until mmpose
    (after 1.3.2) and mmdet (after 3.3.0) import ``mmcv.ops`` where they use it.
    """
    from mmcv.utils import ext_loader
    if importlib.util.find_spec('mmcv._ext') is None:
        ext_loader.load_ext = lambda name, functions: SimpleNamespace(
            **{function: partial(_raise_missing, function) for function in functions})


def _raise_missing(function: str, *_args: object, **_options: object) -> NoReturn:
    raise NotImplementedError(
        f"mmcv.ops needs the compiled function '{function}', which mmcv-lite does not hold: install"
        " the full mmcv with 'make install MMCV=mmcv' (or pip install mmcv==2.1.0)")


def stand_in_for_xtcocotools() -> ModuleSpec:
    """Import ``xtcocotools`` from ``pycocotools`` if it is missing or does not import.

    Its last release (1.14.3) has wheels up to Python 3.11, built for numpy 1. mmpose uses only
    the modules that both packages share. Needed until mmpose (after 1.3.2) asks for
    ``pycocotools``, or xtcocotools has current wheels.
    """
    try:
        parts = _coco_modules('xtcocotools')
        spec = copy.copy(sys.modules['xtcocotools'].__spec__)
        assert spec is not None                                     # it was imported
    except (ImportError, ValueError, AttributeError) as error:      # numpy 2 raises any of them
        for name in [n for n in sys.modules if n.split('.')[0] == 'xtcocotools']:
            del sys.modules[name]
        if importlib.util.find_spec('pycocotools') is None:
            raise ModuleNotFoundError(
                f'mmpose needs xtcocotools, which does not import here ({error}), or pycocotools '
                'in its place: pip install pycocotools', name='xtcocotools') from error
        parts = _coco_modules('pycocotools')
        parts['cocoeval'] = _with_xtcocotools_evaluation(parts['cocoeval'])
        spec = ModuleSpec('xtcocotools', None, is_package=True)
    spec.loader = _PartsLoader(parts)
    return spec


def _coco_modules(package: str) -> dict[str, ModuleType]:
    return {name: importlib.import_module(f'{package}.{name}')
            for name in ('mask', 'coco', 'cocoeval')}


def _with_xtcocotools_evaluation(cocoeval: ModuleType) -> ModuleType:
    """Return pycocotools' ``cocoeval`` with the arguments of xtcocotools' ``COCOeval``."""
    class COCOeval(cocoeval.COCOeval):      # type: ignore[name-defined]  # of a module given
        def __init__(self, cocoGt: Any = None, cocoDt: Any = None,      # noqa: N803
                     iouType: str = 'keypoints', sigmas: Sequence | None = None,    # noqa: N803
                     use_area: bool = True):
            for person in cocoGt.anns.values():             # what xtcocotools computes by itself
                person['num_keypoints'] = sum(flag > 0 for flag in person['keypoints'][2::3])
                if not use_area or 'area' not in person:
                    person['area'] = 0.53 * person['bbox'][2] * person['bbox'][3]
            super().__init__(cocoGt, cocoDt, iouType)
            if sigmas is not None:
                self.params.kpt_oks_sigmas = sigmas

    module = ModuleType(cocoeval.__name__)
    vars(module).update(vars(cocoeval), COCOeval=COCOeval)
    return module


class _PartsLoader(Loader):
    """A loader that fills the module ``xtcocotools`` with modules imported before."""

    def __init__(self, parts: dict[str, ModuleType]):
        self.parts = parts

    def exec_module(self, module: ModuleType) -> None:
        for name, part in self.parts.items():
            sys.modules[f'xtcocotools.{name}'] = part
            setattr(module, name, part)


def write_yapf_grammars_whole() -> None:
    """Let processes that start together on a new machine import ``yapf``, which mmengine does.

    Its first import caches its grammars in the user's cache folder, as files that it renames into
    place before their content is flushed: another process then reads an empty file and fails with
    ``EOFError``. Needed until yapf (after 0.43.0) flushes them first.
    """
    with suppress(ImportError):                         # other releases keep it elsewhere
        from yapf_third_party._ylib2to3.pgen2 import grammar
        grammar.pickle = SimpleNamespace(**{**vars(pickle), 'dump': _dump_and_flush})


def _dump_and_flush(content: object, file: BinaryIO, protocol: int) -> None:
    pickle.dump(content, file, protocol)
    file.flush()


def declare_torchvision_ops() -> None:
    """Declare the two ops without which ``import torchvision`` fails beside a CPU torch.

    Its builds for CUDA do not load their library there, and it then registers fake kernels of
    undeclared ops, which raises. Needed until torchvision guards those registrations; nothing is
    declared where its library loads.
    """
    import torch
    spec = importlib.util.find_spec('torchvision')
    if spec is None or not spec.submodule_search_locations:
        return
    with suppress(OSError, StopIteration):      # built for another torch, or missing
        torch.ops.load_library(next(Path(spec.submodule_search_locations[0]).glob('_C.*')))
        return
    _LIBRARIES.append(torch.library.Library('torchvision', 'FRAGMENT'))
    for name in ('nms', 'qnms'):
        if not hasattr(torch.ops.torchvision, name):
            _LIBRARIES[-1].define(
                f'{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')


def allow_mmengine_checkpoints() -> None:
    """Let ``torch.load`` read an mmengine checkpoint weights-only.

    Since torch 2.6 only listed globals load, and earlier releases have no such list. Needed until
    mmengine (after 0.10.7) lists :func:`mmengine_globals` or stores plain tensors.
    """
    import torch
    if torch.__version__ >= '2.6':
        import numpy as np
        torch.serialization.add_safe_globals([
            *((thing, name) for name, thing in mmengine_globals().items()),
            *(type(np.dtype(code)) for code in np.typecodes['AllInteger'] + 'efd?')])


def mmengine_globals() -> dict[str, Any]:
    """Return the classes and functions that an mmengine checkpoint holds besides tensors, by name.

    mmengine 0.10.7 stores its log history: numpy arrays in ``HistoryBuffer``, whose methods it
    looks up with ``getattr``, listed as a function that looks up nothing else.
    """
    import numpy as np
    from mmengine.logging import HistoryBuffer
    reconstruct, scalar = np.zeros(1).__reduce__()[0], np.float64(0).__reduce__()[0]
    functions = {f'numpy.{core}.multiarray.{name}': function    # numpy 1 wrote core, 2 _core
                 for function, name in ((reconstruct, '_reconstruct'), (scalar, 'scalar'))
                 for core in ('core', '_core')}
    return {'mmengine.logging.history_buffer.HistoryBuffer': HistoryBuffer, 'builtins.bytes': bytes,
            'builtins.getattr': _history_statistic, 'numpy.ndarray': np.ndarray,
            'numpy.dtype': np.dtype, **functions}


def _history_statistic(owner: type, name: str) -> Callable:
    """Return a method of ``HistoryBuffer``, as ``getattr`` does in a checkpoint."""
    from mmengine.logging import HistoryBuffer
    if owner is not HistoryBuffer or name not in ('min', 'max', 'current', 'mean'):
        raise ValueError(f'a checkpoint may not fetch {name!r} of {owner!r}')
    return getattr(owner, name)


def let_inferencers_take_boxes() -> None:
    """Let ``MMPoseInferencer(..., det_model='whole_image')(image, bboxes=[boxes])`` use the boxes.

    mmpose 1.3.2 has the argument but ignores it: without a detector, every image is one box. The
    given boxes replace a detector's, in their order; an image without any is one box. Needed until
    mmpose (after 1.3.2) uses them. Where no detector is named, it has none for our data sets: then
    a warning says so.
    """
    import numpy as np
    from mmpose.apis.inferencers.pose2d_inferencer import Pose2DInferencer
    original, init_detector = Pose2DInferencer.preprocess_single, Pose2DInferencer._init_detector

    def _init_detector(self: Any, det_model: Any = None, *args: Any, **options: Any) -> None:
        init_detector(self, det_model, *args, **options)
        if det_model is None and self.detector is None:
            logging.getLogger(__name__).warning(
                'MMPoseInferencer: one person is looked for in each whole image; give det_model, '
                "bboxes with each call, or det_model='whole_image'")

    def preprocess_single(self: Any, input: Any, index: int, bbox_thr: float = 0.3,
                          nms_thr: float = 0.3, bboxes: Sequence = ()) -> Any:
        if not len(bboxes):
            return original(self, input, index, bbox_thr, nms_thr)
        if np.ndim(bboxes[0]) == 2:             # mmpose 1.2 gives those of all images
            bboxes = bboxes[index]
        before = self.detector, getattr(self, 'det_cat_ids', None)
        self.detector, self.det_cat_ids = _detector_of(bboxes), (0,)
        try:
            return original(self, input, index, bbox_thr=-1, nms_thr=1)     # drops none of them
        finally:
            self.detector, self.det_cat_ids = before
    Pose2DInferencer.preprocess_single = preprocess_single
    Pose2DInferencer._init_detector = _init_detector


def time_without_the_clock() -> None:
    """Let ``IterTimerHook`` count the seconds that pass, whatever the machine's clock is set to.

    Needed until mmengine (after 0.10.7) uses ``time.monotonic``.
    """
    from mmengine.hooks import iter_timer_hook
    iter_timer_hook.time = SimpleNamespace(time=time.monotonic)


def name_scores_for_mlflow() -> None:
    """Let ``MLflowVisBackend`` log ``Total@0.1`` as ``Total_0.1``: MLflow refuses other characters.

    Needed until mmengine (after 0.10.7) replaces them.
    """
    from mmengine.visualization.vis_backend import MLflowVisBackend
    original = MLflowVisBackend.add_scalars

    def add_scalars(self: Any, scalars: dict, *args: object, **kwargs: object) -> None:
        original(self, {re.sub(r'[^\w./: -]', '_', name): value for name, value in scalars.items()},
                 *args, **kwargs)
    MLflowVisBackend.add_scalars = add_scalars


def _detector_of(boxes: Sequence) -> Callable:
    """Return a detector that finds these boxes (P, 4) in any image, in this order of scores."""
    import torch
    from mmengine.structures import InstanceData
    corners = torch.as_tensor(boxes, dtype=torch.float32)[:, :4]
    found = InstanceData(bboxes=corners, labels=torch.zeros(len(corners), dtype=torch.long),
                         scores=1 - 1e-6 * torch.arange(len(corners)))
    return lambda *_args, **_options: {'predictions': [SimpleNamespace(pred_instances=found)]}


_LIBRARIES: list = []                   # of torch.library: declarations last as long as these
PATCHES: dict[str, Patch] = {           # module -> what runs before its import
    'mmcv.ops': stand_in_for_mmcv_ops,
    'xtcocotools': stand_in_for_xtcocotools,
    'yapf': write_yapf_grammars_whole,
    'torchvision': declare_torchvision_ops,
    'mmengine.optim': leave_out_dynamo,
    'mmengine.utils.dl_utils.collect_env': read_version_of_torchvision,
    'mmengine.runner.log_processor': time_without_the_clock,
    'mmengine.runner': allow_mmengine_checkpoints,
    'mmpose.apis.inferencers.mmpose_inferencer': let_inferencers_take_boxes,
    'mlflow': name_scores_for_mlflow,
    **{name: partial(import_later, name, *modules) for name, modules in LATER.items()},
}
