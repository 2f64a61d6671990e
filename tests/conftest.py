"""Fixtures of all tests: the folders of real data, and a tiny data set of synthetic people."""
import os
import random
import sys
from pathlib import Path

import mmengine
import numpy as np
import pytest
import torch
from children import end_all
from mmengine.utils import digit_version

import hourglass  # noqa: F401  (prepares the imports of OpenMMLab's packages)
from hourglass.cli import main

REPOSITORY = Path(__file__).parents[1]


def _first_folder(variable: str, *candidates: str) -> Path:
    named = os.environ.get(variable)
    paths = [Path(named)] if named else [REPOSITORY / candidate for candidate in candidates]
    return next((path for path in paths if path.is_dir()), paths[0])


DATA = _first_folder('HOURGLASS_DATA', 'data', '../shared/data')
GOLDEN = _first_folder('HOURGLASS_GOLDEN', 'data/golden', '../shared/golden')


def needs(path: Path):
    """Skip a test if its real data is not on this machine."""
    return pytest.mark.skipif(not path.exists(), reason=f'{path} is not here')


COUNTS_MACS = pytest.mark.skipif(
    torch.__version__ < '2.1', reason='torch before 2.1 does not count multiply-adds')


NEEDS_MMENGINE_0_9_1 = pytest.mark.skipif(
    digit_version(mmengine.__version__) < digit_version('0.9.1'),
    reason='mmengine before 0.9.1: ConcatDataset compares no arrays, OneCycleLR needs total_steps')


DRAWS_CIRCLES = pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) >= '2.4.0', reason='mmengine draws none with numpy 2.4')


# The first backward pass starts a thread for each device, and forks of a process with such threads
# cannot train. torch.export pretends that there is a GPU, in builds for CUDA: so here, before it.
torch.ones(1, requires_grad=True).sum().backward()


def pytest_runtest_setup() -> None:
    """What a test draws does not depend on the tests before it."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


def pytest_runtest_teardown() -> None:
    end_all()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    """Servers of the tests are asked directly, also where a proxy is set; FFmpeg obeys it, too."""
    monkeypatch.setenv('no_proxy', '127.0.0.1')


@pytest.fixture(autouse=True)
def _own_visualizers(monkeypatch):
    """mmengine keeps visualizers by name, with the folder of the first run, which may be gone."""
    for name, kind in (('mmengine.visualization', 'Visualizer'),
                       ('mmpose.visualization', 'PoseLocalVisualizer')):
        if name in sys.modules:
            made = getattr(sys.modules[name], kind)
            monkeypatch.setattr(made, '_instance_dict', type(made._instance_dict)())


@pytest.fixture
def cli(monkeypatch):
    """Run a subcommand in this process: ``cli('evaluate', 'mpii', '--gt', path)``."""
    def call(*arguments) -> None:
        words = [str(argument) for argument in arguments]
        monkeypatch.setattr(sys, 'argv', ['hourglass', *words])         # what reports quote
        main(words)
    return call


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope='session')
def synthetic(tmp_path_factory) -> Path:
    """A data root with 32 training and 16 test people of 128x128 px."""
    from hourglass.datasets.synthetic import write_synthetic
    root = tmp_path_factory.mktemp('data')
    for stream, (split, count) in enumerate((('test', 16), ('train', 32))):
        write_synthetic(root / 'synthetic' / split, count, seed=1, workers=1, size=(128, 128),
                        stream=stream)
    return root
