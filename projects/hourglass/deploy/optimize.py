"""An estimator that computes less, or the same faster; the one it is made of stays as it is."""
from mmengine.logging import print_log
from mmpose.models.pose_estimators import TopdownPoseEstimator
from torch import nn

from hourglass.deploy.deployed import shallow_copy, stage_index, up_to_stage
from hourglass.deploy.runtimes import fastest, run_by
from hourglass.errors import ConfigError
from hourglass.models.head import StackedHeatmapHead


def until_stage(model: TopdownPoseEstimator, stage: int | None = None) -> TopdownPoseEstimator:
    """The estimator that predicts from a stage and computes nothing behind it; weights are shared.

    Args:
        model: of any backbone; one that is no StackedHourglass computes all its stages.
        stage: 0 the first, -1 the last; default the head's own.

    Raises:
        ConfigError: if there is no such stage, or the model is :func:`optimized` for another.
    """
    if hasattr(model, 'only_stage'):
        only, count = model.only_stage
        if stage is not None and stage_index(stage, count) != only:
            raise ConfigError(f'stage {stage}: this network was optimised for stage {only} alone; '
                              f'init_model(..., stage={stage}) makes one for it')
        return shallow_copy(model)
    model, head = shallow_copy(model), shallow_copy(model.head)
    if stage is None:
        stage = getattr(head, 'predict_stage', -1)
    model.head = head
    if not isinstance(head, StackedHeatmapHead):
        stage_index(stage, 1)
        return model
    count = stage_index(stage, head.num_stages) + 1
    model.backbone, place = up_to_stage(model.backbone, stage)
    if place == stage:
        head.predict_stage = stage
    else:
        _keep_stages(head, slice(0, count))
    return model


def optimized(model: TopdownPoseEstimator, how: str = 'auto', stage: int | None = None,
              exit_tolerance: float | None = None) -> TopdownPoseEstimator:
    """The estimator whose backbone is run by something faster, for one stage alone.

    Args:
        model: of :func:`hourglass.apis.init_model`, on its device.
        how: a name out of :data:`hourglass.deploy.runtimes.RUNTIMES`, or ``'auto'``: the fastest
            of those that are installed and give the same numbers, measured on one image, which
            the log tells.
        stage: whose output is asked for, 0 the first; default the head's, mostly the last.
        exit_tolerance: let each person leave the network as soon as no keypoint moves by more than
            this between two stages, heatmap px. ``model.backbone.left`` counts where they did.

    Raises:
        ConfigError: if it cannot be run that way.
    """
    head = model.head
    if not isinstance(head, StackedHeatmapHead):
        raise ConfigError(f'optimize: needs a StackedHeatmapHead, and this is a '
                          f'{type(head).__name__}')
    stage = stage_index(head.predict_stage if stage is None else stage, head.num_stages)
    faster = until_stage(model, stage)
    faster.only_stage = stage, head.num_stages
    input_size = tuple(model.cfg.model.head.decoder.input_size)
    network = faster.backbone
    if how == 'auto':
        how, seconds, faster.backbone = fastest(network, input_size)
        times = ', '.join(f'{name} {1000 * time:.1f} ms' for name, time in seconds.items())
        print_log(f'optimize: {how} ({times})', logger='current')
    if how == 'none' and exit_tolerance is not None:
        how = 'fuse'
    if faster.backbone is network or exit_tolerance is not None:
        faster.backbone = run_by(how, network, input_size, exit_tolerance)
    _keep_stages(faster.head, slice(-1, None))
    return faster


def _keep_stages(head: nn.Module, kept: slice) -> None:
    """Let the head expect the outputs of some stages alone, and predict from the last of these."""
    head.stage_weights = head.stage_weights[kept]
    head.num_stages, head.predict_stage = len(head.stage_weights), -1
    if head.to_heatmaps is not None:
        head.to_heatmaps = head.to_heatmaps[kept]
