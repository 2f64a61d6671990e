"""A comparison end to end, on real data."""
import json

import pytest
from conftest import DATA, REPOSITORY, needs

NAMES = ['td-hm_hourglass2x1_ablation', 'td-hm_hg-int_ablation']
CONFIGS = [REPOSITORY / f'configs/ablation/{name}.py' for name in NAMES]


@pytest.mark.slow
@pytest.mark.data
@needs(DATA / 'flic')
def test_a_comparison_leaves_a_table_and_a_plot_and_is_not_run_twice(cli, tmp_path, monkeypatch,
                                                                     capsys):
    monkeypatch.setenv('HOURGLASS_DATA', str(DATA.resolve()))
    call = ['benchmark', 'ablate', *CONFIGS, '--iterations', '2', '--validations', '2',
            '--seeds', '4', '--work-dir', tmp_path]
    cli(*call)
    table = (tmp_path / 'table.md').read_text()
    assert capsys.readouterr().out.endswith(table)
    assert [line.split(' | ')[0] for line in table.splitlines()[2:]] == [
        f'| {name}' for name in NAMES]
    assert (tmp_path / 'curves.png').read_bytes().startswith(b'\x89PNG')
    for variant in json.loads((tmp_path / 'table.json').read_text()):
        assert variant['curves']['4']['iterations'] == [1, 2]
    finished = sorted(tmp_path.glob('*/seed4_2_*/iter_2.pth'))
    before = [path.stat().st_mtime for path in finished]
    cli(*call)
    assert 'iterations' not in capsys.readouterr().out
    assert [path.stat().st_mtime for path in finished] == before
    assert len(finished) == 2


def test_a_missing_config_is_named(cli, tmp_path):
    with pytest.raises(SystemExit, match=r'error: .*none.py: no such config file'):
        cli('benchmark', 'ablate', tmp_path / 'none.py', '--iterations', '2')


def test_no_validation_at_all_is_refused(cli):
    with pytest.raises(SystemExit, match='error: --validations 0: give 1 or more'):
        cli('benchmark', 'ablate', CONFIGS[0], '--iterations', '2', '--validations', '0')
