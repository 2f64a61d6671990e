"""Comparisons under one budget: logs, tables and plots, and what the paper's configs train."""
import json
import os
from types import SimpleNamespace

import pytest
import torch
from conftest import REPOSITORY
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample
from pairs import zip_equal
from tiny_network import write_tiny_network

from hourglass import Residual
from hourglass.analysis import ablation
from hourglass.checkpoints import read_checkpoint
from hourglass.errors import ConfigError, DataError

CONFIGS = REPOSITORY / 'configs/ablation'
DEMO = REPOSITORY / 'configs/demo/td-hm_hourglass2-demo_synthetic-128x128.py'


def log(folder, lines: list[dict]) -> None:
    (folder / 'vis_data').mkdir(parents=True)
    (folder / 'vis_data/scalars.json').write_text('\n'.join(map(json.dumps, lines)))


def scores(step: int, *stages: tuple[float, float]) -> dict:
    found = {'step': step, 'flic/Elbow': stages[-1][0], 'flic/Wrist': stages[-1][1]}
    for stage, (elbow, wrist) in enumerate(stages):
        found |= {f'flic/stage{stage}/Elbow': elbow, f'flic/stage{stage}/Wrist': wrist}
    return found


def test_curves_are_read_over_a_resumed_run(tmp_path):
    log(tmp_path / '1', [{'loss': 1.0, 'step': 50}, scores(100, (10, 20), (30, 40)),
                         scores(200, (0, 0), (0, 0))])
    log(tmp_path / '2', [scores(200, (50, 60), (70, 80))])      # the one that counts
    assert ablation.read_scores(tmp_path, ablation.HARD_JOINTS) == {100: [15, 35], 200: [55, 75]}
    assert ablation.read_scores(tmp_path, ['Wrist']) == {100: [20, 40], 200: [60, 80]}


def test_a_run_without_scores_of_stages_has_no_curve(tmp_path):
    log(tmp_path / '1', [{'step': 100, 'flic/Elbow': 3.0}])
    with (tmp_path / '1/vis_data/scalars.json').open('a') as file:
        file.write('\n{"step": 2')                              # cut while it was written
    assert ablation.read_scores(tmp_path, ablation.HARD_JOINTS) == {}


def variant(name: str, curves: dict, has_loss=(True,) * 4) -> ablation.Variant:
    return ablation.Variant(name, 2_345_678, 9.8e6, has_loss, curves)


def test_the_table_has_means_and_spreads():
    curves = {seed: {1: [0, 0, 0, 0], 2: [60 + seed, 70 + 2 * seed, 0, 80 + seed]}
              for seed in (0, 1, 2)}
    four, unsupervised = (variant(name, curves, has_loss) for name, has_loss in (
        ('four', (True,) * 4), ('last', (False, False, False, True))))
    one = variant('one', {5: {1: [1.0], 2: [2.0]}}, (True,))
    lines = ablation.table([four, unsupervised, one]).splitlines()
    # of 80, 81, 82 and 70, 72, 74; differences: t of four degrees of freedom is 2.776, the pooled
    # variance 1, so 2.776 * sqrt(1/3 + 1/3) and 2.776 * sqrt(1/3 + 1)
    assert lines[2] == '| four | 2.35 M | 10 | 81.0 ± 1.0 |  | 72.0 ± 2.0 | 0 1 2 |'
    assert lines[3] == '| last | 2.35 M | 10 | 81.0 ± 1.0 | +0.0 ± 2.3 |  | 0 1 2 |'
    assert lines[4] == '| one | 2.35 M | 10 | 2.0 | -79.0 ± 3.2 |  | 5 |'
    assert ablation.table([one]).splitlines()[2] == '| one | 2.35 M | 10 | 2.0 |  |  | 5 |'
    assert json.loads(json.dumps(ablation.as_json([four])))[0]['curves']['1'] == dict(
        iterations=[1, 2], scores=[[0, 0, 0, 0], [61, 72, 0, 81]])


def test_the_plot_has_a_panel_for_each_variant_and_its_unsupervised_stages_dotted():
    curves = {seed: {1: [0.0, 0], 2: [60 + seed, 80 + seed]} for seed in (0, 1, 2)}
    both, last = variant('both', curves, (True, True)), variant('last', curves, (False, True))
    together, *panels = ablation.plot([both, last]).axes
    assert [panel.get_title() for panel in (together, *panels)] == ['last stage', 'both', 'last']
    assert [line.get_label() for line in together.lines] == ['both', 'last']
    for panel, styles in zip_equal(panels, (['-', '-'], [':', '-'])):
        assert [line.get_linestyle() for line in panel.lines] == styles
        assert [line.get_label() for line in panel.lines] == ['stage 0', 'stage 1']
        assert panel.lines[1].get_xydata().tolist() == [[1, 0], [2, 81]]        # mean of the seeds
        band = panel.collections[1].get_datalim(panel.transData)
        assert (band.y0, band.y1) == (0, 82)                                    # lowest, highest


def test_seeds_are_compared_where_all_were_scored():
    iterations, curves = variant('cut', {
        0: {1: [1.0], 2: [2], 3: [3]}, 1: {1: [4.0], 3: [6]}}, (True,)).common()
    assert iterations == [1, 3]
    assert curves[..., 0].tolist() == [[1, 3], [4, 6]]


def test_only_what_was_trained_alike_counts_as_done(tmp_path, monkeypatch):
    trained = []

    def train(config, seed, iterations, validations, folder):
        trained.append((config.stem, seed))
        if seed != 3:
            log(folder / '1', [scores(iterations, (10, 20), (30, 40))])
    monkeypatch.setattr(ablation, 'train', train)
    config = tmp_path / 'mine.py'
    base = CONFIGS / 'td-hm_hourglass2x1_ablation.py'

    def run(text: str, seeds=(1, 2)):
        config.write_text(f'_base_ = [{str(base)!r}]\n{text}')
        (mine,) = list(ablation.ablate([config], seeds, 100, None, tmp_path))[-1]
        return mine.last(-1).tolist()
    assert run('') == [35, 35]
    run('')
    assert trained == [('mine', 1), ('mine', 2)]                # not again
    run('train_dataloader = dict(batch_size=4)')
    assert trained == [('mine', 1), ('mine', 2)] * 2            # another experiment
    with pytest.raises(DataError, match=r'no score of Elbow, .* after 100 iterations'):
        run('', seeds=[3])
    with pytest.raises(ConfigError, match='two configs are called mine'):
        next(ablation.ablate([config, tmp_path / 'other/mine.py'], [0], 100, None, tmp_path))
    with pytest.raises(ConfigError, match='trains for epochs'):
        next(ablation.ablate([DEMO], [0], 1, None, tmp_path))


def test_the_papers_comparison_has_equal_capacity():
    def residuals(name: str) -> int:
        with torch.device('meta'):
            network = MODELS.build(Config.fromfile(CONFIGS / f'{name}.py').model.backbone)
        return sum(isinstance(part, Residual) for part in network.modules())
    # the stem's three; at three levels an hourglass has ten, and its prediction one more
    assert [residuals(f'td-hm_{name}_ablation') for name in (
        'hg', 'hourglass2x4', 'hourglass4x2', 'hourglass8x1', 'hourglass8x1-last-loss')] == [91] * 5
    assert residuals('td-hm_hourglass2x1_ablation') == 25


@pytest.mark.parametrize(('name', 'direct'), [
    ('td-hm_hourglass8x1_ablation', [True] * 8),
    ('td-hm_hourglass8x1-last-loss_ablation', [False] * 7 + [True]),
    ('td-hm_hg_ablation', [True]), ('td-hm_hg-int_ablation', [True] * 3)])
def test_which_stages_have_a_loss_of_their_own(name, direct):
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    init_default_scope(cfg.default_scope)
    model = MODELS.build(cfg.model)
    sample = PoseDataSample()
    sample.gt_fields = PixelData(heatmaps=torch.rand(11, 16, 16))
    sample.gt_instance_labels = InstanceData(keypoint_weights=torch.ones(1, 11))
    heatmaps = [maps.detach().requires_grad_() for maps in model.backbone(torch.rand(1, 3, 64, 64))]
    losses = model.head.loss(heatmaps, [sample])
    model.parse_losses(losses)[0].backward()
    assert [maps.grad.abs().max().item() > 0 for maps in heatmaps] == direct


def test_a_run_goes_on_where_it_was_cut_in_a_process_that_finds_the_package(tmp_path, monkeypatch):
    started = []

    def start(command, env, stdout, stderr):
        started.append((command, env))
        return SimpleNamespace(wait=lambda: 0)
    monkeypatch.setattr(ablation.subprocess, 'Popen', start)
    monkeypatch.setenv('PYTHONPATH', 'elsewhere')
    ablation.train(DEMO, 3, 100, 4, tmp_path / 'work')
    (command, env), = started
    module, config, *options = command[command.index('-m') + 1:]
    assert (module, config) == ('hourglass', 'train') and options[0] == str(DEMO)
    assert env['PYTHONPATH'] == f"{REPOSITORY / 'projects'}{os.pathsep}elsewhere"
    # nothing follows: from the last checkpoint, or the config's load_from if there is none
    assert options[options.index('--resume') + 1] == '--cfg-options'
    assert {'randomness.seed=3', 'train_cfg.max_iters=100', 'train_cfg.val_interval=25',
            'default_hooks.checkpoint.interval=25'} <= set(options)


def test_an_interrupted_run_ends_by_itself(tmp_path, monkeypatch):
    """It gets the same signal, and saves its state."""
    waits = [KeyboardInterrupt, lambda: 130]

    def wait():
        result = waits.pop(0)
        if result is KeyboardInterrupt:
            raise result
        return result()
    monkeypatch.setattr(ablation.subprocess, 'Popen', lambda *_, **__: SimpleNamespace(wait=wait))
    with pytest.raises(KeyboardInterrupt):
        ablation.train(DEMO, 3, 100, 4, tmp_path / 'work')
    assert not waits


@pytest.mark.slow
def test_a_run_begins_from_the_configs_load_from(synthetic, tmp_path, monkeypatch):
    """With a learning rate of 0 the weights are still those that the run began from."""
    monkeypatch.setenv('HOURGLASS_DATA', str(synthetic))
    config, checkpoint = write_tiny_network(tmp_path)
    base = tmp_path / 'base.py'
    config.rename(base)
    config.write_text(f"""\
_base_ = [{str(base)!r}]
load_from = {str(checkpoint)!r}
train_cfg = dict(_delete_=True, type='hourglass.IterationLoop', max_iters=1, val_interval=10)
train_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False)
optim_wrapper = dict(optimizer=dict(lr=0.0))
param_scheduler = []
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=1))
""")
    ablation.train(config, 0, 1, None, tmp_path / 'work')
    begun = read_checkpoint(checkpoint)['state_dict']
    ended = read_checkpoint(tmp_path / 'work/iter_1.pth')['state_dict']
    parameters = [name for name in begun if name.endswith(('weight', 'bias'))]
    assert parameters and all(torch.equal(begun[name], ended[name]) for name in parameters)


@pytest.mark.slow
def test_a_run_that_fails_is_named_with_its_log(tmp_path):
    config = tmp_path / 'bad.py'
    config.write_text("_base_ = ['missing.py']\n")
    with pytest.raises(ConfigError, match=r'bad\.py, seed 3: training failed \(error: .*train.log'):
        ablation.train(config, 3, 10, 2, tmp_path / 'work')
