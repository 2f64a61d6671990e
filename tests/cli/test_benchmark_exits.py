"""What leaving early costs is counted from what really ran."""
import json

import pytest
from conftest import DATA, REPOSITORY, needs
from mmengine.runner import Runner
from tiny_network import write_tiny_network

SERIAL = ('--cfg-options', 'test_dataloader.num_workers=0')


@pytest.mark.slow
def test_cuts_and_tolerances_are_tested_and_counted(synthetic, cli, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('HOURGLASS_DATA', str(synthetic))
    config, checkpoint = write_tiny_network(tmp_path, stacks=3)
    cli('benchmark', 'exits', config, checkpoint, '--tolerances', 1000, '--json',
        tmp_path / 'exits.json', '--work-dir', tmp_path / 'run', '--plot', tmp_path / 'exits.png',
        *SERIAL)
    one, two, three, early = json.loads((tmp_path / 'exits.json').read_text())['exits']
    assert [way['stacks'] for way in (one, two, three, early)] == [1, 2, 3, 2]
    assert one['macs'] < two['macs'] == early['macs'] < three['macs']
    assert three['saved'] == 0 < two['saved'] == early['saved'] < one['saved']
    assert two['scores'] == early['scores'] != three['scores']
    printed = capsys.readouterr().out
    assert 'until two agree within 1000 px | 2.00 |' in printed
    # the scores of the data set's own metric, without being asked for
    assert '| ms | mpii/Total | mpii/Head | mpii/Shoulder |' in printed
    assert (tmp_path / 'exits.png').read_bytes().startswith(b'\x89PNG')


def test_an_unknown_score_is_refused_before_anything_is_tested(synthetic, cli, tmp_path,
                                                               monkeypatch):
    monkeypatch.setenv('HOURGLASS_DATA', str(synthetic))
    monkeypatch.setattr(Runner, 'from_cfg', lambda cfg: pytest.fail('the network was tested'))
    config, checkpoint = write_tiny_network(tmp_path, stacks=3)
    with pytest.raises(SystemExit, match='--scores flic/Elbow: the metric gives mpii/Total, '):
        cli('benchmark', 'exits', config, checkpoint, '--scores', 'flic/Elbow', '--work-dir',
            tmp_path / 'run', *SERIAL)


@pytest.mark.slow
@needs(DATA / 'flic')
def test_people_of_flic_leave_early_without_loss(cli, tmp_path, monkeypatch):
    """At least 40 % of the stacks' work is saved within 0.3 points of all four."""
    monkeypatch.setenv('HOURGLASS_DATA', str(DATA))
    cli('benchmark', 'exits', REPOSITORY / 'configs/flic/td-hm_hourglass4-small_flic-128x128.py',
        'flic-small4', '--tolerances', 1.5, '--json', tmp_path / 'exits.json', '--work-dir',
        tmp_path / 'run')
    *_, four, early = json.loads((tmp_path / 'exits.json').read_text())['exits']
    assert early['saved'] >= 0.4
    for score in ('flic/Elbow', 'flic/Wrist'):
        assert early['scores'][score] >= four['scores'][score] - 0.3
