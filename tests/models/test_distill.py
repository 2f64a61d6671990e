"""A student learns from the last heatmaps of its teacher, which stays as it is."""
import copy
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from children import together
from conftest import REPOSITORY
from mmengine.config import Config
from mmengine.model import ExponentialMovingAverage
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample
from tiny_network import write_tiny_network
from torch import Tensor
from torch.nn.functional import interpolate, mse_loss
from torch.nn.parallel import DistributedDataParallel

from hourglass.checkpoints import refuse_another_network
from hourglass.datasets.skeletons import LSP, MPII, keypoint_names
from hourglass.errors import ConfigError
from hourglass.models.distill import DistilledPoseEstimator, renormalised

MEAN, STD = [120, 110, 100], [50, 60, 70]               # those of the tiny network


@pytest.fixture(scope='module')
def teacher(tmp_path_factory) -> dict:
    """Return the argument ``teacher``: two stacks of 8 features at 64x64, 16 keypoints."""
    config, weights = write_tiny_network(tmp_path_factory.mktemp('teacher'))
    return dict(teacher=dict(type='hourglass.TrainedModel', config=str(config),
                             weights=str(weights), device='cpu'))


def student_config(teacher: dict, mean=MEAN, std=STD, rgb=True, **changes) -> dict:
    """Return the model of a config: one stack of 4 features."""
    cfg = Config.fromfile(teacher['teacher']['config'])
    init_default_scope('mmpose')
    model = cfg.model.to_dict()
    model['data_preprocessor'].update(mean=mean, std=std, bgr_to_rgb=rgb)
    model['backbone'].update(num_stacks=1, channels=4, stem_channels=(4, 4, 4), heatmap_std=0.001)
    model['head']['decoder'].update(changes.pop('codec', {}))
    model['backbone'].update(changes.pop('backbone', {}))
    return model | changes


def distilled(teacher: dict, alpha: float = 0.5, **changes) -> DistilledPoseEstimator:
    torch.manual_seed(0)
    return MODELS.build(student_config(teacher, **changes) | dict(
        type='hourglass.DistilledPoseEstimator', alpha=alpha, **teacher))


def plain(teacher: dict, **changes):
    torch.manual_seed(0)
    return MODELS.build(student_config(teacher, **changes))


def batch(seed: int = 0, people: int = 4, keypoints: int = 16) -> tuple[Tensor, list]:
    """Return BGR pixels of the input size (B, 3, H, W), and samples with targets."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(256, (people, 3, 64, 64), generator=generator)
    samples = []
    for _ in range(people):
        sample = PoseDataSample()
        sample.gt_fields = PixelData(heatmaps=torch.rand(keypoints, 16, 16, generator=generator))
        weights = (torch.rand(1, keypoints, generator=generator) > 0.3).float()
        sample.gt_instance_labels = InstanceData(keypoint_weights=weights)
        samples.append(sample)
    return pixels, samples


def prepared(model, pixels: Tensor, samples: list) -> Tensor:
    """Return the pixels as a model's preprocessor makes them."""
    return model.data_preprocessor(dict(inputs=list(pixels), data_samples=samples))['inputs']


def losses_of(model, pixels: Tensor, samples: list) -> dict:
    return model(prepared(model, pixels, samples), samples, mode='loss')


def test_alpha_0_is_the_plain_estimator_to_the_last_bit(teacher):
    found, expected = (losses_of(model, *batch()) for model in (
        distilled(teacher, alpha=0), plain(teacher)))
    assert set(found) == set(expected) == {'loss_stage0', 'acc_stage0'}
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize('own', [{}, dict(mean=[0, 0, 0], std=[255, 255, 255]),
                                 dict(mean=[10, 20, 30], std=[255, 250, 240], rgb=False)], ids=str)
def test_alpha_1_is_the_loss_against_the_teachers_last_heatmaps(teacher, own):
    pixels, samples = batch()
    trained = MODELS.build(teacher['teacher'])
    with torch.no_grad():
        heatmaps = trained.backbone(prepared(trained, pixels, samples))[-1]     # (B, K, h, w)
    student = plain(teacher, **own)
    output = student.backbone(prepared(student, pixels, samples))[0]
    weights = torch.cat([s.gt_instance_labels.keypoint_weights for s in samples])
    expected = (mse_loss(output, heatmaps, reduction='none') * weights[..., None, None]).mean()
    found = losses_of(distilled(teacher, alpha=1, **own), pixels, samples)['loss_stage0']
    # renormalising rounds the pixels, which the network carries on
    assert found.item() == pytest.approx(expected.item(), rel=1e-4 if own else 1e-7)


def test_a_teacher_of_half_the_size_gets_smaller_crops_and_its_heatmaps_are_enlarged(teacher):
    """Each pixel of a small crop becomes 2x2 in the student's, whose means are the small one."""
    pixels, samples = batch()
    trained = MODELS.build(teacher['teacher'])
    with torch.no_grad():
        small = trained.backbone(prepared(trained, pixels, samples))[-1]        # (B, K, 16, 16)
    enlarged = interpolate(small, scale_factor=2, mode='bilinear')
    for sample, heatmaps in zip(samples, enlarged):
        sample.gt_fields = PixelData(heatmaps=heatmaps)
    student = distilled(teacher, codec=dict(input_size=(128, 128), heatmap_size=(32, 32)))
    losses = []
    for student.alpha in (0, 1):                # against the samples' and the teacher's heatmaps
        large = pixels.repeat_interleave(2, -1).repeat_interleave(2, -2)
        losses.append(losses_of(student.eval(), large, samples)['loss_stage0'].item())
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)


def test_between_them_the_losses_are_blended(teacher):
    annotated, learned, both = (losses_of(distilled(teacher, alpha=alpha), *batch())['loss_stage0']
                                for alpha in (0, 1, 0.3))
    assert both.item() == pytest.approx(0.7 * annotated.item() + 0.3 * learned.item(), rel=1e-6)
    assert abs(annotated.item() / learned.item() - 1) > 0.1      # or the test proves nothing


def test_pixels_are_converted_to_the_normalisation_of_the_teacher(teacher):
    models = [plain(teacher), plain(teacher, mean=[1, 2, 3], std=[4, 5, 6], rgb=False)]
    own, other = (prepared(model, *batch()) for model in models)
    first, second = (model.data_preprocessor for model in models)
    assert torch.allclose(renormalised(own, first, second), other, atol=1e-4)
    assert torch.allclose(renormalised(other, second, first), own, atol=1e-5)
    assert renormalised(own, first, first) is own


def test_the_teacher_is_neither_saved_nor_moved_nor_averaged(teacher):
    student = distilled(teacher)
    network = student.teacher()
    before = copy.deepcopy(network.state_dict())
    assert list(student.state_dict()) == list(plain(teacher).state_dict())
    refuse_another_network(plain(teacher).state_dict(), student.state_dict(), Path('saved.pth'))
    ours = {id(p) for p in student.parameters()}
    assert not any(id(p) in ours or p.requires_grad for p in network.parameters())
    average = ExponentialMovingAverage(student, momentum=0.5, update_buffers=True)
    student.train()
    optimizer = torch.optim.AdamW(student.parameters(), 1e-2, weight_decay=0.1)
    for step in range(3):
        optimizer.zero_grad()
        losses_of(student, *batch(step))['loss_stage0'].backward()
        optimizer.step()
        average.update_parameters(student)
    assert not any(module.training for module in network.modules())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert average.module.teacher() is network


def test_the_teacher_moves_with_the_student(teacher):
    student = distilled(teacher).to(torch.float64)
    assert {p.dtype for p in student.teacher().parameters()} == {torch.float64}


def test_a_few_steps_bring_the_student_nearer_to_its_teacher(teacher):
    student = distilled(teacher, alpha=1).train()
    optimizer = torch.optim.AdamW(student.parameters(), 1e-2)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        losses.append(losses_of(student, *batch())['loss_stage0'])
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.7 * losses[0]


def test_bfloat16_and_stacks_computed_again_go_together(teacher):
    student = distilled(teacher, backbone=dict(with_cp=True)).train()
    with torch.autocast('cpu', torch.bfloat16):
        loss = losses_of(student, *batch())['loss_stage0']
    loss.backward()
    assert loss.dtype == torch.float32
    assert all(p.grad is not None for p in student.parameters())


def _rank(rank: int, folder: str, teacher: dict) -> None:
    dist.init_process_group('gloo', f'file://{folder}/ranks', rank=rank, world_size=2)
    student = distilled(teacher).train()
    pixels, samples = batch(rank)
    inputs = prepared(student, pixels, samples)
    wrapped = DistributedDataParallel(student)              # refuses unused parameters
    for _ in range(2):
        losses = wrapped(inputs, samples, mode='loss')
        losses['loss_stage0'].backward()
    grad = student.backbone.stem[0].weight.grad
    other = grad.clone()
    dist.broadcast(other, src=0)
    assert torch.equal(grad, other)
    assert grad.abs().max() > 0


@pytest.mark.slow
def test_two_processes_train_one_student(teacher, tmp_path):
    together(_rank, (str(tmp_path), teacher), ranks=2)


@pytest.mark.parametrize(('arguments', 'message'), [
    (dict(alpha=1.5), 'alpha=1.5, give 0 to 1'),
    (dict(codec=dict(input_size=(128, 64))), r'input_size is \(128, 64\) and the .* proportion'),
    (dict(head=dict(type='HeatmapHead', in_channels=16, out_channels=16)), 'the student has no'),
])
def test_a_pair_that_does_not_fit_is_refused(teacher, arguments, message):
    with pytest.raises(ConfigError, match=message):
        distilled(teacher, **arguments)


def test_other_keypoints_are_refused(teacher):
    student = distilled(teacher, backbone=dict(num_keypoints=11))
    with pytest.raises(ConfigError, match=r'the teacher gives heatmaps \(4, 16, 16, 16\)'):
        losses_of(student, *batch(keypoints=11))


def test_keypoints_are_those_of_the_teacher_by_their_names(teacher):
    names = keypoint_names(MPII)
    places = [9, 0, 12]
    student = distilled(teacher, alpha=1, keypoints=[names[place] for place in places],
                        backbone=dict(num_keypoints=3))
    pixels, samples = batch(keypoints=3)
    inputs = prepared(student, pixels, samples)
    heatmaps = student.teacher()(inputs, None, mode='tensor')[-1][:, places]
    for sample, of_one in zip(samples, heatmaps):
        sample.gt_fields.heatmaps = of_one
    taught = losses_of(student, pixels, samples)
    student.alpha = 0
    assert taught['loss_stage0'] == losses_of(student, pixels, samples)['loss_stage0'] > 0
    with pytest.raises(ConfigError, match="the teacher has no keypoint 'tail'; it has right_ankle"):
        distilled(teacher, keypoints=['tail'], backbone=dict(num_keypoints=1))


def test_the_shipped_recipe_names_a_teacher_that_fits():
    flic = REPOSITORY / 'configs/flic'
    cfg = Config.fromfile(flic / 'td-hm_hourglass2-tiny-distilled_flic-128x128.py')
    init_default_scope(cfg.default_scope)
    student = MODELS.build(cfg.model)
    assert student.teacher().cfg.filename.endswith('td-hm_hourglass2-small_flic-128x128.py')
    tiny = Config.fromfile(flic / 'td-hm_hourglass2-tiny_flic-128x128.py')
    assert list(student.state_dict()) == list(MODELS.build(tiny.model).state_dict())


def test_the_recipe_of_lsp_takes_its_keypoints_from_people():
    cfg = Config.fromfile(
        REPOSITORY / 'configs/lsp/td-hm_hourglass2-small-distilled_lsp-128x128.py')
    init_default_scope(cfg.default_scope)
    student = MODELS.build(cfg.model)
    theirs = keypoint_names(student.teacher().dataset_meta)
    assert [theirs[place] for place in student.places] == keypoint_names(LSP)


def test_crops_of_another_size_than_the_decoders_are_refused(teacher):
    pixels, samples = batch()
    for sample in samples:
        sample.set_metainfo(dict(input_size=(96, 96)))
    with pytest.raises(ConfigError, match=r'decoder\.input_size is \(64, 64\) and the crops are'):
        losses_of(distilled(teacher), pixels, samples)


def test_every_stage_learns_from_both(teacher):
    found = [losses_of(distilled(teacher, alpha, backbone=dict(num_stacks=2)), *batch())
             for alpha in (0, 1, 0.3)]
    for stage in ('loss_stage0', 'loss_stage1'):
        annotated, learned, both = (losses[stage].item() for losses in found)
        assert both == pytest.approx(0.7 * annotated + 0.3 * learned, rel=1e-6)
        assert abs(annotated / learned - 1) > 0.1
