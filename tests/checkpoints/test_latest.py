"""An interrupted run resumes from its newest undamaged checkpoint."""
import os
import shutil
from pathlib import Path

import pytest
import torch

from hourglass.checkpoints.latest import last_whole_checkpoint
from hourglass.errors import CheckpointError


@pytest.fixture
def work(tmp_path) -> Path:
    """A work folder with three checkpoints, a second apart, the last one noted, and a best one."""
    for number in (1, 2, 3):
        for name in (f'epoch_{number}.pth', 'best_score_epoch_3.pth'):
            torch.save({'weights': torch.arange(5000.)}, tmp_path / name)
            os.utime(tmp_path / name, (number, number))
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_3.pth'))
    return tmp_path


def lose_a_block(path: Path) -> None:
    """Overwrite a part of the file with zeros, as a failing disk does; its length stays."""
    content = bytearray(path.read_bytes())
    content[8000:9000] = bytes(1000)
    path.write_bytes(content)


def test_the_noted_checkpoint_is_taken_if_it_is_whole(work):
    assert last_whole_checkpoint(work) == (work / 'epoch_3.pth', None)


@pytest.mark.parametrize('tear', [
    lambda path: path.write_bytes(path.read_bytes()[:-100]), lose_a_block,
    lambda path: path.write_bytes(b'')])
def test_a_damaged_checkpoint_is_replaced_by_the_one_before_with_a_warning(work, tear):
    tear(work / 'epoch_3.pth')
    assert last_whole_checkpoint(work) == (
        work / 'epoch_2.pth', f'{work}/epoch_3.pth: damaged; resuming from {work}/epoch_2.pth')


def test_a_missing_checkpoint_or_note_is_replaced_with_a_warning(work):
    (work / 'epoch_3.pth').unlink()
    found, warning = last_whole_checkpoint(work)
    assert found == work / 'epoch_2.pth'
    assert 'epoch_3.pth: missing' in warning
    (work / 'last_checkpoint').write_text('')
    assert last_whole_checkpoint(work)[0] == work / 'epoch_2.pth'
    (work / 'last_checkpoint').unlink()
    found, warning = last_whole_checkpoint(work)
    assert found == work / 'epoch_2.pth'
    assert 'last_checkpoint: names no checkpoint; resuming' in warning


def test_checkpoints_in_a_moved_folder_are_found(work, tmp_path_factory):
    moved = tmp_path_factory.mktemp('moved') / 'work'
    shutil.move(work, moved)
    assert last_whole_checkpoint(moved) == (moved / 'epoch_3.pth', None)


def test_an_empty_folder_is_no_error_but_damaged_checkpoints_alone_are(work, tmp_path_factory):
    assert last_whole_checkpoint(tmp_path_factory.mktemp('empty')) == (None, None)
    for path in work.glob('epoch_*.pth'):
        lose_a_block(path)
    with pytest.raises(CheckpointError, match=r'epoch_3\.pth: damaged, and no other .* is whole '
                                              r'\(epoch_2\.pth, epoch_1\.pth\); start anew'):
        last_whole_checkpoint(work)
