"""Pose networks of other projects as ONNX files: from crops to keypoints, as our own networks.

The shapes of the outputs tell their form, for K keypoints and an input of (w, h) px:

* heatmaps (1, K, rows, columns) that cover the input;
* bins of x (1, K, n w) and of y (1, K, n h), n of them a px, as RTMPose's (SimCC);
* y, x and score (1, K, 3) or (1, 1, K, 3), as fractions of the input, as MoveNet's.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from hourglass.checkpoints.description import Description
from hourglass.codecs.decode import DecodeHeatmaps
from hourglass.deploy.runtimes import missing_packages, onnx_session
from hourglass.errors import ConfigError, words_of
from hourglass.inference.network import PoseNetwork

Decode = Callable[..., tuple[Tensor, Tensor]]       # outputs -> (1, K, 2) input px, scores (1, K)
_DTYPES = {'tensor(float16)': torch.float16, 'tensor(int32)': torch.int32,
           'tensor(uint8)': torch.uint8}


def load_onnx_poses(path: str | Path, keypoints: Sequence[str] = (), rgb: bool = True,
                    mean: Sequence[float] = (0, 0, 0), std: Sequence[float] = (1, 1, 1)
                    ) -> PoseNetwork:
    """Load a pose network, which onnxruntime runs with as many threads as torch has now.

    It takes one image of a fixed size, with its channels first or last.

    Args:
        path: of the file.
        keypoints: their K names. Without names, or if the outputs are of no known form, the result
            has no ``decode``, and returns the first output of the last image.
        rgb, mean, std: the file takes (pixels - mean) / std, pixels from 0 to 255, as red, green,
            blue or the other way round.

    Raises:
        ConfigError: for a file that cannot be read, or that takes something else.
    """
    network = _OnnxPoses(path, len(keypoints))
    return PoseNetwork(
        network, Description(keypoints, [], range(len(keypoints)), network.input_size, mean, std,
                             rgb, flip=False, observer_sides=False),
        decode=network.decode and _Split())


class _OnnxPoses(nn.Module):
    """Normalised images (B, 3, H, W) -> a tuple of (B, K, 3): x, y in input px and score."""

    def __init__(self, path: str | Path, num_keypoints: int):
        super().__init__()
        if words := missing_packages('onnxruntime'):
            raise ConfigError(f'{path}: {words}')
        if not Path(path).is_file():
            raise ConfigError(f'{path}: no such file')
        try:
            self.session = onnx_session(Path(path))
        except Exception as error:              # onnxruntime has a dozen types of its own
            raise ConfigError(f'{path}: not a readable ONNX file ({words_of(error)})') from None
        image, *others = self.session.get_inputs()
        self.name, self.dtype = image.name, _DTYPES.get(image.type, torch.float32)
        self.channels_last = image.shape[3:] == [3]
        sides = image.shape[1:3] if self.channels_last else image.shape[2:]
        if others or len(sides) != 2 or not all(isinstance(side, int) for side in sides):
            raise ConfigError(f'{path}: takes {[image.shape, *(one.shape for one in others)]}; '
                              'export it for one image of a fixed size')
        self.input_size = sides[1], sides[0]
        shapes = [tuple(output.shape) for output in self._run(torch.zeros(3, *sides))]
        self.decode = _decoding(shapes, self.input_size, num_keypoints) if num_keypoints else None

    def forward(self, images: Tensor) -> Sequence[Tensor]:
        outputs = [self._run(image) for image in images]
        if self.decode is None:
            return outputs[-1][:1]
        found = [self.decode(*one) for one in outputs]
        return (torch.cat([torch.cat([xy, score[..., None]], -1) for xy, score in found]),)

    def _run(self, image: Tensor) -> list[Tensor]:
        image = (image.permute(1, 2, 0) if self.channels_last else image)[None].to(self.dtype)
        return [torch.from_numpy(output).float() for output in
                self.session.run(None, {self.name: image.contiguous().numpy()})]


class _Split(nn.Module):
    def forward(self, found: Tensor) -> tuple[Tensor, Tensor]:
        return found[..., :2], found[..., 2]


def _decoding(shapes: Sequence[tuple[int, ...]], size: tuple[int, int], keypoints: int
              ) -> Decode | None:
    """Recognise the form of the outputs, and return what decodes it."""
    width, height = size
    if shapes in ([(1, keypoints, 3)], [(1, 1, keypoints, 3)]):
        return lambda found: (found.view(1, -1, 3)[..., [1, 0]] * torch.tensor(size) - 0.5,
                              found.view(1, -1, 3)[..., 2])
    if [(len(shape), *shape[1:2]) for shape in shapes] == [(4, keypoints)]:
        rows, columns = shapes[0][2:]
        return DecodeHeatmaps([width / columns, height / rows], 'quarter')
    if ([(len(shape), *shape[1:2]) for shape in shapes] == 2 * [(3, keypoints)]
            and shapes[0][2] * height == shapes[1][2] * width):
        return lambda x, y: (torch.stack([x.argmax(-1), y.argmax(-1)], -1) * width / x.shape[-1],
                             torch.minimum(x.amax(-1), y.amax(-1)))
    return None
