"""A clothed body drawn part by part from far to near.

A part is the convex hull of spheres around points of the skeleton. Face, hair and what tells a
front from a back need no rules of their own: from behind, the body covers them.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hourglass.datasets.synthetic.canvas import Canvas, Material, Rng, random_material
from hourglass.datasets.synthetic.skeleton import SIDES, Skeleton

# Parts of a body: the material, left out where an outfit has none; the radius around each point;
# and how much nearer to the camera than the mean of its points a part counts as, all in statures.
# '?' stands for either side.
_PARTS = (
    ('skin', {'skull': 0.050, 'jaw': 0.036}, 0.0),
    ('hair', {'crown': 0.053, 'nape': 0.038}, 0.006),
    ('hair', {'r_temple': 0.026, 'l_temple': 0.026}, 0.0),
    ('curls', {'r_curl': 0.021, 'crown': 0.050, 'l_curl': 0.021}, 0.002),
    ('eye', {'?_eye': 0.008}, 0.0),
    ('pupil', {'?_eye': 0.005}, 0.001),
    ('nose', {'nose': 0.010}, 0.0),
    ('skin', {'thorax': 0.033, 'upper_neck': 0.028}, -0.01),
    ('shirt', {'thorax': 0.035, 'r_shoulder': 0.034, 'l_shoulder': 0.034, 'ribs': 0.074,
               'waist': 0.068}, 0.012),
    ('front', {'collar': 0.008, 'navel': 0.008}, 0.01),
    ('legwear', {'waist': 0.055, 'r_hip': 0.057, 'l_hip': 0.057, 'pelvis': 0.05}, -0.01),
    ('skirt', {'waist': 0.055, 'r_hip': 0.057, 'l_hip': 0.057, 'r_hem': 0.062, 'l_hem': 0.062,
               'pelvis': 0.05}, 0.03),
    # an arm beside the body lies over its outline, seen from the front as from the back
    ('upper_arm', {'?_shoulder': 0.034, '?_elbow': 0.026}, 0.03),
    ('sleeve', {'?_shoulder': 0.038, '?_sleeve': 0.035}, 0.03),
    ('forearm', {'?_elbow': 0.027, '?_wrist': 0.018}, 0.03),
    ('skin', {'?_wrist': 0.016, '?_hand': 0.014}, 0.03),
    ('thigh', {'?_hip': 0.056, '?_knee': 0.037}, 0.0),
    ('shorts', {'?_hip': 0.060, '?_hem': 0.054}, 0.0),
    ('shank', {'?_knee': 0.037, '?_ankle': 0.025}, 0.0),
    ('shoes', {'?_heel': 0.019, '?_ankle': 0.021, '?_toe': 0.014}, 0.0),
)
_SKULL = _PARTS[0][1]
_HAIR = ((25, 25, 30), (30, 45, 70), (40, 75, 125), (90, 160, 215), (150, 155, 160), (35, 60, 150))


@dataclass(frozen=True)
class View:
    """A mild perspective camera."""

    scale: float                # pixels per stature at the depth of the pelvis
    distance: float             # from the camera to the pelvis in statures
    origin: np.ndarray          # (2,) where the pelvis appears, 0-based pixels

    def scales(self, points: np.ndarray) -> np.ndarray:
        """Return the pixels per stature (...,) at body points (..., 3)."""
        return self.scale * self.distance / (self.distance - points[..., 2])

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Return the pixels (..., 2) of body points (..., 3)."""
        return self.origin + points[..., :2] * (1, -1) * self.scales(points)[..., None]


def _sample_outfit(rng: Rng, scale: float) -> dict[str, Material]:
    """Draw materials by name for a person of ``scale`` pixels per stature."""
    shirt, trousers, shoes, front = (random_material(rng, 0.045 * scale) for _ in range(4))
    legwear = shirt if rng.random() < 0.12 else trousers
    tone = np.array((205, 222, 250)) * np.array((0.2, 0.28, 0.4)) ** rng.uniform(0, 1)
    skin, hair = Material(tone), Material(rng.choice(_HAIR) * rng.uniform(0.7, 1.2))
    outfit = {
        'skin': skin, 'upper_arm': skin, 'forearm': skin, 'thigh': skin, 'shank': skin,
        'nose': Material(0.85 * tone), 'eye': Material(np.full(3, 225)),
        'pupil': Material(np.full(3, 30)), 'hair': hair, 'shirt': shirt, 'legwear': legwear,
        'shoes': shoes}
    sleeves = (('upper_arm', 'forearm'), ('sleeve',), ())[rng.choice(3, p=(0.45, 0.42, 0.13))]
    legs = (('thigh', 'shank'), ('shorts',), ('skirt',))[rng.choice(3, p=(0.6, 0.25, 0.15))]
    outfit |= dict.fromkeys(sleeves, shirt) | dict.fromkeys(legs, legwear)
    extras = (('front', 0.6, front), ('curls', 0.35, hair))
    return outfit | {name: material for name, share, material in extras if rng.random() < share}


def _project(skeleton: Skeleton, view: View) -> dict[str, np.ndarray]:
    """Each point of a body by name: x, y, radius of a unit sphere, and depth (statures)."""
    points = np.array(list(skeleton.points.values()))
    scales = view.scales(points) * skeleton.build.get('girth', 1.0)
    rows = np.column_stack((view.pixels(points), scales, points[:, 2]))
    return dict(zip(skeleton.points, rows))


def draw_figure(rng: Rng, canvas: Canvas, skeleton: Skeleton, view: View,
                depth: float | None = None) -> None:
    """Draw a person in random clothes, from its far parts to its near ones.

    ``depth`` is written to the canvas for the whole person instead of the depths of its parts.
    """
    outfit, points, shapes = _sample_outfit(rng, view.scale), _project(skeleton, view), []
    for material, spheres, nearer in (part for part in _PARTS if part[0] in outfit):
        for side in SIDES if any('?' in name for name in spheres) else ('',):
            rows = np.array([points[name.replace('?', side)] for name in spheres])
            radii, depths = rows[:, 2] * list(spheres.values()), rows[:, 3]
            written = depths if depth is None else np.full_like(depths, depth)
            shapes.append((depths.mean() + nearer, rows[:, :2], radii, written, outfit[material]))
    for _, centres, radii, written, cloth in sorted(shapes, key=lambda shape: shape[0]):
        canvas.paint(centres, radii, written, cloth)


def head_box(skeleton: Skeleton, view: View) -> np.ndarray:
    """Return the box [x1, y1, x2, y2] of the head from upper neck to head top, 0-based pixels.

    It bounds the drawn head and both joints and nothing more, so that 0.6 of its diagonal, the
    unit of PCKh, is somewhat shorter than the head, as in MPII.
    """
    points = _project(skeleton, view)
    rows = np.array([points[name] for name in ('upper_neck', 'head_top', *_SKULL)])
    radii = rows[:, 2:3] * np.array((0, 0, *_SKULL.values()))[:, None]
    return np.concatenate(((rows[:, :2] - radii).min(0), (rows[:, :2] + radii).max(0)))
