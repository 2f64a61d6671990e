"""A three-dimensional skeleton: lengths of a body, and joint angles turned into points.

Coordinates are right-handed: x to the right of the picture, y up, z towards the camera; the
origin is the pelvis and the unit is the person's height (stature). A body that faces the camera
has its own left at positive x.
"""

from dataclasses import dataclass

import numpy as np

from .poses import Limb, Pose

JOINTS = (
    'r_ankle', 'r_knee', 'r_hip', 'l_hip', 'l_knee', 'l_ankle', 'pelvis', 'thorax',
    'upper_neck', 'head_top', 'r_wrist', 'r_elbow', 'r_shoulder', 'l_shoulder', 'l_elbow',
    'l_wrist',
)
"""The 16 MPII joints in MPII order; left and right are the person's."""

SIDES = (('r', -1), ('l', 1))
"""Prefix of a side and the sign of its x in the body's own frame."""

# Segment lengths as shares of the stature, after the usual anthropometric tables.
THIGH, SHANK = 0.245, 0.246
UPPER_ARM, FOREARM, HAND = 0.180, 0.148, 0.062
LOWER_SPINE, UPPER_SPINE = 0.110, 0.178
NECK, HEAD = 0.056, 0.135
HIP_HALF, SHOULDER_HALF = 0.058, 0.108

_DOWN = np.array((0.0, -1.0, 0.0))


@dataclass(frozen=True)
class Build:
    """How one body differs from the average: factors near 1."""

    legs: float = 1.0
    arms: float = 1.0
    shoulders: float = 1.0
    head: float = 1.0
    girth: float = 1.0


@dataclass(frozen=True)
class Skeleton:
    """A posed body.

    Attributes:
        points: the 16 joints plus ``waist`` and, for each side, ``hand`` (fingertips),
            ``thumb``, ``heel`` and ``toe``; each (3,).
        pelvis, chest, head: (3, 3) frames whose columns are left, up and forward.
        build: the body's proportions.
    """

    points: dict[str, np.ndarray]
    pelvis: np.ndarray
    chest: np.ndarray
    head: np.ndarray
    build: Build

    def joints(self) -> np.ndarray:
        """The MPII joints, (16, 3)."""
        return np.stack([self.points[name] for name in JOINTS])


def sample_build(rng: np.random.Generator) -> Build:
    """Draw the proportions of an adult or a teenager."""
    factors = rng.normal(1.0, (0.025, 0.025, 0.05, 0.04, 0.09)).clip(0.85, 1.2)
    return Build(*(float(factor) for factor in factors))


def rotation(axis: str, degrees: float) -> np.ndarray:
    """Right-handed rotation matrix (3, 3) about the axis ``x``, ``y`` or ``z``."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    if axis == 'x':
        return np.array(((1, 0, 0), (0, cos, -sin), (0, sin, cos)))
    if axis == 'y':
        return np.array(((cos, 0, sin), (0, 1, 0), (-sin, 0, cos)))
    return np.array(((cos, -sin, 0), (sin, cos, 0), (0, 0, 1)))


def _ball_joint(limb: Limb, side: int) -> np.ndarray:
    """Rotation (3, 3) of an upper arm or thigh that hangs straight down at rest."""
    heading = rotation('y', side * limb.heading)
    swing = heading @ rotation('x', -limb.lift) @ heading.T
    return swing @ rotation('y', side * limb.twist)


def _pose_trunk(points: dict[str, np.ndarray], pose: Pose, root: np.ndarray, build: Build
                ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Add spine, neck and head to the points; return the frames of pelvis, chest and head."""
    pelvis = root @ rotation('x', pose.lean)
    spine = pelvis @ rotation('z', pose.sway / 2) @ rotation('x', pose.stoop / 2)
    chest = (spine @ rotation('z', pose.sway / 2) @ rotation('x', pose.stoop / 2)
             @ rotation('y', pose.turn))
    nod, turn, tilt = pose.head
    neck = chest @ rotation('x', 10 + 0.4 * nod)
    head = chest @ rotation('y', turn) @ rotation('x', nod) @ rotation('z', tilt)
    points['pelvis'] = np.zeros(3)
    points['waist'] = LOWER_SPINE * pelvis[:, 1]
    points['thorax'] = points['waist'] + UPPER_SPINE * spine[:, 1]
    points['upper_neck'] = points['thorax'] + NECK * neck[:, 1]
    points['head_top'] = points['upper_neck'] + HEAD * build.head * head[:, 1]
    return pelvis, chest, head


def _pose_arm(points: dict[str, np.ndarray], name: str, side: int, limb: Limb,
              chest: np.ndarray, build: Build) -> None:
    shrug = 0.045 * max(0.0, limb.lift - 60) / 115  # the collarbone rises with the arm
    half = SHOULDER_HALF * build.shoulders - 0.5 * shrug
    upper = chest @ _ball_joint(limb, side)
    lower = upper @ rotation('x', -limb.bend)
    shoulder = points['thorax'] + chest @ (side * half, shrug - 0.018, 0.0)
    elbow = shoulder + UPPER_ARM * build.arms * (upper @ _DOWN)
    wrist = elbow + FOREARM * build.arms * (lower @ _DOWN)
    points[f'{name}_shoulder'], points[f'{name}_elbow'] = shoulder, elbow
    points[f'{name}_wrist'] = wrist
    points[f'{name}_hand'] = wrist + HAND * (lower @ _DOWN)
    points[f'{name}_thumb'] = wrist + lower @ (-side * 0.012, -0.034, 0.022)


def _pose_leg(points: dict[str, np.ndarray], name: str, side: int, limb: Limb,
              root: np.ndarray, pelvis: np.ndarray, build: Build) -> None:
    upper = root @ _ball_joint(limb, side)
    lower = upper @ rotation('x', limb.bend)
    # The sole stays nearly level while it can; the ankle gives way up to 25 degrees.
    level = np.degrees(np.arcsin(np.clip((root.T @ lower)[1, 2], -1, 1)))
    foot = lower @ rotation('x', float(np.clip(level, -25, 25)))
    hip = points['pelvis'] + pelvis @ (side * HIP_HALF, 0.0, 0.0)
    knee = hip + THIGH * build.legs * (upper @ _DOWN)
    ankle = knee + SHANK * build.legs * (lower @ _DOWN)
    points[f'{name}_hip'], points[f'{name}_knee'], points[f'{name}_ankle'] = hip, knee, ankle
    points[f'{name}_heel'] = ankle + foot @ (0.0, -0.024, -0.022)
    points[f'{name}_toe'] = ankle + foot @ (side * 0.012, -0.028, 0.105)


def build_skeleton(pose: Pose, root: np.ndarray, build: Build) -> Skeleton:
    """Pose a body.

    Args:
        pose: joint angles.
        root: (3, 3) frame of the upright body as the camera sees it: columns left, up, forward.
        build: proportions.
    """
    points: dict[str, np.ndarray] = {}
    pelvis, chest, head = _pose_trunk(points, pose, root, build)
    for (name, side), arm, leg in zip(SIDES, pose.arms, pose.legs, strict=True):
        _pose_arm(points, name, side, arm, chest, build)
        _pose_leg(points, name, side, leg, root, pelvis, build)
    return Skeleton(points, pelvis, chest, head, build)
