"""Random networks under the names of public projects, for tests of checkpoints."""
import torch

from hourglass import StackedHourglass
from hourglass.checkpoints.families import FAMILIES, tensor_names

SIZES = dict(num_stacks=3, channels=16, num_keypoints=5, depth=3, blocks_per_scale=1,
             stem_channels=(4, 8, 12))
FAMILY = {family.name: family for family in FAMILIES}


def tensors_of(family: str, prefix: str = '', **changes) -> tuple[dict, StackedHourglass]:
    """Return the tensors of a random network under a family's names, and the network."""
    torch.manual_seed(0)
    network = StackedHourglass(**SIZES | changes).eval()
    for name, buffer in network.named_buffers():
        if 'running' in name:                           # as if it had been trained
            buffer.uniform_(0.5, 1.5)
    values = network.state_dict()
    return {prefix + theirs: values[ours]
            for ours, theirs in tensor_names(network, FAMILY[family])}, network
