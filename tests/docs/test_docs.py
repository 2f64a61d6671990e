"""The pages' commands and code run as they stand, one after the other, and their links lead on."""
import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import REPOSITORY

from hourglass.datasets.synthetic import write_synthetic

PAGES = sorted((REPOSITORY / 'docs').glob('*.md'))
_BLOCK = re.compile(r'^```(python|sh)(?: file=(\S+))?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_LINK = re.compile(r'\]\(([^)#:]+)\)')


@pytest.mark.parametrize('page', [*PAGES, REPOSITORY / 'README.md'], ids=lambda page: page.stem)
def test_links_lead_to_files(page):
    for link in _LINK.findall(page.read_text()):
        assert (page.parent / link).exists(), link


@pytest.mark.slow
@pytest.mark.parametrize('page', [page for page in PAGES if _BLOCK.search(page.read_text())],
                         ids=lambda page: page.stem)
def test_a_page_does_what_it_says(page, tmp_path):
    for name in ('configs', 'tools'):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    write_synthetic(tmp_path / 'IMAGES', 2, seed=0, workers=1, size=(128, 128))
    for image in (tmp_path / 'IMAGES/images').iterdir():
        image.rename(tmp_path / 'IMAGES' / image.name)
    environment = os.environ | {'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}'}
    environment.pop('HOURGLASS_DATA', None)
    said = []                                   # Python of one page shares its names
    for language, file, code in _BLOCK.findall(page.read_text()):
        if file:
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).write_text(code)
            continue
        if language == 'python':
            said.append(code)
            (tmp_path / 'page.py').write_text('\n'.join(said))
            command = [sys.executable, '-W', 'ignore', 'page.py']
        else:
            command = ['bash', '-euc', code]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True,
                              text=True, check=False)
        assert done.returncode == 0, f'{code}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}'


def test_the_readmes_image_is_what_its_command_makes(cli, tmp_path):
    images = REPOSITORY / 'docs/images'
    cli('predict', images / 'people.jpg', '--boxes', images / 'boxes.json', '--out', tmp_path,
         '--device', 'cpu')
    made, shown = (cv2.imread(str(path)) for path in (
        tmp_path / 'overlays/people.jpg', images / 'poses.jpg'))
    assert np.abs(made.astype(int) - shown).mean() < 0.5        # of 255: lines a px off, JPEG
