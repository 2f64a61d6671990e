"""Records of people in the form of HRNet's and mmpose's JSON files of MPII."""
import json

import numpy as np


def record(seed: int = 0, **changes) -> dict:
    joints = np.random.default_rng(seed).integers(1, 200, (16, 2)).astype(float)
    return dict(image=f'{seed}.jpg', center=[101.0, 81.0], scale=1.5, joints=joints.tolist(),
                joints_vis=[1] * 16) | changes


def write(path, records) -> str:
    path.write_text(json.dumps(records))
    return str(path)
