"""Rendered people with exact joints: a data set for demonstrations, tests and quick training."""
from hourglass.datasets.synthetic.image import render_person
from hourglass.datasets.synthetic.writer import write_synthetic

__all__ = ['render_person', 'write_synthetic']
