"""Find the keypoints of one person with an exported network, numpy, OpenCV and a runtime.

python run_onnx.py MODEL IMAGE (--box X1 Y1 X2 Y2 | --whole-image) [--out DRAWN.png]

'hourglass export CONFIG CHECKPOINT MODEL' writes MODEL: an .onnx file, which onnxruntime runs, an
.xml file (OpenVINO) or a .param file (ncnn). This file needs no other file of the project and is
meant to be copied; of the three branches of 'load' your copy needs one.
"""
import argparse
import json
import sys
from pathlib import Path

import cv2
import numpy as np


def load(path):
    """Return a function from pixels (3, H, W) to the outputs, and the notes stored in the file."""
    path = Path(path)
    if path.suffix == '.onnx':
        import onnxruntime
        session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])

        def run(pixels):
            return [output[0] for output in session.run(None, {'pixels': pixels[None]})]
        return run, session.get_modelmeta().custom_metadata_map
    if path.suffix == '.xml':
        import openvino
        model = openvino.Core().read_model(path)
        # the default is bfloat16 on processors that have it, which moves keypoints
        compiled = openvino.compile_model(model, 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})

        def run(pixels):
            request = compiled.create_infer_request()   # threads would share that of compiled(...)
            return [output[0] for output in request.infer(pixels[None]).values()]
        return run, {name: note.value for name, note in model.rt_info['hourglass'].items()}
    if path.suffix == '.param':
        import ncnn
        net = ncnn.Net()
        if net.load_param(str(path)) or net.load_model(str(path.with_suffix('.bin'))):
            sys.exit(f'error: {path}: cannot be loaded')
        notes = json.loads(path.with_suffix('.json').read_text())

        def run(pixels):
            extractor = net.create_extractor()
            extractor.input('images', ncnn.Mat(pixels))
            return [np.array(extractor.extract(name)[1]) for name in json.loads(notes['outputs'])]
        return run, notes
    sys.exit(f'error: {path}: no .onnx, .xml or .param file')


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


def decode(heatmaps, size, refine):
    """Return keypoints (K, 2) in px of the crop, (w, h), and scores (K,) of heatmaps (K, h, w).

    A file that was exported with --decode does this itself.
    """
    cells = []
    for heatmap in heatmaps:
        y, x = np.unravel_index(heatmap.argmax(), heatmap.shape)
        cells.append((x + offset(heatmap[y], x, refine), y + offset(heatmap[:, x], y, refine)))
    return ((np.array(cells) + 0.5) * size / np.array(heatmaps.shape[:0:-1]) - 0.5,
            heatmaps.max((1, 2)))


def offset(line, cell, refine):
    """Return how far the peak of a line of a heatmap is from its highest cell."""
    middle = min(max(cell, 1), len(line) - 2)           # the nearest cell with two neighbours
    before, at, after = line[middle - 1:middle + 2]
    if refine == 'quarter':
        return 0.25 * np.sign(after - before) * (middle == cell)
    before, at, after = np.log(np.maximum((before, at, after), 1e-10))  # the top of a parabola
    curvature = after - 2 * at + before
    top = middle - (after - before) / 2 / curvature if curvature < 0 else cell
    return np.clip(top - cell, -0.5, 0.5)


def predict(run, notes, image, box=None):
    """Return keypoints (K, 2) in px of the image (H, W, 3), blue green red, and scores (K,).

    The first two arguments are what 'load' returns.
    """
    size = tuple(json.loads(notes['input_size']))
    height, width = image.shape[:2]
    pixels, center, extent = crop(image, box or (0, 0, width, height), size)
    outputs = run(np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32))  # 0 to 255
    keypoints, scores = outputs if len(outputs) == 2 else decode(*outputs, size, notes['refine'])
    return keypoints / size * extent + center - extent / 2, scores


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('model', help='.onnx, .xml or .param file')
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
    run, notes = load(args.model)
    keypoints, scores = predict(run, notes, image, args.box)
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
