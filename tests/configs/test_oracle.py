"""Perfect heatmaps, taken through each recipe's own pipeline, estimator, decoder and metrics."""
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from conftest import DATA, REPOSITORY, needs
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS, METRICS, MODELS, init_default_scope
from mmpose.models.utils.tta import flip_heatmaps
from pairs import zip_equal
from torch import nn

from hourglass.checkpoints.configs import read_config

PEOPLE = 16
# how far a joint may be predicted, in cells along x or y, not counting the outermost cells: a
# target in the middle of a cell, a quarter's offset in it, and a parabola, which is exact
CELLS_OFF = dict(cell=0.5, quarter=0.25, parabola=0.0)


class Oracle(nn.Module):
    """A backbone that gives fixed heatmaps, and mirrored ones for the mirrored image."""

    def __init__(self, heatmaps: torch.Tensor, flip_indices: list[int]):
        super().__init__()
        self.results = [heatmaps, flip_heatmaps(
            heatmaps, flip_indices=flip_indices, shift_heatmap=False)]

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor]:
        return self.results.pop(0),


@dataclass
class Prediction:
    """What the heatmaps of P people become, and arrays (P, K) of what was asked of them."""

    samples: list[dict]                 # for a metric
    metainfo: dict
    inner: np.ndarray                   # bool, annotated inside the outermost cells
    cells_off: np.ndarray               # the larger of x and y

    @classmethod
    def of(cls, cfg: Config) -> 'Prediction':
        dataset = DATASETS.build(dict(cfg.test_dataloader.dataset, indices=PEOPLE))
        model = MODELS.build(dict(
            type='TopdownPoseEstimator', head=cfg.model.head, test_cfg=cfg.model.test_cfg,
            data_preprocessor=cfg.model.data_preprocessor, backbone=dict(
                type='hourglass.StackedHourglass', num_stacks=1, channels=8, num_keypoints=1,
                depth=1, stem_channels=(4, 8, 8)))).eval()
        codec, batch = model.head.decoder, pseudo_collate([dataset[i] for i in range(PEOPLE)])
        cells, visible, heatmaps = [], [], []
        for sample in batch['data_samples']:
            side, truth = sample.metainfo['input_scale'], sample.gt_instances
            corner = sample.metainfo['input_center'] - side / 2
            joints_input = (truth.keypoints[0] - corner) / side * codec.input_size      # (K, 2)
            heatmaps.append(codec.encode(joints_input[None], truth.keypoints_visible)['heatmaps'])
            cells.append((joints_input + 0.5) / codec.input_px_per_cell)
            visible.append(truth.keypoints_visible[0] > 0)
        model.backbone = Oracle(torch.from_numpy(np.stack(heatmaps)),
                                dataset.metainfo['flip_indices'])
        with torch.no_grad():
            samples = [sample.to_dict() for sample in model.test_step(batch)]
        place, shown = np.stack(cells), np.stack(visible)                           # (P, K, 2)
        distance = np.minimum(place, np.array(codec.heatmap_size) - place).min(-1)  # to the border
        off = []
        for sample, inside in zip_equal(samples, distance > 0):
            truth, predicted = (sample['raw_ann_info']['keypoints_image'],
                                sample['pred_instances']['keypoints'][0])
            predicted[~inside] = truth[~inside]         # no heatmap has these
            px_per_cell = sample['input_scale'] / codec.heatmap_size
            off.append((np.abs(predicted - truth) / px_per_cell).max(-1))
        return cls(samples, dataset.metainfo, shown & (distance > 1), np.stack(off))


def recipes(folders: str) -> list[Config]:
    """The configs in these folders that differ in data, pipeline, decoder or metrics."""
    found = {}
    for path in (path for folder in folders.split()
                 for path in sorted((REPOSITORY / 'configs' / folder).glob('*.py'))):
        cfg = read_config(path)
        if '-test-' not in path.stem:
            found.setdefault(str((cfg.test_dataloader.dataset, cfg.model.head.decoder,
                                  cfg.test_evaluator)), cfg)
    return list(found.values())


@pytest.mark.parametrize(('folders', 'data'), [
    ('synthetic demo', None), *(pytest.param(name, DATA / folder, marks=[
        needs(DATA / folder), pytest.mark.data]) for name, folder in (
            ('mpii', 'mpii_subset'), ('flic ablation', 'flic'), ('lsp', 'lsp')))])
def test_perfect_heatmaps_score_100(folders, data, synthetic, monkeypatch):
    monkeypatch.setenv('HOURGLASS_DATA', str(data.parent if data else synthetic))
    configs = recipes(folders)
    assert len(configs) > 1
    for cfg in configs:
        init_default_scope(cfg.default_scope)
        if folders == 'mpii':
            cfg.test_dataloader.dataset.data_root = str(data)
        found, codec = Prediction.of(cfg), cfg.model.head.decoder
        cells = CELLS_OFF['cell' if codec.get('centers') == 'cell' else codec.refine]
        assert found.inner.sum() > 100, cfg.filename
        worst = found.cells_off[found.inner].max()
        assert 0.9 * cells < worst + 1e-3 and worst < cells + 1e-3, cfg.filename    # float32
        for evaluator in [dict(type='hourglass.OksAP'), *(
                cfg.test_evaluator if isinstance(cfg.test_evaluator, list)
                else [cfg.test_evaluator])]:
            metric = METRICS.build(evaluator)
            metric.dataset_meta = found.metainfo
            metric.process([], found.samples)
            scores = metric.evaluate(PEOPLE)
            main, fine = ('AP50', 'AP') if metric.prefix == 'oks' else ('Total', 'Total@0.1')
            assert scores[f'{metric.prefix}/{main}'] == pytest.approx(100), cfg.filename
            if cells == 0:
                assert scores[f'{metric.prefix}/{fine}'] == pytest.approx(100), cfg.filename
