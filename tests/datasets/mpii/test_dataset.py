"""MPII's data set: splits and head boxes reach the file reader, wrong annotations are named."""
import json

import numpy as np
import pytest
import scipy.io
from mpii_records import record, write

from hourglass.datasets import skeletons
from hourglass.datasets.mpii.dataset import MpiiDataset
from hourglass.datasets.skeletons import keypoint_names
from hourglass.errors import ConfigError, DataError


def test_head_boxes_come_from_a_file_below_the_data_folder(tmp_path):
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images/0.jpg').touch()
    person = record()
    write(tmp_path / 'a.json', [person])
    scipy.io.savemat(tmp_path / 'gt.mat', dict(
        headboxes_src=np.array([[[0.], [0.]], [[30.], [40.]]]), jnt_missing=np.zeros((16, 1)),
        pos_gt_src=np.array(person['joints'])[..., None]))
    root = dict(data_root=str(tmp_path), ann_file='a.json', test_mode=True)
    sample = MpiiDataset(head_box_file='gt.mat', **root)[0]
    assert sample['raw_ann_info']['pck_unit'] == 0.6 * 50
    with pytest.raises(DataError, match=r'row 0 \(0.jpg\): no head box .*set head_box_file'):
        MpiiDataset(**root)


def test_the_split_is_chosen_among_three(tmp_path):
    (tmp_path / 'images').mkdir()
    both = [dict(img_paths=f'{validation}.jpg', objpos=[1, 2], scale_provided=1.0,
                 joint_self=[[9, 8, 1]] * 16, isValidation=float(validation))
            for validation in (0, 1)]
    for person in both:
        (tmp_path / 'images' / person['img_paths']).touch()
    write(tmp_path / 'a.json', both)
    with pytest.raises(ConfigError, match="split='valid', choose from"):
        MpiiDataset('a.json', 'valid', data_root=str(tmp_path))
    for split, names in dict(train=['0.jpg'], val=['1.jpg'], trainval=['0.jpg', '1.jpg']).items():
        dataset = MpiiDataset('a.json', split, data_root=str(tmp_path))
        assert [sample['raw_ann_info']['image_name'] for sample in dataset] == names


def test_a_network_for_lsp_gets_its_14_joints(tmp_path):
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images/0.jpg').touch()
    person = record(head_box=[0, 0, 30, 40])
    write(tmp_path / 'a.json', [person])
    options = dict(data_root=str(tmp_path), ann_file='a.json', test_mode=True)
    dataset = MpiiDataset(skeleton='lsp', **options)
    sample, ours = dataset[0]['raw_ann_info'], dict(zip(
        keypoint_names(MpiiDataset.METAINFO), person['joints']))
    names = keypoint_names(dataset.metainfo)
    assert names == keypoint_names(skeletons.LSP)
    assert (sample['keypoints_image'] + 1).tolist() == [ours[name] for name in names]
    assert len(sample['occluded']) == 14 and sample['pck_unit'] == 30
    with pytest.raises(ConfigError, match="skeleton='hand', choose from"):
        MpiiDataset(skeleton='hand', **options)


@pytest.mark.parametrize(('content', 'message'), [
    ('{"people": 3}', 'a list of people needed'),
    ('[{"image": "a.jpg"', 'not a JSON file'),
    ([{k: v for k, v in record().items() if k != 'scale'}], "row 0: field 'scale' is missing"),
    ([record(joints=[[1.0, 2.0]] * 15)], '15 joints, 16 joints_vis'),
    ([record(joints=[[1.0, 2.0]] * 14, joints_vis=[1] * 14)], r'joints of shape \(14, 2\)'),
    ([record(), record(joints=[[1.0, float('nan')]] * 16)],
     r'row 1 .*joint 0 is \[1.0, nan\] but marked as'),
    ([record(joints=[['x', 'y']] * 16)], 'row 0: could not convert .*; numbers needed for joints'),
    ([record(joints=[[1.0, float('inf')]] * 16)], r'joint 0 is \[1.0, inf\] but marked as'),
    ([record(joints_vis=[float('nan')] * 16)], 'row 0: joints_vis is NaN'),
    ([record(image=None)], 'row 0: the image is None, a file name needed'),
    ([record(image='x\ny')], r"row 0: the image is 'x\\ny', a file name needed"),
    ([record(center=[float('nan'), 3])], 'the centre is'),
    ([record(scale=float('nan'))], 'the scale makes a crop of nan px'),
    ([record(scale=0)], 'a crop of 0'), ([record(scale=-1)], 'more than 0 needed'),
    ([record(image='missing.jpg')],
     '1 of 1 images are missing, first missing.jpg of row 0 in .*a.json; complete'),
    ([record(image='0.JPG')], r'missing, first 0.JPG \(0.jpg is there: case or extension differ'),
    ([record(image='0.png')], r'first 0.png \(0.jpg is there'),
    ([], 'no people')])
def test_bad_annotations_name_file_row_and_fix(tmp_path, content, message):
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images/0.jpg').touch()
    path = tmp_path / 'a.json'
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(DataError, match=message) as error:
        MpiiDataset(data_root=str(tmp_path), ann_file='a.json')
    assert str(tmp_path) in str(error.value)
    assert '\n' not in str(error.value)


def test_missing_folders_are_named(tmp_path):
    with pytest.raises(DataError, match='nowhere: no such data folder. Set HOURGLASS_DATA'):
        MpiiDataset(data_root=str(tmp_path / 'nowhere'), ann_file='a.json')
    write(tmp_path / 'a.json', [record()])
    with pytest.raises(DataError, match='images: no such image folder'):
        MpiiDataset(data_root=str(tmp_path), ann_file='a.json')
