"""Small ONNX files with given outputs."""
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip('onnx')
helper, numpy_helper, TensorProto = onnx.helper, onnx.numpy_helper, onnx.TensorProto


def write_constant(path: Path, outputs: list[np.ndarray], size: tuple = (64, 64),
                   more_inputs: dict[str, list[int]] = {}) -> Path:
    """Write a graph that gives the outputs for any image of ``size`` (w, h; or names of axes)."""
    inputs = dict(image=[1, 3, size[1], size[0]]) | more_inputs
    nodes, given = [], []
    for index, output in enumerate(outputs):
        value = numpy_helper.from_array(output.astype(np.float32), f'value{index}')
        nodes.append(helper.make_node('Constant', [], [f'output{index}'], value=value))
        given.append(helper.make_tensor_value_info(f'output{index}', TensorProto.FLOAT,
                                                   output.shape))
    return _write(path, nodes, inputs, given)


def write_mean_boxes(path: Path, size: tuple[int, int], kind: str = 'FLOAT') -> Path:
    """Write a detector of one box, whose x1, y1 and x2 are the means of the input's channels."""
    nodes = [helper.make_node('Cast', ['image'], ['numbers'], to=TensorProto.FLOAT),
             helper.make_node('ReduceMean', ['numbers'], ['means'], axes=[2, 3], keepdims=0),
             helper.make_node('Constant', [], ['rest'], value=numpy_helper.from_array(
                 np.array([[1e4, 1, 0]], np.float32))),
             helper.make_node('Concat', ['means', 'rest'], ['row'], axis=1),
             helper.make_node('Constant', [], ['shape'], value=numpy_helper.from_array(
                 np.array([1, 1, 6], np.int64))),
             helper.make_node('Reshape', ['row', 'shape'], ['output'])]
    return _write(path, nodes, dict(image=[1, 3, size[1], size[0]]),
                  [helper.make_tensor_value_info('output', TensorProto.FLOAT, [1, 1, 6])], kind)


def write_means(path: Path, size: tuple[int, int], channels_last: bool, kind: str) -> Path:
    """Write a graph that returns the means (1, 3) of the channels of an image of type ``kind``."""
    shape = [1, *size[::-1]]
    shape.insert(3 if channels_last else 1, 3)
    nodes = [helper.make_node('Cast', ['image'], ['numbers'], to=TensorProto.FLOAT),
             helper.make_node('ReduceMean', ['numbers'], ['output'], keepdims=0,
                              axes=[1, 2] if channels_last else [2, 3])]
    return _write(path, nodes, dict(image=shape), [
        helper.make_tensor_value_info('output', TensorProto.FLOAT, [1, 3])], kind)


def _write(path: Path, nodes: list, inputs: dict[str, list], outputs: list, kind: str = 'FLOAT'
           ) -> Path:
    graph = helper.make_graph(nodes, 'graph', [
        helper.make_tensor_value_info(name, getattr(TensorProto, kind), shape)
        for name, shape in inputs.items()], outputs)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8),
              path)
    return path
