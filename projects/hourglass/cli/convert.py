"""Convert a checkpoint of another project (pytorch_stacked_hourglass, pytorch-pose, FPD...)."""
import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('checkpoint', help='.pth, .pth.tar, .pt or .safetensors')
    parser.add_argument('out', help=".safetensors or .pth, with mmengine's names")
    precision = parser.add_mutually_exclusive_group()
    precision.add_argument('--half', action='store_true', help='store float16')
    precision.add_argument('--int8', action='store_true', help='store the weights of convolutions '
                           'in 8 bits, a quarter of float32; read back as float32')
    parser.add_argument('--widen', type=float, nargs='?', const=2, metavar='FACTOR',
                        help='write a network with FACTOR times the features (default: 2) and the '
                        'same outputs, to be trained on')
    parser.add_argument('--stacks', type=int, metavar='N', help='write only the first N stacks')
    parser.add_argument('--config', help='also write a config for testing it and training on')
    parser.add_argument('--data', choices=['mpii', 'flic', 'lsp', 'coco', 'synthetic'],
                        help='data set of that config; default: the one with as many keypoints')
    parser.add_argument('--input', choices=['unit', 'bearpaw', 'imagenet'],
                        help='how its pixels are normalised (FPD: imagenet, which is not '
                        "recognised); default: the file's, or its layout's")


def run(args: argparse.Namespace) -> None:
    from hourglass.checkpoints.convert import convert_checkpoint
    report = convert_checkpoint(
        args.checkpoint, args.out, args.half, args.config, args.data, args.input, args.int8,
        args.widen, args.stacks)
    sizes = ', '.join(f'{name}={value}' for name, value in report['config'].items())
    mean, std = report['pixels']
    print(f"layout: {report['family']}\nnetwork: {sizes}; {report['parameters']:,} parameters\n"
          f"pixels, 0 to 255: minus {mean}, divided by {std} ({report['pixels_from']})")
    if report['dropped']:
        print(f"{len(report['dropped'])} tensors dropped that the network does not use, such as "
              f"{', '.join(report['dropped'][:3])}")
    if report['calibration_dropped']:
        print('calibration dropped, as the heatmaps are others now: make one with hourglass test '
              '--calibrate')
    for path in filter(None, (args.out, args.config)):
        print(f'written: {path}')
