"""Conversion of other projects' checkpoints to files and configs for training and testing here."""
from __future__ import annotations

import io
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hourglass.checkpoints.families import PIXELS, Tensors
from hourglass.checkpoints.importing import import_checkpoint
from hourglass.checkpoints.names import ROOT
from hourglass.checkpoints.reading import (
    one_line_of,
    read_checkpoint,
    state_dict,
    stored_tensors,
    to_int8,
)
from hourglass.checkpoints.resizing import first_stacks, widened, widened_head
from hourglass.errors import CheckpointError, ConfigError
from hourglass.io.files import replacing
from hourglass.models.backbone import StackedHourglass
from hourglass.models.stages import stage_index

_DATA_OF_KEYPOINTS = {16: 'mpii', 11: 'flic', 14: 'lsp', 17: 'coco'}
# number of stacks in the base config of each data set
DATA = {'mpii': 8, 'flic': 8, 'lsp': 8, 'coco': 8, 'synthetic': 2}
_INPUT_SIDE = 256                                           # in the base configs


def convert_checkpoint(source: str | Path, out: str | Path, half: bool = False,
                       config: str | Path | None = None, data: str | None = None,
                       pixels: str | None = None, int8: bool = False,
                       widen: float | None = None, stacks: int | None = None) -> dict[str, Any]:
    """Write a checkpoint of any known family under mmengine's names, on request with a config.

    Everything is checked before anything is written. A calibration stays if the heatmaps do: not
    with ``int8``, fewer ``stacks`` or other ``pixels``. Returns the report of
    :func:`~hourglass.checkpoints.import_checkpoint` with the number of ``parameters`` and
    ``calibration_dropped``, whether there was a calibration that did not stay.

    Args:
        out: ``.safetensors``, with the report as its metadata, or ``.pth``, weights-only loadable.
            Names of tensors begin with ``backbone.``, as ``load_from`` needs.
        half: store numbers as float16; they are read back as float32.
        config: where to write a config for the file; not for a network of ours, which has one.
        data: the data set of that config, in :data:`DATA`; None chooses by number of keypoints.
        pixels: a key of :data:`PIXELS`; None takes the file's own or those usual for its family.
        int8: store the weights of convolutions in 8 bits (:func:`.reading.to_int8`); for
            ``.safetensors`` alone.
        widen: write a network with this many times the features (:func:`.resizing.widened`).
        stacks: write only this many stacks, the first ones (:func:`.resizing.first_stacks`).

    Raises:
        CheckpointError: for a source that cannot be imported, a detector with ``stacks``, or an
            unsuitable ``out``.
        ConfigError: if no data set or input fits, there are fewer ``stacks``, or ``widen`` does not
            suit.
        DataError: if a file cannot be written.
    """
    source, out = Path(source).expanduser(), Path(out).expanduser()
    config = Path(config).expanduser() if config else None
    _check_arguments(source, out, int8, data, pixels)
    network, report = import_checkpoint(source)
    other_heatmaps = int8               # with other heights of their peaks
    if stacks is not None:
        if report['head'] is not None:
            raise CheckpointError(
                f'{source}: a detector, which keeps its stacks; leave out --stacks')
        network, fewer = _with_stacks(network, report, stacks)
        other_heatmaps |= fewer
    if widen is not None:
        network, report['config'] = widened(network, report['config'], widen)
        if report['head'] is not None:
            report['head'] = widened_head(report['head'], network.channels)
    if pixels is not None:
        other_heatmaps |= report['pixels'] != PIXELS[pixels]
        report |= dict(pixels=PIXELS[pixels], pixels_from='as asked')
    report['calibration_dropped'] = other_heatmaps and report['calibration'] is not None
    if other_heatmaps:
        report['calibration'] = None
    parts = dict(backbone=network) | ({} if report['head'] is None else dict(head=report['head']))
    report['parameters'] = sum(p.numel() for part in parts.values() for p in part.parameters())
    tensors = {f'{part}.{name}': value for part, module in parts.items()
               for name, value in module.state_dict().items()}
    if half or int8:
        halved = {name: _halved(name, value, source) for name, value in tensors.items()}
        tensors = to_int8(tensors) if int8 else halved
    contents = {out: _as_file(tensors, report, source, out.suffix)}
    if config:
        contents[config] = _config(report, out, config, data).encode()
    for path, content in contents.items():
        with replacing(path) as draft:
            draft.write_bytes(content)
    return report


def _check_arguments(source: Path, out: Path, int8: bool, data: str | None, pixels: str | None
                     ) -> None:
    if out.suffix not in ('.safetensors', '.pth'):
        raise CheckpointError(f'{out}: name a .safetensors or a .pth file')
    if int8 and out.suffix != '.safetensors':
        raise CheckpointError(f'{out}: --int8 is stored as .safetensors; name such a file')
    if out.resolve() == source.resolve():
        raise CheckpointError(f'{out}: would replace the checkpoint it is made of; name another')
    for option, value, known in (('pixels', pixels, PIXELS), ('data', data, DATA)):
        if value is not None and value not in known:
            raise ConfigError(f'{option}={value!r}: choose from {", ".join(known)}')


def _with_stacks(network: StackedHourglass, report: dict[str, Any], stacks: int
                 ) -> tuple[StackedHourglass, bool]:
    """Return a network of the first stacks, and whether it predicts from other heatmaps.

    The last of the stacks predicts; ``report`` is changed to that of the new network.
    """
    count, description = network.num_stacks, report['description']
    network, report['config'] = first_stacks(network, report['config'], stacks)
    if description is None:
        return network, stacks < count
    report['description'] = replace(description, stage=-1)
    return network, stacks < count or stage_index(description.stage, count) < count - 1


def add_metadata(source: str | Path, out: str | Path, texts: dict[str, str]) -> None:
    """Write a checkpoint with more metadata, to a file of the same kind, or in its place.

    Tensors stay as they are stored; a state dict alone becomes the ``state_dict`` of a checkpoint.

    Raises:
        CheckpointError: if it cannot be read, or ``out`` has another suffix.
        DataError: if the file cannot be written.
    """
    source, out = Path(source).expanduser(), Path(out).expanduser()
    if out.suffix != source.suffix:
        raise CheckpointError(f'{out}: name a {source.suffix} file, as the checkpoint is one')
    if out.suffix == '.safetensors':
        from safetensors.torch import save
        with one_line_of(source):
            tensors, meta = stored_tensors(source)
        with replacing(out) as draft:
            draft.write_bytes(save(tensors, metadata=meta | texts))
        return
    from hourglass.checkpoints.plain import to_plain
    content = read_checkpoint(source)
    state_dict(content, source)
    if all(isinstance(value, Tensor) for value in content.values()):
        content = dict(state_dict=content)
    with replacing(out) as draft:
        torch.save(to_plain(content | dict(meta={**content.get('meta', {}), **texts})), draft)


def _halved(name: str, value: Tensor, source: Path) -> Tensor:
    if not value.is_floating_point():
        return value
    largest = value.abs().max().item()
    if not largest <= torch.finfo(torch.float16).max:   # not for NaN and some variances
        raise CheckpointError(f'{source}: {name} reaches {largest:.3g}, more than float16 holds; '
                              'store it without --half or --int8')
    return value.half()


def _as_file(tensors: Tensors, report: dict[str, Any], source: Path, suffix: str) -> bytes:
    meta = dict(family=report['family'], network=json.dumps(report['config']),
                pixels=json.dumps(report['pixels']), source=source.name)
    if report['skeleton'] is not None:
        meta['skeleton'] = report['skeleton']
    if report['description'] is not None:
        mean, std = report['pixels']                    # perhaps as asked
        meta |= replace(report['description'], mean=mean, std=std).metadata()
    if report['calibration'] is not None:
        meta |= report['calibration'].metadata()
    if suffix == '.safetensors':
        from safetensors.torch import save
        return save({name: value.contiguous() for name, value in tensors.items()},
                    metadata=dict(meta, format='pt'))
    buffer = io.BytesIO()
    torch.save(dict(state_dict=tensors, meta=meta), buffer)
    return buffer.getvalue()


def _config(report: dict[str, Any], weights: Path, out: Path, data: str | None) -> str:
    """Return the text of the config ``out``, which names the checkpoint relative to itself."""
    network = report['config']
    keypoints, divisor = network['num_keypoints'], 4 * 2**network['depth']
    if out.suffix != '.py':
        raise ConfigError(f'{out}: name a .py file for the config')
    if report['family'] == 'hourglass':         # its input's size and codec are its config's
        raise ConfigError(f'{out}: a network of ours is tested and trained on with the config it '
                          'was trained with, which its work folder holds; leave --config out')
    data = data or _DATA_OF_KEYPOINTS.get(keypoints)
    if data is None:
        known = ', '.join(f'{count} ({name})' for count, name in _DATA_OF_KEYPOINTS.items())
        raise ConfigError(f"{out}: no data set has the network's {keypoints} keypoints, there are "
                          f'{known}; choose one with --data, then put yours in the config')
    if _INPUT_SIDE % divisor:
        raise ConfigError(f'{out}: an hourglass of {network["depth"]} levels needs sides that '
                          f'{divisor} divides, and the configs have {_INPUT_SIDE}')
    mean, std = report['pixels']
    folder = out.resolve().parent
    base = ROOT / f'configs/{data}/td-hm_hourglass{DATA[data]}-paper_{data}-256x256.py'
    beside = _seen_from(folder, weights.resolve())
    if not os.path.isabs(beside):
        beside = '{{ fileDirname }}/' + beside          # which mmengine fills in
    arguments = ', '.join(f'{name}={value!r}' for name, value in network.items())
    return f"""\
# A network of the {report['family']} layout, as `hourglass convert` found it.
# Its pixels: {report['pixels_from']}.
_base_ = [{_seen_from(folder, base.resolve())!r}]
model = dict(
    data_preprocessor=dict(mean={mean}, std={std}),
    backbone=dict({arguments}))
load_from = {beside!r}
"""


def _seen_from(folder: Path, path: Path) -> str:
    """Return ``path`` relative to ``folder`` if both are in one checkout or folder, or absolute."""
    checkout = ROOT.resolve()
    together = path.is_relative_to(folder) or (
        path.is_relative_to(checkout) and folder.is_relative_to(checkout))
    return Path(os.path.relpath(path, folder) if together else path).as_posix()
