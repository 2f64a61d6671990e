"""Checkpoints of this and other hourglass projects: reading, import and conversion."""
from hourglass.checkpoints.importing import import_checkpoint
from hourglass.checkpoints.reading import read_checkpoint, refuse_another_network, state_dict

__all__ = ['import_checkpoint', 'read_checkpoint', 'refuse_another_network', 'state_dict']
