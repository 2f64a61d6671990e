"""Runs that are killed, stopped or broken in every way end the same once they are resumed."""
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from children import program
from conftest import REPOSITORY
from runs import Run, differences, losses, state, write_config

from hourglass.checkpoints import read_checkpoint

ITERATIONS = dict(
    name='iterations.py',
    more="""\
train_dataloader['sampler'] = dict(type='InfiniteSampler', shuffle=True)
optim_wrapper['accumulative_counts'] = 2
param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=False, eta_min=1e-6)]
train_cfg = dict(_delete_=True, type='hourglass.IterationLoop', max_iters=15, val_interval=6)
default_hooks['checkpoint'].update(by_epoch=False, interval=3, max_keep_ckpts=5)
log_processor = dict(by_epoch=False)
""")


@pytest.fixture(scope='module')
def config(synthetic, tmp_path_factory) -> Path:
    return write_config(tmp_path_factory.mktemp('config'), synthetic)


@pytest.fixture(scope='module')
def straight(config, tmp_path_factory) -> Path:
    """The work folder of a run that nothing interrupted."""
    return run_straight(config, tmp_path_factory.mktemp('straight') / 'work')


def run_straight(config: Path, work_dir: Path) -> Path:
    run = Run(config, work_dir)
    assert run.wait() == 0, run.output[-3000:]
    assert not re.search('WARNING - (batch norm|.*_dataloader)', run.output)      # no false alarm
    return work_dir


def assert_same_run(work_dir: Path, straight: Path, last: str = 'epoch_3.pth') -> None:
    """Compare bit by bit weights, average, optimiser, schedules and scores; the losses logged, also
    where an iteration was done twice; and the files."""
    assert differences(state(straight / last), state(work_dir / last)) == []
    best = next(straight.glob('best_*.pth')).name
    assert differences(state(straight / best), state(work_dir / best)) == []
    expected, found = losses(straight), losses(work_dir)
    assert len(expected) == 15
    assert all(len(values) == 1 for values in expected.values())
    assert found == expected
    names, others = ({path.name for path in folder.iterdir() if path.is_file()}
                     for folder in (work_dir, straight))
    assert names == others


def run_with_step(config: Path, work: Path, *lines: str, resume: bool = False) -> Run:
    """Start a run with these lines of Python after each training iteration."""
    body = ''.join(f'    {line}\n' for line in lines)
    return Run(config, work, *['--resume'] * resume, patch=(
        'import multiprocessing, os, signal, time\n'
        'from hourglass.engine.display import ProgressBarHook\n'
        f'def step(self, runner, **more):\n{body}'
        'ProgressBarHook.after_train_iter = step\n'))


def writing(work_dir: Path, name: str = '*.pth.*.part'):
    return lambda: any(work_dir.glob(name))


def test_killed_while_writing_then_stopped_in_mid_epoch_a_run_ends_the_same(
        config, straight, tmp_path):
    work = tmp_path / 'work'
    run = Run(config, work, patch=(
        'import os, time\n'
        'flush = os.fsync\n'
        'def held(descriptor):\n'
        '    name = os.readlink(f"/proc/self/fd/{descriptor}")\n'
        '    time.sleep(600 * ("/epoch_2.pth." in name))\n'
        '    flush(descriptor)\n'
        'os.fsync = held\n'))
    assert run.until(writing(work, 'epoch_2.pth.*.part'))
    run.kill()
    assert run.wait() == -signal.SIGKILL
    assert Path((work / 'last_checkpoint').read_text()) == work / 'epoch_1.pth'
    run = run_with_step(config, work, 'if runner.iter == 11:',
                        '    os.kill(os.getpid(), signal.SIGTERM)', resume=True)
    assert run.wait() == 128 + signal.SIGTERM
    assert f'saved to {work}/stopped.pth: continue with the same command and --resume' in run.output
    assert 10 < read_checkpoint(work / 'stopped.pth')['meta']['iter'] <= 15
    assert Run(config, work, '--resume').wait() == 0
    assert_same_run(work, straight)
    print('1 kill while a checkpoint was written, 1 stop: bit-identical')


def kill_until_done(config: Path, work: Path, straight: Path, kills: int, seed: int,
                    options: tuple = (), last: str = 'epoch_3.pth') -> int:
    """Kill runs at random moments, a third of the times while a checkpoint is written, until
    ``kills`` of them were alive; return how many were writing. A run that ends is compared."""
    moments = random.Random(seed)
    began = time.monotonic()
    assert Run(config, work.with_name('timed'), options=options).wait() == 0
    seconds = time.monotonic() - began
    alive = while_writing = 0
    while alive < kills:
        run = Run(config, work, '--resume', slow=0.15, options=options)
        writes = False
        if alive % 3 == 2:
            if run.until(writing(work)):
                time.sleep(moments.uniform(0, 0.14))
                writes = writing(work)()
        else:
            time.sleep(moments.uniform(0.2, 0.9) * seconds)
        run.kill()
        code = run.wait()
        assert code in (0, -signal.SIGKILL), run.output[-3000:]
        if code:
            alive, while_writing = alive + 1, while_writing + writes
        else:                                   # done before: once more from the beginning
            assert_same_run(work, straight, last)
            shutil.rmtree(work)
    run = Run(config, work, '--resume', options=options)
    assert run.wait() == 0, run.output[-3000:]
    assert_same_run(work, straight, last)
    return while_writing


@pytest.mark.slow
@pytest.mark.parametrize('workers', [0, 2])
def test_any_number_of_kills_at_random_moments(config, straight, tmp_path, workers, capsys):
    while_writing = kill_until_done(
        config, tmp_path / 'work', straight, kills=7, seed=workers,
        options=(f'train_dataloader.num_workers={workers}',))
    assert while_writing >= 1
    with capsys.disabled():
        print(f'\n7 kills ({while_writing} while a checkpoint was written), {workers} data '
              'workers: bit-identical')


@pytest.mark.slow
def test_kills_of_a_run_by_iterations_with_accumulated_gradients(synthetic, tmp_path, capsys):
    """Every second checkpoint stands where the gradients of one iteration wait for a step."""
    config = write_config(tmp_path, synthetic, **ITERATIONS)
    straight = run_straight(config, tmp_path / 'straight')
    waiting = [len(read_checkpoint(straight / f'iter_{n}.pth').get('gradients', ()))
               for n in (3, 6, 9, 12, 15)]
    assert [count > 0 for count in waiting] == [True, False, True, False, False]
    while_writing = kill_until_done(config, tmp_path / 'work', straight, kills=6, seed=5,
                                    last='iter_15.pth')
    with capsys.disabled():
        print(f'\n6 kills ({while_writing} while a checkpoint was written) by iterations: '
              'bit-identical')


@pytest.mark.slow
@pytest.mark.parametrize('what', ['training', 'validation'])
def test_stopping_by_ctrl_c_saves_and_goes_on_the_same(config, straight, tmp_path, what):
    work = tmp_path / 'work'
    line = {'training': 'Epoch(train) [2][1/5]', 'validation': 'Saving checkpoint at 2'}[what]
    run = Run(config, work)
    assert run.until(lambda: line in run.output)
    run.kill(signal.SIGINT)
    assert run.wait() == 128 + signal.SIGINT
    assert 'stopped by SIGINT' in run.output
    assert Run(config, work, '--resume').wait() == 0
    assert_same_run(work, straight)


@pytest.mark.slow
def test_a_second_run_in_the_work_folder_is_refused(config, tmp_path):
    work = tmp_path / 'work'
    first = run_with_step(config, work, 'print("asleep", flush=True)', 'time.sleep(1e6)')
    assert first.until(lambda: 'asleep' in first.output)
    second = Run(config, work, '--resume', log=tmp_path / 'second')
    assert second.wait() == 1
    last = second.output.strip().splitlines()[-1]
    assert last.startswith(f'error: {work}: in use by process {first.pid} of ')
    first.kill()
    first.wait()
    assert Run(config, work, '--resume').wait() == 0


@pytest.mark.slow
def test_a_second_signal_ends_the_run_at_once(config, tmp_path):
    run = run_with_step(config, tmp_path / 'work', 'print("asleep", flush=True)',
                        'time.sleep(1e6)')
    assert run.until(lambda: 'asleep' in run.output)
    run.kill(signal.SIGTERM)
    assert run.until(lambda: 'SIGTERM: saving a checkpoint' in run.output)
    assert run.process.is_alive()
    run.kill(signal.SIGTERM)
    assert run.wait() == -signal.SIGTERM
    assert not list((tmp_path / 'work').glob('*.pth*'))


@pytest.mark.slow
def test_a_torn_last_checkpoint_is_skipped_with_a_warning(config, straight, tmp_path):
    work = tmp_path / 'work'
    shutil.copytree(straight, work, ignore=shutil.ignore_patterns('2*'))
    (work / 'last_checkpoint').write_text(str(work / 'epoch_3.pth'))
    torn = work / 'epoch_3.pth'
    torn.write_bytes(torn.read_bytes()[:-1000])
    run = Run(config, work, '--resume')
    assert run.wait() == 0
    assert f'warning: {torn}: damaged; resuming from {work}/epoch_2.pth' in run.output
    assert differences(state(straight / 'epoch_3.pth'), state(torn)) == []


def full_disk(folder: Path, megabytes: int):
    folder.mkdir()
    made = subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={megabytes}m', 'tmpfs', folder],
                          capture_output=True)
    if made.returncode:
        pytest.skip('no right to mount a small disk')


@pytest.mark.slow
def test_a_full_disk_ends_the_run_with_one_line_and_harms_nothing(config, tmp_path):
    disk = tmp_path / 'disk'
    full_disk(disk, 2)
    try:
        work = disk / 'work'
        run = Run(config, work, log=tmp_path / 'log')
        assert run.until(lambda: (work / 'last_checkpoint').exists())
        with open(disk / 'filler', 'wb') as filler:
            left = os.statvfs(disk)
            filler.write(bytes(left.f_bavail * left.f_frsize - 60_000))
        assert run.wait() == 1
        assert 'cannot be written (No space left on device)' in run.output.splitlines()[-1]
        last = Path((work / 'last_checkpoint').read_text())
        whole = read_checkpoint(last)
        assert whole['meta']['iter'] % 5 == 0
        assert not list(work.glob('*.part'))
        (disk / 'filler').unlink()
        assert Run(config, work, '--resume', log=tmp_path / 'log').wait() == 0
    finally:
        subprocess.run(['umount', '-l', disk], check=True)


@pytest.mark.slow
def test_a_checkpoint_that_cannot_be_written_is_named_in_one_line(config, tmp_path):
    """A file may have 80 kB here, more than a batch needs; it resembles a full disk."""
    work = tmp_path / 'work'
    run = Run(config, work, patch='import resource\n'
              'resource.setrlimit(resource.RLIMIT_FSIZE, (80_000, resource.RLIM_INFINITY))')
    assert run.wait() == 1
    last = run.output.strip().splitlines()[-1]
    assert last == (f'error: {work}/epoch_1.pth: cannot be written (File too large); choose a '
                    'folder you may write to, with free space')
    assert not list(work.glob('*.pth*'))
    assert not (work / 'last_checkpoint').exists()


SMALL_SHM = """\
import ctypes, subprocess
assert ctypes.CDLL(None).unshare(0x20000) == 0          # CLONE_NEWNS: for this process alone
subprocess.run('mount --make-rprivate / && mount -t tmpfs -o size={} tmpfs /dev/shm',
               shell=True, check=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize('size', ['4k', '64k'])
def test_a_small_dev_shm_is_named_in_one_line(config, tmp_path, size):
    """It has no space for the locks of a data worker, or for a batch."""
    run = Run(config, tmp_path / 'work', patch=SMALL_SHM.format(size))
    code = run.wait()
    if 'AssertionError' in run.output or 'permission denied' in run.output:
        pytest.skip('no right to mount a small disk')
    assert code == 1
    line, = (line for line in run.output.splitlines() if line.startswith('error: '))
    assert line.endswith(        # torch may say more as it leaves
        ': raise the shared memory, /dev/shm (docker run --shm-size), or set num_workers=0')


@pytest.mark.slow
def test_a_run_goes_on_in_a_folder_that_was_moved(config, straight, tmp_path):
    run = Run(config, tmp_path / 'before')
    assert run.until(lambda: 'Epoch(train) [2][2/5]' in run.output)
    run.kill()
    run.wait()
    work = (tmp_path / 'before').rename(tmp_path / 'after')
    assert Run(config, work, '--resume').wait() == 0
    assert_same_run(work, straight)


@pytest.mark.slow
def test_a_slow_disk_costs_nothing_but_time(config, straight, tmp_path):
    """Each write and flush takes 0.2 s. The run is stopped while it writes, and goes on."""
    if not shutil.which('cc') or not sys.platform.startswith('linux'):
        pytest.skip('needs Linux and a C compiler')
    layer, work, log = tmp_path / 'slow.so', tmp_path / 'work', tmp_path / 'log'
    subprocess.run(['cc', '-shared', '-fPIC', '-o', layer, REPOSITORY / 'tests/io/slow.c'],
                   check=True)

    def start(*arguments: str) -> subprocess.Popen:
        return program(
            [sys.executable, REPOSITORY / 'tools/train.py', config, '--work-dir', work, *arguments],
            stdout=log.open('a'),
            env=os.environ | dict(LD_PRELOAD=str(layer), SLOW=str(work), OMP_NUM_THREADS='1'))
    run = start()
    while not writing(work, 'epoch_2.pth.*.part')():
        assert run.poll() is None, log.read_text()[-3000:]
        time.sleep(0.01)
    run.terminate()
    assert run.wait() == 128 + signal.SIGTERM
    assert f'saved to {work}/stopped.pth: continue with the same command and' in log.read_text()
    assert start('--resume').wait() == 0
    assert_same_run(work, straight)


@pytest.mark.slow
def test_a_read_only_folder_is_named_in_one_line(config, tmp_path):
    disk = tmp_path / 'disk'
    full_disk(disk, 1)
    try:
        subprocess.run(['mount', '-o', 'remount,ro', disk], check=True)
        run = Run(config, disk / 'work', log=tmp_path / 'log')
        assert run.wait() == 1
        assert run.output.strip().splitlines()[-1] == (
            f'error: {disk}/work: cannot be written (Read-only file system); choose a folder you '
            'may write to, with free space')
    finally:
        subprocess.run(['umount', '-l', disk], check=True)


@pytest.mark.slow
def test_a_lost_data_worker_ends_the_run_with_one_line(config, tmp_path):
    run = run_with_step(
        config, tmp_path / 'work', 'if runner.iter == 6:',
        '    os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)')
    assert run.wait() == 1
    assert 'Traceback' not in run.output
    assert 'error: DataLoader worker (pid' in run.output.strip().splitlines()[-1]
    assert 'go on with --resume' in run.output
    assert Run(config, tmp_path / 'work', '--resume').wait() == 0


@pytest.mark.slow
def test_an_exception_in_a_hook_is_the_last_line(config, tmp_path):
    run = run_with_step(config, tmp_path / 'work', 'assert runner.iter < 6, "six is too many"')
    assert run.wait() == 1
    assert run.output.strip().splitlines()[-1].startswith(
        'error: AssertionError: six is too many; the traceback above shows where')
    assert read_checkpoint(tmp_path / 'work/epoch_1.pth')['meta']['iter'] == 5


@pytest.mark.slow
def test_a_loss_that_is_not_finite_stops_the_run_before_the_step(config, tmp_path):
    run = Run(config, tmp_path / 'work', patch=(
        'from hourglass.models.head import StackedHeatmapHead\n'
        'loss, calls = StackedHeatmapHead.loss, []\n'
        'def broken(self, *a, **k):\n'
        '    calls.append(1)\n'
        '    made = loss(self, *a, **k)\n'
        '    return dict(made, loss_stage0=made["loss_stage0"] * (float("nan") if len(calls) == 7 '
        'else 1))\n'
        'StackedHeatmapHead.loss = broken'))
    assert run.wait() == 1
    path = tmp_path / 'work/nonfinite_iter_7.pt'
    last = run.output.strip().splitlines()[-1]
    assert last.startswith('error: iteration 7: loss_stage0 nan, the weights are finite; no weight')
    assert str(path) in last
    kept = torch.load(path, weights_only=True)
    assert (kept['iteration'], len(kept['images']), len(kept['batch']['inputs'])) == (7, 4, 4)
    assert kept['images'][0].endswith('.jpg')
    assert all(tensor.isfinite().all() for tensor in kept['state_dict'].values())


@pytest.mark.slow
def test_an_epoch_of_another_length_is_not_resumed_in_its_middle(config, tmp_path):
    work = tmp_path / 'work'
    run = Run(config, work)
    assert run.until(lambda: 'Epoch(train) [2][2/5]' in run.output)
    run.kill(signal.SIGTERM)
    assert run.wait() == 143
    run = Run(config, work, '--resume', options=('train_dataloader.batch_size=2',))
    assert run.wait() == 1
    assert 'of an epoch of 5 batches, which now has 10' in run.output.strip().splitlines()[-1]


@pytest.mark.slow
def test_a_run_killed_before_its_first_checkpoint_begins_again_from_load_from(
        config, straight, tmp_path):
    """Fine-tuning must not begin from random weights: ``--resume`` is in the same command."""
    start = (f"load_from={straight / 'epoch_2.pth'}", 'train_cfg.max_epochs=1')
    once = Run(config, tmp_path / 'once', options=start)
    assert once.wait() == 0, once.output[-3000:]
    work = tmp_path / 'work'
    run = Run(config, work, '--resume', options=start)
    assert run.until(lambda: 'Epoch(train) [1][2/5]' in run.output)
    run.kill()
    assert run.wait() == -signal.SIGKILL
    assert not list(work.glob('*.pth'))
    assert Run(config, work, '--resume', options=start).wait() == 0
    assert differences(state(tmp_path / 'once/epoch_1.pth'), state(work / 'epoch_1.pth')) == []
