"""A three-dimensional body: everyday poses as joint angles, and the points they lead to.

Coordinates are right-handed: x to the right of the image, y up, z towards the camera. The origin
is the pelvis and the unit is the person's height (stature). A frame is a rotation matrix (3, 3)
whose columns are left, up and forward as a part of the body has them.
"""
from dataclasses import dataclass

import cv2
import numpy as np

Rng = np.random.Generator

# the joints of MPII in its order; left and right are the person's
JOINTS = (
    'r_ankle', 'r_knee', 'r_hip', 'l_hip', 'l_knee', 'l_ankle', 'pelvis', 'thorax', 'upper_neck',
    'head_top', 'r_wrist', 'r_elbow', 'r_shoulder', 'l_shoulder', 'l_elbow', 'l_wrist')
SIDES = {'r': -1, 'l': 1}               # prefix, and sign of x in the frames of the body

# Point, its parent, the frame it is fixed to, and its offset from the parent: left, up, forward.
# '?' stands for either side, with the offset of the left one. Lengths of segments follow the
# usual anthropometric tables.
_POINTS = (
    ('waist', 'pelvis', 'pelvis', (0, 0.110, 0)),
    ('thorax', 'waist', 'spine', (0, 0.178, 0)),
    ('ribs', 'waist', 'spine', (0, 0.100, 0)),
    ('collar', 'thorax', 'chest', (0, -0.040, 0.050)),
    ('navel', 'waist', 'pelvis', (0, 0, 0.062)),
    ('upper_neck', 'thorax', 'neck', (0, 0.056, 0)),
    ('?_shoulder', 'thorax', '?_collarbone', (0.108, -0.018, 0)),
    ('?_elbow', '?_shoulder', '?_upper_arm', (0, -0.180, 0)),
    ('?_sleeve', '?_shoulder', '?_upper_arm', (0, -0.100, 0)),
    ('?_wrist', '?_elbow', '?_forearm', (0, -0.148, 0)),
    ('?_hand', '?_wrist', '?_forearm', (0, -0.062, 0)),
    ('?_hip', 'pelvis', 'pelvis', (0.058, 0, 0)),
    ('?_knee', '?_hip', '?_thigh', (0, -0.245, 0)),
    ('?_hem', '?_hip', '?_thigh', (0, -0.150, 0)),
    ('?_ankle', '?_knee', '?_shank', (0, -0.246, 0)),
    ('?_heel', '?_ankle', '?_foot', (0, -0.024, -0.022)),
    ('?_toe', '?_ankle', '?_foot', (0.012, -0.028, 0.105)),
    ('head_top', 'upper_neck', 'head', (0, 0.135, 0)),
    ('skull', 'upper_neck', 'head', (0, 0.085, 0)),
    ('jaw', 'upper_neck', 'head', (0, 0.036, 0.016)),
    ('nose', 'upper_neck', 'head', (0, 0.060, 0.060)),
    ('?_eye', 'upper_neck', 'head', (0.018, 0.077, 0.045)),
    ('?_temple', 'upper_neck', 'head', (0.024, 0.110, 0.024)),
    ('crown', 'upper_neck', 'head', (0, 0.090, -0.014)),
    ('nape', 'upper_neck', 'head', (0, 0.045, -0.026)),
    ('?_curl', 'upper_neck', 'head', (0.028, -0.018, -0.028)),
)

# Limbs in degrees: flexion (forward), abduction (outward), twist about the segment's own length
# (outward), and bend of elbow or knee; first the means, then the standard deviations.
_ARMS = {
    'hanging': ((6, 11, -8, 16), (6, 6, 18, 12)),
    'akimbo': ((-8, 44, -72, 100), (6, 6, 6, 10)),
    'folded': ((24, 6, -62, 100), (7, 7, 10, 12)),
    'bent': ((23, 19, 5, 115), (11, 10, 15, 15)),
    'forward': ((75, 20, 0, 30), (18, 26, 20, 18)),
    'sideways': ((7, 77, 30, 45), (12, 19, 30, 27)),
    'overhead': ((60, 125, 25, 45), (33, 22, 20, 27)),
    'swung_forward': ((27, 5, -15, 60), (10, 5, 10, 25)),
    'swung_back': ((-29, 7, 0, 50), (10, 5, 8, 25)),
}
_LEGS = {
    'straight': ((2, 5, 8, 4), (5, 4, 8, 5)),
    'leading': ((30, 2, 4, 26), (10, 3, 5, 20)),
    'trailing': ((-18, 2, 4, 42), (6, 3, 5, 24)),
    'seated': ((84, 9, 4, 84), (7, 7, 6, 14)),
    'crouched': ((64, 12, 10, 78), (18, 6, 6, 22)),
    'raised': ((62, 6, 8, 50), (14, 6, 6, 20)),
    'apart': ((12, 28, 15, 28), (8, 9, 6, 14)),
}
_ARM_LIMITS = (-50, -30, -80, 2), (110, 135, 85, 145)
_LEG_LIMITS = (-30, -6, -15, 1), (115, 50, 40, 140)

_AT_REST = 5 * ('hanging',) + ('akimbo', 'folded', 'bent')
_RAISED = ('overhead', 'overhead', 'sideways')
_REACHING = ('forward', 'forward', 'sideways')
_LIVELY = ('forward', 'sideways', 'overhead', 'bent')

# Share of each activity; what the first arm and what the other one does, equally likely; the leg
# below the first arm and the other leg; mean lean, stoop and nod. Which arm is the first one is
# drawn at random.
_ACTIVITIES = (
    (0.34, _AT_REST, _AT_REST, 'straight', 'straight', (2, 3, 4)),
    (0.20, ('swung_forward',), ('swung_back',), 'trailing', 'leading', (7, 3, 4)),
    (0.13, _RAISED, (*_RAISED, *_AT_REST[3:]), 'straight', 'straight', (0, 0, -4)),
    (0.12, _REACHING, (*_REACHING, *_AT_REST), 'straight', 'straight', (6, 8, 4)),
    (0.07, (*_AT_REST, *_REACHING), (*_AT_REST, 'bent', 'bent'), 'seated', 'seated', (0, 6, 4)),
    (0.03, _REACHING, ('hanging', *_REACHING), 'crouched', 'crouched', (17, 10, -11)),
    (0.04, ('forward',), ('forward', 'hanging'), 'straight', 'straight', (28, 20, -11)),
    (0.05, _LIVELY, _LIVELY, 'raised', 'trailing', (7, 5, 4)),
    (0.02, _LIVELY, _LIVELY, 'apart', 'apart', (6, 5, 4)),
)


@dataclass(frozen=True)
class Pose:
    """Joint angles of a whole body in degrees; all zero is a person who stands at attention."""

    arms: np.ndarray            # (2, 4), right and left: flexion, abduction, twist and bend
    legs: np.ndarray            # the same
    trunk: np.ndarray           # lean and stoop forward, sway to the right, turn to the left
    head: np.ndarray            # nod downwards, turn to the left, tilt to the right


@dataclass(frozen=True)
class Skeleton:
    """A posed body."""

    points: dict[str, np.ndarray]       # (3,) each: joints and what clothes and head need
    frames: dict[str, np.ndarray]       # (3, 3) each: pelvis, chest, head and others
    build: dict[str, float]             # see sample_build; 1 where a name is missing

    def joints(self) -> np.ndarray:
        """Return the joints of MPII, (16, 3)."""
        return np.stack([self.points[name] for name in JOINTS])


def _limb_angles(rng: Rng, first: tuple, second: tuple, limits: tuple) -> np.ndarray:
    """Angles (2, 4) of two limbs within their limits; in part they vary together."""
    means, spreads = np.stack((first, second), axis=1)
    deviations = 0.8 * rng.standard_normal((2, 4)) + 0.6 * rng.standard_normal(4)
    return np.clip(means + spreads * deviations, *limits)


def sample_pose(rng: Rng) -> Pose:
    """Draw a pose: mostly upright and everyday, at times seated, bent or athletic."""
    kind = rng.choice(len(_ACTIVITIES), p=[row[0] for row in _ACTIVITIES])
    _, *choices, first_leg, other_leg, (lean, stoop, nod) = _ACTIVITIES[kind]
    picks = rng.random(2)
    if rng.random() < 0.25:
        picks[1] = picks[0]                     # both arms do the same
    one, other = (_ARMS[names[int(pick * len(names))]]
                  for names, pick in zip(choices, picks))
    sides = slice(None, None, rng.choice((1, -1)))
    return Pose(
        arms=_limb_angles(rng, one, other, _ARM_LIMITS)[sides],
        legs=_limb_angles(rng, _LEGS[first_leg], _LEGS[other_leg], _LEG_LIMITS)[sides],
        trunk=rng.normal((lean, stoop, 0, 0), (5, 5, 4, 7)),
        head=np.clip(rng.normal((nod, 0, 0), (9, 20, 5)), (-45, -55, -15), (35, 55, 15)))


def sample_build(rng: Rng) -> dict[str, float]:
    """Draw the proportions of an adult or a teenager: factors near 1.

    They stretch what is fixed to a frame, by its name without the side; ``girth`` all widths.
    """
    spreads = {'thigh': 0.04, 'shank': 0.04, 'upper_arm': 0.04, 'forearm': 0.04,
               'collarbone': 0.08, 'head': 0.06, 'girth': 0.14}
    return {name: rng.uniform(1 - spread, 1 + spread) for name, spread in spreads.items()}


def rotation(x: float, y: float, z: float) -> np.ndarray:
    """Return the right-handed rotation (3, 3) about (x, y, z) by its length in degrees."""
    return cv2.Rodrigues(np.radians((x, y, z)))[0]


def _frames(pose: Pose, root: np.ndarray) -> dict[str, np.ndarray]:
    """Frames of all parts of a body: legs follow the root, arms and head the chest."""
    lean, stoop, sway, turn = pose.trunk
    pelvis = root @ rotation(lean, 0, 0)
    spine = pelvis @ rotation(stoop / 2, 0, sway / 2)
    chest = spine @ rotation(stoop / 2, turn, sway / 2)
    frames = {'root': root, 'pelvis': pelvis, 'spine': spine, 'chest': chest,
              'neck': chest @ rotation(10 + 0.4 * pose.head[0], 0, 0),
              'head': chest @ rotation(*pose.head)}
    for (side, sign), arm, leg in zip(SIDES.items(), pose.arms, pose.legs):
        upper_arm, thigh = (
            base @ rotation(-flexion, 0, sign * abduction) @ rotation(0, sign * twist, 0)
            for base, (flexion, abduction, twist, _) in ((chest, arm), (root, leg)))
        shank = thigh @ rotation(leg[3], 0, 0)
        # the sole stays nearly level while it can; the ankle gives way up to 25 degrees
        level = np.degrees(np.arcsin(np.clip((root.T @ shank)[1, 2], -1, 1)))
        shrug = max(0, np.hypot(arm[0], arm[1]) - 60) / 5   # it rises with the arm
        frames |= {
            f'{side}_collarbone': chest @ rotation(0, 0, sign * shrug),
            f'{side}_upper_arm': upper_arm,
            f'{side}_forearm': upper_arm @ rotation(-arm[3], 0, 0),
            f'{side}_thigh': thigh,
            f'{side}_shank': shank,
            f'{side}_foot': shank @ rotation(np.clip(level, -25, 25), 0, 0)}
    return frames


def build_skeleton(pose: Pose, root: np.ndarray, build: dict[str, float]) -> Skeleton:
    """Pose a body.

    ``root`` (3, 3) is the frame of the upright body as the camera sees it; the identity faces it.
    ``build`` has factors of proportions, see :func:`sample_build`; empty is the average body.
    """
    frames, points = _frames(pose, root), {'pelvis': np.zeros(3)}
    for name, parent, frame, offset in _POINTS:
        left, up, forward = np.multiply(offset, build.get(frame.removeprefix('?_'), 1.0))
        for side, sign in SIDES.items() if '?' in name else (('', 1),):
            start, axes = points[parent.replace('?', side)], frames[frame.replace('?', side)]
            points[name.replace('?', side)] = start + axes @ (sign * left, up, forward)
    return Skeleton(points, frames, build)


def sample_skeleton(rng: Rng) -> Skeleton:
    """Draw a posed body as some camera sees it.

    Six in ten show their front and two in ten their back, as MPII's validation people do (0.62 and
    0.18 of the upright ones, by the order and distance of their shoulders).
    """
    facing = rng.normal(0, 40) if rng.random() < 0.55 else rng.uniform(-180, 180)
    root = (rotation(0, 0, rng.normal(0, 3)) @ rotation(rng.normal(6, 6), 0, 0)
            @ rotation(0, facing, 0))
    return build_skeleton(sample_pose(rng), root, sample_build(rng))
