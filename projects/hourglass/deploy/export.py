"""Trained networks as files for other programs, each run and compared once it is written."""
import io
import json
import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from mmpose.datasets.transforms import TopdownAffine
from mmpose.models.pose_estimators import TopdownPoseEstimator
from torch import Tensor

import hourglass
from hourglass.checkpoints.convert import convert_checkpoint
from hourglass.checkpoints.names import find_weights
from hourglass.codecs.decode import DecodeHeatmaps
from hourglass.codecs.hourglass_heatmap import HourglassHeatmap
from hourglass.datasets.synthetic import render_person
from hourglass.deploy.deployed import Deployed
from hourglass.errors import ConfigError, ExportError
from hourglass.inference.model import load_model
from hourglass.io.files import replacing
from hourglass.io.images import read_image
from hourglass.models.stages import num_stages, stage_index

FORMATS = ('.onnx', '.pt2', '.safetensors')
LARGEST_OFFSET_PX = 0.01                # of a keypoint, in the input
LARGEST_DEVIATION = 1e-4                # of a heatmap or score, of the largest value
_BATCHES = (1, 3)
_ROUNDING = 1e-5                        # more than runtimes differ in heatmaps (measured: 1e-6)


@dataclass
class Exported:
    """A written file, and how it compared.

    Attributes:
        path: of the file.
        size: in bytes.
        images: how many it was run on.
        deviation: the largest; of keypoints in input px where the file decodes, else of heatmaps as
            a fraction of the largest value.
        decodes: whether it gives keypoints.
        keypoints: compared, in all batches.
        unsettled: of them, those that hang on rounding (two peaks of one height) and came out
            elsewhere; not in ``deviation``.
    """

    path: Path
    size: int
    images: int
    deviation: float
    decodes: bool
    keypoints: int
    unsettled: int


def deployed(estimator: TopdownPoseEstimator, stage: int | None = None, flip: bool = False,
             decode: bool = False) -> Deployed:
    """What an estimator does from the pixels of its input on, as one module.

    Args:
        estimator: from :func:`hourglass.apis.init_model`.
        stage: whose prediction; None is the head's ``predict_stage``.
        flip: average with the mirrored image.
        decode: keypoints and scores instead of heatmaps.

    Raises:
        ConfigError: for a stage that there is not, or a codec that is not decoded here.
    """
    head, codec = estimator.head, estimator.head.decoder
    stage = stage_index(head.predict_stage if stage is None else stage, num_stages(estimator))
    if decode and not isinstance(codec, HourglassHeatmap):
        raise ConfigError(f'decode: of the codec hourglass.HourglassHeatmap alone, and the config '
                          f'has {type(codec).__name__}; export heatmaps, without it')
    pixels = estimator.cfg.model.get('data_preprocessor') or {}
    return Deployed(
        estimator.backbone,
        mean=pixels.get('mean') or [0] * 3, std=pixels.get('std') or [1] * 3,
        rgb=pixels.get('bgr_to_rgb', False) or pixels.get('rgb_to_bgr', False), stage=stage,
        to_heatmaps=None if head.to_heatmaps is None else head.to_heatmaps[stage],
        flip_indices=estimator.dataset_meta['flip_indices'] if flip else None,
        decode=DecodeHeatmaps(codec.input_px_per_cell, codec.refine) if decode else None).eval()


def export(config: str | Path, checkpoint: str | Path, out: str | Path, stage: int | None = None,
           flip: bool = False, decode: bool = False, opset: int | None = None,
           images: Sequence[str | Path] = ()) -> Exported:
    """Write a trained network to ``out``, run the file and compare; its name says which kind.

    An ``out`` that was there stays until the new one has passed.

    Args:
        config, checkpoint: the network, as for :func:`hourglass.apis.init_model`.
        out: ``.onnx`` (onnxruntime and others) and ``.pt2`` (``torch.export.load``) compute what
            :class:`Deployed` does, for any batch size, and carry :func:`metadata`;
            ``.safetensors`` holds the weights alone.
        stage, flip, decode: as for :func:`deployed`; not for weights.
        opset: of ONNX; None leaves it to torch.
        images: to compare on, each whole; none: three rendered people.

    Raises:
        ExportError: if the file does not compute what the network does.
        HourglassError: for arguments that cannot be meant, or files that cannot be used.
    """
    out, checkpoint = Path(out).expanduser(), find_weights(checkpoint)
    _check_arguments(out, checkpoint, stage, flip, decode, opset)
    estimator = load_model(config, checkpoint, device='cpu')
    module = deployed(estimator, stage, flip, decode)
    crops = _crops(images, estimator.cfg.model.head.decoder.input_size)
    notes = metadata(estimator, module, checkpoint)
    with replacing(out) as draft, TemporaryDirectory(dir=out.parent) as folder:
        written = Path(folder) / out.name       # torch goes by the ending, which a draft has not
        if out.suffix == '.safetensors':
            convert_checkpoint(checkpoint, written)
            run = deployed(load_model(config, written, device='cpu'))
        elif out.suffix == '.pt2':
            run = _write_pt2(_program(module, crops, out), notes, written, out)
        else:
            run = _write_onnx(_program(module, crops, out), notes, opset, written, out)
        exported = compare(run, module, crops, len(images) or len(crops), out)
        exported.size = written.stat().st_size
        os.replace(written, draft)
    return exported


def _check_arguments(out: Path, checkpoint: Path, stage, flip, decode, opset) -> None:
    if out.suffix not in FORMATS:
        raise ConfigError(f"{out}: name a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file")
    if out.resolve() == checkpoint.resolve():
        raise ConfigError(f'{out}: would replace the checkpoint it is made of; name another')
    if out.suffix == '.safetensors' and (stage is not None or flip or decode):
        raise ConfigError(f'{out}: holds weights, which no stage, flip or decode changes; leave '
                          'them out, or name an .onnx or .pt2 file')
    if out.suffix != '.onnx' and opset is not None:
        raise ConfigError(f'{out}: has no opset, an .onnx file has; leave it out')
    missing = [name for name in ('onnx', 'onnxscript', 'onnxruntime') if find_spec(name) is None]
    if out.suffix == '.onnx' and missing:
        raise ConfigError(f"{out}: needs {', '.join(missing)}, which is not installed: pip install "
                          f"{' '.join(missing)}")


def metadata(estimator: TopdownPoseEstimator, module: Deployed, checkpoint: Path) -> dict[str, str]:
    """What a program needs to know to run the file: JSON or words, by name.

    ``input_size`` (w, h) in px; ``pixels`` of the input in words; ``keypoints`` their names;
    ``links`` pairs of keypoints that bones join; ``outputs`` in their order; ``version`` of this
    package; ``source`` config and checkpoint.
    """
    meta = estimator.dataset_meta
    names = [meta['keypoint_id2name'][i] for i in range(len(meta['keypoint_id2name']))]
    return dict(
        input_size=json.dumps(list(estimator.cfg.model.head.decoder.input_size)),
        pixels='float32, 0 to 255, blue green red',
        keypoints=json.dumps(names),
        links=json.dumps([list(map(int, link)) for link in meta['skeleton_links']]),
        outputs=json.dumps(_outputs(module)),
        version=f'hourglass {hourglass.__version__}',
        source=f'{Path(estimator.cfg.filename).name}, {checkpoint.name}')


def _outputs(module: Deployed) -> list[str]:
    return ['heatmaps'] if module.decode is None else ['keypoints', 'scores']


def _crops(images: Sequence[str | Path], input_size: Sequence[int]) -> Tensor:
    """The images as input (N, 3, H, W), each whole; N is a multiple of the largest batch."""
    loaded = ([read_image(path) for path in images] if images else
              [render_person(seed, (256, 256))[0] for seed in range(max(_BATCHES))])
    crop = TopdownAffine(tuple(input_size))
    inputs = []
    for image in loaded:
        size = np.array([image.shape[1::-1]], np.float32)                 # (1, 2) w, h
        cut = crop.transform(dict(img=image, bbox_center=size / 2, bbox_scale=size))['img']
        inputs.append(torch.from_numpy(cut).permute(2, 0, 1).float())
    count = -(-len(inputs) // max(_BATCHES)) * max(_BATCHES)
    return torch.stack([inputs[i % len(inputs)] for i in range(count)])


@contextmanager
def _refusals_in_one_line(out: Path):
    """torch's exporters and the runtimes raise a dozen types, some of many lines."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', FutureWarning)      # torch's, about itself
            yield
    except (ExportError, OSError):
        raise
    except Exception as error:
        words = ' '.join(str(error).split())[:200]
        raise ExportError(f'{out}: cannot be exported ({type(error).__name__}: {words}); nothing '
                          'was written') from error


def _dynamic_shapes() -> dict:
    return dict(pixels={0: torch.export.Dim('batch')})


def _program(module: Deployed, crops: Tensor, out: Path) -> torch.export.ExportedProgram:
    with torch.no_grad(), _refusals_in_one_line(out):
        return torch.export.export(module, (crops[:2],), dynamic_shapes=_dynamic_shapes())


def _write_pt2(program, notes: dict[str, str], path: Path, out: Path) -> Callable:
    with _refusals_in_one_line(out):
        buffer = io.BytesIO()           # where the disk is full, torch raises an error of its own
        torch.export.save(program, buffer, extra_files={'hourglass.json': json.dumps(notes)})
        path.write_bytes(buffer.getvalue())
        return torch.export.load(path).module()


def _write_onnx(program, notes: dict[str, str], opset: int | None, path: Path, out: Path
                ) -> Callable:
    with _refusals_in_one_line(out):
        import onnx
        from onnxruntime import InferenceSession
        made = torch.onnx.export(
            program, input_names=['pixels'], output_names=json.loads(notes['outputs']),
            opset_version=opset, dynamo=True, verbose=False, dynamic_shapes=_dynamic_shapes())
        given = made.model.opset_imports['']
        if opset is not None and given != opset:
            raise ExportError(f'{out}: opset {opset} is not to be had, torch makes {given} of it; '
                              'leave --opset out')
        made.model.metadata_props.update(notes)
        path.write_bytes(made.model_proto.SerializeToString())
        onnx.checker.check_model(path)
        session = InferenceSession(path, providers=['CPUExecutionProvider'])

    return lambda pixels: [
        torch.from_numpy(output) for output in session.run(None, {'pixels': pixels.numpy()})]


@torch.no_grad()
def compare(run: Callable, module: Deployed, crops: Tensor, images: int, out: Path) -> Exported:
    """Run an exported network beside torch, in batches of one and of several.

    Args:
        run: the exported one; as many outputs as the module.
        module: the network.
        crops: (N, 3, H, W), a multiple of the largest batch.
        images: of them that are not there twice.
        out: the file an error names.

    Raises:
        ExportError: if it gives something else.
    """
    deviations, keypoints, unsettled = [0.0], 0, 0
    decodes = module.decode is not None
    for size in _BATCHES:
        for pixels in crops.split(size):
            heatmaps = module.heatmaps(pixels)                              # (B, K, h, w)
            with _refusals_in_one_line(out):
                found = run(pixels)
            if decodes:
                keypoints_input, scores = module.decode(heatmaps)
                _refuse_deviation('scores', found[1], scores, heatmaps, out)
                offsets = (found[0] - keypoints_input).abs().amax(-1)       # (B, K)
                far = offsets > LARGEST_OFFSET_PX
                if far.any():
                    excused = far & _can_round_to(found[0], module.decode, heatmaps)
                    unsettled += int(excused.sum())
                    offsets = offsets[~excused]
                deviations += offsets.flatten().tolist()
            else:
                found = found[0] if isinstance(found, list) else found
                deviations.append(_refuse_deviation('heatmaps', found, heatmaps, heatmaps, out))
            keypoints += heatmaps.shape[:2].numel()
    if decodes and not max(deviations) <= LARGEST_OFFSET_PX:
        raise ExportError(f'{out}: keypoints lie up to {max(deviations):.3g} px from those of '
                          f'torch, {LARGEST_OFFSET_PX} allowed; nothing was written')
    return Exported(out, 0, images, max(deviations), decodes, keypoints, unsettled)


def _refuse_deviation(what: str, found: Tensor, expected: Tensor, heatmaps: Tensor, out: Path
                      ) -> float:
    """The largest deviation as a fraction of the heatmaps' largest value, if it is small enough."""
    deviation = float((found - expected).abs().max() / heatmaps.abs().max())
    if not deviation <= LARGEST_DEVIATION:                          # nor is NaN
        raise ExportError(f'{out}: {what} deviate from those of torch by {deviation:.3g} of the '
                          f'largest, {LARGEST_DEVIATION} allowed; nothing was written')
    return deviation


def _can_round_to(keypoints_input: Tensor, decode: DecodeHeatmaps, heatmaps: Tensor) -> Tensor:
    """(B, K) whether heatmaps rounded otherwise could give them, as where two peaks are equal."""
    generator = torch.Generator().manual_seed(0)
    noise = _ROUNDING * heatmaps.abs().max() * (
        2 * torch.rand(16, *heatmaps.shape, generator=generator) - 1)
    places = torch.stack([decode(heatmaps + one)[0] for one in noise])      # (16, B, K, 2)
    return ((keypoints_input >= places.amin(0) - LARGEST_OFFSET_PX)
            & (keypoints_input <= places.amax(0) + LARGEST_OFFSET_PX)).all(-1)
