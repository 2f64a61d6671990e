"""The page's server: static files, what there is to choose from, and predictions."""
import json
import threading
import time
from collections.abc import Collection, Mapping
from io import BytesIO
from typing import IO
from urllib.parse import urlsplit

import flask
from mmpose.models.pose_estimators import TopdownPoseEstimator
from werkzeug.exceptions import Forbidden, HTTPException, MisdirectedRequest, NotFound

from hourglass.apis import predict
from hourglass.errors import ConfigError, DataError, HourglassError, did_you_mean
from hourglass.web.answers import model_as_json, poses_as_json
from hourglass.web.images import FORMATS, examples, read_upload

LOOPBACK = ('localhost', '127.0.0.1', '::1')
MAX_MIB = 32                            # of a request
MAX_PEOPLE = 16                         # of a request: eight stacks at 256 px answer 3 MB a person

_HEADERS = {
    'Content-Security-Policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff'}


class _Request(flask.Request):
    """A request whose uploads stay in memory; werkzeug writes those over 500 kB to a file."""

    def _get_file_stream(self, *sizes_and_names: object, **more: object) -> IO[bytes]:
        return BytesIO()


def create_app(models: Mapping[str, TopdownPoseEstimator],
               hosts: Collection[str] | None = LOOPBACK) -> flask.Flask:
    """The page as a WSGI application; nothing of a request is kept.

    ``GET /about`` tells the models, the examples and the limits. ``POST /predict`` takes a form
    with ``image``, a file; ``model``, a name; and perhaps ``boxes``, JSON as for
    :func:`hourglass.apis.predict`, image px of the upright image. Errors are JSON with one line,
    ``error``: status 400 for what a user can mend, 413 for too large an image.

    Args:
        models: name -> :func:`hourglass.apis.init_model`; the first is the page's choice.
        hosts: names this server may be called by, so that no other site's name can be made to
            point to it; None: any.
    """
    app = flask.Flask(__name__)
    app.request_class = _Request
    app.config['MAX_CONTENT_LENGTH'] = MAX_MIB << 20
    one_at_a_time = threading.Lock()    # several at once would take as long and more memory

    @app.before_request
    def _refuse_other_sites() -> None:
        if hosts is not None and urlsplit(f'//{flask.request.host}').hostname not in hosts:
            raise MisdirectedRequest(f"open this page as {' or '.join(hosts)}")
        origin = flask.request.headers.get('Origin')
        if origin is not None and urlsplit(origin).netloc != flask.request.host:
            raise Forbidden('only this page itself may ask this server')

    @app.after_request
    def _restrict(response: flask.Response) -> flask.Response:
        response.headers.update(_HEADERS)
        return response

    @app.errorhandler(HourglassError)
    def _user_error(error: HourglassError) -> tuple[dict, int]:
        return dict(error=str(error)), 400

    @app.errorhandler(HTTPException)
    def _http_error(error: HTTPException) -> tuple[dict, int]:
        if error.code == 413:
            return dict(error=f'more than {MAX_MIB} MiB; make the image smaller'), 413
        return dict(error=error.description), error.code

    @app.get('/')
    def _page() -> flask.Response:
        return app.send_static_file('index.html')

    @app.get('/about')
    def _about() -> dict:
        return dict(models=[model_as_json(name, model) for name, model in models.items()],
                    examples=[dict(path=f'examples/{index}.png', box=box)
                              for index, (_, box) in enumerate(examples())],
                    formats=FORMATS, max_bytes=MAX_MIB << 20, max_people=MAX_PEOPLE)

    @app.get('/examples/<int:index>.png')
    def _example(index: int) -> flask.Response:
        if index >= len(examples()):
            raise NotFound(f'there are {len(examples())} examples')
        return flask.Response(examples()[index][0], mimetype='image/png')

    @app.post('/predict')
    def _predict() -> dict:
        form = flask.request.form
        model = models.get(form.get('model'))
        if model is None:
            raise ConfigError(f"model '{form.get('model')}': not here"
                              f"{did_you_mean(form.get('model', ''), models)}; there are "
                              f"{', '.join(models)}")
        boxes = _boxes(form.get('boxes'))
        image = read_upload(flask.request.files.get('image'))
        with one_at_a_time:
            start = time.perf_counter()
            poses = predict(model, image, boxes, stages=True, heatmaps=True, inputs=True)
            seconds = time.perf_counter() - start
        return dict(poses_as_json(poses), milliseconds=seconds * 1000)
    return app


def _boxes(text: str | None) -> list | None:
    """What the form says of boxes; whether they are any is for predict to say."""
    if text is None:
        return None
    try:
        # a whole number may be too long for a float, which parses as infinity
        boxes = json.loads(text, parse_int=float)
    except (ValueError, RecursionError):
        boxes = None
    if not isinstance(boxes, list):
        raise DataError('boxes: not JSON of the form [[x1, y1, x2, y2], ...]; leave them out for '
                        'the whole image')
    if len(boxes) > MAX_PEOPLE:
        raise DataError(f'boxes: {len(boxes)} given; at most {MAX_PEOPLE} at a time')
    return boxes
