"""Find the people in all images of a folder with Ray's workers, and write a row for each person.

python ray_predict.py IMAGES OUT [--detector NAME] [--network NAME | CONFIG WEIGHTS] [--workers N]

OUT becomes a new folder of Parquet files. If a worker dies, Ray starts another one, which repeats
the batches that were lost. On a cluster, IMAGES and OUT have to be on storage that all machines
share.
"""
import argparse
from functools import partial
from pathlib import Path

import pyarrow
import ray

from hourglass.apis import BatchPredictor, find_detector, init_model

NUMBERS = pyarrow.list_(pyarrow.float64())
# given to all files, as one without an error, or without people, would not show the column's type
SCHEMA = pyarrow.schema(dict(
    image='string', person='int64', bbox=NUMBERS, bbox_score='double', score='double',
    keypoints=NUMBERS, probability=NUMBERS, error='string'))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('images', type=Path)
    parser.add_argument('out')
    parser.add_argument('--detector', help='default: one person fills each image')
    parser.add_argument('--network', nargs='+', default=['people'])
    parser.add_argument('--workers', type=int, default=2)
    args = parser.parse_args()
    if Path(args.out).exists():         # Ray would write each row once more
        parser.error(f'{args.out} exists; choose another folder, or remove it')
    paths = sorted(str(path.resolve()) for path in args.images.rglob('*') if path.is_file())
    images = ray.data.from_items([dict(image=path) for path in paths])
    where = (dict(load_detector=partial(find_detector, args.detector)) if args.detector else
             dict(whole_image=True))
    people = images.map_batches(
        BatchPredictor, fn_constructor_args=[partial(init_model, *args.network)],
        fn_constructor_kwargs=where, batch_size=64,
        compute=ray.data.ActorPoolStrategy(size=args.workers))
    people.write_parquet(args.out, schema=SCHEMA)


if __name__ == '__main__':
    main()
