"""Answers of the page's server as JSON."""
from base64 import b64encode
from collections.abc import Sequence

import cv2
from mmpose.models.pose_estimators import TopdownPoseEstimator

from hourglass.apis import Poses
from hourglass.models.stages import num_stages


def model_as_json(name: str, model: TopdownPoseEstimator) -> dict:
    """Describe a model: its joints and bones, with colours for CSS, its stages and input size."""
    meta, head = model.dataset_meta, model.head
    joints = [meta['keypoint_id2name'][index] for index in range(meta['num_keypoints'])]
    return dict(
        name=name, shows='whole body' if 'ankle' in ' '.join(joints) else 'upper body',
        joints=[dict(name=joint.replace('_', ' '), color=_css(color))
                for joint, color in zip(joints, meta['keypoint_colors'], strict=True)],
        bones=[dict(ends=list(ends), color=_css(color)) for ends, color in
               zip(meta['skeleton_links'], meta['skeleton_link_colors'], strict=True)],
        stages=num_stages(model), stage=head.predict_stage % num_stages(model),
        input_size=model.cfg.model.head.decoder['input_size'])


def _css(bgr: Sequence[int]) -> str:
    return '#{2:02x}{1:02x}{0:02x}'.format(*map(int, bgr))


def poses_as_json(poses: Poses) -> dict:
    """Convert the poses of one image, predicted with stages, heatmaps and inputs.

    Coordinates are in image px, 0-based. A person's ``heatmaps`` (N, K, h, w) are little-endian
    float32, and ``input``, the crop, is a PNG file, both in base64.
    """
    return dict(image_size=poses.image_size, whole_image=poses.whole_image,
                people=[_person(poses, index) for index in range(len(poses.keypoints))])


def _person(poses: Poses, index: int) -> dict:
    stages, heatmaps, inputs = poses.stage_keypoints, poses.stage_heatmaps, poses.inputs
    assert stages is not None and heatmaps is not None and inputs is not None
    return dict(
        box=poses.boxes[index].tolist(), keypoints=poses.keypoints[index].tolist(),
        scores=poses.scores[index].tolist(), stage_keypoints=stages[index].tolist(),
        heatmaps=dict(shape=heatmaps[index].shape,
                      data=b64encode(heatmaps[index].astype('<f4').tobytes()).decode()),
        input=b64encode(cv2.imencode('.png', inputs[index])[1].tobytes()).decode())
