"""A clothed body drawn part by part from far to near, and which of its joints stay visible.

Body points are in the skeleton's coordinates (x right, y up, z towards the camera, unit: the
stature); pixels are 0-based, x right and y down.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from .canvas import Canvas, Material, Rng, hull, random_material
from .head import RADII, HeadLook, paint_head, sample_head
from .skeleton import HEAD, JOINTS, SIDES, Skeleton

PARTS = ('', 'torso', 'hips', 'neck', 'head', 'r_upper_arm', 'r_forearm', 'r_hand', 'r_thigh',
         'r_shank', 'r_foot', 'l_upper_arm', 'l_forearm', 'l_hand', 'l_thigh', 'l_shank',
         'l_foot')
"""Body parts; the position of a name is its number in the owner map of a canvas."""

STRANGER = 200
"""Number in the owner map of whatever is not the annotated person but in front of it."""

_HIDDEN_BEHIND = 0.03
"""A hip or shoulder this far behind the trunk's middle (statures) is covered by the trunk."""


@dataclass(frozen=True)
class View:
    """A mild perspective camera.

    Attributes:
        scale: pixels per stature at the depth of the pelvis.
        distance: from the camera to the pelvis in statures.
        origin: (2,) where the pelvis appears, 0-based pixels.
    """

    scale: float
    distance: float
    origin: np.ndarray

    def scales(self, points: np.ndarray) -> np.ndarray:
        """Pixels per stature (...,) at body points (..., 3)."""
        return self.scale * self.distance / (self.distance - points[..., 2])

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Pixels (..., 2) of body points (..., 3)."""
        return self.origin + points[..., :2] * (1, -1) * self.scales(points)[..., None]


@dataclass(frozen=True)
class Outfit:
    """Looks of one person: head, clothes and their cut."""

    head: HeadLook
    shirt: Material
    legwear: Material
    shoes: Material
    trim: Material
    sleeves: str
    cut: str
    front: str


def sample_outfit(rng: Rng, scale: float) -> Outfit:
    """Draw clothes for a person of ``scale`` pixels per stature."""
    period = 0.045 * scale
    shirt = random_material(rng, period)
    legwear = shirt if rng.random() < 0.12 else random_material(rng, period)
    return Outfit(
        sample_head(rng), shirt, legwear, random_material(rng, period),
        random_material(rng, period),
        sleeves=('long', 'short', 'none')[rng.choice(3, p=(0.45, 0.42, 0.13))],
        cut=('trousers', 'shorts', 'skirt')[rng.choice(3, p=(0.6, 0.25, 0.15))],
        front=('plain', 'placket', 'print', 'tie')[rng.choice(4, p=(0.4, 0.25, 0.25, 0.1))],
    )


class _Figure:
    """Collects the painting jobs of one person and runs them from far to near."""

    def __init__(self, canvas: Canvas, skeleton: Skeleton, view: View, outfit: Outfit,
                 owner: int | None) -> None:
        self.canvas, self.skeleton, self.view, self.outfit = canvas, skeleton, view, outfit
        self.owner = owner
        self.jobs: list[tuple[float, int, Callable[[], None]]] = []

    def number(self, part: str) -> int:
        return PARTS.index(part) if self.owner is None else self.owner

    def add(self, depth: float, job: Callable[[], None]) -> None:
        self.jobs.append((depth, len(self.jobs), job))

    def outline(self, points: list[np.ndarray], radii: list[float]) -> np.ndarray:
        """Convex pixel outline (N, 2) around spheres of the given radii in statures."""
        centres = np.stack(points)
        return hull(self.view.pixels(centres), np.array(radii) * self.view.scales(centres))

    def shape(self, part: str, depth: float, groups: list[tuple[list, list]],
              material: Material, ends: tuple[np.ndarray, np.ndarray]) -> None:
        """Add a union of hulls around spheres, shaded along the line between two body points."""
        outlines = [self.outline(points, radii) for points, radii in groups]
        axis = (self.view.pixels(ends[0]), self.view.pixels(ends[1]))
        self.add(depth, partial(self.canvas.paint, outlines, material, self.number(part), axis))

    def capsule(self, part: str, ends: tuple[np.ndarray, np.ndarray], radii: list[float],
                material: Material, depth: float) -> None:
        """Add a tapered limb segment with evenly spaced radii, to be widened by the girth."""
        places = np.linspace(0, 1, len(radii))[:, None]
        points = ends[0] + places * (ends[1] - ends[0])
        radii = [radius * self.skeleton.build.girth for radius in radii]
        self.shape(part, depth, [(list(points), radii)], material, ends)

    def finish(self) -> None:
        for _, _, job in sorted(self.jobs, key=lambda job: job[:2]):
            job()


def _depth(*points: np.ndarray) -> float:
    """Mean nearness of body points to the camera."""
    return sum(float(point[2]) for point in points) / len(points)


def _between(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    return a + share * (b - a)


def _add_arm(figure: _Figure, side: str) -> None:
    """Upper arm, sleeve, forearm, thumb and hand."""
    at, outfit, skin = figure.skeleton.points, figure.outfit, figure.outfit.head.skin
    shoulder, elbow, wrist = (at[f'{side}_{name}'] for name in ('shoulder', 'elbow', 'wrist'))
    cloth = outfit.shirt
    long = outfit.sleeves == 'long'
    bias = 0.03  # an arm beside the body lies over its outline, seen from front or back
    upper, lower = _depth(shoulder, elbow) + bias, _depth(elbow, wrist) + bias
    figure.capsule(f'{side}_upper_arm', (shoulder, elbow), [0.034, 0.030, 0.025],
                   cloth if long else skin, upper)
    if outfit.sleeves == 'short':
        hem = _between(shoulder, elbow, 0.55)
        figure.capsule(f'{side}_upper_arm', (shoulder, hem), [0.038, 0.036], cloth, upper)
    figure.capsule(f'{side}_forearm', (elbow, wrist), [0.026, 0.026, 0.021 if long else 0.017],
                   cloth if long else skin, lower)
    palm = _between(wrist, at[f'{side}_hand'], 0.55)
    outer = _depth(wrist, at[f'{side}_hand']) + bias
    figure.capsule(f'{side}_hand', (wrist, at[f'{side}_thumb']), [0.012, 0.008], skin, outer)
    figure.capsule(f'{side}_hand', (_between(wrist, palm, 0.2), at[f'{side}_hand']),
                   [0.016, 0.021, 0.012], skin, outer)


def _add_leg(figure: _Figure, side: str) -> None:
    """Thigh, shank, what covers them, and the shoe."""
    at, outfit, skin = figure.skeleton.points, figure.outfit, figure.outfit.head.skin
    hip, knee, ankle = (at[f'{side}_{name}'] for name in ('hip', 'knee', 'ankle'))
    cloth = outfit.legwear
    long = outfit.cut == 'trousers'
    figure.capsule(f'{side}_thigh', (hip, knee), [0.056, 0.051, 0.037], cloth if long else skin,
                   _depth(hip, knee))
    if outfit.cut == 'shorts':
        hem = _between(hip, knee, 0.68)
        figure.capsule(f'{side}_thigh', (hip, hem), [0.060, 0.058], cloth, _depth(hip, knee))
    figure.capsule(f'{side}_shank', (knee, ankle), [0.035, 0.038, 0.030, 0.028 if long else 0.022],
                   cloth if long else skin, _depth(knee, ankle))
    heel, toe = at[f'{side}_heel'], at[f'{side}_toe']
    figure.shape(f'{side}_foot', _depth(heel, toe, ankle),
                 [([ankle, heel], [0.022, 0.019]),
                  ([ankle, heel, _between(heel, toe, 0.75), toe], [0.016, 0.018, 0.019, 0.013])],
                 outfit.shoes, (heel, toe))


def _torso_depth(figure: _Figure) -> float:
    at = figure.skeleton.points
    return _depth(at['thorax'], at['pelvis']) + 0.012


def _add_hips(figure: _Figure) -> None:
    """The seat of the trousers, tucked under the shirt, and a skirt over the thighs."""
    at, outfit, girth = figure.skeleton.points, figure.outfit, figure.skeleton.build.girth
    hips = [at['r_hip'], at['l_hip']]
    low = [0.057 * girth] * 2
    figure.shape('hips', min(0.005, _torso_depth(figure) - 0.004),
                 [([*hips, at['waist']], [*low, 0.055 * girth])],
                 outfit.legwear, (at['waist'], 0.5 * (hips[0] + hips[1])))
    if outfit.cut == 'skirt':
        hems = [_between(at[f'{side}_hip'], at[f'{side}_knee'], 0.72) for side, _ in SIDES]
        depth = max(_depth(at[f'{side}_hip'], at[f'{side}_knee']) for side, _ in SIDES) + 0.004
        figure.shape('hips', depth, [(hips + hems, low + [0.068 * girth] * 2)],
                     outfit.legwear, (at['waist'], 0.5 * (hems[0] + hems[1])))


def _add_torso(figure: _Figure) -> None:
    """Chest, waist, shirt front and collar."""
    skeleton, outfit = figure.skeleton, figure.outfit
    at, chest, girth = skeleton.points, skeleton.chest, skeleton.build.girth
    shoulders = [at['r_shoulder'] + 0.012 * chest[:, 0], at['l_shoulder'] - 0.012 * chest[:, 0]]
    ribs = [_between(at['thorax'], at['waist'], 0.42) + x * chest[:, 0] for x in (-0.045, 0.045)]
    waist = [at['waist'] + x * girth * skeleton.pelvis[:, 0] for x in (-0.026, 0.026)]
    hips = [_between(at['waist'], at[f'{side}_hip'], 0.75) for side, _ in SIDES]
    depth = _torso_depth(figure)
    figure.shape(
        'torso', depth,
        [([*shoulders, at['thorax'], *ribs], [0.036] * 2 + [0.035] + [0.066 * girth] * 2),
         (ribs + waist, [0.066 * girth] * 2 + [0.057 * girth] * 2),
         (waist + hips, [0.057 * girth] * 2 + [0.053 * girth] * 2)],
        outfit.shirt, (at['thorax'], at['pelvis']))
    surface = 0.066 * girth
    if chest[2, 2] > 0.05:
        collar = at['thorax'] + chest @ (0, -0.045, 0.6 * surface)
        sides = [at['thorax'] + chest @ (x, 0.012, 0.35 * surface) for x in (-0.032, 0.032)]
        figure.shape('torso', depth + 0.004, [([collar, *sides], [0.004] * 3)],
                     outfit.head.skin.darker(0.95), (at['thorax'], collar))
        _add_front(figure, depth + 0.005, surface)


def _add_front(figure: _Figure, depth: float, surface: float) -> None:
    """What tells the front of a shirt from its back: buttons, a print or a tie."""
    at, chest, outfit = figure.skeleton.points, figure.skeleton.chest, figure.outfit
    top = at['thorax'] + chest @ (0, -0.045, 0.8 * surface)
    if outfit.front in ('placket', 'tie'):
        bottom = at['waist'] + surface * figure.skeleton.pelvis[:, 2]
        width = [0.006, 0.006] if outfit.front == 'placket' else [0.007, 0.016]
        figure.shape('torso', depth, [([top, bottom], width)], outfit.trim, (top, bottom))
    elif outfit.front == 'print':
        corners = [at['thorax'] + chest @ (x, y, surface)
                   for x, y in ((-0.045, -0.07), (0.045, -0.07), (-0.04, -0.14), (0.04, -0.14))]
        figure.shape('torso', depth, [(corners, [0.008] * 4)], outfit.trim,
                     (corners[0], corners[2]))


def _add_head(figure: _Figure) -> None:
    """Neck, hair, head and nose."""
    skeleton, look, view = figure.skeleton, figure.outfit.head, figure.view
    at, frame = skeleton.points, skeleton.head
    radii = RADII * skeleton.build.head
    centre = at['upper_neck'] + frame @ (0, 0.5 * HEAD * skeleton.build.head, 0.006)
    figure.capsule('neck', (at['thorax'], at['upper_neck']), [0.034, 0.028, 0.029],
                   look.skin.darker(0.88), _depth(at['thorax'], at['upper_neck']) - 0.01)
    figure.add(float(centre[2]), partial(
        paint_head, figure.canvas, view.pixels(centre), float(view.scales(centre)), frame, radii,
        look, figure.number('head')))
    tip = centre + frame @ (radii * (0, -0.12, 1.16))
    bridge = centre + frame @ (radii * (0, 0.16, 0.93))
    figure.shape('head', float(centre[2]) + (0.01 if frame[2, 2] > -0.25 else -0.01),
                 [([bridge, tip], [0.004, 0.0095])], look.skin.darker(0.9), (bridge, tip))
    if look.long_hair:
        back = [centre + frame @ (radii * np.array(place)) for place in
                ((-0.6, 0.3, -0.35), (0.6, 0.3, -0.35), (-0.62, -1.25, -0.5), (0.62, -1.25, -0.5))]
        hair = Material(look.hair, look.hair)
        figure.shape('head', _depth(*back) - 0.008,
                     [(back, [0.022, 0.022, 0.019, 0.019])], hair, (back[0], back[2]))


def draw_figure(canvas: Canvas, skeleton: Skeleton, view: View, outfit: Outfit,
                owner: int | None = None) -> None:
    """Draw a person; an owner number given marks all of it as somebody else."""
    figure = _Figure(canvas, skeleton, view, outfit, owner)
    _add_hips(figure)
    _add_torso(figure)
    _add_head(figure)
    for side, _ in SIDES:
        _add_arm(figure, side)
        _add_leg(figure, side)
    figure.finish()


def _own_parts(joint: str) -> set[str]:
    """Names of the parts that show a joint rather than hide it."""
    side, _, name = joint.partition('_')
    return {
        'ankle': {f'{side}_shank', f'{side}_foot'},
        'knee': {f'{side}_thigh', f'{side}_shank', 'hips'},
        'hip': {f'{side}_thigh', 'hips', 'torso'},
        'wrist': {f'{side}_forearm', f'{side}_hand'},
        'elbow': {f'{side}_upper_arm', f'{side}_forearm'},
        'shoulder': {f'{side}_upper_arm', 'torso', 'head'},
        'neck': {'neck', 'head', 'torso'},
        'top': {'head'},
        'pelvis': {'hips', 'torso', 'l_thigh', 'r_thigh'},
        'thorax': {'torso', 'neck', 'head'},
    }[name or side]


_SHOWN_BY = [{0} | {PARTS.index(part) for part in _own_parts(joint)} for joint in JOINTS]


def occluded_joints(canvas: Canvas, skeleton: Skeleton, view: View) -> np.ndarray:
    """Which joints something hides, bool (16,); joints outside the picture count as visible.

    A joint counts as visible where one of its own parts was painted last. The far hip and
    shoulder of a side view lie behind the trunk although it is a part of their own.
    """
    joints = skeleton.joints()
    height, width = canvas.owner.shape
    hidden = np.zeros(len(JOINTS), bool)
    for index, (x, y) in enumerate(np.round(view.pixels(joints)).astype(int)):
        if not (0 <= x < width and 0 <= y < height):
            continue
        owner = int(canvas.owner[y, x])
        hidden[index] = owner not in _SHOWN_BY[index]
        if JOINTS[index].endswith(('hip', 'shoulder')) and PARTS[min(owner, 16)][1:2] != '_':
            middle = 'pelvis' if JOINTS[index].endswith('hip') else 'thorax'
            hidden[index] |= joints[index, 2] < skeleton.points[middle][2] - _HIDDEN_BEHIND
    return hidden
