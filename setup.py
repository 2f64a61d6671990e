"""Install the package ``hourglass`` with its configs and tools.

OpenMMLab's packages are not named in ``install_requires`` on purpose: pip would add or change
them, or fail (mmpose asks for chumpy, which no longer builds). ``make install`` or the two lines
at the top of ``requirements.txt`` install a set that works; an environment that has them already
is left as it is.
"""
import re
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
version = re.search(r"__version__ = '(.+)'", (here / 'projects/hourglass/__init__.py').read_text())
setup(
    name='mmpose-hourglass',
    version=version[1],
    description='Stacked Hourglass Networks for human pose estimation, a plugin for OpenMMLab',
    long_description=(here / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.11',
    package_dir={'': 'projects'},
    packages=find_packages('projects'),
    package_data={'hourglass': [
        'weights/*.safetensors', 'web/static/*', 'analysis/report/*.html',
        '.mim/*', '.mim/**/*']},        # links to configs/ and tools/
    install_requires=['torch', 'numpy', 'safetensors'],
    entry_points=dict(console_scripts=['hourglass = hourglass.cli:main']))
