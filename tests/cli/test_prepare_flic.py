"""The command that checks a FLIC folder: a real one has no errors, a wrong one is refused."""
import pytest
from conftest import DATA, needs


@needs(DATA / 'flic')
@pytest.mark.data
@pytest.mark.slow
def test_a_real_folder_has_no_errors(cli, capsys, tmp_path):
    cli('prepare', 'flic', DATA / 'flic', '--quick', '--sheet', tmp_path / 'flic.png')
    output = capsys.readouterr().out
    assert 'train: 3987 people on 3628 images' in output
    assert 'test: 1016 people on 926 images' in output
    assert output.count('no errors') == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ['flic_test.png', 'flic_train.png']


def test_a_folder_without_annotation_is_refused(cli, tmp_path):
    with pytest.raises(SystemExit, match=r'^error: .*examples.mat: no such file'):
        cli('prepare', 'flic', tmp_path)
