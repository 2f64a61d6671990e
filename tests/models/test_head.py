"""The head has one loss per stage and predicts from any of them."""
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample
from pairs import zip_equal

from hourglass.errors import ConfigError
from hourglass.models import head as head_module
from hourglass.models.head import StackedHeatmapHead, heatmap_accuracy

FLIP = [1, 0, 2]
CODEC = dict(type='hourglass.HourglassHeatmap', input_size=(32, 32), heatmap_size=(8, 8))


def samples(weights=(1, 1, 1), batch: int = 2) -> list[PoseDataSample]:
    made = []
    for seed in range(batch):
        sample = PoseDataSample(metainfo=dict(flip_indices=FLIP))
        sample.gt_fields = PixelData(
            heatmaps=torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(seed)))
        sample.gt_instance_labels = InstanceData(
            keypoint_weights=torch.tensor([weights], dtype=torch.float32))
        made.append(sample)
    return made


def stages(count: int = 3) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    return [torch.rand(2, 3, 8, 8, generator=generator, requires_grad=True) for _ in range(count)]


def test_every_stage_has_its_own_loss_and_accuracy():
    heatmaps, data = stages(), samples()
    losses = StackedHeatmapHead().loss(heatmaps, data)
    assert sorted(losses) == [f'{kind}_stage{i}' for kind in ('acc', 'loss') for i in range(3)]
    targets = torch.stack([s.gt_fields.heatmaps for s in data])
    for i in range(3):
        expected = (heatmaps[i] - targets).square().mean()      # Lua: mean over B, K, h and w
        assert losses[f'loss_stage{i}'].item() == pytest.approx(expected.item(), rel=1e-6)


def test_arguments_of_the_default_loss_need_no_type():
    plain, twice = (StackedHeatmapHead(loss=dict(loss_weight=weight)).loss(
        stages(), samples(weights=(1, 0, 1)))['loss_stage0'] for weight in (1, 2))
    assert twice.item() == pytest.approx(2 * plain.item())
    expected = StackedHeatmapHead().loss(stages(), samples(weights=(1, 0, 1)))['loss_stage0']
    assert plain.item() == expected.item()              # with the weights of keypoints


def test_weights_on_the_last_stage_alone_leave_the_others_without_direct_loss():
    heatmaps = stages()
    losses = StackedHeatmapHead(stage_weights=(0, 0, 2)).loss(heatmaps, samples())
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    assert [h.grad.abs().max().item() > 0 for h in heatmaps] == [False, False, True]
    plain = StackedHeatmapHead().loss(stages(), samples())
    assert losses['loss_stage2'].item() == pytest.approx(2 * plain['loss_stage2'].item())


def test_masked_keypoints_have_no_gradient():
    heatmaps = stages(1)
    StackedHeatmapHead().loss(heatmaps, samples(weights=(1, 0, 1)))[
        'loss_stage0'].backward()
    assert [heatmaps[0].grad[:, k].abs().max().item() > 0 for k in range(3)] == [True, False, True]


def test_accuracy_counts_present_keypoints_near_their_target():
    targets = torch.zeros(1, 3, 20, 20)
    heatmaps = torch.zeros(1, 3, 20, 20)
    targets[0, 0, 5, 5] = targets[0, 1, 5, 5] = 1           # the third is absent
    heatmaps[0, 0, 5, 6] = 1                                # 1/20 of the width away
    heatmaps[0, 1, 5, 7] = 1                                # 2/20
    assert heatmap_accuracy(heatmaps, targets).item() == 0.5
    assert heatmap_accuracy(heatmaps, torch.zeros_like(targets)).item() == 0


@pytest.mark.parametrize(('predict_stage', 'index'), [(-1, 2), (0, 0), (1, 1)])
def test_any_stage_can_predict(predict_stage, index):
    heatmaps = stages()
    head = StackedHeatmapHead(predict_stage=predict_stage, decoder=CODEC)
    found = head.predict(heatmaps, samples())
    expected, _ = head.decoder.batch_decode(heatmaps[index])
    for prediction, keypoints in zip_equal(found, expected):
        assert np.array_equal(prediction.keypoints, keypoints)


def test_flip_average_of_a_mirrored_answer_is_the_answer():
    heatmaps = stages(1)
    mirrored = [heatmaps[0].flip(-1)[:, FLIP]]
    head = StackedHeatmapHead(decoder=CODEC)
    config = dict(flip_test=True, output_heatmaps=True)
    found, fields = head.predict([heatmaps, mirrored], samples(), config)
    assert torch.allclose(torch.stack([f.heatmaps for f in fields]), heatmaps[0])
    assert len(found) == 2


def test_another_number_of_keypoints_than_the_data_set_has_is_refused():
    heatmaps = [torch.rand(2, 5, 8, 8)]
    with pytest.raises(ConfigError, match='predicts 5 keypoints, and the data set has 3'):
        StackedHeatmapHead(decoder=CODEC).predict([heatmaps] * 2, samples(), dict(flip_test=True))


def test_only_the_stage_that_predicts_is_averaged_and_decoded(monkeypatch):
    heatmaps, head, calls = stages(), StackedHeatmapHead(decoder=CODEC), []
    monkeypatch.setattr(head_module, 'flip_heatmaps',
                        lambda maps, **_: calls.append('flip') or maps)
    monkeypatch.setattr(head, 'decode', lambda maps: calls.append('decode') or [InstanceData()] * 2)
    head.predict([heatmaps, heatmaps], samples(), dict(flip_test=True))
    assert calls == ['flip', 'decode']


def test_all_stages_are_predicted_on_request():
    heatmaps = stages()
    mirrored = [maps.flip(-1)[:, FLIP] for maps in heatmaps]
    head = StackedHeatmapHead(predict_stage=1, decoder=CODEC)
    found = head.predict([heatmaps, mirrored], samples(), dict(flip_test=True, all_stages=True))
    for stage, maps in enumerate(heatmaps):
        for person, keypoints in enumerate(head.decoder.batch_decode(maps)[0]):
            assert np.allclose(found[person].stage_keypoints[:, stage], keypoints, atol=1e-4)
    assert all(np.array_equal(f.keypoints, f.stage_keypoints[:, 1]) for f in found)
    assert 'stage_keypoints' not in head.predict(heatmaps, samples())[0]


def test_over_features_it_has_one_convolution_per_stage():
    head = StackedHeatmapHead(num_stages=2, in_channels=5, num_keypoints=3)
    features = [torch.rand(2, 5, 8, 8) for _ in range(2)]
    assert [tuple(h.shape) for h in head(features)] == [(2, 3, 8, 8)] * 2
    assert len(list(head.parameters())) == 4
    sum(head.loss(features, samples())[f'loss_stage{i}'] for i in range(2)).backward()
    assert all(p.grad.abs().max() > 0 for p in head.parameters())


@pytest.mark.parametrize(('arguments', 'message'), [
    (dict(num_stages=2), 'num_stages is for in_channels alone'),
    (dict(num_keypoints=14), 'num_keypoints is for in_channels alone, leave it out; the backbone'),
    (dict(in_channels=5, num_keypoints=3), 'give num_keypoints and num_stages too'),
    (dict(in_channels=5, num_stages=2), 'give num_keypoints and num_stages too')])
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ConfigError, match=message):
        StackedHeatmapHead(**arguments)


def test_a_stage_that_does_not_exist_is_named():
    head = StackedHeatmapHead(predict_stage=2, decoder=CODEC)
    with pytest.raises(ConfigError, match='no stage of index 2.* 0 to 1'):
        head.predict(stages(2), samples())


def test_a_misspelt_test_option_is_refused():
    head = StackedHeatmapHead(decoder=CODEC)
    for option in ('flip_tets', 'shift_heatmap'):
        with pytest.raises(ConfigError, match=f"model.test_cfg: nothing reads '{option}'"):
            head.predict(stages(1), samples(), {option: True})


@pytest.mark.parametrize(('codec', 'mirrors'), [
    ('hourglass.HourglassHeatmap', True), ('UDPHeatmap', True), ('MSRAHeatmap', False)])
def test_a_codec_whose_mirrored_heatmaps_are_shifted_is_refused_for_flip_tests(codec, mirrors):
    head = StackedHeatmapHead(decoder=dict(
        type=codec, input_size=(32, 32), heatmap_size=(8, 8), sigma=1.0))
    keypoints, visible = np.array([[[9.0, 14], [20, 6], [12, 25]]]), np.ones((1, 3))
    there, back = (torch.from_numpy(head.decoder.encode(places, visible)['heatmaps'])[None]
                   for places in (keypoints, [31, 0] + keypoints[:, FLIP] * [-1, 1]))
    flipped = head_module.flip_heatmaps(back, flip_indices=FLIP, shift_heatmap=False)
    assert torch.allclose(there, flipped, atol=1e-6) == mirrors
    if mirrors:
        head.predict([[there], [back]], samples(batch=1), dict(flip_test=True))
    else:
        with pytest.raises(ConfigError, match='mirrored heatmaps of MSRAHeatmap are a cell off'):
            head.predict([[there], [back]], samples(batch=1), dict(flip_test=True))


@pytest.mark.parametrize(('arguments', 'message'), [
    (dict(stage_weights=(1, 1)), 'stage_weights is for 2 stages, and the backbone has 3 outputs'),
    (dict(in_channels=3, num_keypoints=3, num_stages=2), 'num_stages is for 2 stages, and')])
def test_a_backbone_with_another_number_of_stages_is_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        StackedHeatmapHead(**arguments)(stages(3))


def test_heatmaps_that_do_not_fit_the_targets_are_refused():
    wrong = [torch.rand(2, 4, 8, 8)]
    with pytest.raises(ConfigError, match=r'\(2, 4, 8, 8\) against targets \(2, 3, 8, 8\)'):
        StackedHeatmapHead().loss(wrong, samples())


def test_a_decoder_for_maps_of_another_size_is_refused():
    """It would put every keypoint at half its place."""
    head = StackedHeatmapHead(decoder=CODEC | dict(heatmap_size=(16, 16)))
    with pytest.raises(ConfigError, match=r'model\.head\.decoder\.heatmap_size is \(16, 16\) and '
                                          r'the heatmaps are \(8, 8\) \(w, h\)'):
        head.predict(stages(1), samples())


def test_a_decoder_for_crops_of_another_size_is_refused():
    head, data = StackedHeatmapHead(decoder=CODEC), samples()
    for call in (head.loss, head.predict):
        data[0].set_metainfo(dict(input_size=(32, 32)))
        call(stages(), data)
        data[0].set_metainfo(dict(input_size=(64, 64)))
        with pytest.raises(ConfigError, match=r'input_size is \(32, 32\) and the crops are \(64, '):
            call(stages(), data)


def test_accuracy_is_measured_by_the_side_of_each_direction():
    targets, heatmaps = torch.zeros(2, 1, 1, 40, 20)
    targets[0, 0, 5, 5] = heatmaps[0, 0, 7, 5] = 1          # 2/40 of the height away
    assert heatmap_accuracy(heatmaps, targets).item() == 1


def test_heatmaps_of_all_stages_are_in_their_order():
    given = stages()
    people, heatmaps = StackedHeatmapHead(predict_stage=1, decoder=CODEC).predict(
        given, samples(), dict(all_stages=True, output_heatmaps=True))
    for index, (person, one) in enumerate(zip_equal(people, heatmaps)):
        assert torch.equal(person.stage_heatmaps[0], torch.stack([maps[index] for maps in given]))
        assert torch.equal(one.heatmaps, given[1][index])
