"""A data folder is looked over as a whole: each sort of fault is found, and nothing else."""
import json

import numpy as np
import pytest
from own_people import write_people
from PIL import Image

from hourglass.datasets.coco import KeypointDataset
from hourglass.datasets.mpii.dataset import MpiiDataset
from hourglass.datasets.verify import verify


def person(image: str, **changes) -> dict:
    return dict(image=image, center=[50, 50], scale=0.3, joints=[[40.0, 60.0]] * 16,
                joints_vis=[1] * 16, head_box=[40, 40, 50, 50]) | changes


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'images').mkdir()
    for name in ('a.jpg', 'b.jpg', 'torn.jpg'):
        noise = np.random.default_rng(0).integers(0, 255, (100, 100, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / 'images' / name)
    whole = (tmp_path / 'images/torn.jpg').read_bytes()
    (tmp_path / 'images/torn.jpg').write_bytes(whole[:len(whole) // 2])
    return tmp_path


def look_over(folder, people: list[dict], **options):
    (folder / 'a.json').write_text(json.dumps(people))
    return verify(MpiiDataset(data_root=str(folder), ann_file='a.json', test_mode=True,
                              lazy_init=True), **options)


def test_a_whole_folder_has_nothing_wrong(folder):
    found = look_over(folder, [person('a.jpg'), person('b.jpg')])
    assert (found.people, found.images) == (2, 2)
    assert not found.errors and not found.notes
    assert found.summary().splitlines()[-1] == '  no errors'


def test_every_fault_is_found_and_named(folder):
    unannotated = person('a.jpg', joints_vis=[0] * 16)
    found = look_over(folder, [
        person('a.jpg'), person('A.jpg'), person('gone.jpg'), person('torn.jpg'),
        person('a.jpg', scale=-1), person('a.jpg', head_box=[1, 1, 1, 1]), unannotated,
        person('b.jpg', joints=[[140.0, 60.0]] * 16), person('b.jpg', center=[900, 50])])
    assert {problem: [case.split(':')[0] for case in cases]
            for problem, cases in found.errors.items() if problem != 'images that cannot be read'
            } == {
        'images missing': ['A.jpg (a.jpg is there', 'gone.jpg, row 2'],
        'people with a wrong annotation': ['row 4 (a.jpg)', 'row 5 (a.jpg)'],
        'people who do not fit their image': ['row 7 (b.jpg)', 'row 8 (b.jpg)']}
    broken, = found.errors['images that cannot be read']
    assert 'torn.jpg: not a readable image' in broken
    assert {problem: len(cases) for problem, cases in found.notes.items()} == {
        'people without annotated joints': 1, 'people with joints outside their image': 1}
    assert 'row 7 (b.jpg): 16 joints' in found.summary()


def test_images_are_not_read_on_request(folder):
    found = look_over(folder, [person('torn.jpg')], decode=False)
    assert not found.errors


def test_an_empty_split_is_a_fault(folder):
    assert 'splits without people' in look_over(folder, []).errors


def test_people_are_checked_with_the_joints_of_the_samples(tmp_path):
    path = write_people(tmp_path, names=['left_hip', 'right_hip', 'head_top'])
    data = KeypointDataset(str(path), data_prefix=dict(img=str(tmp_path / 'images')),
                           skeleton='mpii', lazy_init=True)
    assert not verify(data).errors


def test_images_are_read_with_the_bits_of_the_data_set(tmp_path):
    path = write_people(tmp_path)
    image = next((tmp_path / 'images').iterdir())
    Image.fromarray(np.full((60, 80), 60000, np.uint16)).save(image)
    data = KeypointDataset(str(path), data_prefix=dict(img=str(tmp_path / 'images')), bits=12,
                           lazy_init=True)
    error, = verify(data).errors['images that cannot be read']
    assert 'values up to 60000, and 12 bits end at 4095' in error
