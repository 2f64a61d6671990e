"""Fast Pose Distillation (Zhang, Zhu, Ye, CVPR 2019): small networks learn from a trained one."""
from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from mmpose.models.pose_estimators import TopdownPoseEstimator
from torch import Tensor, nn
from torch.nn import functional

from hourglass.errors import ConfigError
from hourglass.models.head import StackedHeatmapHead, targets_of
from hourglass.registry import MODELS


@MODELS.register_module()
class DistilledPoseEstimator(TopdownPoseEstimator):
    """mmpose's estimator, of which every stage also learns from the last heatmaps of a teacher.

    The loss of a stage is ``(1 - alpha)`` times the loss against the annotated targets plus
    ``alpha`` times the loss against the teacher's heatmaps, both with the targets' weights.
    Accuracies are measured against the targets. The teacher is not trained and is not in the
    checkpoints, so a config of the student alone loads them. A teacher of another input size gets
    the crops at its size, and its heatmaps are resized. Raises ``ConfigError`` if ``alpha`` is not
    in 0 to 1, the teacher lacks one of the ``keypoints``, or the head, the input's proportion or
    (in ``loss``) the keypoints of the teacher are not those of the student, and as
    :func:`hourglass.inference.model.load_model`.

    Args:
        teacher: config of an estimator with weights: ``dict(type='hourglass.TrainedModel', ...)``.
        alpha: 0 learns from the annotation alone, 1 from the teacher alone. FPD: 0.5.
        keypoints: names of the student's keypoints, in its order, for a teacher that has more of
            them, or another order; by default the teacher's.
        kwargs: as for ``TopdownPoseEstimator``; the teacher may have another pixel normalisation.
    """

    def __init__(self, *, teacher: dict, alpha: float = 0.5,
                 keypoints: Sequence[str] | None = None, **kwargs: object):
        super().__init__(**kwargs)
        if not 0 <= alpha <= 1:
            raise ConfigError(f'DistilledPoseEstimator: alpha={alpha}, give 0 to 1')
        self.alpha = alpha
        with torch.device('cpu'):       # even if the student is built on the meta device
            network = MODELS.build(teacher).requires_grad_(False).eval()
        _check_teacher(network, self)
        self.places = None if keypoints is None else _places(network, keypoints)
        # a function hides it from optimisers, checkpoints and averages of the weights
        self.teacher: Callable[[], TopdownPoseEstimator] = lambda: network

    def loss(self, inputs: Tensor, data_samples: list) -> dict:
        """Return the same losses and accuracies as :meth:`StackedHeatmapHead.loss`."""
        self.head.check_input_size(data_samples)
        stages, (targets, weights) = self.head(self.extract_feat(inputs)), targets_of(data_samples)
        losses = self.head.stage_losses(stages, targets, weights)
        heatmaps = self._teacher_heatmaps(inputs)
        if heatmaps.shape != targets.shape:
            raise ConfigError(
                f'DistilledPoseEstimator: the teacher gives heatmaps {tuple(heatmaps.shape)} and '
                f'the targets are {tuple(targets.shape)} (B, K, h, w); name a teacher of the same '
                'keypoints')
        distilled = self.head.stage_losses(stages, heatmaps, weights)
        return losses | {name: (1 - self.alpha) * losses[name] + self.alpha * distilled[name]
                         for name in losses if name.startswith('loss')}

    @torch.no_grad()
    def _teacher_heatmaps(self, inputs: Tensor) -> Tensor:
        """Return the teacher's last heatmaps (B, K, h, w) for input of the student (B, 3, H, W)."""
        teacher = self.teacher()
        inputs = renormalised(inputs, self.data_preprocessor, teacher.data_preprocessor)
        heatmaps = teacher(_resized(inputs, teacher.head.decoder.input_size), None, mode='tensor')
        last = heatmaps[-1] if self.places is None else heatmaps[-1][:, self.places]
        return _resized(last.float(), self.head.decoder.heatmap_size)

    def _apply(self, fn: Callable[[Tensor], Tensor], *recurse: bool) -> nn.Module:
        self.teacher()._apply(fn, *recurse)             # moves to another device or layout
        return super()._apply(fn, *recurse)


def _resized(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize maps (B, C, H, W) to (w, h); cells and pixels cover each other as in the codec."""
    if maps.shape[:1:-1] == size:
        return maps
    return functional.interpolate(maps, size[::-1], mode='bilinear', align_corners=False)


def renormalised(images: Tensor, source: nn.Module, target: nn.Module) -> Tensor:
    """Convert images (B, 3, H, W) of one data preprocessor to those of another."""
    (mean, std, rgb), (new_mean, new_std, new_rgb) = map(_normalisation, (source, target))
    if rgb == new_rgb and torch.equal(mean, new_mean) and torch.equal(std, new_std):
        return images
    pixels = images * std + mean
    return ((pixels if rgb == new_rgb else pixels.flip(1)) - new_mean) / new_std


def _normalisation(preprocessor: nn.Module) -> tuple[Tensor, Tensor, bool]:
    """Return mean and deviation (3, 1, 1), and whether the order of the channels changes."""
    mean, std = (getattr(preprocessor, name, torch.tensor(none))
                 for name, none in (('mean', 0.0), ('std', 1.0)))
    return mean, std, bool(preprocessor._channel_conversion)


def _places(teacher: TopdownPoseEstimator, keypoints: Sequence[str]) -> list[int]:
    names = teacher.dataset_meta['keypoint_id2name']
    place_of = {name: place for place, name in names.items()}
    for name in keypoints:
        if name not in place_of:
            raise ConfigError(f"DistilledPoseEstimator: the teacher has no keypoint '{name}'; it "
                              f"has {', '.join(place_of)}")
    return [place_of[name] for name in keypoints]


def _check_teacher(teacher: TopdownPoseEstimator, student: TopdownPoseEstimator) -> None:
    for name, model in (('student', student), ('teacher', teacher)):
        head = getattr(model, 'head', None)
        if not isinstance(head, StackedHeatmapHead) or head.decoder is None:
            raise ConfigError(f'DistilledPoseEstimator: the {name} has no StackedHeatmapHead with '
                              'a decoder; distillation compares its heatmaps')
    ours, theirs = (tuple(model.head.decoder.input_size) for model in (student, teacher))
    if ours[0] * theirs[1] != ours[1] * theirs[0]:
        raise ConfigError(f"DistilledPoseEstimator: the student's input_size is {ours} and the "
                          f"teacher's {theirs}; set both to the same proportion")
