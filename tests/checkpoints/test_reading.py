"""Checkpoints are read weights-only and once; damaged and foreign ones are refused by name."""
import os
import re
import shutil
import zipfile
from argparse import Namespace
from pathlib import Path
from zipfile import ZipFile

import pytest
import safetensors.torch
import torch
from mmengine.runner import CheckpointLoader

from hourglass.checkpoints import read_checkpoint, refuse_another_network, state_dict
from hourglass.checkpoints.names import checked_checkpoint
from hourglass.checkpoints.reading import (
    check_whole,
    from_int8,
    last_whole_checkpoint,
    one_line_of,
)
from hourglass.errors import CheckpointError


@pytest.fixture
def reads(monkeypatch):
    """Names of the functions that read a whole checkpoint file, as they are called."""
    calls = []
    load, test = torch.load, ZipFile.testzip
    monkeypatch.setattr(torch, 'load', lambda *a, **k: (calls.append('tensors'), load(*a, **k))[1])
    monkeypatch.setattr(ZipFile, 'testzip', lambda *a: (calls.append('checksums'), test(*a))[1])
    return calls


def test_both_formats_give_tensors_and_meta(tmp_path):
    weights = dict(weight=torch.rand(2, 3).half(), bias=torch.rand(2))
    torch.save(dict(state_dict=weights, meta=dict(epoch='3')), tmp_path / 'a.pth')
    safetensors.torch.save_file(weights, tmp_path / 'a.safetensors', dict(epoch='3'))
    for name in ('a.pth', 'a.safetensors'):
        content = read_checkpoint(tmp_path / name)
        assert content['meta'] == dict(epoch='3')
        assert all(torch.equal(content['state_dict'][key], weights[key]) for key in weights)


def test_a_resumed_run_reads_its_tensors_once_and_its_checksums_once(tmp_path, reads):
    """The way of ``hourglass train --resume``: find, check, and load with mmengine."""
    torch.save(dict(state_dict=dict(weight=torch.rand(3))), tmp_path / 'epoch_1.pth')
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_1.pth'))
    path, warning = last_whole_checkpoint(tmp_path)
    content = CheckpointLoader.load_checkpoint(checked_checkpoint(str(path)), 'cpu')
    assert warning is None and set(content) == {'state_dict'}
    assert reads == ['checksums', 'tensors']


def test_a_file_that_was_damaged_a_moment_later_is_checked_again(tmp_path):
    path, weights = tmp_path / 'a.pth', torch.rand(9)
    torch.save(weights, path)
    check_whole(path)
    content, time = bytearray(path.read_bytes()), path.stat().st_mtime_ns
    content[content.index(weights.numpy().tobytes())] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(time, time + 1))
    with pytest.raises(CheckpointError, match=r'a\.pth: not a readable checkpoint'):
        check_whole(path)


def test_a_file_that_has_changed_is_checked_again(tmp_path, reads):
    path = tmp_path / 'a.pth'
    for step in (1, 2):
        torch.save(torch.rand(step), path)
        for _ in range(2):
            check_whole(path)
        assert reads == ['checksums'] * step
    content = path.read_bytes()
    path.write_bytes(content[:-10])
    with pytest.raises(CheckpointError, match=r'a\.pth: not a readable checkpoint'):
        read_checkpoint(path)


def test_every_flipped_bit_in_the_weights_of_a_checkpoint_is_found(tmp_path):
    path, weight = tmp_path / 'a.pth', torch.arange(4.0) + 0.7
    torch.save(dict(weight=weight), path)
    content = path.read_bytes()
    start = content.index(weight.numpy().tobytes())
    for bit in range(8 * start, 8 * (start + 16)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with pytest.raises(CheckpointError, match='is damaged'):
            read_checkpoint(path)


@pytest.mark.parametrize('zipped', [True, False])
def test_a_bytearray_of_any_size_is_not_made(tmp_path, zipped):
    """torch would make it of the 16 GiB that these few bytes ask for."""
    torch.save(dict(weight=torch.zeros(1)), tmp_path / 'whole.pth',
               _use_new_zipfile_serialization=zipped)
    evil = b'\x80\x02cbuiltins\nbytearray\n\x8a\x05' + (2**34).to_bytes(5, 'little') + b'\x85R.'
    if zipped:
        with ZipFile(tmp_path / 'whole.pth') as whole, ZipFile(tmp_path / 'a.pth', 'w') as file:
            for part in whole.infolist():
                file.writestr(part.filename, evil if part.filename.endswith('data.pkl')
                              else whole.read(part))
    else:
        content = (tmp_path / 'whole.pth').read_bytes()
        start = content.index(b'}q', 100)               # of the last pickle, after the header
        (tmp_path / 'a.pth').write_bytes(content[:start - 2] + evil)
    with pytest.raises(CheckpointError, match=r'a\.pth: .*\(ValueError: it holds a bytearray'):
        read_checkpoint(tmp_path / 'a.pth')


def test_a_checkpoint_of_absurd_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr('hourglass.checkpoints.reading._SPARE', 10**6)
    torch.save(dict(weight=torch.zeros(10**6)), tmp_path / 'whole.pth')
    with ZipFile(tmp_path / 'whole.pth') as whole, ZipFile(
            tmp_path / 'a.pth', 'w', zipfile.ZIP_DEFLATED) as packed:
        for part in whole.infolist():
            packed.writestr(part.filename, whole.read(part))
    with pytest.raises(CheckpointError, match=r'a\.pth: .*unpacks to'):
        read_checkpoint(tmp_path / 'a.pth')
    read_checkpoint(tmp_path / 'whole.pth')


def test_a_tensor_larger_than_its_file_is_refused(tmp_path):
    torch.save(dict(weight=torch.zeros(1).expand(10**6, 10**6)), tmp_path / 'a.pth')
    with pytest.raises(CheckpointError, match=r'a\.pth: weight \(1000000, 1000000\) is not stored'):
        state_dict(read_checkpoint(tmp_path / 'a.pth'), tmp_path / 'a.pth')


@pytest.mark.parametrize('tensor', [torch.zeros(2, device='meta'), torch.eye(2).to_sparse()])
def test_tensors_without_numbers_of_their_own_are_refused(tensor):
    with pytest.raises(CheckpointError, match=r'a\.pth: weight .* is not stored in full'):
        state_dict(dict(weight=tensor), 'a.pth')


@pytest.mark.parametrize('wrap', [
    lambda tensors: tensors, lambda tensors: dict(state_dict=tensors, epoch=3),
    lambda tensors: dict(model=tensors), lambda tensors: dict(state_dict=dict(model=tensors)),
    lambda tensors: dict(model_state_dict=tensors, optimizer={}),
    lambda tensors: dict(net=tensors), lambda tensors: dict(network=tensors),
    lambda tensors: dict(weights=tensors), lambda tensors: dict(model_state=tensors)])
def test_tensors_are_found_inside_the_containers_of_the_projects(wrap):
    tensors = dict(weight=torch.ones(2))
    assert state_dict(wrap(tensors), 'a.pth') is tensors


@pytest.mark.parametrize('zipped', [True, False])
def test_arguments_of_a_program_may_lie_beside_the_tensors(tmp_path, zipped):
    torch.save(dict(net=dict(weight=torch.ones(2)), args=Namespace(lr=0.1)), tmp_path / 'a.pth',
               _use_new_zipfile_serialization=zipped)
    content = read_checkpoint(tmp_path / 'a.pth')
    assert content['args'] == Namespace(lr=0.1)
    assert state_dict(content, 'a.pth')['weight'].equal(torch.ones(2))


@pytest.mark.parametrize('zipped', [True, False])
def test_a_whole_model_is_refused_with_what_to_run_where_it_was_made(tmp_path, zipped):
    torch.save(torch.nn.Sequential(torch.nn.Linear(1, 1)), tmp_path / 'model.pth',
               _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=(
            r'model\.pth: not a readable checkpoint .*holds a torch\.nn\.modules\.container\.'
            r"Sequential.*: torch\.save\(torch\.load\('model\.pth', weights_only=False\)\.state_")):
        read_checkpoint(tmp_path / 'model.pth')


@pytest.mark.parametrize('content', [[1], dict(epoch=3), dict(state_dict={1: torch.ones(2)})])
def test_other_content_is_no_state_dict(content):
    with pytest.raises(CheckpointError, match=r'a\.pth: holds no state dict of tensors'):
        state_dict(content, 'a.pth')


def test_errors_are_one_line_without_torchs_advice():
    text = 'Weights only load failed.\n(1) Advice\nWeightsUnpickler error: Unsupported global: f'
    expected = ('a.pth: not a readable checkpoint (ValueError: Unsupported global: f); give a '
                'whole file that torch.save or safetensors wrote')
    with pytest.raises(CheckpointError, match=f'^{re.escape(expected)}$'), one_line_of('a.pth'):
        raise ValueError(text)


OURS = dict(a=torch.zeros(2, 3), b=torch.zeros(4))


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_equal_names_and_shapes_pass(prefix):
    refuse_another_network(OURS, {prefix + name: value for name, value in OURS.items()}, 'a.pth')


@pytest.mark.parametrize(('theirs', 'message'), [
    (dict(a=OURS['a']), r"1 tensors do not fit, first 'b' \(missing there, \(4,\) in the config's"),
    (OURS | dict(c=OURS['a']), r"'c' \(\(2, 3\) there, none in the config's network\)"),
    (dict(a=OURS['b'], b=OURS['a']), r"2 tensors do not fit, first 'a' \(\(4,\) there, \(2, 3\)")])
def test_other_names_and_shapes_are_refused(theirs, message):
    with pytest.raises(CheckpointError, match=f'^a.pth: a checkpoint of another .*{message}'):
        refuse_another_network(OURS, theirs, 'a.pth')


def test_named_exceptions_may_differ():
    refuse_another_network(OURS, dict(a=OURS['a'], extra=OURS['a']), 'a.pth', ['b', 'ex*'])


def test_files_of_an_early_torch_lack_the_counts_of_batches():
    ours = torch.nn.Sequential(torch.nn.BatchNorm2d(2)).state_dict()
    theirs = {name: value for name, value in ours.items() if name != '0.num_batches_tracked'}
    refuse_another_network(ours, theirs, 'a.pth')
    with pytest.raises(CheckpointError, match=r"'0\.num_batches_tracked' \(\(\) there, none"):
        refuse_another_network(theirs, ours, 'a.pth')


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


@pytest.mark.parametrize('place', [shutil.copytree, shutil.move])
def test_checkpoints_in_a_copied_or_moved_folder_are_found(work, tmp_path_factory, place):
    moved = tmp_path_factory.mktemp('moved') / 'work'
    place(work, moved)
    assert last_whole_checkpoint(moved) == (moved / 'epoch_3.pth', None)


def test_an_empty_folder_is_no_error_but_damaged_checkpoints_alone_are(work, tmp_path_factory):
    assert last_whole_checkpoint(tmp_path_factory.mktemp('empty')) == (None, None)
    for path in work.glob('epoch_*.pth'):
        lose_a_block(path)
    with pytest.raises(CheckpointError, match=r'epoch_3\.pth: damaged, and no other .* is whole '
                                              r'\(epoch_2\.pth, epoch_1\.pth\); start anew'):
        last_whole_checkpoint(work)


def test_a_tensor_is_a_scale_only_of_one_in_8_bits():
    stored = {'a': torch.ones(2, 1, 1, 1, dtype=torch.int8),
              'a.scale': torch.full((2, 1, 1, 1), 3.0),
              'head.res_scale.scale': torch.ones(4), 'b': torch.ones(2), 'b.scale': torch.ones(2)}
    found = from_int8(stored)
    assert found.keys() == stored.keys() - {'a.scale'} and (found['a'] == 3).all()
