"""What a config's network costs, told from its shapes alone."""
import json
from functools import cache
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from torch.utils.flop_counter import FlopCounterMode

from hourglass.models.stages import num_stages


def size_of(config: str | Path) -> tuple[int, float]:
    """Parameters of a config's backbone, and its multiply-adds (MACs) for one image.

    With ``num_keypoints`` given that is the whole network: the head has no parameters then.
    """
    cfg = Config.fromfile(config)
    init_default_scope(cfg.default_scope)
    width, height = cfg.model.head.decoder.input_size
    return _size(json.dumps(cfg.model.backbone.to_dict()), width, height)


def stages_of(cfg: Config) -> int:
    """Return how many stages a config's network has."""
    init_default_scope(cfg.default_scope)
    with torch.device('meta'):
        return num_stages(MODELS.build(cfg.model))


@cache                                  # recipes differ, networks seldom
def _size(backbone: str, width: int, height: int) -> tuple[int, float]:
    with torch.device('meta'):                          # shapes without numbers
        network = MODELS.build(json.loads(backbone)).eval()
        with FlopCounterMode(display=False) as counter:
            network(torch.empty(1, 3, height, width))
    return sum(p.numel() for p in network.parameters()), counter.get_total_flops() / 2
