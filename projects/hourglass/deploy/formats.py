"""The formats of exported files: what writes each, and what runs it again."""
from __future__ import annotations

import copy
import io
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

import numpy as np
import torch
from torch import Tensor, nn

from hourglass.deploy.ncnn_graph import ncnn_graph
from hourglass.deploy.runtimes import (
    EXPORTER,
    in_ncnn,
    in_onnxruntime,
    in_openvino,
    in_own_thread,
    missing_packages,
    older_torch,
    to_onnx,
    traced,
)
from hourglass.errors import ExportError
from hourglass.inference.network import PoseNetwork

Run = Callable[[Tensor], Union[Tensor, Sequence[Tensor]]]   # pixels (B, 3, H, W) -> all outputs


@dataclass
class Job:
    """A file to be written."""

    module: PoseNetwork
    crops: Tensor                       # (N, 3, H, W), examples of its input, N at least 2
    notes: dict[str, str]               # stored in the file, by name
    path: Path
    opset: int | None = None
    half: bool = False
    calibration: Tensor | None = None   # crops (M, 3, H, W), if the file computes in 8 bits


@dataclass
class Format:
    """A format, named by its suffix in :data:`FORMATS`."""

    write: Callable[[Job], None]
    run: Callable[[Path], Run]
    options: tuple[str, ...]            # those of :func:`hourglass.deploy.export.export`
    packages: tuple[str, ...] = ()      # those that it needs, beside torch
    torch: str = EXPORTER

    def missing(self, int8: bool) -> str:
        """Return which packages are not installed or too old, in words; empty if none is."""
        more = ('nncf',) if int8 and 'openvino' in self.packages else ()
        return older_torch(self.torch) or missing_packages(*self.packages, *more)


class InHalf(nn.Module):
    """A network in float16: images (B, 3, H, W) float32 -> its outputs, float32."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = copy.deepcopy(network).half()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(output.float() for output in self.network(images.half()))


def _write_pt2(job: Job) -> None:
    buffer = io.BytesIO()               # on a full disk torch would raise an error of its own
    torch.export.save(traced(_precise(job), job.crops[:2]), buffer,
                      extra_files={'hourglass.json': json.dumps(job.notes)})
    job.path.write_bytes(buffer.getvalue())


def _write_onnx(job: Job) -> None:
    import onnx
    made = to_onnx(_precise(job), job.crops[:2], 'pixels', json.loads(job.notes['outputs']),
                   job.opset)
    given = made.model.opset_imports['']
    if job.opset is not None and given != job.opset:
        raise ExportError(f'{job.path.name}: opset {job.opset} is not supported, torch writes '
                          f'{given} instead; leave --opset out')
    for node in made.model.graph:
        node.metadata_props.clear()     # lines of source code, a third of a small file
    made.model.metadata_props.update(job.notes)
    job.path.write_bytes(made.model_proto.SerializeToString())
    onnx.checker.check_model(job.path)
    if job.calibration is not None:
        _quantize_onnx(job.path, job.calibration)


def _quantize_onnx(path: Path, crops: Tensor) -> None:
    """Compute the convolutions of an ONNX file in 8 bits, except those whose outputs are summed."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, quantize_static

    class Crops(CalibrationDataReader):
        def __init__(self):
            self.left: Iterator = iter(crops.split(1))

        def get_next(self) -> dict | None:
            return next(({'pixels': crop.numpy()} for crop in self.left), None)
    # With sums and activations in 8 bits, too, keypoints of a small network on FLIC moved by 6 px,
    # not by 0.8. The outputs of convolutions are rounded as well, and errors of a sum remain until
    # the last stack: with rounded summands keypoints of people moved by 5.5 px, not by 0.6.
    nodes = onnx.load(path).graph.node
    summands = {name for node in nodes if node.op_type == 'Add' for name in node.input}
    summed = [node.name for node in nodes if summands.intersection(node.output)]
    logging.disable(logging.WARNING)    # advises to optimise the graph, which torch has done
    try:
        quantize_static(path, path, Crops(), per_channel=True, op_types_to_quantize=['Conv'],
                        nodes_to_exclude=summed)
    finally:
        logging.disable(logging.NOTSET)


def _write_openvino(job: Job) -> None:
    import openvino
    through = job.path.with_suffix('.onnx')
    _write_onnx(Job(job.module, job.crops, job.notes, through))
    model = openvino.convert_model(through)
    through.unlink()
    if job.calibration is not None:
        model = _quantized_by_nncf(model, job.calibration)
    for name, note in job.notes.items():
        model.set_rt_info(note, ['hourglass', name])
    if job.half:
        _halve_weights(model)
    openvino.save_model(model, job.path, compress_to_fp16=False)


def _halve_weights(model: Any) -> None:
    """Store the weights of an OpenVINO model's convolutions in float16.

    ``compress_to_fp16`` rounds biases and scales, too, which take little space: scores of
    flic-small then move by 0.0109 of the largest on 99 frames of FLIC, not by 0.0033.
    """
    from openvino import opset13
    for op in model.get_ops():
        if op.get_type_name() == 'Convolution':
            weight = op.input_value(1).get_node()
            half = opset13.constant(weight.data.astype(np.float16))
            op.input(1).replace_source_output(opset13.convert(half, 'f32').output(0))


def _quantized_by_nncf(model: Any, crops: Tensor) -> Any:
    """Return an OpenVINO model whose convolutions compute in 8 bits."""
    import nncf
    nncf.set_log_level(logging.WARNING)
    others = sorted({op.get_type_name() for op in model.get_ops()} - {'Convolution'})
    return in_own_thread(
        nncf.quantize, model, nncf.Dataset([crop.numpy() for crop in crops.split(1)]),
        subset_size=len(crops), ignored_scope=nncf.IgnoredScope(types=others, validate=False))


def _write_ncnn(job: Job) -> None:
    if job.module.to_heatmaps is not None:
        raise ExportError(f'{job.path.name}: takes a network that ends in heatmaps, not a head '
                          'with convolutions; name an .onnx file')
    layers, weights = ncnn_graph(job.module.network, normalize=_normalization(job.module),
                                 half=job.half)
    job.path.write_text(layers)
    job.path.with_suffix('.bin').write_bytes(weights)
    job.path.with_suffix('.json').write_text(json.dumps(job.notes))


@torch.no_grad()
def _normalization(module: PoseNetwork) -> nn.Conv2d:
    """Pixels (B, 3, H, W) -> normalised images, as a 1x1 convolution."""
    conv = nn.Conv2d(3, 3, 1)
    weight = torch.diag(1 / module.std.flatten())
    conv.weight.copy_((weight.flip(1) if module.description.rgb else weight)[:, :, None, None])
    assert conv.bias is not None
    conv.bias.copy_(-(module.mean / module.std).flatten())
    return conv


def _precise(job: Job) -> PoseNetwork:
    """Return the module in the precision of the file."""
    module = job.module.until_stage()
    if job.half:
        module.network = InHalf(module.network)
    return module


FORMATS = {
    '.onnx': Format(_write_onnx, in_onnxruntime, (
        'stage', 'flip', 'decode', 'opset', 'half', 'int8'), ('onnx', 'onnxscript', 'onnxruntime')),
    '.xml': Format(_write_openvino, in_openvino, ('stage', 'flip', 'decode', 'half', 'int8'),
                   ('onnx', 'onnxscript', 'openvino')),
    '.param': Format(_write_ncnn, in_ncnn, ('stage', 'half'), ('ncnn',), '2.0'),
    '.pt2': Format(_write_pt2, lambda path: torch.export.load(path).module(),
                   ('stage', 'flip', 'decode', 'half')),
}
