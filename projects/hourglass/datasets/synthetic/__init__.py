"""Rendered people with exact joints: a data set for demonstrations, tests and quick training.

Figures come from three-dimensional skeletons, so that occlusion, facing and left and right are
known rather than guessed. Only numpy and OpenCV are needed.
"""
from hourglass.datasets.synthetic.image import render_person
from hourglass.datasets.synthetic.writer import write_synthetic

__all__ = ['render_person', 'write_synthetic']
