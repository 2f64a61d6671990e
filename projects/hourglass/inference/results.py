"""Poses of many images as files: COCO's JSON and a table."""
from __future__ import annotations

import csv
import logging
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy import ndarray

from hourglass.datasets.skeletons import keypoint_names
from hourglass.errors import HourglassError
from hourglass.inference.places import Request
from hourglass.inference.predict import Poses
from hourglass.inference.sources import ImageFiles
from hourglass.io.files import replacing, write_json
from hourglass.io.journal import Journal


class Results:
    """Collects poses and writes ``predictions.json`` and ``predictions.csv``.

    The JSON has COCO's form:

    - ``info``: version, model, stage, and whose left and right the ``sides`` are: the
      ``'person'``'s own or, from FLIC, those that an ``'observer'`` names as if the person faced
      the camera.
    - ``images``. Frames of videos have a ``time``, s after the first.
    - ``categories``: the names of the keypoints, and the bones, counted from 1.
    - ``annotations``, one for each person. ``keypoints`` are x, y and score one after the other, as
      in COCO's results, and ``score`` is the mean of these. ``bbox`` (x, y, width, height) is the
      box that was given, ``bbox_score`` its score, if it has one, and ``crop`` the square that the
      network was given. ``probability``, on request, is that of each keypoint to be correct. In
      videos, ``track_id`` is the number of the person, the same in all frames.

    Images and people keep the ids of the file that gave their boxes; others are counted from 0. The
    table has a line for each keypoint. Coordinates are image px and 0 is the middle of the first
    pixel; boxes count from the corner of the image.

    Args:
        metainfo: the model's ``dataset_meta``.
        info: version, model and stage.
        as_list: write the list of :meth:`coco_results` as JSON instead.

    ``entries`` has a dict for each image, with ``image`` and ``people``, or with its ``problem``.
    """

    def __init__(self, metainfo: dict, info: dict[str, Any], as_list: bool = False):
        sides = 'observer' if metainfo.get('observer_sides') else 'person'
        self.info, self.as_list = info | dict(sides=sides), as_list
        self.names = keypoint_names(metainfo)
        self.bones = [[start + 1, end + 1] for start, end in metainfo['skeleton_links']]
        self.entries: list[dict[str, Any]] = []
        self.warned = False

    def add(self, request: Request, found: Poses | HourglassError) -> None:
        """Add the people of one image, or the error that says why it could not be used."""
        self._compare(request)
        self.entries.append(_entry(request, found))

    def _compare(self, request: Request) -> None:
        """Warn once if COCOeval cannot compare results with the file that gave the boxes."""
        if self.as_list and not self.warned and request.keypoints not in (None, self.names):
            self.warned = True
            logging.getLogger(__name__).warning(
                'the file of boxes has the keypoints %s, and the network %s: COCOeval needs the '
                'same in the same order', request.keypoints, self.names)

    @property
    def problems(self) -> list[str]:
        return [entry['problem'] for entry in self.entries if 'problem' in entry]

    def content(self) -> dict[str, Any]:
        """Return what the JSON holds."""
        used = [entry for entry in self.entries if 'image' in entry]
        images = [dict(id=i) | entry['image'] for i, entry in enumerate(used)]
        people = [person | dict(image_id=image['id'])
                  for image, entry in zip(images, used) for person in entry['people']]
        return dict(
            info=self.info, images=images,
            categories=[dict(id=1, name='person', keypoints=self.names, skeleton=self.bones)],
            annotations=[dict(id=i, iscrowd=0, area=round(person['bbox'][2] * person['bbox'][3], 4),
                              num_keypoints=len(self.names)) | person
                         for i, person in enumerate(people)])

    def coco_results(self) -> list[dict[str, Any]]:
        """Return the people as ``COCO.loadRes`` takes them, which renumbers their ``id``.

        That of the file of boxes is ``annotation_id``. An image without an id in such a file has
        the number that is its name, as COCO's images do, or its name.
        """
        used = [entry for entry in self.entries if 'image' in entry]
        ids = [_image_id(entry['image']) for entry in used]
        if len(set(ids)) < len(ids):                    # numbers in several folders
            ids = [entry['image']['file_name'] for entry in used]
        kept = dict(category_id='category_id', keypoints='keypoints', score='score',
                    bbox_score='bbox_score', id='annotation_id')
        return [dict(image_id=image_id) | {
            theirs: person[ours] for ours, theirs in kept.items() if ours in person}
                for image_id, entry in zip(ids, used) for person in entry['people']]

    def finish(self, folder: Path) -> int:
        """Write both files; return how many images are left to other processes or calls."""
        write_json(folder / 'predictions.json',
                   self.coco_results() if self.as_list else self.content())
        with replacing(folder / 'predictions.csv') as draft, \
                draft.open('w', newline='', encoding='utf-8', errors='surrogateescape') as file:
            table = csv.writer(file)
            people = [(entry['image'], number, person) for entry in self.entries
                      for number, person in enumerate(entry.get('people', ()))]
            more = [column for column in ('probability',) if people and column in people[0][2]]
            timed = any('time' in image for image, _, _ in people)
            table.writerow(('image', 'person', 'keypoint', 'x', 'y', 'score', *more,
                            *(('time', 'track_id') if timed else ())))
            for image, number, person in people:
                columns = zip(*np.reshape(person['keypoints'], (-1, 3)).T.tolist(),
                              *(person[column] for column in more))
                frame = (image.get('time'), person.get('track_id')) if timed else ()
                table.writerows((image['file_name'], number, keypoint, *numbers, *frame)
                                for keypoint, numbers in zip(self.names, columns))
        return 0


class SharedResults(Results):
    """Results of several processes, or of several calls: each leaves its own in a journal.

    ``source`` has the images of all processes.
    """

    def __init__(self, metainfo: dict, info: dict[str, Any], journal: Journal, source: ImageFiles,
                 as_list: bool = False):
        super().__init__(metainfo, info, as_list)
        stats = {name: path.stat() for name, path in source.paths.items()}
        self.stamps = {name: [file.st_size, file.st_mtime_ns] for name, file in stats.items()}
        self.journal = journal

    def share(self) -> set[str]:
        """Return the names of this process's images that are not done, or have changed since.

        One that could not be used is tried again, as the reason may be gone.
        """
        share = list(self.stamps)[self.journal.rank::self.journal.ranks]
        return set(share) - {name for name, entry in self._done().items() if 'problem' not in entry}

    def add(self, request: Request, found: Poses | HourglassError) -> None:
        self._compare(request)
        entry = dict(stamp=self.stamps[request.name], **_entry(request, found))
        self.journal.add(request.name, entry)

    def finish(self, folder: Path) -> int:
        """Write the results of all processes, in the order of the images, if none is left."""
        done = self._done()
        self.entries = list(done.values())
        return len(self.stamps) - len(done) or super().finish(folder)

    def _done(self) -> dict[str, dict[str, Any]]:
        """Return the entries of unchanged images by name, in the order of the images.

        A problem counts only where no other call, with any number of processes, was without one.
        """
        done: dict[str, dict[str, Any]] = {}
        for name, entry in self.journal.lines():
            if entry['stamp'] == self.stamps.get(name) and (
                    name not in done or 'problem' in done[name]):
                done[name] = entry
        return {name: done[name] for name in self.stamps if name in done}


def _entry(request: Request, poses: Poses | HourglassError) -> dict[str, Any]:
    """Return COCO's entries of one image and its people, without ids, or its problem."""
    if isinstance(poses, HourglassError):
        return dict(problem=str(poses))
    width, height = poses.image_size
    image: dict[str, Any] = dict(file_name=request.name, width=width, height=height)
    if request.image_id is not None:
        image['id'] = request.image_id
    boxes = [(0, 0, width, height)] if request.boxes is None else request.boxes
    people = poses.to_coco(image_id=0)
    for place, (person, box, crop) in enumerate(zip(people, boxes, poses.boxes)):
        person |= dict(bbox=_corner_and_size(box), crop=_corner_and_size(crop),
                       whole_image=poses.whole_image)
        if len(box) > 4:
            person['bbox_score'] = round(float(box[4]), 4)
        if request.ids is not None:
            person['id'] = request.ids[place]
        if poses.probability is not None:
            person['probability'] = poses.probability[place].astype(float).round(4).tolist()
        if request.video is not None:
            person['track_id'] = request.track_ids[place]
    if request.video is not None:
        image['time'] = round(request.time, 6)
    return dict(image=image, people=people)


def _image_id(image: dict[str, Any]) -> int | str:
    stem = PurePosixPath(image['file_name']).stem
    return image.get('id', int(stem) if stem.isdecimal() else image['file_name'])


def _corner_and_size(box: Sequence[float] | ndarray) -> list[float]:
    x1, y1, x2, y2 = map(float, box[:4])
    return np.round((x1, y1, x2 - x1, y2 - y1), 4).tolist()
