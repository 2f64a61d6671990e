"""The formats that are fuzzed: small valid files, their readers, and how files are changed."""
from __future__ import annotations

import io
import json
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import fuzz_checks as checks
import fuzz_mutators as mutators
import numpy as np
import safetensors.torch
import scipy.io
import seed_files as seeds
import torch
from family_tensors import tensors_of
from mpii_records import record
from own_people import NAMES, annotation
from PIL import Image
from release_file import small_release


@dataclass(frozen=True)
class Target:
    """A format of files that end with ``suffix``."""

    suffix: str
    seeds: list[bytes]
    checks: list[Callable[[Path], Any]]
    mutate: mutators.Mutator

    def check(self, content: bytes, folder: Path) -> None:
        """Give a file of this content to every reader; raises for a finding."""
        path = folder / f'fuzzed{self.suffix}'
        # a new file: HDF5 takes one that is written anew for the one that a reader still has open
        path.unlink(missing_ok=True)
        path.write_bytes(content)
        for check in self.checks:
            with checks.refusal(path), warnings.catch_warnings():
                warnings.simplefilter('ignore')
                check(path)


def images() -> list[bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6
    return [seeds.image('JPEG'), seeds.image('JPEG', progressive=True, exif=exif),
            seeds.image('JPEG', subsampling=0, restart_marker_blocks=2), seeds.image('PNG'),
            seeds.image('PNG', exif=exif), seeds.image('BMP'), seeds.image('GIF'),
            seeds.image('WEBP'), seeds.image('TIFF')]


def checkpoints() -> list[bytes]:
    network = tensors_of('princeton', num_stacks=1, channels=4, depth=1, stem_channels=(2, 2, 4))[0]
    content = [seeds.checkpoint()]
    for value, zipped in ((dict(state_dict=network, meta=dict(epoch=1)), True),
                          (dict(state_dict=seeds.weights()), False)):
        file = io.BytesIO()
        torch.save(value, file, _use_new_zipfile_serialization=zipped)
        content.append(file.getvalue())
    return content


def described() -> bytes:
    tensors = tensors_of('hourglass', num_stacks=1, channels=4, depth=1, stem_channels=(2, 2, 4))[0]
    numbers = dict(keypoints=list('abcde'), links=[[0, 1]], flip_indices=[1, 0, 2, 3, 4],
                   input_size=[64, 64], mean=[0, 0, 0], std=[255, 255, 255])
    meta = dict(description=json.dumps(numbers), pixels='[[0, 0, 0], [255, 255, 255]]',
                cfg='model = dict(head=dict(decoder=dict(input_size=(64, 64), refine="quarter")))')
    return safetensors.torch.save({name: value.contiguous() for name, value in tensors.items()},
                                  meta)


def mats() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        release = small_release(Path(folder, 'a.mat')).read_bytes()
    truth = dict(headboxes_src=np.ones((2, 2, 3)).cumsum(0), pos_gt_src=np.ones((16, 2, 3)),
                 jnt_missing=np.eye(16, 3))
    old = io.BytesIO()
    scipy.io.savemat(old, dict(preds=seeds.found()), format='5')
    return [seeds.extended_mat(True), seeds.extended_mat(False), seeds.examples_mat(), release,
            seeds.mat(False, **truth), old.getvalue()]


def coco(**changes: Any) -> bytes:
    return json.dumps(dict(
        images=[dict(id=i, file_name=f'{i}.png', width=80, height=60) for i in range(2)],
        categories=[dict(id=1, name='person', keypoints=NAMES, skeleton=[[1, 2], [1, 3]])],
        annotations=[annotation(i, i // 2) | changes for i in range(4)])).encode()


def annotations() -> list[bytes]:
    both = [dict(isValidation=float(i > 0), img_paths='a.png', objpos=[101.0, 81.0],
                 scale_provided=1.5, joint_self=[[9.0, 8.0, 1.0]] * 16) for i in range(2)]
    task = [dict(id=1, data=dict(img='/data/upload/3/1a2b3c4d-a.png'), annotations=[dict(result=[
        dict(original_width=80, original_height=60, id='b', type='rectanglelabels', value=dict(
            x=10, y=10, width=50, height=50)),
        dict(original_width=80, original_height=60, id='n', type='keypointlabels', parentID='b',
             value=dict(x=20, y=20, keypointlabels=['nose']))])])]
    shapes = [dict(label='nose', points=[[20, 15]], shape_type='point', group_id=1, flags={}),
              dict(label='cat', points=[[10, 5], [40, 45]], shape_type='rectangle', group_id=1)]
    return [coco(), *(json.dumps(content).encode() for content in (
        [record(0, head_box=[1, 2, 3, 4]), record(1)], dict(people=both), task,
        dict(imagePath='a.png', imageWidth=80, imageHeight=60, shapes=shapes)))]


def boxes() -> list[bytes]:
    results = [dict(image_id='a', category_id=1, bbox=[10, 10, 30, 20], score=0.5)] * 2
    people = [dict(row=i, keypoints=[[5, 6]] * seeds.JOINTS) for i in range(seeds.PEOPLE)]
    return [seeds.boxes_json(), coco(score=0.5), *(json.dumps(content).encode() for content in (
        results, seeds.found().tolist(), dict(base=1, people=people)))]


TABLE = b"""scorer,,,me,me,me,me
bodyparts,,,nose,nose,eye,eye
coords,,,x,y,x,y
labeled-data,video,a.png,20.5,15,24,12
labeled-data,video,a.png,60,30,,
"""
SHAPES = b"""<annotations><image id="0" name="a.png" width="80" height="60">
<points label="nose" group_id="1" occluded="0" points="20,15"/>
<points label="eye" group_id="1" occluded="1" points="24,12"/>
<box label="cat" group_id="1" xtl="10" ytl="6" xbr="34" ybr="36"/>
<skeleton label="cat"><points label="nose" occluded="0" outside="0" points="20,15"/>
</skeleton></image></annotations>"""
YAML = b"""train: images
val: [images]
path: .
kpt_shape: [2, 3]
flip_idx: [0, 1]
kpt_names:
  0: [nose, eye]
"""

TARGETS = dict(
    image=Target('.image', images(), [checks.check_image], mutators.image_parts),
    pth=Target('.pth', checkpoints(), [checks.check_pth, checks.check_import],
               mutators.records_of_zip),
    mat=Target('.mat', mats(), [
        checks.check_lsp, checks.check_flic, checks.check_release, checks.check_head_boxes,
        partial(checks.check_found, load=lambda path: checks.preds(checks.matlab(path)))],
        mutators.variables_of_mat),
    h5=Target('.h5', [seeds.people_h5(), seeds.people_h5(11), seeds.h5(dict(preds=seeds.found()))],
              [checks.check_mpii_h5, checks.check_flic_h5,
               partial(checks.check_found, load=checks.h5_preds)], mutators.numbers),
    json=Target('.json', annotations(), [
        checks.check_coco, checks.check_coco_truth, partial(checks.check_mpii, split=None),
        partial(checks.check_mpii, split='trainval'), checks.check_form, checks.check_labelme],
        mutators.json_text),
    boxes=Target('.json', boxes(), [checks.check_boxes, checks.check_json_found],
                 mutators.json_text),
    npy=Target('.npy', [seeds.found_npy()], [partial(checks.check_found, load=np.load)],
               mutators.words(' ,:(){}')),
    safetensors=Target('.safetensors', [safetensors.torch.save(seeds.weights()), described()],
                       [checks.check_safetensors, checks.check_import], mutators.header_of_json),
    csv=Target('.csv', [TABLE], [partial(checks.check_form, numbers_of=checks.cells)],
               mutators.words(',\n')),
    xml=Target('.xml', [SHAPES], [checks.check_form], mutators.words('"<> ,;')),
    yaml=Target('.yaml', [YAML], [checks.check_form], mutators.words(' ,:[]\n', ('&a', '*a'))),
    txt=Target('.txt', [b'0 0.3 0.4 0.2 0.3 0.25 0.25 2 0.3 0.2 1\n'], [checks.check_yolo],
               mutators.words(' \n')))
