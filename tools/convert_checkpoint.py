"""Another project's checkpoint for ours: python tools/convert_checkpoint.py IN OUT ..."""
import argparse

from hourglass.apis.cli import one_line_errors
from hourglass.checkpoints.convert import DATA, PIXELS, convert_checkpoint, write_config


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Convert a checkpoint of pytorch_stacked_hourglass, pytorch-pose, '
        'pytorch-hourglass, FPD, or of a run of ours')
    parser.add_argument('checkpoint', help='.pth, .pth.tar, .pt or .safetensors')
    parser.add_argument('out', help=".safetensors or .pth, with mmengine's names")
    parser.add_argument('--half', action='store_true', help='store float16')
    parser.add_argument('--config', help='write a config that tests it and trains on, too')
    parser.add_argument('--data', choices=DATA,
                        help='of that config; default the data set with as many keypoints')
    parser.add_argument('--input', choices=PIXELS, help='of that config: what the network saw '
                        "(a checkpoint does not tell; FPD's: imagenet); default its layout's")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with one_line_errors():
        report = convert_checkpoint(args.checkpoint, args.out, args.half)
        if args.config:
            write_config(report, args.out, args.config, args.data, args.input)
    sizes = ', '.join(f'{name}={value}' for name, value in report['config'].items())
    print(f"layout: {report['family']}\nnetwork: {sizes}; {report['parameters']:,} parameters")
    if report['dropped']:
        print(f"dropped, as they compute nothing: {len(report['dropped'])}, such as "
              f"{report['dropped'][0]}")
    print(f'written: {args.out}')
    if args.config:
        print(f"written: {args.config}, input as '{args.input or report['pixels']}' "
              f"({'as asked' if args.input else 'usual for the layout'})")


if __name__ == '__main__':
    main()
