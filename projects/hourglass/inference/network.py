"""A trained network as one module, from pixels to keypoints; needs torch alone."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor, nn

from hourglass.checkpoints.description import Description
from hourglass.codecs.decode import DecodeHeatmaps
from hourglass.datasets.crop import crop_matrix
from hourglass.errors import ConfigError
from hourglass.evaluation.calibration import Calibration
from hourglass.models.stages import shallow_copy, stage_index, up_to_stage

_LARGE = 256 * 256          # px of an input whose features take more memory than they save time


class PoseNetwork(nn.Module):
    """Crops (B, 3, H, W) -> keypoints (B, K, 2) in input px, 0-based, and scores (B, K).

    Pixels are 0 to 255 in OpenCV's order, blue, green, red, of any numeric type. The module is
    always in eval mode: ``train()`` changes nothing, as batch statistics would change predictions.

    Args:
        network: normalised images (B, 3, H, W) -> a sequence of the outputs of its stages.
        description: of its input and heatmaps.
        to_heatmaps: for each stage what makes heatmaps of its output; default: it is heatmaps.
        decode: heatmaps (B, K, h, w) -> keypoints and scores; default as ``description.refine``.

    Attributes:
        stage, flip: which stage predicts, 0 the first, and whether its heatmaps are averaged with
            those of the mirrored image, without any shift.
        num_stages: how many the trained network has.
        stages: those that ``network`` computes and :meth:`heatmaps` returns.
        decode: may be None; the module then returns heatmaps (B, K, h, w).
        dataset_meta: names, bones and colours of the keypoints, as mmpose's models have it.
        calibration: of the scores, if the weights have one.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, description: Description,
                 to_heatmaps: Sequence[nn.Module] | None = None, decode: nn.Module | None = None):
        super().__init__()
        self.network, self.description = network, description
        for name, values in (('mean', description.mean), ('std', description.std)):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32).view(-1, 1, 1))
        self.to_heatmaps = None if to_heatmaps is None else nn.ModuleList(to_heatmaps)
        self.num_stages = len(to_heatmaps or range(getattr(network, 'num_stages', 1)))
        self.stages = range(self.num_stages)
        self.stage, self.flip = stage_index(description.stage, self.num_stages), description.flip
        self.decode: nn.Module | None = decode
        self.dataset_meta = description.metainfo()
        self.calibration: Calibration | None = None
        self.make_estimator: Callable[[], Any] | None = None
        # other codecs of mmpose than ours replace these two
        self.make_matrix: Callable[..., ndarray] = crop_matrix
        self.unmirror: Callable[[Tensor], Tensor] = partial(
            _unmirrored, flip_indices=list(description.flip_indices))
        self.eval()

    @property
    def input_size(self) -> tuple[int, int]:
        """(w, h) in px."""
        width, height = self.description.input_size
        return width, height

    def train(self, mode: bool = True) -> PoseNetwork:
        return super().train(False)

    def forward(self, pixels: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        heatmaps = self.heatmaps(pixels)[self.stages.index(self.stage)]
        return heatmaps if self.decode is None else self.decode(heatmaps)

    def heatmaps(self, pixels: Tensor) -> list[Tensor]:
        """Return the heatmaps (B, K, h, w) of each of :attr:`stages`."""
        images = self.normalized(pixels)
        if not self.flip:
            return self.outputs(images)
        mirrored = _reversed(images, -1)
        pairs: Iterable[tuple[Tensor, Tensor]]
        if images.shape[0] == 1 and images.is_cpu and images.shape[-2:].numel() >= _LARGE:
            pairs = zip(self.outputs(images), self.outputs(mirrored))       # in half the memory
        else:                                               # one pass is faster than two
            both = self.outputs(torch.cat([images, mirrored]))
            pairs = (maps.unflatten(0, (2, -1)) for maps in both)
        return [(maps + self.unmirror(of_mirrored)) / 2 for maps, of_mirrored in pairs]

    def normalized(self, pixels: Tensor) -> Tensor:
        """Pixels (B, 3, H, W) -> images (B, 3, H, W), as the network takes them."""
        images = _reversed(pixels, 1) if self.description.rgb else pixels
        return (images.float() - self.mean) / self.std

    def outputs(self, images: Tensor) -> list[Tensor]:
        """Normalised images (B, 3, H, W) -> the heatmaps of each of :attr:`stages`, as they are."""
        outputs = self.network(images)[:len(self.stages)]
        if self.to_heatmaps is None:
            return list(outputs)
        return [conv(x) for conv, x in zip(self.to_heatmaps, outputs)]

    def until_stage(self, stage: int | None = None) -> PoseNetwork:
        """Return a module that predicts from a stage and computes nothing after it.

        The stage is 0 for the first, -1 for the last, by default :attr:`stage`. The weights are
        shared; a network that is no StackedHourglass computes all its stages. Raises
        ``ConfigError`` if there is no such stage, or the network was optimised for another
        (:func:`hourglass.deploy.runtimes.optimized`).
        """
        stage = self.stage if stage is None else stage_index(stage, self.num_stages)
        twin = shallow_copy(self)
        if len(self.stages) < self.num_stages:
            if stage not in self.stages:
                raise ConfigError(
                    f'stage {stage}: this network was optimised for stage {self.stage} alone; '
                    f'init_model(..., stage={stage}) makes one for it')
            return twin
        twin.network, _ = up_to_stage(self.network, stage)
        if self.to_heatmaps is not None:
            twin.to_heatmaps = self.to_heatmaps[:stage + 1]
        twin.stage, twin.num_stages, twin.stages = stage, stage + 1, range(stage + 1)
        return twin

    def matrix(self, center: ndarray, sides: ndarray) -> ndarray:
        """Return the affine matrix (2, 3) from image px to input px of a crop.

        The middle (2,) and the sides (2,) are in image px, 0-based.
        """
        return self.make_matrix(center, sides, 0, self.input_size)

    def estimator(self) -> Any:
        """Return mmpose's ``TopdownPoseEstimator`` of the network, for mmpose's functions.

        It is in eval mode, with ``cfg`` and ``dataset_meta``. This imports OpenMMLab's packages.
        Raises ``ConfigError`` if the weights were loaded without a config and have none by name.
        """
        if self.make_estimator is None:
            raise ConfigError('estimator: this network was loaded without a config; load it with '
                              'its config, init_model(CONFIG, WEIGHTS)')
        return self.make_estimator()


def _unmirrored(heatmaps: Tensor, flip_indices: list[int]) -> Tensor:
    """Heatmaps (B, K, h, w) of mirrored images as those of the images, without any shift."""
    partners = torch.tensor(flip_indices, device=heatmaps.device)
    return _reversed(heatmaps, -1).index_select(1, partners)


def _reversed(x: Tensor, dim: int) -> Tensor:
    """Return ``x.flip(dim)``; in exported files ``flip`` is a slice that OpenCV's dnn misreads."""
    return x.index_select(dim, torch.arange(x.shape[dim] - 1, -1, -1, device=x.device))


def decoder_of(description: Description, heatmap_size: Sequence[int]) -> DecodeHeatmaps:
    """Return what decodes heatmaps of (w, h) px as described."""
    return DecodeHeatmaps(np.divide(description.input_size, heatmap_size).tolist(),
                          description.refine)
