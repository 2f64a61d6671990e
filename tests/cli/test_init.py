"""hourglass init: annotations become a config that the other commands run as it is."""
from pathlib import Path

import pytest
from own_people import write_people

from hourglass.cli.init import _held_out


@pytest.mark.slow
def test_the_config_is_trained_with(tmp_path, cli, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cli('init', write_people(tmp_path), '--images', tmp_path / 'images', '--out', 'project')
    said = capsys.readouterr().out
    assert 'crop: bbox (16 of 16 have a box with an area)' in said
    assert 'next: hourglass train project/config.py\n' in said
    assert said.endswith(
        '--weights project/run/best_*.pth --boxes FILE (or --detector, for people)\n')
    with pytest.raises(SystemExit, match='^0$'):
        cli('train', 'project/config.py', '--dry-run', '--cfg-options',
            'train_dataloader.num_workers=0', 'val_dataloader.num_workers=0', 'held_out=(0,2)')
    assert '8 to train, 8 to validate' in capsys.readouterr().out


def test_what_is_there_stays(tmp_path, cli):
    people = write_people(tmp_path)
    (tmp_path / 'config.py').touch()
    with pytest.raises(SystemExit, match='config.py: is there already'):
        cli('init', people, '--out', tmp_path)
    assert not (tmp_path / 'config.py').read_text()


def test_a_folder_whose_path_a_config_cannot_have_is_refused(tmp_path, cli):
    with pytest.raises(SystemExit, match="it's: has an apostrophe, which the path of a config"):
        cli('init', write_people(tmp_path), '--images', tmp_path / 'images', '--out',
            tmp_path / "it's")
    assert not (tmp_path / "it's").exists()


@pytest.mark.parametrize(('text', 'value'), [
    ('0/5', (0, 5)), ('0.2', 0.2), ('val.txt', Path('val.txt')), ('a/b.txt', Path('a/b.txt'))])
def test_what_is_held_out_is_a_fold_a_share_or_a_file(text, value):
    assert _held_out(text) == value


def test_options_reach_the_project(cli, tmp_path, monkeypatch):
    asked, people = [], write_people(tmp_path)
    monkeypatch.setattr('hourglass.analysis.project.write.write_project',
                        lambda *given: asked.append(given) or [])
    where = '--images', tmp_path / 'images'
    cli('init', people, *where, '--out', tmp_path / 'p', '--held-out', '1/5', '--category', 'cat',
        '--small')
    assert asked[0][2:] == (None, (1, 5), 'cat', True)
    cli('init', people, *where, '--out', tmp_path / 'p', '--val', people, '--val-images',
        tmp_path / 'images')
    assert asked[1][2] is not None and asked[1][3:] == (None, None, False)


@pytest.mark.parametrize(('more', 'message'), [
    (('--val', 'a.json', '--held-out', 0.2), '--val and --held-out both say'),
    (('--val-images', '.'), '--val-images: the images of --val')])
def test_options_that_contradict_each_other_are_refused(cli, tmp_path, more, message):
    with pytest.raises(SystemExit, match=message):
        cli('init', write_people(tmp_path), '--out', tmp_path / 'q', *more)
