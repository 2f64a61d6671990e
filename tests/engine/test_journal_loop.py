"""What counts as the same work, and one process's share of it."""
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from tiny_network import write_tiny_network

from hourglass.engine.journal_loop import JournalTestLoop, use_journal
from hourglass.engine.processes import Place
from hourglass.errors import ConfigError
from hourglass.registry import DATASETS


@pytest.fixture
def config(synthetic, tmp_path, monkeypatch):
    """Make a new config of the tiny network with its checkpoint."""
    monkeypatch.setenv('HOURGLASS_DATA', str(synthetic))
    path, checkpoint = write_tiny_network(tmp_path)

    def make(**options) -> Config:
        cfg = Config.fromfile(path)
        cfg.load_from, cfg.work_dir = str(checkpoint), str(tmp_path / 'work')
        cfg.merge_from_dict(options)
        return cfg
    return make


def work(cfg: Config, rank: int = 0, ranks: int = 1) -> str:
    use_journal(cfg, 'journal', Place(rank, ranks))
    return cfg.test_cfg.journal.work


def test_the_same_work_has_one_name_in_every_process(config):
    first = config()
    names = {work(first), work(config(), 0, 2), work(config(), 1, 2)}
    assert len(names) == 1
    assert first.test_cfg.type == 'hourglass.JournalTestLoop'
    assert work(config(**{'default_hooks.visualization.enable': True,
                          'default_hooks.logger.interval': 7})) in names


def test_a_process_of_several_has_its_own_work_folder(config, tmp_path):
    cfg = config()
    use_journal(cfg, 'journal', Place(1, 2))
    assert cfg.work_dir == f'{tmp_path}/work/process1'
    assert (cfg.test_cfg.journal.rank, cfg.test_cfg.journal.ranks) == (1, 2)


@pytest.mark.parametrize('options', [
    {'model.test_cfg.flip_test': False}, {'test_evaluator.people_file': 'a.json'},
    {'custom_hooks': [dict(type='hourglass.OptimizeHook', optimize='fuse')]},
    {'default_hooks.optimize': dict(type='hourglass.OptimizeHook', optimize='fuse')},
    {'test_dataloader.dataset.indices': 5}])
def test_a_setting_that_can_change_a_result_makes_it_other_work(config, options):
    assert work(config()) != work(config(**options))


def test_other_weights_are_other_work(config):
    cfg = config()
    before = work(config())
    weights = torch.load(cfg.load_from)
    next(iter(weights['state_dict'].values())).add_(1)
    torch.save(weights, cfg.load_from)
    assert work(config()) != before


def test_a_checkpoint_elsewhere_is_refused():
    with pytest.raises(ConfigError, match='--journal: fetch https://x/a.pth first'):
        use_journal(SimpleNamespace(load_from='https://x/a.pth'), 'journal', Place())


def test_an_image_of_another_time_makes_it_other_work(config, monkeypatch):
    """The data set is built once in a process, for the name of its work and for its test."""
    built = []
    monkeypatch.setattr('hourglass.engine.journal_loop.DATASETS', SimpleNamespace(
        build=lambda data: built.append(DATASETS.build(data)) or built[-1]))
    runner = SimpleNamespace(
        _randomness_cfg={}, seed=0, visualizer=SimpleNamespace(),
        build_dataloader=lambda loader, **_: SimpleNamespace(dataset=loader['dataset']),
        build_evaluator=lambda evaluator: SimpleNamespace(evaluate=None))
    folders = []
    for _ in range(2):
        cfg = config()
        use_journal(cfg, 'journal', Place())
        loop = JournalTestLoop(runner, cfg.test_dataloader, {}, cfg.test_cfg.journal)
        folders.append(loop.journal.folder)
        image = Path(built[-1].get_data_info(0)['img_path'])
        os.utime(image, ns=(image.stat().st_atime_ns, image.stat().st_mtime_ns + 10**9))
    assert folders[0] != folders[1]
    assert len(built) == 2
