"""FLIC as read from examples.mat equals the h5 files of the paper's authors."""
import h5py
import numpy as np
import pytest
import scipy.io
from conftest import DATA, needs
from flic_records import example, write
from pairs import zip_equal

from hourglass.datasets.flic.files import _person, read_flic
from hourglass.datasets.skeletons import FLIC as SKELETON
from hourglass.datasets.skeletons import keypoint_names
from hourglass.errors import ConfigError, DataError
from hourglass.evaluation.pck import People
from hourglass.evaluation.protocols import FLIC

HALF = DATA / 'flic'
ORIGINAL = DATA / 'flic_original'


def test_observer_centric_swaps_people_seen_from_behind_and_marks_them(tmp_path):
    write(tmp_path / 'examples.mat', [example(0, behind=True), example(1)])
    observer, person = (read_flic(tmp_path / 'examples.mat', 'train', labels)
                        for labels in ('observer', 'person'))
    order = [3, 4, 5, 0, 1, 2, 7, 6, 9, 8, 10]
    assert np.array_equal(observer[0].keypoints_image, person[0].keypoints_image[order])
    assert np.array_equal(observer[1].keypoints_image, person[1].keypoints_image)
    assert [o.sides_swapped for o in observer] == [True, False]
    assert [p.sides_swapped for p in person] == [False, False]


def test_flic_full_has_people_in_neither_train_nor_test(tmp_path):
    examples = [example(0), example(1, train=False), example(2) | dict(istrain=0, istest=0)]
    examples[2]['coords'][:, 0] = np.nan                    # FLIC-full is not labelled throughout
    write(tmp_path / 'examples.mat', examples)
    rows = {split: [p.row for p in read_flic(tmp_path / 'examples.mat', split)]
            for split in ('train', 'test', 'extra', ('train', 'extra'))}
    assert rows == {'train': [0], 'test': [1], 'extra': [2], ('train', 'extra'): [0, 2]}
    extra, = read_flic(tmp_path / 'examples.mat', 'extra')
    assert np.isnan(extra.keypoints_image[0]).all()


@needs(ORIGINAL)
@pytest.mark.data
def test_the_authors_h5_files_are_read_as_they_are():
    for labels, suffix in (('observer', ''), ('person', '_personcentric')):
        for split, name in (('train', 'train'), ('test', 'valid')):
            theirs = read_flic(ORIGINAL / f'{name}{suffix}.h5')
            ours = read_flic(ORIGINAL / 'examples.mat', split, labels)
            assert [p.image_name for p in theirs] == [p.image_name for p in ours]
            assert [p.sides_swapped for p in theirs] == [p.sides_swapped for p in ours]
            for field, px in (('keypoints_image', 1e-3), ('center_image', 1e-3),
                              ('side_image', 1e-6)):
                difference = np.abs(np.array([getattr(p, field) for p in theirs])
                                    - np.array([getattr(p, field) for p in ours]))
                assert difference.max() < px, field


@needs(ORIGINAL)
@pytest.mark.data
def test_199_and_48_people_are_seen_from_behind():
    for split, expected in (('train', 199), ('test', 48)):
        observer, person = (read_flic(ORIGINAL / 'examples.mat', split, labels)
                            for labels in ('observer', 'person'))
        swapped = [not np.array_equal(o.keypoints_image, p.keypoints_image)
                   for o, p in zip_equal(observer, person)]
        assert sum(swapped) == expected


def test_options_a_file_cannot_give_are_refused(tmp_path):
    write(tmp_path / 'examples.mat', [example()])
    for options in ({}, {'split': 'valid'}, {'split': ('train', 'x')},
                    {'split': 'train', 'labels': 'mine'}):
        with pytest.raises(ConfigError, match=r'choose from .*extra'):
            read_flic(tmp_path / 'examples.mat', **options)
    for options in ({'split': 'train'}, {'labels': 'observer'}):
        with pytest.raises(ConfigError, match='an h5 file holds one split'):
            read_flic(tmp_path / 'train.h5', **options)


def test_the_crop_is_440_of_480_px_around_row_240():
    assert read_crop(480) == pytest.approx((440, 240))
    assert read_crop(240) == pytest.approx((220, (240 - 0.5) / 2))      # the same at half the size


def read_crop(height: int) -> tuple[float, float]:
    record = type('Example', (), example() | dict(imgdims=[height, height * 3 // 2, 3]))
    person = _person(record, 'observer', 0, 'examples.mat, row 0')
    return person.side_image, person.center_image[1]


@needs(ORIGINAL)
@pytest.mark.data
@pytest.mark.parametrize(('folder', 'factor'), [(ORIGINAL, 1), (HALF, 2)])
@pytest.mark.parametrize(('split', 'labels', 'h5', 'people'), [
    ('train', 'observer', 'train', 3987), ('test', 'observer', 'valid', 1016),
    ('train', 'person', 'train_personcentric', 3987),
    ('test', 'person', 'valid_personcentric', 1016)])
def test_rows_are_the_authors_rows(folder, factor, split, labels, h5, people):
    ours = read_flic(folder / 'examples.mat', split, labels)
    with h5py.File(ORIGINAL / f'{h5}.h5') as file:
        theirs = {name: file[name][:] for name in file}
    assert len(ours) == len(theirs['part']) == people

    def full(half):         # half-size px (x - 0.5) / 2 back to the published frame
        return np.array(half) * factor + (factor - 1) / 2
    assert np.abs(full([p.keypoints_image for p in ours]) - theirs['part']).max() < 1e-3
    assert np.abs(full([p.center_image for p in ours]) - theirs['center']).max() < 1e-3
    assert np.allclose([p.side_image * factor for p in ours], 200 * theirs['scale'], atol=1e-3)
    units = FLIC['torso'].units(People.of([vars(p) for p in ours]), keypoint_names(SKELETON))
    assert np.allclose(units * factor, theirs['normalize'], atol=1e-3)
    assert [p.image_name for p in ours] == [name.decode() for name in theirs['imgname']]


def test_wrong_files_are_named(tmp_path):
    path = tmp_path / 'examples.mat'
    with pytest.raises(DataError, match='examples.mat: no such file'):
        read_flic(path, 'train')
    (tmp_path / 'examples.mat').write_bytes(b'not matlab')
    with pytest.raises(DataError, match=r'examples\.mat: not a readable \.mat file'):
        read_flic(path, 'train')
    scipy.io.savemat(tmp_path / 'examples.mat', {'other': 1})
    with pytest.raises(DataError, match=r"examples\.mat: holds no 'examples'"):
        read_flic(path, 'train')
    write(tmp_path / 'examples.mat', [example() | dict(coords=np.zeros((2, 11)))])
    with pytest.raises(DataError, match=r'row 0 .*shape \(2, 11\), \(2, 29\) needed'):
        read_flic(path, 'train')
    for change, message in (({'istrain': []}, r'row 0 .*istrain is \[\], 0 or 1 needed'),
                            ({'istrain': 'x'}, r"row 0 .*istrain is \['x'\], 0 or 1 needed"),
                            ({'torsobox': []}, r'row 0 .*torsobox \[\]'),
                            ({'coords': 'x'}, 'row 0 .*could not convert')):
        write(tmp_path / 'examples.mat', [example() | change])
        with pytest.raises(DataError, match=message):
            read_flic(path, 'train')
    with h5py.File(tmp_path / 'mpii.h5', 'w') as file:
        for name in ('center', 'scale', 'visible', 'normalize'):
            file[name] = np.zeros((2, 2) if name == 'center' else 2)
        file['part'] = np.zeros((2, 16, 2))
    with pytest.raises(DataError, match=r"mpii.h5: 'part' of shape \(2, 16, 2\).*11, 2\)"):
        read_flic(tmp_path / 'mpii.h5')
