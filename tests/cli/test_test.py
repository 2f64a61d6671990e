"""A test's arguments are checked before anything runs, and its file of scores is JSON."""
import json
import shutil

import pytest
from tiny_network import write_tiny_network

from hourglass.errors import CheckpointError


@pytest.fixture
def refusal(monkeypatch, cli, tmp_path):
    """The line with which ``hourglass test`` refuses, before it loads the config."""
    def load_config(*args, **kwargs):
        raise CheckpointError('the config was loaded')
    monkeypatch.setattr('hourglass.cli.config.load_config', load_config)
    monkeypatch.setattr('hourglass.checkpoints.names.checked_checkpoint', str)

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
    (('--calibrate', 'b.safetensors'), '--calibrate b.safetensors: name a .pth file, as the'),
    (('--report', 'r.txt'), 'r.txt: name an .html file')])
def test_files_and_options_that_do_not_work_are_refused_before_the_test(refusal, words, message):
    assert refusal(*words).startswith(f'error: {message}')


@pytest.mark.parametrize('name', ['a.json', 'a.yaml', 'a.yml', 'a.pkl', 'a.pickle'])
def test_the_formats_of_mmengine_are_accepted(refusal, name):
    assert refusal('--out', name) == 'error: the config was loaded'


def test_scores_are_json_with_intervals_and_null_for_a_joint_that_nobody_has(
        cli, synthetic, tmp_path, monkeypatch):
    monkeypatch.setenv('HOURGLASS_DATA', str(tmp_path))
    shutil.copytree(synthetic / 'synthetic', tmp_path / 'synthetic')
    file = tmp_path / 'synthetic/test/annotations.json'
    content = json.loads(file.read_text())
    people = content['people'] if isinstance(content, dict) else content
    for person in people:
        for joint in (10, 15):                                          # the wrists
            person['joints_vis'][joint] = 0
    file.write_text(json.dumps(content))
    config, checkpoint = write_tiny_network(tmp_path)
    cli('test', config, checkpoint, '--work-dir', tmp_path, '--out', tmp_path / 'scores.json',
        '--cfg-options', 'test_dataloader.num_workers=0',
        'test_dataloader.persistent_workers=False')
    texts = [path.read_text() for path in (tmp_path / 'scores.json', next(
        path for path in tmp_path.glob('*/*.json') if path.stem == path.parent.name))]
    scores, logged = (json.loads(text, parse_constant=pytest.fail) for text in texts)
    assert scores['mpii/Wrist'] is logged['mpii/Wrist'] is None
    assert scores['interval95']['mpii/Wrist'] == [None, None]
    lower, upper = scores['interval95']['mpii/Total']
    assert lower <= scores['mpii/Total'] <= upper


@pytest.mark.parametrize('command', [('test',), ('report', 'report.html')])
def test_a_config_without_a_test_set_is_refused(cli, tmp_path, command):
    config, checkpoint = write_tiny_network(tmp_path)
    nothing = tmp_path / 'nothing.py'
    nothing.write_text(f'_base_ = [{str(config)!r}]\n'
                       'test_dataloader = test_cfg = test_evaluator = None\n')
    name, *options = command
    with pytest.raises(SystemExit, match=r'nothing\.py: has no test_dataloader; give'):
        cli(name, nothing, checkpoint, *options)


@pytest.mark.parametrize(('option', 'message'), [
    (['--all-stages'], '--all-stages: the head of .* is HeatmapHead, which predicts from one'),
    (['--people', 'people.json'], '--people: the first of test_evaluator is hourglass.OksAP')])
def test_options_that_head_or_metric_do_not_have_are_refused(cli, tmp_path, option, message):
    config, checkpoint = write_tiny_network(tmp_path)
    other = tmp_path / 'other.py'
    other.write_text(f'_base_ = [{str(config)!r}]\n'
                     "model = dict(head=dict(type='HeatmapHead'))\n"
                     "test_evaluator = dict(_delete_=True, type='hourglass.OksAP')\n")
    with pytest.raises(SystemExit, match=message):
        cli('test', other, checkpoint, '--work-dir', tmp_path, *option)
