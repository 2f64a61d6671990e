"""Imported checkpoints of other projects give the outputs recorded there."""
import numpy as np
import pytest
import torch
from conftest import GOLDEN, needs
from family_tensors import FAMILY, SIZES, tensors_of
from pairs import zip_equal

from hourglass import StackedHourglass
from hourglass.checkpoints import import_checkpoint
from hourglass.errors import CheckpointError


@needs(GOLDEN)
@pytest.mark.data
@pytest.mark.parametrize(('folder', 'family', 'dead'), [
    ('princeton_2stack', 'princeton', 58),      # skip layers it makes and never calls
    ('bearpaw_2stack', 'bearpaw', 0)])
def test_golden_checkpoints_give_their_heatmaps(folder, family, dead):
    network, report = import_checkpoint(GOLDEN / folder / 'checkpoint.pth')
    recorded = np.load(GOLDEN / folder / 'io.npz')
    with torch.no_grad():
        outputs = network(torch.from_numpy(recorded['images']))
    assert len(outputs) == len(recorded['heatmaps']) == 2
    for output, expected in zip_equal(outputs, recorded['heatmaps']):
        assert np.abs(output.numpy() - expected).max() < 1e-5 * np.abs(expected).max()
    assert report['family'] == family
    assert len(report['dropped']) == dead


def imports(path, content) -> tuple[StackedHourglass, dict]:
    torch.save(content, path)
    return import_checkpoint(path)


def equal(found, expected) -> bool:
    images = torch.rand(1, 3, 32, 32)
    assert type(found) is StackedHourglass              # the one with options, as exported
    return all(torch.equal(a, b) for a, b in zip_equal(found(images), expected(images)))


@pytest.mark.parametrize('family', FAMILY)
@pytest.mark.parametrize('prefix', ['', 'module.', 'backbone.', 'module.backbone.',
                                    'backbone.module.'])
def test_sizes_are_recognised_behind_any_prefix(tmp_path, family, prefix):
    blocks = 1 if family == 'princeton' else 2
    tensors, network = tensors_of(family, prefix, blocks_per_scale=blocks)
    found, report = imports(tmp_path / 'weights.pth', {'state_dict': tensors, 'epoch': 3})
    assert report['config'] == SIZES | dict(blocks_per_scale=blocks)
    assert report['dropped'] == []
    assert equal(found, network)


@pytest.mark.parametrize('family', FAMILY)
@pytest.mark.parametrize('changes', [
    dict(num_stacks=1), dict(num_stacks=8, depth=1), dict(channels=24, stem_channels=(6, 12, 24)),
    dict(depth=4, num_keypoints=16), dict(num_keypoints=1)], ids=str)
def test_every_size_is_recognised(tmp_path, family, changes):
    tensors, network = tensors_of(family, **changes)
    found, report = imports(tmp_path / 'weights.pth', tensors)
    assert report['config'] == SIZES | changes
    assert all(torch.equal(a, b) for a, b in zip_equal(
        found.state_dict().values(), network.state_dict().values()))


def test_depthwise_residuals_are_recognised(tmp_path):
    tensors, network = tensors_of('hourglass', 'backbone.', residual='depthwise')
    found, report = imports(tmp_path / 'weights.pth', tensors)
    assert report['config'] == SIZES | dict(residual='depthwise')
    assert equal(found, network)


@pytest.mark.parametrize('family', FAMILY)
def test_a_network_of_features_is_recognised(tmp_path, family):
    tensors, network = tensors_of(family, num_keypoints=None)
    found, report = imports(tmp_path / 'weights.pth', tensors)
    assert report['config']['num_keypoints'] is None
    assert equal(found, network)


@pytest.mark.parametrize(('family', 'dead'), [
    ('princeton', ['merge_preds.2.conv.conv.weight', 'hgs.0.0.up1.skip_layer.conv.weight']),
    ('bearpaw', ['fc_.2.weight', 'score_.2.bias']), ('hourglass', ['reinjects.2.features.bias'])])
def test_unused_tensors_are_dropped_and_reported(tmp_path, family, dead):
    tensors, network = tensors_of(family, 'backbone.')
    beside = ['data_preprocessor.mean', 'keypoint_head.final.weight']
    tensors |= {name: torch.ones(2) for name in beside}
    tensors |= {f'backbone.{name}': torch.ones(2) for name in dead}
    found, report = imports(tmp_path / 'weights.pth', {'state_dict': tensors})
    assert report['dropped'] == sorted([*beside, *(f'backbone.{name}' for name in dead)])
    assert equal(found, network)


@pytest.mark.parametrize(('family', 'name'), [
    ('princeton', 'merge_preds.1.conv.extra.weight'), ('princeton', 'hgs.0.0.up1.bn4.weight'),
    ('bearpaw', 'hg.1.hg.0.0.1.conv1.weight'), ('bearpaw', 'fc_.1.1.weight'),
    ('hourglass', 'side_heatmaps.0.weight')])
def test_tensors_of_other_layers_are_refused(tmp_path, family, name):
    tensors, _ = tensors_of(family)
    with pytest.raises(CheckpointError, match=rf'more than StackedHourglass has.*{name}'):
        imports(tmp_path / 'weights.pth', tensors | {name: torch.ones(1)})


def test_levels_of_different_widths_are_refused(tmp_path):
    tensors, _ = tensors_of('princeton')
    name = 'hgs.1.0.low1.conv3.conv.weight'                     # as its 'increase' makes it
    tensors[name] = torch.ones(20, 8, 1, 1)
    with pytest.raises(CheckpointError, match=rf'{name} \(\(20, 8, 1, 1\), \(16, 8, 1, 1\) exp'):
        imports(tmp_path / 'weights.pth', tensors)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_becomes_float32(tmp_path, dtype):
    tensors, _ = tensors_of('bearpaw')
    halves = {name: value.to(dtype) if value.is_floating_point() else value
              for name, value in tensors.items()}
    found, _ = imports(tmp_path / 'weights.pth', halves)
    assert torch.equal(found.heatmaps[0].weight, halves['score.0.weight'].float())
    assert {value.dtype for value in found.state_dict().values()} == {torch.float32, torch.int64}


def test_files_that_do_not_count_batches_are_read(tmp_path):
    tensors, network = tensors_of('bearpaw')
    old = {name: value for name, value in tensors.items() if 'num_batches' not in name}
    assert equal(imports(tmp_path / 'weights.pth', old)[0], network)


@pytest.mark.parametrize(('content', 'message'), [
    ({'state_dict': {'a.weight': torch.zeros(1), 'b.weight': torch.zeros(1)}}, 'none of the known'),
    ({'epoch': 3}, 'no state dict'),
    ([1, 2], 'no state dict'),
    ({'pre.0.conv.weight': torch.zeros(1), 'x.y': torch.zeros(1)}, 'princeton'),
    ({'conv1.weight': torch.zeros(1), 'layer1.0.conv3.weight': torch.zeros(1)}, 'none of the known')
])
def test_other_checkpoints_are_refused_with_their_name(tmp_path, content, message):
    path = tmp_path / 'other.pth'
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=message) as error:
        import_checkpoint(path)
    assert str(path) in str(error.value)


def test_missing_torn_and_malicious_files_are_refused(tmp_path):
    class Malicious:
        def __reduce__(self):
            return (open, (str(tmp_path / 'trace'), 'w'))
    torch.save(torch.zeros(1000), tmp_path / 'torn.pth')
    torn = (tmp_path / 'torn.pth').read_bytes()[:700]
    (tmp_path / 'torn.pth').write_bytes(torn)
    torch.save({'state_dict': Malicious()}, tmp_path / 'malicious.pth')
    for name in ('missing.pth', 'torn.pth', 'malicious.pth'):
        with pytest.raises(CheckpointError, match=name):
            import_checkpoint(tmp_path / name)
    assert not (tmp_path / 'trace').exists()


def test_a_file_with_several_networks_is_refused(tmp_path):
    student, teacher = (tensors_of('bearpaw', prefix)[0] for prefix in ('student.', 'teacher.'))
    with pytest.raises(CheckpointError, match="holds 2 networks, below 'student.' and 'teacher.'"):
        imports(tmp_path / 'both.pth', student | teacher)


@pytest.mark.parametrize(('names', 'what'), [
    (['stem.0.conv.weight', 'hourglass_modules.0.up1.0.conv1.weight'], "mmpose's HourglassNet"),
    (['backbone.conv1.weight', 'backbone.layer1.0.conv3.weight', 'backbone.layer4.0.conv1.weight'],
     'a ResNet'),
    (['module.conv1.weight', 'module.stage2.0.branches.0.0.conv1.weight'], 'an HRNet')])
def test_other_architectures_are_named_in_the_error(tmp_path, names, what):
    known = r'none of the known layouts \(princeton, bearpaw, hourglass\)'
    with pytest.raises(CheckpointError, match=f'other.pth: holds {what}.*{known}'):
        imports(tmp_path / 'other.pth', {name: torch.zeros(1) for name in names})


def test_integers_are_not_taken_for_weights(tmp_path):
    tensors, _ = tensors_of('bearpaw')
    with pytest.raises(CheckpointError, match=r'conv1.weight holds torch.int8'):
        imports(tmp_path / 'weights.pth', {k: v.to(torch.int8) for k, v in tensors.items()})


@pytest.mark.parametrize(('family', 'name', 'width', 'message'), [
    ('bearpaw', 'fc.0.0.weight', 15, 'channels is 15'),
    ('princeton', 'hgs.0.0.low2.up1.conv1.conv.weight', None, 'missing or of another shape'),
    ('hourglass', 'stem.0.weight', None, "no whole hourglass network \\('stem.0.weight'\\)")])
def test_a_broken_network_is_refused_with_its_file(tmp_path, family, name, width, message):
    tensors, _ = tensors_of(family)
    value = tensors.pop(name)
    if width:
        tensors[name] = torch.zeros(width, *value.shape[1:])
    with pytest.raises(CheckpointError, match=f'weights.pth: .*{message}'):
        imports(tmp_path / 'weights.pth', tensors)


@pytest.mark.parametrize('blocks', [1, 3])
def test_levels_with_different_numbers_of_modules_are_refused(tmp_path, blocks):
    tensors, _ = tensors_of('bearpaw', blocks_per_scale=2)
    other, _ = tensors_of('bearpaw', blocks_per_scale=blocks)
    level = 'hg.1.hg.2.'                        # has one module fewer, or one more, at each place
    mixed = {name: value for name, value in tensors.items() if not name.startswith(level)} | {
        name: value for name, value in other.items() if name.startswith(level)}
    with pytest.raises(CheckpointError, match=rf'{level}'):
        imports(tmp_path / 'weights.pth', mixed)


@pytest.mark.parametrize('family', FAMILY)
def test_stacks_of_different_depths_are_refused(tmp_path, family):
    deep, shallow = (tensors_of(family, depth=depth)[0] for depth in (3, 2))
    second = {'princeton': 'hgs.1.', 'bearpaw': 'hg.1.', 'hourglass': 'hourglasses.1.'}[family]
    for most, one in ((deep, shallow), (shallow, deep)):
        mixed = {name: value for name, value in most.items() if not name.startswith(second)} | {
            name: value for name, value in one.items() if name.startswith(second)}
        with pytest.raises(CheckpointError, match=second):
            imports(tmp_path / 'weights.pth', mixed)


def test_a_run_is_described_by_its_config(tmp_path):
    """Also where lists of dicts, which hold no literals alone, stand beside what is read."""
    tensors, _ = tensors_of('hourglass', num_keypoints=16)
    config = """
model = dict(
    data_preprocessor=dict(type='PoseDataPreprocessor', mean=[1, 2, 3], std=[4, 5, 6],
                           batch_augments=[dict(type='A')]),
    head=dict(type='hourglass.StackedHeatmapHead', loss=[dict(type='L')], predict_stage=0,
              decoder=dict(type='hourglass.HourglassHeatmap', input_size=(64, 48))))
test_dataloader = dict(dataset=dict(type='hourglass.FlicDataset', labels='person',
                                    pipeline=[dict(type='hourglass.CropImage')]))"""
    torch.save(dict(state_dict=tensors, meta=dict(cfg=config, skeleton='mpii')), tmp_path / 'a.pth')
    found = import_checkpoint(tmp_path / 'a.pth')[1]['description']
    assert (found.mean, found.std, found.rgb) == ([1, 2, 3], [4, 5, 6], False)
    assert (found.stage, found.observer_sides) == (0, False)
    assert (found.input_size, found.refine) == ((64, 48), 'quarter')


@pytest.mark.parametrize('layers', [
    "act_cfg=dict(type='GELU')", "norm_cfg=dict(type='BN', eps=0.1)"])
def test_layers_without_tensors_that_a_checkpoint_alone_does_not_give_are_refused(tmp_path, layers):
    content = dict(state_dict=tensors_of('hourglass')[0], meta=dict(
        cfg=f"model = dict(backbone=dict(type='hourglass.StackedHourglass', {layers}))"))
    with pytest.raises(CheckpointError, match=r'weights\.pth: trained with .*; give its config'):
        imports(tmp_path / 'weights.pth', content)


def test_pixels_that_a_config_does_not_normalise_stay_as_they_are(tmp_path):
    content = dict(state_dict=tensors_of('hourglass')[0], meta=dict(
        cfg="model = dict(data_preprocessor=dict(type='PoseDataPreprocessor', bgr_to_rgb=True))"))
    assert imports(tmp_path / 'a.pth', content)[1]['pixels'] == ([0, 0, 0], [1, 1, 1])
