"""The page in a real browser: images, boxes by mouse and keys, joints, stacks, errors."""
import pytest

pytest.importorskip('flask')

import threading
from base64 import b64decode
from io import BytesIO

import cv2
import numpy as np
from browser import needs_browser, open_browser
from PIL import Image

from hourglass.apis import init_model, predict
from hourglass.web.app import create_app, examples

pytestmark = needs_browser
PNG = examples()[0][0]
SECONDS = 60                            # at most; one or two on an idle machine
ASKED: list[list] = []                  # boxes of every prediction
HELD = threading.Lock()                 # no prediction is answered while a test has it


class Page:
    """The page in the browser: actions of a user, and what is shown."""

    def __init__(self, driver, address: str):
        self.driver = driver
        driver.get(address)
        self.until(lambda: self.text('status').startswith('Ready'))

    def until(self, condition) -> None:
        from selenium.webdriver.support.ui import WebDriverWait
        WebDriverWait(self.driver, SECONDS, 0.05).until(lambda _: condition())

    def find(self, selector: str) -> list:
        return self.driver.find_elements('css selector', selector)

    def text(self, name: str) -> str:
        return self.find(f'#{name}')[0].text

    def answered(self) -> None:
        self.until(lambda: self.text('status').endswith(' ms.') and not self.find(
            '#busy:not([hidden])'))

    def example(self, index: int) -> None:
        self.until(lambda: len(self.find('#examples img')) > index)
        self.find('#examples button')[index].click()
        self.until(lambda: self.find('#drop:not(.empty)'))
        self.answered()

    def upload(self, path) -> None:
        self.find('#file')[0].send_keys(str(path))

    def drag(self, start: tuple, end: tuple) -> None:
        """Drag the mouse between two places, in fractions of the canvas."""
        from selenium.webdriver import ActionChains
        canvas, = self.find('#image')
        size = np.array([canvas.size['width'], canvas.size['height']])
        first, last = (np.round((np.array(place) - 0.5) * size) for place in (start, end))
        ActionChains(self.driver, duration=10).move_to_element_with_offset(
            canvas, *map(int, first)).click_and_hold().move_by_offset(
            *map(int, last - first)).release().perform()

    def scores(self) -> dict[str, float]:
        """Numbers of the joints by name; percentages are probabilities."""
        texts = {tile.get_attribute('title'): tile.find_element('css selector', 'output').text
                 for tile in self.find('#grid button')}
        return {name: float(text.replace(' %', 'e-2')) for name, text in texts.items() if text}

    def boxes_asked(self) -> list:
        """Boxes of the last prediction, in whole px."""
        return np.rint(ASKED[-1]).tolist() if ASKED else []

    def pixels(self, selector: str) -> np.ndarray:
        """(h, w, 3) of a canvas; as a file, as Chromium complains where pixels are often read."""
        address = self.driver.execute_script(
            'return document.querySelector(arguments[0]).toDataURL()', selector)
        image = Image.open(BytesIO(b64decode(address.partition(',')[2])))
        return np.asarray(image.convert('RGB'), int)


def find_bright(image: np.ndarray) -> np.ndarray:
    """Stand in for a detector: the box (1, 5) around what is brighter than the rest, if any."""
    x, y, width, height = cv2.boundingRect((image.max(-1) > 200).astype(np.uint8))
    return np.array([[x, y, x + width, y + height, 1.0]])[:width]


@pytest.fixture(scope='module')
def address():
    from werkzeug.serving import make_server
    def recording(model, image, boxes, **options):
        ASKED.append(boxes)
        with HELD:
            pass
        return predict(model, image, boxes, **options)

    models = {name: init_model(name, device='cpu') for name in ('lsp-small', 'flic-small')}
    app = create_app(models, detector=find_bright, public_url='http://localhost/below/')
    server = make_server('127.0.0.1', 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('hourglass.web.app.predict', recording)
        yield f'http://127.0.0.1:{server.port}/below/'
    server.shutdown()
    thread.join()


@pytest.fixture(scope='module')
def driver(tmp_path_factory):
    with open_browser(tmp_path_factory.mktemp('profile')) as driver:
        yield driver


@pytest.fixture
def page(driver, address):
    page = Page(driver, address)
    yield page
    # no script failed and the policy blocked nothing; messages of 'rendering' are warnings that the
    # tests read pixels of a canvas too often
    assert [line for line in driver.get_log('browser') if line['source'] != 'rendering'] == []


def share_of(pixels: np.ndarray, colour: tuple) -> float:
    return float((np.abs(pixels - colour).max(-1) < 30).mean())


def test_an_example_has_joints_before_anything_is_set(page):
    page.example(0)
    assert page.text('status').startswith('1 person.')
    scores = page.scores()
    assert list(scores)[:4] == ['head top', 'upper neck', 'right shoulder', 'left shoulder']
    assert len(scores) == 14
    assert min(scores.values()) > 0.1               # mean 0.47: it was trained on photographs
    plain = np.asarray(Image.open(BytesIO(PNG)).convert('RGB'), int)
    for side in ((0, 170, 0), (255, 110, 0)):       # green left, orange right
        assert share_of(page.pixels('#image'), side) > share_of(plain, side) + 5e-4


@pytest.mark.slow
def test_a_box_drawn_with_the_mouse_is_predicted(page):
    page.example(2)
    first = page.scores()
    page.drag((0.04, 0.2), (0.48, 0.98))
    page.until(lambda: page.text('status').startswith('2 people.'))
    second = page.scores()
    assert second != first
    page.find('#people span:nth-child(1) button')[0].click()
    assert page.scores() == first
    page.find('#people span:nth-child(1) button')[1].click()
    page.until(lambda: page.text('status').startswith('1 person.'))
    assert page.scores() == second
    page.find('#people button')[1].click()
    page.until(lambda: page.text('status').startswith('Where are the people?'))
    assert not page.find('#people button')


@pytest.mark.slow
def test_people_are_found_or_said_to_be_one(page, tmp_path):
    image = np.zeros((240, 320, 3), np.uint8)
    image[40:200, 100:180] = 255
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    page.upload(tmp_path / 'a.png')
    page.until(lambda: page.text('status').startswith('Where are the people?'))
    assert not page.scores()
    page.find('#find')[0].click()
    page.answered()
    assert page.boxes_asked() == [[100, 40, 180, 200]]
    page.find('#people button')[1].click()
    page.find('#whole')[0].click()
    page.answered()
    assert page.boxes_asked() == [[0, 0, 320, 240]]
    assert not page.find('#whole:not([hidden])')


@pytest.mark.slow
def test_frames_of_a_video_have_the_people_that_are_found_in_each(page, tmp_path):
    pytest.importorskip('av')
    path = str(tmp_path / 'a.mp4')
    writer = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*'mp4v'), 5, (320, 240))
    for index in range(10):
        image = np.zeros((240, 320, 3), np.uint8)
        image[40:200, 20 * index:20 * index + 80] = 255
        writer.write(image)
    writer.release()
    page.upload(path)
    page.until(lambda: page.find('#film:not([hidden])'))
    assert page.text('time') == '0.00 s'
    page.find('#find')[0].click()
    page.answered()
    left = page.boxes_asked()[0][0]
    page.find('#place')[0].send_keys('\ue014' * 4)          # arrow right
    page.until(lambda: page.text('time') == '0.80 s')
    page.until(lambda: page.boxes_asked()[0][0] - left == pytest.approx(80, abs=9))    # of JPEG
    page.find('#play')[0].click()
    page.until(lambda: page.text('time') == '1.80 s')
    page.until(lambda: page.find('#play[aria-pressed="false"]'))
    assert page.boxes_asked()[0][0] - left == pytest.approx(180, abs=9)


@pytest.mark.slow
def test_an_image_that_the_browser_cannot_show_is_shown(page, tmp_path):
    heif = pytest.importorskip('pillow_heif')
    heif.from_pillow(Image.open(BytesIO(PNG))).save(tmp_path / 'phone.heic')
    page.upload(tmp_path / 'phone.heic')
    page.until(lambda: page.text('status').startswith('Where are the people?'))
    assert page.pixels('#image').shape[1] / page.pixels('#image').shape[0] == pytest.approx(
        480 / 400, abs=0.01)


@pytest.mark.slow
def test_the_keyboard_moves_adds_and_deletes_boxes(page):
    page.example(0)
    canvas, = page.find('#image')
    before = page.scores()
    canvas.send_keys('\ue012' * 5)                  # arrow left
    page.until(lambda: page.scores() != before)
    canvas.send_keys('n')
    page.until(lambda: page.text('status').startswith('2 people.'))
    for text in ('1 person.', 'Where are'):
        canvas.send_keys('\ue017')                  # delete
        page.until(lambda text=text: page.text('status').startswith(text))


@pytest.mark.slow
def test_a_stack_and_a_joint_show_their_own_heatmap(page):
    page.example(0)
    last = page.pixels('#grid button canvas')
    scores = page.scores()
    first, second = page.find('#strip button')
    assert [button.get_attribute('aria-pressed') for button in (first, second)] == ['false', 'true']
    first.click()
    assert page.scores() != scores
    assert np.abs(page.pixels('#grid button canvas') - last).max() > 50
    skeleton = page.pixels('#image')
    page.find('#grid button')[0].click()
    assert page.text('stacks-title').endswith('head top')
    dimmed = page.pixels('#image')
    assert dimmed.mean() < 0.8 * skeleton.mean()    # the heatmap lies over a darkened image
    page.find('#views button')[1].click()
    assert page.pixels('#image').shape[0] == page.pixels('#image').shape[1]     # a square crop
    page.find('#all')[0].click()
    assert page.text('stacks-title').endswith('all joints')


@pytest.mark.slow
def test_files_through_the_input_upright(page, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6                                # shown turned by 90 degrees to the right
    Image.open(BytesIO(PNG)).save(tmp_path / 'phone.jpg', exif=exif)
    page.upload(tmp_path / 'phone.jpg')
    page.until(lambda: page.find('#whole:not([hidden])'))
    page.find('#whole')[0].click()
    page.answered()
    assert '400x480 px' in page.text('status')
    height, width = page.pixels('#image').shape[:2]
    assert width / height == pytest.approx(400 / 480, abs=0.01)


@pytest.mark.slow
def test_another_network_has_its_own_joints(page):
    page.example(0)
    page.find('#model option')[1].click()
    page.until(lambda: 'flic-small' in page.text('status'))
    assert 'nose' in page.scores()
    assert len(page.scores()) == 11


@pytest.mark.slow
def test_an_error_is_shown_until_the_next_image(page, tmp_path):
    (tmp_path / 'notes.txt').write_text('no image')
    page.upload(tmp_path / 'notes.txt')
    page.until(lambda: page.text('error').startswith('notes.txt: image: not a readable one'))
    Image.new('L', (9000, 6000)).save(tmp_path / 'large.png')     # a browser shows it
    page.upload(tmp_path / 'large.png')
    page.until(lambda: page.find('#whole:not([hidden])'))
    page.find('#whole')[0].click()
    page.until(lambda: page.text('error') == 'image: over 50 megapixels; make it smaller')
    refused = page.driver.get_log('browser')        # the browser itself logs every status of 400
    assert ['400' in line['message'] for line in refused] == [True, True]
    page.example(0)
    assert not page.text('error')


@pytest.mark.slow
def test_a_file_that_cannot_be_read_leaves_the_image_its_prediction(page, tmp_path):
    (tmp_path / 'notes.txt').write_text('no image')
    page.until(lambda: page.find('#examples img'))
    with HELD:
        page.find('#examples button')[0].click()
        page.until(lambda: page.text('busy') == 'looking for joints')
        page.upload(tmp_path / 'notes.txt')
        page.until(lambda: page.text('busy') == 'reading the file')
    page.answered()
    assert page.text('error').startswith('notes.txt: image: not a readable one')
    assert len(page.scores()) == 14
    page.driver.get_log('browser')      # the browser itself logs the status of 400
