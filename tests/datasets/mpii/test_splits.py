"""MPII's splits: any list of validation people, and files that give back the same people."""
import json
from dataclasses import replace

import h5py
import numpy as np
import pytest
import scipy.io
from conftest import DATA, needs
from pairs import zip_equal
from release_file import (
    hidden_rect,
    image,
    point,
    pose,
    rect,
    small_release,
    structs,
    write_release,
)

from hourglass.datasets.mpii.files import crop_square, read_mpii
from hourglass.datasets.mpii.release import read_release
from hourglass.datasets.mpii.splits import Splits, split_people, write_splits
from hourglass.errors import DataError


@pytest.fixture
def release(tmp_path):
    return read_release(small_release(tmp_path / 'r.mat'))


def joints(seed: int) -> np.ndarray:
    return np.array([[p['x'], p['y']] for p in pose(seed)])


def h5_list(path, *people) -> str:
    """A ``valid.h5`` of (image, annolist index, person index, seed of the pose)."""
    names, index, person, seeds = zip(*people)
    with h5py.File(path, 'w') as file:
        file.update(imgname=np.array(names, 'S'), index=index, person=person,
                    center=np.ones((len(names), 2)), scale=np.ones(len(names)),
                    part=np.array([joints(seed) for seed in seeds]),
                    visible=np.ones((len(names), 16)), normalize=np.ones(len(names)))
    return path


def bearpaw_list(path, *people) -> str:
    path.write_text(json.dumps([dict(
        isValidation=float(validation), img_paths=name, objpos=[1, 2], scale_provided=1.0,
        joint_self=[[x, y, 1] for x, y in joints(seed)], annolist_index=index + 1.0,
        people_index=number + 1.0)
        for validation, (name, index, number, seed) in enumerate(people)]))
    return path


def hrnet_list(path, *people) -> str:
    path.write_text(json.dumps([dict(
        image=name, center=[1, 2], scale=1.0, joints=joints(seed).tolist(), joints_vis=[1] * 16)
        for name, _, _, seed in people]))
    return path


def head_box_list(path, *people) -> str:
    poses = np.array([joints(seed) for *_, seed in people]) + 1e-5      # noisy, as published
    poses[:, :3] = 0                                                    # and damaged
    scipy.io.savemat(path, dict(
        headboxes_src=np.ones((2, 2, len(people))), jnt_missing=np.zeros((16, len(people))),
        pos_gt_src=poses.transpose(1, 2, 0)))
    return path


FIRST, SECOND, TRAIN = ('val.jpg', 0, 0, 1), ('val.jpg', 0, 1, 2), ('train.jpg', 1, 0, 3)


@pytest.mark.parametrize(('write', 'name'), [
    (h5_list, 'valid.h5'), (hrnet_list, 'mpii_val.json'), (head_box_list, 'mpii_gt_val.mat')])
def test_any_list_gives_the_same_validation_people_in_its_order(release, tmp_path, write, name):
    val_file = write(tmp_path / name, SECOND, FIRST)
    splits = split_people(release, val_file)
    assert {split: [person.place for person in people]
            for split, people in splits.people.items()} == dict(
        train=[(1, 0)], val=[(0, 1), (0, 0)], trainval=[(1, 0), (0, 1), (0, 0)],
        test=[(3, 0), (3, 2), (5, 0)])


def test_others_on_validation_images_are_in_no_split_and_counted(release, tmp_path):
    """Of ``mpii_annotations.json`` only the validation people count, here the second."""
    splits = split_people(release, bearpaw_list(tmp_path / 'a.json', TRAIN, SECOND))
    assert [person.place for person in splits.people['train']] == [(1, 0)]
    assert [person.place for person in splits.people['val']] == [(0, 1)]
    assert splits.left_out == {
        'on validation images, not among the validation people': 1,
        'on training images, without joints': 1, 'on training images, without objpos': 1,
        'on training images, without scale': 1, 'on test images, without objpos': 1}
    assert len(splits.people['trainval']) + len(splits.people['test']) + sum(
        splits.left_out.values()) == sum(release.num_rects)


@pytest.mark.parametrize(('write', 'name', 'people', 'message'), [
    (h5_list, 'v.h5', [FIRST, ('val.jpg', 0, 2, 1)],
     r'v.h5, row 1 \(val.jpg\): .*no such training person'),
    (h5_list, 'v.h5', [('other.jpg', 0, 0, 1)], r'row 0 \(other.jpg\)'),
    (h5_list, 'v.h5', [('train.jpg', 1, 1, 1)],
     r'objpos, scale and joints at annolist\(2\).annorect\(2'),
    (h5_list, 'v.h5', [('train.jpg', 1, 2, 1)], 'no such training person with .*joints'),
    (h5_list, 'v.h5', [('test.jpg', 3, 0, 1)], 'no such training person'),
    (h5_list, 'v.h5', [FIRST, FIRST], r'annolist\(1\).annorect\(1\) \(val.jpg\) is listed twice'),
    (head_box_list, 'v.mat', [FIRST, ('', 0, 0, 9)], 'v.mat, row 1: 0 people in .*valid.h5')])
def test_lists_of_another_release_are_refused(release, tmp_path, write, name, people, message):
    with pytest.raises(DataError, match=message) as error:
        split_people(release, write(tmp_path / name, *people))
    assert '\n' not in str(error.value)


def test_people_with_the_same_joints_need_a_list_that_names_them(tmp_path):
    path = write_release(tmp_path / 'r.mat', image('a.jpg', rect(pose(1)), rect(pose(1))))
    with pytest.raises(DataError, match='2 people in .* have these joints; give a list that names'):
        split_people(read_release(path), head_box_list(tmp_path / 'v.mat', FIRST))


def test_what_is_written_reads_back_as_the_same_people(release, tmp_path):
    splits = split_people(release, h5_list(tmp_path / 'valid.h5', SECOND, FIRST))
    written = write_splits(splits, tmp_path / 'annotations')
    assert sorted(path.name for path in (tmp_path / 'annotations').iterdir()) == sorted(
        path.name for path in written)
    for split, people in splits.people.items():
        for ours, read in zip_equal(people, read_mpii(tmp_path / f'annotations/mpii_{split}.json')):
            assert (read.image_name, read.place, read.single_person) == (
                ours.image_name, ours.place, ours.single_person)
            assert np.array_equal(read.keypoints_image + 1, ours.joints, equal_nan=True)
            assert np.array_equal(read.occluded, ours.occluded)
            middle, side = crop_square(ours.center - 1, ours.scale)
            assert np.array_equal(read.center_image, middle) and read.side_image == side
            # the head box is 3 x 4 px, its diagonal 5; test people have none
            assert read.pck_unit == 3.0 or (split == 'test' and np.isnan(read.pck_unit))


def test_mmpose_reads_what_is_written(tmp_path, monkeypatch):
    from mmpose.datasets.datasets.body import MpiiDataset
    monkeypatch.chdir(tmp_path)     # mmpose takes the repository's configs/_base_ for its own
    name = '015.jpg'                # its data set makes numbers of the names
    release = read_release(write_release(tmp_path / 'r.mat',
                                         image(name, rect(pose(1)), rect(pose(2)))))
    splits = split_people(release, h5_list(tmp_path / 'v.h5', (name, 0, 1, 2), (name, 0, 0, 1)))
    write_splits(splits, tmp_path)
    dataset = MpiiDataset(data_root=str(tmp_path), ann_file='mpii_val.json', test_mode=True,
                          headbox_file=str(tmp_path / 'mpii_gt_val.mat'))
    assert len(dataset) == 2
    for sample, person in zip_equal(dataset, splits.people['val']):
        assert np.array_equal(sample['keypoints'][0], person.joints)    # mmpose leaves them 1-based
        assert sample['head_size'] == pytest.approx(0.6 * 5)
    codes = scipy.io.loadmat(tmp_path / 'mpii_gt_val.mat')['dataset_joints']
    assert codes.shape == (1, 16) and codes[0, 15].item() == 'lwri'


def test_hidden_truth_is_kept_and_unknown_joints_are_marked(tmp_path):
    known = hidden_rect() | {name: rect([point(4, 7.0, 8.0)])[name]
                           for name in ('annopoints', 'x1', 'y1', 'x2', 'y2')}
    path = write_release(tmp_path / 'r.mat', image('val.jpg', rect(pose(1))),
                         image('a.jpg', known, hidden_rect(), training=0))
    splits = split_people(read_release(path), h5_list(tmp_path / 'valid.h5', FIRST))
    write_splits(splits, tmp_path)
    with_truth, without = json.loads((tmp_path / 'mpii_test.json').read_text())
    assert with_truth['joints'][4] == [7.0, 8.0] and sum(with_truth['joints_vis']) == 1
    assert with_truth['head_box'] == [10.0, 20.0, 13.0, 24.0]
    assert without['joints'] == [[-1.0, -1.0]] * 16 and not any(without['joints_vis'])
    assert 'head_box' not in without


def test_only_counts_that_differ_from_the_published_ones_are_marked(release):
    person = release.people[0]                      # a single person
    splits = Splits(dict(train=[], val=[person] * 2958, trainval=[], test=[person]), {'why': 3})
    assert [' '.join(line.split()) for line in splits.summary().splitlines()] == [
        'train 0 published 22,246 differs by -22,246', 'val 2,958 published 2,958',
        'trainval 0 published 25,204 differs by -25,204',
        'test 1 published 11,731 differs by -11,730',
        'test, single person 1 published 7,247 differs by -7,246', 'in no split:', '3 why']


def test_refusals_of_the_writer_leave_no_half_files(release, tmp_path):
    splits = split_people(release, h5_list(tmp_path / 'valid.h5', FIRST))
    (tmp_path / 'file').touch()
    with pytest.raises(DataError, match='mpii_train.json: cannot be written'):
        write_splits(splits, tmp_path / 'file')
    headless = replace(splits.people['val'][0], head_box=None)
    with pytest.raises(DataError, match=r'row 0 \(val.jpg\): the release gives no head box'):
        write_splits(replace(splits, people=splits.people | dict(val=[headless])), tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


@needs(DATA / 'mpii/valid.h5')
@pytest.mark.data
@pytest.mark.slow
def test_real_validation_people_come_out_as_the_authors_have_them(tmp_path):
    """The first real validation people in a release, against the authors' valid.h5."""
    count = 800                     # of 2,958: scipy writes about 100 people a second
    val_file, box_file = shortened_lists(tmp_path, count)
    release = read_release(real_release(tmp_path / 'r.mat', count, box_file))
    splits = split_people(release, val_file)
    write_splits(splits, tmp_path)
    theirs, ours = read_mpii(val_file), read_mpii(tmp_path / 'mpii_val.json')
    assert [p.place for p in ours] == [p.place for p in theirs] and len(ours) == count
    assert [p.image_name for p in ours] == [p.image_name for p in theirs]

    def difference(field: str) -> np.ndarray:
        return np.array([getattr(a, field) - getattr(b, field)
                         for a, b in zip_equal(ours, theirs)])

    assert all(np.array_equal(a.occluded, b.occluded) for a, b in zip_equal(ours, theirs))
    assert np.abs(difference('center_image')).max() < 0.01      # the h5 has rounded ones
    assert np.abs(difference('side_image')).max() < 0.13        # the same, of 200 px
    assert np.abs(difference('pck_unit')).max() < 0.01
    assert all(np.array_equal(np.isnan(a.keypoints_image), np.isnan(b.keypoints_image))
               for a, b in zip_equal(ours, theirs))
    joints = np.nan_to_num(difference('keypoints_image'))
    # the h5 holds whole pixels of neck and head top, 592 where the release has 592.99999
    assert 0.9 < np.abs(joints[:, 8:10]).max() <= 1
    assert not np.delete(joints, (8, 9), axis=1).any()

    by_joints = split_people(release, box_file)
    assert [p.place for p in by_joints.people['val']] == [p.place for p in theirs]


def shortened_lists(folder, count: int) -> tuple:
    """The first people of ``valid.h5`` and of the file of head boxes."""
    with h5py.File(DATA / 'mpii/valid.h5') as source, h5py.File(folder / 'v.h5', 'w') as target:
        target.update({name: source[name][:count] for name in source})
    content = scipy.io.loadmat(DATA / 'mpii/detections_our_format.mat')
    scipy.io.savemat(folder / 'boxes.mat', {name: content[name][..., :count] for name in (
        'headboxes_src', 'pos_gt_src', 'jnt_missing')})
    return folder / 'v.h5', folder / 'boxes.mat'


def real_release(path, count: int, box_file):
    """The first validation people of ``mpii_annotations.json.gz`` at their places in a release.

    Images between theirs are without people, people between them without a field but scale.
    """
    people = read_mpii(DATA / 'mpii/mpii_annotations.json.gz', 'val')[:count]
    boxes = scipy.io.loadmat(box_file)['headboxes_src'].transpose(2, 0, 1).reshape(-1, 4)
    rects, names = {}, {}
    for person, box in zip_equal(people, boxes):
        (index, number), scale = person.place, person.side_image / 250      # undoes crop_square
        x, y = person.center_image + 1 - [0, 15 * scale]
        points = [point(joint, *xy, **({} if joint in (8, 9) else dict(is_visible=int(not hidden))))
                  for joint, (xy, hidden) in enumerate(
                      zip_equal((person.keypoints_image + 1).tolist(), person.occluded))
                  if xy[0] == xy[0]]
        rects.setdefault(index, {})[number] = rect(points, box, scale=scale,
                                                   objpos=structs(dict(x=x, y=y)))
        names[index] = person.image_name
    return write_release(path, *(
        image(names.get(index, f'{index}.jpg'),
                *(rects[index].get(number, dict(scale=2.0))
                  for number in range(max(rects.get(index, ()), default=-1) + 1)))
        for index in range(max(rects) + 1)))
