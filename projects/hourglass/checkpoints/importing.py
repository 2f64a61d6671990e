"""A checkpoint of any known family, read into our network with its numbers unchanged."""
import re
from pathlib import Path

import torch

from hourglass.checkpoints.families import FAMILIES, Family, Tensors, tensor_names
from hourglass.checkpoints.reading import read_checkpoint, state_dict
from hourglass.errors import CheckpointError
from hourglass.models.network import StackedHourglass


def import_checkpoint(path: str | Path) -> tuple[StackedHourglass, dict]:
    """Read a checkpoint of any known family into a network of the right size.

    Whatever stands before the names (DataParallel's ``module.``, mmpose's ``backbone.``, both) is
    taken off; numbers stored in half precision become float32.

    Args:
        path: a file written by ``torch.save`` (read weights-only) or a ``.safetensors`` file.

    Returns:
        The network in eval mode, and a report: ``family``, ``config`` (the arguments of
        :class:`StackedHourglass`), ``pixels`` (the family's input: ``'unit'`` or ``'bearpaw'``, see
        :data:`hourglass.checkpoints.convert.PIXELS`), ``dropped`` (names in the file that compute
        nothing in this network).

    Raises:
        CheckpointError: if the file cannot be read, belongs to no known family, lacks a tensor, or
            has one that computes something our network does not.
    """
    path = Path(path)
    content = state_dict(read_checkpoint(path), path)
    family, prefix = _recognise(content, path)
    tensors = {name.removeprefix(prefix): value for name, value in content.items()
               if name.startswith(prefix)}
    try:
        config = family.config(tensors)
    except (KeyError, ValueError, IndexError) as error:
        raise CheckpointError(f'{path}: parts of a {family.name} network are missing ({error})'
                              ) from None
    network = StackedHourglass(**config).eval()
    names = dict(tensor_names(network, family))
    _load(network, names, tensors, family, path)
    unused = set(tensors) - set(names.values())
    dead = re.compile(family.dead(network.num_stacks))
    alive = sorted(name for name in unused if not dead.match(name))
    if alive:
        raise CheckpointError(
            f'{path}: a {family.name} network with more than StackedHourglass has: {len(alive)} '
            f'tensors such as {prefix + alive[0]}; its outputs would change without them')
    elsewhere = set(content) - {prefix + name for name in tensors}
    return network, dict(family=family.name, config=config, pixels=family.pixels,
                         dropped=sorted({prefix + name for name in unused} | elsewhere))


def _recognise(content: Tensors, path: Path) -> tuple[Family, str]:
    """The family whose marker is among the names, and what stands before it."""
    for family in FAMILIES:
        marked = [name for name in content if f'.{name}'.endswith(f'.{family.marker}')]
        if marked:
            return family, min(marked, key=len).removesuffix(family.marker)
    known = ', '.join(f.name for f in FAMILIES)
    raise CheckpointError(f'{path}: the names of its tensors belong to none of the known layouts '
                          f'({known}); the first is {next(iter(content), "none")!r}')


def _load(network: StackedHourglass, names: dict[str, str], tensors: Tensors, family: Family,
          path: Path) -> None:
    """Put the family's tensors where ``names`` (ours -> theirs) says."""
    ours = {our: tensors.get(theirs) for our, theirs in names.items()}
    for name, value in ours.items():        # files of torch 0.3 do not count batches
        if value is None and name.endswith('num_batches_tracked'):
            ours[name] = torch.tensor(0)
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    wrong = [name for name, shape in shapes.items()
             if ours[name] is None or tuple(ours[name].shape) != shape]
    if wrong:
        first = wrong[0]
        there = 'missing' if ours[first] is None else tuple(ours[first].shape)
        raise CheckpointError(
            f'{path}: {len(wrong)} of {len(ours)} parts of a {family.name} network are missing or '
            f'of another shape, first {names[first]} ({there}, {shapes[first]} expected)')
    network.load_state_dict(ours)
