"""The tailor's measures of a body: where waist, crotch and armpits are, and what is worn so far.

Lengths in designs are for a person of 1.75 m; the tailor scales them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from muybridge.synthetic.canvas import Canvas
from muybridge.synthetic.wardrobe.cutting import Patch
from muybridge.synthetic.wardrobe.section import Solid, hull_radius

SIDES = ("left", "right")


@dataclass(frozen=True)
class Worn:
    """What a garment leaves for the next one.

    Attributes:
        occupied: distance from each vertex of the body to the outermost cloth over it,
            along the body's normal, metres.
        solids: surfaces that later garments must hang outside of, beside the body's own.
    """

    occupied: Float[Tensor, "N"]  # noqa: F821
    solids: tuple[Solid, ...]


class Tailor:
    """Measures and coordinates of one body, shared by all its garments.

    Args:
        canvas: the body.
    """

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.scale = canvas.scale
        self.vertices: Float[Tensor, "N 3"] = canvas.vertices
        self.arm: Float[Tensor, "N"] = canvas.share_of("arm")  # noqa: F821
        self.leg: Float[Tensor, "N"] = canvas.share_of("leg")  # noqa: F821
        self.head: Float[Tensor, "N"] = canvas.share_of("head")  # noqa: F821
        y = self.vertices[:, 1]
        self.sole = float(y.min())
        self.root = float(canvas.head_of("root")[1])
        self.hip = float(canvas.head_of("upperleg01.L")[1])
        self.knee = float(canvas.head_of("lowerleg01.L")[1])
        self.ankle = float(canvas.head_of("foot.L")[1])
        middle = (self.vertices[:, 0].abs() < 2e-3) & (self.head < 0.1)
        self.crotch = float(y[middle].min())
        self.neck: Float[Tensor, "3"] = canvas.head_of("neck01")
        self.shoulder: Float[Tensor, "3"] = canvas.head_of("upperarm01.L")
        self.armpit = float(y[(self.arm > 0.05) & (self.arm < 0.95)].min())
        self.depth = float(canvas.head_of("spine03")[2] + canvas.head_of("root")[2]) / 2
        """z of the upright axis about which torso and skirts are measured."""

    @cached_property
    def normals(self) -> Float[Tensor, "N 3"]:
        """The body's normals, smoothed: cloth does not follow every dimple."""
        return F.normalize(self.canvas.smoothed(self.canvas.normals, 4), dim=1)

    @cached_property
    def inner(self) -> Bool[Tensor, "F"]:  # noqa: F821
        """Triangles of eyes and head, which no garment is cut from."""
        return (self.head[self.canvas.faces] > 0.6).any(1)

    @cached_property
    def torso(self) -> Solid:
        """The body without arms and head, as what skirts and shirts hang on."""
        faces = self.canvas.faces
        keep = (self.arm[faces] < 0.3).all(1) & (self.head[faces] < 0.5).all(1)
        return Solid.of(self.vertices, faces[keep])

    @cached_property
    def neck_axis(self) -> Float[Tensor, "3"]:
        """The way the neck leans, unit."""
        return F.normalize(self.canvas.head_of("head") - self.neck, dim=0)

    @cached_property
    def _neck_frame(self) -> Float[Tensor, "3 3"]:
        """Left, along the neck, and ahead, as rows."""
        left = torch.tensor([1.0, 0.0, 0.0])
        up = self.neck_axis
        return torch.stack([left, up, torch.linalg.cross(left, up)])

    @cached_property
    def _neck_table(self) -> Float[Tensor, "K 64"]:
        """Radius of the neck about its axis, every 5 mm from 2 cm under its root."""
        faces = self.canvas.faces
        keep = (self.arm[faces] < 0.02).all(1) & ~(self.canvas.share_of("eye")[faces] > 0).any(1)
        points = (self.vertices - self.neck_centre) @ self._neck_frame.T
        keep = keep & (points[:, 1][faces].abs() < 0.16 * self.scale).all(1)
        levels = torch.linspace(-0.02, 0.08, 21) * self.scale
        angles = torch.arange(64) * (2 * torch.pi / 64)
        return hull_radius((Solid.of(points, faces[keep]),), torch.zeros(3), levels, angles)

    @property
    def neck_centre(self) -> Float[Tensor, "3"]:
        """A point on the neck's axis, at its root."""
        return self.neck + torch.tensor([0.0, 0.0, 0.008]) * self.scale

    @cached_property
    def neck_girth(self) -> float:
        """Mean radius of the neck 3 cm above its root, metres."""
        return float(self._neck_table[10].mean())

    def neck_radius(
        self, away: Float[Tensor, "P 3"], along: Float[Tensor, "P"]  # noqa: F821
    ) -> Float[Tensor, "P"]:  # noqa: F821
        """How thick the neck is in a direction, at a height.

        Args:
            away: from the neck's axis, square to it.
            along: over the neck's root, metres.
        """
        local = away @ self._neck_frame.T
        turn = torch.remainder(torch.atan2(local[:, 0], local[:, 2]), 2 * torch.pi)
        column = (turn / (2 * torch.pi) * 64).round().long() % 64
        row = ((along / self.scale + 0.02) / 0.005).round().long().clamp(0, 20)
        return self._neck_table[row, column].clamp(max=1.5 * self.neck_girth)

    @cached_property
    def axis(self) -> Float[Tensor, "3"]:
        """A point on the upright axis."""
        return torch.tensor([0.0, 0.0, self.depth])

    @cached_property
    def sleeve_distance(self) -> dict[str, Float[Tensor, "N"]]:  # noqa: F821
        """Along each arm from the shoulder, metres; negative on the torso's side of it."""
        out = {}
        for side in SIDES:
            limb = self.canvas.limbs[f"{side}_arm"]
            s = side[0].upper()
            start = self.canvas.head_of(f"upperarm01.{s}")
            step = F.normalize(self.canvas.head_of(f"lowerarm01.{s}") - start, dim=0)
            before = (self.vertices - start) @ step
            out[side] = torch.where(before < 0, before, limb.distance)
        return out

    def start(self) -> Worn:
        """Nothing worn yet."""
        return Worn(torch.zeros(len(self.vertices)), (self.torso,))

    def patch(self, keep: Bool[Tensor, "F"], vertices: Float[Tensor, "N 3"]) -> Patch:  # noqa: F821
        """Triangles of the body as a patch, at moved vertices; its fields are empty."""
        count = len(self.vertices)
        return Patch(
            vertices, self.canvas.body.rig.weights, torch.zeros(count, 0),
            torch.zeros(count, dtype=torch.long), torch.arange(count),
            self.canvas.faces[keep],
        )

    def polar(self, points: Float[Tensor, "P 3"]) -> tuple[Tensor, Tensor]:
        """Angle about the upright axis (0 ahead, to the left positive) and radius, metres."""
        x, z = points[:, 0], points[:, 2] - self.depth
        return torch.atan2(x, z), torch.hypot(x, z)

    def nearest_body(self, points: Float[Tensor, "P 3"]) -> Int[Tensor, "P"]:  # noqa: F821
        """The nearest vertex of torso or legs to each point."""
        candidates = ((self.arm < 0.5) & (self.head < 0.5)).nonzero().squeeze(1)
        return candidates[torch.cdist(points, self.vertices[candidates]).argmin(1)]
