"""Joints as the joints.mat of LSP and of LSP Extended holds them."""
from pathlib import Path

import numpy as np
import scipy.io


def write_lsp(path: Path, poses: np.ndarray, hidden: np.ndarray) -> None:
    joints = np.concatenate([poses, hidden[..., None]], axis=-1)            # (P, 14, 3)
    scipy.io.savemat(path, {'joints': joints.transpose(2, 1, 0)})


def write_extended(path: Path, poses: np.ndarray, labelled: np.ndarray) -> None:
    joints = np.concatenate([poses, labelled[..., None]], axis=-1)
    scipy.io.savemat(path, {'joints': joints.transpose(1, 2, 0)})
