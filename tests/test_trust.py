"""Files of strangers start no program: every entry that reads one refuses a malicious pickle.

The pickle creates a file when it is loaded freely; that it does is shown first.
"""
import gzip
import json
import pickle
import struct
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import torch
from conftest import REPOSITORY
from PIL import Image, PngImagePlugin

from hourglass.io import files, intact
from hourglass.apis import init_model
from hourglass.checkpoints import import_checkpoint, read_checkpoint, state_dict
from hourglass.datasets.flic import read_flic
from hourglass.datasets.mpii.files import read_mpii
from hourglass.datasets.mpii.release import read_release
from hourglass.errors import CheckpointError, DataError, HourglassError
from hourglass.evaluation.prediction_files import read_predictions
from hourglass.inference.boxes import BoxFile
from hourglass.io.h5 import open_h5
from hourglass.io.images import ImageFile, read_image
from hourglass.io.mat import read_mat

CONFIG = str(REPOSITORY / 'configs/demo/td-hm_hourglass2-demo_synthetic-128x128.py')


class Malicious:
    """Creates the file ``trace`` where it is unpickled freely."""

    def __init__(self, trace: Path):
        self.trace = trace

    def __reduce__(self):
        return open, (str(self.trace), 'w')


@pytest.fixture
def trace(tmp_path) -> Path:
    return tmp_path / 'trace'


def written(path: Path, trace: Path) -> Path:
    """A file of the kind its name ends in, with the malicious pickle inside."""
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
    image=read_image, later_image=ImageFile)


def refused(call, *arguments, trace: Path) -> str:
    """The one line of a refusal after which nothing was created."""
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
    ('train', 'CONFIG', '--resume', 'EVIL'), ('train', 'CONFIG', '--cfg-options', 'load_from=EVIL'),
    ('convert', 'EVIL', 'out.safetensors'), ('export', 'CONFIG', 'EVIL', 'out.onnx'),
    ('predict', 'docs/images/people.jpg', '--config', 'CONFIG', '--weights', 'EVIL'),
    ('web', '--config', 'CONFIG', '--weights', 'EVIL')], ids=lambda arguments: arguments[0])
def test_every_tool_refuses_such_a_checkpoint(cli, arguments, trace, tmp_path, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    path = str(written(tmp_path / 'evil.pth', trace))
    with pytest.raises(SystemExit) as stop:
        cli(arguments[0], *(argument.replace('EVIL', path).replace('CONFIG', CONFIG).replace(
            'out.', f'{tmp_path}/out.') for argument in arguments[1:]))
    assert str(stop.value).startswith(f'error: {path}: not a readable checkpoint')
    assert '\n' not in str(stop.value)
    assert not trace.exists()


@pytest.mark.parametrize('command', ['evaluate', 'boxes'])
def test_tools_refuse_such_data(cli, command, trace, tmp_path, monkeypatch):
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
    """torch unpickles freely what it fetches for mmengine."""
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


def test_torch_allows_just_what_a_checkpoint_of_mmengine_holds():
    import mmengine.runner  # noqa: F401  (the list is filled as it is imported)
    listed = set()
    for entry in torch.serialization.get_safe_globals():
        thing, name = entry if isinstance(entry, tuple) else (entry, None)
        name = name or f'{thing.__module__}.{thing.__qualname__}'
        if not name.startswith('torch'):        # torch's own, for distributed tensors
            listed.add(name)
    dtypes = {f'numpy.dtypes.{type(np.dtype(code)).__name__}'
              for code in np.typecodes['AllInteger'] + 'efd?'}
    assert listed == dtypes | {
        'mmengine.logging.history_buffer.HistoryBuffer', 'builtins.bytes', 'builtins.getattr',
        'numpy.ndarray', 'numpy.dtype', *(f'numpy.{core}.multiarray.{name}'
                                          for core in ('core', '_core')
                                          for name in ('_reconstruct', 'scalar'))}


def test_a_tensor_larger_than_its_file_is_refused(tmp_path):
    torch.save(dict(weight=torch.zeros(1).expand(10**6, 10**6)), tmp_path / 'a.pth')
    with pytest.raises(CheckpointError, match=r'a\.pth: weight \(1000000, 1000000\) is not stored'):
        state_dict(read_checkpoint(tmp_path / 'a.pth'), tmp_path / 'a.pth')


def test_bombs_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):

    monkeypatch.setattr(files, 'MOST_UNPACKED', 10**6)
    monkeypatch.setattr('hourglass.io.mat.MOST_UNPACKED', 10**6)
    monkeypatch.setattr('hourglass.checkpoints.reading._SPARE', 10**6)
    (tmp_path / 'a.json.gz').write_bytes(gzip.compress(b' ' * 10**7))
    with pytest.raises(DataError, match=r'a\.json\.gz: unpacks to more than'):
        files.read_json(tmp_path / 'a.json.gz')
    scipy.io.savemat(tmp_path / 'a.mat', dict(joints=np.zeros(10**6)), do_compression=True)
    with pytest.raises(DataError, match=r'a\.mat: .*unpacks to more than'):
        read_mat(tmp_path / 'a.mat', 'joints')
    torch.save(dict(weight=torch.zeros(10**6)), tmp_path / 'whole.pth')
    with zipfile.ZipFile(tmp_path / 'whole.pth') as whole, zipfile.ZipFile(
            tmp_path / 'a.pth', 'w', zipfile.ZIP_DEFLATED) as packed:
        for part in whole.infolist():
            packed.writestr(part.filename, whole.read(part))
    with pytest.raises(CheckpointError, match=r'a\.pth: .*unpacks to'):
        read_checkpoint(tmp_path / 'a.pth')
    with h5py.File(tmp_path / 'a.h5', 'w') as file:
        file.create_dataset('part', (10**9, 16, 2), chunks=(1000, 16, 2))
    assert (tmp_path / 'a.h5').stat().st_size < 10_000
    with pytest.raises(DataError, match=r"a\.h5: 'part' of shape .* more than 4 GiB"):
        open_h5(tmp_path / 'a.h5')


@pytest.mark.parametrize('kind', ['link', 'storage', 'virtual'])
def test_an_h5_file_may_not_show_other_files(tmp_path, kind):
    with h5py.File(tmp_path / 'secret.h5', 'w') as file:
        file['part'] = np.arange(6.0)
    with h5py.File(tmp_path / 'a.h5', 'w') as file:
        if kind == 'link':
            file['part'] = h5py.ExternalLink(str(tmp_path / 'secret.h5'), 'part')
        elif kind == 'storage':
            file.create_dataset('part', (6,), 'f8', external=[(str(tmp_path / 'secret.h5'), 0, 48)])
        else:
            layout = h5py.VirtualLayout((6,), 'f8')
            layout[:] = h5py.VirtualSource(tmp_path / 'secret.h5', 'part', (6,))
            file.create_virtual_dataset('part', layout)
    with pytest.raises(DataError, match=r"a\.h5: 'part' lies in another file"):
        open_h5(tmp_path / 'a.h5')


def test_postscript_is_not_handed_to_another_program(tmp_path, monkeypatch):
    monkeypatch.setattr('PIL.EpsImagePlugin.Ghostscript', lambda *_: pytest.fail('it was run'))
    (tmp_path / 'a.jpg').write_bytes(b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n'
                                     b'%%EndComments\nshowpage\n%%EOF\n')
    with pytest.raises(DataError, match=r'a\.jpg: .*EPS is drawn by other programs'):
        read_image(tmp_path / 'a.jpg')


def test_an_image_that_claims_a_gigapixel_is_refused(tmp_path):
    Image.new('RGB', (64, 48)).save(tmp_path / 'a.jpg')
    content = (tmp_path / 'a.jpg').read_bytes()
    at = content.index(b'\xff\xc0') + 5
    (tmp_path / 'a.jpg').write_bytes(content[:at] + struct.pack('>HH', 30000, 30000)
                                     + content[at + 4:])
    for read in (read_image, ImageFile):
        with pytest.raises(DataError, match=r'a\.jpg: .*exceeds limit'):
            read(tmp_path / 'a.jpg')


def test_a_jpeg_that_ends_well_and_lacks_its_middle_is_told_where_markers_tell(tmp_path):
    Image.new('RGB', (64, 48)).save(tmp_path / 'a.jpg')
    content = (tmp_path / 'a.jpg').read_bytes()
    frame = intact.check_jpeg(content + b'what a camera adds')
    assert (frame.size, frame.bits, frame.colours, frame.end) == ((64, 48), 8, 3, len(content))
    for torn in (content[:-2], content[:-2] + bytes(2000), content[:-20] + b'\xff\xd8\xff\xd9',
                 content[:200] + content[210:], content[:100] + b'\xff\xd9'):
        with pytest.raises(ValueError, match='damaged at|breaks off'):
            intact.check_jpeg(torn)


def test_every_flipped_bit_of_a_png_is_found(tmp_path):
    note = PngImagePlugin.PngInfo()
    note.add_text('made', 'here')
    Image.new('RGB', (5, 4), (9, 99, 200)).save(tmp_path / 'a.png', pnginfo=note)
    content = (tmp_path / 'a.png').read_bytes()
    assert read_image(tmp_path / 'a.png').shape == (4, 5, 3)
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        (tmp_path / 'a.png').write_bytes(flipped)
        with pytest.raises(DataError, match='not a readable image'):
            read_image(tmp_path / 'a.png')


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
