"""Import of a checkpoint of any known family into our network, with its numbers unchanged."""
from __future__ import annotations

import ast
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from hourglass.checkpoints import families
from hourglass.checkpoints.description import Description
from hourglass.checkpoints.families import Family, Pixels, Tensors, tensor_names
from hourglass.checkpoints.reading import read_checkpoint, state_dict
from hourglass.datasets.skeletons import SKELETONS, outline
from hourglass.errors import CheckpointError, ConfigError, words_of
from hourglass.evaluation.calibration import Calibration
from hourglass.models.backbone import StackedHourglass
from hourglass.models.centers import CenterHead


def import_checkpoint(path: str | Path) -> tuple[StackedHourglass, dict[str, Any]]:
    """Read a checkpoint of any known family into a network of the right size.

    The file is one of ``torch.save`` (read weights-only) or ``.safetensors``. Any prefix of the
    names (DataParallel's ``module.``, mmpose's ``backbone.``, both) is removed; numbers stored in
    half precision become float32. Raises ``CheckpointError`` if the file cannot be read, belongs to
    no known family, holds several networks, lacks a tensor, or has one that computes something our
    network does not.

    Returns:
        The network in eval mode, and a report: ``family``, ``config`` (the arguments of
        :class:`StackedHourglass`), ``skeleton`` (``'mpii'``, ``'flic'`` or ``'lsp'``, or None if
        the file does not record it), ``pixels`` (mean and deviation of RGB pixels from 0 to 255),
        ``pixels_from`` (their source), ``dropped`` (names of tensors not used), ``description`` and
        ``calibration`` (None where they are not known), and ``head`` (the :class:`.CenterHead` of a
        detector, or None).
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
    unused = re.compile(family.unused.format(last=network.num_stacks - 1))
    extra = sorted(name for name in set(tensors) - set(names.values()) if not unused.match(name))
    if extra:
        raise CheckpointError(
            f'{path}: a {family.name} network with more than StackedHourglass has: {len(extra)} '
            f'tensors such as {prefix + extra[0]}; its outputs would change without them')
    head, of_head = _center_head(everything, prefix, path)
    meta = _as_dict(content.get('meta'))
    if family is families.OURS:
        _refuse_other_layers(meta, path)
    skeleton = str(meta.get('skeleton', _as_dict(meta.get('dataset_meta')).get('dataset_name')))
    pixels, pixels_from = _pixels(meta, family)
    return network, dict(
        family=family.name, config=config, skeleton=skeleton if skeleton in SKELETONS else None,
        pixels=pixels, pixels_from=pixels_from,
        description=_description(meta, config['num_keypoints'], family, pixels, path),
        calibration=Calibration.of(meta, path), head=head,
        dropped=sorted(set(everything) - {prefix + name for name in names.values()} - of_head))


def _as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _recognise(tensors: Tensors, path: Path) -> tuple[Family, str]:
    """Find the family whose marker is among the names, and the prefix before it."""
    found = [(family, name.removesuffix(family.marker)) for family in families.FAMILIES
             for name in tensors if f'.{name}'.endswith(f'.{family.marker}')]
    if len(found) == 1:
        return found[0]
    if found:
        raise CheckpointError(
            f'{path}: holds {len(found)} networks, below '
            f"{' and '.join(repr(prefix) for _, prefix in found)}; save one of them alone")
    known = ', '.join(family.name for family in families.FAMILIES)
    other = next((what for start, what in families.OTHERS.items() for name in tensors
                  if f'.{start}' in f'.{name}'), None)
    what = (f'holds {other}; it belongs' if other else
            f'the first of its tensors is {next(iter(tensors), "none")!r}; their names belong')
    raise CheckpointError(f'{path}: {what} to none of the known layouts ({known})')


def _load(network: StackedHourglass, names: dict[str, str], tensors: Tensors, family: Family,
          path: Path) -> None:
    """Load the family's tensors by ``names`` (ours -> theirs)."""
    wanted = network.state_dict()
    found = {ours: value for ours, value in wanted.items()      # 0; torch 0.3 did not store it
             if ours.endswith('num_batches_tracked')}
    found |= {ours: tensors[theirs] for ours, theirs in names.items() if theirs in tensors}
    wrong = [ours for ours, value in wanted.items()
             if ours not in found or found[ours].shape != value.shape]
    if wrong:
        first = wrong[0]
        there = tuple(found[first].shape) if first in found else 'missing'
        raise CheckpointError(
            f'{path}: {len(wrong)} of {len(names)} parts of a {family.name} network are missing or '
            f'of another shape, first {names[first]} ({there}, {tuple(wanted[first].shape)} '
            'expected)')
    for ours, value in wanted.items():
        if value.is_floating_point() and not found[ours].is_floating_point():
            raise CheckpointError(f'{path}: {names[ours]} holds {found[ours].dtype}, not floating '
                                  'point numbers; import the file it was quantised from')
    network.load_state_dict(found)


def _refuse_other_layers(meta: dict[str, Any], path: Path) -> None:
    """Raise if the config in the file has layers without tensors that are not the paper's."""
    act = _in_config(meta, 'act_cfg').get('type', 'ReLU')
    eps = _in_config(meta, 'norm_cfg').get('eps', 1e-5)
    if act != 'ReLU' or eps != 1e-5:
        raise CheckpointError(
            f'{path}: trained with {act} and an eps of {eps:g}, and a checkpoint alone gives ReLU '
            'and 1e-05; give its config, too')


def _center_head(tensors: Tensors, prefix: str, path: Path) -> tuple[CenterHead | None, set[str]]:
    """Return the head beside a detector's backbone, and the names of its tensors."""
    start = f"{prefix.removesuffix('backbone.')}head."
    names = {name for name in tensors if name.startswith(start)}
    if f'{start}longer_side' not in names:
        return None, set()
    try:
        return CenterHead.of({name.removeprefix(start): tensors[name] for name in names}), names
    except (KeyError, RuntimeError) as error:
        raise CheckpointError(f'{path}: no whole detector ({words_of(error)})') from None


def _pixels(meta: dict[str, Any], family: Family) -> tuple[Pixels, str]:
    """Return mean and deviation of the pixels, and their source in words."""
    with suppress(KeyError, TypeError, ValueError, RecursionError):
        mean, std = json.loads(meta['pixels'])
        return (mean, std), 'noted when it was converted'
    with suppress(KeyError):
        numbers = _in_config(meta, 'data_preprocessor')
        if numbers and 'mean' not in numbers:           # mmpose then leaves the pixels as they are
            return ([0, 0, 0], [1, 1, 1]), 'the config it was trained with'
        return (numbers['mean'], numbers['std']), 'the config it was trained with'
    return families.PIXELS[family.pixels], f'usual for the layout {family.name}'


def _description(meta: dict[str, Any], keypoints: int | None, family: Family, pixels: Pixels,
                 path: Path) -> Description | None:
    """Return the one in the file, or make it of the config in the file or of the family's habits.

    The layouts of other projects have MPII's joints, an input of 256 px and, as released, quarter
    offsets and an average with the mirrored image.
    """
    if (found := Description.of(meta, path)) is not None:
        return found
    skeleton = _as_dict(meta.get('dataset_meta')) or SKELETONS.get(str(meta.get('skeleton')))
    of_input: dict[str, Any] = {}
    if family is families.OURS:
        codec, data = _in_config(meta, 'decoder'), _in_config(meta, 'data_preprocessor')
        if 'input_size' in codec and (
                'refine' in codec or str(codec.get('type')).endswith('HourglassHeatmap')):
            of_input = dict(
                input_size=codec['input_size'], refine=codec.get('refine', 'quarter'),
                rgb=not data or bool(data.get('bgr_to_rgb') or data.get('rgb_to_bgr')),
                stage=_in_config(meta, 'head').get('predict_stage', -1),
                flip=_in_config(meta, 'test_cfg').get('flip_test', False),
                observer_sides=(
                    False if _in_config(meta, 'dataset').get('labels') == 'person' else None))
    else:
        skeleton = skeleton or next((one for one in SKELETONS.values()
                                     if len(one['keypoint_info']) == keypoints), None)
        of_input = dict(input_size=(256, 256))
    if not skeleton or not of_input:
        return None
    of_input |= outline(skeleton)
    if len(of_input['keypoints']) != keypoints:
        return None
    return Description(mean=pixels[0], std=pixels[1], **of_input)


def _in_config(meta: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the literal arguments of the first ``NAME=dict(...)`` in a checkpoint's config.

    The config is parsed but not run; it may not be one as mmengine writes them.
    """
    found: dict[str, Any] = {}
    with suppress(SyntaxError, ValueError, KeyError, TypeError, MemoryError, RecursionError,
                  StopIteration):
        calls = (node.value for node in ast.walk(ast.parse(meta['cfg']))
                 if isinstance(node, ast.keyword) and node.arg == name)
        for part in next(call.keywords for call in calls if isinstance(call, ast.Call)):
            with suppress(ValueError):                  # no literal: another dict(...), or a list
                found[str(part.arg)] = ast.literal_eval(part.value)
    return found
