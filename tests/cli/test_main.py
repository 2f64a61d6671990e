"""The command's overview, its groups, unknown words and exit statuses."""
import json
import subprocess
import sys

import pytest
from fresh_python import run

from hourglass import cli as package
from hourglass.analysis.ablation import HARD_JOINTS
from hourglass.analysis.benchmark import MEASURES
from hourglass.analysis.training_speed import WAYS
from hourglass.checkpoints.convert import DATA
from hourglass.checkpoints.families import PIXELS
from hourglass.checkpoints.names import weights_by_name
from hourglass.cli import COMMANDS, main
from hourglass.datasets.flic import files as flic
from hourglass.datasets.lsp import files as lsp
from hourglass.deploy.runtimes import RUNTIMES
from hourglass.errors import ConfigError
from hourglass.evaluation.protocols import PROTOCOLS


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


@pytest.mark.parametrize('words', [('predict', '', '--whole-image'),
                                   ('predict', 'a.jpg', '--whole-image', '--model', '')])
def test_an_empty_argument_is_neither_this_folder_nor_the_default(status, words):
    code, _, err = status(*words)
    assert code == 2
    assert err.endswith('error: an argument is empty, as of a variable that is not set\n')


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


def test_help_is_light_and_names_all_choices():
    """Which are written out in each command, as their sources import torch or OpenMMLab."""
    heavy, texts, choices = json.loads(run("""
import argparse, json, sys
from importlib import import_module
from hourglass.cli import COMMANDS
texts, choices = {}, {}
for command in COMMANDS:
    module = import_module(f"hourglass.cli.{command.replace(' ', '_').replace('-', '_')}")
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    texts[command] = ' '.join(parser.format_help().split()).replace('- ', '-')
    choices[command] = {action.dest: list(action.choices) for action in parser._actions
                        if action.choices}
heavy = {name.split('.')[0] for name in sys.modules} & {
    'torch', 'mmengine', 'mmcv', 'mmpose', 'cv2', 'numpy', 'scipy', 'h5py', 'matplotlib'}
print(json.dumps([sorted(heavy), texts, choices]))
"""))
    assert heavy == []
    for command in ('predict', 'test'):
        assert f"auto (measure), {', '.join(RUNTIMES)} " in texts[command]
    assert f"channels_last, auto, {', '.join(list(RUNTIMES)[1:])} " in texts['benchmark']
    for command in ('predict', 'web'):
        assert all(name in texts[command] for name in weights_by_name())
    assert choices['benchmark']['measure'] == list(MEASURES)
    assert choices['benchmark training']['ways'] == list(WAYS)
    assert choices['benchmark accuracy-speed']['optimize'] == [
        name for name in RUNTIMES if name != 'bf16']                # which gives other scores
    assert f'(default {HARD_JOINTS})' in texts['benchmark ablate']
    assert choices['convert'] == dict(data=list(DATA), input=list(PIXELS))
    assert choices['evaluate']['dataset'] == [*PROTOCOLS, 'own']
    assert choices['prepare flic'] == dict(splits=list(flic.SPLITS), labels=list(flic.LABELS))
    assert choices['prepare lsp'] == dict(splits=list(lsp.SPLITS))


def test_freed_memory_is_kept_from_the_start_of_a_command(status, monkeypatch):
    done = []
    monkeypatch.setattr(package, 'keep_freed_memory', lambda: done.append('keep'))
    monkeypatch.setattr('hourglass.cli.benchmark_loading.run', lambda args: done.append('run'))
    assert status('benchmark', 'loading')[0] == 0 and done == ['keep', 'run']
