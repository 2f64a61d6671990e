"""Install the package ``hourglass``; a wheel also carries copies of the configs and tools.

``install_requires`` names what the package imports, with four exceptions for which pip would change
or break an environment that works:

* OpenMMLab's packages: mmpose asks for chumpy, which no longer builds, and mmengine for
  opencv-python, whichever other build of OpenCV is there. ``make install`` or the two lines at the
  top of ``requirements.txt`` install a set that works together.
* OpenCV: its builds (headless or not, contrib or not) overwrite each other's files.
* matplotlib: comes with mmengine, which does not work with its newest release.
* torchvision, which OpenMMLab's packages need: each release fits one release of torch.

OpenMMLab's ``mim`` looks for configs and tools in the folder ``.mim`` of an installed package. The
build copies them there, so ``mim`` works after ``pip install .``. It does not after ``pip install
-e .``, as it searches site-packages, where an editable install puts no package.
"""
import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
VERSION = re.search(r"__version__ = '(.+)'",
                    (HERE / 'projects/hourglass/__init__.py').read_text(encoding='utf-8'))


class BuildWithConfigs(build_py):
    """Build the package with copies of ``configs``, ``tools`` and the model index in ``.mim``."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return                          # uses the files of the checkout
        target = Path(self.build_lib, 'hourglass/.mim')
        shutil.rmtree(target, ignore_errors=True)           # of an earlier build
        for folder in ('configs', 'tools'):
            shutil.copytree(HERE / folder, target / folder,
                            ignore=shutil.ignore_patterns('__pycache__', '*.safetensors'))
        shutil.copy(HERE / 'model-index.yml', target)


setup(
    name='mmpose-hourglass',
    version=VERSION[1],
    description='Stacked Hourglass Networks for human pose estimation, a plugin for OpenMMLab',
    long_description=(HERE / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.9',
    package_dir={'': 'projects'},
    packages=find_packages('projects'),
    package_data={'hourglass': [
        'README.md', 'py.typed', 'weights/**/*.safetensors', 'web/static/*',
        'analysis/report/*.html']},
    cmdclass=dict(build_py=BuildWithConfigs),
    install_requires=['torch', 'numpy', 'safetensors', 'pyyaml', 'pillow', 'simplejpeg',
                      'scipy>=1.12', 'h5py', 'tqdm', 'jinja2'],
    extras_require=dict(
        detect=['onnxruntime'],
        video=['av>=15'],             # frames say how they are turned
        heic=['pillow-heif'],
        export=['onnx', 'onnxscript', 'onnxruntime'],
        openvino=['onnx', 'onnxscript', 'openvino', 'nncf'],
        fast=['ncnn'],
        sleap=['sleap-io'],
        opencv=['opencv-python-headless'],      # where no build of OpenCV is there
        web=['flask'],
        ray=['ray[data]'],
        dev=['pytest', 'pytest-xdist', 'pytest-timeout', 'hypothesis', 'selenium', 'ruff', 'mypy',
             'types-PyYAML', 'types-requests', 'types-tqdm', 'pandas', 'pdoc', 'nbclient',
             'ipykernel']),
    entry_points=dict(console_scripts=['hourglass = hourglass.cli:main']))
