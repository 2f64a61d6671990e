"""The example page finds in Chromium what the file finds in Python."""
from __future__ import annotations

import base64
import json
import shutil
import subprocess
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import cv2
import numpy as np
import pytest
import torch
from browser import needs_browser, open_browser
from conftest import REPOSITORY

from hourglass.datasets.crop import crop_around, crop_image, crop_matrix, fitted
from hourglass.datasets.synthetic import render_person
from hourglass.deploy.export import export
from hourglass.deploy.formats import FORMATS

SIZE = 96, 128          # w, h of the image
BOX = [20, 10, 80, 120]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    """What docs/export.md puts beside the page, and an image."""
    if words := FORMATS['.onnx'].missing(int8=False):
        pytest.skip(words)
    onnxruntime = pytest.importorskip('onnxruntime')
    folder = tmp_path_factory.mktemp('page')
    if not shutil.which('npm') or subprocess.run(
            ['npm', 'install', '--prefix', folder, 'onnxruntime-web@1.30'], capture_output=True,
            check=False).returncode:
        pytest.skip('npm cannot install onnxruntime-web here')
    export('flic-small', 'flic-small', folder / 'pose.onnx', decode=True)
    session = onnxruntime.InferenceSession(folder / 'pose.onnx')
    (folder / 'pose.json').write_text(json.dumps(session.get_modelmeta().custom_metadata_map))
    shutil.copy(REPOSITORY / 'docs/examples/browser.html', folder)
    cv2.imwrite(str(folder / 'person.png'), render_person(3, SIZE)[0])
    return folder


@pytest.fixture(scope='module')
def address(folder):
    server = ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=folder))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}/browser.html'
    server.shutdown()


def result(driver, before: str = '') -> tuple[np.ndarray, np.ndarray]:
    """Wait for another text than before; the (K, 3) numbers in it, and the crop (H, W, 3)."""
    from selenium.webdriver.support.ui import WebDriverWait
    text = WebDriverWait(driver, 120).until(
        lambda _: (now := driver.find_element('tag name', 'pre').text) != before and now)
    png = driver.execute_script("return document.querySelector('#crop').toDataURL('image/png')")
    crop = cv2.imdecode(np.frombuffer(base64.b64decode(png.partition(',')[2]), np.uint8),
                        cv2.IMREAD_COLOR)
    return np.array([line.split()[1:] for line in text.splitlines()], float), crop


@pytest.mark.slow
@needs_browser
def test_the_page_finds_what_the_file_finds_in_python(folder, address, tmp_path):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.support.ui import WebDriverWait
    session = FORMATS['.onnx'].run(folder / 'pose.onnx')
    image = cv2.imread(str(folder / 'person.png'))
    with open_browser(tmp_path) as driver:
        driver.get(address)
        given = driver.find_element('tag name', 'input')
        WebDriverWait(driver, 120).until(lambda _: given.is_enabled())      # the network is loaded
        given.send_keys(str(folder / 'person.png'))
        whole = result(driver)
        text = driver.find_element('tag name', 'pre').text
        view = driver.find_element('id', 'view')
        middle = np.array(SIZE) // 2
        ActionChains(driver).move_to_element_with_offset(
            view, *(BOX[:2] - middle).tolist()).click_and_hold().move_to_element_with_offset(
            view, *(BOX[2:] - middle).tolist()).release().perform()
        dragged = result(driver, text)
    for box, (found, crop) in (([0, 0, *SIZE], whole), (BOX, dragged)):
        size = crop.shape[1::-1]
        center, side = crop_around(np.array(box), SIZE)
        sides = fitted(np.array([side, side]), size)
        expected = crop_image(image, crop_matrix(center, sides, 0, size), size)
        assert np.abs(crop.astype(int) - expected).mean() < 2       # of 255: another resampling
        keypoints, scores = (one[0].numpy() for one in session(
            torch.from_numpy(crop).permute(2, 0, 1)[None].float()))
        keypoints_image = (keypoints - np.array(size) / 2) / size[0] * sides + center
        assert np.abs(found[:, :2] - keypoints_image).max() < 0.05
        assert np.abs(found[:, 2] - scores).max() < 1e-3
