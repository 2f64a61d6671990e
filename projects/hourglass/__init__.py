"""Stacked Hourglass Networks for human pose estimation, as a plugin for OpenMMLab.

``import hourglass`` needs torch and numpy alone. It also prepares (and only prepares: nothing is
imported for it) what lets mmpose, mmdet and mmcv import on a machine without compiled mmcv ops;
see :mod:`hourglass.compat`.
"""
from hourglass import compat
from hourglass.models.network import Hourglass, Reinject, Residual, StackedHourglass

__version__ = '0.1.0'
__all__ = ['Hourglass', 'Reinject', 'Residual', 'StackedHourglass']

compat.apply()
