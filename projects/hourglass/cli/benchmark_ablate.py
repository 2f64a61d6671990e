"""Train configs with several seeds, and write one table and one plot."""
import argparse
from pathlib import Path

from hourglass.errors import ConfigError
from hourglass.io.files import replacing, write_json

_HARD_JOINTS = ('Elbow', 'Wrist', 'Knee', 'Ankle')     # the paper averages them in its figure 9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('configs', nargs='+', type=Path, help='configs that train by iterations')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--iterations', type=int, required=True, help='number in each run')
    parser.add_argument('--validations', type=int,
                        help="number in each run; default at the configs' own intervals")
    parser.add_argument('--joints', nargs='+', default=_HARD_JOINTS,
                        help='joints to average, if the data have them (default %(default)s)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/ablation'),
                        help='folder for the runs, table.md, table.json and curves.png; finished '
                        'runs in it are not repeated')


def run(args: argparse.Namespace) -> None:
    from hourglass.analysis import ablation
    from hourglass.io.figures import save_figure
    if missing := [path for path in args.configs if not path.is_file()]:
        raise ConfigError(f'{missing[0]}: no such config file')
    if args.validations is not None and args.validations < 1:
        raise ConfigError(f'--validations {args.validations}: give 1 or more')
    for variants in ablation.ablate(args.configs, args.seeds, args.iterations,
                                    args.validations, args.work_dir, args.joints):
        with replacing(args.work_dir / 'table.md') as draft:
            draft.write_text(ablation.table(variants) + '\n', encoding='utf-8')
        write_json(args.work_dir / 'table.json', ablation.as_json(variants))
        save_figure(ablation.plot(variants), args.work_dir / 'curves.png')
    print(ablation.table(variants))
