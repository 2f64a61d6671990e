"""Names, order, sides and bones of every data set's keypoints: what mmpose calls metainfo."""

_LEFT, _RIGHT, _MIDDLE = [0, 170, 0], [0, 110, 255], [255, 120, 50]     # colours, BGR


def define_skeleton(dataset_name: str, upper: str, lower: str, order: str, bones: str) -> dict:
    """mmpose's metainfo out of names, for a data set's ``METAINFO``.

    Args:
        dataset_name: of the data set.
        upper, lower: keypoints of the upper and of the lower body, names between blanks.
        order: all of them, in the order of the annotation. ``left_x`` and ``right_x`` are a pair
            that a mirrored image swaps, and are drawn green and orange.
        bones: what is drawn between keypoints, ``'a-b b-c'``.

    Raises:
        ValueError: if a keypoint is not either upper or lower body.
    """
    names = order.split()
    upper_names, lower_names = upper.split(), lower.split()
    if sorted(upper_names + lower_names) != sorted(names):
        raise ValueError(f'{dataset_name}: every keypoint is either upper or lower body')
    links = [tuple(bone.split('-')) for bone in bones.split()]
    return dict(
        dataset_name=dataset_name,
        keypoint_info={i: dict(id=i, name=name, color=_colour(name), swap=_opposite(name),
                               type='upper' if name in upper_names else 'lower')
                       for i, name in enumerate(names)},
        skeleton_info={i: dict(id=i, link=link, color=_colour(link[1]))
                       for i, link in enumerate(links)},
        joint_weights=[1.0] * len(names),
        sigmas=[])                           # COCO's OKS is not used with these data sets


def _opposite(name: str) -> str:
    side, _, part = name.partition('_')
    return {'left': f'right_{part}', 'right': f'left_{part}'}.get(side, '')


def _colour(name: str) -> list[int]:
    return {'left': _LEFT, 'right': _RIGHT}.get(name.split('_')[0], _MIDDLE)


MPII = define_skeleton(
    'mpii',
    order='right_ankle right_knee right_hip left_hip left_knee left_ankle pelvis thorax '
          'upper_neck head_top right_wrist right_elbow right_shoulder left_shoulder left_elbow '
          'left_wrist',
    upper='thorax upper_neck head_top right_wrist right_elbow right_shoulder left_shoulder '
          'left_elbow left_wrist',
    lower='right_ankle right_knee right_hip left_hip left_knee left_ankle pelvis',
    bones='right_knee-right_ankle right_hip-right_knee pelvis-right_hip pelvis-left_hip '
          'left_hip-left_knee left_knee-left_ankle pelvis-thorax thorax-upper_neck '
          'upper_neck-head_top thorax-right_shoulder right_shoulder-right_elbow '
          'right_elbow-right_wrist thorax-left_shoulder left_shoulder-left_elbow '
          'left_elbow-left_wrist')

FLIC = define_skeleton(
    'flic',
    order='left_shoulder left_elbow left_wrist right_shoulder right_elbow right_wrist left_hip '
          'right_hip left_eye right_eye nose',
    upper='left_shoulder left_elbow left_wrist right_shoulder right_elbow right_wrist left_eye '
          'right_eye nose',
    lower='left_hip right_hip',
    bones='left_shoulder-left_elbow left_elbow-left_wrist right_shoulder-right_elbow '
          'right_elbow-right_wrist left_shoulder-right_shoulder left_shoulder-left_hip '
          'right_shoulder-right_hip left_hip-right_hip nose-left_eye nose-right_eye')

# LSP's neck lies where MPII has its upper neck: from the middle of the shoulders 0.27 of the way to
# the head's top (LSP Extended 0.17, MPII 0.19; medians over upright people), not 0 as the thorax.
LSP = define_skeleton(
    'lsp',
    order='right_ankle right_knee right_hip left_hip left_knee left_ankle right_wrist right_elbow '
          'right_shoulder left_shoulder left_elbow left_wrist upper_neck head_top',
    upper='right_wrist right_elbow right_shoulder left_shoulder left_elbow left_wrist upper_neck '
          'head_top',
    lower='right_ankle right_knee right_hip left_hip left_knee left_ankle',
    bones='right_knee-right_ankle right_hip-right_knee right_hip-left_hip left_hip-left_knee '
          'left_knee-left_ankle upper_neck-head_top upper_neck-right_shoulder '
          'right_shoulder-right_elbow right_elbow-right_wrist upper_neck-left_shoulder '
          'left_shoulder-left_elbow left_elbow-left_wrist right_shoulder-right_hip '
          'left_shoulder-left_hip')


SKELETONS = dict(mpii=MPII, flic=FLIC, lsp=LSP)


def joint_names(metainfo: dict) -> list[str]:
    """The keypoints' names in their order."""
    return [metainfo['keypoint_info'][i]['name'] for i in range(len(metainfo['keypoint_info']))]


def keypoint_names(metainfo: dict) -> list[str]:
    """Names of the K keypoints in their order, from mmpose's parsed metainfo.

    That is the ``metainfo`` of a data set or the ``dataset_meta`` of a model or metric.
    """
    return [metainfo['keypoint_id2name'][i] for i in range(metainfo['num_keypoints'])]
