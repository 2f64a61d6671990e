"""A network with weights of the package, and an image for it."""
import cv2
import pytest

from hourglass.apis import init_model


@pytest.fixture(scope='module')
def model():
    return init_model('flic-small', device='cpu')


@pytest.fixture(scope='module')
def image(synthetic):
    return cv2.imread(str(min((synthetic / 'synthetic/test/images').iterdir())))
