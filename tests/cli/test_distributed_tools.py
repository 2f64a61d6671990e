"""The tools in several processes (gloo, CPU): scripts, shared collections, a process that dies."""
from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest
import torch
from children import Child, program, reserved_port
from conftest import REPOSITORY
from runs import write_config
from tiny_network import write_tiny_network

import hourglass.apis  # noqa: F401  (and mmpose.models with it, for all the forks)
from hourglass.cli import main
from hourglass.datasets.synthetic import write_synthetic

TINY = ['model.backbone.channels=16', 'model.backbone.depth=2', 'train_dataloader.num_workers=0',
        'val_dataloader.num_workers=0', 'test_dataloader.num_workers=0']


@pytest.fixture(scope='module')
def data(tmp_path_factory) -> Path:
    """24 people to train and 17 to test, which 2 does not divide."""
    root = tmp_path_factory.mktemp('data')
    for stream, (split, count) in enumerate((('test', 17), ('train', 24))):
        write_synthetic(root / 'synthetic' / split, count, seed=0, workers=1, size=(128, 128),
                        stream=stream)
    return root


def start(*command: str | Path, data: Path | None = None, **environment: str) -> subprocess.Popen:
    return program(command, cwd=REPOSITORY, env=os.environ | environment | dict(
        HOURGLASS_DATA=str(data), OMP_NUM_THREADS='1', PYTHON=sys.executable,
        PYTHONWARNINGS='ignore', PYTHONPATH=f'{REPOSITORY}/projects'))


def run(*command: str | Path, **more) -> str:
    process = start(*command, **more)
    output = process.communicate()[0]
    assert process.returncode == 0, output[-3000:]
    return output


def scalars(work_dir: Path) -> list[dict]:
    (log,) = work_dir.glob('*/vis_data/scalars.json')
    return [json.loads(line) for line in log.read_text().splitlines()]


@pytest.mark.parametrize(('script', 'arguments'), [
    ('dist.sh', ['2']), ('dist.sh', ['two', 'train.py']), ('dist_train.sh', ['config.py']),
    ('dist_test.sh', ['config.py', '2']), ('slurm.sh', ['gpu', 'name']),
    ('slurm_train.sh', ['gpu', 'name', 'config.py']),
    ('slurm_test.sh', ['gpu', 'name', 'config.py'])])
def test_a_script_without_its_arguments_says_what_is_missing(script, arguments):
    process = start(REPOSITORY / 'tools' / script, *arguments)
    output = process.communicate()[0]
    assert process.returncode == 2
    assert output.startswith('error: usage: tools/') and output.count('\n') == 1


def test_several_machines_need_to_know_where_to_meet():
    process = start(REPOSITORY / 'tools/dist.sh', '2', 'train.py', NNODES='2')
    assert process.communicate()[0] == (
        "error: NNODES is 2: set MASTER_ADDR to the first machine's address\n")


@pytest.fixture
def words_of(tmp_path):
    """What a script tells torchrun."""
    python = tmp_path / 'python'
    python.write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done\n')
    python.chmod(0o755)

    def words(script: str, *arguments: str, code: int = 0, **environment: str) -> list[str]:
        process = start('env', f'PYTHON={python}', REPOSITORY / 'tools' / script, *arguments,
                        **environment)
        output = process.communicate()[0]
        assert process.returncode == code, output
        return output.splitlines()
    return words


def test_restarts_are_torchruns_and_the_rest_is_the_tools(words_of):
    train = ('dist_train.sh', 'a b.py', '2')
    tool = ['2', f'{REPOSITORY}/tools/train.py', 'a b.py', '--launcher', 'pytorch', '--amp']
    for words in (('--max-restarts', '3', '--amp'), ('--amp', '--max-restarts=3')):
        assert words_of(*train, *words) == [
            '-m', 'torch.distributed.run', '--standalone', '--max-restarts', '3',
            '--nproc-per-node', *tool]
    assert words_of(*train, '--amp')[3:] == ['--max-restarts', '0', '--nproc-per-node', *tool]
    for words in (('--max-restarts',), ('--max-restarts', '--amp')):
        assert words_of(*train, *words, code=2) == ['error: --max-restarts needs a number']


def test_machines_that_restart_meet_anew_and_resume(words_of):
    there = dict(MASTER_ADDR='first', NNODES='1:2')
    assert words_of('dist_train.sh', 'a.py', '2', '--resume', **there)[2:9] == [
        '--nnodes', '1:2', '--rdzv-backend', 'c10d', '--rdzv-endpoint', 'first:29500', '--rdzv-id']
    for more, nodes in (((), '1:2'), (('--max-restarts', '1'), '2')):
        assert words_of('dist_train.sh', 'a.py', '2', *more, code=2, **there | dict(NNODES=nodes)
                        ) == ['error: restarts on several machines need --resume']
    assert '--node-rank' in words_of('dist_train.sh', 'a.py', '2', **there | dict(NNODES='2'))


def test_slurm_is_asked_for_what_the_variables_say(tmp_path):
    srun = tmp_path / 'srun'
    srun.write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done\n')
    srun.chmod(0o755)
    path = f'{tmp_path}:{os.environ["PATH"]}'
    words = run(REPOSITORY / 'tools/slurm_train.sh', 'part', 'job', 'a b.py', 'work', '--amp',
                PATH=path, GPUS='16', SRUN_ARGS='-x node3').split('\n')
    assert words[:-1] == [
        '-p', 'part', '--job-name=job', '--gres=gpu:8', '--ntasks=16', '--ntasks-per-node=8',
        '--cpus-per-task=5', '--kill-on-bad-exit=1', '-x', 'node3', sys.executable, '-u',
        f'{REPOSITORY}/tools/train.py', 'a b.py', '--work-dir', 'work', '--amp', '--launcher',
        'slurm']
    assert '--gres' not in run(REPOSITORY / 'tools/slurm_test.sh', 'p', 'j', 'c', 'w', PATH=path,
                               GRES='')


@pytest.fixture(scope='module')
def trained(data, tmp_path_factory) -> Path:
    """The work folder of one epoch in two processes on two 'machines'."""
    work = tmp_path_factory.mktemp('work')
    with reserved_port() as port:
        meet = dict(NNODES='2', MASTER_ADDR='127.0.0.1', PORT=str(port), data=data)
        machines = [start(
            REPOSITORY / 'tools/dist_train.sh',
            'configs/demo/td-hm_hourglass2-demo_synthetic-128x128.py', 1, '--work-dir', work,
            '--auto-scale-lr', '--cfg-options', *TINY, 'sync_bn=torch', 'param_scheduler=None',
            'optim_wrapper.accumulative_counts=2', 'train_dataloader.batch_size=6',
            'default_hooks.logger.interval=1', 'train_cfg.max_epochs=1',
            'train_cfg.val_interval=1', NODE_RANK=str(rank), **meet) for rank in range(2)]
        outputs = [machine.communicate()[0] for machine in machines]
    assert all(machine.returncode == 0 for machine in machines), outputs
    assert 'bucket view strides' not in ''.join(outputs)
    return work


@pytest.mark.slow
def test_two_processes_share_an_epoch_and_scale_the_rate(trained):
    steps = [line for line in scalars(trained) if 'loss' in line]
    assert len(steps) == 24 / 2 / 6
    assert steps[0]['lr'] == pytest.approx(6e-3 * 2 * 6 * 2 / 8)    # ranks x batch x accumulated


@pytest.mark.slow
def test_a_stopped_run_of_two_goes_on_in_one_process_with_the_same_steps(data, tmp_path):
    config, work = 'configs/demo/td-hm_hourglass2-demo_synthetic-128x128.py', tmp_path / 'work'
    options = ('--work-dir', work, '--auto-scale-lr', '--cfg-options', *TINY, 'sync_bn=torch',
               'train_dataloader.batch_size=3', 'param_scheduler=None', 'train_cfg.max_epochs=2',
               'default_hooks.logger.interval=1', 'train_cfg.val_interval=2')
    started = start(REPOSITORY / 'tools/dist_train.sh', config, 2, *options, data=data)
    while not list(work.glob('*/vis_data/scalars.json')) or not scalars(work):
        assert started.poll() is None, started.communicate()[0]
        time.sleep(0.05)
    started.send_signal(signal.SIGTERM)             # which torchrun sends to both
    output = started.communicate()[0]
    assert output.count('stopped after iteration ') == 1, output
    assert (work / 'stopped.pth').exists()
    output = run(sys.executable, 'tools/train.py', config, '--resume', *options, data=data)
    assert 'shared  batches of 6 by 1 processes, before by 2' in output
    steps = [json.loads(line) for log in sorted(work.glob('*/vis_data/scalars.json'))
             for line in log.read_text().splitlines()]
    assert [step['step'] for step in steps if 'loss' in step] == list(range(1, 9))
    assert {step['lr'] for step in steps if 'loss' in step} == {6e-3 * 6 / 8}


@pytest.mark.slow
def test_a_rank_that_dies_or_stops_comes_back_until_torchrun_is_stopped(data, tmp_path):
    work, log = tmp_path / 'work', tmp_path / 'log'
    log.touch()
    launch = start(
        'bash', '-c', 'exec "$@" > "$0" 2>&1', log, REPOSITORY / 'tools/dist_train.sh',
        write_config(tmp_path, data), 2, '--work-dir', work, '--max-restarts', '2',
        '--cfg-options', 'train_dataloader.batch_size=2', 'train_cfg.max_epochs=1000', data=data)

    def trains(line: str) -> None:
        while line not in log.read_text():
            assert launch.poll() is None, log.read_text()[-3000:]
            time.sleep(0.05)

    def rank(number: int) -> int:
        """The process of a rank: torchrun has no other children."""
        children = Path(f'/proc/{launch.pid}/task/{launch.pid}/children').read_text()
        return int(children.split()[number])
    trains('[2][1/')
    os.kill(rank(1), signal.SIGKILL)
    trains('[3][1/')
    os.kill(rank(0), signal.SIGTERM)
    trains('[5][1/')
    launch.send_signal(signal.SIGUSR1)
    assert launch.wait() == 1
    assert re.findall(r'stopped after iteration \d+ by rank (\d: [\w ]+)', log.read_text()) == [
        '1: no answer', '0: SIGTERM', '0: SIGUSR1']
    assert log.read_text().count('resumed epoch: ') == 2
    assert (work / 'stopped.pth').exists()


class Tool(Child):
    """A tool in a fork of this process, which has its imports already."""

    def __init__(self, name: str, *arguments: object, log: Path, **environment: object):
        super().__init__(log, self._run, name, arguments, environment)

    def _run(self, name: str, arguments: tuple, environment: dict) -> None:
        sys.stdout = sys.stderr = self.log.open('w', buffering=1)
        os.environ.update({key: str(value) for key, value in environment.items()})
        os.chdir(REPOSITORY)
        torch.set_num_threads(1)        # a fork must not use the parent's thread pool
        main([name, *map(str, arguments)])

    def ended(self, code: int = 0) -> str:
        """All it printed, once it has ended with ``code``."""
        assert self.wait() == code, self.output[-3000:]
        return self.output

    def killed_after(self, journal: Path, name: str) -> int:
        """Kill it once it has left an entry; how many there are then."""
        assert self.until(lambda: lines(journal, name)), self.output[-3000:]
        self.kill()
        self.ended(-signal.SIGKILL)
        return len(lines(journal, name))


def lines(journal: Path, name: str) -> list[str]:
    return [line for file in journal.glob(f'*/{name}') for line in file.read_text().split('\n')
            if line]


@pytest.fixture
def places():
    """The variables that torchrun sets for its processes, as a function of their number."""
    with reserved_port() as port:
        yield lambda ranks: [
            dict(RANK=rank, WORLD_SIZE=ranks, LOCAL_RANK=rank, MASTER_ADDR='127.0.0.1',
                 MASTER_PORT=port) for rank in range(ranks)]


@pytest.fixture(scope='module')
def test_of(data, tmp_path_factory):
    """Start tools/test.py on a tiny network and 17 people."""
    folder = tmp_path_factory.mktemp('tiny')
    network = write_tiny_network(folder)
    numbers = itertools.count()

    def start_test(*arguments, **environment) -> Tool:
        number = next(numbers)
        return Tool('test', *network, '--work-dir', folder / f'work{number}', *arguments,
                    '--all-stages', '--cfg-options', 'test_dataloader.num_workers=0',
                    'test_dataloader.batch_size=2', log=folder / f'{number}.log',
                    HOURGLASS_DATA=data, **environment)
    return start_test


@pytest.fixture(scope='module')
def alone(test_of, tmp_path_factory) -> dict:
    """The metrics of one process."""
    out = tmp_path_factory.mktemp('alone') / 'metrics.json'
    test_of('--out', out).ended()
    metrics = json.loads(out.read_text())
    assert len(metrics) > 20 and metrics['mpii/Total'] > 0
    return metrics


@pytest.mark.slow
@pytest.mark.parametrize('ranks', [2, 3])
def test_metrics_are_those_of_one_process_to_the_last_digit(
        test_of, alone, places, tmp_path, ranks):
    out = tmp_path / 'metrics.json'
    for process in [test_of('--out', out, '--launcher', 'pytorch', **place)
                    for place in places(ranks)]:
        process.ended()
    assert json.loads(out.read_text()) == alone


@pytest.mark.slow
def test_people_that_a_killed_process_left_are_tested_by_another_call(
        test_of, alone, places, tmp_path):
    journal, out = tmp_path / 'journal', tmp_path / 'metrics.json'
    first, second = (test_of('--out', out, '--journal', journal, '--launcher', 'pytorch', **place)
                     for place in places(2))
    killed = second.killed_after(journal, '1-2.jsonl')
    assert 'people are left' in first.ended()
    assert not out.exists()
    assert len(lines(journal, '0-2.jsonl')) == 9
    assert 0 < killed < 8
    test_of('--out', out, '--journal', journal).ended()
    assert len(lines(journal, '0-1.jsonl')) == 17 - 9 - killed          # no person twice
    assert json.loads(out.read_text()) == alone


@pytest.mark.slow
def test_a_folder_is_shared_and_what_a_killed_process_left_is_done_by_another_call(
        data, places, tmp_path):
    images, out = tmp_path / 'images', tmp_path / 'shared'
    images.mkdir()
    for number, path in enumerate(sorted((data / 'synthetic/test/images').iterdir()) * 2):
        cv2.imwrite(str(images / f'{number:02}.png'), cv2.imread(str(path)))
    (images / 'torn.jpg').write_bytes(b'no image')
    # rounding may depend on who else is in the batch
    common = (images, '--whole-image', '--model', 'flic-small', '--device', 'cpu',
              '--batch-size', 1)
    in_one = Tool('predict', *common, '--out', tmp_path / 'alone', log=tmp_path / 'alone.log')
    assert '1 image could not be used' in in_one.ended(1)
    first, second = (
        Tool('predict', *common, '--out', out, '--launcher', 'pytorch',
             log=tmp_path / f"{place['RANK']}.log", **place) for place in places(2))
    killed = second.killed_after(out / 'journal', '1-2.jsonl')
    assert '18 images done here' in first.ended()
    assert not (out / 'predictions.json').exists()
    drawn = {path.name: path.stat().st_mtime_ns for path in (out / 'overlays').iterdir()}
    again = Tool('predict', *common, '--out', out, '--journal', log=tmp_path / 'again.log')
    assert '34 people in 34 images' in again.ended(1)
    assert len(lines(out / 'journal', '0-1.jsonl')) == 35 - 18 - killed + 1     # the torn one again
    drawn_again = [path for path in (out / 'overlays').iterdir()
                   if path.stat().st_mtime_ns != drawn.get(path.name)]
    assert len(drawn_again) == 35 - 18 - killed
    for name in ('predictions.json', 'predictions.csv'):
        assert (out / name).read_bytes() == (tmp_path / 'alone' / name).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(('arguments', 'message'), [
    ((), 'started as one of 2 processes, each of which would do all of the work: add --launcher'),
    (('--launcher', 'slurm'), '--launcher slurm: SLURM_PROCID is not set'),
    (('--launcher', 'pytorch', '--journal', 'j', '--dump', 'a.pkl'), '--dump and --journal')])
def test_arguments_that_do_not_fit_together_are_refused(test_of, arguments, message):
    assert f'error: {message}' in test_of(*arguments, WORLD_SIZE=2).ended(1)
