"""Estimators that predict from one of their stages."""
from __future__ import annotations

from mmpose.models.pose_estimators import TopdownPoseEstimator

from hourglass.errors import ConfigError
from hourglass.models.head import StackedHeatmapHead
from hourglass.models.stages import num_stages, shallow_copy, stage_index, up_to_stage


def until_stage(model: TopdownPoseEstimator, stage: int | None = None) -> TopdownPoseEstimator:
    """Return an estimator that predicts from a stage and computes nothing after it.

    The stage is 0 for the first, -1 for the last, by default the head's ``predict_stage``. The
    estimator shares its weights with ``model``, which stays as it is; a backbone that is no
    StackedHourglass computes all its stages. Raises ``ConfigError`` if there is no such stage, or
    the model was optimised for another (:func:`hourglass.deploy.runtimes.optimized`).
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
    count = stage_index(stage, num_stages(model)) + 1
    model.backbone, place = up_to_stage(model.backbone, stage)
    if place == stage:
        head.predict_stage = stage
    else:
        keep_stages(head, slice(0, count))
    return model


def keep_stages(head: StackedHeatmapHead, kept: slice) -> None:
    """Let a head expect the outputs of some stages only, and predict from the last of them."""
    if head.stage_weights is not None:
        head.stage_weights = head.stage_weights[kept]
    head.predict_stage = -1
    if head.to_heatmaps is not None:
        head.to_heatmaps = head.to_heatmaps[kept]
