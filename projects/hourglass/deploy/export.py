"""Trained networks as files for other programs; each file is run and compared before it is kept."""
from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor, nn

import hourglass
from hourglass.checkpoints.convert import convert_checkpoint
from hourglass.checkpoints.names import find_weights
from hourglass.codecs.decode import DecodeHeatmaps
from hourglass.datasets.crop import crop_image, fitted
from hourglass.datasets.synthetic import render_person
from hourglass.deploy.formats import FORMATS, Job, Run
from hourglass.deploy.ncnn_graph import OUTPUT
from hourglass.deploy.runtimes import deviation
from hourglass.errors import ConfigError, ExportError, HourglassError, words_of
from hourglass.inference.model import describe_themselves, load_model
from hourglass.inference.network import PoseNetwork
from hourglass.inference.sources import ImageFiles
from hourglass.io.files import replacing
from hourglass.io.images import read_image

SUFFIXES = (*FORMATS, '.safetensors')
# files of the same name that are written beside one, with its weights and what describes it
_BESIDE = {'.xml': ('.bin',), '.param': ('.bin', '.json')}
_BATCH = 3                              # compared in batches of one and of this many

KeypointsOf = Callable[[Tensor], tuple[Tensor, Tensor]]     # pixels -> keypoints, scores


@dataclass
class Tolerance:
    """How far the outputs of a file may differ from those of torch."""

    relative: float         # of a heatmap or score, as a fraction of the largest value
    offset_px: float        # of a keypoint, input px
    rounding: float         # of a heatmap's values, which may decide between two peaks


FLOAT32 = Tolerance(1e-4, 0.01, 1e-5)   # runtimes differ by 1e-6 (measured)
FLOAT16 = Tolerance(1e-2, 0.2, 4e-3)    # by 1e-3
INT8 = Tolerance(math.inf, math.inf, 0)     # it is for the user to judge what is lost


@dataclass
class Exported:
    """A file that passed its comparison with torch."""

    path: Path
    size: int                           # bytes, of what is written beside it, too
    images: int                         # number of images compared
    decodes: bool                       # whether it returns keypoints
    # the largest: of keypoints in input px if it decodes, else of heatmaps over the largest value
    deviation: float
    keypoints: int                      # number of keypoints compared, over all batches
    unsettled: int                      # those that differ by rounding alone, not in deviation
    in_torch: KeypointsOf               # crops (B, 3, H, W) -> (B, K, 2) in input px, (B, K)
    in_file: KeypointsOf                # the same, by the file
    offsets: Tensor                     # (images, K) between the two, input px


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
           flip: bool = False, decode: bool = False, opset: int | None = None, half: bool = False,
           int8: bool = False, images: str | Path | None = None,
           check: Sequence[str | Path] = ()) -> Exported:
    """Write a trained network to ``out``, run the file and compare it with torch.

    An existing ``out`` is replaced only once the new file has passed; one that does not compute
    what the network does is an ``ExportError``. Raises ``HourglassError`` for arguments that
    contradict each other, or files that cannot be used.

    Args:
        config, checkpoint: the network, as for :func:`hourglass.apis.init_model`.
        out: its suffix is the format. ``.onnx`` (onnxruntime and others), ``.xml`` (OpenVINO, with
            a ``.bin`` beside it) and ``.pt2`` (``torch.export.load``) compute what :func:`deployed`
            returns, for any batch size, and carry :func:`metadata`; ``.param`` (ncnn) gives the
            heatmaps of one image, with ``.bin`` and the metadata as ``.json`` beside it;
            ``.safetensors`` holds only the weights.
        stage, flip, decode: as for :func:`deployed`.
        opset: version of ONNX's operators; None leaves it to torch.
        half: weights are float16, and so is the arithmetic of ``.onnx`` and ``.pt2`` files where
            the runtime has it.
        int8: convolutions compute in 8 bits. The outputs may differ by any amount, which
            ``offsets`` of the result states.
        images: a folder of images, each whole, from which ``int8`` takes the ranges of values.
        check: compared on these images, each whole; default ``images``, else three rendered people.
    """
    out, checkpoint = Path(out).expanduser(), find_weights(checkpoint)
    given = dict(stage=stage is not None, flip=flip, decode=decode, opset=opset is not None,
                 half=half, int8=int8)
    _check_arguments(out, checkpoint, [name for name in given if given[name]], images)
    model = load_model(config, checkpoint, device='cpu')
    assert model.decode is not None
    module = deployed(model, stage, flip, decode)
    similar: list[str | Path] = []
    if images:
        source = ImageFiles(str(images))
        source.keep(set(source.paths) - set(source.videos))
        similar += source.paths.values()
    calibration = _crops(similar, model) if similar else None
    crops = _crops(check, model) if check or calibration is None else calibration
    notes = metadata(module, config, checkpoint, out.suffix)
    with replacing(out) as draft, TemporaryDirectory(dir=out.parent) as folder:
        written = Path(folder) / out.name       # its suffix counts, which a draft has not
        try:
            if out.suffix == '.safetensors':
                convert_checkpoint(checkpoint, written)
                alone = describe_themselves(config, checkpoint)
                run: Run = deployed(load_model(written if alone else config, written, device='cpu'))
            else:
                FORMATS[out.suffix].write(Job(module, crops, notes, written, opset, half,
                                              calibration))
                run = FORMATS[out.suffix].run(written)
            exported = compare(run, module, crops, len(check or similar) or _BATCH, out,
                               FLOAT16 if half else INT8 if int8 else FLOAT32, model.decode)
        except (HourglassError, OSError):
            raise
        except Exception as error:              # torch's exporters and the runtimes raise any type
            words = words_of(error)[:200]
            raise ExportError(f'{out}: cannot be exported ({type(error).__name__}: {words}); '
                              'nothing was written') from error
        files = list(Path(folder).iterdir())
        exported.size = sum(file.stat().st_size for file in files)
        for file in files:
            os.replace(file, draft if file == written else out.parent / file.name)
    return exported


def _check_arguments(out: Path, checkpoint: Path, given: Sequence[str], images: str | Path | None
                     ) -> None:
    format_ = FORMATS.get(out.suffix)
    refused = [name for name in given if format_ is None or name not in format_.options]
    words = ''
    if out.suffix not in SUFFIXES:
        words = f"name a {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} file"
    elif out.resolve() == checkpoint.resolve():
        words = 'would replace the checkpoint it is made of; name another file'
    elif refused:
        others = [suffix for suffix, other in FORMATS.items() if refused[0] in other.options]
        words = (f"--{refused[0]} is not for {out.suffix} files; leave it out, or name another "
                 f"({', '.join(others)})")
    elif {'half', 'int8'} <= set(given):
        words = 'give one of --half and --int8'
    elif ('int8' in given) != (images is not None):
        words = '--int8 and --images go together: a folder of images like those to come'
    elif not out.exists() and (strangers := [
            path.name for suffix in _BESIDE.get(out.suffix, ())
            if (path := out.with_suffix(suffix)).exists()]):
        words = f'would replace {strangers[0]}, which is no part of it; choose another name'
    elif out.suffix in _BESIDE and any(
            out.with_suffix(other).exists() for other in _BESIDE if other != out.suffix):
        words = f'{out.stem}.bin belongs to a file of another format; choose another name'
    elif format_:
        words = format_.missing('int8' in given)
    if words:
        raise ConfigError(f'{out}: {words}')


def metadata(module: PoseNetwork, config: str | Path, checkpoint: Path, suffix: str
             ) -> dict[str, str]:
    """Return by name what a program has to know to run the file, as JSON or plain words.

    ``input_size`` is (w, h) in px, ``links`` are the pairs of keypoints that bones join, and
    ``refine`` says how keypoints lie between the cells of a heatmap (:mod:`hourglass.codecs`).
    """
    about = module.description
    outputs = (['keypoints', 'scores'] if module.decode else
               [f'{OUTPUT}{module.stage}'] if suffix == '.param' else ['heatmaps'])
    return dict(
        input_size=json.dumps(list(about.input_size)),
        pixels='float32, 0 to 255, blue green red', refine=about.refine,
        keypoints=json.dumps(about.keypoints), links=json.dumps(about.links),
        outputs=json.dumps(outputs), version=f'hourglass {hourglass.__version__}',
        source=f'{Path(config).name}, {checkpoint.name}')


def _crops(images: Sequence[str | Path], model: PoseNetwork) -> Tensor:
    """Return each whole image as input, (N, 3, H, W); N is a multiple of 3."""
    crops = []
    rendered = (render_person(seed, (256, 256))[0] for seed in range(_BATCH))
    for image in map(read_image, images) if images else rendered:       # one at a time in memory
        size = np.array(image.shape[1::-1])
        matrix = model.matrix((size - 1) / 2, fitted(size, model.input_size))
        crop = crop_image(image, matrix, model.input_size)
        crops.append(torch.from_numpy(crop).permute(2, 0, 1))
    crops += [crops[i % len(crops)] for i in range(-len(crops) % _BATCH)]
    return torch.stack(crops).float()


@torch.no_grad()
def compare(run: Run, module: PoseNetwork, crops: Tensor, images: int, out: Path,
            tolerance: Tolerance, decode: nn.Module) -> Exported:
    """Compare an exported network ``run`` with the ``module`` in torch, in batches of 1 and 3.

    Of the ``crops`` (N, 3, H, W), N a multiple of 3, ``images`` differ from each other, and
    ``decode`` is for a module that returns heatmaps. Raises ``ExportError``, which names ``out``,
    if the outputs differ by more than ``tolerance``.
    """
    deviations, keypoints, unsettled, batches = [0.0], 0, 0, []
    for pixels in (batch for size in (1, _BATCH) for batch in crops.split(size)):
        heatmaps, outputs = module.heatmaps(pixels)[-1], _all_outputs(run, pixels)  # (B, K, h, w)
        keypoints += heatmaps.shape[:2].numel()
        if module.decode is None:
            deviations.append(_checked_deviation('heatmaps', outputs[0], heatmaps, out, tolerance))
            batches.append(_offsets(decode(outputs[0])[0], decode(heatmaps)[0]))
            continue
        keypoints_input, scores = module.decode(heatmaps)
        _checked_deviation('scores', outputs[1], scores, out, tolerance)
        offsets = _offsets(outputs[0], keypoints_input)                     # (B, K)
        batches.append(offsets)
        excused = (offsets > tolerance.offset_px) & _can_round_to(
            outputs[0], module.decode, heatmaps, tolerance)
        unsettled += int(excused.sum())
        deviations += offsets[~excused].tolist()
    if module.decode and not max(deviations) <= tolerance.offset_px:
        raise ExportError(f'{out}: keypoints lie up to {max(deviations):.3g} px from those of '
                          f'torch, {tolerance.offset_px} allowed; nothing was written')

    def by(network: Run) -> KeypointsOf:
        def keypoints_of(pixels: Tensor) -> tuple[Tensor, Tensor]:
            outputs = _all_outputs(network, pixels)
            return (outputs[0], outputs[1]) if module.decode else decode(outputs[0])
        return torch.no_grad()(keypoints_of)
    return Exported(out, 0, images, module.decode is not None, max(deviations), keypoints,
                    unsettled, by(module), by(run), torch.cat(batches)[:images])


def _all_outputs(run: Run, pixels: Tensor) -> Sequence[Tensor]:
    found = run(pixels)
    return [found] if isinstance(found, Tensor) else found


def _offsets(found: Tensor, expected: Tensor) -> Tensor:
    """(B, K) larger of the offsets in x and y between keypoints (B, K, 2)."""
    return (found - expected).abs().amax(-1)


def _checked_deviation(name: str, found: Tensor, expected: Tensor, out: Path, tolerance: Tolerance
                       ) -> float:
    relative = deviation(found, expected)
    if not relative <= tolerance.relative:                          # nor is NaN
        raise ExportError(f'{out}: {name} deviate from those of torch by {relative:.3g} of the '
                          f'largest, {tolerance.relative} allowed; nothing was written')
    return relative


def _can_round_to(keypoints_input: Tensor, decode: nn.Module, heatmaps: Tensor,
                  tolerance: Tolerance) -> Tensor:
    """(B, K) whether rounding can give these keypoints (B, K, 2), as where two peaks are equal."""
    generator = torch.Generator().manual_seed(0)
    noise = tolerance.rounding * heatmaps.abs().max() * (
        2 * torch.rand(16, *heatmaps.shape, generator=generator) - 1)
    places = torch.stack([decode(heatmaps + one)[0] for one in noise])      # (16, B, K, 2)
    return ((keypoints_input >= places.amin(0) - tolerance.offset_px)
            & (keypoints_input <= places.amax(0) + tolerance.offset_px)).all(-1)
