"""Testing a network in part, or by another runtime, gives the numbers of what ran."""
import json

import pytest
from tiny_network import write_tiny_network


@pytest.fixture
def score(synthetic, cli, tmp_path, monkeypatch):
    """Metrics of the tiny network tested with arguments."""
    monkeypatch.setenv('HOURGLASS_DATA', str(synthetic))
    config, checkpoint = write_tiny_network(tmp_path)

    def call(*arguments) -> dict:
        out = tmp_path / 'metrics.json'
        cli('test', config, checkpoint, '--work-dir', tmp_path / 'run', '--out', out, *arguments,
             '--cfg-options', 'test_dataloader.num_workers=0')
        return json.loads(out.read_text())
    return call


def test_scores_are_those_of_the_stage_and_the_network(score):
    everything = score('--all-stages')
    first, last = (
        {name.replace(f'stage{stage}/', ''): value for name, value in everything.items()
         if f'/stage{stage}/' in name} for stage in (0, 1))
    assert first != last
    assert {name: score('--stages', 1)[name] for name in first} == first
    fused = score('--optimize', 'fuse')
    assert {name: fused[name] for name in last} == last


def test_what_does_not_go_together_is_refused(score):
    with pytest.raises(SystemExit, match='leave --all-stages and --report out'):
        score('--stages', 1, '--all-stages')
    with pytest.raises(SystemExit, match='the network has 2'):
        score('--stages', 3)
