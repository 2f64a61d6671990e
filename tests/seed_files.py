"""Small valid files of every kind that the package reads, the same in every run."""
import gzip
import io
import json

import cv2
import h5py
import numpy as np
import scipy.io
import torch
from PIL import Image

PEOPLE, JOINTS = 6, 16


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def image(name: str, **options) -> bytes:
    coarse = rng().integers(256, size=(7, 9, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(cv2.resize(coarse, (72, 56), interpolation=cv2.INTER_CUBIC)).save(
        content, name, **options)
    return content.getvalue()


def people_json() -> bytes:
    return json.dumps([dict(
        image=f'{i}.jpg', center=rng().uniform(50, 99, 2).tolist(), scale=1.5,
        joints=rng().uniform(1, 99, (JOINTS, 2)).tolist(), joints_vis=[1] * JOINTS)
        for i in range(PEOPLE)]).encode()


def people_gz() -> bytes:
    return gzip.compress(people_json(), mtime=0)


def boxes_json() -> bytes:
    boxes = np.sort(rng().uniform(0, 99, (5, 2, 2, 2)), axis=2).reshape(5, 2, 4).tolist()
    return json.dumps({f'{i}.jpg': pair for i, pair in enumerate(boxes)}).encode()


def h5(arrays: dict[str, np.ndarray]) -> bytes:
    content = io.BytesIO()
    with h5py.File(content, 'w') as file:
        for name, array in arrays.items():
            file[name] = array
    return content.getvalue()


def people_h5(joints: int = JOINTS) -> bytes:
    return h5(dict(
        imgname=np.array([f'{i}.jpg' for i in range(PEOPLE)], 'S16'),
        part=rng().uniform(1, 99, (PEOPLE, joints, 2)), visible=np.ones((PEOPLE, joints)),
        normalize=np.full(PEOPLE, 30.0), center=rng().uniform(1, 99, (PEOPLE, 2)),
        scale=np.full(PEOPLE, 1.5), index=np.arange(1.0, 7), person=np.ones(PEOPLE)))


def mat(packed: bool, **variables) -> bytes:
    content = io.BytesIO()
    scipy.io.savemat(content, variables, do_compression=packed)
    return content.getvalue()


def examples_mat() -> bytes:
    fields = ('coords', 'filepath', 'imgdims', 'torsobox', 'istrain', 'istest')
    array = np.empty((1, PEOPLE), dtype=[(name, object) for name in fields])
    for i in range(PEOPLE):
        array[0, i] = (rng().uniform(50, 150, (2, 29)), f'{i}.jpg', [240, 360, 3],
                       [70.0, 60, 130, 160], 1, 0)
    return mat(True, examples=array)


def extended_mat(packed: bool) -> bytes:
    joints = rng().uniform(1, 99, (14, 3, PEOPLE))
    joints[:, 2] = 1
    return mat(packed, joints=joints)


def weights() -> dict[str, torch.Tensor]:
    return {f'layer{i}.weight': torch.from_numpy(rng().random((8, 8))) for i in range(4)}


def checkpoint() -> bytes:
    content = io.BytesIO()
    torch.save(dict(state_dict=weights(), meta=dict(epoch=3)), content)
    return content.getvalue()


def found() -> np.ndarray:
    return rng().uniform(1, 99, (PEOPLE, JOINTS, 2))


def found_npy() -> bytes:
    content = io.BytesIO()
    np.save(content, found())
    return content.getvalue()
