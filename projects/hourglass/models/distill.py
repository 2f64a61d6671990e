"""Fast Pose Distillation (Zhang, Zhu, Ye, CVPR 2019): small networks learn from a trained one."""
import torch
from mmpose.models.pose_estimators import TopdownPoseEstimator
from torch import Tensor, nn

from hourglass.errors import ConfigError
from hourglass.models.head import StackedHeatmapHead, targets_of
from hourglass.registry import MODELS


@MODELS.register_module()
class DistilledPoseEstimator(TopdownPoseEstimator):
    """mmpose's estimator, whose every stage learns from the last heatmaps of a teacher, too.

    A stage's loss is ``(1 - alpha)`` times that against the annotated targets plus ``alpha`` times
    that against the teacher's heatmaps, both with the targets' weights. Accuracies are those
    against the targets. The teacher only predicts: nothing moves it, and it is no part of the
    checkpoints, which the student's own config loads.

    Args:
        teacher: config of an estimator with its weights, such as
            ``dict(type='hourglass.TrainedModel', config='flic-small')``.
        alpha: from 0, which learns nothing from it, to 1, nothing from the annotation. FPD: 0.5.
        kwargs: as of ``TopdownPoseEstimator``. The teacher's pixels may be normalised otherwise.

    Raises:
        ConfigError: for another ``alpha``, no such teacher, or one with another head, input or
            heatmap size than the student; in ``loss``, with another number of keypoints.
        CheckpointError: if there are no such weights.
    """

    def __init__(self, *, teacher: dict, alpha: float = 0.5, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= alpha <= 1:
            raise ConfigError(f'DistilledPoseEstimator: alpha={alpha}, give 0 to 1')
        self.alpha = alpha
        with torch.device('cpu'):       # whatever the student is made on
            network = MODELS.build(teacher).requires_grad_(False).eval()
        _check_teacher(network, self)
        self._aside = _Aside(network)

    def loss(self, inputs: Tensor, data_samples: list) -> dict:
        """As :meth:`StackedHeatmapHead.loss`."""
        stages = self.head(self.extract_feat(inputs))
        targets, weights = targets_of(data_samples)
        losses = self.head.stage_losses(stages, targets, weights)
        heatmaps = self._teacher_heatmaps(inputs)
        if heatmaps.shape != targets.shape:
            raise ConfigError(
                f'DistilledPoseEstimator: the teacher gives heatmaps {tuple(heatmaps.shape)} and '
                f'the targets are {tuple(targets.shape)} (B, K, h, w); name a teacher of the same '
                'keypoints')
        taught = self.head.stage_losses(stages, heatmaps, weights)
        return losses | {name: (1 - self.alpha) * losses[name] + self.alpha * taught[name]
                         for name in losses if name.startswith('loss')}

    @torch.no_grad()
    def _teacher_heatmaps(self, inputs: Tensor) -> Tensor:
        """The teacher's last heatmaps (B, K, h, w) of the student's input (B, 3, H, W)."""
        teacher = self._aside.network
        inputs = renormalised(inputs, self.data_preprocessor, teacher.data_preprocessor)
        return teacher(inputs, None, mode='tensor')[-1].float()

    def _apply(self, fn, recurse=True):
        self._aside.network._apply(fn, recurse)         # devices and layouts
        return super()._apply(fn, recurse)


class _Aside:
    """A network that optimisers, checkpoints and averages of the weights do not find."""

    def __init__(self, network: nn.Module):
        self.network = network

    def __deepcopy__(self, memo: dict) -> '_Aside':
        return self                                     # a moving average's copy needs no second


def renormalised(images: Tensor, made_by: nn.Module, wanted_by: nn.Module) -> Tensor:
    """Images (B, 3, H, W) of one data preprocessor as another would have made them."""
    (mean, std, rgb), (new_mean, new_std, new_rgb) = map(_normalisation, (made_by, wanted_by))
    if rgb == new_rgb and torch.equal(mean, new_mean) and torch.equal(std, new_std):
        return images
    pixels = images * std + mean
    return ((pixels if rgb == new_rgb else pixels.flip(1)) - new_mean) / new_std


def _normalisation(preprocessor: nn.Module) -> tuple[Tensor, Tensor, bool]:
    """Mean and deviation (3, 1, 1), and whether the channels change their order."""
    mean, std = (getattr(preprocessor, name, torch.tensor(none))
                 for name, none in (('mean', 0.0), ('std', 1.0)))
    return mean, std, preprocessor._channel_conversion


def _check_teacher(teacher: TopdownPoseEstimator, student: TopdownPoseEstimator) -> None:
    for who, model in (('the student', student), ('the teacher', teacher)):
        head = getattr(model, 'head', None)
        if not isinstance(head, StackedHeatmapHead) or head.decoder is None:
            raise ConfigError(f'DistilledPoseEstimator: {who} has no StackedHeatmapHead with a '
                              'decoder, whose heatmaps are what is learned from')
    for size in ('input_size', 'heatmap_size'):
        ours, theirs = (tuple(getattr(model.head.decoder, size)) for model in (student, teacher))
        if ours != theirs:
            raise ConfigError(f"DistilledPoseEstimator: the student's {size} is {ours} and the "
                              f"teacher's {theirs}; they have to be the same")
