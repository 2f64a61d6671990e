"""Commands and code of the pages run as they stand, and their links lead to files and headings."""
import os
import re
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from children import run
from conftest import REPOSITORY

from hourglass.datasets.synthetic import write_synthetic

README = REPOSITORY / 'README.md'
PAGES = sorted((REPOSITORY / 'docs').glob('*.md'))
CARDS = sorted((REPOSITORY / 'configs').glob('*/README.md'))
_BLOCK = re.compile(r'^```(python|sh)(?: file=(\S+))?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_LINK = re.compile(r'\]\(([^)#:]*)(?:#([\w-]+))?\)')
_HEADING = re.compile(r'^#+ (.*)$', re.MULTILINE)


def anchors(page: Path) -> list[str]:
    """The anchors that GitHub makes of a page's headings."""
    return [re.sub(r'[^\w -]', '', heading).lower().replace(' ', '-')
            for heading in _HEADING.findall(page.read_text())]


@pytest.mark.parametrize('page', [
    *PAGES, *CARDS, README, *(REPOSITORY / name for name in (
        'projects/hourglass/README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'))],
    ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_to_files_and_headings(page):
    for path, anchor in _LINK.findall(page.read_text()):
        target = page.parent / path if path else page
        assert target.exists(), path
        # a link to one of two headings of the same name leads to the first
        assert not anchor or anchors(target).count(anchor) == 1, f'{path}#{anchor}'


@pytest.mark.parametrize('contents', [README, REPOSITORY / 'docs/README.md'],
                         ids=['README', 'docs/README'])
def test_every_page_is_in_the_list(contents):
    listed = {contents.parent / path for path, _ in _LINK.findall(contents.read_text())}
    assert not set(PAGES) - {REPOSITORY / 'docs/README.md'} - listed


def test_the_readme_is_short_and_starts_with_an_image_and_a_result():
    lines = README.read_text().splitlines()
    assert len(lines) <= 150
    first_screen = '\n'.join(lines[:25])
    assert '![' in first_screen and 'PCK' in first_screen


def test_the_architecture_names_files_and_functions_that_exist():
    text = (REPOSITORY / 'docs/architecture.md').read_text()
    named = [(path, name) for path, name in re.findall(r'`([\w/]+/\w+\.py)(?::\s+([\w.]+))?`', text)
             if not path.endswith(('/NAME.py', 'a/b.py', 'a/test_b.py'))]       # patterns
    assert len(named) > 25
    for path, name in named:
        root = REPOSITORY if path.startswith('tests/') else REPOSITORY / 'projects/hourglass'
        source = (root / path).read_text()
        assert not name or re.search(rf'(def|class) {name.split(".")[-1]}\b', source), (path, name)


@pytest.mark.slow
@pytest.mark.parametrize('page', [page for page in [README, *PAGES]
                                  if _BLOCK.search(page.read_text())], ids=lambda page: page.stem)
def test_blocks_of_a_page_run(page, tmp_path):
    for name in ('configs', 'docs', 'tools'):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    write_synthetic(tmp_path / 'IMAGES', 2, seed=0, workers=1, size=(128, 128))
    for image in (tmp_path / 'IMAGES/images').iterdir():
        image.rename(tmp_path / 'IMAGES' / image.name)
    environment = os.environ | {'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}'}
    environment.pop('HOURGLASS_DATA', None)
    code_so_far = []                            # Python blocks of a page share their names
    for language, file, code in _BLOCK.findall(page.read_text()):
        if file:
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).write_text(code)
            continue
        if language == 'python':
            code_so_far.append(code)
            (tmp_path / 'page.py').write_text('\n'.join(code_so_far))
            command = [sys.executable, '-W', 'ignore', 'page.py']
        else:
            command = ['bash', '-euc', code]
        done = run(command, cwd=tmp_path, env=environment)
        assert done.returncode == 0, f'{code}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}'


def test_the_image_of_the_readme_is_made_by_its_command(cli, tmp_path):
    images = REPOSITORY / 'docs/images'
    cli('predict', images / 'people.jpg', '--boxes', images / 'boxes.json', '--out', tmp_path,
        '--device', 'cpu')
    made, shown = (cv2.imread(str(path)) for path in (
        tmp_path / 'overlays/people.jpg', images / 'poses.jpg'))
    assert np.abs(made.astype(int) - shown).mean() < 0.5        # of 255: lines a px off, JPEG
