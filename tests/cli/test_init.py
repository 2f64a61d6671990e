"""hourglass init: annotations become a config that the other commands run as it is."""
import pytest
from own_people import write_people


@pytest.mark.slow
def test_the_config_is_trained_with(tmp_path, cli, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cli('init', write_people(tmp_path), '--images', tmp_path / 'images', '--out', 'project')
    said = capsys.readouterr().out
    assert 'crop: bbox (16 of 16 have a box with an area)' in said
    assert 'next: hourglass train project/config.py\n' in said
    assert said.endswith(
        '--weights project/run/best_*.pth --boxes FILE (or --detector, for people)\n')
    with pytest.raises(SystemExit, match='0'):
        cli('train', 'project/config.py', '--dry-run', '--cfg-options',
            'train_dataloader.num_workers=0', 'val_dataloader.num_workers=0', 'held_out=(0,2)')
    assert '8 to train, 8 to validate' in capsys.readouterr().out


def test_what_is_there_stays(tmp_path, cli):
    people = write_people(tmp_path)
    (tmp_path / 'config.py').touch()
    with pytest.raises(SystemExit, match='config.py: is there already'):
        cli('init', people, '--out', tmp_path)
    assert not (tmp_path / 'config.py').read_text()
