"""Two and three processes (gloo, CPU) do what one does on the union of their batches."""
import warnings
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from children import together
from mmengine.model import BaseModel, convert_sync_batchnorm
from mmengine.optim import OptimWrapper
from pairs import zip_equal
from torch.nn.functional import mse_loss

from hourglass import StackedHourglass
from hourglass.engine.distributed import DataParallel, SyncBatchNormOnCpu

SIDE = 32


class Estimator(BaseModel):
    """The network with a loss per stack, in float64, so that what differs is no rounding."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.network = StackedHourglass(2, 8, 3, depth=1, stem_channels=(4, 8, 8))

    def forward(self, images, targets, mode):
        return {f'loss_stage{stage}': mse_loss(heatmaps, targets)
                for stage, heatmaps in enumerate(self.network(images))}


def batches(steps: int) -> list[dict]:
    generator = torch.Generator().manual_seed(1)
    return [dict(images=torch.rand(6, 3, SIDE, SIDE, generator=generator).double() + 3,
                 targets=torch.rand(6, 3, SIDE // 4, SIDE // 4, generator=generator).double())
            for _ in range(steps)]


def train(rank: int, ranks: int, folder: str, sync_bn: bool, steps: int) -> None:
    """``steps`` steps on this rank's share of the batches; leaves losses and weights in a file."""
    torch.set_num_threads(1)            # a fork must not use the parent's thread pool
    model = Estimator().double()
    if ranks > 1:
        dist.init_process_group('gloo', f'file://{folder}/meet{ranks}{steps}', rank=rank,
                                world_size=ranks)
        if sync_bn:
            model = convert_sync_batchnorm(model)
        model = DataParallel(model, device_ids=[rank])
    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    losses = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        for batch in batches(steps):
            logged = model.train_step({k: v[rank::ranks] for k, v in batch.items()}, optimizer)
            losses.append({key: value.item() for key, value in logged.items()})
        warned = [str(warning.message) for warning in caught]
    module = getattr(model, 'module', model)
    torch.save(dict(losses=losses, weights=module.state_dict(), warned=warned),
               f'{folder}/{ranks}_{rank}.pt')


def run(folder: Path, ranks: int, sync_bn: bool, steps: int) -> list[dict]:
    """What each rank left."""
    if ranks == 1:
        train(0, 1, str(folder), sync_bn, steps)
    else:
        if torch.__version__ >= '2.1':       # process groups load it: once for all the forks
            dir(torch._dynamo.config)
        together(train, (ranks, str(folder), sync_bn, steps), ranks)
    return [torch.load(folder / f'{ranks}_{rank}.pt') for rank in range(ranks)]


@pytest.mark.parametrize('ranks', [2, 3])
def test_a_step_is_that_of_one_process_on_the_union_of_the_batches(tmp_path, ranks):
    (alone,), shared = (run(tmp_path, n, True, 3) for n in (1, ranks))
    for rank in shared:
        for mine, wanted in zip_equal(rank['losses'], alone['losses']):
            assert mine == pytest.approx(wanted, rel=1e-12)         # float64 rounds at 2e-16
        for name, wanted in alone['weights'].items():       # with plain SGD: the gradients' sum
            assert torch.allclose(rank['weights'][name], wanted, rtol=1e-10, atol=1e-12), name
            assert torch.equal(rank['weights'][name], shared[0]['weights'][name]), name
        assert not rank['warned']           # DDP: 'Grad strides do not match bucket view strides'


@pytest.mark.parametrize('ranks', [2, 3])
def test_without_shared_statistics_they_are_averaged_after_every_step(tmp_path, ranks):
    shared = run(tmp_path, ranks, False, 2)
    for rank in shared[1:]:
        for name, wanted in shared[0]['weights'].items():
            assert torch.equal(rank['weights'][name], wanted), name
        assert rank['losses'] == shared[0]['losses']            # the mean, not each one's own
    first = 'network.stem.1.running_mean'                       # sees the same maps for one step
    (alone,), shared = (run(tmp_path, n, False, 1) for n in (1, ranks))
    assert torch.allclose(shared[0]['weights'][first], alone['weights'][first], rtol=1e-12)


def normalise(rank: int, folder: str, options: dict) -> None:
    """In a process of its own, as the threads of a process group stay and must not be forked."""
    dist.init_process_group('gloo', f'file://{folder}/meet', rank=rank, world_size=1)
    ours, theirs = (kind(3, **options).double() for kind in (
        SyncBatchNormOnCpu, torch.nn.BatchNorm2d))
    for images in torch.rand(3, 2, 3, 8, 8).double():
        torch.testing.assert_close(ours(images), theirs(images))
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value)


@pytest.mark.parametrize('options', [dict(momentum=None), dict(affine=False), {}], ids=str)
def test_batches_of_one_process_are_normalised_as_torch_does(tmp_path, options):
    together(normalise, (str(tmp_path), options), ranks=1)
