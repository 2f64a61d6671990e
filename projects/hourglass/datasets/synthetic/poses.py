"""Everyday poses of a person as joint angles, sampled within what a body can do.

All angles are degrees. An angle of zero everywhere is a person who stands at attention.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Rng = np.random.Generator


@dataclass(frozen=True)
class Limb:
    """Angles of one arm or leg; both sides use the same signs.

    Attributes:
        lift: angle between the upper segment and straight down.
        heading: where the lifted segment points: 0 forward, 90 outward, 180 backward.
        twist: turn about the segment's own length, positive outward.
        bend: flexion of the elbow (brings the hand forward) or the knee (the foot backward).
    """

    lift: float
    heading: float
    twist: float
    bend: float


@dataclass(frozen=True)
class Pose:
    """Joint angles of a whole body; legs relate to the upright body, arms to the chest."""

    arms: tuple[Limb, Limb]
    """Right arm, left arm."""
    legs: tuple[Limb, Limb]
    """Right leg, left leg."""
    lean: float = 0.0
    """Forward tilt of the pelvis."""
    stoop: float = 0.0
    """Forward bend of the spine above the pelvis."""
    sway: float = 0.0
    """Sideways bend of the spine, positive to the person's right."""
    turn: float = 0.0
    """Turn of the chest against the pelvis, positive to the person's left."""
    head: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Nod (positive down), turn (positive to the left), tilt (positive to the right)."""
    seated: bool = False


def arm(lift: float, heading: float, twist: float, elbow: float) -> Limb:
    """An arm held within the limits of shoulder and elbow."""
    reach = 175 if heading < 115 else 50  # an arm hardly rises behind the back
    return Limb(
        float(np.clip(lift, 2, reach)),
        float(np.clip(heading, -35, 180)),
        float(np.clip(twist, -80, 85)),
        float(np.clip(elbow, 2, 145)),
    )


def leg(flexion: float, outward: float, twist: float, knee: float) -> Limb:
    """A leg from forward and outward angles, held within the limits of hip and knee."""
    flexion = float(np.clip(flexion, -30, 115))
    outward = float(np.clip(outward, -6, 50))
    return Limb(
        float(np.hypot(flexion, outward)),
        float(np.degrees(np.arctan2(outward, flexion))),
        float(np.clip(twist, -15, 40)),
        float(np.clip(knee, 1, 140)),
    )


def _hanging(rng: Rng) -> Limb:
    return arm(rng.normal(13, 7), rng.uniform(20, 110), rng.normal(-8, 18),
               abs(rng.normal(16, 12)))


def _akimbo(rng: Rng) -> Limb:
    return arm(rng.normal(45, 6), rng.normal(100, 8), rng.normal(-72, 6), rng.normal(100, 10))


def _folded(rng: Rng) -> Limb:
    return arm(rng.normal(25, 7), rng.normal(15, 15), rng.normal(-62, 10), rng.normal(100, 12))


def _forearm_up(rng: Rng) -> Limb:
    return arm(rng.normal(30, 10), rng.uniform(10, 70), rng.normal(5, 15), rng.uniform(90, 140))


def _forward(rng: Rng) -> Limb:
    return arm(rng.uniform(50, 110), rng.normal(15, 22), rng.normal(0, 20), rng.uniform(0, 60))


def _sideways(rng: Rng) -> Limb:
    return arm(rng.uniform(45, 110), rng.uniform(70, 100), rng.uniform(-20, 80),
               rng.uniform(0, 90))


def _overhead(rng: Rng) -> Limb:
    return arm(rng.uniform(120, 172), rng.uniform(30, 100), rng.uniform(-10, 60),
               rng.uniform(0, 90))


def _resting(rng: Rng) -> Limb:
    """An arm as people hold it when they do nothing in particular."""
    holds = (_hanging, _akimbo, _folded, _forearm_up)
    return holds[rng.choice(4, p=(0.62, 0.15, 0.08, 0.15))](rng)


def _straight_leg(rng: Rng) -> Limb:
    return leg(rng.normal(2, 5), rng.normal(5, 4), rng.normal(8, 8), abs(rng.normal(4, 5)))


def _head(rng: Rng, look_up: float = 0.0) -> tuple[float, float, float]:
    return (
        float(np.clip(rng.normal(4, 9) - look_up, -45, 35)),
        float(np.clip(rng.normal(0, 20), -55, 55)),
        float(rng.normal(0, 5)),
    )


def _either_side(rng: Rng, one: Limb, other: Limb) -> tuple[Limb, Limb]:
    """The two limbs in an order drawn at random."""
    return (one, other) if rng.random() < 0.5 else (other, one)


def standing(rng: Rng) -> Pose:
    """Upright on two legs, arms at rest, sometimes both the same way."""
    right = _resting(rng)
    left = right if rng.random() < 0.25 else _resting(rng)
    return Pose((right, left), (_straight_leg(rng), _straight_leg(rng)),
                lean=rng.normal(2, 3), stoop=rng.normal(3, 4), sway=rng.normal(0, 3),
                turn=rng.normal(0, 6), head=_head(rng))


def walking(rng: Rng) -> Pose:
    """A stride, from a stroll to a run; each arm swings with the opposite leg."""
    pace = rng.uniform(0, 1)
    stride = 16 + 28 * pace
    front = leg(rng.normal(stride, 5), rng.normal(2, 3), rng.normal(4, 5),
                rng.uniform(4, 14 + 70 * pace))
    rear = leg(rng.normal(-0.6 * stride, 4), rng.normal(2, 3), rng.normal(4, 5),
               rng.uniform(12, 35 + 70 * pace))
    elbow = 15 + 75 * pace
    fore = arm(rng.normal(0.9 * stride, 6), rng.normal(10, 8), rng.normal(-15, 10),
               rng.normal(elbow + 10, 12))
    back = arm(rng.normal(stride, 6), rng.normal(165, 8), rng.normal(0, 8),
               rng.normal(elbow, 12))
    left_leads = rng.random() < 0.5
    return Pose((fore, back) if left_leads else (back, fore),
                (rear, front) if left_leads else (front, rear),
                lean=rng.normal(3 + 8 * pace, 2), stoop=rng.normal(3, 3),
                turn=rng.normal(0, 5), head=_head(rng))


def arms_raised(rng: Rng) -> Pose:
    """One or both arms above or beside the head."""
    raised = _overhead(rng) if rng.random() < 0.6 else _sideways(rng)
    choice = rng.random()
    other = raised if choice < 0.35 else _overhead(rng) if choice < 0.6 else _resting(rng)
    return Pose(_either_side(rng, raised, other), (_straight_leg(rng), _straight_leg(rng)),
                lean=rng.normal(0, 3), sway=rng.normal(0, 5), turn=rng.normal(0, 6),
                head=_head(rng, look_up=rng.uniform(0, 15)))


def reaching(rng: Rng) -> Pose:
    """One hand forward or aside, at a table, a door, a hand to shake."""
    far = _forward(rng) if rng.random() < 0.65 else _sideways(rng)
    near = _forward(rng) if rng.random() < 0.3 else _resting(rng)
    return Pose(_either_side(rng, far, near), (_straight_leg(rng), _straight_leg(rng)),
                lean=rng.normal(6, 5), stoop=rng.normal(8, 6), turn=rng.normal(0, 10),
                head=_head(rng))


def sitting(rng: Rng) -> Pose:
    """On a seat, shins down, hands near the lap or at work."""
    holds = (_hanging, _folded, _forearm_up, _forward)
    arms = [holds[rng.choice(4, p=(0.4, 0.15, 0.3, 0.15))](rng) for _ in range(2)]
    legs = [leg(rng.normal(84, 7), rng.normal(9, 7), rng.normal(4, 6), rng.normal(84, 14))
            for _ in range(2)]
    return Pose((arms[0], arms[1]), (legs[0], legs[1]), lean=rng.normal(0, 6),
                stoop=rng.normal(6, 6), turn=rng.normal(0, 6), head=_head(rng), seated=True)


def crouching(rng: Rng) -> Pose:
    """Knees bent, from a slight squat to a deep one, the body leaning for balance."""
    depth = rng.uniform(0.35, 1.0)
    legs = [leg(rng.normal(95 * depth, 5), rng.normal(12, 6), rng.normal(10, 6),
                rng.normal(115 * depth, 6)) for _ in range(2)]
    arms = [(_forward if rng.random() < 0.6 else _resting)(rng) for _ in range(2)]
    return Pose((arms[0], arms[1]), (legs[0], legs[1]), lean=rng.normal(25 * depth, 5),
                stoop=rng.normal(10, 6), head=_head(rng, look_up=15))


def bending(rng: Rng) -> Pose:
    """Bowed over straight legs, arms hanging towards the floor."""
    lean, stoop = rng.uniform(12, 45), rng.uniform(10, 30)
    arms = [arm(rng.normal(lean + stoop, 15), rng.normal(10, 12), rng.normal(0, 12),
                rng.uniform(4, 50)) for _ in range(2)]
    legs = [leg(rng.normal(-3, 6), rng.normal(6, 4), rng.normal(6, 6), rng.uniform(4, 35))
            for _ in range(2)]
    return Pose((arms[0], arms[1]), (legs[0], legs[1]), lean=lean, stoop=stoop,
                turn=rng.normal(0, 6), head=_head(rng, look_up=rng.uniform(0, 30)))


def sporting(rng: Rng) -> Pose:
    """A kick, a lunge or a wide stance, with lively arms."""
    kind = rng.integers(3)
    if kind == 0:
        moving = leg(rng.uniform(35, 90), rng.normal(6, 6), rng.normal(8, 6), rng.uniform(5, 70))
        resting = _straight_leg(rng)
    elif kind == 1:
        moving = leg(rng.normal(60, 10), rng.normal(4, 3), rng.normal(5, 5), rng.normal(70, 12))
        resting = leg(rng.normal(-22, 5), rng.normal(3, 3), rng.normal(5, 5), rng.uniform(5, 50))
    else:
        moving = leg(rng.normal(15, 8), rng.uniform(18, 42), rng.normal(15, 6),
                     rng.uniform(5, 50))
        resting = leg(rng.normal(8, 8), rng.uniform(12, 38), rng.normal(15, 6),
                      rng.uniform(5, 50))
    holds = (_forward, _sideways, _overhead, _forearm_up)
    arms = [holds[rng.integers(4)](rng) for _ in range(2)]
    return Pose((arms[0], arms[1]), _either_side(rng, moving, resting),
                lean=rng.normal(6, 7), stoop=rng.normal(5, 6), sway=rng.normal(0, 6),
                turn=rng.normal(0, 12), head=_head(rng))


_KINDS: tuple[tuple[float, Callable[[Rng], Pose]], ...] = (
    (0.34, standing),
    (0.20, walking),
    (0.13, arms_raised),
    (0.12, reaching),
    (0.07, sitting),
    (0.03, crouching),
    (0.04, bending),
    (0.07, sporting),
)


def sample_pose(rng: Rng) -> Pose:
    """Draw a pose: mostly upright and everyday, at times seated, bent or athletic."""
    shares = [share for share, _ in _KINDS]
    return _KINDS[rng.choice(len(_KINDS), p=shares)][1](rng)
