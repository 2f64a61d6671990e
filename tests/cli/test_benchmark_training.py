"""The command prints each network as soon as it is measured, and writes all of them."""
import json

import pytest
from tiny_network import write_tiny_network


def test_every_network_is_printed_and_written(cli, tmp_path, capsys):
    config = write_tiny_network(tmp_path)[0]
    cli('benchmark', 'training', config, '--ways', 'fp32', 'bf16', '--batch-size', 2,
        '--seconds', 0.01, '--json', tmp_path / 'out.json')
    written = json.loads((tmp_path / 'out.json').read_text())
    assert [speed['way'] for speed in written['speeds']] == ['fp32', 'bf16']
    printed = capsys.readouterr().out
    for speed in written['speeds']:
        assert f"{speed['images_per_second']:.1f}" in printed
    assert written['machine']['torch']


@pytest.mark.parametrize('option', ['--batch-size', '--seconds'])
def test_nothing_is_measured_without_images_or_time(cli, option):
    with pytest.raises(SystemExit, match='--batch-size, --seconds: give numbers above 0'):
        cli('benchmark', 'training', 'demo', option, 0)
