"""A damaged file is either read with its original content or refused in one line with its name.

In a format without checksums, a changed number cannot be recognised, and is read. The table that
the slow test prints has a column for these.
"""
import argparse
import json
from collections import Counter
from dataclasses import astuple
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
from corruption import CRASHED, DAMAGES, HUNG, OTHER, REFUSED, SAME, outcomes, table
from seed_files import (
    JOINTS,
    PEOPLE,
    boxes_json,
    checkpoint,
    examples_mat,
    extended_mat,
    found,
    found_npy,
    h5,
    image,
    mat,
    people_gz,
    people_h5,
    people_json,
    weights,
)

from hourglass.checkpoints import read_checkpoint, state_dict
from hourglass.cli.config import load_config
from hourglass.datasets.flic.files import read_flic
from hourglass.datasets.lsp.files import read_lsp
from hourglass.datasets.mpii.files import read_mpii
from hourglass.evaluation.ground_truth import read_truth
from hourglass.evaluation.prediction_files import read_predictions
from hourglass.inference.boxes import BoxFile
from hourglass.io.images import read_image, read_reduced

# a changed byte may be another number, name or pixel; all other formats keep checksums
NO_CHECKSUM = {'image.jpg', 'reduced.jpg', 'progressive.jpg', 'people.json', 'boxes.json',
               'people.h5', 'stored.mat', 'weights.safetensors', 'found.json', 'found.npy',
               'found.h5', 'config.py'}
CANNOT_BE_WHOLE = ('cut', 'empty', 'replaced')


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
    return [b'not of any kind', b'\0' * 999, people_gz()[:-9], b'{"a": [1, 2',
            *([] if name == 'boxes.json' else [b'[]']),     # COCO's results, of nobody
            b'7', b'[' * 100_000,
            *([] if name.endswith(('.jpg', '.png')) else [image('PNG')]),
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
