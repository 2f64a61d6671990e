"""A damaged file is either read with its original content or refused in one line with its name.

In a format without checksums, a changed number cannot be recognised, and is read. The table that
the slow test prints has a column for these.
"""
import argparse
import gzip
import io
import json
from collections import Counter
from dataclasses import astuple
from functools import partial
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
import safetensors.torch
import scipy.io
import torch
from corruption import CRASHED, DAMAGES, HUNG, OTHER, REFUSED, SAME, outcomes, table
from PIL import Image

from hourglass.checkpoints import read_checkpoint, state_dict
from hourglass.cli.config import load_config
from hourglass.datasets.flic import read_flic
from hourglass.datasets.lsp import read_lsp
from hourglass.datasets.mpii.files import read_mpii
from hourglass.evaluation.ground_truth import read_truth
from hourglass.evaluation.prediction_files import read_predictions
from hourglass.inference.boxes import BoxFile
from hourglass.io.images import read_image, read_reduced

PEOPLE, JOINTS = 6, 16
# a changed byte may be another number, name or pixel; all other formats keep checksums
NO_CHECKSUM = {'image.jpg', 'reduced.jpg', 'progressive.jpg', 'people.json', 'boxes.json',
               'people.h5', 'stored.mat', 'weights.safetensors', 'found.json', 'found.npy',
               'found.h5', 'config.py'}
CANNOT_BE_WHOLE = ('cut', 'empty', 'replaced')


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def image(name: str, **options) -> bytes:
    coarse = rng().integers(256, size=(7, 9, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(cv2.resize(coarse, (72, 56), interpolation=cv2.INTER_CUBIC)).save(
        content, name, **options)
    return content.getvalue()


def people_json() -> bytes:
    return json.dumps([dict(
        image=f'{i}.jpg', center=rng().uniform(50, 99, 2).tolist(), scale=1.5,
        joints=rng().uniform(1, 99, (JOINTS, 2)).tolist(), joints_vis=[1] * JOINTS)
        for i in range(PEOPLE)]).encode()


def people_gz() -> bytes:
    return gzip.compress(people_json(), mtime=0)


def boxes_json() -> bytes:
    boxes = np.sort(rng().uniform(0, 99, (5, 2, 2, 2)), axis=2).reshape(5, 2, 4).tolist()
    return json.dumps({f'{i}.jpg': pair for i, pair in enumerate(boxes)}).encode()


def h5(arrays: dict[str, np.ndarray]) -> bytes:
    content = io.BytesIO()
    with h5py.File(content, 'w') as file:
        for name, array in arrays.items():
            file[name] = array
    return content.getvalue()


def people_h5() -> bytes:
    return h5(dict(
        imgname=np.array([f'{i}.jpg' for i in range(PEOPLE)], 'S16'),
        part=rng().uniform(1, 99, (PEOPLE, JOINTS, 2)), visible=np.ones((PEOPLE, JOINTS)),
        normalize=np.full(PEOPLE, 30.0), center=rng().uniform(1, 99, (PEOPLE, 2)),
        scale=np.full(PEOPLE, 1.5), index=np.arange(1.0, 7), person=np.ones(PEOPLE)))


def mat(packed: bool, **variables) -> bytes:
    content = io.BytesIO()
    scipy.io.savemat(content, variables, do_compression=packed)
    return content.getvalue()


def examples_mat() -> bytes:
    fields = ('coords', 'filepath', 'imgdims', 'torsobox', 'istrain', 'istest')
    array = np.empty((1, PEOPLE), dtype=[(name, object) for name in fields])
    for i in range(PEOPLE):
        array[0, i] = (rng().uniform(50, 150, (2, 29)), f'{i}.jpg', [240, 360, 3],
                       [70.0, 60, 130, 160], 1, 0)
    return mat(True, examples=array)


def extended_mat(packed: bool) -> bytes:
    joints = rng().uniform(1, 99, (14, 3, PEOPLE))
    joints[:, 2] = 1
    return mat(packed, joints=joints)


def weights() -> dict[str, torch.Tensor]:
    return {f'layer{i}.weight': torch.from_numpy(rng().random((8, 8))) for i in range(4)}


def checkpoint() -> bytes:
    content = io.BytesIO()
    torch.save(dict(state_dict=weights(), meta=dict(epoch=3)), content)
    return content.getvalue()


def found() -> np.ndarray:
    return rng().uniform(1, 99, (PEOPLE, JOINTS, 2))


def found_npy() -> bytes:
    content = io.BytesIO()
    np.save(content, found())
    return content.getvalue()


CONFIG = b"""\
data = dict(type='hourglass.FlicDataset', split='train', pipeline=[dict(type='LoadImage')])
model = dict(backbone=dict(type='hourglass.StackedHourglass', num_stacks=2, channels=64))
train_cfg = dict(max_epochs=30, val_interval=5)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=2.5e-4))
"""


def read_people(path: Path, read=read_mpii, *options: str) -> list:
    return [astuple(person) for person in read(path, *options)]


def read_weights(path: Path) -> dict:
    return {name: value.numpy() for name, value in state_dict(read_checkpoint(path), path).items()}


def read_found(path: Path) -> np.ndarray:
    return read_predictions(path, range(PEOPLE), JOINTS)[:]


def read_config(path: Path) -> str:
    return repr(load_config(argparse.Namespace(
        config=str(path), local_rank=0, cfg_options={}, launcher='none', work_dir='work',
        show=False, show_dir=None))._cfg_dict)


FILES = {
    'image.jpg': (partial(image, 'JPEG', quality=90), read_image),
    'reduced.jpg': (partial(image, 'JPEG'), lambda path: read_reduced(path, 2)),
    'progressive.jpg': (partial(image, 'JPEG', progressive=True), read_image),
    'image.png': (partial(image, 'PNG'), read_image),
    'people.json': (people_json, lambda path: read_truth('mpii', path)[:]),
    'people.json.gz': (people_gz, lambda path: read_truth('mpii', path)[:]),
    'boxes.json': (boxes_json, lambda path: BoxFile(path).boxes),
    'people.h5': (people_h5, read_people),
    'examples.mat': (examples_mat, lambda path: read_people(path, read_flic, 'train')),
    'packed.mat': (partial(extended_mat, True), lambda path: read_people(path, read_lsp, 'train')),
    'stored.mat': (partial(extended_mat, False), lambda path: read_people(path, read_lsp, 'train')),
    'weights.pth': (checkpoint, read_weights),
    'weights.safetensors': (lambda: safetensors.torch.save(weights()), read_weights),
    'found.json': (lambda: json.dumps(found().tolist()).encode(), read_found),
    'found.npy': (found_npy, read_found),
    'found.mat': (lambda: mat(True, preds=found()), read_found),
    'found.h5': (lambda: h5(dict(preds=found())), read_found),
    'config.py': (lambda: CONFIG, read_config)}


def strangers(name: str) -> list[bytes]:
    """Return files that the reader of this one must refuse."""
    return [b'not of any kind', b'\0' * 999, people_gz()[:-9], b'{"a": [1, 2', b'[]', b'7',
            b'[' * 100_000, *([] if name.endswith(('.jpg', '.png')) else [image('PNG')]),
            *([] if name.endswith('.h5') else [h5(dict(other=np.zeros(3)))])]


def damage_all(folder: Path, count: int, seed: int) -> dict[str, Counter]:
    return {name: outcomes(folder, name, make(), read, strangers(name), count, seed)
            for name, (make, read) in FILES.items()}


def check(ends: dict[str, Counter]) -> None:
    for name, counts in ends.items():
        for (damage, end), count in counts.items():
            allowed = end in (REFUSED, SAME) or (
                end == OTHER and name in NO_CHECKSUM
                and (damage not in CANNOT_BE_WHOLE or name == 'config.py'))
            assert allowed, f'{name}, {damage}: {count} times {end}'


def test_a_few_damaged_files_of_every_kind_are_read_right_or_refused(tmp_path):
    ends = damage_all(tmp_path, len(DAMAGES), seed=1)
    check(ends)
    assert sum(n for counts in ends.values() for (_, end), n in counts.items()
               if end == REFUSED) > 0.6 * sum(sum(counts.values()) for counts in ends.values())


@pytest.mark.slow
def test_hundreds_of_damaged_files_of_every_kind_are_read_right_or_refused(tmp_path, capsys):
    ends = damage_all(tmp_path, 140, seed=2)
    with capsys.disabled():
        print('\n' + table(ends))
    check(ends)


def _hang(path: Path) -> None:
    while b'x' in path.read_bytes():
        pass


def _die(path: Path) -> None:
    if b'x' in path.read_bytes():
        import ctypes
        ctypes.string_at(0)


def _hoard(path: Path) -> None:
    if b'x' in path.read_bytes():
        np.ones(2**28)


@pytest.mark.parametrize(('read', 'end'), [
    (_hang, HUNG), (_die, CRASHED), (_hoard, 'MemoryError')])
def test_hanging_crashing_and_running_out_of_memory_are_reported(tmp_path, monkeypatch, read, end):
    monkeypatch.setattr('corruption.SECONDS', 0.5)
    counts = outcomes(tmp_path, 'a', b'intact', read, [b'x'], count=len(DAMAGES))
    ended = {damage: how for damage, how in counts if damage == 'replaced'}
    assert ended['replaced'].startswith(end)
    assert counts['empty', SAME] == 1           # the files before and after it are still read
