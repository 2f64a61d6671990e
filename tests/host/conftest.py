"""Configs of the documentation, trained for an epoch of one step and validated."""
import json

import pytest
from conftest import REPOSITORY
from host_parts import blocks

SMALL = [f'{loader}_dataloader.{option}' for loader in ('train', 'val', 'test') for option in (
    'batch_size=4', 'num_workers=0', 'dataset.indices=4')]


@pytest.fixture
def run(tmp_path, cli, monkeypatch):
    """Train a config of a page on four people, with more lines and options.

    Returns the log of the steps, and that of the validations.
    """
    monkeypatch.setattr('mmengine.config.config.FormatCode',         # mmengine 0.11 has none
                        lambda text, **style: (text, True), raising=False)
    monkeypatch.setattr('mmengine.runner.Runner._log_env', lambda *args: None)
    (tmp_path / 'configs').symlink_to(REPOSITORY / 'configs')

    def call(page: str, file: str, *options: str, more: str = '') -> tuple[list, list]:
        (tmp_path / file).write_text(blocks(page)[file] + more)
        cli('train', tmp_path / file, '--work-dir', tmp_path / 'work', '--cfg-options', *SMALL,
            'train_cfg.max_epochs=1', 'train_cfg.val_interval=1',
            f'experiment_name={tmp_path.name}', f'visualizer.name={tmp_path.name}',
            'default_hooks.logger.interval=1', *options)
        log, = (tmp_path / 'work').glob('*/vis_data/scalars.json')
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        return ([line for line in lines if 'loss' in line],
                [line for line in lines if 'loss' not in line])
    return call
