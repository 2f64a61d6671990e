"""An estimator that computes the same faster; the one it is made from stays as it is."""
from mmengine.logging import print_log
from mmpose.models.pose_estimators import TopdownPoseEstimator

from hourglass.deploy.runtimes import fastest, run_by
from hourglass.errors import ConfigError
from hourglass.inference.stages import keep_stages, until_stage
from hourglass.models.head import StackedHeatmapHead
from hourglass.models.stages import num_stages, stage_index


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
    count = num_stages(model)
    stage = stage_index(head.predict_stage if stage is None else stage, count)
    faster = until_stage(model, stage)
    faster.only_stage = stage, count
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
    keep_stages(faster.head, slice(-1, None))
    return faster
