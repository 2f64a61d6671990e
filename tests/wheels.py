"""The package as users install it, built from the files that a source distribution holds."""
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from conftest import REPOSITORY


def build(folder: Path) -> tuple[Path, Path]:
    """Build a source distribution, and a wheel from it; the repository stays as it is."""
    source = folder / 'source'
    source.mkdir(parents=True)
    for path in REPOSITORY.iterdir():
        if path.is_file():
            shutil.copy(path, source)
    for name in ('projects', 'configs', 'tools'):
        shutil.copytree(REPOSITORY / name, source / name,
                        ignore=shutil.ignore_patterns('__pycache__', '*.egg-info'))
    subprocess.run([sys.executable, '-c', 'from setuptools import build_meta; '
                    f'build_meta.build_sdist({str(folder)!r})'],
                   cwd=source, check=True, capture_output=True)
    [sdist] = folder.glob('*.tar.gz')
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / 'unpacked', filter='data')
    [unpacked] = (folder / 'unpacked').iterdir()
    pip('wheel', '--no-deps', '--no-build-isolation', '-w', folder, unpacked)
    [wheel] = folder.glob('*.whl')
    return sdist, wheel


def install(wheel: Path, site: Path) -> dict[str, str]:
    """Install a wheel into an empty folder; return an environment that finds it first."""
    pip('install', '--no-deps', '--target', site, wheel)
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get('PYTHONPATH')])])
    return os.environ | {'PYTHONPATH': path}


def pip(*arguments) -> None:
    subprocess.run([sys.executable, '-m', 'pip', '-q', *map(str, arguments)], check=True,
                   capture_output=True)
