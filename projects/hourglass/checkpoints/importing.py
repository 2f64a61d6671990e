"""A checkpoint of any known family, read into our network with its numbers unchanged."""
import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import torch

from hourglass.checkpoints.families import (
    FAMILIES,
    OTHERS,
    PIXELS,
    Family,
    Tensors,
    tensor_names,
)
from hourglass.checkpoints.reading import read_checkpoint, state_dict
from hourglass.datasets.skeletons import SKELETONS
from hourglass.errors import CheckpointError, ConfigError
from hourglass.models.backbone import StackedHourglass


def import_checkpoint(path: str | Path) -> tuple[StackedHourglass, dict]:
    """Read a checkpoint of any known family into a network of the right size.

    Whatever stands before the names (DataParallel's ``module.``, mmpose's ``backbone.``, both) is
    taken off; numbers stored in half precision become float32.

    Args:
        path: a file written by ``torch.save`` (read weights-only) or a ``.safetensors`` file.

    Returns:
        The network in eval mode, and a report: ``family``, ``config`` (the arguments of
        :class:`StackedHourglass`), ``skeleton`` (``'mpii'``, ``'flic'`` or ``'lsp'`` where the file
        says whose keypoints they are, else None), ``pixels`` (what is taken off RGB pixels from 0
        to 255, and what they are divided by), ``pixels_from`` (who says so) and ``dropped`` (names
        in the file that compute nothing in this network).

    Raises:
        CheckpointError: if the file cannot be read, belongs to no known family, holds several
            networks, lacks a tensor, or has one that computes something our network does not.
    """
    path = Path(path)
    content = read_checkpoint(path)
    everything = state_dict(content, path)
    family, prefix = _recognise(everything, path)
    tensors = {name.removeprefix(prefix): value for name, value in everything.items()
               if name.startswith(prefix)}
    try:
        config = family.config(tensors)
        network = StackedHourglass(**config).eval()
    except (KeyError, IndexError, ConfigError) as error:
        raise CheckpointError(f'{path}: no whole {family.name} network ({error})') from None
    names = dict(tensor_names(network, family))
    _load(network, names, tensors, family, path)
    unused = set(tensors) - set(names.values())
    dead = re.compile(family.dead(network.num_stacks))
    alive = sorted(name for name in unused if not dead.match(name))
    if alive:
        raise CheckpointError(
            f'{path}: a {family.name} network with more than StackedHourglass has: {len(alive)} '
            f'tensors such as {prefix + alive[0]}; its outputs would change without them')
    elsewhere = set(everything) - {prefix + name for name in tensors}
    meta = content.get('meta')
    meta = meta if isinstance(meta, dict) else {}
    pixels, pixels_from = _pixels(meta, family)
    return network, dict(
        family=family.name, config=config, skeleton=_skeleton(meta), pixels=pixels,
        pixels_from=pixels_from, dropped=sorted({prefix + name for name in unused} | elsewhere))


def _recognise(tensors: Tensors, path: Path) -> tuple[Family, str]:
    """The family whose marker is among the names, and what stands before it."""
    found = [(family, name.removesuffix(family.marker)) for family in FAMILIES for name in tensors
             if f'.{name}'.endswith(f'.{family.marker}')]
    if len(found) > 1:
        raise CheckpointError(
            f'{path}: holds {len(found)} networks, below '
            f"{' and '.join(repr(prefix) for _, prefix in found)}; save one of them alone")
    if found:
        return found[0]
    known = ', '.join(family.name for family in FAMILIES)
    other = next((what for start, what in OTHERS.items() for name in tensors
                  if f'.{start}' in f'.{name}'), None)
    what = (f'holds {other}; it belongs' if other else
            f'the first of its tensors is {next(iter(tensors), "none")!r}; their names belong')
    raise CheckpointError(f'{path}: {what} to none of the known layouts ({known})')


def _load(network: StackedHourglass, names: dict[str, str], tensors: Tensors, family: Family,
          path: Path) -> None:
    """Put the family's tensors where ``names`` (ours -> theirs) says."""
    ours = {our: tensors.get(theirs) for our, theirs in names.items()}
    for name, value in ours.items():        # files of torch 0.3 do not count batches
        if value is None and name.endswith('num_batches_tracked'):
            ours[name] = torch.tensor(0)
    wanted = network.state_dict()
    wrong = [name for name, value in wanted.items()
             if ours[name] is None or ours[name].shape != value.shape]
    if wrong:
        first = wrong[0]
        there = 'missing' if ours[first] is None else tuple(ours[first].shape)
        raise CheckpointError(
            f'{path}: {len(wrong)} of {len(ours)} parts of a {family.name} network are missing or '
            f'of another shape, first {names[first]} ({there}, {tuple(wanted[first].shape)} '
            'expected)')
    for name, value in wanted.items():
        if value.is_floating_point() and not ours[name].is_floating_point():
            raise CheckpointError(f'{path}: {names[name]} holds {ours[name].dtype}, not floating '
                                  'point numbers; import the file it was quantised from')
    network.load_state_dict(ours)


def _skeleton(meta: dict) -> str | None:
    """Whose keypoints they are: noted when it was converted, or by mmengine when it was trained."""
    trained_on = meta.get('dataset_meta')
    trained_on = trained_on if isinstance(trained_on, dict) else {}
    name = meta.get('skeleton', trained_on.get('dataset_name'))
    return name if name in SKELETONS else None


def _pixels(meta: dict, family: Family) -> tuple[tuple[list, list], str]:
    """Mean and deviation of the pixels, and where that is known from."""
    if 'pixels' in meta:
        return tuple(json.loads(meta['pixels'])), 'noted when it was converted'
    for pixels in _pixels_in(meta.get('cfg', '')):
        return pixels, 'the config it was trained with'
    return PIXELS[family.pixels], f'usual for the layout {family.name}'


def _pixels_in(config: str) -> Iterator[tuple[list, list]]:
    """What the text of a config, which mmengine keeps in a checkpoint, takes off; runs nothing."""
    try:
        for node in ast.walk(ast.parse(config)):
            if isinstance(node, ast.keyword) and node.arg == 'data_preprocessor':
                numbers = {part.arg: ast.literal_eval(part.value) for part in node.value.keywords
                           if part.arg in ('mean', 'std')}
                yield numbers['mean'], numbers['std']
    except (SyntaxError, ValueError, KeyError, AttributeError, TypeError):
        return                                          # no config as mmengine writes them
