"""The page's server: it answers with the poses of predict, and refuses the rest in a line."""
import pytest

pytest.importorskip('flask')

import base64
import json
from io import BytesIO

import cv2
import numpy as np
from pairs import zip_equal
from PIL import Image
from werkzeug.datastructures import FileStorage

from hourglass.apis import init_model, predict
from hourglass.datasets.synthetic import render_person
from hourglass.errors import DataError
from hourglass.web.app import (
    EXAMPLES,
    FORMATS,
    LOOPBACK,
    MAX_MIB,
    create_app,
    examples,
    read_upload,
)

BOXES = [[120, 40, 400, 390], [60.5, 5, 330, 300]]
PNG, BOX = examples()[0]


@pytest.fixture(scope='module')
def model():
    return init_model('lsp-small', device='cpu')


@pytest.fixture(scope='module')
def client(model):
    return create_app({'lsp-small': model}).test_client()


def ask(client, image=None, model='lsp-small', **form):
    if image is not None:
        form['image'] = (BytesIO(image), 'a.png')
    return client.post('/predict', data=dict(model=model, **form))


@pytest.mark.parametrize('boxes', [BOXES, None, []])
def test_a_prediction_is_that_of_predict(client, model, boxes):
    png = PNG
    form = {} if boxes is None else dict(boxes=json.dumps(boxes))
    answer = ask(client, png, **form).get_json()
    poses = predict(model, cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR), boxes,
                    whole_image=boxes is None, stages=True, heatmaps=True, inputs=True)
    assert answer['whole_image'] == (boxes is None)
    assert answer['image_size'] == [480, 400]
    assert len(answer['people']) == len(poses.keypoints)
    for index, person in enumerate(answer['people']):
        assert np.array_equal(person['keypoints'], poses.keypoints[index])
        assert np.array_equal(np.float32(person['scores']), poses.scores[index])
        assert np.array_equal(person['box'], poses.boxes[index])
        assert np.array_equal(np.float32(person['stage_keypoints']),
                              np.float32(poses.stage_keypoints[index]))
        heatmaps = np.frombuffer(base64.b64decode(person['heatmaps']['data']), '<f4')
        assert np.array_equal(heatmaps.reshape(person['heatmaps']['shape']),
                              poses.stage_heatmaps[index])
        png_input = np.frombuffer(base64.b64decode(person['input']), np.uint8)
        assert np.array_equal(cv2.imdecode(png_input, cv2.IMREAD_COLOR), poses.inputs[index])


def test_a_photograph_is_turned_upright(client):
    upright = Image.open(BytesIO(PNG))
    exif = Image.Exif()
    exif[0x0112] = 6                        # shown turned by 90 degrees to the right
    stored = BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(stored, 'PNG', exif=exif)
    boxes = json.dumps(BOXES)
    turned = ask(client, stored.getvalue(), boxes=boxes).get_json()
    straight = ask(client, PNG, boxes=boxes).get_json()
    assert turned['people'] == straight['people']


def test_about_lists_models_examples_and_limits(client, model):
    about = client.get('/about').get_json()
    described, = about['models']
    assert (described['name'], described['shows'], described['stages'], described['stage']) == (
        'lsp-small', 'whole body', 2, 1)
    assert described['joints'][6] == dict(name='right wrist', color='#ff6e00')   # orange, from BGR
    assert described['bones'][0]['ends'] == [1, 0]
    files = [client.get(example['path']).data for example in about['examples']]
    assert [Image.open(BytesIO(file)).size for file in files] == [(480, 400)] * 3
    assert about['examples'][0]['box'] == BOX
    assert client.get(f'/examples/{len(files)}.png').status_code == 404


def png_of(width: int, height: int) -> bytes:
    file = BytesIO()
    Image.new('1', (width, height)).save(file, 'PNG')
    return file.getvalue()


@pytest.mark.parametrize(('image', 'form', 'message'), [
    (None, {}, "image: none given; upload a file in the field 'image'"),
    (b'words', {}, 'image: not a readable one; give a JPEG, PNG, WEBP, GIF or BMP file'),
    (PNG[:5000], {}, 'image: not a readable one'),
    (b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\n', {}, 'not a readable one'),
    (png_of(8000, 8000), {}, 'image: over 50 megapixels; make it smaller'),
    (png_of(20000, 20000), {}, 'image: over 50 megapixels; make it smaller'),
    (png_of(9, 9), dict(model='lsp-smal'),
     "model 'lsp-smal': not here, did you mean 'lsp-small'?; there are lsp-small"),
    (png_of(9, 9), dict(boxes='here'), 'boxes: not JSON of the form'),
    (png_of(9, 9), dict(boxes='[' * 100_000), 'boxes: not JSON of the form'),
    (png_of(9, 9), dict(boxes='{}'), 'boxes: not JSON of the form'),
    (png_of(9, 9), dict(boxes=json.dumps([[0, 0, 9, 9]] * 17)), 'boxes: 17 given; at most 16'),
    (png_of(9, 9), dict(boxes='[[1, 2, 3]]'), 'boxes of shape (1, 3), (P, 4) needed'),
    (png_of(9, 9), dict(boxes='[["a", 2, 3, 4]]'), 'boxes are no table of numbers'),
    (png_of(9, 9), dict(boxes='[[5, 5, 5, 9]]'), 'has no area'),
    (png_of(9, 9), dict(boxes=f'[[0, 0, {"9" * 400}, 9]]'), 'finite numbers needed'),
    (png_of(9, 9), dict(boxes='[[90, 90, 95, 95]]'), 'shows nothing of the 9x9 image'),
    (png_of(9, 9), dict(boxes='[[-1e7, -1e7, 1e7, 1e7]]'), 'a crop of 20000000 px'),
])
def test_errors_that_a_user_can_fix_are_one_line(client, image, form, message):
    answer = ask(client, image, **form)
    assert answer.status_code == 400
    error = answer.get_json()['error']
    assert message in error
    assert '\n' not in error


def test_a_request_that_is_too_large_is_refused(client):
    answer = ask(client, bytes((MAX_MIB << 20) + 1))
    assert answer.status_code == 413
    assert answer.get_json() == dict(error='more than 32 MiB; make the image smaller')


def test_other_sites_are_refused(client, model):
    """Neither with their own origin nor through a name of theirs that resolves to this machine."""
    assert client.get('/', base_url='http://evil.example').status_code == 421
    for host in ('localhost:8000', '127.0.0.1', '[::1]:8000'):
        assert client.get('/about', base_url=f'http://{host}').status_code == 200
    crossing = dict(Origin='http://evil.example')
    answer = client.post('/predict', headers=crossing)
    assert answer.status_code == 403
    assert 'Access-Control-Allow-Origin' not in answer.headers
    assert client.get('/about', headers=dict(Origin='http://localhost')).status_code == 200
    opened = create_app({'lsp-small': model}, hosts=None).test_client()
    assert opened.get('/about', base_url='http://any.example').status_code == 200
    assert set(LOOPBACK) == {'localhost', '127.0.0.1', '::1'}


def test_every_response_has_a_strict_policy(client):
    for path in ('/', '/about', '/static/app.js', '/none', '/static/../app.py'):
        headers = client.get(path).headers
        assert headers['Content-Security-Policy'].startswith("default-src 'none'; script-src")
        assert headers['X-Content-Type-Options'] == 'nosniff'
    assert client.get('/none').get_json()['error']
    assert client.get('/predict').status_code == 405
    assert client.get('/static/../app.py').status_code == 404


def test_an_upload_never_becomes_a_file(client, monkeypatch):
    seen = []
    monkeypatch.setattr('hourglass.web.app.read_upload', lambda upload: seen.append(
        type(upload.stream)) or read_upload(upload))
    ask(client, bytes(1_000_000))               # werkzeug's own limit for memory is 500 kB
    assert seen == [BytesIO]


def uploaded(image: Image.Image, kind: str, **options) -> FileStorage:
    file = BytesIO()
    image.save(file, kind, **options)
    return FileStorage(BytesIO(file.getvalue()), 'name')


@pytest.mark.parametrize('kind', FORMATS)
def test_every_format_is_read(kind):
    assert read_upload(uploaded(Image.new('L', (7, 5), 9), kind)).size == (7, 5)


def test_an_image_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6                        # shown turned by 90 degrees to the right
    stored = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    upright = read_upload(uploaded(stored, 'PNG', exif=exif))
    assert np.array_equal(upright, np.rot90(np.asarray(stored), -1))


@pytest.mark.parametrize(('upload', 'message'), [
    (None, "image: none given; upload a file in the field 'image'"),
    (FileStorage(BytesIO(b'words'), 'name'),
     'image: not a readable one; give a JPEG, PNG, WEBP, GIF or BMP file'),
    (uploaded(Image.new('1', (7_100, 7_100)), 'PNG'), 'image: over 50 megapixels; make it smaller'),
    (uploaded(Image.new('L', (7, 5)), 'TIFF'), 'image: not a readable one'),
])
def test_other_uploads_are_refused(upload, message):
    with pytest.raises(DataError, match=message):
        read_upload(upload)


def test_a_box_has_a_margin_around_the_joints_of_its_example():
    for seed, (png, box) in zip_equal(EXAMPLES, examples()):
        image, person = render_person(seed, size=(480, 400))
        assert np.array_equal(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR), image)
        joints = np.array(person['joints'])[np.array(person['joints_vis']) == 1] - 0.5
        low, high = joints.min(0) - box[:2], box[2:] - joints.max(0)
        margin = 0.06 * np.ptp(joints, axis=0).max()            # less at the border of the image
        assert (np.concatenate([low, high]) >= 0).all()
        assert np.concatenate([low, high]).max() == pytest.approx(margin)
