"""A test's arguments are checked before anything runs."""
import pytest

from hourglass.errors import CheckpointError


@pytest.fixture
def refusal(monkeypatch, cli, tmp_path):
    """The line with which ``hourglass test`` refuses, before it loads the config."""
    def load_config(*args, **kwargs):
        raise CheckpointError('the config was loaded')
    monkeypatch.setattr('hourglass.cli.test.load_config', load_config)
    monkeypatch.setattr('hourglass.cli.test.checked_checkpoint', str)

    def refuse(*words) -> str:
        with pytest.raises(SystemExit) as stop:
            cli('test', 'config.py', 'a.pth', *words)
        assert '\n' not in stop.value.code
        return stop.value.code
    return refuse


@pytest.mark.parametrize(('words', 'message'), [
    (('--out', 'metrics.txt'),
     '--out metrics.txt: name a .json or .yaml or .yml or .pkl or .pickle file'),
    (('--out', 'metrics'), '--out metrics: name a .json or'),
    (('--dump', 'all.json'), '--dump all.json: name a .pkl or .pickle file'),
    (('--dump', 'a.pkl', '--journal', 'j'), '--dump and --journal: '),
    (('--report', 'r.txt'), 'r.txt: name an .html file')])
def test_files_and_options_that_do_not_work_are_refused_before_the_test(refusal, words, message):
    assert refusal(*words).startswith(f'error: {message}')


@pytest.mark.parametrize('name', ['a.json', 'a.yaml', 'a.yml', 'a.pkl', 'a.pickle'])
def test_the_formats_of_mmengine_are_accepted(refusal, name):
    assert refusal('--out', name) == 'error: the config was loaded'
