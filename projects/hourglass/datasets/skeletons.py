"""Names, order, sides and bones of each data set's keypoints: mmpose's metainfo."""
from collections.abc import Mapping

_LEFT, _RIGHT, _MIDDLE = [0, 170, 0], [0, 110, 255], [255, 120, 50]     # colours, BGR

_COCO = dict(eye=0.025, ear=0.035, shoulder=0.079, elbow=0.072, wrist=0.062, hip=0.107, knee=0.087,
             ankle=0.089)
# Deviations of COCO's annotators, in units of the root of the person's area; OKS divides by twice.
COCO_SIGMAS = dict(nose=0.026, **{f'{side}_{part}': sigma for part, sigma in _COCO.items()
                                  for side in ('left', 'right')})
# mmpose's for MPII (1.3.2), as they are there: shoulder and knee differ from COCO's
_MPII = dict(_COCO, shoulder=0.179, knee=0.083)
MPII_SIGMAS = {f'{side}_{part}': sigma for part, sigma in _MPII.items()
               for side in ('left', 'right')} | dict.fromkeys(
                   ('pelvis', 'thorax', 'upper_neck', 'head_top'), 0.026)


def define_skeleton(dataset_name: str, order: str, lower: str, bones: str,
                    sigmas: Mapping[str, float] = COCO_SIGMAS) -> dict:
    """Make mmpose's metainfo, for a data set's ``METAINFO``.

    Args:
        order: names of all keypoints, separated by blanks, in the order of the annotation.
            ``left_x`` and ``right_x`` are a pair: a mirrored image swaps them.
        lower: names of the lower body's keypoints; all others are the upper body.
        bones: pairs of keypoints to connect in drawings, ``'a-b b-c'``. In both, ``*_x`` stands
            for ``right_x`` and ``left_x``, and a name that is not in ``order`` raises
            ``ValueError``.
        sigmas: of the keypoints, for COCO's OKS; the skeleton has none if one is missing.
    """
    names, lower_names = order.split(), _both_sides(lower)
    links = [tuple(bone.split('-')) for bone in _both_sides(bones)]
    unknown = {*lower_names, *(end for link in links for end in link)} - set(names)
    if unknown:
        raise ValueError(f'{dataset_name}: no keypoint {sorted(unknown)[0]!r}; name one of {order}')
    return dict(
        dataset_name=dataset_name,
        keypoint_info={i: dict(id=i, name=name, color=side_colour(name), swap=opposite(name),
                               type='lower' if name in lower_names else 'upper')
                       for i, name in enumerate(names)},
        skeleton_info={i: dict(id=i, link=link, color=side_colour(link[1]))
                       for i, link in enumerate(links)},
        joint_weights=[1.0] * len(names),
        sigmas=[sigmas[name] for name in names] if sigmas.keys() >= set(names) else [])


def _both_sides(words: str) -> list[str]:
    return [word.replace('*', side) for word in words.split()
            for side in (('right', 'left') if '*' in word else ('',))]


def opposite(name: str) -> str:
    """Return the name of a keypoint on the other side; empty for one in the middle."""
    side, _, part = name.partition('_')
    return {'left': f'right_{part}', 'right': f'left_{part}'}.get(side, '')


def side_colour(name: str) -> list[int]:
    """Return the colour (BGR) of a keypoint: green on the left, orange on the right, else blue."""
    return {'left': _LEFT, 'right': _RIGHT}.get(name.split('_')[0], _MIDDLE)


MPII = define_skeleton(
    'mpii',
    order='right_ankle right_knee right_hip left_hip left_knee left_ankle pelvis thorax '
          'upper_neck head_top right_wrist right_elbow right_shoulder left_shoulder left_elbow '
          'left_wrist',
    lower='*_ankle *_knee *_hip pelvis',
    bones='*_knee-*_ankle *_hip-*_knee pelvis-*_hip pelvis-thorax thorax-upper_neck '
          'upper_neck-head_top thorax-*_shoulder *_shoulder-*_elbow *_elbow-*_wrist',
    sigmas=MPII_SIGMAS)

FLIC = define_skeleton(
    'flic',
    order='left_shoulder left_elbow left_wrist right_shoulder right_elbow right_wrist left_hip '
          'right_hip left_eye right_eye nose',
    lower='*_hip',
    bones='*_shoulder-*_elbow *_elbow-*_wrist left_shoulder-right_shoulder *_shoulder-*_hip '
          'left_hip-right_hip nose-*_eye')

# LSP's neck is MPII's upper neck: it lies 0.27 of the way from the middle of the shoulders to the
# top of the head (LSP Extended 0.17, MPII's upper neck 0.19, thorax 0; medians, upright people).
LSP = define_skeleton(
    'lsp',
    order='right_ankle right_knee right_hip left_hip left_knee left_ankle right_wrist right_elbow '
          'right_shoulder left_shoulder left_elbow left_wrist upper_neck head_top',
    lower='*_ankle *_knee *_hip',
    bones='*_knee-*_ankle *_hip-*_knee right_hip-left_hip upper_neck-head_top '
          'upper_neck-*_shoulder *_shoulder-*_elbow *_elbow-*_wrist *_shoulder-*_hip',
    sigmas=MPII_SIGMAS | COCO_SIGMAS)
SKELETONS = dict(mpii=MPII, flic=FLIC, lsp=LSP)


def keypoint_names(metainfo: dict) -> list[str]:
    """Return the names of the K keypoints of a skeleton, as defined here or as mmpose parses it."""
    names = metainfo.get('keypoint_id2name') or {
        i: info['name'] for i, info in metainfo['keypoint_info'].items()}
    return [names[i] for i in range(len(names))]


def outline(metainfo: dict) -> dict[str, list]:
    """Return ``keypoints`` (names), ``links`` and ``flip_indices`` of a skeleton, in either form."""
    names = keypoint_names(metainfo)
    if 'skeleton_links' in metainfo:                    # as mmpose parses it
        links, flips = metainfo['skeleton_links'], metainfo['flip_indices']
    else:
        links = [map(names.index, bone['link']) for bone in metainfo['skeleton_info'].values()]
        flips = [names.index(info['swap'] or info['name'])
                 for info in metainfo['keypoint_info'].values()]
    return dict(keypoints=names, links=[list(map(int, link)) for link in links],
                flip_indices=list(map(int, flips)))
