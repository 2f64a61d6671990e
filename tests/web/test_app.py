"""The page's server: it answers with the poses of predict, and refuses the rest in a line."""
from __future__ import annotations

import pytest

pytest.importorskip('flask')

import base64
import json
import re
import socket
import threading
from io import BytesIO

import cv2
import numpy as np
from pairs import zip_equal
from PIL import Image
from werkzeug.test import EnvironBuilder, run_wsgi_app

from hourglass.apis import init_model, predict
from hourglass.datasets.synthetic import render_person
from hourglass.web.app import EXAMPLES, LOOPBACK, create_app, examples
from hourglass.web.uploads import FORMATS, read_upload

BOXES = [[120, 40, 400, 390], [60.5, 5, 330, 300]]
PNG, BOX = examples()[0]
FORMATS_AS_WORDS = f"a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file"


@pytest.fixture(scope='module')
def model():
    return init_model('lsp-small', device='cpu')


@pytest.fixture(scope='module')
def client(model):
    return create_app({'lsp-small': model}).test_client()


def ask(client, image=None, model='lsp-small', boxes='[[0, 0, 9, 9]]', **form):
    form |= {} if boxes is None else dict(boxes=boxes)
    if image is not None:
        form['image'] = (BytesIO(image), 'a.png')
    return client.post('/predict', data=dict(model=model, **form))


def as_array(png: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize('boxes', [BOXES, []])
def test_a_prediction_is_that_of_predict(client, model, boxes):
    answer = ask(client, PNG, boxes=json.dumps(boxes)).get_json()
    poses = predict(model, as_array(PNG), boxes, stages=True, heatmaps=True, inputs=True,
                    probability=True)
    assert answer['image_size'] == [480, 400]
    assert answer['boxes'] == boxes
    assert len(answer['people']) == len(poses.keypoints)
    for index, person in enumerate(answer['people']):
        assert np.array_equal(person['keypoints'], poses.keypoints[index])
        assert np.array_equal(np.float32(person['scores']), poses.scores[index])
        assert np.array_equal(person['probability'], poses.probability[index])
        assert np.array_equal(person['box'], poses.boxes[index])
        assert np.array_equal(np.float32(person['stage_keypoints']),
                              np.float32(poses.stage_keypoints[index]))
        heatmaps = np.frombuffer(base64.b64decode(person['heatmaps']['data']), '<f4')
        assert np.array_equal(heatmaps.reshape(person['heatmaps']['shape']),
                              poses.stage_heatmaps[index])
        assert np.array_equal(as_array(base64.b64decode(person['input'])), poses.inputs[index])


def test_the_best_boxes_of_the_detector_are_predicted(model, monkeypatch):
    monkeypatch.setattr('hourglass.web.app.MAX_PEOPLE', 2)
    seen = []

    def detector(image):
        seen.append(image)
        return np.array([[*BOXES[index % 2], 0.9] for index in range(3)])
    client = create_app({'lsp-small': model}, detector=detector).test_client()
    found = ask(client, PNG, boxes=None, find='').get_json()
    assert np.array_equal(seen[0], as_array(PNG))
    assert found['boxes'] == BOXES
    given = ask(client, PNG, boxes=json.dumps(BOXES)).get_json()
    assert found['people'] == given['people']


def test_weights_calibrated_for_another_stage_give_peaks(model):
    client = create_app({'first': model.until_stage(0)}).test_client()
    person, = ask(client, PNG, model='first', boxes=json.dumps(BOXES[:1])).get_json()['people']
    assert person['probability'] is None


def test_an_image_becomes_one_that_browsers_show(client):
    """The frames of a video are tested in test_uploads.py."""
    answer = client.post('/frames', data=dict(image=(BytesIO(PNG), 'a.bin'))).get_json()
    frame, = answer['frames']
    assert (frame['time'], answer['missing']) == (0, None)
    shown = as_array(base64.b64decode(frame['image']))
    assert np.abs(shown.astype(int) - as_array(PNG)).mean() < 3           # JPEG of quality 92


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
    (b'words', {}, f'image: not a readable one; give {FORMATS_AS_WORDS}'),
    (PNG[:5000], {}, 'image: not a readable one'),
    (b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\n', {}, 'not a readable one'),
    (png_of(8000, 8000), {}, 'image: over 50 megapixels; make it smaller'),
    (png_of(20000, 20000), {}, 'image: over 50 megapixels; make it smaller'),
    (png_of(9, 9), dict(model='lsp-smal'),
     "model 'lsp-smal': not here, did you mean 'lsp-small'?; there are lsp-small"),
    (png_of(9, 9), dict(boxes=None), 'boxes: not JSON of the form'),
    (png_of(9, 9), dict(find=''), 'this page has no detector; hourglass web --detector'),
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


def test_a_request_that_is_too_large_is_refused(model):
    client = create_app({'lsp-small': model}, megabytes=0.5).test_client()
    answer = ask(client, bytes(500_001))
    assert answer.status_code == 413
    assert answer.get_json() == dict(error='more than 0.5 MB; make the file smaller')


class Stalled(BytesIO):
    """A body of which the second half comes when the event is set."""

    def __init__(self, body: bytes, event: threading.Event):
        super().__init__(body)
        self.half, self.event, self.waits = len(body) // 2, event, threading.Event()

    def _wait(self) -> None:
        if self.tell() >= self.half:
            self.waits.set()
            self.event.wait(20)

    def read(self, size: int | None = -1) -> bytes:
        self._wait()
        return super().read(1000)

    def readinto(self, buffer) -> int:
        self._wait()
        return super().readinto(memoryview(buffer)[:1000])


@pytest.mark.parametrize('path', ['/frames', '/predict'])
@pytest.mark.parametrize(('most', 'status'), [(2, 200), (1, 503)])
def test_an_upload_that_stalls_keeps_nobody_waiting_but_its_place(
        model, monkeypatch, path, most, status):
    monkeypatch.setattr('hourglass.web.app.MAX_REQUESTS', most)
    app, event = create_app({'lsp-small': model}), threading.Event()
    form = dict(model='lsp-small', boxes=json.dumps([BOX]), image=(BytesIO(PNG), 'a.png'))
    environ = EnvironBuilder(path, method='POST', data=form).get_environ()
    environ['wsgi.input'] = body = Stalled(environ['wsgi.input'].read(), event)
    slow = threading.Thread(target=run_wsgi_app, args=(app, environ))
    slow.start()
    try:
        assert body.waits.wait(20)
        answer = app.test_client().post(path, data=form | dict(image=(BytesIO(PNG), 'a.png')))
        assert answer.status_code == status and slow.is_alive()
    finally:
        event.set()
        slow.join()
    assert app.test_client().post('/frames', data=dict(image=(BytesIO(PNG), 'a.png'))
                                  ).status_code == 200      # the place is free again


@pytest.mark.parametrize('path', ['/frames', '/predict'])
def test_a_request_that_the_page_has_aborted_is_not_computed(client, monkeypatch, path):
    computed = []
    for name in ('read_frames', 'read_upload'):
        monkeypatch.setattr(f'hourglass.web.app.{name}', lambda *_: computed.append(1) or 1 / 0)
    server, browser = socket.socketpair()
    server.settimeout(60)

    def ask_again():
        form = dict(model='lsp-small', boxes='[]', image=(BytesIO(PNG), 'a.png'))
        return client.post(path, data=form, environ_overrides={'werkzeug.socket': server})
    with server:
        with browser:
            assert (ask_again().status_code, len(computed)) == (500, 1)
        assert (ask_again().status_code, len(computed)) == (400, 1)
        assert server.gettimeout() == 60


def test_boxes_that_are_too_long_are_not_called_a_large_file(client):
    answer = ask(client, PNG, boxes='1' * 600_000)
    assert (answer.status_code, answer.get_json()['error']) == (413, 'boxes: too long')


def test_other_sites_are_refused(client, model):
    """Neither with their own origin nor through a name of theirs that resolves to this machine."""
    assert client.get('/', base_url='http://evil.example').status_code == 421
    for host in ('localhost:8000', '127.0.0.1', '[::1]:8000'):
        assert client.get('/about', base_url=f'http://{host}').status_code == 200
    assert client.post('/predict', headers=dict(Origin='http://[')).status_code == 403
    crossing = dict(Origin='http://evil.example')
    answer = client.post('/predict', headers=crossing)
    assert answer.status_code == 403
    assert 'Access-Control-Allow-Origin' not in answer.headers
    assert client.get('/about', headers=dict(Origin='http://localhost')).status_code == 200
    opened = create_app({'lsp-small': model}, hosts=None).test_client()
    assert opened.get('/about', base_url='http://any.example').status_code == 200
    assert set(LOOPBACK) == {'localhost', '127.0.0.1', '::1'}


@pytest.mark.parametrize('host', ['127.0.0.1:8000', 'poses.example'])
@pytest.mark.parametrize('path', ['', '/demo'])
def test_a_proxy_may_change_path_and_name(model, host, path):
    """It may pass on both, or remove the path and ask under the name of this server."""
    app = create_app({'lsp-small': model}, public_url='https://poses.example/demo/')
    client, base = app.test_client(), f'http://{host}'
    for name in ('/', '/about', '/static/app.js', '/examples/0.png'):
        assert client.get(path + name, base_url=base).status_code == 200
    for origin, status in (('https://poses.example', 400), ('http://poses.example.org', 403),
                           ('https://evil.example', 403)):
        answer = client.post(f'{path}/predict', base_url=base, headers=dict(Origin=origin))
        assert answer.status_code == status
    assert client.get(f'{path}/', base_url='http://evil.example').status_code == 421


def test_the_page_has_relative_links_alone(client):
    """So that it works below any path."""
    assert not re.search('(href|src)="[/h]', client.get('/').text)
    for script in ('app.js', 'api.js'):
        text = client.get(f'/static/{script}').text
        assert not re.search(r"(ask|fetchExample|from) ?\(?'/", text)


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


def test_a_box_has_a_margin_around_the_joints_of_its_example():
    for seed, (png, box) in zip_equal(EXAMPLES, examples()):
        image, person = render_person(seed, size=(480, 400))
        assert np.array_equal(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR), image)
        joints = np.array(person['joints'])[np.array(person['joints_vis']) == 1] - 0.5
        low, high = joints.min(0) - box[:2], box[2:] - joints.max(0)
        margin = 0.06 * np.ptp(joints, axis=0).max()            # less at the border of the image
        assert (np.concatenate([low, high]) >= 0).all()
        assert np.concatenate([low, high]).max() == pytest.approx(margin)
