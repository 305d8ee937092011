"""Trouser legs: tubes of rings about hip, knee and ankle, over the leg and over the shoe."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from muybridge.synthetic.wardrobe.cutting import Patch, joined
from muybridge.synthetic.wardrobe.drape import GAP, smoothstep, tube_faces, wrapped, zipper
from muybridge.synthetic.wardrobe.section import Solid, hang, hull_radius
from muybridge.synthetic.wardrobe.tailor import Tailor

AROUND = 26
"""Vertices of each ring of a trouser leg."""


class Leg:
    """One leg unrolled: how far down, at which angle, how far out.

    Angles are 0 outward and a quarter turn ahead, on both legs.

    Args:
        tailor: the body.
        side: ``left`` or ``right``.
    """

    def __init__(self, tailor: Tailor, side: str) -> None:
        s = side[0].upper()
        self.sign = 1.0 if side == "left" else -1.0
        self.hip, self.knee, self.ankle = (
            tailor.canvas.head_of(f"{bone}.{s}") for bone in ("upperleg01", "lowerleg01", "foot")
        )
        self.upper = float((self.knee - self.hip).norm())
        self.lower = float((self.ankle - self.knee).norm())
        self._frames = [
            self._frame(a, b) for a, b in ((self.hip, self.knee), (self.knee, self.ankle))
        ]

    def _frame(self, start: Tensor, end: Tensor) -> Float[Tensor, "3 3"]:
        """Ahead, upwards along the bone, outward; as rows."""
        up = F.normalize(start - end, dim=0)
        outward = torch.tensor([self.sign, 0.0, 0.0])
        outward = F.normalize(outward - (outward @ up) * up, dim=0)
        ahead = torch.linalg.cross(up, outward) * -self.sign
        return torch.stack([ahead, up, outward])

    def local(self, points: Float[Tensor, "P 3"]) -> Float[Tensor, "P 3"]:
        """Ahead, minus the distance down the leg, outward; metres from the bones."""
        thigh = (points - self.hip) @ self._frames[0].T
        shank = (points - self.knee) @ self._frames[1].T
        shank = shank - torch.tensor([0.0, self.upper, 0.0])
        return torch.where(thigh[:, 1:2] > -self.upper, thigh, shank)

    def world(
        self, down: Float[Tensor, "*P"], angle: Float[Tensor, "*P"], radius: Float[Tensor, "*P"]
    ) -> Float[Tensor, "*P 3"]:
        """Points from their distance down the leg, angle and distance from the bones."""
        out = []
        for k, (start, base) in enumerate(((self.hip, 0.0), (self.knee, self.upper))):
            ahead, up, outward = self._frames[k]
            out.append(
                start - (down - base)[..., None] * up
                + (radius * torch.sin(angle))[..., None] * ahead
                + (radius * torch.cos(angle))[..., None] * outward
            )
        # the two frames meet over a hand's breadth at the knee
        share = smoothstep(self.upper - 0.05, self.upper + 0.05, down)[..., None]
        return torch.lerp(out[0], out[1], share)


def leg_tube(
    tailor: Tailor,
    patch: Patch,
    loop: Int[Tensor, "A"],  # noqa: F821
    leg: Leg,
    solids: tuple[Solid, ...],
    reach: tuple[float, float],
    least: Float[Tensor, "K"],  # noqa: F821
    ease: float,
) -> Patch:
    """A patch with a trouser leg sewn on.

    Args:
        tailor: the body.
        patch: hips and thighs, cut across the leg.
        loop: its vertices along that cut.
        leg: which leg.
        solids: what the cloth has to clear beside the leg: shoes, boots.
        reach: how far down the leg the tube begins and ends, metres.
        least: radius of the cloth from top to bottom, evenly spread, metres.
        ease: distance from the leg, metres.
    """
    s = tailor.scale
    start, end = reach
    count = max(int((end - start) / (0.032 * s)), 3)
    down = start + (end - start) * torch.linspace(0, 1, count + 1)[1:]
    angle = torch.arange(AROUND) * (2 * torch.pi / AROUND)
    radius = _radius(tailor, leg, solids, down, angle, least, ease, end)
    at = leg.local(patch.vertices[loop])
    turn = wrapped(torch.atan2(at[:, 0], at[:, 2]))
    order = turn.argsort()
    loop, turn, at = loop[order], turn[order], at[order]
    apart = torch.remainder(angle[:, None] - turn + torch.pi, 2 * torch.pi) - torch.pi
    above = torch.hypot(at[:, 0], at[:, 2])[apart.abs().argmin(1)]
    fade = torch.exp(-(down - start) / (0.07 * s))[:, None]
    radius = radius + (above - radius[0]) * fade
    drop = _tilted(tailor, leg, down, angle, start, end)
    points = leg.world(drop, angle.expand_as(drop), radius)
    inner = (0.003 * s - points[..., 0] * leg.sign).clamp(min=0) * leg.sign
    points = torch.cat([(points[..., 0] + inner)[..., None], points[..., 1:]], -1).reshape(-1, 3)
    weights, anchor = _weights(tailor, leg, points)
    drop = drop.reshape(-1)
    top = patch.fields[loop].mean(0)
    height = float(patch.vertices[loop, 1].mean()) + float(top[2])
    fields = torch.stack([drop, torch.ones_like(drop), height - points[:, 1], end - drop], 1)
    tag = torch.zeros(len(points), dtype=torch.long)
    tube = Patch(points, weights, fields, tag, anchor, patch.faces[:0])
    seam = zipper(torch.cummax(turn, 0).values, angle, True)
    index = torch.cat([loop, torch.arange(AROUND) + len(patch.vertices)])
    faces = torch.cat([
        index[seam], tube_faces(count, AROUND, True) + len(patch.vertices)
    ])
    if leg.sign > 0:  # angles run against the clock on the right leg only
        faces = faces.flip(1)
    both = joined([patch, tube])
    return replace(both, faces=torch.cat([patch.faces, faces]))


def _radius(
    tailor: Tailor, leg: Leg, solids: tuple[Solid, ...], down: Tensor, angle: Tensor,
    least: Tensor, ease: float, end: float,
) -> Float[Tensor, "K A"]:
    """Distance of the cloth from the bones."""
    s = tailor.scale
    faces = tailor.canvas.faces
    ours = (tailor.leg > 0.6) & (tailor.vertices[:, 0] * leg.sign > 0)
    foot = tailor.canvas.share_of("foot")
    ours &= foot < 0.5
    own = Solid.of(leg.local(tailor.vertices), faces[ours[faces].all(1)])
    zero = torch.zeros(3)
    hull = hull_radius((own,), zero, -down, angle)
    rows = torch.linspace(0, len(least) - 1, len(down))
    low = rows.floor().long().clamp(max=len(least) - 2)
    wanted = torch.lerp(least[low], least[low + 1], rows - low)[:, None]
    radius = torch.maximum(hull + ease, 0.9 * wanted + 0.1 * hull)
    shod = []
    for solid in solids:
        inside = (solid.points[:, 0] * leg.sign > 0)[solid.edges].all(1)
        shod.append(Solid(leg.local(solid.points), solid.edges[inside]))
    if shod:
        over = hull_radius(tuple(shod), zero, -down, angle)
        over = F.max_pool1d(over.T[None], 3, 1, 1)[0].T
        over = torch.where(over > 0.02 * s, over + GAP * s, 0.0)
        radius = torch.maximum(radius, torch.minimum(over, 1.35 * radius + 0.01 * s))
    step = torch.full_like(down, float(down[1] - down[0]))
    taper = torch.full_like(down, 0.45)
    radius = hang(radius, None, step, taper)
    kernel = torch.tensor([0.25, 0.5, 0.25])[None, None]
    around = F.conv1d(F.pad(radius[:, None], (1, 1), mode="circular"), kernel)[:, 0]
    return torch.maximum(around, hull + 0.6 * ease)


def _tilted(
    tailor: Tailor, leg: Leg, down: Tensor, angle: Tensor, start: float, end: float
) -> Float[Tensor, "K A"]:
    """How far down each vertex lies: hems that reach the shoe are shorter ahead."""
    s = tailor.scale
    long = max(0.0, end - (leg.upper + leg.lower - 0.03 * s))
    ahead = 0.5 + 0.5 * torch.cos(angle - torch.pi / 2 + 0.2)
    share = ((down - start) / (end - start))[:, None]
    return down[:, None] - 0.55 * long * ahead * share


def _weights(
    tailor: Tailor, leg: Leg, points: Tensor
) -> tuple[Float[Tensor, "P B"], Int[Tensor, "P"]]:  # noqa: F821
    """Skinning weights of the nearest parts of the leg, blended; feet count as shanks."""
    body = tailor.canvas.body
    v = tailor.vertices
    foot = tailor.canvas.share_of("foot")
    ours = (v[:, 0] * leg.sign > 0) & (tailor.leg > 0.5) & (foot < 0.5)
    chosen = ours.nonzero().squeeze(1)
    near, index = torch.cdist(points, v[chosen]).topk(10, dim=1, largest=False)
    share = torch.exp(-0.5 * ((near - near[:, :1]) / (0.02 * tailor.scale)).square())
    share = share / share.sum(1, keepdim=True)
    out = (body.rig.weights[chosen][index] * share[:, :, None]).sum(1)
    names = body.rig.bones
    side = "L" if leg.sign > 0 else "R"
    shank = names.index(f"lowerleg02.{side}")
    low = [
        i for i, n in enumerate(names)
        if n.endswith(f".{side}") and n.startswith(("foot", "toe"))
    ]
    out[:, shank] += out[:, low].sum(1)
    out[:, low] = 0
    return out / out.sum(1, keepdim=True), chosen[index[:, 0]]
