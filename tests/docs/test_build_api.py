"""The API reference has a page for every module, and no notation is left over in it."""
import re
import subprocess
import sys

import pytest
from conftest import REPOSITORY

pytest.importorskip('pdoc')


@pytest.mark.slow
def test_every_module_has_a_page_with_its_docstrings(tmp_path):
    subprocess.run([sys.executable, '-W', 'ignore', REPOSITORY / 'docs/build_api.py', tmp_path],
                   check=True)
    assert (tmp_path / 'index.html').is_file()
    page = (tmp_path / 'hourglass/inference/predict.html').read_text()
    text = re.sub(r'<div class="pdoc-code.*?</div>', '', page, flags=re.DOTALL)
    assert '<strong>keypoints:</strong>' in text            # a list made of 'Attributes:'
    assert '(P, K, 2) x, y in image px' in text
    assert ':func:`' not in text and '``' not in text
    for module in ('models/network', 'codecs/decode', 'datasets/lsp/files', 'evaluation/metrics'):
        assert (tmp_path / f'hourglass/{module}.html').is_file()


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / 'file').write_text('')
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', REPOSITORY / 'docs/build_api.py', tmp_path / 'file'],
        capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f'error: {tmp_path}/file: cannot be written')
