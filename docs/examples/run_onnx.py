"""Find the keypoints of one person with an exported network, numpy, OpenCV and onnxruntime.

python run_onnx.py MODEL.onnx IMAGE (--box X1 Y1 X2 Y2 | --whole-image) [--out DRAWN.png]

'hourglass export CONFIG CHECKPOINT MODEL.onnx --decode' writes MODEL.onnx. This file needs no other
file of the project and is meant to be copied.
"""
import argparse
import json
import sys

import cv2
import numpy as np
from onnxruntime import InferenceSession


def crop(image, box, size):
    """Cut the square around a box (x1, y1, x2, y2), with a margin, out of an image (H, W, 3).

    The square is lengthened to the proportion of size (w, h). If it is at least twice as large,
    squares of pixels are averaged first, or fine textures would alias.

    Returns the crop, and its centre and its (w, h) in px of the image.
    """
    low, high = np.reshape(box, (2, 2)).astype(float)
    limits = np.array(image.shape[1::-1])
    whole = (low <= 0).all() and (high >= limits).all()     # is no outline of a person
    side = (high - low).max() * (1 if whole else 1.25)
    side = max(side, side * size[0] / size[1])
    extent = np.float32([side, side * size[1] / size[0]]).astype(float)
    # a box counts from the corner of the image, keypoints from the middle of its first pixel
    center = np.float32((low + high) / 2 - 0.5).astype(float)
    zoom, corner = size[0] / extent[0], np.zeros(2, int)
    factor = 2 ** max(0, int(np.floor(np.log2(1 / zoom))))
    if factor > 1:
        reach = np.hypot(*size) / zoom / 2 + 2 * factor + 2
        corner = np.clip(np.floor(center - reach).astype(int), 0, limits - 1)
        end = np.clip(np.ceil(center + reach).astype(int) + 1, corner + 1, limits)
        image = image[corner[1]:end[1], corner[0]:end[0]]
        height, width = image.shape[:2]
        image = cv2.copyMakeBorder(
            image, 0, -height % factor, 0, -width % factor, cv2.BORDER_REPLICATE)
        image = cv2.resize(image, (image.shape[1] // factor, image.shape[0] // factor),
                           interpolation=cv2.INTER_AREA)
    x, y = zoom * (corner + (factor - 1) / 2) + np.array(size) / 2 - zoom * center  # image[0, 0]
    matrix = np.array([[zoom * factor, 0, x], [0, zoom * factor, y]])
    return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR), center, extent


def predict(session, image, box=None):
    """Return keypoints (K, 2) in px of the image (H, W, 3), blue green red, and scores (K,)."""
    size = tuple(json.loads(session.get_modelmeta().custom_metadata_map['input_size']))
    height, width = image.shape[:2]
    pixels, center, extent = crop(image, box or (0, 0, width, height), size)
    pixels = pixels.transpose(2, 0, 1)[None].astype(np.float32)         # (1, 3, H, W), 0 to 255
    keypoints, scores = session.run(['keypoints', 'scores'], {'pixels': pixels})
    return keypoints[0] / size * extent + center - extent / 2, scores[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('model', help='.onnx file, exported with --decode')
    parser.add_argument('image')
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument('--box', type=float, nargs=4, metavar=('X1', 'Y1', 'X2', 'Y2'),
                       help='around the person, in px')
    where.add_argument('--whole-image', action='store_true', help='the person fills the image')
    parser.add_argument('--out', help='draw the skeleton into this image')
    args = parser.parse_args()
    image = cv2.imread(args.image)          # upright, as its EXIF orientation says
    if image is None:
        sys.exit(f'error: {args.image}: not a readable image')
    session = InferenceSession(args.model, providers=['CPUExecutionProvider'])
    notes = session.get_modelmeta().custom_metadata_map
    if json.loads(notes['outputs']) != ['keypoints', 'scores']:
        sys.exit(f'error: {args.model}: returns no keypoints; export it with --decode')
    keypoints, scores = predict(session, image, args.box)
    for name, (x, y), score in zip(json.loads(notes['keypoints']), keypoints, scores):
        print(f'{name} {x:.3f} {y:.3f} {score:.3f}')
    if args.out:
        places = [tuple(map(int, np.rint(point))) for point in keypoints]
        for start, end in json.loads(notes['links']):
            cv2.line(image, places[start], places[end], (0, 200, 0), 2, cv2.LINE_AA)
        if not cv2.imwrite(args.out, image):
            sys.exit(f'error: {args.out}: cannot be written')


if __name__ == '__main__':
    main()
