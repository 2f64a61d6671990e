"""Testing that may break off: what was done stays, and processes share the rest without meeting."""
from collections.abc import Iterator
from pathlib import Path

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.logging import MMLogger
from mmengine.runner import TestLoop
from torch.utils.data import Sampler

from hourglass.checkpoints.names import find_weights
from hourglass.engine.processes import Place
from hourglass.errors import ConfigError
from hourglass.io.journal import Journal, fingerprint
from hourglass.registry import DATA_SAMPLERS, DATASETS, LOOPS


def use_journal(cfg: Config, folder: str, place: Place) -> None:
    """Let a config with its checkpoint (``load_from``) test this process's share of what is left.

    What counts as the same work is the checkpoint's content, the annotation of every person, size
    and time of every image, and all that the config says of network, data, metrics and testing.

    Raises:
        ConfigError: if the checkpoint is no file.
    """
    if '://' in cfg.load_from:
        raise ConfigError(f'--journal: fetch {cfg.load_from} first, and name the file')
    data = cfg.test_dataloader.dataset
    work = [find_weights(cfg.load_from), str(cfg.model), str(data), str(cfg.test_evaluator),
            str(cfg.get('custom_hooks')), str(cfg.test_cfg), *_people(DATASETS.build(data))]
    journal = dict(folder=folder, work=fingerprint(work), rank=place.rank, ranks=place.ranks)
    cfg.test_cfg = {**cfg.test_cfg, 'type': 'hourglass.JournalTestLoop', 'journal': journal}
    cfg.test_dataloader.sampler = dict(type='hourglass.ShareSampler', journal=journal)
    if place.ranks > 1:
        cfg.work_dir = str(Path(cfg.work_dir, f'process{place.rank}'))


def _people(dataset: BaseDataset) -> Iterator[str]:
    for index in range(len(dataset)):
        sample = dataset.get_data_info(index)
        image = Path(sample['img_path']).stat()
        known = [sample.get(key) for key in ('id', 'bbox', 'keypoints', 'raw_ann_info')]
        yield f'{known} {image.st_size} {image.st_mtime_ns}'


@DATA_SAMPLERS.register_module()
class ShareSampler(Sampler):
    """The people of one process, but for those that are done.

    Args:
        dataset: its samples have an ``id``.
        journal: arguments of :class:`hourglass.io.journal.Journal`; each process has every
            ``ranks``-th person.
        seed: given by mmengine; nothing is shuffled.
    """

    def __init__(self, dataset: BaseDataset, journal: dict, seed: int | None = None):
        done = Journal(**journal).read()
        self.indices = [index for index in range(journal['rank'], len(dataset), journal['ranks'])
                        if str(dataset.get_data_info(index)['id']) not in done]

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)

    def __len__(self) -> int:
        return len(self.indices)


@LOOPS.register_module()
class JournalTestLoop(TestLoop):
    """mmengine's, with each person's results of the metrics in a journal.

    Who finds everybody there computes the metrics, as one process would that did it all: no process
    waits for another.

    Args:
        journal: as for :class:`ShareSampler`.
        args, kwargs: as for mmengine's.
    """

    def __init__(self, *args, journal: dict, **kwargs):
        super().__init__(*args, **kwargs)
        self.journal = Journal(**journal)

    def run(self) -> dict:
        """The metrics; empty if people are left."""
        self.runner.call_hook('before_test')
        self.runner.call_hook('before_test_epoch')
        self.runner.model.eval()
        for number, batch in enumerate(self.dataloader):
            self.run_iter(number, batch)
            self._note()
        metrics = self._evaluate()
        self.runner.call_hook('after_test_epoch', metrics=metrics)
        self.runner.call_hook('after_test')
        return metrics

    def _note(self) -> None:
        """Move what the metrics got from a batch into the journal, person by person."""
        results = [list(metric.results) for metric in self.evaluator.metrics]
        for metric in self.evaluator.metrics:
            metric.results.clear()
        for of_person in zip(*results, strict=True):
            ids = {result.get('id') for result in of_person if isinstance(result, dict)}
            if len(ids) != 1 or None in ids:
                raise ConfigError('--journal: a metric of test_evaluator does not give one result '
                                  "for each person; leave --journal out, or name hourglass' own")
            self.journal.add(str(ids.pop()), dict(results=of_person))

    def _evaluate(self) -> dict:
        entries, dataset = self.journal.read(), self.dataloader.dataset
        names = [str(dataset.get_data_info(index)['id']) for index in range(len(dataset))]
        left = [name for name in names if name not in entries]
        if left:
            MMLogger.get_current_instance().info(
                f'{len(left)} of {len(names)} people are left, of other processes, the last of '
                'which computes the metrics, or for another call')
            return {}
        for place, metric in enumerate(self.evaluator.metrics):
            metric.results = [entries[name]['results'][place] for name in names]
        return self.evaluator.evaluate(len(names))
