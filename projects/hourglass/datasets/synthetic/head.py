"""A head as a shaded ellipsoid with hair, face and ears, right from every direction.

Every pixel of the head is traced to the surface point it shows, so that a profile, a three
quarter view and the back of the head come out by themselves.
"""

from dataclasses import dataclass

import numpy as np

from .canvas import Canvas, Material, random_colour

RADII = np.array((0.047, 0.069, 0.058))
"""Half extents to the left, up and forward, as shares of the stature."""

_SUPERSAMPLE = 2
_SKIN_TONES = ((205, 222, 250), (170, 195, 236), (135, 170, 222), (95, 135, 195), (65, 95, 150),
               (40, 60, 100))
_HAIR_COLOURS = ((25, 25, 30), (30, 45, 70), (40, 75, 125), (90, 160, 215), (150, 155, 160),
                 (35, 60, 150))


@dataclass(frozen=True)
class HeadLook:
    """What a head looks like; ``hairline`` is its height on the unit sphere."""

    skin: Material
    hair: np.ndarray
    hairline: float
    beard: bool
    long_hair: bool


def sample_head(rng: np.random.Generator) -> HeadLook:
    """Draw skin, hair colour (at times a coloured cap) and hair style."""
    light, dark = sorted(rng.choice(len(_SKIN_TONES) - 1, 2))
    tone = np.array(_SKIN_TONES[light]) * 0.5 + np.array(_SKIN_TONES[dark + 1]) * 0.5
    skin = Material(tone * rng.uniform(0.9, 1.05), tone)
    if rng.random() < 0.12:
        hair = random_colour(rng)
    else:
        hair = np.array(_HAIR_COLOURS[rng.integers(len(_HAIR_COLOURS))]) * rng.uniform(0.7, 1.2)
    return HeadLook(skin, hair, rng.uniform(0.38, 0.62), rng.random() < 0.12, rng.random() < 0.35)


def _trace(frame: np.ndarray, radii: np.ndarray, x: np.ndarray, y: np.ndarray
           ) -> tuple[np.ndarray, np.ndarray]:
    """Nearest surface points of the ellipsoid as unit-sphere points, and where it is hit.

    Args:
        frame: (3, 3) head frame, columns left, up, forward, in camera coordinates.
        radii: (3,) half extents in the unit of x and y.
        x, y: (h, w) camera offsets from the centre, x right and y up.

    Returns:
        Points (3, h, w) in the head's own axes, and a bool mask (h, w).
    """
    to_unit = frame.T / radii[:, None]
    base = to_unit[:, 0, None, None] * x + to_unit[:, 1, None, None] * y
    ray = to_unit[:, 2]
    a = ray @ ray
    b = np.tensordot(ray, base, 1)
    root = b * b - a * ((base * base).sum(0) - 1)
    depth = (np.sqrt(np.maximum(root, 0)) - b) / a
    return base + depth * ray[:, None, None], root > 0


def _colours(point: np.ndarray, look: HeadLook) -> np.ndarray:
    """BGR (h, w, 3) of unit-sphere points (3, h, w): hair first, then face and features."""
    left, up, forward = point
    aside = np.abs(left)
    skin = look.skin.colour
    colour = np.broadcast_to(look.hair, (*up.shape, 3)).copy()
    colour[(forward > 0.22) & (up < look.hairline)] = skin
    colour[(forward > -0.25) & (up < -0.25)] = skin
    colour[up < -0.8] = skin
    if look.beard:
        colour[(forward > 0.1) & (up < -0.42)] = look.hair
    colour[(aside > 0.75) & (np.abs(up) < 0.22) & (np.abs(forward) < 0.2)] = skin * 0.82
    face = forward > 0.3
    brow = (np.abs(up - 0.34) < 0.06) & (np.abs(aside - 0.38) < 0.2)
    white = (np.abs(up - 0.14) < 0.12) & (np.abs(aside - 0.38) < 0.19)
    pupil = (np.abs(up - 0.14) < 0.12) & (np.abs(aside - 0.36) < 0.10)
    mouth = (np.abs(up + 0.52) < 0.08) & (aside < 0.33)
    colour[face & brow] = look.hair * 0.8
    colour[face & white] = (225, 225, 225)
    colour[face & pupil] = (35, 25, 20)
    colour[face & mouth] = skin * (0.55, 0.5, 0.8)
    return colour


def paint_head(canvas: Canvas, centre: np.ndarray, scale: float, frame: np.ndarray,
               radii: np.ndarray, look: HeadLook, owner: int) -> None:
    """Paint a head.

    Args:
        canvas: where to paint.
        centre: (2,) centre of the ellipsoid, 0-based pixels.
        scale: pixels per stature.
        frame: (3, 3) head frame, columns left, up, forward, in camera coordinates.
        radii: (3,) half extents in statures.
        look: skin and hair.
        owner: number of the head in the owner map.
    """
    reach = radii.max() * scale + 1
    where = canvas.region(centre - reach, centre + reach)
    if where is None:
        return
    rows, columns = where
    fine = (np.arange(_SUPERSAMPLE) + 0.5) / _SUPERSAMPLE - 0.5
    x = (np.arange(columns.start, columns.stop)[:, None] + fine).ravel() - centre[0]
    y = (np.arange(rows.start, rows.stop)[:, None] + fine).ravel() - centre[1]
    across, upward = np.meshgrid(x / scale, -y / scale)
    point, hit = _trace(frame, radii, across, upward)
    normal = np.tensordot(frame / radii, point, 1)
    normal /= np.sqrt((normal * normal).sum(0)) + 1e-9
    lit = normal[0] * canvas.light[0] - normal[1] * canvas.light[1]
    shade = hit * (0.72 + 0.28 * normal[2] + 0.25 * lit)
    colour = _pooled(_colours(point, look) * shade[..., None])
    share = _pooled(hit[..., None].astype(np.float32))
    mask = np.round(255 * share[..., 0]).astype(np.uint8)
    colour = (colour / np.maximum(share, 1e-3)).astype(np.float32)
    canvas.blend(rows, columns, colour, mask, owner)


def _pooled(fine: np.ndarray) -> np.ndarray:
    """Mean over the supersampled grid: (s*h, s*w, C) to (h, w, C)."""
    height, width = fine.shape[0] // _SUPERSAMPLE, fine.shape[1] // _SUPERSAMPLE
    return fine.reshape(height, _SUPERSAMPLE, width, _SUPERSAMPLE, -1).mean((1, 3))
