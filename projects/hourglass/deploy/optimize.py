"""An estimator whose network is run by a faster runtime, for one stage alone."""
from mmengine.logging import print_log
from mmpose.models.pose_estimators import TopdownPoseEstimator

from hourglass.deploy.runtimes import fastest, run_by
from hourglass.errors import ConfigError
from hourglass.inference.stages import keep_stages, until_stage
from hourglass.models.head import StackedHeatmapHead
from hourglass.models.stages import num_stages, stage_index


def optimized(model: TopdownPoseEstimator, how: str = 'auto', stage: int | None = None,
              exit_tolerance: float | None = None) -> TopdownPoseEstimator:
    """Return an estimator that predicts the same, faster; ``model`` is not changed.

    Args:
        model: from :func:`hourglass.apis.init_model`, on its device.
        how: a name out of :data:`hourglass.deploy.runtimes.RUNTIMES`, or ``'auto'``: the fastest of
            the installed ones that give the same numbers, measured on one image and logged. One
            that cannot run the network is a ``ConfigError``.
        stage: the stage to predict from, 0 the first; default the head's, usually the last.
        exit_tolerance: let each person leave the network as soon as no keypoint moves by more than
            this between two stages, heatmap px. ``model.backbone.left`` counts people by stage.
    """
    head = model.head
    if not isinstance(head, StackedHeatmapHead):
        raise ConfigError(f'optimize: needs a StackedHeatmapHead, and the model has a '
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
