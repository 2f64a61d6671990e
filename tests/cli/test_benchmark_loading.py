"""Loading is measured for each number of people."""
import json

import pytest

from hourglass.analysis.loading import Loading


def test_every_number_of_people_is_measured(cli, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr('hourglass.analysis.loading.peak_memory', lambda *_: 5 << 20)
    cli('benchmark', 'loading', '--people', 3, 8, '--json', tmp_path / 'found.json')
    assert '| 3 | ' in capsys.readouterr().out
    found = json.loads((tmp_path / 'found.json').read_text())['loading']
    assert [Loading(**one).people for one in found] == [3, 8]
    assert all(one['seconds'] > 0 and one['memory'] == 5 << 20 for one in found)
    with pytest.raises(SystemExit, match='--people 0: give 1 or more'):
        cli('benchmark', 'loading', '--people', 0)
