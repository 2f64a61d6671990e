"""What torch before 2.6 may unpickle; tested with every release."""
import io
import pickle

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from hourglass.checkpoints import unpickling
from hourglass.checkpoints.reading import read_checkpoint
from hourglass.errors import CheckpointError


def load(path):
    return torch.load(path, pickle_module=unpickling, weights_only=False)


class Reduced:
    """An object that is pickled as the call of a function."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize('zipped', [True, False])
def test_a_checkpoint_of_mmengine_is_read(tmp_path, zipped):
    layer = torch.nn.Conv2d(2, 3, 1)
    optimizer = torch.optim.AdamW(layer.parameters())
    layer(torch.ones(1, 2, 1, 1)).sum().backward()
    optimizer.step()
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    torch.save(dict(
        state_dict=layer.state_dict(), optimizer=optimizer.state_dict(), half=torch.ones(2).half(),
        parameter=torch.nn.Parameter(torch.ones(1)), dtype=torch.bfloat16, scalar=np.float64(3),
        meta=dict(colours=np.array([[255, 0, 7]], np.uint8), empty=np.zeros(0), epoch=1),
        message_hub=dict(log_scalars=dict(loss=history))), tmp_path / 'a.pth',
        _use_new_zipfile_serialization=zipped)
    found = load(tmp_path / 'a.pth')
    assert all(found['state_dict'][name].equal(value)
               for name, value in layer.state_dict().items())
    assert found['optimizer']['state'][0]['step'] == 1
    assert found['half'].dtype is torch.half and found['dtype'] is torch.bfloat16
    assert found['parameter'].requires_grad and found['scalar'] == 3
    assert found['meta']['colours'].tolist() == [[255, 0, 7]] and found['meta']['empty'].size == 0
    assert found['message_hub']['log_scalars']['loss'].mean() == 1.5


@pytest.mark.parametrize('zipped', [True, False])
@pytest.mark.parametrize(('call', 'reason'), [
    ((open, ('trace', 'w')), 'Unsupported class _?io.open'),
    ((getattr, (HistoryBuffer, '__init__')), 'may not fetch'),
    ((getattr, (dict, 'mean')), 'Unsupported class builtins.dict'),
    ((torch.nn.Linear, (1, 1)), 'Unsupported class torch.nn.modules.linear.Linear'),
    ((torch.load, ('trace',)), 'Unsupported class torch.serialization.load')],
    ids=lambda value: value if isinstance(value, str) else value[0].__name__)
def test_nothing_else_is_unpickled(tmp_path, monkeypatch, call, reason, zipped):
    monkeypatch.chdir(tmp_path)
    torch.save(dict(weight=Reduced(*call)), 'a.pth', _use_new_zipfile_serialization=zipped)
    with pytest.raises(Exception, match=reason):
        load('a.pth')
    assert [path.name for path in tmp_path.iterdir()] == ['a.pth']


def test_the_state_of_a_class_or_function_cannot_be_changed():
    """BUILD with a pair of dicts sets the attributes that the second one names."""
    changes = b'}(U\x04mean\x89u'                     # {'mean': False}
    for name in (b'mmengine.logging.history_buffer HistoryBuffer', b'torch._utils _rebuild_tensor'):
        program = b'\x80\x02c' + name.replace(b' ', b'\n') + b'\nN' + changes + b'\x86b.'
        with pytest.raises(pickle.UnpicklingError, match='Unsupported state of'):
            unpickling.Unpickler(io.BytesIO(program)).load()
    assert callable(HistoryBuffer.mean)


@pytest.mark.skipif(torch.__version__ >= '2.6', reason='torch itself refuses it')
def test_a_program_of_torchscript_is_refused(tmp_path):
    torch.jit.script(torch.nn.Linear(1, 1)).save(str(tmp_path / 'a.pth'))
    with pytest.raises(CheckpointError, match=r'a\.pth: .*it is a program of TorchScript'):
        read_checkpoint(tmp_path / 'a.pth')
