"""The base class that turns annotated persons into mmpose's samples."""
from __future__ import annotations

import os
import pickle
import zlib
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import MessageHub
from mmpose.datasets.datasets.base import BaseCocoStyleDataset

from hourglass.datasets.checks import check_pairs, check_people, check_pipeline, mirrors
from hourglass.datasets.person import Person, coco_annotation, with_joints_of
from hourglass.datasets.skeletons import SKELETONS, with_flip_pairs
from hourglass.errors import ConfigError, DataError
from hourglass.io.files import with_environment
from hourglass.io.images import find_bits

_METAINFO_OF_SAMPLES = (
    'dataset_name', 'upper_body_ids', 'lower_body_ids', 'flip_pairs', 'dataset_keypoint_weights',
    'flip_indices', 'skeleton_links')
_WITHOUT_EFFECT = 'bbox_file', 'sample_interval', 'filter_cfg', 'data_mode', 'metainfo'
SAMPLE_IDS = 2**32                      # ids of a data set's samples count from a multiple of this


class PersonDataset(BaseCocoStyleDataset):
    """Base of the data sets: one sample with a square crop for every person.

    It checks all annotations and the image folder before the first sample. mmpose's base class
    skips people silently and finds a missing image in the middle of an epoch.

    Args:
        data_root: the data set's folder, which ``ann_file`` and ``data_prefix`` are relative to.
            ``{{$NAME:default}}`` in it is an environment variable, as in mmengine's configs, where
            those of the new style do not replace it.
        data_prefix: ``dict(img=...)``, the image folder.
        skeleton: the joints of the samples: ``'mpii'``, ``'flic'``, ``'lsp'`` or ``'coco'``
            (:func:`.person.with_joints_of`); by default the data set's own.
        flip_pairs: pairs of names, left and right, of the keypoints that a mirrored image swaps;
            by default the skeleton's. ``[]`` says that there are none.
        bits: how many of the 16 bits for a value are used, in images that have so many: 12 makes 0
            to 4095 black to white. By default as many as some of the images need
            (:func:`.images.find_bits`).
        kwargs: as for mmengine's ``BaseDataset``, but for ``filter_cfg``.

    Raises:
        ConfigError: for another skeleton, pairs that do not exist, training with mirrored images
            without pairs, or with a keypoint of one side alone, and an argument of mmpose's data
            sets that would have no effect here.
        DataError: for a missing folder, file or image, or a wrong annotation.
    """

    elsewhere: Sequence[str] = ()       # joints that lie elsewhere than those of equal name
    no_unit = 'its pck_unit is not a number of px above 0, as a test needs'

    def __init__(self, data_root: str, ann_file: str, data_prefix: dict = dict(img='images'),
                 skeleton: str | None = None,
                 flip_pairs: Sequence[tuple[str, str]] | None = None, bits: int | None = None,
                 **kwargs: Any):
        if skeleton not in (None, *SKELETONS):
            raise ConfigError(f'{type(self).__name__}: skeleton={skeleton!r}, choose from '
                              f'{tuple(SKELETONS)}')
        for name in _WITHOUT_EFFECT:
            if kwargs.pop(name, None) not in (None, '', 1, 'topdown'):  # mmpose's defaults
                raise ConfigError(f'{type(self).__name__}: {name} has no effect on this data set; '
                                  'leave it out')
        if 'img' not in data_prefix:
            raise ConfigError(f'{type(self).__name__}: data_prefix is {data_prefix!r}; name the '
                              "folder of the images: dict(img='images')")
        self.skeleton, self.bits = SKELETONS[skeleton] if skeleton else None, bits
        metainfo = self.skeleton or self.METAINFO
        if flip_pairs is not None:
            metainfo = with_flip_pairs(metainfo, flip_pairs)
        super().__init__(data_root=with_environment(str(data_root)), ann_file=ann_file,
                         data_prefix=data_prefix, metainfo=metainfo, **kwargs)
        check_pipeline(self)
        if flip_pairs is None and not self.test_mode and mirrors(self.pipeline):
            check_pairs(self.metainfo)
        # mmpose's CocoMetric would read the annotation file as COCO's; the samples have it all
        MessageHub.get_current_instance().update_info(
            f"{self.metainfo['dataset_name']}_ann_file", None)

    @abstractmethod
    def read_people(self) -> list[Person]:
        """Read all people of this split, in the order of the annotation file."""

    def forget(self) -> None:
        """Release what is needed only to read the people; called once they are read."""

    def people(self) -> list[Person]:
        """Read all people of this split, with the joints of the samples."""
        people = self.read_people()
        if not self.skeleton:
            return people
        # a test needs the joints that lie elsewhere to measure by, such as FLIC's torso
        left_out = () if self.test_mode else self.elsewhere
        return [with_joints_of(self.skeleton, person, self.METAINFO, left_out)
                for person in people]

    def load_data_list(self) -> list[dict]:
        if not Path(self.data_root).is_dir():
            raise DataError(f'{self.data_root}: no such data folder. Set HOURGLASS_DATA to the '
                            'folder that holds it, or put it there (docs/data.md)')
        if not Path(self.ann_file).is_file():
            raise DataError(f'{self.ann_file}: no such annotation file (docs/data.md)')
        people = self.people()
        self.forget()
        if not people:
            raise DataError(f'{self.ann_file}: no people in this split')
        check_people(people, self.metainfo['num_keypoints'], self.ann_file,
                     Path(self.data_prefix['img']), self.no_unit if self.test_mode else None)
        self.bits = self.bits or find_bits([Path(self.data_prefix['img'], name) for name in
                                            dict.fromkeys(one.image_name for one in people)])
        # read by CocoMetric
        self._metainfo['CLASSES'] = [dict(id=category, name='person') for category in sorted(
            {person.category_id for person in people})]
        # ids of concatenated data sets differ, and those of two processes agree
        content = self.ann_file, [(person.image_name, person.row) for person in people]
        first = zlib.crc32(repr(content).encode()) % 2**20 * SAMPLE_IDS
        images = {name: first + i for i, name in enumerate(dict.fromkeys(
            person.image_name for person in people))}
        for index, person in enumerate(people):
            if person.image_id is None:
                person.image_id = images[person.image_name]
            if person.annotation_id is None:
                person.annotation_id = first + index + 1            # COCO takes 0 for no match
        return [dict(id=first + index, person=person) for index, person in enumerate(people)]

    def get_data_info(self, idx: int) -> dict:
        """Return a sample with the metainfo, of which transforms change only ``flip_indices``.

        It is made of the person here, as samples are many times as large as people.
        """
        info = super(BaseCocoStyleDataset, self).get_data_info(idx)
        info |= self._sample(info['id'], info.pop('person'))
        info |= {key: self._metainfo[key] for key in _METAINFO_OF_SAMPLES}
        return info | dict(flip_indices=list(info['flip_indices']))         # KeypointConverter

    def _serialize_data(self) -> tuple[np.ndarray, np.ndarray]:
        """Pickle people as mmengine does, but release each of them."""
        pickled, ends = bytearray(), []
        for index, entry in enumerate(self.data_list):
            self.data_list[index] = {}
            pickled += pickle.dumps(entry, protocol=4)
            ends.append(len(pickled))
        self.data_list.clear()
        return np.frombuffer(pickled, np.uint8), np.array(ends)

    def _sample(self, sample_id: int, person: Person) -> dict:
        annotated = ~np.isnan(person.keypoints_image).any(-1)                       # (K,)
        keypoints_image = np.where(annotated[:, None], person.keypoints_image, 0)   # (K, 2)
        center, half = person.center_image, person.side_image / 2
        box = np.r_[center - half, center + half]
        if person.bbox_image is not None:
            box = person.bbox_image
        return dict(
            id=sample_id, img_id=person.image_id, category_id=person.category_id,
            image_size=person.image_size, bits=self.bits,
            img_path=os.path.join(self.data_prefix['img'], person.image_name),
            bbox=box.astype(np.float32)[None],
            bbox_score=np.ones(1, np.float32),
            bbox_center=np.asarray(center, np.float32)[None],
            bbox_scale=np.full((1, 2), person.side_image, np.float32),
            keypoints=keypoints_image.astype(np.float32)[None],
            keypoints_visible=annotated.astype(np.float32)[None],
            # the annotation for the metrics, ours and COCO's: no transform changes it
            raw_ann_info=coco_annotation(person, person.image_id) | {
                key: value for key, value in vars(person).items() if key not in (
                    'center_image', 'side_image', 'image_id', 'annotation_id', 'category_id')})


def own_name(dataset: Any) -> str:
    """Return the name of a data set, ours or mmpose's, whichever skeleton its samples have."""
    own = getattr(dataset, 'METAINFO', {}).get('dataset_name')
    return str(own or dataset.metainfo['dataset_name'])
