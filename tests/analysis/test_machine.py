"""The machine is described, and memory is measured at its peak."""
from functools import partial
from importlib.metadata import PackageNotFoundError

import pytest
import torch

from hourglass.analysis import machine
from hourglass.analysis.machine import described, peak_memory
from hourglass.errors import HourglassError


def test_the_description_names_processor_threads_and_versions():
    about = machine.machine()
    assert about['threads'] == torch.get_num_threads() and about['torch'] == torch.__version__
    assert f"{about['threads']} of {about['cores']} cores" in described(about)
    assert described(about).startswith(str(about['processor']))


def test_without_proc_the_machine_is_described_and_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, '_PROC', tmp_path)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    assert machine.machine()['processor']
    with pytest.raises(HourglassError, match=r'^memory: needs an accelerator or .*clear_refs'):
        peak_memory(partial, torch.ones, 1)


@pytest.mark.slow                       # starts processes
def test_memory_is_what_a_call_takes_at_its_peak():
    # what torch itself loads at a first call comes to a few MiB
    assert 200 <= peak_memory(partial, torch.ones, 200, 2**18) / 2**20 < 230
    with pytest.raises(HourglassError, match='memory: ValueError: invalid literal'):
        peak_memory(partial, int, 'no number')


def test_a_package_of_another_distribution_has_an_unknown_release(monkeypatch):
    def version(name: str) -> str:
        raise PackageNotFoundError(name)
    monkeypatch.setattr(machine, 'version', version)
    assert machine.machine()['numpy'] == 'unknown'
