"""People as FLIC's examples.mat holds them."""
from pathlib import Path

import numpy as np
import scipy.io


def example(seed: int = 0, behind: bool = False, train: bool = True) -> dict:
    """One person in the structure of examples.mat."""
    rng = np.random.default_rng(seed)
    coords = np.full((2, 29), np.nan)
    coords[:, [0, 1, 2, 3, 4, 5, 6, 9, 12, 13, 16]] = rng.uniform(50, 150, (2, 11))
    coords[0, 0], coords[0, 3] = (60, 120) if behind else (120, 60)
    return dict(coords=coords, filepath=f'frame-{seed}.jpg', imgdims=[240, 360, 3],
                torsobox=[70.0, 60, 130, 160], istrain=int(train), istest=int(not train),
                moviename='film', currframe=seed)


def write(path: Path, examples: list[dict]) -> None:
    fields = list(examples[0])
    array = np.empty((1, len(examples)), dtype=[(name, object) for name in fields])
    for i, record in enumerate(examples):
        array[0, i] = tuple(record[name] for name in fields)
    scipy.io.savemat(path, {'examples': array})
