"""mmengine loads local files through this package, and ``.safetensors`` as well as ``.pth``."""
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import torch
from children import reserved_port
from fresh_python import run
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader, load_checkpoint
from pairs import zip_equal
from safetensors.torch import save_file

from hourglass.checkpoints.description import Description
from hourglass.checkpoints.loaders import _load_url, load_from_local
from hourglass.checkpoints.plain import to_plain
from hourglass.errors import CheckpointError


@pytest.mark.slow                       # three processes
def test_mmengine_reads_safetensors_and_all_else_as_before(tmp_path):
    weights = {'weight': torch.rand(2, 3).half(), 'bias': torch.rand(2).half()}
    save_file(weights, tmp_path / 'a.safetensors', metadata={'family': 'none'})
    torch.save({'state_dict': weights}, tmp_path / 'a.pth')
    ways = ('import hourglass', 'import mmengine.runner, hourglass', 'import hourglass; '
            'from hourglass.checkpoints import loaders; loaders.register()')
    program = (
        '\nimport torch, mmengine.runner.checkpoint as c\n'
        'load = c.CheckpointLoader._get_checkpoint_loader\n'
        'for ending in ("safetensors", "pth"):\n'
        '    layer = torch.nn.Linear(3, 2)\n'
        f"    path = r'{tmp_path / 'a.'}' + ending\n"
        '    content = c.load_checkpoint(layer, path, map_location="cpu", strict=True)\n'
        '    print(load(path).__module__, list(content), layer.weight.dtype,'
        ' layer.weight.half().equal(content["state_dict"]["weight"]))\n'
        'print(load("https://x/a.safetensors").__name__, load("s3://x/a.safetensors").__name__,'
        ' len([p for p in c.CheckpointLoader._schemes if "hourglass" in p]))')
    with ThreadPoolExecutor() as pool:                  # fresh processes, side by side
        outputs = list(pool.map(lambda imports: run(imports + program), ways))
    for imports, output in zip_equal(ways, outputs):
        lines = [line for line in output.splitlines() if 'Loads' not in line]
        assert lines == [
            "hourglass.checkpoints.loaders ['state_dict', 'meta'] torch.float32 True",
            "hourglass.checkpoints.loaders ['state_dict'] torch.float32 True",
            'load_from_http load_from_ceph 1'], imports


def test_weights_in_the_package_load_by_their_name():
    checkpoint = CheckpointLoader.load_checkpoint('hourglass://lsp-small', 'cpu')
    assert checkpoint['meta']['dataset_meta']['num_keypoints'] == 14
    with pytest.raises(CheckpointError, match="did you mean 'lsp-small'"):
        CheckpointLoader.load_checkpoint('hourglass://lsp-smal', 'cpu')


def test_weights_that_describe_themselves_name_their_keypoints(tmp_path):
    description = Description(['nose', 'l_paw', 'r_paw'], [(0, 1)], [0, 2, 1], (64, 64),
                              [0, 0, 0], [1, 1, 1])
    torch.save(dict(state_dict={}, meta=description.metadata()), tmp_path / 'a.pth')
    meta = load_from_local(str(tmp_path / 'a.pth'))['meta']['dataset_meta']
    assert meta['keypoint_id2name'] == {0: 'nose', 1: 'l_paw', 2: 'r_paw'}
    assert meta['flip_indices'] == [0, 2, 1]


@pytest.mark.parametrize('content', [[1], {}, dict(meta=[]), dict(meta=dict(skeleton=['mpii'])),
                                     dict(meta=dict(skeleton='unknown'))], ids=str)
def test_files_without_a_known_skeleton_are_returned_as_they_are(tmp_path, content):
    torch.save(content, tmp_path / 'a.pth')
    assert load_from_local(str(tmp_path / 'a.pth')) == content


@pytest.mark.parametrize('name', ['model', 'model_state_dict', 'weights'])
def test_weights_under_another_name_are_loaded(tmp_path, name):
    layer, other = torch.nn.Linear(2, 3), torch.nn.Linear(2, 3)
    torch.save({name: layer.state_dict(), 'epoch': 3}, tmp_path / 'a.pth')
    load_checkpoint(other, str(tmp_path / 'a.pth'), 'cpu')
    assert torch.equal(other.weight, layer.weight)


def test_an_address_that_cannot_be_reached_is_not_called_a_broken_checkpoint(tmp_path):
    with reserved_port() as port:
        url = f'http://127.0.0.1:{port}/weights.pth'
        with pytest.raises(CheckpointError, match=f'{url}: cannot be fetched to .*; check the add'):
            _load_url(url, str(tmp_path))


@pytest.fixture
def address(tmp_path, monkeypatch):
    """The address of a server of ``tmp_path / 'served'``; it sends half of a file named cut.*."""
    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def copyfile(self, source, outputfile):
            content = source.read()
            outputfile.write(content[:len(content) // (2 if 'cut.' in self.path else 1)])

    monkeypatch.setenv('no_proxy', '*')
    (tmp_path / 'served').mkdir()
    server = ThreadingHTTPServer(
        ('127.0.0.1', 0), partial(Handler, directory=str(tmp_path / 'served')))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown()
    server.server_close()


def test_addresses_that_end_with_the_same_name_are_told_apart(address, tmp_path):
    for number in (1, 2):
        folder = tmp_path / f'served/{number}'
        folder.mkdir()
        torch.save(dict(state_dict=dict(weight=torch.tensor([number]))), folder / 'best.pth')
    cache = str(tmp_path / 'cache')
    for number in (1, 2, 1):
        content = _load_url(f'{address}/{number}/best.pth', cache, progress=False)
        assert content['state_dict']['weight'].tolist() == [number]
    (tmp_path / 'served/1/best.pth').unlink()           # it is in the cache
    assert _load_url(f'{address}/1/best.pth', cache)['state_dict']['weight'].tolist() == [1]


def test_a_download_is_read_like_a_file(address, tmp_path):
    """Weights that name their skeleton, and the log of a run."""
    weights, history = dict(weight=torch.rand(2)), HistoryBuffer([1.0, 3.0], [1, 2])
    torch.save(to_plain(dict(model=weights, meta=dict(skeleton='lsp'),
                             message_hub=dict(log_scalars=dict(loss=history)))),
               tmp_path / 'served/a.pth')
    content = _load_url(f'{address}/a.pth', str(tmp_path / 'cache'), progress=False)
    assert content['state_dict']['weight'].equal(weights['weight'])
    assert content['meta']['dataset_meta']['num_keypoints'] == 14
    assert content['message_hub']['log_scalars']['loss'].mean() == history.mean()


@pytest.mark.parametrize('suffix', ['pth', 'safetensors'])
def test_a_download_that_is_cut_off_is_not_kept(address, tmp_path, suffix):
    tensors, cache = dict(weight=torch.rand(1000)), tmp_path / 'cache'
    save = save_file if suffix == 'safetensors' else torch.save
    save(tensors, tmp_path / f'served/cut.{suffix}')
    url = f'{address}/cut.{suffix}'
    with pytest.raises(CheckpointError, match=f'^{url}: not a readable checkpoint'):
        _load_url(url, str(cache), progress=False)
    assert not list(cache.iterdir())


def test_an_address_with_a_space_is_one_line(tmp_path):
    with pytest.raises(CheckpointError, match='cannot be fetched to .*control characters'):
        _load_url('http://127.0.0.1:9/the weights.pth', str(tmp_path))
