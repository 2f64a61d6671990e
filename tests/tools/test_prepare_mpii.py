"""The command that converts MPII: files, counts beside the published ones, refusals in a line."""
import runpy
import sys

import h5py
import numpy as np
import pytest
from conftest import REPOSITORY
from release_file import small_release

from hourglass.datasets.mpii import MpiiDataset


def prepare(monkeypatch, *arguments) -> None:
    monkeypatch.setattr(sys, 'argv', ['prepare_mpii', *map(str, arguments)])
    runpy.run_path(str(REPOSITORY / 'tools/prepare_mpii.py'), run_name='__main__')


@pytest.fixture
def files(tmp_path) -> tuple:
    """The arguments that name a release and a ``valid.h5`` of its second person."""
    with h5py.File(tmp_path / 'valid.h5', 'w') as file:
        file.update(imgname=np.array(['val.jpg'], 'S'), index=[0.0], person=[1.0],
                    center=np.ones((1, 2)), scale=[1.0], part=np.ones((1, 16, 2)),
                    visible=np.ones((1, 16)), normalize=[1.0])
    return '--release', small_release(tmp_path / 'r.mat'), '--val', tmp_path / 'valid.h5'


def test_a_real_call(monkeypatch, capsys, tmp_path, files):
    data = tmp_path / 'mpii'
    prepare(monkeypatch, data, *files)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ' '.join(lines[0][1:]) == '6 pictures, 3 of them for training; 10 people'
    counts = [' '.join(line) for line in lines[6:]]
    assert counts == [
        'train 1 published 22,246 differs by -22,245', 'val 1 published 2,958 differs by -2,957',
        'trainval 2 published 25,204 differs by -25,202',
        'test 3 published 11,731 differs by -11,728',
        'test, single person 2 published 7,247 differs by -7,245', 'in no split:',
        '1 on test pictures, without objpos', '1 on training pictures, without joints',
        '1 on training pictures, without objpos', '1 on training pictures, without scale',
        '1 on validation pictures, not among the validation people']

    (data / 'images').mkdir()
    for name in ('val', 'train', 'test', 'one'):
        (data / f'images/{name}.jpg').touch()
    for split, count in dict(train=1, val=1, trainval=2, test=3).items():
        dataset = MpiiDataset(data_root=str(data), ann_file=f'annotations/mpii_{split}.json',
                              test_mode=split == 'val')
        assert len(dataset) == count


def test_the_same_counts_are_not_said_to_differ(monkeypatch):
    count_line = runpy.run_path(str(REPOSITORY / 'tools/prepare_mpii.py'))['count_line']
    assert count_line('val', 2958, 2958).split() == ['val', '2,958', 'published', '2,958']


@pytest.mark.parametrize(('replaced', 'message'), [
    ('--release', 'gone: no such file'), ('--val', 'gone: no such file')])
def test_refusals(monkeypatch, tmp_path, files, replaced, message):
    with pytest.raises(SystemExit, match=f'^error: .*{message}'):
        prepare(monkeypatch, tmp_path, *files, replaced, tmp_path / 'gone')
    assert not (tmp_path / 'annotations').exists()
