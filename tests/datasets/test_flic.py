"""FLIC as read from examples.mat equals the h5 files of the paper's authors."""
import h5py
import numpy as np
import pytest
import scipy.io
from conftest import DATA, needs
from pairs import zip_equal

from hourglass.datasets.flic import FlicDataset, read_flic
from hourglass.datasets.skeletons import FLIC as SKELETON
from hourglass.datasets.skeletons import keypoint_names
from hourglass.errors import ConfigError, DataError
from hourglass.evaluation.pck import People
from hourglass.evaluation.protocols import FLIC

HALF = DATA / 'flic'
ORIGINAL = DATA / 'flic_original'


def example(seed: int = 0, behind: bool = False, train: bool = True) -> dict:
    """One person in the structure of examples.mat."""
    rng = np.random.default_rng(seed)
    coords = np.full((2, 29), np.nan)
    coords[:, [0, 1, 2, 3, 4, 5, 6, 9, 12, 13, 16]] = rng.uniform(50, 150, (2, 11))
    coords[0, 0], coords[0, 3] = (60, 120) if behind else (120, 60)
    return dict(coords=coords, filepath=f'frame-{seed}.jpg', imgdims=[240, 360, 3],
                torsobox=[70.0, 60, 130, 160], istrain=int(train), istest=int(not train),
                moviename='film', currframe=seed)


def write(path, examples: list[dict]) -> None:
    fields = list(examples[0])
    array = np.empty((1, len(examples)), dtype=[(name, object) for name in fields])
    for i, record in enumerate(examples):
        array[0, i] = tuple(record[name] for name in fields)
    scipy.io.savemat(path, {'examples': array})


def test_a_network_for_mpii_is_trained_on_the_joints_that_lie_alike(tmp_path):
    write(tmp_path / 'examples.mat', [example(train=train) for train in (True, False)])
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images/frame-0.jpg').touch()

    def joints(**options) -> dict[str, np.ndarray]:
        dataset = FlicDataset(data_root=str(tmp_path), labels='person', **options)
        found = dataset[0]['raw_ann_info']['keypoints_image']
        return dict(zip(keypoint_names(dataset.metainfo), found))

    own, theirs = joints(split='train'), joints(split='train', skeleton='mpii')
    shared = {f'{side}_{part}' for side in ('left', 'right')
              for part in ('shoulder', 'elbow', 'wrist')}
    for name, place in theirs.items():
        if name == 'thorax':
            assert np.array_equal(place, (own['left_shoulder'] + own['right_shoulder']) / 2)
        else:
            assert np.array_equal(place, own[name]) if name in shared else np.isnan(place).all()
    # a test measures by the torso, which ends at a hip
    tested = joints(split='test', skeleton='mpii', test_mode=True)
    assert np.array_equal(tested['left_hip'], joints(split='test')['left_hip'])


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
    from hourglass.datasets.flic import _person
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


@needs(HALF)
@pytest.mark.data
def test_the_data_set_skips_no_person():
    for split, people in (('train', 3987), ('test', 1016)):
        assert len(FlicDataset(split=split, data_root=str(HALF))) == people


def test_wrong_files_are_named(tmp_path):
    (tmp_path / 'images').mkdir()
    root = dict(data_root=str(tmp_path))
    with pytest.raises(DataError, match='examples.mat: no such annotation file'):
        FlicDataset(split='train', **root)
    (tmp_path / 'examples.mat').write_bytes(b'not matlab')
    with pytest.raises(DataError, match=r'examples\.mat: not a readable \.mat file'):
        FlicDataset(split='train', **root)
    scipy.io.savemat(tmp_path / 'examples.mat', {'other': 1})
    with pytest.raises(DataError, match=r"examples\.mat: holds no 'examples'"):
        FlicDataset(split='train', **root)
    write(tmp_path / 'examples.mat', [example() | dict(coords=np.zeros((2, 11)))])
    with pytest.raises(DataError, match=r'row 0 .*shape \(2, 11\), \(2, 29\) needed'):
        FlicDataset(split='train', **root)
    for change, message in (({'istrain': []}, r'row 0 .*istrain is \[\], 0 or 1 needed'),
                            ({'istrain': 'x'}, r"row 0 .*istrain is \['x'\], 0 or 1 needed"),
                            ({'torsobox': []}, r'row 0 .*torsobox \[\]'),
                            ({'coords': 'x'}, 'row 0 .*could not convert')):
        write(tmp_path / 'examples.mat', [example() | change])
        with pytest.raises(DataError, match=message):
            FlicDataset(split='train', **root)
    write(tmp_path / 'examples.mat', [example()])
    with pytest.raises(DataError, match='1 of 1 images are missing, first frame-0.jpg'):
        FlicDataset(split='train', **root)
    with pytest.raises(DataError, match='no people in this split'):
        FlicDataset(split='test', **root)
    with pytest.raises(ConfigError, match="split='valid'"):
        FlicDataset(split='valid', **root)
    with h5py.File(tmp_path / 'mpii.h5', 'w') as file:
        for name in ('center', 'scale', 'visible', 'normalize'):
            file[name] = np.zeros((2, 2) if name == 'center' else 2)
        file['part'] = np.zeros((2, 16, 2))
    with pytest.raises(DataError, match=r"mpii.h5: 'part' of shape \(2, 16, 2\).*11, 2\)"):
        FlicDataset(ann_file='mpii.h5', **root)
