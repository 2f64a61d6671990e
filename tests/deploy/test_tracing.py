"""A traced module takes any batch size, in torch and in ONNX."""
import pytest
import torch

from hourglass.deploy.tracing import to_onnx, traced


class Double(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return 2 * x, x.amax((1, 2))


def test_a_program_takes_batches_of_another_size():
    program = traced(Double(), torch.zeros(2, 3, 4)).module()
    for size in (1, 5):
        x = torch.rand(size, 3, 4)
        doubled, largest = program(x)
        assert torch.equal(doubled, 2 * x) and torch.equal(largest, x.amax((1, 2)))


@pytest.mark.slow                       # a quarter of a minute to import the exporter
def test_onnx_has_the_given_names_and_any_batch_size():
    onnxruntime = pytest.importorskip('onnxruntime')
    program = to_onnx(Double(), torch.zeros(2, 3, 4), 'x', ['doubled', 'largest'], opset=18)
    assert program.model.opset_imports[''] == 18
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    assert session.get_inputs()[0].shape == ['batch', 3, 4]
    x = torch.rand(5, 3, 4)
    doubled, largest = session.run(['doubled', 'largest'], {'x': x.numpy()})
    assert (doubled == 2 * x.numpy()).all() and (largest == x.amax((1, 2)).numpy()).all()
