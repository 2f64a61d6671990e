"""The rendered people: reproducible, and annotated where and how they are drawn."""

import json

import cv2
import numpy as np
import pytest
from pairs import zip_equal

from hourglass.datasets.synthetic import render_person, write_synthetic, writer
from hourglass.datasets.synthetic import skeleton as body
from hourglass.datasets.synthetic.canvas import Canvas
from hourglass.datasets.synthetic.figure import View, draw_figure
from hourglass.errors import DataError

J = {name: number for number, name in enumerate(body.JOINTS)}
SIZE = (96, 128)


@pytest.fixture(scope='module')
def people():
    """Records of forty small images, 96 wide and 128 high."""
    return [render_person((5, index), SIZE)[1] for index in range(40)]


def bodies(count, root=None):
    """Posed three-dimensional bodies of average build, facing the camera by default."""
    for seed in range(count):
        pose = body.sample_pose(np.random.default_rng(seed))
        yield body.build_skeleton(pose, np.eye(3) if root is None else root, build={})


def test_same_seed_same_image_other_seed_other_image():
    first, record = render_person((3, 1), SIZE)
    again, record_again = render_person((3, 1), SIZE)
    other, _ = render_person((3, 2), SIZE)
    assert first.shape == (128, 96, 3) and first.dtype == np.uint8
    assert np.array_equal(first, again) and record == record_again
    assert np.abs(first.astype(int) - other).mean() > 5


def test_files_do_not_depend_on_workers_and_streams_differ(tmp_path):
    folders = [tmp_path / name for name in ('one', 'two', 'other')]
    for folder, workers, stream in zip_equal(folders, (1, 2, 1), (0, 0, 1)):
        write_synthetic(folder, 4, 7, workers, (64, 64), stream=stream)
    contents = [{path.relative_to(folder): path.read_bytes()
                 for path in sorted(folder.rglob('*')) if path.is_file()} for folder in folders]
    assert len(contents[0]) == 5
    assert contents[0] == contents[1]
    assert not set(contents[0].values()) & set(contents[2].values())


def test_complete_folder_is_kept_and_any_other_is_made_again(tmp_path):
    annotation = write_synthetic(tmp_path, 3, 1, 1, (64, 64))
    first, made = tmp_path / 'images' / '000000.jpg', annotation.stat().st_mtime_ns
    write_synthetic(tmp_path, 3, 1, 1, (64, 64))
    assert annotation.stat().st_mtime_ns == made
    before = first.read_bytes()
    first.unlink()
    write_synthetic(tmp_path, 3, 1, 1, (64, 64))
    assert first.read_bytes() == before
    write_synthetic(tmp_path, 2, 2, 1, (64, 64))
    assert first.read_bytes() != before and len(list(first.parent.iterdir())) == 2


@pytest.mark.parametrize('name', ['annotations.json', 'images/000123.jpg'])
def test_what_was_not_rendered_is_never_replaced(tmp_path, name):
    own = tmp_path / name
    own.parent.mkdir(exist_ok=True)
    own.write_text('[]')
    with pytest.raises(DataError, match='were not rendered; choose another folder'):
        write_synthetic(tmp_path, 2, 1, 1, (64, 64))
    assert own.read_text() == '[]'


def test_what_an_interrupted_run_left_is_replaced(tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(writer, 'write_json', lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        write_synthetic(tmp_path, 2, 1, 1, (64, 64))
    assert len(list((tmp_path / 'images').iterdir())) == 2
    write_synthetic(tmp_path, 1, 1, 1, (64, 64))
    assert [path.name for path in (tmp_path / 'images').iterdir()] == ['000000.jpg']
    assert sorted(path.name for path in tmp_path.iterdir()) == ['annotations.json', 'images']


def test_annotation_file_has_the_mpii_fields(tmp_path):
    annotation = write_synthetic(tmp_path, 2, 1, 1, (80, 64))
    content = json.loads(annotation.read_text())
    assert (content['info']['count'], content['info']['size']) == (2, [80, 64])
    for person in content['people']:
        assert np.shape(person['joints']) == (16, 2) and np.shape(person['center']) == (2,)
        assert len(person['joints_vis']) == len(person['joints_occluded']) == 16
        assert cv2.imread(str(tmp_path / 'images' / person['image'])).shape == (64, 80, 3)


@pytest.mark.parametrize(('name', 'wrong'), [
    ('count is 0', {'count': 0}), ('seed is -1', {'seed': -1}),
    ('width is 8', {'size': (8, 64)}), ('workers is 0', {'workers': 0})])
def test_senseless_argument_is_named_in_one_line(tmp_path, name, wrong):
    with pytest.raises(DataError, match=name) as caught:
        write_synthetic(tmp_path, **{'count': 1, 'seed': 0, **wrong})
    assert '\n' not in str(caught.value)


def test_annotated_joints_are_inside_and_others_are_zero(people):
    joints = np.array([person['joints'] for person in people])
    annotated = np.array([person['joints_vis'] for person in people]) == 1
    occluded = np.array([person['joints_occluded'] for person in people]) == 1
    assert 0.9 < annotated.mean() < 1
    assert (joints[annotated] >= 1).all() and (joints[annotated] <= SIZE).all()
    assert (joints[~annotated] == 0).all()
    assert not occluded[~annotated].any() and 0.08 < occluded.mean() < 0.35


def test_center_and_scale_frame_the_joints(people):
    for person in people:
        joints = np.array(person['joints'])[np.array(person['joints_vis']) == 1]
        reach = np.abs(joints - person['center']).max()
        assert reach == pytest.approx(100 * person['scale'], abs=0.02)


def test_head_box_is_tight_around_neck_and_head_top(people):
    ratios = []
    for person in people:
        box, joints = np.array(person['head_box']), np.array(person['joints'])
        seen = [J[name] for name in ('upper_neck', 'head_top') if person['joints_vis'][J[name]]]
        assert (joints[seen] >= box[:2] - 0.02).all() and (joints[seen] <= box[2:] + 0.02).all()
        if len(seen) == 2:
            length = np.hypot(*(joints[seen[1]] - joints[seen[0]]))
            ratios.append(0.6 * np.hypot(*(box[2:] - box[:2])) / length)
    assert 0.7 < np.median(ratios) < 0.95  # the PCKh unit is no longer than the head


def test_limbs_have_human_proportions():
    for skeleton in bodies(30):
        at = skeleton.points
        lengths = {(a, b): np.linalg.norm(at[a] - at[b]) for a, b in (
            ('l_hip', 'l_knee'), ('l_knee', 'l_ankle'), ('l_shoulder', 'l_elbow'),
            ('l_elbow', 'l_wrist'), ('upper_neck', 'head_top'), ('l_hip', 'r_hip'))}
        expected = (0.245, 0.246, 0.18, 0.148, 0.135, 0.116)
        assert list(lengths.values()) == pytest.approx(expected, abs=1e-6)


def test_knees_and_elbows_bend_the_human_way():
    for skeleton in bodies(60):
        at = skeleton.points
        for side in 'rl':
            thigh, shank = (at[f'{side}_{b}'] - at[f'{side}_{a}']
                            for a, b in (('hip', 'knee'), ('knee', 'ankle')))
            foot = at[f'{side}_toe'] - at[f'{side}_heel']
            assert (thigh / 0.245 - shank / 0.246) @ foot > -1e-3  # the knee points to the toes


@pytest.mark.parametrize('facing', [0, 180])
def test_left_is_at_the_viewers_right_exactly_when_facing(facing):
    sign = 1 if facing == 0 else -1
    for skeleton in bodies(40, body.rotation(0, facing, 0)):
        at = skeleton.points
        assert sign * (at['l_hip'] - at['r_hip'])[0] > 0.05
        assert sign * (at['l_shoulder'] - at['r_shoulder'])[0] > 0.05
        assert np.linalg.det(skeleton.frames['head']) == pytest.approx(1)
        assert sign * skeleton.frames['head'][2, 2] > 0


def test_joints_sit_on_the_drawn_body():
    on_body = []
    for seed, skeleton in enumerate(bodies(12)):
        rng = np.random.default_rng(seed)
        canvas = Canvas(np.zeros((160, 160, 3), np.uint8), rng)
        view = View(100.0, 6.0, np.array((80.3, 85.6)))
        draw_figure(rng, canvas, skeleton, view)
        joints = np.round(view.pixels(skeleton.joints())).astype(int)
        inner = np.delete(joints, J['head_top'], 0)  # the head top is on the very outline
        on_body.append(canvas.depth[inner[:, 1], inner[:, 0]] > Canvas.BACKGROUND)
    assert np.all(on_body)
