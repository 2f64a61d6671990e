"""Write a trained network as a file for other programs.

OUT.onnx runs in onnxruntime, OUT.pt2 in torch without this package, and OUT.safetensors holds the
weights. The file is run and compared with torch before it replaces an older one.
"""
import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('config', help='config file, or the name of a network such as flic-small')
    parser.add_argument('checkpoint', help='checkpoint file, or the name of weights')
    parser.add_argument('out', help='.onnx, .pt2 or .safetensors file')
    parser.add_argument('--decode', action='store_true',
                        help='return keypoints in input px and scores instead of heatmaps')
    parser.add_argument('--flip', action='store_true',
                        help='average with the mirrored image: more accurate, twice the time')
    parser.add_argument('--stage', type=int, metavar='N', help='stage that predicts, from 0; the '
                        "layers after it are left out. Default: that of the config's head")
    parser.add_argument('--opset', type=int, help='version of ONNX; default is up to torch')
    parser.add_argument('--check', nargs='+', default=[], metavar='IMAGE', dest='images',
                        help='compare on these images; default three rendered people')


def run(args: argparse.Namespace) -> None:
    from hourglass.deploy.export import export
    done = export(**vars(args))
    deviation = (f'keypoints within {done.deviation:.1g} px' if done.decodes else
                 f'heatmaps within {done.deviation:.1g} of the largest value')
    print(f'written: {done.path} ({done.path.stat().st_size / 1e6:.2f} MB)\n'
          f'checked on {done.images} images, in batches of 1 and 3: {deviation}')
    if done.unsettled:
        print(f'not compared: {done.unsettled} of {done.keypoints} keypoints, where rounding '
              'decides between two peaks')
