"""The API reference has a page for every module, and no notation is left over in it."""
import re

import pytest


@pytest.mark.slow
def test_every_module_has_a_page_that_says_what_the_docstrings_say(cli, tmp_path):
    cli('api_docs', tmp_path)
    assert (tmp_path / 'index.html').is_file()
    page = (tmp_path / 'hourglass/inference/predict.html').read_text()
    text = re.sub(r'<div class="pdoc-code.*?</div>', '', page, flags=re.DOTALL)
    assert '<strong>keypoints:</strong>' in text            # a list made of 'Attributes:'
    assert '(P, K, 2) x, y in image px' in text
    assert ':func:`' not in text and '``' not in text
    for module in ('models/network', 'codecs/gaussian', 'datasets/lsp', 'evaluation/metrics'):
        assert (tmp_path / f'hourglass/{module}.html').is_file()
