"""The page's server: static files, the models and examples on offer, and predictions."""
from __future__ import annotations

import json
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import cv2
import flask
import numpy as np
from numpy import ndarray
from werkzeug.exceptions import (
    ClientDisconnected,
    Forbidden,
    HTTPException,
    MisdirectedRequest,
    ServiceUnavailable,
)
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from hourglass.apis import Poses, predict
from hourglass.datasets.skeletons import keypoint_names
from hourglass.datasets.synthetic import render_person
from hourglass.errors import ConfigError, DataError, HourglassError, did_you_mean
from hourglass.inference.network import PoseNetwork
from hourglass.inference.predict import uncalibrated
from hourglass.web.uploads import FORMATS, read_frames, read_upload

LOOPBACK = ('localhost', '127.0.0.1', '::1')
MAX_REQUESTS = 8                        # at a time, as each keeps what was uploaded
MAX_PEOPLE = 16                         # of a request: the answer of 8 stacks has 3 MB a person

_HEADERS = {
    'Content-Security-Policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'Cross-Origin-Resource-Policy': 'same-origin', 'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff'}
EXAMPLES = (115, 36, 97)                # seeds; the last image shows two people
_SIZE = (480, 400)                      # (w, h)


class _Request(flask.Request):
    """A request with uploads kept in memory; werkzeug writes those over 500 kB to a file."""

    def _get_file_stream(self, *sizes_and_names: object, **more: object) -> BytesIO:
        return BytesIO()


def create_app(models: Mapping[str, PoseNetwork], hosts: Collection[str] | None = LOOPBACK,
               detector: Callable[[ndarray], ndarray] | None = None, public_url: str | None = None,
               megabytes: float = 64, seconds: float = 30) -> flask.Flask:
    """Create the page as a WSGI application, which stores nothing of a request.

    ``GET /about`` answers with the models, the examples and the limits. ``POST /predict`` takes a
    form with ``image``, a file; ``model``, a name; and ``boxes``, JSON as for
    :func:`hourglass.apis.predict`, px of the upright image, or ``find`` for those of the detector.
    ``POST /frames`` takes an ``image`` or a video and answers with images that a browser shows.
    Errors are JSON with one line, ``error``: status 400 if the user can fix it, 413 if the request
    is too large. No address in a request is fetched.

    Args:
        models: by name; the first is the page's default.
        hosts: names under which the server answers, against DNS rebinding; None allows any.
        detector: of :func:`hourglass.apis.find_detector`; its best :data:`MAX_PEOPLE` boxes count.
        public_url: where a proxy serves the page. It may pass on the path or remove it, and the
            name, too.
        megabytes: of a request at most.
        seconds: of a video, from its start.
    """
    app = flask.Flask(__name__)
    app.request_class = _Request
    app.config['MAX_CONTENT_LENGTH'] = max_bytes = round(megabytes * 1e6)
    app.add_url_rule('/', 'page', lambda: app.send_static_file('index.html'))
    one_at_a_time = threading.Lock()
    places = threading.BoundedSemaphore(MAX_REQUESTS)
    public = urlsplit(public_url or '')
    if path := public.path.rstrip('/'):
        app.wsgi_app = DispatcherMiddleware(        # type: ignore[method-assign]  # Flask's way
            app.wsgi_app, {path: app.wsgi_app})

    @app.before_request
    def _refuse_other_sites() -> None:
        host = _part(f'//{flask.request.host}', 'hostname')
        if hosts is not None and (host is None or host not in (*hosts, public.hostname)):
            raise MisdirectedRequest(f"open this page as {public_url or ' or '.join(hosts)}")
        origin = flask.request.headers.get('Origin')
        if origin not in (None, f'{public.scheme}://{public.netloc}') and (
                _part(origin, 'netloc') != flask.request.host):
            raise Forbidden('only the page itself may send requests to this server')

    @app.before_request
    def _take_a_place() -> None:
        if flask.request.method == 'POST':
            if not places.acquire(blocking=False):
                raise ServiceUnavailable('the server is busy; try again')
            flask.g.place = places

    @app.teardown_request
    def _leave_it(_: BaseException | None) -> None:
        if place := flask.g.pop('place', None):
            place.release()

    @contextmanager
    def _turn() -> Iterator[None]:
        """Wait for other requests: several at once would take as long and more memory.

        A request that the page has aborted, as the next one follows, is given up.
        """
        while not _is_aborted(flask.request.environ):
            if one_at_a_time.acquire(timeout=0.2):
                try:
                    yield
                finally:
                    one_at_a_time.release()
                return
        raise ClientDisconnected

    @app.after_request
    def _restrict(response: flask.Response) -> flask.Response:
        response.headers.update(_HEADERS)
        return response

    @app.errorhandler(HourglassError)
    @app.errorhandler(HTTPException)
    def _as_json(error: HourglassError | HTTPException) -> tuple[dict, int]:
        if isinstance(error, HourglassError):
            return dict(error=str(error)), 400
        too_large = f'more than {megabytes:g} MB; make the file smaller'
        length = flask.request.content_length
        if length is not None and length <= max_bytes:      # a field, of which it is not
            too_large = 'boxes: too long'
        return dict(error=too_large if error.code == 413 else error.description), error.code or 500

    @app.get('/about')
    def _about() -> dict:
        return dict(models=[model_as_json(name, model) for name, model in models.items()],
                    examples=[dict(path=f'examples/{index}.png', box=box)
                              for index, (_, box) in enumerate(examples())],
                    formats=FORMATS, max_bytes=max_bytes, max_people=MAX_PEOPLE,
                    finds_people=detector is not None)

    @app.get(f'/examples/<int(max={len(EXAMPLES) - 1}):index>.png')
    def _example(index: int) -> flask.Response:
        return flask.Response(examples()[index][0], mimetype='image/png')

    @app.post('/frames')
    def _frames() -> dict:
        upload = flask.request.files.get('image')       # the body is read here, before others wait
        with _turn():
            frames, missing = read_frames(upload, seconds)
        return dict(frames=[dict(time=time, image=b64encode(jpeg).decode())
                            for time, jpeg in frames], missing=missing)

    @app.post('/predict')
    def _predict() -> dict:
        form, upload = flask.request.form, flask.request.files.get('image')     # as above
        name = form.get('model', '')
        if name not in models:
            raise ConfigError(f"model '{name}': not here{did_you_mean(name, models)}; there are "
                              f"{', '.join(models)}")
        if 'find' in form and detector is None:
            raise ConfigError('find: this page has no detector; hourglass web --detector gives it '
                              'one')
        boxes = [] if 'find' in form else _boxes(form.get('boxes', ''))
        with _turn():
            image = read_upload(upload)
            start = time.perf_counter()
            if detector is not None and 'find' in form:
                boxes = detector(image)[:MAX_PEOPLE, :4].tolist()
            poses = predict(models[name], image, boxes, stages=True, heatmaps=True, inputs=True,
                            probability=not uncalibrated(models[name]))
            milliseconds = 1000 * (time.perf_counter() - start)
        return poses_as_json(poses) | dict(boxes=boxes, milliseconds=milliseconds)
    return app


def _is_aborted(environ: Mapping[str, Any]) -> bool:
    """Return whether the other side has closed the connection, as far as werkzeug's server says."""
    connection: socket.socket | None = environ.get('werkzeug.socket')
    if connection is None:
        return False
    timeout = connection.gettimeout()
    connection.settimeout(0)
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:                     # open, and nothing was sent
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(timeout)


def _part(address: str, name: str) -> str | None:
    """Return the ``netloc`` or ``hostname`` of an address, or None if it is none."""
    try:
        return getattr(urlsplit(address), name)
    except ValueError:
        return None


def _boxes(text: str) -> list:
    """Parse the form's boxes; :func:`predict` checks the numbers."""
    try:
        boxes = json.loads(text, parse_int=float)       # infinity, if too long for a float
    except (ValueError, RecursionError):
        boxes = None
    if not isinstance(boxes, list):
        raise DataError('boxes: not JSON of the form [[x1, y1, x2, y2], ...]')
    if len(boxes) > MAX_PEOPLE:
        raise DataError(f'boxes: {len(boxes)} given; at most {MAX_PEOPLE} at a time')
    return boxes


def model_as_json(name: str, model: PoseNetwork) -> dict:
    """Describe a model: its joints and bones, with colours for CSS, its stages and input size."""
    meta = model.dataset_meta
    joints = keypoint_names(meta)
    return dict(
        name=name, shows='whole body' if 'ankle' in ' '.join(joints) else 'upper body',
        joints=[dict(name=joint.replace('_', ' '), color=_css(color))
                for joint, color in zip(joints, meta['keypoint_colors'])],
        bones=[dict(ends=list(ends), color=_css(color)) for ends, color in
               zip(meta['skeleton_links'], meta['skeleton_link_colors'])],
        stages=model.num_stages, stage=model.stage, input_size=model.input_size)


def _css(bgr: Sequence[int]) -> str:
    return '#{2:02x}{1:02x}{0:02x}'.format(*map(int, bgr))


def poses_as_json(poses: Poses) -> dict:
    """Convert the poses of one image, predicted with stages, heatmaps and inputs.

    Coordinates are in image px, 0-based. A person's ``heatmaps`` (N, K, h, w) are little-endian
    float32, and ``input``, the crop, is a PNG file, both in base64. ``probability`` may be null.
    """
    return dict(image_size=poses.image_size,
                people=[_person(poses, index) for index in range(len(poses.keypoints))])


def _person(poses: Poses, index: int) -> dict:
    stages, heatmaps, inputs = poses.stage_keypoints, poses.stage_heatmaps, poses.inputs
    assert stages is not None and heatmaps is not None and inputs is not None
    return dict(
        box=poses.boxes[index].tolist(), keypoints=poses.keypoints[index].tolist(),
        scores=poses.scores[index].tolist(),
        probability=None if poses.probability is None else poses.probability[index].tolist(),
        stage_keypoints=stages[index].tolist(),
        heatmaps=dict(shape=heatmaps[index].shape,
                      data=b64encode(heatmaps[index].astype('<f4').tobytes()).decode()),
        input=b64encode(cv2.imencode('.png', inputs[index])[1].tobytes()).decode())


@cache
def examples() -> tuple[tuple[bytes, list[float]], ...]:
    """Render the examples: PNG files, and boxes (x1, y1, x2, y2 in px) around the joints."""
    rendered = []
    for seed in EXAMPLES:
        image, person = render_person(seed, size=_SIZE)
        joints = np.array(person['joints'])[np.array(person['joints_vis']) == 1] - 0.5
        margin = 0.06 * np.ptp(joints, axis=0).max()
        corners = np.clip([joints.min(0) - margin, joints.max(0) + margin], 0, _SIZE)
        rendered.append((cv2.imencode('.png', image)[1].tobytes(), corners.ravel().tolist()))
    return tuple(rendered)
