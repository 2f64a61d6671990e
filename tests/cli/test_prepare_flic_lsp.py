"""The commands that look over FLIC and LSP: real folders are whole, faults end with status 1."""
import shutil

import numpy as np
import pytest
import scipy.io
from conftest import DATA, needs
from PIL import Image


@needs(DATA / 'flic')
@pytest.mark.data
@pytest.mark.slow
def test_real_folders_are_whole(cli, capsys, tmp_path):
    cli('prepare', 'flic', DATA / 'flic', '--quick', '--sheet', tmp_path / 'flic.png')
    cli('prepare', 'lsp', DATA / 'lsp', '--quick', '--sheet', tmp_path / 'lsp.png')
    output = capsys.readouterr().out
    assert 'train: 3987 people on 3628 images' in output
    assert 'test: 1016 people on 926 images' in output
    assert output.count('1000 people on 1000 images') == 2
    assert output.count('nothing unusable') == 4
    assert len(list(tmp_path.glob('*.png'))) == 4


def test_faults_end_with_status_1(cli, capsys, tmp_path, rng):
    joints = np.concatenate([rng.uniform(1, 90, (3, 14, 2)), np.ones((3, 14, 1))], axis=-1)
    scipy.io.savemat(tmp_path / 'joints.mat', {'joints': joints.transpose(1, 2, 0)})
    (tmp_path / 'images').mkdir()
    Image.new('RGB', (100, 100)).save(tmp_path / 'images/im00001.jpg')
    shutil.copy(tmp_path / 'images/im00001.jpg', tmp_path / 'images/im00002.JPG')
    (tmp_path / 'images/im00003.jpg').write_bytes(b'\xff\xd8torn')
    with pytest.raises(SystemExit, match='^error: mend what is unusable'):
        cli('prepare', 'lsp', tmp_path, '--splits', 'train')
    output = capsys.readouterr().out
    assert 'unusable: 1 images missing\n    im00002.jpg (im00002.JPG is there' in output
    assert 'unusable: 1 images broken' in output
