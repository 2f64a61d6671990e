"""Labels of SLEAP become a file in COCO's form."""
import sys

import numpy as np
import pytest
from own_people import write_images
from two_cats import EYE, NOSES, check, converted

from hourglass.errors import DataError


def test_sleap_needs_its_package(tmp_path, monkeypatch):
    (tmp_path / 'a.slp').touch()
    monkeypatch.setitem(sys.modules, 'sleap_io', None)
    with pytest.raises(DataError, match=r'a\.slp: read by the package sleap-io; pip install'):
        converted(tmp_path / 'a.slp')


def test_a_file_of_sleap_gives_the_same_people(tmp_path):
    sleap_io = pytest.importorskip('sleap_io')
    write_images(tmp_path, ['a.png'])
    skeleton = sleap_io.Skeleton(['nose', 'eye'], edges=[('nose', 'eye')])
    places = [[NOSES[0], EYE], [NOSES[1], (np.nan, np.nan)]]
    frame = sleap_io.LabeledFrame(
        sleap_io.Video.from_filename([str(tmp_path / 'a.png')]), 0,
        [sleap_io.Instance.from_numpy(np.array(one), skeleton) for one in places])
    sleap_io.Labels([frame]).save(str(tmp_path / 'cats.slp'))
    source, content = converted(tmp_path / 'cats.slp')
    check(content, hidden=False, boxes=False, name='0_000000.png')
    assert content['categories'][0]['skeleton'] == [[1, 2]]
    assert (source.images / '0_000000.png').is_file()
