"""Time and memory of a training step: python tools/training_cost.py CONFIG [--steps N] ..."""
import argparse

from hourglass.apis.cli import add_run_arguments, load_config, one_line_errors
from hourglass.apis.training_cost import measure_training


def main() -> None:
    parser = argparse.ArgumentParser(description='Measure a training step on random pictures')
    add_run_arguments(parser)
    parser.add_argument('--steps', type=int, default=10, help='measured, the fastest counts')
    args = parser.parse_args()
    with one_line_errors():
        cost = measure_training(load_config(args), args.steps)
        print(f'{args.config}: {cost["seconds"] * 1000:.0f} ms a step, '
              f'{cost["core_seconds"] * 1000:.0f} ms of a core, {cost["memory"]:.0f} MiB')


if __name__ == '__main__':
    main()
