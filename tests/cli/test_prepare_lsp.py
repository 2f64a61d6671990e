"""The command that checks an LSP folder: a real one has no errors, a wrong one is refused."""
import shutil

import numpy as np
import pytest
import scipy.io
from conftest import DATA, needs
from PIL import Image


@needs(DATA / 'lsp')
@pytest.mark.data
@pytest.mark.slow
def test_a_real_folder_has_no_errors(cli, capsys, tmp_path):
    cli('prepare', 'lsp', DATA / 'lsp', '--quick', '--sheet', tmp_path / 'lsp.png')
    output = capsys.readouterr().out
    assert output.count('1000 people on 1000 images') == output.count('no errors') == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ['lsp_test.png', 'lsp_train.png']


def test_a_folder_with_errors_ends_with_status_1(cli, capsys, tmp_path, rng):
    joints = np.concatenate([rng.uniform(1, 90, (3, 14, 2)), np.ones((3, 14, 1))], axis=-1)
    scipy.io.savemat(tmp_path / 'joints.mat', {'joints': joints.transpose(1, 2, 0)})
    (tmp_path / 'images').mkdir()
    Image.new('RGB', (100, 100)).save(tmp_path / 'images/im00001.jpg')
    shutil.copy(tmp_path / 'images/im00001.jpg', tmp_path / 'images/im00002.JPG')
    (tmp_path / 'images/im00003.jpg').write_bytes(b'\xff\xd8torn')
    with pytest.raises(SystemExit, match='^error: fix the errors above'):
        cli('prepare', 'lsp', tmp_path, '--splits', 'train')
    output = capsys.readouterr().out
    assert 'error: 1 images missing\n    im00002.jpg (im00002.JPG is there' in output
    assert 'error: 1 images that cannot be read' in output
