"""A device is found by its name, or refused in a line."""
import pytest
import torch

from hourglass.errors import ConfigError
from hourglass.inference.device import cuda_or_cpu, find_device


def test_without_an_accelerator_it_is_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(torch.backends.mps, 'is_available', lambda: False)
    assert find_device() == find_device('cpu') == find_device(torch.device('cpu')) == (
        torch.device('cpu'))


@pytest.mark.parametrize(('there', 'name'), [(True, 'cuda'), (False, 'cpu')])
def test_another_accelerator_is_not_a_gpu_with_cuda(there, name, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: there)
    monkeypatch.setattr(torch.backends.mps, 'is_available', lambda: True)
    assert cuda_or_cpu() == name


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(),
                    reason='needs a machine without a GPU')
@pytest.mark.parametrize(('name', 'words'), [
    ('cuda', 'cannot be used here'), ('gpu', 'torch knows no such device'),
    ('mps', 'cannot be used here'),
    ('meta', 'holds no numbers')])
def test_a_device_that_is_not_there_is_refused(name, words):
    with pytest.raises(ConfigError, match=f"device '{name}': .*{words}.*; leave it out, or give"
                       ) as error:
        find_device(name)
    assert len(str(error.value)) < 200
