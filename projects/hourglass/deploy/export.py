"""Trained networks as files for other programs; each file is run and compared before it is kept."""
from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Union

import numpy as np
import torch
from torch import Tensor, nn

import hourglass
from hourglass.checkpoints.convert import convert_checkpoint
from hourglass.checkpoints.names import find_weights
from hourglass.codecs.decode import DecodeHeatmaps
from hourglass.datasets.crop import crop_image, crop_matrix, fitted
from hourglass.datasets.synthetic import render_person
from hourglass.deploy.runtimes import (
    EXPORTER,
    RUNTIMES,
    deviation,
    in_onnxruntime,
    older_torch,
    to_onnx,
    traced,
)
from hourglass.errors import ConfigError, ExportError, HourglassError
from hourglass.inference.model import load_model
from hourglass.inference.network import PoseNetwork
from hourglass.io.files import replacing
from hourglass.io.images import read_image

FORMATS = ('.onnx', '.pt2', '.safetensors')
LARGEST_OFFSET_PX = 0.01                # of a keypoint, input px
LARGEST_DEVIATION = 1e-4                # of a heatmap or score, as a fraction of the largest value
_BATCH = 3                              # compared in batches of one and of this many
_ROUNDING = 1e-5                        # runtimes differ less in heatmaps (measured: 1e-6)

Run = Callable[[Tensor], Union[Tensor, Sequence[Tensor]]]   # pixels (B, 3, H, W) -> all outputs


@dataclass
class Exported:
    """A file that passed its comparison with torch."""

    path: Path
    images: int                         # number of images compared
    decodes: bool                       # whether it returns keypoints
    # the largest: of keypoints in input px if it decodes, else of heatmaps over the largest value
    deviation: float
    keypoints: int                      # number of keypoints compared, over all batches
    unsettled: int                      # those that differ by rounding alone, not in deviation


def deployed(model: PoseNetwork, stage: int | None = None, flip: bool = False,
             decode: bool = False) -> PoseNetwork:
    """Return what a file holds of a network: up to a stage, by default the one that predicts.

    ``flip`` averages with the mirrored image, and ``decode`` returns keypoints and scores instead
    of heatmaps. Raises ``ConfigError`` for a stage that does not exist, or a codec that cannot be
    decoded here.
    """
    module = model.until_stage(stage)
    if decode and not isinstance(model.decode, DecodeHeatmaps):
        raise ConfigError('decode: works for the codec hourglass.HourglassHeatmap, and the config '
                          'has another; export heatmaps, without it')
    module.flip, module.decode = flip, model.decode if decode else None
    return module


def export(config: str | Path, checkpoint: str | Path, out: str | Path, stage: int | None = None,
           flip: bool = False, decode: bool = False, opset: int | None = None,
           images: Sequence[str | Path] = ()) -> Exported:
    """Write a trained network to ``out``, run the file and compare it with torch.

    An existing ``out`` is replaced only once the new file has passed; one that does not compute
    what the network does is an ``ExportError``. Raises ``HourglassError`` for arguments that
    contradict each other, or files that cannot be used.

    Args:
        config, checkpoint: the network, as for :func:`hourglass.apis.init_model`.
        out: its suffix is the format. ``.onnx`` (onnxruntime and others) and ``.pt2``
            (``torch.export.load``) compute what :func:`deployed` returns, for any batch size, and
            carry :func:`metadata`; ``.safetensors`` holds only the weights.
        stage, flip, decode: as for :func:`deployed`; not for weights.
        opset: version of ONNX's operators; None leaves it to torch.
        images: compared on these, each whole; default three rendered people.
    """
    out, checkpoint = Path(out).expanduser(), find_weights(checkpoint)
    changes = stage is not None or flip or decode
    _check_arguments(out, checkpoint, changes, opset)
    module = deployed(load_model(config, checkpoint, device='cpu'), stage, flip, decode)
    crops = _crops(images, module.input_size)
    notes = metadata(module, config, checkpoint)
    run: Run
    with replacing(out) as draft, TemporaryDirectory(dir=out.parent) as folder:
        written = Path(folder) / out.name       # torch needs the suffix, which a draft has not
        try:
            if out.suffix == '.safetensors':
                convert_checkpoint(checkpoint, written)
                run = deployed(load_model(config, written, device='cpu'))
            elif out.suffix == '.pt2':
                run = _write_pt2(module, crops, notes, written)
            else:
                run = _write_onnx(module, crops, notes, opset, written, out)
            exported = compare(run, module, crops, len(images) or len(crops), out)
        except (HourglassError, OSError):
            raise
        except Exception as error:              # torch's exporters and the runtimes raise any type
            words = ' '.join(str(error).split())[:200]
            raise ExportError(f'{out}: cannot be exported ({type(error).__name__}: {words}); '
                              'nothing was written') from error
        os.replace(written, draft)
    return exported


def _check_arguments(out: Path, checkpoint: Path, changes: bool, opset: int | None) -> None:
    words = ''
    if out.suffix not in FORMATS:
        words = f"name a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file"
    elif out.resolve() == checkpoint.resolve():
        words = 'would replace the checkpoint it is made of; name another file'
    elif out.suffix == '.safetensors' and changes:
        words = ('holds weights, which stage, flip and decode do not change; leave them out, or '
                 'name an .onnx or .pt2 file')
    elif out.suffix != '.onnx' and opset is not None:
        words = 'only an .onnx file has an opset; leave it out'
    elif out.suffix == '.onnx':
        words = RUNTIMES['onnxruntime'].missing()
    elif out.suffix == '.pt2':
        words = older_torch(EXPORTER)
    if words:
        raise ConfigError(f'{out}: {words}')


def metadata(module: PoseNetwork, config: str | Path, checkpoint: Path) -> dict[str, str]:
    """Return by name what a program has to know to run the file, as JSON or plain words.

    ``input_size`` is (w, h) in px, and ``links`` are the pairs of keypoints that bones join.
    """
    about = module.description
    return dict(
        input_size=json.dumps(list(about.input_size)),
        pixels='float32, 0 to 255, blue green red',
        keypoints=json.dumps(about.keypoints), links=json.dumps(about.links),
        outputs=json.dumps(['heatmaps'] if module.decode is None else ['keypoints', 'scores']),
        version=f'hourglass {hourglass.__version__}',
        source=f'{Path(config).name}, {checkpoint.name}')


def _crops(images: Sequence[str | Path], input_size: tuple[int, int]) -> Tensor:
    """Return each whole image as input, (N, 3, H, W); N is a multiple of 3."""
    loaded = ([read_image(path) for path in images] if images else
              [render_person(seed, (256, 256))[0] for seed in range(_BATCH)])
    crops = []
    for image in loaded:
        size = np.array(image.shape[1::-1])
        matrix = crop_matrix((size - 1) / 2, fitted(size, input_size), 0, input_size)
        crops.append(torch.from_numpy(crop_image(image, matrix, input_size)).permute(2, 0, 1))
    crops += [crops[i % len(crops)] for i in range(-len(crops) % _BATCH)]
    return torch.stack(crops).float()


def _write_pt2(module: PoseNetwork, crops: Tensor, notes: dict[str, str], path: Path) -> Run:
    buffer = io.BytesIO()               # on a full disk torch would raise an error of its own
    torch.export.save(traced(module, crops[:2]), buffer,
                      extra_files={'hourglass.json': json.dumps(notes)})
    path.write_bytes(buffer.getvalue())
    return torch.export.load(path).module()


def _write_onnx(module: PoseNetwork, crops: Tensor, notes: dict[str, str], opset: int | None,
                path: Path, out: Path) -> Run:
    import onnx
    made = to_onnx(module, crops[:2], 'pixels', json.loads(notes['outputs']), opset)
    given = made.model.opset_imports['']
    if opset is not None and given != opset:
        raise ExportError(f'{out}: opset {opset} is not supported, torch writes {given} instead; '
                          'leave --opset out')
    made.model.metadata_props.update(notes)
    path.write_bytes(made.model_proto.SerializeToString())
    onnx.checker.check_model(path)
    return in_onnxruntime(path)


@torch.no_grad()
def compare(run: Run, module: PoseNetwork, crops: Tensor, images: int, out: Path) -> Exported:
    """Compare an exported network ``run`` with the ``module`` in torch, in batches of 1 and 3.

    Of the ``crops`` (N, 3, H, W), N a multiple of 3, ``images`` differ from each other. Raises
    ``ExportError``, which names ``out``, if the outputs differ by more than rounding.
    """
    decode, deviations, keypoints, unsettled = module.decode, [0.0], 0, 0
    for pixels in (batch for size in (1, _BATCH) for batch in crops.split(size)):
        heatmaps, found = module.heatmaps(pixels)[-1], run(pixels)          # (B, K, h, w)
        outputs = [found] if isinstance(found, Tensor) else found
        keypoints += heatmaps.shape[:2].numel()
        if decode is None:
            deviations.append(_checked_deviation('heatmaps', outputs[0], heatmaps, out))
            continue
        keypoints_input, scores = decode(heatmaps)
        _checked_deviation('scores', outputs[1], scores, out)
        offsets = (outputs[0] - keypoints_input).abs().amax(-1)             # (B, K)
        excused = (offsets > LARGEST_OFFSET_PX) & _can_round_to(outputs[0], decode, heatmaps)
        unsettled += int(excused.sum())
        deviations += offsets[~excused].tolist()
    if decode is not None and not max(deviations) <= LARGEST_OFFSET_PX:
        raise ExportError(f'{out}: keypoints lie up to {max(deviations):.3g} px from those of '
                          f'torch, {LARGEST_OFFSET_PX} allowed; nothing was written')
    return Exported(out, images, decode is not None, max(deviations), keypoints, unsettled)


def _checked_deviation(name: str, found: Tensor, expected: Tensor, out: Path) -> float:
    relative = deviation(found, expected)
    if not relative <= LARGEST_DEVIATION:                           # nor is NaN
        raise ExportError(f'{out}: {name} deviate from those of torch by {relative:.3g} of the '
                          f'largest, {LARGEST_DEVIATION} allowed; nothing was written')
    return relative


def _can_round_to(keypoints_input: Tensor, decode: nn.Module, heatmaps: Tensor) -> Tensor:
    """(B, K) whether rounding can give these keypoints (B, K, 2), as where two peaks are equal."""
    generator = torch.Generator().manual_seed(0)
    noise = _ROUNDING * heatmaps.abs().max() * (
        2 * torch.rand(16, *heatmaps.shape, generator=generator) - 1)
    places = torch.stack([decode(heatmaps + one)[0] for one in noise])      # (16, B, K, 2)
    return ((keypoints_input >= places.amin(0) - LARGEST_OFFSET_PX)
            & (keypoints_input <= places.amax(0) + LARGEST_OFFSET_PX)).all(-1)
