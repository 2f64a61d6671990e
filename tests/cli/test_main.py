"""The command's overview, its groups, unknown words and exit statuses."""
import json
import subprocess
import sys

import pytest

from hourglass import cli as package
from hourglass.cli import COMMANDS, main
from hourglass.errors import ConfigError


@pytest.fixture
def status(capsys):
    """Run the command; return its exit status, output and errors."""
    def call(*words: str) -> tuple[int, str, str]:
        code: int | str | None = 0
        try:
            main(words)
        except SystemExit as stop:
            code = stop.code
        shown = capsys.readouterr()
        return code, shown.out, shown.err
    return call


@pytest.mark.parametrize('words', [(), ('--help',), ('-h',)])
def test_the_overview_has_every_command(status, words):
    code, out, err = status(*words)
    assert (code, err) == (0, '')
    assert [line.strip().split('  ')[0] for line in out.splitlines() if line[:2] == '  '][
        :len(COMMANDS)] == list(COMMANDS)


@pytest.mark.parametrize('words', [('prepare',), ('prepare', '--help'), ('-h', 'prepare')])
def test_a_group_shows_its_own_commands(status, words):
    code, out, _ = status(*words)
    assert code == 0
    for name in COMMANDS:
        assert (f'\n  {name} ' in out) == name.startswith('prepare')


@pytest.mark.parametrize(('words', 'message'), [
    (('predcit', 'a.jpg'), "no command 'predcit', did you mean 'predict'?"),
    (('prepare', 'mpi'), "no command 'prepare mpi', did you mean 'prepare mpii'?"),
    (('prepare', 'coco'), "no command 'prepare coco'; there are prepare mpii, prepare flic, "
                          'prepare lsp, prepare synthetic'),
    (('dance',), "no command 'dance'; there are train, test, "),
    (('--verbose',), "no command '--verbose'; there are train")])
def test_unknown_commands_are_refused_with_a_hint_and_status_2(status, words, message):
    code, out, err = status(*words)
    assert (code, out) == (2, '')
    assert f'error: {message}' in ' '.join(err.split())


def test_wrong_arguments_are_status_2_and_errors_status_1(status, monkeypatch):
    assert status('evaluate', 'mpii', '--no-such-option')[0] == 2

    def fail(args):
        raise ConfigError('a.json: no such file')
    monkeypatch.setattr('hourglass.cli.evaluate.run', fail)
    code = status('evaluate', 'mpii', '--gt', 'a', '--pred', 'b')[0]
    assert code == 'error: a.json: no such file'        # a text is printed, with status 1


def test_the_longer_name_is_taken_first(status):
    assert status('benchmark', 'exits', '--help')[1].startswith('usage: hourglass benchmark exits')
    assert status('benchmark', '--help')[1].startswith('usage: hourglass benchmark [')


def test_the_overview_imports_neither_torch_nor_openmmlab():
    code = (f'import sys; sys.path.insert(0, {str(package.__path__[0] + "/../..")!r})\n'
            'import json, atexit\n'
            'atexit.register(lambda: print(json.dumps(sorted(sys.modules))))\n'
            'from hourglass.cli import main\nmain(["--help"])')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    modules = set(json.loads(done.stdout.splitlines()[-1]))
    assert 'hourglass.cli' in modules
    assert not modules & {'torch', 'mmengine', 'mmcv', 'mmpose', 'cv2', 'numpy', 'matplotlib'}
