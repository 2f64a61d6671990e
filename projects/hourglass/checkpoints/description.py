"""What has to be known of a network to predict with it, stored beside its weights."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from hourglass.codecs.decode import OFFSETS
from hourglass.datasets.skeletons import FLIC, keypoint_names, side_colours
from hourglass.errors import CheckpointError

_KEY = 'description'                    # in the metadata of weights
_LARGEST = 10_000                       # px of a side of an input


@dataclass(frozen=True)
class Description:
    """The input of a network with K keypoints, and what its heatmaps mean."""

    keypoints: Sequence[str]            # K names
    links: Sequence[Sequence[int]]      # pairs of keypoints that bones join
    flip_indices: Sequence[int]         # K: each keypoint's counterpart in a mirrored image
    input_size: Sequence[int]           # (w, h) in px
    mean: Sequence[float]               # of each channel, pixels from 0 to 255, in the order that
    std: Sequence[float]                # the network takes: its input is (pixels - mean) / std
    rgb: bool = True                    # it takes red, green, blue
    refine: str = 'quarter'             # a name out of hourglass.codecs.decode.OFFSETS
    stage: int = -1                     # that predicts, 0 the first, -1 the last
    flip: bool = True                   # average with the mirrored image
    # left and right are those of a person who faces the camera; by default for FLIC's keypoints, as
    # FlicDataset has them
    observer_sides: bool | None = None

    def metadata(self) -> dict[str, str]:
        """Return what :meth:`of` reads."""
        return {_KEY: json.dumps(asdict(self))}

    @classmethod
    def of(cls, meta: Mapping, path: object) -> Description | None:
        """Return the description in the metadata of weights; None if there is none.

        Raises ``CheckpointError``, which names ``path``, for one that cannot be read.
        """
        if _KEY not in meta:
            return None
        try:
            found = cls(**json.loads(meta[_KEY]))
            size, mean, std = (np.array(values, float) for values in (
                found.input_size, found.mean, found.std))
            if (sorted(found.flip_indices) != list(range(len(found.keypoints)))
                    or found.refine not in OFFSETS or not isinstance(found.stage, int)
                    or size.shape != (2,) or not set(size) <= set(range(1, _LARGEST))
                    or mean.shape != (3,) or std.shape != (3,)
                    or not (np.isfinite(mean) & np.isfinite(std) & (std > 0)).all()):
                raise ValueError('its parts do not fit each other')
            found.metainfo()
        except Exception as error:      # of many types, as it may be anything that JSON can be
            raise CheckpointError(f'{path}: its description cannot be read ({error}); give its '
                                  'config, too') from None
        return found

    def metainfo(self) -> dict:
        """Return mmpose's ``dataset_meta`` with ``observer_sides``.

        It has what prediction and drawing read.
        """
        colours = side_colours(self.keypoints)
        return dict(
            num_keypoints=len(self.keypoints), keypoint_id2name=dict(enumerate(self.keypoints)),
            flip_indices=list(self.flip_indices), skeleton_links=[(a, b) for a, b in self.links],
            keypoint_colors=np.array(colours),
            skeleton_link_colors=np.array([colours[end] for _, end in self.links]),
            observer_sides=(list(self.keypoints) == keypoint_names(FLIC)
                            if self.observer_sides is None else self.observer_sides))
