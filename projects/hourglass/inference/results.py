"""Poses of many images as files: COCO's JSON and a table."""
import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy import ndarray

from hourglass.inference.predict import Poses
from hourglass.inference.sources import ImageFiles
from hourglass.io.files import replacing
from hourglass.io.journal import Journal


class Results:
    """Collects poses and writes ``predictions.json`` and ``predictions.csv``.

    The JSON is COCO's: ``images``, ``categories`` (names of the keypoints, bones counted from 1)
    and ``annotations``, one for each person, whose ``keypoints`` are x, y and score one after the
    other, as in COCO's results; ``score`` is their mean. ``bbox`` (x, y, width, height) is what
    was given, ``crop`` the square that the network saw. The table has a line for each keypoint.
    Coordinates are image px and 0 is the middle of the first pixel; boxes count from the corner.

    Args:
        metainfo: the model's ``dataset_meta``.
        about: what else the JSON shall say, as ``info``.
    """

    def __init__(self, metainfo: dict, about: dict):
        self.names = [metainfo['keypoint_id2name'][i] for i in range(metainfo['num_keypoints'])]
        bones = [[start + 1, end + 1] for start, end in metainfo['skeleton_links']]
        category = dict(id=1, name='person', keypoints=self.names, skeleton=bones)
        self.content = dict(info=about, images=[], categories=[category], annotations=[])

        self.problems: list[str] = []

    def add(self, name: str, poses: Poses, boxes: ndarray | None) -> None:
        """The people of one image, and the boxes (P, 4 or more) they were looked for in."""
        self._append(**_record(name, poses, boxes))

    def add_problem(self, name: str, problem: str) -> None:
        """Why an image could not be used, in one line."""
        self.problems.append(problem)

    def _append(self, image: dict, people: list[dict]) -> None:
        number = len(self.content['images'])
        self.content['images'].append(dict(id=number) | image)
        for person in people:
            self.content['annotations'].append(
                dict(id=len(self.content['annotations']), image_id=number) | person)

    @property
    def num_images(self) -> int:
        return len(self.content['images'])

    @property
    def num_people(self) -> int:
        return len(self.content['annotations'])

    def finish(self, folder: Path) -> int:
        """Write both files, where there is nothing left to do.

        Returns:
            How many images are left.

        Raises:
            DataError: if one cannot be written.
        """
        with replacing(folder / 'predictions.json') as draft:
            draft.write_text(json.dumps(self.content), encoding='utf-8')
        with replacing(folder / 'predictions.csv') as draft, \
                draft.open('w', newline='', encoding='utf-8') as file:
            table = csv.writer(file)
            table.writerow(('image', 'person', 'keypoint', 'x', 'y', 'score'))
            table.writerows(self._lines())
        return 0

    def _lines(self):
        person_of = {}
        for annotation in self.content['annotations']:
            image = annotation['image_id']
            person = person_of[image] = person_of.get(image, -1) + 1
            triples = np.reshape(annotation['keypoints'], (-1, 3)).tolist()
            for keypoint, (x, y, score) in zip(self.names, triples, strict=True):
                yield self.content['images'][image]['file_name'], person, keypoint, x, y, score


class SharedResults(Results):
    """Results of several processes, or of several calls: each leaves its own in a journal.

    Args:
        metainfo, about: as for :class:`Results`.
        journal: of this work.
        source: all images, whoever looks at them.
    """

    def __init__(self, metainfo: dict, about: dict, journal: Journal, source: ImageFiles):
        super().__init__(metainfo, about)
        self.journal, self.stamps = journal, source.stamps()

    def share(self) -> set[str]:
        """Names of this process's images that nobody has looked at as they are now."""
        share = list(self.stamps)[self.journal.rank::self.journal.ranks]
        return set(share) & set(self._collect()[1])

    def add(self, name: str, poses: Poses, boxes: ndarray | None) -> None:
        self.journal.add(name, dict(stamp=self.stamps[name], **_record(name, poses, boxes)))

    def add_problem(self, name: str, problem: str) -> None:
        self.journal.add(name, dict(stamp=self.stamps[name], problem=problem))

    def finish(self, folder: Path) -> int:
        """Write what all processes found, in the order of the images, if none is left."""
        entries, left = self._collect()
        if left:
            return len(left)
        for entry in entries:
            if 'problem' in entry:
                self.problems.append(entry['problem'])
            else:
                self._append(entry['image'], entry['people'])
        return super().finish(folder)

    def _collect(self) -> tuple[list[dict], list[str]]:
        entries = self.journal.read()
        known = {name: entries[name] for name, stamp in self.stamps.items()
                 if name in entries and entries[name]['stamp'] == stamp}
        return list(known.values()), [name for name in self.stamps if name not in known]


def _record(name: str, poses: Poses, boxes: ndarray | None) -> dict:
    """What COCO's form says of one image and its people, but for their numbers."""
    width, height = poses.image_size
    if boxes is None:
        boxes = [(0, 0, width, height)]
    people = []
    for box, crop, keypoints, scores in zip(boxes, poses.boxes, poses.keypoints, poses.scores,
                                            strict=True):
        triples = np.column_stack([keypoints, scores])                  # (K, 3)
        people.append(dict(
            category_id=1, keypoints=_rounded(triples.ravel()),
            score=_rounded([scores.mean()])[0], bbox=_rounded(_corner_and_size(box)),
            crop=_rounded(_corner_and_size(crop)), whole_image=poses.whole_image))
    return dict(image=dict(file_name=name, width=width, height=height), people=people)


def _corner_and_size(box: Sequence[float]) -> ndarray:
    corners = np.asarray(box, float)[:4].reshape(2, 2)
    return np.concatenate([corners[0], corners[1] - corners[0]])


def _rounded(numbers: Sequence[float]) -> list[float]:
    return [round(float(number), 4) for number in numbers]
