"""Configs and weights are found by path or by name."""
import pytest
import torch

from hourglass.checkpoints.names import (
    DETECTOR,
    SCHEME,
    checked_checkpoint,
    configs_by_name,
    find_config,
    find_weights,
    weights_by_name,
)
from hourglass.errors import CheckpointError, ConfigError


def test_every_name_leads_to_a_file():
    configs, weights = configs_by_name(), weights_by_name()
    assert set(weights) <= set(configs)
    for name, path in configs.items():
        assert path.is_file() and find_config(name) == path
    for name, path in weights.items():
        assert find_weights(name) == find_weights(SCHEME + name) == path
        assert checked_checkpoint(name) == str(path)
    assert find_weights(f'{SCHEME}people-384') == DETECTOR


def test_a_path_comes_before_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'lsp-small').touch()
    assert find_config('lsp-small').resolve() == find_weights('lsp-small').resolve() == (
        tmp_path / 'lsp-small')


def test_a_misspelt_name_gets_a_hint():
    with pytest.raises(ConfigError, match="lsp-smal: no such config .*did you mean 'lsp-small'"):
        find_config('lsp-smal')
    with pytest.raises(CheckpointError, match="lsp-smal: no such checkpoint.*'lsp-small'"):
        find_weights('lsp-smal')


def test_a_url_is_kept_and_a_damaged_file_refused(tmp_path):
    assert checked_checkpoint('https://x/a.pth') == 'https://x/a.pth'
    torch.save(torch.arange(5000.), tmp_path / 'a.pth')
    content = bytearray((tmp_path / 'a.pth').read_bytes())
    content[8000:9000] = bytes(1000)
    (tmp_path / 'a.pth').write_bytes(content)
    with pytest.raises(CheckpointError, match=r'a\.pth: .* is damaged'):
        checked_checkpoint(str(tmp_path / 'a.pth'))
