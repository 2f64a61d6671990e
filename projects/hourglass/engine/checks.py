"""Settings that fit a config and not its network or data, where mmengine would ignore them."""
from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from mmengine.config import ConfigDict
from mmengine.dataset import InfiniteSampler
from mmengine.optim import LinearParamScheduler, OptimWrapper
from mmengine.registry import OPTIMIZERS
from mmengine.runner import Runner, TestLoop, ValLoop
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import DataLoader

from hourglass.codecs.hourglass_heatmap import HourglassHeatmap
from hourglass.engine.distributed import unwrapped
from hourglass.errors import ConfigError, did_you_mean
from hourglass.evaluation.samples import check_once
from hourglass.models.backbone import StackedHourglass as Backbone
from hourglass.models.head import StackedHeatmapHead
from hourglass.models.network import StackedHourglass

_FREEZE = 'freeze stem and stacks with model.backbone.frozen_stages, and their statistics with them'


def check_model(model: nn.Module, cfg: ConfigDict) -> None:
    """Raise ``ConfigError`` for a setting that would train ``model`` otherwise than it says."""
    networks = {name: part for name, part in model.named_modules()
                if isinstance(part, StackedHourglass)}
    for name in cfg.get('activation_checkpointing') or ():
        if any(f'{name}.'.startswith(f'{ours}.') for ours in networks):
            raise ConfigError(
                f"activation_checkpointing: '{name}' would get no gradient, or count each batch "
                'twice; leave it out, and set model.backbone.with_cp=True')
    head, backbone = (getattr(model, part, None) for part in ('head', 'backbone'))
    if (isinstance(head, StackedHeatmapHead) and head.to_heatmaps is None
            and isinstance(backbone, StackedHourglass) and backbone.heatmaps is None):
        raise ConfigError(
            'model.backbone.num_keypoints is None, so model.head would take features for heatmaps; '
            'give the backbone num_keypoints, or the head in_channels, num_keypoints and '
            'num_stages')
    if (head is not None and type(head).__name__ == 'AssociativeEmbeddingHead'
            and 'keypoint_indices' not in head.decoder.label_mapping_table):
        raise ConfigError(
            'model.head: AssociativeEmbeddingHead cannot be trained here, as its codec gives its '
            "loss no keypoint_indices; find several people with 'hourglass predict --detector'")
    test_cfg = (cfg.get('model') or {}).get('test_cfg') or {}
    if (isinstance(getattr(head, 'decoder', None), HourglassHeatmap)
            and test_cfg.get('shift_heatmap')):
        raise ConfigError('model.test_cfg.shift_heatmap: the mirrored heatmaps of HourglassHeatmap '
                          'would be averaged a cell off; leave it out')
    if (getattr(getattr(head, 'decoder', None), 'unannotated', '') == 'mask'
            and not getattr(getattr(head, 'loss_module', None), 'use_target_weight', True)):
        raise ConfigError("model.head.loss: use_target_weight=False trains keypoints without "
                          "annotation to be absent, and the codec has unannotated='mask'; set "
                          "use_target_weight=True, or unannotated='zero'")
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ConfigError('model: every parameter is frozen; nothing would be trained')
    _check_parameter_groups(model, cfg.get('optim_wrapper') or {})
    schedules = cfg.get('param_scheduler') or []
    if any('eta_max' in one for one in (schedules if isinstance(schedules, list) else [schedules])):
        _refuse_rates(cfg.optim_wrapper.get('paramwise_cfg') or {})


def check_batches(loader: DataLoader, model: nn.Module) -> None:
    """Raise ``ConfigError`` if BatchNorm would fail with the last batch of an epoch."""
    sampler: Any = loader.batch_sampler
    people, batches = len(sampler.sampler), getattr(sampler, 'batches', sampler)
    if isinstance(sampler.sampler, InfiniteSampler):
        return
    networks = [part for part in model.modules() if isinstance(part, Backbone)
                and any(isinstance(layer, _BatchNorm) and layer.training
                        for layer in part.hourglasses.modules())]
    if networks and not batches.drop_last and people % batches.batch_size == 1:
        size = tuple(loader.dataset[0]['inputs'].shape[-2:])
        if any(size == (4 * 2**network.depth,) * 2 for network in networks):
            raise ConfigError(
                f'train_dataloader: {people} samples in batches of {batches.batch_size} leave one '
                'for the last, whose 1x1 maps BatchNorm cannot normalise; set drop_last=True, or '
                'another batch_size')


def doubts(runner: Runner) -> Iterator[str]:
    """Yield what a run is set to do and is hardly meant to, a line each."""
    wrapper, model = runner.optim_wrapper, unwrapped(runner.model)
    head, given = getattr(model, 'head', None), getattr(model, 'init_cfg', None)
    if isinstance(wrapper, OptimWrapper):
        if all(group.get('initial_lr', group['lr']) == 0 for group in wrapper.param_groups):
            yield 'optim_wrapper.optimizer.lr is 0: nothing is learned'
        for schedule in runner.param_schedulers or ():
            length, unit = ((runner.max_epochs, 'epochs') if schedule.by_epoch else
                            (runner.max_iters, 'steps'))
            if (isinstance(schedule, LinearParamScheduler) and schedule.end > length
                    and schedule.start_factor < schedule.end_factor):
                yield (f'param_scheduler: the rate rises until {unit[:-1]} {schedule.end}, and the '
                       f'run has {length} {unit}; lower the end of {type(schedule).__name__}')
            low = getattr(schedule, 'eta_min', None)
            if low and low > (begin := min(schedule.base_values)):
                yield (f'param_scheduler: {type(schedule).__name__} climbs from {begin:.4g} to '
                       f'eta_min={low:.4g}; eta_min_ratio is a share of the rate')
    if (isinstance(head, StackedHeatmapHead)
            and (head.stage_weights or ())[head.predict_stage:][:1] == (0,)):
        yield 'model.head.stage_weights is 0 for the stage that predicts, which learns nothing'
    for name, part in model.named_modules():
        if isinstance(part, Backbone) and (part.frozen or part.norm_eval) and not (
                runner._load_from or part.init_cfg or given):
            what = ('frozen_stages keeps random weights' if part.frozen else
                    'norm_eval keeps the statistics of no image')
            yield f'model.{name}.{what}, as no weights are loaded; set load_from'


def check_evaluation(loop: ValLoop | TestLoop) -> None:
    """Raise an error if a test would take people of joined data sets twice, or mix them up.

    Raises:
        DataError: for people who are there several times.
        ConfigError: if mmpose's ``CocoMetric``, which goes by the ids of images and annotations,
            finds one id on two of them, or reads a file that lacks some of the images.
    """
    dataset = loop.dataloader.dataset
    joined = hasattr(dataset, 'dataset') or hasattr(dataset, 'datasets')
    if not joined or not hasattr(dataset, 'get_data_info'):
        return
    samples = [_annotation(dataset, index) for index in range(len(dataset))]
    check_once(len({(one.get('id'), one.get('img_path')) for one in samples}), len(samples))
    for metric in loop.evaluator.metrics:
        # MultiDatasetEvaluator, with a metrics_dict, has one for each data set
        if type(metric).__name__ == 'CocoMetric' and not hasattr(loop.evaluator, 'metrics_dict'):
            _check_coco_ids(samples, metric.coco and metric.coco.imgs)


def _check_coco_ids(samples: Sequence[dict], known: Collection | None) -> None:
    images: dict[Any, str] = {}
    people: set = set()
    for one in samples:
        image, path, raw = one['img_id'], one['img_path'], one['raw_ann_info']
        ids = {person['id'] for person in (raw if isinstance(raw, list) else [raw]) if person}
        twice = ids & people or images.setdefault(image, path) != path
        if twice or (known is not None and image not in known):
            why = ('one of these ids is there twice; give joined files ids of their own' if twice
                   else 'not in the file that it reads; give it an ann_file with all images')
            raise ConfigError(f'CocoMetric: image {image} ({path}), annotation '
                              f"{', '.join(map(str, ids))}: {why}, or take hourglass.OksAP")
        people |= ids


def _annotation(dataset: Any, index: int) -> dict:
    """Return the annotation of a sample of joined data sets; CombinedDataset loads the image."""
    if hasattr(dataset, '_get_subset_index'):
        part, index = dataset._get_subset_index(index)
        return _annotation(dataset.datasets[part], index)
    return dataset.get_data_info(index)


def _check_parameter_groups(model: nn.Module, wrapper: dict) -> None:
    """Check ``paramwise_cfg.custom_keys``: every one matches, and freezes nothing by halves."""
    names = [name for name, _ in model.named_parameters()]
    optimizer = wrapper.get('optimizer', {}).get('type')
    known = {'lr_mult', 'decay_mult', *(
        inspect.signature(OPTIMIZERS.get(optimizer) if isinstance(optimizer, str) else optimizer
                          ).parameters if optimizer else ())} - {'params'}
    for key, options in (wrapper.get('paramwise_cfg') or {}).get('custom_keys', {}).items():
        where = f"optim_wrapper.paramwise_cfg.custom_keys['{key}']"
        if not any(key in name for name in names):
            parts = {part for name in names for part in (name, *name.split('.'))}
            parts |= {'.'.join(name.split('.')[:depth]) for name in names for depth in (2, 3)}
            raise ConfigError(f'{where}: no parameter has that in its name'
                              f'{did_you_mean(key, sorted(parts))}')
        if unknown := set(options) - known:
            raise ConfigError(f'{where}: nothing reads {min(unknown)!r}'
                              f'{did_you_mean(min(unknown), known)}; {_FREEZE}')
        if options.get('lr_mult') == 0:
            raise ConfigError(f'{where}: lr_mult=0 freezes no statistics, and no weights under a '
                              f'schedule with an absolute eta_min; {_FREEZE}')


def _refuse_rates(paramwise: dict) -> None:
    for place in (paramwise, *paramwise.get('custom_keys', {}).values()):
        for key in sorted({'lr_mult', 'bias_lr_mult', 'dcn_offset_lr_mult'} & place.keys()):
            raise ConfigError('optim_wrapper.paramwise_cfg: OneCycleLR gives all parameters its '
                              f'eta_max, whatever {key} is; leave it out, or use another schedule')
