"""Install the package into several environments and run the quick tests in each of them.

    make test-environments [PYTHONS="3.9 /opt/python3.12/bin/python"] [TESTS=tests/models]

Prints a line of the table in ``docs/install.md`` for each environment, and fails if a test does, or
if ``pip install .`` changes what was installed. Old releases of torch are CUDA builds of 2 to 3 GB.
"""
from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from xml.etree import ElementTree

REPOSITORY = Path(__file__).parents[1]
# what OpenMMLab's packages import; they themselves are installed without what they ask for, as
# mmpose asks for chumpy, which no longer builds
IMPORTED = (
    'addict', 'json_tricks', 'matplotlib<3.11', 'munkres', 'opencv-python-headless', 'pillow',
    'pycocotools', 'pyyaml', 'rich', 'scipy', 'setuptools<81', 'shapely', 'six', 'termcolor',
    'terminaltables', 'tqdm', 'yapf', 'wheel')
TESTERS = 'pytest', 'pytest-xdist', 'pytest-timeout', 'hypothesis'


@dataclass
class Environment:
    """Releases that are installed together."""

    python: str
    torch: str
    torchvision: str
    numpy: str
    mmengine: str = '0.10.7'
    mmcv: str = '2.1.0'                 # of mmcv-lite
    mmpose: str = '1.3.2'
    mmdet: str = '3.3.0'

    def install(self, interpreter: str, folder: Path) -> Path:
        """Make the environment in a folder, unless it is there, and return its Python."""
        python = folder / ('Scripts/python.exe' if os.name == 'nt' else 'bin/python')
        if not python.is_file():
            subprocess.run([interpreter, '-m', 'venv', folder], check=True)
        numpy = f'numpy=={self.numpy}'
        coco = ['xtcocotools'] if self.numpy < '2' else []
        pip(python, numpy, f'torch=={self.torch}', f'torchvision=={self.torchvision}', *IMPORTED,
            *coco)
        pip(python, '--no-deps', f'mmengine=={self.mmengine}', f'mmcv-lite=={self.mmcv}',
            f'mmpose=={self.mmpose}', f'mmdet=={self.mmdet}')
        return python


ENVIRONMENTS = [
    Environment('3.9', '2.0.1', '0.15.2', '1.24.4', '0.8.5', '2.0.1', '1.2.0', '3.2.0'),
    Environment('3.10', '2.1.2', '0.16.2', '1.26.4'),
    Environment('3.10', '2.4.1', '0.19.1', '1.26.4', '0.10.4', mmpose='1.3.1'),
    Environment('3.11', '2.13.0', '0.28.0', '1.26.4'),
    Environment('3.12', '2.13.0', '0.28.0', '2.4.6'),
    Environment('3.13', '2.13.0', '0.28.0', '2.4.6', '0.11.0rc3')]


def pip(python: Path, *packages: str) -> None:
    subprocess.run([python, '-m', 'pip', 'install', '-q', '--no-compile', *packages], check=True)


def installed(python: Path) -> set[str]:
    """Return the releases of all packages, as ``name==release``."""
    lines = subprocess.run([python, '-m', 'pip', 'freeze'], check=True, capture_output=True,
                           text=True).stdout.splitlines()
    return {line for line in lines if not line.startswith('mmpose-hourglass')}


def test(python: Path, tests: list[str]) -> tuple[int, int, int]:
    """Run tests and return how many passed, were skipped and failed."""
    report = python.parent / 'report.xml'
    report.unlink(missing_ok=True)
    subprocess.run(
        [python, '-m', 'pytest', '-n', '2', '--dist', 'loadscope', f'--junitxml={report}', *tests],
        cwd=REPOSITORY, check=False,
        env=os.environ | dict(PYTHONPATH=str(REPOSITORY / 'projects'), OMP_NUM_THREADS='1'))
    suite = next(ElementTree.parse(report).iter('testsuite')).attrib
    skipped, failed = int(suite['skipped']), int(suite['failures']) + int(suite['errors'])
    return int(suite['tests']) - skipped - failed, skipped, failed


def find_python(version: str, given: list[str]) -> str | None:
    """Return the first interpreter of this version, out of those given or on the PATH."""
    for path in given or [which(f'python{version}') or '']:
        path = which(f'python{path}') or path
        found = subprocess.run([path, '-c', 'import sys; print("%d.%d" % sys.version_info[:2])'],
                               capture_output=True, text=True, check=False) if path else None
        if found and found.stdout.strip() == version:
            return path
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('tests', nargs='*', help='files or folders; default all quick tests')
    parser.add_argument('--pythons', nargs='*', default=[], help='versions or paths')
    parser.add_argument('--folder', type=Path, default=REPOSITORY / '.venv-environments')
    args = parser.parse_args()
    failures = 0
    for one in ENVIRONMENTS:
        interpreter = find_python(one.python, args.pythons)
        if interpreter is None:
            print(f'| {one.python} | {one.torch} | no interpreter |', flush=True)
            continue
        python = one.install(interpreter, args.folder / f'{one.python}-{one.torch}')
        before = installed(python)
        pip(python, str(REPOSITORY))
        changed = sorted(before - installed(python))
        pip(python, *TESTERS)
        passed, skipped, failed = test(python, args.tests)
        print(f'| {one.python} | {one.torch} | {one.mmengine} | {one.mmcv} | {one.mmpose} | '
              f'{one.numpy} | {passed} | {skipped} | {failed} |'
              + (f' changed: {", ".join(changed)}' if changed else ''), flush=True)
        failures += failed + len(changed)
    return int(failures > 0)


if __name__ == '__main__':
    sys.exit(main())
