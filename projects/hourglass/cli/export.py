"""Write a trained network as a file for other programs.

OUT.onnx runs in onnxruntime, OUT.xml in OpenVINO, OUT.param in ncnn, OUT.pt2 in torch without this
package, and OUT.safetensors holds the weights. The file is run and compared with torch before it
replaces an older one.
"""
import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('config', help='config file, or the name of a network such as flic-small')
    parser.add_argument('checkpoint', help='checkpoint file, or the name of weights')
    parser.add_argument('out', help='.onnx, .xml, .param, .pt2 or .safetensors file')
    parser.add_argument('--decode', action='store_true',
                        help='return keypoints in input px and scores instead of heatmaps')
    parser.add_argument('--flip', action='store_true',
                        help='average with the mirrored image: more accurate, in almost twice the '
                        'time')
    parser.add_argument('--stage', type=int, metavar='N', help='stage that predicts, from 0; the '
                        "layers after it are left out. Default: that of the config's head")
    parser.add_argument('--opset', type=int, help='version of ONNX; default is up to torch')
    parser.add_argument('--half', action='store_true', help='store weights as float16')
    parser.add_argument('--int8', action='store_true',
                        help='compute convolutions in 8 bits; the accuracy lost is printed')
    parser.add_argument('--images', metavar='FOLDER',
                        help='images like those to come, by which --int8 is calibrated')
    parser.add_argument('--check', nargs='+', default=[], metavar='IMAGE',
                        help='compare on these images; default those of --images, else three '
                        'rendered people')
    parser.add_argument('--test', action='store_true', help='score the network and the file '
                        "on the config's test set, too")


def run(args: argparse.Namespace) -> None:
    from hourglass.deploy.export import export
    options = vars(args)
    test = options.pop('test')
    done = export(**options)
    offsets = done.offsets.flatten()
    deviation = (
        f'keypoints moved by {offsets.mean():.3f} px of the input on average, half of them by at '
        f'most {offsets.median():.3f}, one in 20 by more than {offsets.quantile(0.95):.3f}'
        if args.half or args.int8 else f'keypoints within {done.deviation:.1g} px' if done.decodes
        else f'heatmaps within {done.deviation:.1g} of the largest value')
    print(f'written: {done.path} ({done.size / 1e6:.2f} MB)\n'
          f'checked on {done.images} images, in batches of 1 and 3: {deviation}')
    if done.unsettled:
        print(f'not compared: {done.unsettled} of {done.keypoints} keypoints, where rounding '
              'decides between two peaks')
    if test:
        from hourglass.analysis.exported import compare_scores
        print(compare_scores(args.config, done))
