"""Checkpoints replace each other in an order in which a run may be killed at any moment."""
from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.logging import MessageHub
from toy_runs import IdleLoop

import hourglass
from hourglass.engine.saving import STOPPED, SafeCheckpointHook, WholeFiles
from hourglass.errors import CheckpointError, ConfigError
from hourglass.evaluation.metrics import FlicPCK
from hourglass.evaluation.oks_metric import OksAP
from hourglass.evaluation.own_metrics import EPE


class Runner(SimpleNamespace):
    """A runner that writes empty checkpoints, and records which files are there each time."""

    model = optim_wrapper = _load_from = None
    _resume = False
    hooks = ()

    def save_checkpoint(self, folder: str, filename: str, **more) -> None:
        WholeFiles().put(b'', Path(folder, filename))
        self.written.append((filename, sorted(path.name for path in Path(folder).glob('*.pth'))))


def run_of(folder: Path, name: str, resumed: Path | None = None, **options
           ) -> tuple[Runner, SafeCheckpointHook]:
    """A runner and its hook at the beginning of a run."""
    runner = Runner(work_dir=str(folder), epoch=0, iter=0, written=[], _train_loop=IdleLoop(),
                    message_hub=MessageHub.get_instance(name),
                    logger=SimpleNamespace(info=lambda line: None, warning=lambda line: None))
    if resumed:
        runner._resume, runner._load_from = True, str(resumed)
    hook = SafeCheckpointHook(interval=1, max_keep_ckpts=1, save_best='score', rule='greater',
                              **options)
    hook.before_train(runner)
    return runner, hook


def epoch(runner: Runner, hook: SafeCheckpointHook, score: float) -> None:
    hook._save_checkpoint(runner)
    runner.epoch += 1
    hook.after_val_epoch(runner, dict(score=score))
    hook.after_validation(runner)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_old_files_are_there_until_the_new_ones_are(tmp_path):
    runner, hook = run_of(tmp_path, str(tmp_path))
    epoch(runner, hook, 1)
    assert files(tmp_path) == ['best_score_epoch_1.pth', 'epoch_1.pth', 'last_checkpoint']
    runner.written.clear()
    epoch(runner, hook, 2)
    both = ['best_score_epoch_1.pth', 'best_score_epoch_2.pth', 'epoch_2.pth']
    assert runner.written == [
        ('epoch_2.pth', ['best_score_epoch_1.pth', 'epoch_1.pth', 'epoch_2.pth']),
        ('best_score_epoch_2.pth', both),
        ('epoch_2.pth', both)]                      # with the validation and the new best in it
    assert files(tmp_path) == ['best_score_epoch_2.pth', 'epoch_2.pth', 'last_checkpoint']
    assert (tmp_path / 'last_checkpoint').read_text() == f'{tmp_path}/epoch_2.pth'
    epoch(runner, hook, 1)                          # no better one: the best stays
    assert files(tmp_path) == ['best_score_epoch_2.pth', 'epoch_3.pth', 'last_checkpoint']


def test_a_best_checkpoint_that_replaces_itself_stays(tmp_path):
    """As in a second validation after the same epoch."""
    runner, hook = run_of(tmp_path, str(tmp_path))
    epoch(runner, hook, 1)
    hook.after_val_epoch(runner, dict(score=2))
    assert files(tmp_path) == ['best_score_epoch_1.pth', 'epoch_1.pth', 'last_checkpoint']


@pytest.mark.parametrize('killed_at', [0, 1, 2])
def test_a_run_killed_before_it_removed_old_files_removes_them_when_resumed(
        tmp_path, monkeypatch, killed_at):
    runner, hook = run_of(tmp_path, f'{tmp_path}{killed_at}')
    epoch(runner, hook, 1)
    remaining = iter(range(killed_at, -1, -1))
    remove = hook._remove_outdated

    def killed(*args) -> None:
        if not next(remaining):
            raise KeyboardInterrupt
        remove(*args)
    monkeypatch.setattr(hook, '_remove_outdated', killed)
    runner.written.clear()
    with pytest.raises(KeyboardInterrupt):
        epoch(runner, hook, 2)
    old = {'epoch_1.pth', 'best_score_epoch_1.pth'} & set(files(tmp_path))
    assert old == ({'epoch_1.pth', 'best_score_epoch_1.pth'} if killed_at == 0 else
                   {'best_score_epoch_1.pth'} if killed_at == 1 else set())
    run_of(tmp_path, f'{tmp_path}{killed_at}', tmp_path / 'epoch_2.pth')     # the same message hub
    kept = {'epoch_2.pth', 'last_checkpoint'} | (
        {'best_score_epoch_1.pth'} if killed_at == 0 else {'best_score_epoch_2.pth'})
    assert set(files(tmp_path)) == kept


def test_drafts_of_a_killed_run_go_and_a_stopped_checkpoint_stays_until_the_next(tmp_path):
    (tmp_path / 'epoch_1.pth.ab12cd34.part').write_bytes(b'half')
    (tmp_path / 'film.mp4.part').touch()                    # of a browser
    (tmp_path / STOPPED).write_bytes(b'')
    runner, hook = run_of(tmp_path, str(tmp_path))
    assert files(tmp_path) == ['film.mp4.part', STOPPED]
    epoch(runner, hook, 1)
    assert STOPPED not in files(tmp_path)


def test_the_last_checkpoint_is_one_of_this_run_or_what_it_began_from(tmp_path):
    runner, hook = run_of(tmp_path, f'{tmp_path}first')
    epoch(runner, hook, 1)
    note, other = tmp_path / 'last_checkpoint', tmp_path / 'other.pth'
    other.write_bytes(b'')
    run_of(tmp_path, f'{tmp_path}second', other)
    assert note.read_text() == str(other)
    run_of(tmp_path, f'{tmp_path}third')
    assert not note.exists()


def resume(runner: Runner, path: Path, **checkpoint) -> None:
    runner._resume, runner._load_from, runner.model = True, str(path), torch.nn.Linear(1, 1)
    SafeCheckpointHook().after_load_checkpoint(runner, dict(optimizer={}) | checkpoint)


@pytest.mark.parametrize('checkpoint', [{}, dict(meta={}), dict(optimizer={})])
def test_weights_alone_are_not_resumed(checkpoint):
    runner = Runner(_resume=True, _train_loop=IdleLoop(), _load_from='best.pth')
    with pytest.raises(CheckpointError, match='best.pth: holds weights alone'):
        SafeCheckpointHook().after_load_checkpoint(runner, checkpoint)


@pytest.mark.parametrize('copied', [False, True])
def test_the_best_checkpoint_moves_with_its_folder(tmp_path, copied):
    old, new = tmp_path / 'old', tmp_path / 'new'
    epoch(*run_of(old, f'{tmp_path}old'), 1)
    info = dict(MessageHub.get_instance(f'{tmp_path}old').runtime_info)
    (shutil.copytree if copied else shutil.move)(old, new)
    resume(Runner(_train_loop=IdleLoop()), new / 'epoch_1.pth', meta={},
           message_hub=dict(runtime_info=info))
    assert info['best_ckpt'] == str(new / 'best_score_epoch_1.pth')
    MessageHub.get_instance(f'{tmp_path}new').update_info_dict(info)
    runner, hook = run_of(new, f'{tmp_path}new', new / 'epoch_1.pth')
    runner.epoch = 1
    epoch(runner, hook, 2)
    assert files(new) == ['best_score_epoch_2.pth', 'epoch_2.pth', 'last_checkpoint']
    assert old.exists() is copied


def test_a_checkpoint_of_a_newer_version_is_named_and_not_resumed():
    runner = Runner(_train_loop=IdleLoop())
    with pytest.raises(CheckpointError, match=r'a\.pth: was saved by mmpose-hourglass 99\.1\.0, '
                                              r'and \S+ is installed: update it, or start anew'):
        resume(runner, Path('a.pth'), meta=dict(hourglass_version='99.1.0'))
    for version in ({}, dict(hourglass_version=hourglass.__version__)):
        resume(runner, Path('a.pth'), meta=version)


def test_the_best_checkpoint_of_another_run_is_kept(tmp_path):
    other = tmp_path / 'other/best_score_epoch_9.pth'
    other.parent.mkdir()
    other.write_bytes(b'')
    MessageHub.get_instance(str(tmp_path)).update_info_dict(
        dict(best_score=1, best_ckpt=str(other)))
    runner, hook = run_of(tmp_path / 'work', str(tmp_path))
    epoch(runner, hook, 2)
    assert other.exists()
    assert 'best_score_epoch_1.pth' in files(tmp_path / 'work')


def test_gradients_that_wait_for_a_step_go_with_the_checkpoint():
    source, target = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
    source(torch.ones(1, 2)).sum().backward()
    hook = SafeCheckpointHook()
    for due, count in ((True, 0), (False, 2)):
        checkpoint = dict(optimizer={}, meta=dict(epoch=0, iter=1))
        hook.before_save_checkpoint(Runner(
            model=source, train_loop=IdleLoop(), optim_wrapper=SimpleNamespace(
                _accumulative_counts=2, should_update=lambda due=due: due)), checkpoint)
        assert len(checkpoint.get('gradients', ())) == count
    hook.after_load_checkpoint(
        Runner(model=target, _resume=True, _train_loop=IdleLoop(), _load_from='a.pth'), checkpoint)
    assert torch.equal(target.weight.grad, source.weight.grad)


def test_mmengines_loops_cannot_go_on_inside_an_epoch():
    runner = Runner(model=torch.nn.Linear(1, 1), _resume=True, _train_loop=IdleLoop(),
                    _load_from='a.pth')
    meta = dict(position=dict(batches_done=3))
    with pytest.raises(CheckpointError, match=r'a\.pth: was saved in the middle of an epoch, where '
                                              'IdleLoop cannot resume'):
        SafeCheckpointHook().after_load_checkpoint(runner, dict(meta=meta, optimizer={}))


def test_the_number_of_kept_checkpoints_is_unlimited_by_default(tmp_path):
    runner = Runner(work_dir=str(tmp_path), epoch=0, iter=0, written=[], _train_loop=IdleLoop(),
                    message_hub=MessageHub.get_instance(f'{tmp_path}all'),
                    logger=SimpleNamespace(info=lambda line: None))
    hook = SafeCheckpointHook()
    hook.before_train(runner)
    for _ in range(3):
        hook._save_checkpoint(runner)
        runner.epoch += 1
    assert files(tmp_path) == ['epoch_1.pth', 'epoch_2.pth', 'epoch_3.pth', 'last_checkpoint']


def test_a_best_score_that_is_never_there_is_named_before_the_first_step(tmp_path):
    runner, hook = run_of(tmp_path, f'{tmp_path}early')
    runner._val_loop = SimpleNamespace(evaluator=Evaluator([FlicPCK()]))
    with pytest.raises(ConfigError, match="'score' is no score .* from flic/Total, flic/"):
        hook.before_train(runner)
    hook.key_indicators = ['flic/Wrist']
    hook.before_train(runner)


@pytest.mark.parametrize('name', ['epe/Total', 'epe/stage0/Wrist', 'auto'])
def test_a_rule_that_keeps_the_worst_is_refused(tmp_path, name):
    runner, _ = run_of(tmp_path, f'{tmp_path}rule')
    # beside another metric, so that only a validation tells all names
    runner._val_loop = SimpleNamespace(evaluator=Evaluator([EPE(dict(Wrist=['wrist'])), OksAP()]))
    SafeCheckpointHook(save_best=name, rule='less').before_train(runner)
    with pytest.raises(ConfigError, match=f"save_best='{name}' with rule='greater' takes the worst "
                                          "score of EPE for the best; set rule='less'"):
        SafeCheckpointHook(save_best=name, rule='greater').before_train(runner)


def test_a_best_score_of_another_metric_is_named_at_the_first_validation(tmp_path):
    runner, hook = run_of(tmp_path, f'{tmp_path}late')
    with pytest.raises(ConfigError, match="save_best='score' is no score of .* from coco/AP"):
        hook.after_val_epoch(runner, {'coco/AP': 0.5})


@pytest.mark.parametrize('score', [None, float('nan')])
def test_a_best_score_without_a_value_is_reported(tmp_path, score):
    runner, hook = run_of(tmp_path, f'{tmp_path}{score}')
    lines = []
    runner.logger.warning = lines.append
    epoch(runner, hook, score)
    assert lines == ['save_best: score has no value, as none of its keypoints is annotated; no '
                     'checkpoint is saved as the best']
    assert not list(tmp_path.glob('best*'))


def test_an_argument_that_mmengine_would_fail_with_at_the_first_file_is_refused():
    with pytest.raises(ConfigError, match="no argument 'save_bst', did you mean 'save_best'"):
        SafeCheckpointHook(save_bst='score')


def test_drafts_go_from_the_folder_of_checkpoints_too(tmp_path):
    work, out = tmp_path / 'run', tmp_path / 'out/run'
    for folder in (work, out):
        folder.mkdir(parents=True)
        (folder / 'epoch_1.pth.ab12cd34.part').write_bytes(b'half')
    run_of(work, str(tmp_path), out_dir=str(tmp_path / 'out'))
    assert files(work) == files(out) == []
