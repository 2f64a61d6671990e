"""Losses and predictions of a network with one output per stage."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.models.heads import BaseHead
from mmpose.models.utils.tta import flip_heatmaps
from mmpose.registry import KEYPOINT_CODECS
from torch import Tensor, nn

from hourglass.errors import ConfigError
from hourglass.models.stages import stage_index
from hourglass.registry import MODELS

_LOSS = dict(type='mmpose.KeypointMSELoss', use_target_weight=True)


@MODELS.register_module()
class StackedHeatmapHead(BaseHead):
    """One loss per stage, and a prediction from any stage (paper, section 3.2).

    Args:
        in_channels: None if the backbone gives heatmaps, as ``StackedHourglass`` does with
            ``num_keypoints``: the head then has no parameters. Else the width C of its features,
            which one 1x1 convolution per stage turns into heatmaps.
        num_keypoints: K, needed with ``in_channels``.
        num_stages: N, the number of outputs of the backbone, needed with ``in_channels``.
        stage_weights: a factor for the loss of each stage; default 1, as the paper sums them.
            ``(0, ..., 0, 1)`` is a network without intermediate supervision.
        predict_stage: the stage that is decoded; 0 is the first and -1 the last.
        loss: the loss of one stage, called with heatmaps and targets (B, K, h, w) and weights
            (B, K). Without a ``type``, other arguments for the default one.
        decoder: the codec that turns heatmaps into keypoints.

    Raises:
        ConfigError: if the arguments do not belong together; in ``forward``, if the number of
            tensors is not that of the convolutions or of ``stage_weights``; in ``loss`` and
            ``predict``, if ``input_size`` of the decoder is not that of the crops.
    """

    def __init__(self, in_channels: int | None = None, num_keypoints: int | None = None,
                 num_stages: int | None = None, stage_weights: Sequence[float] | None = None,
                 predict_stage: int = -1, loss: dict = _LOSS, decoder: dict | None = None,
                 init_cfg: dict | None = None):
        super().__init__(init_cfg)
        self.to_heatmaps: nn.ModuleList | None = None
        if in_channels is not None:
            if num_keypoints is None or num_stages is None:
                raise ConfigError('StackedHeatmapHead: in_channels is given, so give num_keypoints '
                                  'and num_stages too')
            self.to_heatmaps = nn.ModuleList(
                nn.Conv2d(in_channels, num_keypoints, 1) for _ in range(num_stages))
        elif given := [name for name, value in (('num_stages', num_stages),
                                                ('num_keypoints', num_keypoints)) if value]:
            raise ConfigError(f'StackedHeatmapHead: {given[0]} is for in_channels alone, leave it '
                              'out; the backbone says how many stages and keypoints there are '
                              '(num_stacks, num_keypoints)')
        self.stage_weights = None if stage_weights is None else tuple(stage_weights)
        self.predict_stage = predict_stage
        self.loss_module = MODELS.build(loss if 'type' in loss else _LOSS | loss)
        self.decoder = None if decoder is None else KEYPOINT_CODECS.build(decoder)

    def forward(self, feats: Sequence[Tensor]) -> list[Tensor]:
        """Return heatmaps (B, K, h, w) of N stages, from heatmaps or features (B, C, h, w)."""
        for name, of_stages in (('num_stages', self.to_heatmaps),
                                ('stage_weights', self.stage_weights)):
            if of_stages is not None and len(of_stages) != len(feats):
                raise ConfigError(f'StackedHeatmapHead: {name} is for {len(of_stages)} stages, and '
                                  f'the backbone has {len(feats)} outputs: give one for each')
        if self.to_heatmaps is None:
            return list(feats)
        return [conv(x) for conv, x in zip(self.to_heatmaps, feats)]

    def loss(self, feats: Sequence[Tensor], batch_data_samples: list,
             train_cfg: dict | None = None) -> dict[str, Tensor]:
        """Return ``loss_stage{i}`` and ``acc_stage{i}`` (:func:`heatmap_accuracy`) of N stages."""
        self.check_input_size(batch_data_samples)
        return self.stage_losses(self.forward(feats), *targets_of(batch_data_samples))

    def check_input_size(self, batch_data_samples: list) -> None:
        """Raise ``ConfigError`` if the crops have another size than the decoder is for."""
        size = getattr(self.decoder, 'input_size', None)
        crop = getattr(batch_data_samples[0], 'input_size', None)
        if size is not None and crop is not None and tuple(size) != tuple(crop):
            raise ConfigError(f'model.head.decoder.input_size is {tuple(size)} and the crops are '
                              f'{tuple(crop)} (w, h), so every place would be wrong; set the '
                              "codec's to theirs")

    def stage_losses(self, stages: Sequence[Tensor], targets: Tensor, weights: Tensor
                     ) -> dict[str, Tensor]:
        """Return these for N heatmaps and for targets, (B, K, h, w) each, and weights (B, K)."""
        losses, factors = {}, self.stage_weights or [1.0] * len(stages)
        for stage, (factor, heatmaps) in enumerate(zip(factors, stages)):
            if heatmaps.shape != targets.shape:
                raise ConfigError(
                    f'StackedHeatmapHead: heatmaps {tuple(heatmaps.shape)} against targets '
                    f'{tuple(targets.shape)} (B, K, h, w): num_keypoints of the model or '
                    'heatmap_size of the codec does not fit the data')
            losses[f'loss_stage{stage}'] = factor * self.loss_module(heatmaps, targets, weights)
            losses[f'acc_stage{stage}'] = heatmap_accuracy(heatmaps.detach(), targets)
        return losses

    def predict(self, feats: Sequence, batch_data_samples: list, test_cfg: dict | None = None
                ) -> list[InstanceData] | tuple[list[InstanceData], list[PixelData]]:
        """Decode the heatmaps of ``predict_stage``.

        With ``flip_test`` in ``test_cfg``, ``feats`` is a pair, from the images and from the
        mirrored images, and their heatmaps are averaged; nothing is shifted (see the codec). Raises
        ``ConfigError`` if nothing reads an option of ``test_cfg``, or there is no such stage.

        Returns:
            A list of ``InstanceData``: keypoints (1, K, 2) in input px, scores (1, K). With
            ``all_stages`` in ``test_cfg`` each also has ``stage_keypoints`` (1, N, K, 2) in input
            px, which the metrics score stage by stage. With ``output_heatmaps`` a list of
            ``PixelData`` as well; both options together add ``stage_heatmaps`` (1, N, K, h, w).
        """
        self.check_input_size(batch_data_samples)
        test_cfg = test_cfg or {}
        if unknown := set(test_cfg) - _TEST_OPTIONS:
            raise ConfigError(f"model.test_cfg: nothing reads '{min(unknown)}'; there are "
                              f"{', '.join(sorted(_TEST_OPTIONS))} (heatmaps are never shifted)")
        flips = test_cfg.get('flip_test', False)
        images, mirrored = map(self.forward, feats) if flips else (self.forward(feats), [])
        flip_indices = batch_data_samples[0].metainfo['flip_indices'] if flips else None
        self._check_heatmaps(images[0], flip_indices)
        predicting = stage_index(self.predict_stage, len(images))
        all_stages = test_cfg.get('all_stages', False)
        wanted = range(len(images)) if all_stages else [predicting]
        stages = {stage: images[stage] for stage in wanted}
        if flips:
            stages = {stage: (maps + flip_heatmaps(
                mirrored[stage], flip_indices=flip_indices, shift_heatmap=False)) / 2
                for stage, maps in stages.items()}
        decoded = {stage: self.decode(maps) for stage, maps in stages.items()}
        heatmaps, predictions = stages[predicting], decoded[predicting]         # (B, K, h, w)
        if all_stages:
            for person, prediction in enumerate(predictions):
                prediction.stage_keypoints = np.stack(                          # (1, N, K, 2)
                    [found[person].keypoints for found in decoded.values()], axis=1)
                if test_cfg.get('output_heatmaps', False):
                    prediction.stage_heatmaps = torch.stack(                    # (1, N, K, h, w)
                        [maps[person] for maps in stages.values()])[None]
        if test_cfg.get('output_heatmaps', False):
            return predictions, [PixelData(heatmaps=h) for h in heatmaps.detach()]
        return predictions

    def _check_heatmaps(self, heatmaps: Tensor, flip_indices: Sequence[int] | None) -> None:
        """Raise ``ConfigError`` if heatmaps (B, K, h, w) would be averaged or decoded wrongly.

        ``flip_indices`` are those of an average with the mirrored image, or None.
        """
        if flip_indices is not None:
            codec = type(self.decoder).__name__
            if codec in _SHIFTED:
                raise ConfigError(
                    f'model.test_cfg.flip_test: the mirrored heatmaps of {codec} are a cell off, '
                    'and this head shifts none; use hourglass.HourglassHeatmap or UDPHeatmap in '
                    'model.head.decoder and GenerateTarget, or flip_test=False')
            if len(flip_indices) != heatmaps.shape[1]:
                raise ConfigError(f'the network predicts {heatmaps.shape[1]} keypoints, and the '
                                  f'data set has {len(flip_indices)}; test it on data of its own')
        found = tuple(heatmaps.shape[:1:-1])
        size = tuple(getattr(self.decoder, 'heatmap_size', found))
        if size != found:
            raise ConfigError(f'model.head.decoder.heatmap_size is {size} and the heatmaps are '
                              f"{found} (w, h), so every place would be wrong; set the codec's to "
                              'theirs')


_SHIFTED = ('MSRAHeatmap', 'MegviiHeatmap')     # cell j lies at the first of its input px
# mmpose's estimator reads the last one
_TEST_OPTIONS = {'all_stages', 'flip_test', 'output_heatmaps', 'output_keypoint_indices'}


def targets_of(data_samples: Sequence) -> tuple[Tensor, Tensor]:
    """Return a batch's target heatmaps (B, K, h, w) and the weights (B, K) of its keypoints."""
    heatmaps = torch.stack([sample.gt_fields.heatmaps for sample in data_samples])
    return heatmaps, torch.cat([
        sample.gt_instance_labels.keypoint_weights for sample in data_samples])


def heatmap_accuracy(heatmaps: Tensor, targets: Tensor) -> Tensor:
    """Return the fraction of keypoints with a target that are near it; both are (B, K, h, w).

    Near is within 1/20 of the heatmap's sides, from peak to peak, as in mmpose's ``acc_pose``.
    """
    height, width = targets.shape[-2:]
    predicted, wanted = (maps.flatten(2).argmax(-1) for maps in (heatmaps, targets))    # (B, K)
    right = (predicted % width - wanted % width) * 20 / width           # in 1/20 of the map
    down = (predicted // width - wanted // width) * 20 / height
    near = torch.hypot(right, down) <= 1
    present = targets.amax(dim=(-2, -1)) > 0
    return (near & present).sum() / present.sum().clamp(min=1)

