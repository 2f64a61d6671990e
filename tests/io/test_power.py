"""A power cut, which loses all that was not flushed, costs a run nothing that it had saved."""
from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from children import fork
from children import run as run_alone
from conftest import REPOSITORY

KILLS = 20


def names(listing: Path) -> dict[str, str]:
    """File names in a folder when it was flushed, and their files."""
    lines = listing.read_text().splitlines() if listing.exists() else []
    return {name: file for file, name in (line.split(' ', 1) for line in lines)}


def flush(folder: Path, disk: Path) -> Path:
    """Flush a folder to ``disk``; return what is there of it."""
    disk.mkdir(exist_ok=True)
    os.environ['DISK'] = str(disk)
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    return disk / str(folder).replace('/', '!')


def remains(work: Path, disk: Path) -> list[Path]:
    """Make the folders that a power cut may leave: with the names that were flushed, and with those
    that reached the disk before that. A file without a flush is empty."""
    made = []
    for number, listing in enumerate((disk / str(work).replace('/', '!'),
                                      flush(work, disk.with_name('now')))):
        folder = work.with_name(f'{work.name}_left{number}')
        folder.mkdir()
        for name, file in names(listing).items():
            if name not in ('.', '..') and not (work / name).is_dir():
                content = (disk / file).read_bytes() if (disk / file).exists() else b''
                (folder / name).write_bytes(content)
        made.append(folder)
    return made


def losses(root: Path, flushes: bool) -> int:
    """Cut the power of runs at random moments; return how often a saved iteration was lost, or
    ``last_checkpoint`` named a file that is not whole."""
    import toy_runs

    import hourglass.io.files as files
    from hourglass.checkpoints.reading import read_checkpoint
    if not flushes:
        files.flush = lambda path: None
    toy_runs.train(toy_runs.toy_config(root / 'imports'))
    changes = {'default_hooks.checkpoint': dict(
        type='hourglass.SafeCheckpointHook', by_epoch=False, interval=1, max_keep_ckpts=2)}
    moments, lost = random.Random(0), 0

    class Says(toy_runs.NotesRates):
        """Writes the iteration that was saved, once the next begins."""

        def before_train_iter(self, runner, **step) -> None:
            (root / 'said').write_text(str(runner.iter))
    toy_runs.HOOKS.register_module(name='NotesRates', module=Says, force=True)
    for kill in range(KILLS):
        work, disk = root / f'work{kill}', root / f'disk{kill}'
        disk.mkdir()
        said = root / 'said'
        said.write_text('0')
        os.environ['DISK'] = str(disk)
        child = fork(toy_runs.train, toy_runs.toy_config(work, **changes))
        while said.read_text() in ('', '0'):
            assert child.is_alive(), 'ended before its first checkpoint'
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.5))
        child.kill()
        child.join()
        for folder in remains(work, disk):
            named = folder / Path((folder / 'last_checkpoint').read_text()).name if (
                folder / 'last_checkpoint').exists() else folder / 'none'
            try:
                lost += read_checkpoint(named)['meta']['iter'] < int(said.read_text() or 0)
            except ValueError:
                lost += 1
            shutil.rmtree(folder)
    return lost


@pytest.fixture(scope='module')
def layer(tmp_path_factory) -> Path:
    library = tmp_path_factory.mktemp('layer') / 'power.so'
    compiler = shutil.which('cc')
    if compiler is None or not sys.platform.startswith('linux'):
        pytest.skip('needs Linux and a C compiler')
    source = Path(__file__).with_name('power.c')
    subprocess.run([compiler, '-shared', '-fPIC', '-o', library, source], check=True)
    return library


def run(layer: Path, program: str) -> str:
    paths = [REPOSITORY / 'projects', REPOSITORY / 'tests', REPOSITORY / 'tests/io']
    done = run_alone(
        [sys.executable, '-W', 'ignore', '-c', program],
        env=os.environ | dict(LD_PRELOAD=str(layer), PYTHONPATH=':'.join(map(str, paths))))
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize('flushes', [True, False])
def test_power_cuts_cost_no_saved_iteration_because_of_flushes(layer, tmp_path, flushes, capsys):
    lost = int(run(layer, 'import hourglass, test_power; from pathlib import Path; '
                   f'print(test_power.losses(Path({str(tmp_path)!r}), {flushes}))'))
    assert lost == 0 if flushes else lost > KILLS
    with capsys.disabled():
        print(f'\n{KILLS} power cuts, two states of the disk each, '
              f"with{'' if flushes else 'out'} flushes: {lost} lost")


@pytest.mark.slow
def test_an_entry_of_a_journal_and_its_new_folders_are_on_the_disk(layer, tmp_path):
    disk = tmp_path / 'disk'
    disk.mkdir()
    run(layer, f"""\
import os; os.environ['DISK'] = {str(disk)!r}
from hourglass.io.journal import Journal
Journal({str(tmp_path / 'a/b')!r}, 'work', 0, 1).add('one', dict(x=1))
print('done')""")
    for folder, name in ((tmp_path, 'a'), (tmp_path / 'a', 'b'), (tmp_path / 'a/b', 'work')):
        assert name in names(disk / str(folder).replace('/', '!'))
    file = names(disk / str(tmp_path / 'a/b/work').replace('/', '!'))['0-1.jsonl']
    assert (disk / file).read_bytes() == b'\n["one", {"x": 1}]'
