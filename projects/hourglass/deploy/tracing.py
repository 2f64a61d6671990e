"""A module of one input as a program of torch or of ONNX, which takes any batch size."""
import warnings
from collections.abc import Sequence

import torch
from torch import Tensor, nn

_ANY_BATCH = ({0: torch.export.Dim('batch')},)


def traced(module: nn.Module, inputs: Tensor) -> torch.export.ExportedProgram:
    """Trace a module with example inputs (B, ...), B at least 2."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter('ignore', FutureWarning)                  # torch's, about itself
        return torch.export.export(module, (inputs,), dynamic_shapes=_ANY_BATCH)


def to_onnx(module: nn.Module, inputs: Tensor, input_name: str, output_names: Sequence[str],
            opset: int | None = None) -> torch.onnx.ONNXProgram:
    """Translate a module, traced as by :func:`traced`, into ONNX of version ``opset`` (torch's)."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        program = torch.onnx.export(
            traced(module, inputs), input_names=[input_name], output_names=output_names,
            opset_version=opset, dynamo=True, verbose=False, dynamic_shapes=_ANY_BATCH)
    assert program is not None          # there is one with dynamo=True
    return program
