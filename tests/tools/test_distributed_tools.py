"""The tools in several processes (gloo, CPU): scripts, shared collections, a process that dies."""
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest
from conftest import REPOSITORY

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
    return subprocess.Popen(
        [str(part) for part in command], cwd=REPOSITORY, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env=os.environ | environment | dict(
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
    meet = dict(NNODES='2', MASTER_ADDR='127.0.0.1', PORT='29617', data=data)
    machines = [start(
        REPOSITORY / 'tools/dist_train.sh', 'configs/demo/synthetic.py', 1, '--work-dir', work,
        '--auto-scale-lr', '--cfg-options', *TINY, 'sync_bn=torch', 'param_scheduler=None',
        'optim_wrapper.accumulative_counts=2', 'train_dataloader.batch_size=6',
        'default_hooks.logger.interval=1', 'train_cfg.max_epochs=1', 'train_cfg.val_interval=1',
        NODE_RANK=str(rank), **meet) for rank in range(2)]
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
def test_metrics_are_those_of_one_process_to_the_last_digit(trained, data, tmp_path):
    common = ('configs/demo/synthetic.py', trained / 'epoch_1.pth')
    options = ('--all-stages', '--cfg-options', *TINY, 'test_dataloader.batch_size=4')
    test = REPOSITORY / 'tools/test.py'
    run(sys.executable, test, *common, '--out', tmp_path / 'alone.json', '--work-dir', tmp_path,
        *options, data=data)
    run(REPOSITORY / 'tools/dist_test.sh', *common, 2, '--out', tmp_path / 'two.json',
        '--work-dir', tmp_path, *options, data=data)
    alone = json.loads((tmp_path / 'alone.json').read_text())
    assert len(alone) > 20
    assert json.loads((tmp_path / 'two.json').read_text()) == alone
    validated = [line for line in scalars(trained) if 'mpii/Total' in line][-1]
    assert validated['mpii/Total'] == alone['mpii/Total']
    # and of a process that is killed, with the rest in another call
    journal = tmp_path / 'journal'
    shared = (*common, '--out', tmp_path / 'rest.json', '--journal', journal, '--work-dir',
              tmp_path, '--launcher', 'pytorch', *options)
    processes = {rank: start(sys.executable, test, *shared, data=data, RANK=str(rank),
                             WORLD_SIZE='2', LOCAL_RANK=str(rank)) for rank in range(2)}
    killed = kill_after(processes[1], journal, '1-2.jsonl', 1)
    assert 'people are left' in processes[0].communicate()[0]
    assert not (tmp_path / 'rest.json').exists()
    assert len(lines(journal, '0-2.jsonl')) == 9
    assert 0 < killed < 8
    run(sys.executable, test, *shared[:-len(options) - 2], *options, data=data)
    assert len(lines(journal, '0-1.jsonl')) == 17 - 9 - killed          # nobody twice
    assert json.loads((tmp_path / 'rest.json').read_text()) == alone


def lines(journal: Path, name: str) -> list[str]:
    return [line for file in journal.glob(f'*/{name}') for line in file.read_text().split('\n')
            if line]


def kill_after(process: subprocess.Popen, journal: Path, name: str, count: int) -> int:
    """Kill a process once it has left ``count`` entries; how many there are then."""
    while len(lines(journal, name)) < count:
        assert process.poll() is None, process.communicate()[0][-3000:]
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    return len(lines(journal, name))


@pytest.mark.slow
def test_a_folder_is_shared_and_what_a_killed_process_left_is_done_by_another_call(data, tmp_path):
    pictures = tmp_path / 'pictures'
    pictures.mkdir()
    for number, path in enumerate(sorted((data / 'synthetic/test/images').iterdir()) * 2):
        cv2.imwrite(str(pictures / f'{number:02}.png'), cv2.imread(str(path)))
    (pictures / 'torn.jpg').write_bytes(b'no picture')
    predict = (sys.executable, REPOSITORY / 'tools/predict.py', pictures, '--model', 'flic-small',
               '--device', 'cpu')
    alone = start(*predict, '--out', tmp_path / 'alone')
    assert '1 could not be used' in alone.communicate()[0]
    out = tmp_path / 'shared'
    processes = {rank: start(
        *predict, '--out', out, '--launcher', 'pytorch', RANK=str(rank), WORLD_SIZE='2',
        LOCAL_RANK=str(rank)) for rank in range(2)}
    killed = kill_after(processes[1], out / 'journal', '1-2.jsonl', 1)
    said = processes[0].communicate()[0]
    assert processes[0].returncode == 0 and '18 pictures done here' in said
    assert not (out / 'predictions.json').exists()
    overlays = {path.name: path.stat().st_mtime_ns for path in (out / 'overlays').iterdir()}
    again = start(*predict, '--out', out, '--journal')
    assert '34 people in 34 pictures' in again.communicate()[0]
    done_again = [path for path in (out / 'overlays').iterdir()
                  if path.stat().st_mtime_ns != overlays.get(path.name)]
    # the killed process may have drawn one picture that it had not yet put down
    assert len(done_again) == 35 - 18 - killed
    for name in ('predictions.json', 'predictions.csv'):
        assert (out / name).read_bytes() == (tmp_path / 'alone' / name).read_bytes()
