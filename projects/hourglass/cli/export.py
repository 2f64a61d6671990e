"""A trained network as a file for other programs: python tools/export.py CONFIG CHECKPOINT OUT

OUT.onnx runs in onnxruntime (tools/onnx_runner.py shows how), OUT.pt2 in torch without this
package, OUT.safetensors holds the weights. What was written is run and compared before it takes
the place of an older file.
"""
import argparse

from hourglass.cli.common import one_line_errors
from hourglass.deploy.export import export


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file, or the name of a network such as flic-small')
    parser.add_argument('checkpoint', help='checkpoint file, or the name of weights')
    parser.add_argument('out', help='.onnx, .pt2 or .safetensors file')
    parser.add_argument('--decode', action='store_true',
                        help='keypoints in input px and scores, instead of heatmaps')
    parser.add_argument('--flip', action='store_true',
                        help='average with the mirrored image: better, twice the time')
    parser.add_argument('--stage', type=int, metavar='N', help='whose prediction, from 0; what '
                        "comes after it is left out. Default: as the config's head predicts")
    parser.add_argument('--opset', type=int, help="of ONNX; default torch's choice")
    parser.add_argument('--check', nargs='+', default=[], metavar='IMAGE', dest='images',
                        help='compare on these images; default three rendered people')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with one_line_errors():
        done = export(**vars(args))
    deviation = (f'keypoints within {done.deviation:.1g} px' if done.decodes else
                 f'heatmaps within {done.deviation:.1g} of the largest value')
    print(f'written: {done.path} ({done.size / 1e6:.2f} MB)\n'
          f'checked on {done.images} images, in batches of 1 and 3: {deviation}')
    if done.unsettled:
        print(f'not compared: {done.unsettled} of {done.keypoints} keypoints, where rounding '
              'decides between two places')


if __name__ == '__main__':
    main()
