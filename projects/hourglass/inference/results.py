"""Poses of many images as files: COCO's JSON and a table."""
import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from hourglass.datasets.skeletons import keypoint_names
from hourglass.inference.poses import Poses
from hourglass.inference.sources import ImageFiles
from hourglass.io.files import replacing
from hourglass.io.journal import Journal, fingerprint


class Results:
    """Collects poses and writes ``predictions.json`` and ``predictions.csv``.

    The JSON has COCO's form: ``images``, ``categories`` (names of the keypoints, bones counted from
    1) and ``annotations``, one for each person, whose ``keypoints`` are x, y and score one after
    the other, as in COCO's results; ``score`` is their mean. ``bbox`` (x, y, width, height) is the
    box that was given, ``crop`` the square that the network was given. The table has a line for
    each keypoint. Coordinates are image px and 0 is the middle of the first pixel; boxes count
    from the corner.

    Args:
        metainfo: the model's ``dataset_meta``.
        info: of the JSON.
    """

    def __init__(self, metainfo: dict, info: dict[str, Any]):
        self.names = keypoint_names(metainfo)
        bones = [[start + 1, end + 1] for start, end in metainfo['skeleton_links']]
        category = dict(id=1, name='person', keypoints=self.names, skeleton=bones)
        self.content: dict[str, Any] = dict(
            info=info, images=[], categories=[category], annotations=[])
        self.problems: list[str] = []

    def add(self, name: str, poses: Poses, boxes: ndarray | None) -> None:
        """Add the people of one image, with the boxes (P, 4 or more) that were given for them."""
        self._append(**_record(name, poses, boxes))

    def add_problem(self, name: str, problem: str) -> None:
        """Note in one line why an image could not be used."""
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
        """Write both files if no image is left to do.

        Returns:
            Number of images left, of other processes or another call.

        Raises:
            DataError: if a file cannot be written.
        """
        with replacing(folder / 'predictions.json') as draft:
            draft.write_text(json.dumps(self.content), encoding='utf-8')
        with replacing(folder / 'predictions.csv') as draft, \
                draft.open('w', newline='', encoding='utf-8') as file:
            table = csv.writer(file)
            table.writerow(('image', 'person', 'keypoint', 'x', 'y', 'score'))
            table.writerows(self._lines())
        return 0

    def _lines(self) -> Iterator[tuple[str, int, str, float, float, float]]:
        person_of: dict[int, int] = {}
        for annotation in self.content['annotations']:
            image = annotation['image_id']
            person = person_of[image] = person_of.get(image, -1) + 1
            triples = np.reshape(annotation['keypoints'], (-1, 3)).tolist()
            for keypoint, (x, y, score) in zip(self.names, triples, strict=True):
                yield self.content['images'][image]['file_name'], person, keypoint, x, y, score


class SharedResults(Results):
    """Results of several processes, or of several calls: each leaves its own in a journal.

    Args:
        metainfo, info: as for :class:`Results`.
        journal: of this work.
        source: the images of all processes.
    """

    def __init__(self, metainfo: dict, info: dict[str, Any], journal: Journal, source: ImageFiles):
        super().__init__(metainfo, info)
        self.journal, self.stamps = journal, source.stamps()

    def share(self) -> set[str]:
        """Names of this process's images that are not done, or have changed since."""
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
        """Entries of the images that are done, and the names of those that are not."""
        entries = self.journal.read()
        known = {name: entries[name] for name, stamp in self.stamps.items()
                 if name in entries and entries[name]['stamp'] == stamp}
        return list(known.values()), [name for name in self.stamps if name not in known]


def share_results(metainfo: dict, info: dict[str, Any], source: ImageFiles, folder: Path,
                  work: Iterable[str | Path], rank: int, ranks: int) -> SharedResults:
    """Open results in a journal; ``source`` keeps this process's images that are not done.

    Args:
        metainfo, info: as for :class:`Results`.
        source: the images of all processes.
        folder: gets the folder ``journal``.
        work: texts and files that the results depend on; entries made with others do not count.
        rank, ranks: which process this is, of how many.
    """
    journal = Journal(folder / 'journal', fingerprint(work), rank, ranks)
    results = SharedResults(metainfo, info, journal, source)
    source.keep(results.share())
    return results


def _record(name: str, poses: Poses, boxes: ndarray | None) -> dict[str, Any]:
    """COCO's entries of one image and its people, without ids."""
    width, height = poses.image_size
    people = []
    for box, crop, keypoints, scores in zip(
            [(0, 0, width, height)] if boxes is None else boxes, poses.boxes, poses.keypoints,
            poses.scores, strict=True):
        triples = np.column_stack([keypoints, scores])                  # (K, 3)
        people.append(dict(
            category_id=1, keypoints=_rounded(triples.ravel()),
            score=_rounded([scores.mean()])[0], bbox=_rounded(_corner_and_size(box)),
            crop=_rounded(_corner_and_size(crop)), whole_image=poses.whole_image))
    return dict(image=dict(file_name=name, width=width, height=height), people=people)


def _corner_and_size(box: Sequence[float] | ndarray) -> ndarray:
    corners = np.asarray(box, float)[:4].reshape(2, 2)
    return np.concatenate([corners[0], corners[1] - corners[0]])


def _rounded(numbers: Sequence[float] | ndarray) -> list[float]:
    return [round(float(number), 4) for number in numbers]
