"""Configs find the networks by name, with or without mmpose's models."""
from mmengine.registry import MODELS

from hourglass import StackedHourglass
from hourglass.models.long_hourglass import LongHourglass


def test_networks_are_registered_under_their_names():
    assert MODELS.get('hourglass.StackedHourglass') is StackedHourglass
    assert MODELS.get('hourglass.LongHourglass') is LongHourglass
