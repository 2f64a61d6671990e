"""Registers the networks, which need torch alone and therefore do not register themselves."""
from hourglass.models.backbone import StackedHourglass
from hourglass.models.long_hourglass import LongHourglass
from hourglass.registry import MODELS

MODELS.register_module(module=StackedHourglass)
MODELS.register_module(module=LongHourglass)
