"""Checkpoints of other projects as files and configs that this one trains and tests with."""
import json
import os
from pathlib import Path

import torch

from hourglass.checkpoints.importing import import_checkpoint
from hourglass.errors import CheckpointError, ConfigError
from hourglass.files import replacing

# What is taken off the RGB pixels (0 to 255) and what they are then divided by. A checkpoint does
# not tell: princeton's networks see [0, 1]; from bearpaw's and anibali's pixels in [0, 1] MPII's
# mean is taken off; FPD, whose layout is bearpaw's, takes ImageNet's mean and deviation.
PIXELS = {
    'unit': ([0, 0, 0], [255, 255, 255]),
    'bearpaw': ([112.302, 113.22, 110.3385], [255, 255, 255]),
    'imagenet': ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
}
_DATA_OF_KEYPOINTS = {16: 'mpii', 11: 'flic', 14: 'lsp'}
_BASES = dict(mpii='mpii/hourglass_8stack_256_paper.py', flic='flic/hourglass_8stack_256_paper.py',
              lsp='lsp/hourglass_8stack_256_paper.py',
              synthetic='synthetic/hourglass_2stack_256_paper.py')
DATA = tuple(_BASES)
_CONFIGS = Path(__file__).parents[1] / '.mim/configs'
_INPUT_SIDE = 256                       # of the bases


def convert_checkpoint(source: str | Path, out: str | Path, half: bool = False) -> dict:
    """Write a checkpoint of any known family under mmengine's names.

    Args:
        source: the checkpoint; see :func:`hourglass.checkpoints.import_checkpoint`.
        out: ``.safetensors``, with the report as its metadata, or ``.pth``, weights-only loadable.
            Tensors are called ``backbone.`` and our name, so that ``load_from`` and
            ``tools/test.py`` take the file.
        half: store numbers as float16; they are read back as float32.

    Returns:
        The report of the import, with ``parameters``.

    Raises:
        CheckpointError: for a source that cannot be imported, or another ending of ``out``.
    """
    out = Path(out)
    if out.suffix not in ('.safetensors', '.pth'):
        raise CheckpointError(f'{out}: name a .safetensors or a .pth file')
    network, report = import_checkpoint(source)
    tensors = {f'backbone.{name}': value.half() if half and value.is_floating_point() else value
               for name, value in network.state_dict().items()}
    told = dict(family=report['family'], network=json.dumps(report['config']),
                source=Path(source).name)
    with replacing(out) as draft:
        if out.suffix == '.safetensors':
            from safetensors.torch import save_file
            contiguous = {name: value.contiguous() for name, value in tensors.items()}
            save_file(contiguous, draft, metadata=dict(told, format='pt'))
        else:
            torch.save(dict(state_dict=tensors, meta=told), draft)
    return dict(report, parameters=sum(p.numel() for p in network.parameters()))


def write_config(report: dict, weights: str | Path, out: str | Path, data: str | None = None,
                 pixels: str | None = None) -> None:
    """Write the config that a converted checkpoint is tested and trained on with.

    Args:
        report: of :func:`convert_checkpoint`.
        weights: the file it wrote; named relative to the config.
        out: the config file.
        data: a key of the data sets' configs; None takes the one with as many keypoints.
        pixels: a key of :data:`PIXELS`; None takes the family's.

    Raises:
        ConfigError: if no data set fits, or its input does not fit the network.
    """
    out, weights, network = Path(out), Path(weights), report['config']
    data = data or _DATA_OF_KEYPOINTS.get(network['num_keypoints'])
    if data is None:
        known = ', '.join(f'{count} ({name})' for count, name in _DATA_OF_KEYPOINTS.items())
        raise ConfigError(f"{out}: no data set has the network's {network['num_keypoints']} "
                          f'keypoints, there are {known}; choose one with --data')
    divisor = 4 * 2**network['depth']
    if _INPUT_SIDE % divisor:
        raise ConfigError(f'{out}: an hourglass of {network["depth"]} levels needs sides that '
                          f'{divisor} divides, and the configs have {_INPUT_SIDE}')
    mean, std = PIXELS[pixels or report['pixels']]
    base = os.path.relpath((_CONFIGS / _BASES[data]).resolve(), out.resolve().parent)
    beside = os.path.relpath(weights.resolve(), out.resolve().parent)
    arguments = ', '.join(f'{name}={value!r}' for name, value in network.items())
    with replacing(out) as draft:
        draft.write_text(f"""\
# A network of the {report['family']} layout, as tools/convert_checkpoint.py found it.
_base_ = [{base!r}]
model = dict(
    data_preprocessor=dict(mean={mean}, std={std}),
    backbone=dict({arguments}),
    head=dict(num_stages={network['num_stacks']}))
load_from = '{{{{fileDirname}}}}/{beside}'
""", encoding='utf-8')
