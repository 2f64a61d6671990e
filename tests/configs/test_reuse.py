"""The backbone trains and predicts in other projects, by the configs in configs/reuse."""
import copy
import importlib.util
import json
import re

import cv2
import numpy as np
import pytest
import torch
from conftest import REPOSITORY
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import Runner
from mmengine.structures import InstanceData, PixelData

HEADS = {
    'classifier_mmpretrain': {'head.in_channels': 16},
    'detector_mmdet': {'neck.in_channels': 16, 'bbox_head.in_channels': 16},
    'segmenter_mmseg': {'decode_head.in_channels': 16, 'auxiliary_head.0.in_channels': 16}}
NAMES = [pytest.param(name, marks=pytest.mark.skipif(
    importlib.util.find_spec(package) is None, reason=f'{package} is not installed'))
    for name in HEADS for package in [name.split('_')[1]]]


def shrunk(name: str, depth: int) -> Config:
    """The config with 16 features; of its model nothing else is changed but the levels."""
    cfg = Config.fromfile(REPOSITORY / f'configs/reuse/{name}.py')
    widths = {'backbone.channels': 16, 'backbone.depth': depth,
              'backbone.stem_channels': (8, 8, 16), **HEADS[name]}
    cfg.merge_from_dict({f'model.{key}': value for key, value in widths.items()})
    init_default_scope(cfg.default_scope)
    return cfg


def batch(name: str, generator: torch.Generator) -> dict:
    """Two random images of 64x64 px with something to learn, as a data loader gives them."""
    def sample(index: int):
        if name == 'classifier_mmpretrain':
            from mmpretrain.structures import DataSample
            return DataSample().set_gt_label(index)
        if name == 'detector_mmdet':
            from mmdet.structures import DetDataSample
            box = torch.tensor([[8.0, 12.0, 40.0, 52.0]]) + index
            return DetDataSample(
                gt_instances=InstanceData(bboxes=box, labels=torch.zeros(1, dtype=torch.long)),
                metainfo=dict(img_shape=(64, 64), ori_shape=(64, 64), border=np.array([0.] * 4)))
        from mmseg.structures import SegDataSample
        labels = torch.randint(2, (1, 64, 64), generator=generator)
        return SegDataSample(gt_sem_seg=PixelData(data=labels),
                             metainfo=dict(img_shape=(64, 64), ori_shape=(64, 64)))
    return dict(
        inputs=[torch.randint(256, (3, 64, 64), generator=generator, dtype=torch.uint8)
                for _ in range(2)],
        data_samples=[sample(index) for index in range(2)])


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def built(cfg: Config):
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    return model


@pytest.mark.parametrize('name', NAMES)
def test_the_second_step_on_a_batch_has_a_lower_loss(name, generator):
    cfg = shrunk(name, depth=2)
    if name == 'segmenter_mmseg':
        cfg.merge_from_dict({'model.data_preprocessor.size': (64, 64)})     # else padded to 512
    model, data = built(cfg).train(), batch(name, generator)
    optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    losses = []
    for _ in range(2):
        torch.manual_seed(0)                            # the same dropout
        losses.append(float(model.train_step(copy.deepcopy(data), optim_wrapper)['loss']))
    assert np.isfinite(losses).all()
    assert losses[1] < losses[0]


@pytest.mark.parametrize('name', NAMES)
def test_every_stack_learns(name, generator):
    cfg = shrunk(name, depth=2)
    model = built(cfg).train()
    losses = model(**model.data_preprocessor(batch(name, generator), True), mode='loss')
    model.parse_losses(losses)[0].backward()
    gradients = {key: parameter.grad for key, parameter in model.backbone.named_parameters()}
    assert all(gradient is not None and gradient.isfinite().all()
               for gradient in gradients.values())
    # only biases in front of a BatchNorm have, by its definition, none but rounding
    convolutions = {key: gradient for key, gradient in gradients.items() if gradient.ndim == 4}
    assert convolutions and all(gradient.any() for gradient in convolutions.values())
    if name == 'segmenter_mmseg':
        assert {key for key in losses if 'loss' in key} == {'decode.loss_ce', 'aux_0.loss_ce'}


@pytest.mark.parametrize('name', NAMES)
def test_predictions_have_the_images_shape(name, generator):
    model = built(shrunk(name, depth=2)).eval()
    with torch.no_grad():
        found = model.test_step(batch(name, generator))
    assert len(found) == 2
    for prediction in found:
        if name == 'classifier_mmpretrain':
            assert prediction.pred_score.shape == (2,)
            assert float(prediction.pred_score.sum()) == pytest.approx(1, abs=1e-6)     # softmax
        elif name == 'detector_mmdet':
            assert prediction.pred_instances.bboxes.shape == (100, 4)                   # topk
            assert prediction.pred_instances.scores.shape == (100,)
        else:
            assert prediction.seg_logits.data.shape == (2, 64, 64)
            assert prediction.pred_sem_seg.data.shape == (1, 64, 64)


@pytest.mark.parametrize('name', [case for case in NAMES if 'detector' in case.values[0]])
def test_the_detectors_head_sees_the_last_stack_untouched(name, generator):
    model = built(shrunk(name, depth=2)).eval()
    images = torch.rand(1, 3, 64, 64, generator=generator)
    stacks = model.backbone(images)
    assert len(stacks) == 2
    [seen] = model.extract_feat(images)
    assert seen.equal(stacks[-1])


@pytest.mark.slow
@pytest.mark.parametrize('name', NAMES)
def test_a_config_trains_and_scores_from_files(name, tmp_path, rng):
    """The whole config with its own pipelines, network depth and evaluator, for one epoch."""
    cfg = shrunk(name, depth=4)
    for split in ('train', 'val'):
        write_data(name, tmp_path, split, rng)
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.update(batch_size=min(2, loader.batch_size), num_workers=0,
                      persistent_workers=False)
        loader.dataset.data_root = str(tmp_path)
    if 'ann_file' in cfg.val_evaluator:
        cfg.val_evaluator.ann_file = str(tmp_path / 'val.json')
    cfg.merge_from_dict({
        'work_dir': str(tmp_path / 'run'), 'train_cfg.max_epochs': 1, 'train_cfg.val_interval': 1,
        'default_hooks.checkpoint.interval': 1, 'experiment_name': name,
        'test_dataloader': None, 'test_evaluator': None, 'test_cfg': None})
    scores = []
    runner = Runner.from_cfg(cfg)
    after_val = runner.val_loop.run
    runner.val_loop.run = lambda: scores.append(after_val())
    runner.train()
    assert (tmp_path / 'run/epoch_1.pth').is_file()
    [measured] = scores
    assert any(re.search('accuracy/top1|coco/bbox_mAP|mIoU', key) for key in measured)


def write_data(name: str, root, split: str, rng) -> None:
    """Four random images of 100x90 px, laid as the config's comments say."""
    boxes, images = [], []
    for index in range(4):
        image = rng.integers(256, size=(90, 100, 3), dtype=np.uint8)
        folder = {'classifier_mmpretrain': f"{split}/{('cat', 'dog')[index % 2]}",
                  'detector_mmdet': split, 'segmenter_mmseg': f'images/{split}'}[name]
        (root / folder).mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(root / folder / f'{index}.jpg'), image)
        if name == 'segmenter_mmseg':
            (root / 'labels' / split).mkdir(parents=True, exist_ok=True)
            labels = rng.integers(2, size=(90, 100), dtype=np.uint8)
            assert cv2.imwrite(str(root / f'labels/{split}/{index}.png'), labels)
        images.append(dict(id=index, file_name=f'{index}.jpg', width=100, height=90))
        boxes.append(dict(id=index + 1, image_id=index, category_id=1, iscrowd=0, area=1600,
                          bbox=[20, 30, 40, 40]))
    if name == 'detector_mmdet':
        (root / f'{split}.json').write_text(json.dumps(dict(
            images=images, annotations=boxes, categories=[dict(id=1, name='person')])))


def test_the_readmes_snippet_runs_in_plain_torch():
    readme = (REPOSITORY / 'configs/reuse/README.md').read_text()
    [program] = re.findall(r'```python\n(.*?)```', readme, re.DOTALL)
    torch.manual_seed(0)
    names = {}
    exec(program, names)
    assert len(program.strip().splitlines()) == 5
    assert names['scores'].shape == (2, 10)
    assert all(p.grad is not None for p in names['backbone'].parameters())
