"""The scope ``hourglass`` in OpenMMLab's registries: what ``type='hourglass.X'`` is looked up in.

Every registry is a child of mmengine's root, so that any OpenMMLab project finds it whatever its
default scope; mmengine imports this module by itself. ``locations`` are imported at the first
look-up. mmpose keeps its codec registry outside mmengine's tree, so ours hangs under mmpose's,
where mmpose is installed: without it the backbone alone is registered.
"""
from importlib.util import find_spec

from mmengine import registry as root

from hourglass import compat
from hourglass.models.long_hourglass import LongHourglass
from hourglass.models.network import StackedHourglass

compat.apply()
_HAS_MMPOSE = find_spec('mmpose') is not None


def _child(parent: root.Registry, *locations: str) -> root.Registry:
    return root.Registry(parent.name, parent=parent, scope='hourglass',
                         locations=list(locations) if _HAS_MMPOSE else [])


MODELS = _child(root.MODELS, 'hourglass.models.head', 'hourglass.models.distill')
DATASETS = _child(root.DATASETS, 'hourglass.datasets.mpii.dataset', 'hourglass.datasets.flic',
                  'hourglass.datasets.lsp', 'hourglass.engine.batches')
DATA_SAMPLERS = _child(root.DATA_SAMPLERS, 'hourglass.engine.batches',
                       'hourglass.engine.journal_loop')
TRANSFORMS = _child(root.TRANSFORMS, 'hourglass.datasets.transforms')
METRICS = _child(root.METRICS, 'hourglass.evaluation.metrics',
                 'hourglass.evaluation.submission')
HOOKS = _child(root.HOOKS, 'hourglass.engine.hooks', 'hourglass.engine.checkpoints',
               'hourglass.engine.stopping', 'hourglass.engine.watching',
               'hourglass.engine.statistics', 'hourglass.engine.optimize_hook')
LOOPS = _child(root.LOOPS, 'hourglass.engine.loops', 'hourglass.engine.journal_loop')
OPTIM_WRAPPERS = _child(root.OPTIM_WRAPPERS, 'hourglass.engine.optim')
MODEL_WRAPPERS = _child(root.MODEL_WRAPPERS, 'hourglass.engine.distributed')

if _HAS_MMPOSE:
    from mmpose.registry import KEYPOINT_CODECS as MMPOSE_CODECS
    KEYPOINT_CODECS = _child(MMPOSE_CODECS, 'hourglass.codecs.hourglass_heatmap')

MODELS.register_module(module=StackedHourglass)
MODELS.register_module(module=LongHourglass)
