"""Points and pixels go through one matrix; augmentations are drawn as their sources say."""
import cv2
import numpy as np
import pytest
import torch
from conftest import DATA, needs
from mmengine.registry import init_default_scope
from mmengine.structures import BaseDataElement
from mmpose.registry import TRANSFORMS
from pairs import zip_equal

from hourglass.datasets.flic.dataset import FlicDataset
from hourglass.datasets.transforms import (
    BoxToCrop,
    CropAsFound,
    CropImage,
    LuaColour,
    LuaScaleRotation,
    PackPerson,
    PaperScaleRotation,
)
from hourglass.errors import ConfigError, DataError

AUGMENTATIONS = ['hourglass.PaperScaleRotation', 'hourglass.LuaScaleRotation']


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmpose')


def dot_image(x: float, y: float) -> np.ndarray:
    """A round spot of 3 px deviation around (x, y), 0-based px, on black."""
    columns, rows = np.meshgrid(np.arange(320), np.arange(240))
    spot = np.exp(-((columns - x)**2 + (rows - y)**2) / (2 * 3.0**2))
    return np.repeat(np.rint(255 * spot).astype(np.uint8)[..., None], 3, 2)


@pytest.mark.parametrize('augmentation', AUGMENTATIONS)
def test_a_dot_is_found_where_its_keypoint_goes(augmentation):
    steps = [TRANSFORMS.build(config) for config in (
        dict(type='RandomFlip', prob=0.5, direction='horizontal'), dict(type=augmentation),
        dict(type='TopdownAffine', input_size=(256, 256)))]
    errors, flips = [], 0
    for _ in range(60):
        x, y = np.random.uniform((100, 60), (220, 180))
        data = dict(
            img=dot_image(x, y), img_shape=(240, 320), flip_indices=[0],
            bbox_center=np.array([[160.0, 118.0]], np.float32),
            bbox_scale=np.array([[230.0, 230.0]], np.float32),
            keypoints=np.array([[[x, y]]], np.float32), keypoints_visible=np.ones((1, 1)))
        for step in steps:
            data = step(data)
        flips += data['flip']
        brightness = data['img'][..., 0].astype(float)
        rows, columns = np.mgrid[:256, :256]
        found = np.array([(columns * brightness).sum(), (rows * brightness).sum()])
        errors.append(found / brightness.sum() - data['transformed_keypoints'][0, 0])
    assert np.abs(errors).max() < 0.5
    assert np.abs(np.mean(errors, 0)).max() < 0.05        # and no systematic shift
    assert 10 < flips < 50


def test_the_papers_scales_and_rotations_fill_their_ranges():
    draws = np.array([PaperScaleRotation().sample() for _ in range(4000)])
    assert 0.75 <= draws[:, 0].min() < 0.76
    assert 1.24 < draws[:, 0].max() <= 1.25
    assert -30 <= draws[:, 1].min() < -29
    assert 29 < draws[:, 1].max() <= 30


def test_luas_scales_and_rotations_have_their_distributions():
    scale, degrees = np.array([LuaScaleRotation().sample() for _ in range(4000)]).T
    assert np.abs(np.log2(scale)).max() == pytest.approx(0.5)       # clipped at two deviations
    assert np.std(np.log2(scale)) == pytest.approx(0.24, abs=0.01)  # 0.25, a little less by that
    assert np.mean(degrees == 0) == pytest.approx(0.6, abs=0.03)
    assert np.abs(degrees).max() == 60


def test_colour_factors_are_per_channel_and_clamped():
    image = np.full((2, 2, 3), 100, np.uint8)
    seen = np.array([LuaColour().transform(dict(img=image))['img'][0, 0] for _ in range(500)])
    assert seen.min() in (60, 61)
    assert seen.max() in (139, 140)
    assert np.corrcoef(seen[:, 0].astype(float), seen[:, 1])[0, 1] < 0.2
    bright = LuaColour(2, 2).transform(dict(img=np.full((1, 1, 3), 200, np.uint8)))['img']
    assert bright.max() == bright.min() == 255


def test_a_box_becomes_a_crop_where_no_data_set_gave_one():
    image = np.zeros((100, 200, 3), np.uint8)
    box = np.array([[20.0, 10, 60, 90]], np.float32)
    made = BoxToCrop().transform(dict(img=image, bbox=box))
    assert made['bbox_center'].tolist() == [[39.5, 49.5]]       # a box counts from the corner
    assert made['bbox_scale'].tolist() == [[100, 100]]          # 1.25 x its longer side
    whole = BoxToCrop().transform(dict(img=image, bbox=np.array([[0.0, 0, 200, 100]])))
    assert whole['bbox_scale'].tolist() == [[200, 200]]         # no person's outline: not widened
    given = dict(img=image, bbox=box, bbox_center=np.ones((1, 2)), bbox_scale=np.ones((1, 2)))
    assert BoxToCrop().transform(dict(given)) == given


def person(path=None, side: float = 230.0) -> dict:
    """A sample of three joints, the first two each other's mirror joints."""
    return dict(
        img_path=str(path), flip_indices=[1, 0, 2],
        bbox=np.array([[45.0, 3, 275, 233]], np.float32),
        bbox_center=np.array([[160.0, 118.0]], np.float32),
        bbox_scale=np.array([[side, side]], np.float32),
        keypoints=np.array([[[120.0, 80], [210, 91.5], [160, 140]]], np.float32),
        keypoints_visible=np.array([[1.0, 0, 1]], np.float32))


def test_a_crop_around_a_found_box():
    """Two of the three joints are annotated: their box without errors, and with those of sides."""
    def cut(**options) -> tuple[list, float]:
        made = CropAsFound(1, **options)(person() | dict(image_size=(320, 240)))
        return made['bbox_center'][0].tolist(), float(made['bbox_scale'][0, 0])

    # x 120 to 160, y 80 to 140, a margin of 4.8 px each, and 1.25 times the longer side
    assert cut(deviation=0) == ([140, 110], pytest.approx(1.25 * 69.6))
    drawn = [cut() for _ in range(400)]
    x, side = np.array([center[0] for center, _ in drawn]), np.array([side for _, side in drawn])
    moved = 0.07 * 69.6 / 2**0.5                        # the mean of two sides that are moved
    assert abs(x.mean() - 140) < 4 * moved / 20 and x.std() == pytest.approx(moved, rel=0.15)
    assert side.std() == pytest.approx(1.25 * 0.07 * 69.6 * 2**0.5, rel=0.2)


def test_a_found_box_ends_at_the_border_of_the_image(tmp_path):
    """An image of 150x130 px, whose size is read from its file, cuts the box right and below."""
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((130, 150, 3), np.uint8))
    made = CropAsFound(1, 0)(person(tmp_path / 'a.png'))
    (x, y), side = made['bbox_center'][0], made['bbox_scale'][0, 0]
    assert (x, y) == pytest.approx(((115.7 + 150) / 2 - 0.5, (75.7 + 130) / 2 - 0.5), abs=1e-4)
    assert side == pytest.approx(1.25 * 54.3, abs=1e-4)


@pytest.mark.parametrize(('prob', 'visible', 'image_size'), [
    (0, [1, 1, 1], (320, 240)), (1, [0, 0, 1], (320, 240)), (1, [1, 0, 1], (117, 240))],
    ids=['not drawn', 'one joint', 'a stripe remains'])
def test_the_annotated_crop_remains(prob, visible, image_size):
    sample = person() | dict(image_size=image_size,
                             keypoints_visible=np.array([visible], np.float32))
    made = CropAsFound(prob, 0)(dict(sample))
    assert made['bbox_center'] is sample['bbox_center']
    assert made['bbox_scale'] is sample['bbox_scale']


@pytest.mark.parametrize('other', [(120.0, 80), (210, 80)], ids=['one place', 'a line'])
def test_joints_that_span_no_area_keep_the_annotated_crop(other):
    sample = person() | dict(image_size=(320, 240))
    sample['keypoints'][0, 2] = other                   # beside the joint at 120, 80
    assert CropAsFound(1, 0)(dict(sample))['bbox_scale'] is sample['bbox_scale']


def photograph(size: tuple[int, int]) -> np.ndarray:
    """An image (h, w, 3) with structure of about 1/40 of its width."""
    coarse = np.random.default_rng(0).integers(256, size=(30, 40, 3), dtype=np.uint8)
    return cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)


def plain_and_fast(augmentation: str, input_size: tuple[int, int], **options) -> tuple[list, list]:
    """mmpose's steps, and ours that do the same."""
    scale, colour = dict(type=augmentation), dict(type='hourglass.LuaColour')
    return tuple([TRANSFORMS.build(step) for step in steps] for steps in (
        [dict(type='hourglass.LoadImage'), dict(type='RandomFlip', direction='horizontal'),
         scale, dict(type='TopdownAffine', input_size=input_size), colour],
        [dict(type='hourglass.DrawFlip'), scale,
         dict(type='hourglass.CropImage', input_size=input_size, **options), colour]))


def run(steps: list, sample: dict, seed: int) -> dict:
    np.random.seed(seed)
    for step in steps:
        sample = step(sample)
    return sample


@pytest.mark.parametrize('input_size', [(256, 256), (96, 128)])
@pytest.mark.parametrize('augmentation', AUGMENTATIONS)
def test_the_same_draws_give_what_mmposes_steps_give(augmentation, input_size, tmp_path):
    cv2.imwrite(str(tmp_path / 'a.jpg'), photograph((320, 240)))
    plain, fast = plain_and_fast(augmentation, input_size)
    flips = 0
    for seed in range(30):
        theirs, ours = (run(steps, person(tmp_path / 'a.jpg', side=130), seed)
                        for steps in (plain, fast))
        flips += ours['flip']
        for key in ('bbox', 'bbox_center', 'bbox_scale', 'bbox_rotation', 'keypoints',
                    'keypoints_visible', 'input_center', 'input_scale', 'img_shape', 'ori_shape',
                    'input_size', 'flip', 'flip_direction'):
            assert np.array_equal(ours[key], theirs[key]), key
        # the matrix goes through float32 points there
        assert ours['transformed_keypoints'] == pytest.approx(
            theirs['transformed_keypoints'], abs=0.01)
        # OpenCV interpolates at 1/32 px, and which of two it takes may differ
        difference = np.abs(ours['img'].astype(int) - theirs['img'])
        assert difference.mean() < 0.5
        assert np.percentile(difference, 99) <= 4
    assert 5 < flips < 25


@pytest.mark.parametrize('reduction', [2, 4, 8])
def test_a_smaller_decoded_image_gives_the_same_crop(reduction, tmp_path):
    """Of an image with sides ``reduction`` times as long, and nearly the same pixels."""
    wide, high = 320 * reduction + 5, 240 * reduction + 3
    cv2.imwrite(str(tmp_path / 'a.jpg'), photograph((wide, high)))
    plain, fast = plain_and_fast('hourglass.PaperScaleRotation', (64, 64))
    for seed in range(10):
        sample = person(tmp_path / 'a.jpg', side=90 * reduction)
        for key in ('bbox', 'bbox_center', 'keypoints'):
            sample[key] = sample[key] * reduction
        theirs, ours = (run(steps, dict(sample), seed) for steps in (plain, fast))
        assert ours['img_shape'] == (high, wide)
        assert np.abs(ours['transformed_keypoints'] - theirs['transformed_keypoints']).max() < 0.02
        # means of neighbours, not the pixels between: alike, as structure is 8 px and more wide.
        # A pixel's shift would change 10 of 255.
        assert np.abs(ours['img'].astype(int) - theirs['img']).mean() < 2.5
        shift, _ = cv2.phaseCorrelate(*(cv2.cvtColor(np.ascontiguousarray(data['img']),
                                                     cv2.COLOR_BGR2GRAY).astype(np.float64)
                                        for data in (ours, theirs)))
        assert np.abs(shift).max() < 0.1                                        # px of the input


@pytest.mark.parametrize('side', [150.0, 700.0])
def test_what_is_cached_comes_out_alike(side, tmp_path):
    cv2.imwrite(str(tmp_path / 'a.jpg'), photograph((640, 480)))
    _, fast = plain_and_fast('hourglass.LuaScaleRotation', (128, 128))
    _, kept = plain_and_fast('hourglass.LuaScaleRotation', (128, 128), cache_megabytes=2)
    uncached = [run(fast, person(tmp_path / 'a.jpg', side), seed) for seed in range(25)]
    cached = [run(kept, person(tmp_path / 'a.jpg', side), seed) for seed in range(25)]
    (tmp_path / 'a.jpg').unlink()                                       # is not read again
    again = [run(kept, person(tmp_path / 'a.jpg', side), seed) for seed in range(25)]
    with pytest.raises(DataError, match='no such image'):
        run(fast, person(tmp_path / 'a.jpg', side), 0)
    for one, two, three in zip_equal(uncached, cached, again):
        assert np.array_equal(two['img'], three['img'])
        assert np.abs(one['img'].astype(int) - two['img']).max() <= 1      # rounding of a shift
        assert np.array_equal(one['transformed_keypoints'], three['transformed_keypoints'])


def test_a_cached_piece_is_large_enough_where_another_transform_enlarges_the_crop(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.jpg'), photograph((640, 480)))
    larger = TRANSFORMS.build(dict(type='RandomBBoxTransform', shift_prob=0, rotate_prob=0,
                                   scale_factor=(2, 2.5)))
    without, cached = (
        run([PaperScaleRotation(), larger, CropImage((64, 64), cache_megabytes=megabytes)],
            person(tmp_path / 'a.jpg', side=100), seed=0)['img'] for megabytes in (0, 2))
    assert np.abs(without.astype(int) - cached).max() <= 1                 # rounding of a shift


class Seeded(torch.utils.data.Dataset):
    """One sample an image, drawn by its index."""

    def __init__(self, steps: list, paths: list):
        self.steps, self.paths = steps, paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:
        return run(self.steps, person(self.paths[index], side=150), index)['img']


def test_a_cache_works_in_the_workers_of_a_loader(tmp_path):
    paths = [tmp_path / f'{index}.png' for index in range(8)]
    for index, path in enumerate(paths):
        cv2.imwrite(str(path), photograph((320, 240)) // (index + 1))
    _, fast = plain_and_fast('hourglass.PaperScaleRotation', (64, 64))
    _, kept = plain_and_fast('hourglass.PaperScaleRotation', (64, 64), cache_megabytes=8)
    truth = np.stack(list(Seeded(fast, paths)))
    loader = torch.utils.data.DataLoader(Seeded(kept, paths), batch_size=2, num_workers=2,
                                         persistent_workers=True)
    for epoch in range(3):
        found = torch.cat(list(loader)).numpy()
        assert np.abs(found.astype(int) - truth).max() <= 1                # rounding of a shift
        if epoch == 0:      # in this order every worker has its own people again
            for path in paths:
                path.unlink()


def test_a_cache_keeps_its_bound_and_what_it_has(tmp_path):
    for index in range(6):
        cv2.imwrite(str(tmp_path / f'{index}.jpg'), photograph((320, 240)))
    crop = CropImage((64, 64), cache_megabytes=0.3)
    for _ in range(2):
        for index in range(6):
            crop(person(tmp_path / f'{index}.jpg', side=100))
    pieces = [piece.pixels for piece in crop.store._pieces.values()]
    # a circle around a crop of 100 px, 3 px more to either side, three colours: 65 KB
    assert all(140 < length < 155 for pixels in pieces for length in pixels.shape[:2])
    assert len(pieces) == 4
    assert crop.store.room == int(0.3 * 2**20) - sum(pixels.nbytes for pixels in pieces) >= 0
    with pytest.raises(ConfigError, match='cache_megabytes=-1'):
        CropImage((64, 64), cache_megabytes=-1)


def test_a_crop_beside_the_image_and_an_image_of_another_size_are_refused(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.jpg'), photograph((320, 240)))
    for options in ({}, {'cache_megabytes': 1}):
        sample = person(tmp_path / 'a.jpg', side=50) | dict(
            bbox_center=np.array([[900.0, -700.0]], np.float32))
        with pytest.raises(DataError, match=r'a.jpg: a crop of 35 px around \[900.0, -70'):
            CropImage((64, 64), **options)(sample)
        sample = person(tmp_path / 'a.jpg') | dict(image_size=(640, 480))
        with pytest.raises(DataError, match='a.jpg: the image has 320x240 px and was'):
            CropImage((64, 64), **options)(sample)


def test_an_image_that_is_there_is_cropped_as_it_is():
    image = photograph((320, 240))
    ours = CropImage((128, 128))(person() | dict(img=image))
    theirs = TRANSFORMS.build(dict(type='TopdownAffine', input_size=(128, 128)))(
        person() | dict(img=image))
    assert np.abs(ours['img'].astype(int) - theirs['img']).mean() < 0.5
    assert 'flip' not in ours


def test_each_colour_is_multiplied_and_clamped():
    image = photograph((64, 48))
    for seed in range(5):
        np.random.seed(seed)
        factors = LuaColour().factors()
        np.random.seed(seed)
        scaled = LuaColour()(dict(img=image))['img']
        assert np.array_equal(scaled, np.clip(np.rint(image * factors), 0, 255))
    assert np.array_equal(image, photograph((64, 48)))                # the input is untouched


@pytest.mark.parametrize('step', [
    dict(type='YOLOXHSVRandomAug'), dict(type='PhotometricDistortion'), dict(
        type='Albumentation', transforms=[dict(type='Blur', p=1), dict(type='CLAHE', p=1)])],
    ids=lambda step: step['type'])
def test_mmposes_colours_work_after_our_crop(step, tmp_path):
    if step['type'] == 'Albumentation':
        pytest.importorskip('albumentations')
    cv2.imwrite(str(tmp_path / 'a.jpg'), photograph((320, 240)))
    crop, colour = CropImage((64, 48)), TRANSFORMS.build(step)
    before = crop(person(tmp_path / 'a.jpg'))['img']
    for seed in range(20):
        truth = run([colour], dict(img=before.copy()), seed)['img']
        for more in ([], [LuaColour(1, 1)]):
            ours = run([crop, colour, *more, PackPerson()], person(tmp_path / 'a.jpg'), seed)
            assert np.array_equal(ours['inputs'], truth.transpose(2, 0, 1))


def equal(ours, theirs) -> bool:
    """Whether two values are of one type and content, elements with all their fields."""
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, BaseDataElement):
        names = [sorted(e.keys()) + sorted(e.metainfo_keys()) for e in (ours, theirs)]
        return names[0] == names[1] and all(
            equal(getattr(ours, name), getattr(theirs, name)) for name in names[0])
    if isinstance(ours, torch.Tensor):
        return ours.dtype == theirs.dtype and torch.equal(ours, theirs)
    if isinstance(ours, np.ndarray):
        return ours.dtype == theirs.dtype and np.array_equal(ours, theirs)
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(equal(ours[key], theirs[key]) for key in ours)
    return ours == theirs


@pytest.mark.parametrize('options', [{}, {'pack_transformed': True}, {'meta_keys': ('img_path',)}])
def test_packing_gives_what_mmpose_packs(options, tmp_path):
    cv2.imwrite(str(tmp_path / 'a.jpg'), photograph((320, 240)))
    codec = dict(type='hourglass.HourglassHeatmap', input_size=(64, 64), heatmap_size=(16, 16))
    _, steps = plain_and_fast('hourglass.PaperScaleRotation', (64, 64))
    sample = run(steps, person(tmp_path / 'a.jpg') | dict(
        id=3, raw_ann_info=dict(row=3), bbox_score=np.ones(1, np.float32)), seed=0)
    for targets in ([], [TRANSFORMS.build(dict(type='GenerateTarget', encoder=codec))]):
        data = run(targets, dict(sample), seed=0)
        ours = PackPerson(**options)(dict(data))
        theirs = TRANSFORMS.build(dict(type='PackPoseInputs', **options))(dict(data))
        assert ours['inputs'].shape == (3, 64, 64)
        assert ours['inputs'].is_contiguous()
        assert equal(ours, theirs)
        assert ('gt_fields' in ours['data_samples']) == bool(targets)
    theirs['data_samples'].set_field('other.jpg', 'img_path', field_type='metainfo')
    assert not equal(ours, theirs)


@needs(DATA / 'flic/images')
@pytest.mark.data
@pytest.mark.parametrize('side', [256, 128])
def test_frames_of_flic_come_out_as_through_mmposes_steps(side):
    dataset = FlicDataset(split='train', data_root=str(DATA / 'flic'), indices=400)
    plain, fast = plain_and_fast('hourglass.PaperScaleRotation', (side, side))
    points, pixels = [], []
    for index in range(0, 400, 5):
        theirs, ours = (run(steps, dataset.get_data_info(index), index) for steps in (plain, fast))
        points.append(ours['transformed_keypoints'] - theirs['transformed_keypoints'])
        pixels.append(np.abs(ours['img'].astype(int) - theirs['img']).mean())
    assert np.abs(points).max() < 0.01                      # px of the input
    # of 255 levels; at 128x128 a few frames are decoded at half their size, which smooths them
    assert np.median(pixels) < 0.5
    assert max(pixels) < (1 if side == 256 else 6)


def test_two_people_with_one_centre_have_pieces_of_their_own(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.jpg'), photograph((640, 480)))
    _, fast = plain_and_fast('hourglass.LuaScaleRotation', (128, 128))
    _, kept = plain_and_fast('hourglass.LuaScaleRotation', (128, 128), cache_megabytes=2)
    for side in (60, 120):
        one, two = (run(steps, person(tmp_path / 'a.jpg', side), 0)['img']
                    for steps in (fast, kept))
        assert np.abs(one.astype(int) - two).max() <= 1                    # rounding of a shift


@pytest.mark.parametrize(('bits', 'value'), [(12, 128), (16, 8)])
def test_the_crop_of_a_deep_image_has_its_range(tmp_path, bits, value):
    path = str(tmp_path / 'a.png')
    cv2.imwrite(path, np.full((64, 64, 3), 2048, np.uint16))
    crop = CropImage(input_size=(32, 32))(dict(
        img_path=path, bits=bits, bbox_center=np.full((1, 2), 31.5, np.float32),
        bbox_scale=np.full((1, 2), 32, np.float32)))['img']
    assert value - 1 <= crop.min() and crop.max() <= value + 1


def test_a_crop_may_miss_the_image_if_wider_draws_show_it():
    data = dict(img=np.zeros((64, 64, 3), np.uint8), img_path='a.png',
                bbox_center=np.array([[-40, 32]], np.float32),
                bbox_scale=np.full((1, 2), 20, np.float32))
    CropImage(input_size=(32, 32))(data | dict(widest_scale=np.full((1, 2), 80, np.float32)))
    with pytest.raises(DataError, match='a.png: '):
        CropImage(input_size=(32, 32))(dict(data))


def test_rotations_are_to_both_sides():
    np.random.seed(0)
    degrees = np.array([LuaScaleRotation().sample()[1] for _ in range(400)])
    assert (degrees > 0).sum() == pytest.approx((degrees < 0).sum(), abs=60)     # 3 deviations
