"""The notebook runs, and shows what it showed when it was stored."""
from __future__ import annotations

import base64

import cv2
import numpy as np
import pytest
from conftest import REPOSITORY
from pairs import zip_equal

NOTEBOOK = REPOSITORY / 'docs/quickstart.ipynb'


def outputs(notebook) -> list[str | np.ndarray]:
    """The text or the image (H, W, 3) of every output, in order."""
    found: list[str | np.ndarray] = []
    for output in (one for cell in notebook.cells for one in cell.get('outputs', ())):
        data = output.get('data', {})
        if 'image/jpeg' in data:
            found.append(cv2.imdecode(np.frombuffer(base64.b64decode(data['image/jpeg']), np.uint8),
                                      cv2.IMREAD_COLOR))
        else:
            found.append(output.get('text') or data['text/plain'])
    return found


def test_the_notebook_is_small():
    assert NOTEBOOK.stat().st_size < 150_000


@pytest.mark.slow
def test_the_notebook_shows_what_is_stored(tmp_path):
    nbclient, nbformat = (pytest.importorskip(name) for name in ('nbclient', 'nbformat'))
    pytest.importorskip('ipykernel')
    (tmp_path / 'docs').mkdir()
    (tmp_path / 'docs/images').symlink_to(REPOSITORY / 'docs/images')
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    stored = outputs(notebook)
    nbclient.NotebookClient(notebook, timeout=1800,
                            resources=dict(metadata=dict(path=tmp_path / 'docs'))).execute()
    found = outputs(notebook)
    *exact, trained = zip_equal(found, stored)
    for one, other in exact:
        if isinstance(other, str):
            assert one == other
        else:                       # of 255: what JPEG and the video's encoder lose, lines a px off
            assert np.abs(one.astype(int) - other).mean() < 3
    assert trained[0].shape == trained[1].shape         # a training differs from machine to machine
