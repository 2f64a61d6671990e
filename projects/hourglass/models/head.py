"""The losses and predictions of a network with an output per stage."""
from collections.abc import Sequence

import numpy as np
import torch
from mmengine.structures import PixelData
from mmpose.models.heads import BaseHead
from mmpose.models.utils.tta import flip_heatmaps
from mmpose.registry import KEYPOINT_CODECS
from torch import Tensor, nn

from hourglass.errors import ConfigError
from hourglass.registry import MODELS


@MODELS.register_module()
class StackedHeatmapHead(BaseHead):
    """One loss per stage, a prediction from any stage (paper, section 3.2).

    Args:
        num_stages: N, the number of tensors that come in.
        in_channels: ``None`` if they are heatmaps already, as from ``StackedHourglass`` with
            ``num_keypoints`` given: the head then has no parameters. Else their width C: one 1x1
            convolution per stage makes heatmaps of them, for any backbone with several stages.
        num_keypoints: K, needed with ``in_channels``.
        stage_weights: a factor per stage on its loss; default 1 for each, as the paper sums them.
            ``(0, ..., 0, 1)`` is a network without intermediate supervision.
        predict_stage: whose heatmaps are decoded; -1 is the last.
        loss: the loss of one stage, called with heatmaps, targets (B, K, h, w), weights (B, K).
        decoder: the codec that turns heatmaps into keypoints.
    """

    def __init__(self, num_stages: int, in_channels: int | None = None,
                 num_keypoints: int | None = None, stage_weights: Sequence[float] | None = None,
                 predict_stage: int = -1,
                 loss: dict = dict(type='mmpose.KeypointMSELoss', use_target_weight=True),
                 decoder: dict | None = None, init_cfg: dict | None = None):
        super().__init__(init_cfg)
        self.stage_weights = tuple(
            [1.0] * num_stages if stage_weights is None else stage_weights)
        if len(self.stage_weights) != num_stages:
            raise ConfigError(f'StackedHeatmapHead: {len(self.stage_weights)} stage_weights for '
                              f'num_stages={num_stages}, give one for each')
        if not -num_stages <= predict_stage < num_stages:
            raise ConfigError(f'StackedHeatmapHead: predict_stage={predict_stage}, but there are '
                              f'{num_stages} stages: give 0 to {num_stages - 1}, or -1')
        if in_channels is not None and num_keypoints is None:
            raise ConfigError('StackedHeatmapHead: in_channels is given, so give num_keypoints too')
        self.num_stages, self.predict_stage = num_stages, predict_stage
        self.to_heatmaps = None if in_channels is None else nn.ModuleList(
            nn.Conv2d(in_channels, num_keypoints, 1) for _ in range(num_stages))
        self.loss_module = MODELS.build(loss)
        self.decoder = None if decoder is None else KEYPOINT_CODECS.build(decoder)

    def forward(self, feats: Sequence[Tensor]) -> list[Tensor]:
        """N tensors, heatmaps or (B, C, h, w) features -> N heatmaps (B, K, h, w)."""
        if len(feats) != self.num_stages:
            raise ConfigError(f'StackedHeatmapHead: num_stages={self.num_stages}, but the backbone '
                              f'gives {len(feats)} outputs: set both to one number')
        if self.to_heatmaps is None:
            return list(feats)
        return [conv(x) for conv, x in zip(self.to_heatmaps, feats, strict=True)]

    def loss(self, feats: Sequence[Tensor], batch_data_samples: list, train_cfg=None) -> dict:
        """``loss_stage0`` .. ``loss_stage{N-1}``, and ``acc_stage0`` .. of the same stages.

        Every stage has the same targets. An accuracy is the fraction of present keypoints whose
        highest cell is within 1/20 of the map's sides of the target's (as mmpose's ``acc_pose``).
        """
        return self.stage_losses(self.forward(feats), *targets_of(batch_data_samples))

    def stage_losses(self, stages: Sequence[Tensor], targets: Tensor, weights: Tensor) -> dict:
        """The same of N heatmaps and targets (B, K, h, w), and weights (B, K)."""
        losses = {}
        for stage, heatmaps in enumerate(stages):
            _check_heatmaps(heatmaps, targets)
            losses[f'loss_stage{stage}'] = (
                self.stage_weights[stage] * self.loss_module(heatmaps, targets, weights))
            losses[f'acc_stage{stage}'] = heatmap_accuracy(heatmaps.detach(), targets)
        return losses

    def predict(self, feats: Sequence, batch_data_samples: list, test_cfg: dict | None = None):
        """Keypoints in input px of ``predict_stage``.

        With ``flip_test`` in ``test_cfg``, ``feats`` is a pair, from the images and from the
        mirrored ones, and their heatmaps are averaged; nothing is shifted (see the codec).

        Returns:
            A list of ``InstanceData`` (keypoints (1, K, 2), scores (1, K)); with ``all_stages`` in
            ``test_cfg`` each also has ``stage_keypoints`` (1, N, K, 2), input px, which the metrics
            score stage by stage. With ``output_heatmaps`` also a list of ``PixelData``; with both
            options each also has ``stage_heatmaps`` (1, N, K, h, w).
        """
        test_cfg = test_cfg or {}
        unknown = set(test_cfg) - _TEST_OPTIONS
        if unknown:
            raise ConfigError(f"model.test_cfg: nothing reads '{min(unknown)}'; there are "
                              f"{', '.join(sorted(_TEST_OPTIONS))} (maps are never shifted)")
        if test_cfg.get('flip_test', False):
            stages, mirrored = (self.forward(of_one) for of_one in feats)
            flip_indices = batch_data_samples[0].metainfo['flip_indices']
        else:
            stages, mirrored = self.forward(feats), None

        def averaged(stage: int) -> Tensor:
            if mirrored is None:
                return stages[stage]
            return (stages[stage] + flip_heatmaps(
                mirrored[stage], flip_indices=flip_indices, shift_heatmap=False)) / 2
        heatmaps = averaged(self.predict_stage)                                 # (B, K, h, w)
        predictions = self.decode(heatmaps)
        if test_cfg.get('all_stages', False):
            of_stages = [averaged(stage) for stage in range(self.num_stages)]
            by_stage = [self.decode(maps) for maps in of_stages]
            for person, prediction in enumerate(predictions):
                prediction.stage_keypoints = np.stack(
                    [found[person].keypoints for found in by_stage], axis=1)    # (1, N, K, 2)
                if test_cfg.get('output_heatmaps', False):
                    prediction.stage_heatmaps = torch.stack(
                        [maps[person] for maps in of_stages])[None]             # (1, N, K, h, w)
        if test_cfg.get('output_heatmaps', False):
            return predictions, [PixelData(heatmaps=h) for h in heatmaps.detach()]
        return predictions


# the last one is read by mmpose's estimator
_TEST_OPTIONS = {'all_stages', 'flip_test', 'output_heatmaps', 'output_keypoint_indices'}


def targets_of(data_samples: Sequence) -> tuple[Tensor, Tensor]:
    """A batch's target heatmaps (B, K, h, w), and the weights (B, K) of its keypoints."""
    heatmaps = torch.stack([sample.gt_fields.heatmaps for sample in data_samples])
    return heatmaps, torch.cat([
        sample.gt_instance_labels.keypoint_weights for sample in data_samples])


def heatmap_accuracy(heatmaps: Tensor, targets: Tensor) -> Tensor:
    """Fraction of the keypoints with a target, (B, K, h, w) both, whose peak lies near its peak."""
    height, width = targets.shape[-2:]
    predicted, wanted = (maps.flatten(2).argmax(-1) for maps in (heatmaps, targets))    # (B, K)
    right = (predicted % width - wanted % width) * 20 / width           # in 1/20 of the map
    down = (predicted // width - wanted // width) * 20 / height
    near = torch.hypot(right, down) <= 1
    present = targets.amax(dim=(-2, -1)) > 0
    return (near & present).sum() / present.sum().clamp(min=1)


def _check_heatmaps(heatmaps: Tensor, targets: Tensor) -> None:
    if heatmaps.shape != targets.shape:
        raise ConfigError(
            f'StackedHeatmapHead: heatmaps {tuple(heatmaps.shape)} against targets '
            f'{tuple(targets.shape)} (B, K, h, w): num_keypoints of the model or heatmap_size of '
            'the codec does not fit the data')
