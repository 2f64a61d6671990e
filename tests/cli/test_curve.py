"""The command prints a table and draws a figure."""
import json

import pytest


def test_the_state_of_a_run_is_printed_and_drawn(cli, tmp_path, capsys):
    log = tmp_path / 'run/1/vis_data/scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text(json.dumps(dict(iter=7, loss=1.5, lr=0.1, time=2.0, data_time=0.0)) + '\n'
                   + json.dumps({'lsp/Total': 50.0}) + '\n')
    cli('curve', log.parents[2], '--plot', tmp_path / 'curve.svg', '--score', 'lsp/Total')
    assert '| run | 7 | 1.5 |' in capsys.readouterr().out
    assert (tmp_path / 'curve.svg').read_text().startswith('<?xml')
    for options, error in ((('--score', 'a'), 'add --plot OUT'),
                           (('--score', 'lsp/Totl', '--plot', 'a.png'), "mean 'lsp/Total'")):
        with pytest.raises(SystemExit, match=error):
            cli('curve', log.parents[2], *options)
