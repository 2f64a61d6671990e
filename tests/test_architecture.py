"""The layers of the package: an inner one never imports an outer one, and there is no cycle."""
import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import REPOSITORY
from pairs import zip_equal

PACKAGE = REPOSITORY / 'projects/hourglass'
# from the inside out; docs/architecture.md says what each is for
LAYERS = ['errors', 'registry', 'io', 'compat', 'models', 'codecs', 'datasets', 'evaluation',
          'checkpoints', 'inference', 'deploy', 'engine', 'analysis', 'apis', 'web', 'cli']


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix('').parts
    return '.'.join(part for part in parts if part != '__init__')


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob('*.py'))
           if '.mim' not in path.parts}


def imported(path: Path) -> set[str]:
    """What a module imports, anywhere in it, as dotted names."""
    tree = ast.parse(path.read_text())
    found = set()
    tree.body = [node for node in tree.body if not (
        isinstance(node, ast.If) and getattr(node.test, 'id', '') == 'TYPE_CHECKING')]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {f'{node.module}.{alias.name}' for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            raise AssertionError(f'{path}: relative import')
    return found


def imports(path: Path) -> set[str]:
    """Modules of the package that a module imports, anywhere in it, as dotted names."""
    ours = {name.removeprefix('hourglass.') for name in imported(path)
            if name.startswith('hourglass.')}
    return {next(part for part in (name, name.rpartition('.')[0]) if part in MODULES)
            for name in ours if name in MODULES or name.rpartition('.')[0] in MODULES}


def layer(name: str) -> str:
    return name.split('.')[0]


def test_every_layer_is_in_the_list():
    assert {layer(name) for name in MODULES} - {'', '__main__'} == set(LAYERS)


@pytest.mark.parametrize('name', [name for name in MODULES if name not in ('', '__main__')])
def test_no_layer_imports_one_further_out(name):
    place = LAYERS.index(layer(name))
    outward = {other for other in imports(MODULES[name])
               if other and LAYERS.index(layer(other)) > place}
    assert not outward


# configs, and the detector of a user who names one of mmdet
WITH_OPENMMLAB = ('inference.openmmlab', 'inference.detectors')


@pytest.mark.parametrize('name', [name for name in MODULES if layer(name) in ('inference', 'deploy')
                                  and name not in WITH_OPENMMLAB])
def test_prediction_imports_no_package_of_openmmlab(name):
    roots = {full_name.split('.')[0] for full_name in imported(MODULES[name])}
    assert not roots & {'mmengine', 'mmcv', 'mmpose', 'mmdet'}


def test_no_module_imports_itself_through_others():
    arrows = {name: imports(path) - {name} for name, path in MODULES.items() if name}
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, ' -> '.join((*above, name))
        if name not in done:
            for other in sorted(arrows.get(name, ())):
                visit(other, (*above, name))
            done.add(name)
    for name in arrows:
        visit(name, ())


def test_the_network_is_one_file_that_runs_alone(tmp_path):
    """Copied to an empty folder, with torch and nothing of this package to import."""
    from hourglass import StackedHourglass
    source = PACKAGE / 'models/network.py'
    assert len(source.read_text().splitlines()) <= 130
    shutil.copy(source, tmp_path)
    torch.manual_seed(0)
    ours = StackedHourglass(num_stacks=2, channels=16, num_keypoints=3, depth=2,
                            stem_channels=(4, 8, 8)).eval()
    images = torch.rand(2, 3, 32, 48)
    torch.save((ours.state_dict(), images), tmp_path / 'given.pth')
    subprocess.run([sys.executable, '-S', '-c', f"""
import sys; sys.path = [{str(tmp_path)!r}, *{[p for p in sys.path if 'projects' not in p]!r}]
import torch
from network import StackedHourglass
weights, images = torch.load('given.pth')
alone = StackedHourglass(2, 16, 3, 2, stem_channels=(4, 8, 8)).eval()
alone.load_state_dict(weights)
torch.save(alone(images), 'found.pth')
assert not {{'hourglass', 'mmengine', 'mmpose'}} & set(sys.modules)
"""], cwd=tmp_path, check=True, env={})
    for found, expected in zip_equal(torch.load(tmp_path / 'found.pth'), ours(images)):
        assert torch.allclose(found, expected, atol=1e-6)       # threads sum in another order


def test_every_module_is_tested_by_its_mirror():
    """``a/b.py`` by ``tests/a/test_b.py``; the renderer as a whole by one file."""
    tests = REPOSITORY / 'tests'
    missing = []
    for name, path in MODULES.items():
        place = path.relative_to(PACKAGE)
        if path.name.startswith('__') or 'synthetic' in place.parts:
            continue                        # interfaces of layers; the renderer's parts
        if not (tests / place.parent / f'test_{path.name}').is_file():
            missing.append(name)
    assert not missing


@pytest.mark.parametrize('folder', ['projects', 'tests', 'tools', 'docs'])
def test_the_sources_need_no_python_after_39(folder):
    """Calls that ruff's ``target-version`` does not check; ruff checks syntax and annotations."""
    calls = [(path, node) for path in sorted((REPOSITORY / folder).rglob('*.py'))
             for node in ast.walk(ast.parse(path.read_text(encoding='utf-8')))
             if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    assert not [(path, node.lineno) for path, node in calls if (
        (node.func.id == 'zip' and node.keywords)
        or (node.func.id == 'isinstance' and isinstance(node.args[1], ast.BinOp)))]
