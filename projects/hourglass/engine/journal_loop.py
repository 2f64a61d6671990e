"""Tests that may be interrupted: finished people are kept, and processes share the rest."""
from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.runner import Runner, TestLoop

import hourglass
from hourglass.checkpoints.names import find_weights
from hourglass.engine.processes import Place
from hourglass.errors import ConfigError
from hourglass.io.journal import Journal, fingerprint
from hourglass.registry import DATASETS, LOOPS

_REPORTING = ('timer', 'logger', 'visualization')       # default_hooks without effect on a result


def use_journal(cfg: Config, folder: str, place: Place) -> None:
    """Make a config with its checkpoint (``load_from``) test this process's share of what is left.

    The same work has the same content of the checkpoint, the same settings of network, data,
    metrics, hooks and test, and the same people and images (:class:`JournalTestLoop`). Raises
    ``ConfigError`` if the checkpoint is not a file.
    """
    if '://' in cfg.load_from:
        raise ConfigError(f'--journal: fetch {cfg.load_from} first, and name the file')
    hooks = {name: hook for name, hook in (cfg.get('default_hooks') or {}).items()
             if name not in _REPORTING}
    settings = (cfg.model, cfg.test_dataloader.dataset, cfg.test_evaluator, hooks,
                cfg.get('custom_hooks'), cfg.test_cfg)
    work = fingerprint([hourglass.__version__, find_weights(cfg.load_from), *map(str, settings)])
    journal = dict(folder=folder, work=work, rank=place.rank, ranks=place.ranks)
    cfg.test_cfg = {**cfg.test_cfg, 'type': 'hourglass.JournalTestLoop', 'journal': journal}
    if place.ranks > 1:
        cfg.work_dir = str(Path(cfg.work_dir, f'process{place.rank}'))


@LOOPS.register_module()
class JournalTestLoop(TestLoop):
    """mmengine's test loop for a share of the people, with their results in a journal.

    A process that finds all people in the journal computes the metrics, as one process would that
    tested them all: no process waits for another. ``journal`` has the arguments of
    :class:`hourglass.io.journal.Journal`, whose ``work`` the annotation of each person and the size
    and time of each image make another; each process tests every ``ranks``-th person, unless the
    journal has the person already. Samples have an ``id``.
    """

    def __init__(self, runner: Runner, dataloader: dict, evaluator: list | dict, journal: dict,
                 **kwargs: object):
        dataset = DATASETS.build(dataloader['dataset'])
        self.ids, parts = [], [journal['work']]
        for sample in map(dataset.get_data_info, range(len(dataset))):
            self.ids.append(str(sample['id']))
            image = Path(sample['img_path']).stat()
            known = [sample.get(key) for key in ('id', 'bbox', 'keypoints', 'raw_ann_info')]
            parts.append(f'{known} {image.st_size} {image.st_mtime_ns}')
        self.journal = Journal(**dict(journal, work=fingerprint(parts)))
        done = self.journal.read()
        if len(set(self.ids)) < len(self.ids):
            raise ConfigError('--journal: two samples have the same id; leave --journal out, or '
                              'concatenate data sets of hourglass, each once')
        share = [index for index in range(journal['rank'], len(dataset), journal['ranks'])
                 if self.ids[index] not in done]
        super().__init__(runner, dict(dataloader, dataset=dataset, sampler=share), evaluator,
                         **kwargs)
        self.compute, self.evaluator.evaluate = self.evaluator.evaluate, self._evaluate

    def run_iter(self, idx: int, data_batch: dict) -> None:
        """Test a batch, and move what the metrics got from it into the journal."""
        super().run_iter(idx, data_batch)
        results = [list(metric.results) for metric in self.evaluator.metrics]
        for metric in self.evaluator.metrics:
            metric.results.clear()
        for of_person in zip_longest(*results, fillvalue={}):
            ids = {result.get('id') for result in of_person if isinstance(result, dict)}
            if len(ids) != 1 or None in ids:
                raise ConfigError('--journal: a metric of test_evaluator does not give one result '
                                  "for each person; leave --journal out, or use hourglass's own")
            self.journal.add(str(ids.pop()), dict(results=of_person))

    def _evaluate(self, size: int) -> dict:
        """Return the metrics of all people, or an empty dict if some are left."""
        entries = self.journal.read()
        left = sum(name not in entries for name in self.ids)
        if left:
            MMLogger.get_current_instance().info(
                f'{left} of {size} people are left; the last process to finish, or another '
                'call, computes the metrics')
            return {}
        for place, metric in enumerate(self.evaluator.metrics):
            metric.results = [entries[name]['results'][place] for name in self.ids]
        return self.compute(size)
