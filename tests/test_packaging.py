"""A wheel holds all that the commands need, and they run without the repository."""
import ast
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import REPOSITORY
from PIL import Image
from wheels import build, install

from hourglass.checkpoints import names
from hourglass.datasets.synthetic import render_person

PACKAGE = REPOSITORY / 'projects/hourglass'
CONFIG = 'configs/demo/td-hm_hourglass2-demo_synthetic-128x128.py'


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob('*')
            if path.is_file() and '__pycache__' not in path.parts}


def test_the_checkout_has_no_links_and_reads_its_own_configs():
    """Git writes a link as a text file on Windows."""
    for folder in ('projects', 'configs', 'tools'):
        assert not [path for path in (REPOSITORY / folder).rglob('*') if path.is_symlink()]
    assert names.ROOT == REPOSITORY
    assert names.find_config('flic-small').is_relative_to(REPOSITORY / 'configs')


@pytest.mark.skipif(sys.version_info < (3, 10), reason='stdlib_module_names')
def test_everything_that_is_imported_at_once_is_required():
    """Without what OpenMMLab's packages bring: an optional package is imported where it is used."""
    with_openmmlab = {'mmcv', 'mmengine', 'mmpose', 'cv2', 'matplotlib'}
    optional = {'flask', 'werkzeug'}                    # of the demo page, which names them
    modules = {'PIL': 'pillow', 'yaml': 'pyyaml', 'markupsafe': 'jinja2'}
    imported = {name.split('.')[0] for path in PACKAGE.rglob('*.py') if '.mim' not in path.parts
                for node in ast.parse(path.read_text(encoding='utf-8')).body
                for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import)
                             else [node.module] if isinstance(node, ast.ImportFrom) else ())}
    listed = re.search(r'install_requires=\[(.+?)\]', (REPOSITORY / 'setup.py').read_text(), re.S)
    required = {re.split('[<>=]', name)[0] for name in re.findall(r"'(.+?)'", listed[1])}
    third = {modules.get(name, name) for name in imported
             if name not in sys.stdlib_module_names and name != 'hourglass'}
    assert third - with_openmmlab - optional <= required


@pytest.fixture(scope='module')
def wheel(tmp_path_factory) -> Path:
    return build(tmp_path_factory.mktemp('build'))[1]


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_copies_of_configs_and_tools(wheel):
    with zipfile.ZipFile(wheel) as archive:
        found = {name.removeprefix('hourglass/') for name in archive.namelist()
                 if name.startswith('hourglass/')}
        metadata = archive.read(next(
            name for name in archive.namelist() if name.endswith('METADATA'))).decode()
    copied = {f'.mim/{folder}/{name}' for folder in ('configs', 'tools')
              for name in files(REPOSITORY / folder) if not name.endswith('.safetensors')}
    assert found == files(PACKAGE) | copied | {'.mim/model-index.yml'}
    for part in ('py.typed', 'weights/flic-small.safetensors', 'web/static/index.html',
                 'analysis/report/page.html', f'.mim/{CONFIG}', '.mim/tools/train.py',
                 '.mim/configs/flic/metafile.yml'):
        assert part in found
    required = [line.split()[1] for line in metadata.splitlines()
                if line.startswith('Requires-Dist') and 'extra ==' not in line]
    assert not [name for name in required if name.startswith(('mm', 'opencv', 'matplotlib'))]


@pytest.mark.slow
def test_the_commands_run_without_the_repository(wheel, synthetic, tmp_path):
    site = tmp_path / 'site'
    environment = install(wheel, site) | {'HOURGLASS_DATA': str(synthetic)}

    def python(*arguments) -> str:
        done = subprocess.run(
            [sys.executable, '-W', 'ignore', *map(str, arguments)], cwd=tmp_path, check=False,
            capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    root = python('-c', 'from hourglass.checkpoints import names; print(names.ROOT)').strip()
    assert Path(root) == site / 'hourglass/.mim'
    assert 'predict' in python('-m', 'hourglass', '--help')
    Image.fromarray(render_person(0, (128, 128))[0]).save(tmp_path / 'person.png')
    (tmp_path / 'boxes.json').write_text(json.dumps({'person.png': [[20, 10, 110, 120]]}))
    python('-m', 'hourglass', 'predict', 'person.png', '--boxes', 'boxes.json', '--out', 'found')
    found = json.loads((tmp_path / 'found/predictions.json').read_text())
    assert len(found['annotations']) == 1
    python('-m', 'hourglass', 'train', Path(root, CONFIG), '--work-dir', 'run', '--cfg-options',
           'train_cfg.max_epochs=1', 'model.backbone.channels=16')
    assert (tmp_path / 'run/epoch_1.pth').is_file()
