"""What the page is told, as JSON."""
import base64
from collections.abc import Sequence

import cv2
import numpy as np
from mmpose.models.pose_estimators import TopdownPoseEstimator

from hourglass.apis import Poses
from hourglass.models.stages import num_stages


def model_as_json(name: str, model: TopdownPoseEstimator) -> dict:
    """A model's joints and bones, with colours as CSS writes them, and its sizes."""
    meta, head = model.dataset_meta, model.head
    joints = [meta['keypoint_id2name'][index] for index in range(meta['num_keypoints'])]
    return dict(
        name=name,
        shows='whole body' if any('ankle' in joint for joint in joints) else 'upper body',
        joints=[dict(name=joint.replace('_', ' '), color=_css(color))
                for joint, color in zip(joints, meta['keypoint_colors'], strict=True)],
        bones=[dict(ends=list(ends), color=_css(color)) for ends, color in
               zip(meta['skeleton_links'], meta['skeleton_link_colors'], strict=True)],
        stages=num_stages(model), stage=head.predict_stage % num_stages(model),
        input_size=model.cfg.model.head.decoder['input_size'])


def _css(bgr: Sequence[int]) -> str:
    blue, green, red = map(int, bgr)
    return f'#{red:02x}{green:02x}{blue:02x}'


def poses_as_json(poses: Poses) -> dict:
    """Numbers as they are; heatmaps (N, K, h, w) as base64 of little-endian float32.

    ``input`` of a person is what the network saw, a PNG file in base64.
    """
    people = [dict(
        box=poses.boxes[person].tolist(),
        keypoints=poses.keypoints[person].tolist(),
        scores=poses.scores[person].tolist(),
        stage_keypoints=poses.stage_keypoints[person].tolist(),
        heatmaps=dict(shape=poses.stage_heatmaps[person].shape,
                      data=_text(poses.stage_heatmaps[person].astype('<f4').tobytes())),
        input=_text(cv2.imencode('.png', np.ascontiguousarray(poses.inputs[person]))[1].tobytes()),
    ) for person in range(len(poses.keypoints))]
    return dict(image_size=poses.image_size, whole_image=poses.whole_image, people=people)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
