"""What is put off is not imported by a run, and is the real thing as soon as it is used."""
import enum
import sys
from importlib.metadata import version
from types import ModuleType

import pytest
import torch
from fresh_python import run

from hourglass.compat.later import Later

MODULES = ('sympy', 'torch._inductor', 'torch.distributed.fsdp', 'torch.distributed.optim',
           'torchvision', 'scipy.stats', 'matplotlib.pyplot', 'munkres', 'mmdet.apis')


@pytest.mark.skipif(torch.__version__[:3] == '2.4', reason='mmpose imports torch.utils.checkpoint, '
                    'and that of torch 2.4 sympy')
def test_a_run_imports_none_of_it():
    """Importing, training, and reading the environment for the log."""
    assert run(f"""
import sys, torch
of_torch = set(sys.modules)                 # torch 2.1 imports sympy
import hourglass
import mmengine.runner, mmpose.datasets, mmpose.models, mmpose.visualization
from mmengine.utils.dl_utils import collect_env
print(collect_env()['TorchVision'])
weight = torch.nn.Parameter(torch.ones(1))
optimizer = torch.optim.Adam([weight])
weight.sum().backward()
optimizer.step()
optimizer.zero_grad()
print([name for name in {MODULES} if name in set(sys.modules) - of_torch],
      sys.modules['torch._dynamo'].__file__)
""").splitlines() == [version('torchvision'), '[] None']


class Colour(enum.Enum):
    RED = 1


class Base:
    def __init__(self, value: int):
        self.value = value


def double(value: int) -> int:
    return 2 * value


@pytest.fixture
def later(monkeypatch):
    module = ModuleType('made_for_a_test')
    module.Base, module.Colour, module.double = Base, Colour, double
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return lambda name: Later(module.__name__, name)


def test_a_stand_in_is_used_as_the_real_one(later):
    assert later('double')(3) == 6
    assert later('Colour').RED is later('Colour')['RED'] is Colour.RED
    assert isinstance(Base(1), later('Base')) and not isinstance(1, later('Base'))


def test_a_subclass_gets_its_real_base_when_it_is_made(later):
    class Derived(later('Base')):
        def __init__(self, value: int):
            super().__init__(value + 1)

    class Further(Derived):
        pass
    assert not issubclass(Derived, Base)
    made = Further(3)
    assert made.value == 4 and isinstance(made, Base) and type(made) is Further
    assert issubclass(Derived, Base) and Derived(1).value == 2


@pytest.mark.slow
def test_sharded_training_is_the_real_one(tmp_path):
    """FSDP itself needs an accelerator, and says so where there is none."""
    assert run(f"""
import hourglass, torch, torch.distributed as dist
from mmengine.model import MMFullyShardedDataParallel
from mmengine.optim import ZeroRedundancyOptimizer
from mmengine._strategy import FSDPStrategy
dist.init_process_group('gloo', init_method='file://{tmp_path}/store', rank=0, world_size=1)
weight = torch.nn.Parameter(torch.ones(2))
optimizer = ZeroRedundancyOptimizer([weight], 'SGD', lr=0.5)
weight.sum().backward()
optimizer.step()
from torch.distributed.optim import ZeroRedundancyOptimizer as Real
print(weight.tolist(), isinstance(optimizer, Real))
try:
    MMFullyShardedDataParallel(torch.nn.Linear(2, 2), sharding_strategy='NO_SHARD')
except RuntimeError as error:
    assert 'FSDP needs a non-CPU accelerator' in str(error)
from torch.distributed.fsdp import FullyShardedDataParallel
print(issubclass(MMFullyShardedDataParallel, FullyShardedDataParallel))
""").split('\n') == ['[0.5, 0.5] True', 'True']


@pytest.mark.slow
def test_random_boxes_and_simcc_drawings_work():
    assert run("""
import hourglass, numpy as np, torch
from mmpose.datasets.transforms import RandomBBoxTransform
from mmpose.visualization.simcc_vis import SimCCVisualizer
np.random.seed(0)
moved = RandomBBoxTransform(rotate_prob=1)(dict(
    bbox_center=np.ones((1, 2)), bbox_scale=np.ones((1, 2))))
drawn = SimCCVisualizer().draw_instance_xy_heatmap(
    torch.rand(2, 8, 8), np.zeros((8, 8, 3), np.uint8))
print(abs(moved['bbox_rotation'][0]) > 0, drawn is not None)
""").endswith('True')


@pytest.mark.slow                       # dynamo takes half a minute to import
def test_a_compiler_gets_the_real_dynamo_and_what_was_put_off():
    assert run("""
import hourglass, sys, mmengine.optim, torch
model = torch.nn.Linear(2, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
model(torch.ones(1, 2)).sum().backward()
optimizer.step()
optimizer.zero_grad()
later = sys.modules['torch._dynamo']
put_off = [function for function, _, _ in later.disabled]
compiled = torch.compile(model, backend='eager')
assert torch.equal(compiled(torch.ones(1, 2)), model(torch.ones(1, 2)))
from torch._dynamo.backends.registry import lookup_backend
print(sys.modules['torch._dynamo'] is not later, len(put_off) > 0,
      all(function.__dynamo_disable is not function for function in put_off))
""") == 'True True True'
