"""The scope ``hourglass`` in OpenMMLab's registries, in which ``type='hourglass.X'`` is found.

Each registry is a child of mmengine's root, so that every OpenMMLab project finds it from any
default scope. mmengine imports this module by itself, and imports ``locations`` at the first
look-up. mmpose keeps its codec registry outside mmengine's tree, so ours is a child of mmpose's.
Without mmpose only the networks are registered.
"""
from importlib.util import find_spec

from mmengine import registry as root

_HAS_MMPOSE = find_spec('mmpose') is not None


def _child(parent: root.Registry, *modules: str) -> root.Registry:
    """Make a child of the registry that looks up types of other scopes, with our modules."""
    return root.Registry(parent.name, parent=parent, scope='hourglass', locations=[
        f'hourglass.{module}' for module in modules
        if _HAS_MMPOSE or module == 'models.registered'])


MODELS = _child(root.MODELS, 'models.registered', 'models.head', 'models.distill',
                'models.person_detector', 'inference.openmmlab')
DATASETS = _child(root.DATASETS, 'datasets.mpii.dataset', 'datasets.flic.dataset',
                  'datasets.lsp.dataset', 'datasets.coco', 'datasets.boxes', 'engine.batches')
DATA_SAMPLERS = _child(root.DATA_SAMPLERS, 'engine.batches')
TRANSFORMS = _child(root.TRANSFORMS, 'datasets.transforms', 'datasets.boxes')
METRICS = _child(root.METRICS, 'evaluation.metrics', 'evaluation.own_metrics',
                 'evaluation.oks_metric', 'evaluation.submission', 'evaluation.usable_boxes')
HOOKS = _child(root.HOOKS, 'engine.budget', 'engine.display', 'engine.model_hooks',
               'engine.saving', 'engine.statistics', 'engine.stopping', 'engine.watching')
LOOPS = _child(root.LOOPS, 'engine.loops', 'engine.journal_loop')
OPTIM_WRAPPER_CONSTRUCTORS = _child(root.OPTIM_WRAPPER_CONSTRUCTORS, 'engine.optim')
OPTIM_WRAPPERS = _child(root.OPTIM_WRAPPERS, 'engine.optim')
MODEL_WRAPPERS = _child(root.MODEL_WRAPPERS, 'engine.distributed')

if _HAS_MMPOSE:
    from mmpose.registry import KEYPOINT_CODECS as MMPOSE_CODECS
    KEYPOINT_CODECS = _child(MMPOSE_CODECS, 'codecs.hourglass_heatmap')
