"""Untrusted files start no program: every function that reads files refuses a malicious pickle.

The pickle creates a file when it is unpickled freely, as the first test shows.
"""
import json
import pickle
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch
from conftest import REPOSITORY
from own_people import write_people

from hourglass.analysis.project.write import _comment
from hourglass.apis import init_model
from hourglass.checkpoints import import_checkpoint, read_checkpoint
from hourglass.datasets.flic.files import read_flic
from hourglass.datasets.mpii.files import read_mpii
from hourglass.datasets.mpii.release import read_release
from hourglass.errors import HourglassError
from hourglass.evaluation.prediction_files import read_predictions
from hourglass.inference.boxes import BoxFile
from hourglass.io.h5 import open_h5
from hourglass.io.images import read_image, read_reduced
from hourglass.io.mat import read_mat

CONFIG = str(REPOSITORY / 'configs/demo/td-hm_hourglass2-demo_synthetic-128x128.py')


class Malicious:
    """An object that creates the file ``trace`` when it is unpickled freely."""

    def __init__(self, trace: Path):
        self.trace = trace

    def __reduce__(self):
        return open, (str(self.trace), 'w')


@pytest.fixture
def trace(tmp_path) -> Path:
    return tmp_path / 'trace'


def written(path: Path, trace: Path) -> Path:
    """Write a file of the format of its suffix, with the malicious pickle inside."""
    evil, ending = Malicious(trace), path.suffix
    if ending == '.pth':
        torch.save(dict(state_dict=dict(weight=evil)), path)
    elif ending == '.tar':
        torch.save(dict(state_dict=dict(weight=evil)), path, _use_new_zipfile_serialization=False)
    elif ending == '.npy':
        np.save(path, np.array([evil], object), allow_pickle=True)
    elif ending == '.mat':                      # Matlab's files hold no pickles; bytes that are one
        scipy.io.savemat(path, dict(preds=np.frombuffer(pickle.dumps(evil), np.uint8)))
    else:
        path.write_bytes(pickle.dumps(evil))
    return path


def load_with_mmengine(path: str) -> None:
    from mmengine.runner import load_checkpoint
    load_checkpoint(torch.nn.Linear(1, 1), path, map_location='cpu')


def load_with_inferencer(path: str) -> None:
    from mmpose.apis import MMPoseInferencer
    MMPoseInferencer(CONFIG, path, det_model='whole_image', device='cpu')


CHECKPOINT_READERS = dict(
    read_checkpoint=read_checkpoint, import_checkpoint=import_checkpoint,
    init_model=lambda path: init_model(CONFIG, path, 'cpu'), mmengine=load_with_mmengine,
    inferencer=load_with_inferencer)
DATA_READERS = dict(
    predictions=lambda path: read_predictions(path, range(1), 16), boxes=BoxFile,
    mpii=lambda path: read_mpii(path, None), flic=lambda path: read_flic(path, 'train'),
    mat=lambda path: read_mat(path, 'joints'), release=read_release, h5=open_h5,
    image=read_image, reduced=lambda path: read_reduced(path, 1))


def refused(call, *arguments, trace: Path) -> str:
    """Return the one line of the error, after which nothing was created."""
    with pytest.raises(HourglassError) as error:
        call(*arguments)
    assert not trace.exists()
    assert '\n' not in str(error.value)
    return str(error.value)


def test_the_pickle_does_create_the_file(trace, tmp_path):
    torch.load(written(tmp_path / 'a.pth', trace), weights_only=False)
    assert trace.exists()


@pytest.mark.parametrize(('reader', 'ending'), [
    *((reader, ending) for reader in ('read_checkpoint', 'import_checkpoint', 'mmengine')
      for ending in ('.pth', '.tar', '.pkl', '.safetensors')),
    ('init_model', '.pth'), ('inferencer', '.pth')])        # these build a network first
def test_a_checkpoint_that_is_a_program_is_refused(reader, ending, trace, tmp_path):
    path = written(tmp_path / f'evil{ending}', trace)
    assert f'evil{ending}: not a readable checkpoint' in refused(
        CHECKPOINT_READERS[reader], str(path), trace=trace)


@pytest.mark.parametrize('ending', ['.npy', '.mat', '.pkl', '.json', '.h5', '.jpg', '.json.gz'])
@pytest.mark.parametrize('reader', DATA_READERS)
def test_a_data_file_that_is_a_program_is_refused(reader, ending, trace, tmp_path):
    path = written(tmp_path / f'evil{ending}', trace)
    assert f'evil{ending}' in refused(DATA_READERS[reader], path, trace=trace)


@pytest.mark.parametrize('arguments', [
    ('test', 'CONFIG', 'EVIL'), ('report', 'CONFIG', 'EVIL', 'out.html'),
    ('train', 'CONFIG', '--resume', 'EVIL', '--work-dir', 'out.work'),
    ('train', 'CONFIG', '--cfg-options', 'load_from=EVIL', '--work-dir', 'out.work'),
    ('convert', 'EVIL', 'out.safetensors'), ('export', 'CONFIG', 'EVIL', 'out.safetensors'),
    ('predict', 'docs/images/people.jpg', '--whole-image', '--config', 'CONFIG', '--weights',
     'EVIL'),
    ('web', '--config', 'CONFIG', '--weights', 'EVIL')], ids=lambda arguments: arguments[0])
def test_every_command_refuses_such_a_checkpoint(cli, arguments, trace, synthetic, tmp_path,
                                                 monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setenv('HOURGLASS_DATA', str(synthetic))
    if arguments[0] == 'web':
        pytest.importorskip('flask')
    path = str(written(tmp_path / 'evil.pth', trace))
    with pytest.raises(SystemExit) as stop:
        cli(arguments[0], *(argument.replace('EVIL', path).replace('CONFIG', CONFIG).replace(
            'out.', f'{tmp_path}/out.') for argument in arguments[1:]))
    assert str(stop.value).startswith(f'error: {path}: not a readable checkpoint')
    assert '\n' not in str(stop.value)
    assert not trace.exists()


@pytest.mark.parametrize('command', ['evaluate', 'boxes'])
def test_commands_refuse_such_data(cli, command, trace, tmp_path, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    path = written(tmp_path / 'evil.npy', trace)
    with pytest.raises(SystemExit) as stop:
        if command == 'boxes':
            cli('predict', 'docs/images/people.jpg', '--boxes', path, '--out', tmp_path)
        else:
            truth = [dict(image='a.jpg', center=[5, 5], scale=1, joints=[[1, 2]] * 16,
                          joints_vis=[1] * 16, head_box=[1, 2, 3, 4])]
            (tmp_path / 'truth.json').write_text(json.dumps(truth))
            cli('evaluate', 'mpii', '--gt', tmp_path / 'truth.json', '--pred', path)
    assert str(stop.value).startswith(f'error: {path}: not a ')
    assert not trace.exists()


def test_a_checkpoint_from_an_address_is_loaded_weights_only(trace, tmp_path, monkeypatch):
    """mmengine has torch unpickle its downloads freely; this package does not."""
    evil = written(tmp_path / 'evil.pth', trace).read_bytes()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header('Content-Length', str(len(evil)))
            self.end_headers()
            self.wfile.write(evil)

        def log_message(self, *_):
            pass
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'hub'))
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    server = HTTPServer(('127.0.0.1', 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f'http://127.0.0.1:{server.server_port}/evil.pth'
        assert 'evil.pth: not a readable checkpoint' in refused(
            load_with_mmengine, address, trace=trace)
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize('end', ['\n', '\r', '\x0c', '\u2028'])
def test_a_name_in_an_annotation_does_not_become_a_program(cli, trace, tmp_path, end):
    """Those of keypoints stand in the comments of the config that hourglass init writes."""
    names = [f'left_tip{end}open({str(trace)!r}, "w").close(){end}#', 'tail', 'nose']
    with pytest.raises(SystemExit, match='a keypoint is named .*; give it a name of one line'):
        cli('init', write_people(tmp_path, names=names), '--images', tmp_path / 'images', '--out',
            tmp_path / 'project')
    assert '\n' not in _comment(names[0]) and not trace.exists()
