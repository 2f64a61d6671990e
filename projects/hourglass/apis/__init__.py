"""What programs import: a trained network, and the keypoints it finds."""
from hourglass.apis.model import init_model
from hourglass.inference.predict import Poses, predict

__all__ = ['Poses', 'init_model', 'predict']
