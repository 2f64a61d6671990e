"""Each mend does its work where it is needed, and nothing where it is not."""
import importlib.util
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import REPOSITORY

from hourglass import compat
from hourglass.errors import CheckpointError

HAS_COMPILED_OPS = importlib.util.find_spec('mmcv._ext') is not None


def run(program: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', program], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_network_is_light():
    assert run("import sys; from hourglass import StackedHourglass\n"
               "print([m for m in sys.modules if m.split('.')[0] in "
               "('mmcv', 'mmpose', 'mmdet', 'mmengine', 'torchvision', 'cv2')])") == '[]'


def test_mmpose_mmdet_and_torchvision_import_and_full_mmcv_is_not_pretended():
    program = ('import hourglass, mmpose.models, mmpose.apis, mmdet.models\n'
               'from torchvision.transforms import ToPILImage\n'
               'from mmengine.utils.dl_utils import mmcv_full_available\n'
               'print(mmcv_full_available())')
    assert run(program) == str(HAS_COMPILED_OPS)


@pytest.mark.skipif(HAS_COMPILED_OPS, reason='the real ops are here')
def test_calling_a_stand_in_op_names_the_op_and_the_fix():
    from mmcv.ops import nms
    with pytest.raises(NotImplementedError, match=r"'nms'.*make install MMCV=mmcv"):
        nms(torch.zeros(1, 4), torch.zeros(1), 0.5)


def test_ops_stay_untouched_where_they_are_compiled(monkeypatch):
    from mmcv.utils import ext_loader
    monkeypatch.setattr(ext_loader, 'load_ext', original := ext_loader.load_ext)
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: object())
    compat.stand_in_for_mmcv_ops()
    assert ext_loader.load_ext is original


BLOCK = """
import sys
class Broken:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {names}:
            raise {error}
sys.meta_path.insert(0, Broken())
import hourglass
"""


@pytest.mark.parametrize('error', ['ModuleNotFoundError(name)',
                                   "ValueError('numpy.dtype size changed')"])
def test_pycocotools_stands_in_for_a_broken_xtcocotools(error):
    program = BLOCK.format(names={'xtcocotools'}, error=error) + (
        'import importlib.util\nimportlib.util.find_spec("xtcocotools")     # only a look\n'
        'from xtcocotools.coco import COCO\nimport xtcocotools.mask, xtcocotools.cocoeval\n'
        "print(COCO.__module__, sys.modules['xtcocotools.mask'].__name__)")
    assert run(program) == 'pycocotools.coco pycocotools.mask'


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec('xtcocotools') is None or np.__version__ >= '2',
                    reason='xtcocotools does not work here')
def test_a_working_xtcocotools_is_left_alone():
    assert run('import hourglass; import importlib.util; importlib.util.find_spec("xtcocotools")\n'
               'import xtcocotools.mask, xtcocotools.coco\n'
               'print(xtcocotools.mask.encode.__module__, xtcocotools.coco.COCO.__module__,'
               ' xtcocotools.__spec__.origin == xtcocotools.__file__)') == (
        'xtcocotools.mask xtcocotools.coco True')


@pytest.mark.slow
def test_without_either_the_error_says_what_to_install():
    program = BLOCK.format(names={'xtcocotools', 'pycocotools'},
                           error='ModuleNotFoundError(name)') + (
        'import importlib.util\nreal = importlib.util.find_spec\n'
        "importlib.util.find_spec = lambda n, p=None: None if n == 'pycocotools' else real(n, p)\n"
        'try:\n    import xtcocotools\nexcept ModuleNotFoundError as error: print(error)')
    assert run(program).endswith('pip install pycocotools')


def test_torchvision_ops_are_declared_only_beside_a_foreign_library(tmp_path, monkeypatch):
    torchvision = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    declared = []
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: torchvision)
    monkeypatch.setattr(torch.library, 'Library', lambda *_: SimpleNamespace(
        define=lambda schema: declared.append(schema.split('(')[0])))
    monkeypatch.setattr(compat, '_LIBRARIES', [])
    monkeypatch.setattr(torch.ops, 'torchvision', SimpleNamespace())

    monkeypatch.setattr(torch.ops, 'load_library', lambda path: None)
    (tmp_path / '_C.so').touch()
    compat.declare_torchvision_ops()                # its library loads: nothing to do
    assert declared == []

    def foreign(path):
        raise OSError('undefined symbol')
    monkeypatch.setattr(torch.ops, 'load_library', foreign)
    compat.declare_torchvision_ops()
    assert declared == ['nms', 'qnms']


@pytest.mark.slow
def test_an_mmengine_checkpoint_loads_weights_only(tmp_path):
    from mmengine.logging import HistoryBuffer
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    torch.save({'message_hub': {'log_scalars': {'loss': history}}, 'x': np.float64(3)},
               tmp_path / 'epoch_1.pth')
    program = ('import torch, sys; import hourglass; import mmengine.runner\n'
               f"c = torch.load(r'{tmp_path / 'epoch_1.pth'}', weights_only=True)\n"
               "print(c['message_hub']['log_scalars']['loss'].data, c['x'])")
    assert run(program) == '(array([1., 2.]), array([1, 1])) 3.0'


@pytest.mark.slow                       # three processes
def test_mmengine_reads_safetensors_and_all_else_as_before(tmp_path):
    from safetensors.torch import save_file
    weights = {'weight': torch.rand(2, 3).half(), 'bias': torch.rand(2).half()}
    save_file(weights, tmp_path / 'a.safetensors', metadata={'family': 'none'})
    torch.save({'state_dict': weights}, tmp_path / 'a.pth')
    ways = ('import hourglass', 'import mmengine.runner, hourglass', 'import hourglass; '
            'from hourglass.checkpoints import loaders; loaders.register()')
    program = (
        '\nimport torch, mmengine.runner.checkpoint as c\n'
        'load = c.CheckpointLoader._get_checkpoint_loader\n'
        'for ending in ("safetensors", "pth"):\n'
        '    layer = torch.nn.Linear(3, 2)\n'
        f"    path = r'{tmp_path / 'a.'}' + ending\n"
        '    content = c.load_checkpoint(layer, path, map_location="cpu", strict=True)\n'
        '    print(load(path).__name__, list(content), layer.weight.dtype,'
        ' layer.weight.half().equal(content["state_dict"]["weight"]))\n'
        'print(load("https://x/a.safetensors").__name__, load("s3://x/a.safetensors").__name__,'
        ' len([p for p in c.CheckpointLoader._schemes if "safetensors" in p]))')
    with ThreadPoolExecutor() as pool:                  # fresh processes, side by side
        outputs = list(pool.map(lambda imports: run(imports + program), ways))
    for imports, output in zip(ways, outputs, strict=True):
        lines = [line for line in output.splitlines() if 'Loads' not in line]
        assert lines == [
            "load_from_safetensors ['state_dict', 'meta'] torch.float32 True",
            "load_from_local ['state_dict'] torch.float32 True",
            'load_from_http load_from_ceph 1'], imports


def test_nothing_else_is_allowed(tmp_path):
    import mmengine.runner  # noqa: F401  (the mend has run)
    from mmengine.logging import HistoryBuffer

    class Malicious:
        def __init__(self, *call):
            self.call = call

        def __reduce__(self):
            return self.call
    for call, reason in (((open, (str(tmp_path / 'trace'), 'w')), 'Unsupported global'),
                         ((getattr, (HistoryBuffer, '__init__')), 'may not fetch'),
                         ((getattr, (bytes, 'mean')), 'may not fetch')):
        torch.save({'state_dict': Malicious(*call)}, tmp_path / 'malicious.pth')
        with pytest.raises(Exception, match=reason):
            torch.load(tmp_path / 'malicious.pth', weights_only=True)
    assert not (tmp_path / 'trace').exists()


def test_applying_twice_changes_nothing():
    before = list(sys.meta_path)
    compat.apply()
    assert sys.meta_path == before


def test_weights_in_the_package_load_by_their_name():
    from mmengine.runner import CheckpointLoader
    checkpoint = CheckpointLoader.load_checkpoint('hourglass://lsp-small', 'cpu')
    assert checkpoint['meta']['dataset_meta']['num_keypoints'] == 14
    with pytest.raises(CheckpointError, match="did you mean 'lsp-small'"):
        CheckpointLoader.load_checkpoint('hourglass://lsp-smal', 'cpu')


def test_tools_leave_mmpose_to_the_package():
    """It imports only behind ``import hourglass``, which sorted imports put last."""
    for path in sorted((REPOSITORY / 'tools').glob('*.py')):
        imported = re.findall(r'^(?:import|from) (mmpose|mmcv|mmdet)\b', path.read_text(), re.M)
        assert not imported, f'{path.name} imports {imported}'
