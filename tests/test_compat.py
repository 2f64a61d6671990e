"""Each patch works where it is needed and changes nothing where it is not."""
import importlib.util
import os
import re
import sys
import time
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from conftest import DRAWS_CIRCLES, REPOSITORY
from fresh_python import run
from mmengine.visualization import vis_backend

import hourglass
from hourglass import compat
from hourglass.checkpoints import loaders
from hourglass.checkpoints.names import find_config
from hourglass.models import backbone

HAS_COMPILED_OPS = importlib.util.find_spec('mmcv._ext') is not None


LOADED = """
import sys
import time
print(sorted({name.split('.')[0] for name in sys.modules} & {
    'torch', 'mmcv', 'mmpose', 'mmdet', 'mmengine', 'torchvision', 'cv2', 'scipy', 'h5py'}))
"""


@pytest.mark.parametrize(('program', 'loaded'), [
    ('import hourglass', '[]'), ('from hourglass import StackedHourglass', "['torch']")])
def test_importing_the_package_and_the_network_is_light(program, loaded):
    assert run(program + LOADED) == loaded


def test_the_package_exports_the_network_with_options():
    assert hourglass.StackedHourglass is backbone.StackedHourglass
    assert all(getattr(hourglass, name).__name__ == name for name in hourglass.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        hourglass.Nothing        # noqa: B018  (looking it up is the test)


def test_older_packages_are_refused_in_one_line(monkeypatch):
    monkeypatch.setattr(hourglass, 'version', lambda name: '1.13.1+cu117')
    with pytest.raises(ImportError, match=(
            r"^hourglass needs torch 2.0 or later, and 1.13.1\+cu117 is installed: "
            r"pip install 'torch>=2.0'$")):
        hourglass._refuse_older_packages()


def test_a_patch_runs_before_its_module_is_imported_and_only_then(tmp_path, monkeypatch):
    (tmp_path / 'patched_by_a_test.py').write_text('')
    monkeypatch.syspath_prepend(tmp_path)
    calls = []

    def patch():
        calls.append('patch')
        assert 'patched_by_a_test' not in sys.modules
        assert importlib.util.find_spec('patched_by_a_test').origin        # the original
    monkeypatch.setattr(compat, 'PATCHES', {'patched_by_a_test': patch})
    assert calls == []
    importlib.import_module('patched_by_a_test')
    importlib.import_module('patched_by_a_test')
    assert calls == ['patch']
    del sys.modules['patched_by_a_test']


@pytest.mark.parametrize('name', compat.PATCHES)
def test_each_patch_names_the_release_that_makes_it_unnecessary(name):
    patch = getattr(compat.PATCHES[name], 'func', compat.PATCHES[name])
    text = patch.__doc__ or loaders.register.__doc__        # imported when it is needed
    assert re.search(r'Needed until \w+', ' '.join(text.split()))


@pytest.mark.slow
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


def test_a_cached_grammar_of_yapf_is_whole_when_it_appears(tmp_path, monkeypatch):
    importlib.import_module('yapf')
    from yapf_third_party._ylib2to3.pgen2 import grammar
    seen, rename = [], os.rename

    def read_at_once(source, target):
        rename(source, target)
        seen.append(grammar.Grammar())
        seen[0].load(target)                    # as another process may do at this moment
    monkeypatch.setattr(os, 'rename', read_at_once)
    written = grammar.Grammar()
    written.symbol2number = {'file_input': 256}
    written.dump(str(tmp_path / 'Grammar.pickle'))
    assert seen[0].symbol2number == written.symbol2number


BLOCK = """
import sys
import time
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


RESTRICTS = pytest.mark.skipif(torch.__version__ < '2.6', reason='torch before 2.6 has no list')


@RESTRICTS
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


@RESTRICTS
def test_torch_allows_just_what_a_checkpoint_of_mmengine_holds():
    import mmengine.runner  # noqa: F401  (the list is filled as it is imported)
    listed = set()
    for entry in torch.serialization.get_safe_globals():
        thing, name = entry if isinstance(entry, tuple) else (entry, None)
        name = name or f'{thing.__module__}.{thing.__qualname__}'
        if not name.startswith('torch'):        # torch's own, for distributed tensors
            listed.add(name)
    dtypes = {f'numpy.dtypes.{type(np.dtype(code)).__name__}'
              for code in np.typecodes['AllInteger'] + 'efd?'}
    assert listed == dtypes | {
        'mmengine.logging.history_buffer.HistoryBuffer', 'builtins.bytes', 'builtins.getattr',
        'numpy.ndarray', 'numpy.dtype', *(f'numpy.{core}.multiarray.{name}'
                                          for core in ('core', '_core')
                                          for name in ('_reconstruct', 'scalar'))}


@RESTRICTS
def test_nothing_else_is_allowed(tmp_path):
    import mmengine.runner  # noqa: F401  (the patch has run)
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


def test_mlflow_gets_only_names_that_it_takes(monkeypatch):
    """MLflow 3 takes alphanumerics, underscores, dashes, periods, spaces, colons and slashes."""
    logged = []
    monkeypatch.setattr(vis_backend.MLflowVisBackend, 'add_scalars',
                        lambda self, scalars, step=0: logged.append((scalars, step)))
    compat.name_scores_for_mlflow()
    vis_backend.MLflowVisBackend.add_scalars(None, {'mpii/Total@0.1': 1.0, 'loss_a-b': 2.0}, step=3)
    assert logged == [({'mpii/Total_0.1': 1.0, 'loss_a-b': 2.0}, 3)]


def test_a_clock_that_jumps_does_not_change_the_times_of_a_run(monkeypatch):
    import mmengine.runner  # noqa: F401  (then it is patched)
    from mmengine.hooks import IterTimerHook
    from mmengine.logging import MessageHub
    runner = SimpleNamespace(iter=0, max_iters=10**6, message_hub=MessageHub('clock'))
    timer = IterTimerHook()
    timer.before_train(runner)
    timer.before_train_epoch(runner)
    monkeypatch.setattr(time, 'time', lambda: 1e12)
    timer.after_train_iter(runner, batch_idx=0)
    assert 0 <= runner.message_hub.get_scalar('train/time').current() < 1e6


def test_applying_twice_changes_nothing():
    before = list(sys.meta_path)
    compat.apply()
    assert sys.meta_path == before


def test_tools_leave_mmpose_to_the_package():
    """mmpose imports only after ``import hourglass``, which sorted imports put last."""
    for path in sorted((REPOSITORY / 'tools').glob('*.py')):
        imported = re.findall(r'^(?:import|from) (mmpose|mmcv|mmdet)\b', path.read_text(), re.M)
        assert not imported, f'{path.name} imports {imported}'


BOXES = np.array([[20.0, 10, 90, 110], [25, 12, 95, 115], [60, 5, 128, 90]])    # two are alike


@DRAWS_CIRCLES
@pytest.mark.parametrize('name', ['flic-small', 'lsp-small'])
def test_mmposes_inferencer_finds_what_predict_finds(name, synthetic, tmp_path):
    from mmpose.apis import MMPoseInferencer

    from hourglass.apis import init_model, predict
    path = str(min((synthetic / 'synthetic/test/images').iterdir()))
    inferencer = MMPoseInferencer(str(find_config(name)), f'hourglass://{name}',
                                  det_model='whole_image', device='cpu')
    model = init_model(name, device='cpu')
    whole = next(inferencer(path, out_dir=str(tmp_path)))
    boxed = next(inferencer(path, bboxes=[BOXES]))
    for found, expected in ((whole, predict(model, path, whole_image=True)),
                            (boxed, predict(model, path, BOXES))):
        keypoints = [person['keypoints'] for person in found['predictions'][0]]
        assert np.array(keypoints) == pytest.approx(expected.keypoints, abs=1e-3)   # float32 boxes
    drawn = cv2.imread(str(next((tmp_path / 'visualizations').iterdir())))
    assert (drawn != cv2.imread(path)).any()
    assert len(next(inferencer(path))['predictions'][0]) == 1           # the boxes are forgotten
    # they replace those of a detector, too, which then finds people again
    detector = compat._detector_of(BOXES[:1])
    inferencer.inferencer.detector, inferencer.inferencer.det_cat_ids = detector, (0,)
    assert len(next(inferencer(path, bboxes=[BOXES]))['predictions'][0]) == 3
    assert inferencer.inferencer.detector is detector


def test_mmposes_inferencer_warns_where_nothing_says_where_people_are(caplog):
    from mmpose.apis.inferencers.mmpose_inferencer import Pose2DInferencer
    for det_model in ('whole_image', None):
        assert not caplog.records
        inferencer = SimpleNamespace(cfg=SimpleNamespace(dataset_type='hourglass.FlicDataset'))
        Pose2DInferencer._init_detector(inferencer, det_model=det_model, device='cpu')
    assert 'one person is looked for in each whole image; give det_model, bboxes' in caplog.text
