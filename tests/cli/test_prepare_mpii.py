"""The command that converts MPII: files, counts beside the published ones, refusals in a line."""

import h5py
import numpy as np
import pytest
from PIL import Image
from release_file import small_release

from hourglass.datasets.mpii.dataset import MpiiDataset


@pytest.fixture
def files(tmp_path) -> tuple:
    """The arguments that name a release and a ``valid.h5`` of its second person."""
    with h5py.File(tmp_path / 'valid.h5', 'w') as file:
        file.update(imgname=np.array(['val.jpg'], 'S'), index=[0.0], person=[1.0],
                    center=np.ones((1, 2)), scale=[1.0], part=np.ones((1, 16, 2)),
                    visible=np.ones((1, 16)), normalize=[1.0])
    return '--release', small_release(tmp_path / 'r.mat'), '--val', tmp_path / 'valid.h5'


def add_images(folder) -> None:
    (folder / 'images').mkdir(parents=True)
    for name in ('val', 'train', 'test', 'one'):
        noise = np.random.default_rng(0).integers(0, 255, (400, 400, 3), np.uint8)
        Image.fromarray(noise).save(folder / f'images/{name}.jpg')


def test_a_call_compares_its_counts_with_the_published_ones(cli, capsys, tmp_path, files):
    data = tmp_path / 'mpii'
    add_images(data)
    cli('prepare', 'mpii', data, *files, '--sheet', tmp_path / 'sheet.png')
    lines = [' '.join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[0].endswith('6 images, 3 of them for training; 10 people')
    assert lines[6:16] == [
        'train 1 published 22,246 differs by -22,245', 'val 1 published 2,958 differs by -2,957',
        'trainval 2 published 25,204 differs by -25,202',
        'test 3 published 11,731 differs by -11,728',
        'test, single person 2 published 7,247 differs by -7,245', 'in no split:',
        '1 on test images, without objpos', '1 on training images, without joints',
        '1 on training images, without objpos', '1 on training images, without scale']
    assert lines[16] == '1 on validation images, not among the validation people'
    # and the findings in the folder
    assert 'train: 1 people on 1 images' in lines and 'val: 1 people on 1 images' in lines
    assert lines.count('no errors') == 3
    assert len(list(tmp_path.glob('sheet_*.png'))) == 3
    for split, count in dict(train=1, val=1, trainval=2, test=3).items():
        dataset = MpiiDataset(data_root=str(data), ann_file=f'annotations/mpii_{split}.json',
                              test_mode=True)
        assert len(dataset) == count
    cli('prepare', 'mpii', data)                                  # the second time, only to check
    assert 'written' not in capsys.readouterr().out


def test_a_folder_with_errors_ends_with_status_1(cli, capsys, tmp_path, files):
    add_images(tmp_path / 'mpii')
    (tmp_path / 'mpii/images/train.jpg').write_bytes(b'torn')
    (tmp_path / 'mpii/images/val.jpg').unlink()
    with pytest.raises(SystemExit, match='^error: fix the errors above'):
        cli('prepare', 'mpii', tmp_path / 'mpii', *files)
    output = capsys.readouterr().out
    assert 'error: 1 images missing\n    val.jpg, row 0' in output
    assert 'error: 1 images that cannot be read' in output and 'train.jpg: not a readable' in output


@pytest.mark.parametrize(('replaced', 'message'), [
    ('--release', 'gone: no such file'), ('--val', 'gone: no such file')])
def test_a_missing_file_is_named_and_nothing_written(cli, tmp_path, files, replaced, message):
    with pytest.raises(SystemExit, match=f'^error: .*{message}'):
        cli('prepare', 'mpii', tmp_path, *files, replaced, tmp_path / 'gone')
    assert not (tmp_path / 'annotations').exists()


def test_half_a_call_is_refused(cli, tmp_path, files):
    with pytest.raises(SystemExit, match='^error: --release and --val go together'):
        cli('prepare', 'mpii', tmp_path, *files[:2])
    with pytest.raises(SystemExit, match=r'no annotations/mpii_\*.json to check'):
        cli('prepare', 'mpii', tmp_path)
