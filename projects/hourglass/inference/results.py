"""Poses of many images as files: COCO's JSON and a table."""
from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
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

    The JSON has COCO's form: ``info`` (version, model and stage), ``images``, ``categories`` (names
    of the keypoints, bones counted from 1) and ``annotations``, one for each person, whose
    ``keypoints`` are x, y and score one after the other, as in COCO's results; ``score`` is their
    mean. ``bbox`` (x, y, width, height) is the box that was given, ``crop`` the square that the
    network was given, and ``probability``, on request, that of each keypoint to be correct. Frames
    of videos have a ``time``, s after the first, and their people a ``track_id``, the same in all
    frames. The table has a line for each keypoint. Coordinates are image px and 0 is the middle of
    the first pixel; boxes count from the corner of the image.

    ``metainfo`` is the model's ``dataset_meta``. ``entries`` has a dict for each image, with
    ``image`` and ``people``, or with its ``problem``.
    """

    def __init__(self, metainfo: dict, info: dict[str, Any]):
        self.info, self.names = info, keypoint_names(metainfo)
        self.bones = [[start + 1, end + 1] for start, end in metainfo['skeleton_links']]
        self.entries: list[dict[str, Any]] = []

    def add(self, request: Request, found: Poses | HourglassError) -> None:
        """Add the people of one image, or the error that says why it could not be used."""
        self.entries.append(_entry(request, found))

    @property
    def problems(self) -> list[str]:
        return [entry['problem'] for entry in self.entries if 'problem' in entry]

    def content(self) -> dict[str, Any]:
        """Return what the JSON holds."""
        used = [entry for entry in self.entries if 'image' in entry]
        people = [dict(image_id=image) | person
                  for image, entry in enumerate(used) for person in entry['people']]
        return dict(
            info=self.info, images=[dict(id=i) | entry['image'] for i, entry in enumerate(used)],
            categories=[dict(id=1, name='person', keypoints=self.names, skeleton=self.bones)],
            annotations=[dict(id=i) | person for i, person in enumerate(people)])

    def finish(self, folder: Path) -> int:
        """Write both files; return how many images are left to other processes or calls."""
        write_json(folder / 'predictions.json', self.content())
        with replacing(folder / 'predictions.csv') as draft, \
                draft.open('w', newline='', encoding='utf-8') as file:
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

    def __init__(self, metainfo: dict, info: dict[str, Any], journal: Journal, source: ImageFiles):
        super().__init__(metainfo, info)
        stats = {name: path.stat() for name, path in source.paths.items()}
        self.stamps = {name: [file.st_size, file.st_mtime_ns] for name, file in stats.items()}
        self.journal = journal

    def share(self) -> set[str]:
        """Return the names of this process's images that are not done, or have changed since."""
        share = list(self.stamps)[self.journal.rank::self.journal.ranks]
        return set(share) - set(self._done())

    def add(self, request: Request, found: Poses | HourglassError) -> None:
        entry = dict(stamp=self.stamps[request.name], **_entry(request, found))
        self.journal.add(request.name, entry)

    def finish(self, folder: Path) -> int:
        """Write the results of all processes, in the order of the images, if none is left."""
        done = self._done()
        self.entries = list(done.values())
        return len(self.stamps) - len(done) or super().finish(folder)

    def _done(self) -> dict[str, dict[str, Any]]:
        """Return the entries of unchanged images by name, in the order of the images."""
        entries = self.journal.read()
        return {name: entries[name] for name, stamp in self.stamps.items()
                if name in entries and entries[name]['stamp'] == stamp}


def _entry(request: Request, poses: Poses | HourglassError) -> dict[str, Any]:
    """Return COCO's entries of one image and its people, without ids, or its problem."""
    if isinstance(poses, HourglassError):
        return dict(problem=str(poses))
    width, height = poses.image_size
    people: list[dict[str, Any]] = []
    for box, crop, keypoints, scores in zip(
            [(0, 0, width, height)] if request.boxes is None else request.boxes, poses.boxes,
            poses.keypoints, poses.scores):
        triples = np.column_stack([keypoints, scores]).astype(float)    # (K, 3)
        people.append(dict(
            category_id=1, keypoints=triples.ravel().round(4).tolist(),
            score=round(float(scores.mean()), 4), bbox=_corner_and_size(box),
            crop=_corner_and_size(crop), whole_image=poses.whole_image))
        if poses.probability is not None:
            people[-1]['probability'] = (
                poses.probability[len(people) - 1].astype(float).round(4).tolist())
    image = dict(file_name=request.name, width=width, height=height)
    if request.video is not None:
        image['time'] = round(request.time, 6)
        people = [person | dict(track_id=number)
                  for person, number in zip(people, request.track_ids)]
    return dict(image=image, people=people)


def _corner_and_size(box: Sequence[float] | ndarray) -> list[float]:
    x1, y1, x2, y2 = map(float, box[:4])
    return np.round((x1, y1, x2 - x1, y2 - y1), 4).tolist()
