"""mmpose's own tools run on our configs, and say the same as ours."""
import json
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest
from conftest import DRAWS_CIRCLES
from fresh_python import run
from mmengine.analysis.print_helper import _format_size
from tiny_network import write_tiny_network

from hourglass.checkpoints import read_checkpoint
from hourglass.cli.mmpose import find_tools


@pytest.fixture
def tiny(tmp_path, synthetic, monkeypatch):
    monkeypatch.setenv('HOURGLASS_DATA', str(synthetic))
    monkeypatch.chdir(tmp_path)
    return write_tiny_network(tmp_path)


def test_get_flops_counts_our_parameters(tiny, cli, capsys):
    config, checkpoint = tiny
    cli('mmpose', 'get_flops', config, '--input-shape', 64, 64)
    weights = read_checkpoint(checkpoint)['state_dict']
    count = sum(tensor.numel() for name, tensor in weights.items()
                if name.endswith(('weight', 'bias')))
    assert f'Params: {_format_size(count)}\n' in capsys.readouterr().out


@DRAWS_CIRCLES
def test_browse_dataset_draws_our_people(tiny, cli, tmp_path):
    cli('mmpose', 'browse_dataset', tiny[0], '--not-show', '--output-dir', tmp_path / 'drawn',
        '--cfg-options', 'train_dataloader.dataset.indices=3')
    assert len(list((tmp_path / 'drawn').glob('*.jpg'))) == 3


@DRAWS_CIRCLES
def test_browse_dataset_draws_people_of_configs_in_the_new_style(tmp_path, synthetic, cli,
                                                                 monkeypatch):
    """Whose environment variables mmengine does not replace."""
    monkeypatch.setenv('HOURGLASS_DATA', str(synthetic))
    config = tmp_path / 'new.py'
    config.write_text("""\
from mmengine.dataset import DefaultSampler
from mmpose.visualization import PoseLocalVisualizer
from hourglass.datasets.mpii.dataset import MpiiDataset
from hourglass.datasets.transforms import CropImage, PackPerson
train_dataloader = dict(sampler=dict(type=DefaultSampler), dataset=dict(
    type=MpiiDataset, data_root='{{$HOURGLASS_DATA:data}}/synthetic', indices=3,
    ann_file='train/annotations.json', data_prefix=dict(img='train/images'),
    pipeline=[dict(type=CropImage, input_size=(64, 64)), dict(type=PackPerson)]))
visualizer = dict(type=PoseLocalVisualizer, name='new_style')
""")
    cli('mmpose', 'browse_dataset', config, '--not-show', '--output-dir', tmp_path / 'drawn')
    assert len(list((tmp_path / 'drawn').glob('*.jpg'))) == 3


def test_test_gives_the_scores_of_ours(tiny, cli, tmp_path):
    for words in (('test',), ('mmpose', 'test')):
        cli(*words, *tiny, '--work-dir', tmp_path, '--out', tmp_path / f'{words[0]}.json',
            '--cfg-options', 'test_dataloader.num_workers=0',
            'test_dataloader.persistent_workers=False')
    ours, theirs = (json.loads((tmp_path / f'{name}.json').read_text())
                    for name in ('test', 'mmpose'))
    ours.pop('interval95')
    assert ours == theirs


def test_analyze_logs_reads_our_log(cli, tmp_path, monkeypatch, capsys):
    if 'seaborn' not in sys.modules:            # read for its colours alone
        monkeypatch.setitem(sys.modules, 'seaborn', ModuleType('seaborn'))
    log = tmp_path / 'scalars.json'
    lines = [dict(epoch=epoch, step=2 * epoch + i, time=epoch + i, loss=1.0)
             for epoch in (1, 2) for i in range(2)]
    log.write_text('\n'.join(map(json.dumps, [*lines, {'mpii/Total': 50.0, 'step': 2}])))
    cli('mmpose', 'analyze_logs', 'cal_train_time', log)
    assert 'slowest epoch 2, average time is 3.0000' in capsys.readouterr().out


def test_a_missing_tool_or_package_is_one_line(cli, monkeypatch, capsys):
    with pytest.raises(SystemExit, match=r"^error: mmpose has no tool 'get_flop', did you mean "
                       r"'get_flops'\?; there are .*analyze_logs, browse_dataset, .*train"):
        cli('mmpose', 'get_flop')
    monkeypatch.setitem(sys.modules, 'seaborn', None)
    with pytest.raises(SystemExit, match="^error: mmpose's analyze_logs needs seaborn: pip inst"):
        cli('mmpose', 'analyze_logs', 'cal_train_time', 'scalars.json')
    cli('mmpose')
    assert capsys.readouterr().out.split() == list(find_tools())


def test_options_belong_to_the_tool(cli, capsys):
    with pytest.raises(SystemExit, match='^0$'):
        cli('mmpose', 'get_flops', '--help')
    assert capsys.readouterr().out.startswith('usage: get_flops.py')


def test_a_checkout_has_its_tools_beside_the_package(tmp_path, monkeypatch):
    for path in ('mmpose/__init__.py', 'tools/train.py'):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text('')
    spec = ModuleSpec('mmpose', None, origin=str(tmp_path / 'mmpose/__init__.py'))
    monkeypatch.setattr('hourglass.cli.mmpose.find_spec', lambda name: spec)
    assert find_tools() == dict(train=tmp_path / 'tools/train.py')


@pytest.mark.slow
def test_a_new_process_has_the_patches(tiny):
    program = f"from hourglass.cli import main; main(['mmpose', 'get_flops', {str(tiny[0])!r}])"
    assert 'Params: ' in run(program)
