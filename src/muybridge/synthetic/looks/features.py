"""What is painted on a face: lips, brows, lids, nostrils, redness, freckles, wrinkles."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.synthetic.canvas import Texels
from muybridge.synthetic.looks.atlas import vertex_values
from muybridge.synthetic.looks.head import Head, plan
from muybridge.synthetic.looks.identity import Identity
from muybridge.synthetic.looks.paint import Paint, bump, step
from muybridge.synthetic.looks.palette import mixed
from muybridge.synthetic.noise import fractal_noise, value_noise


class Face:
    """The texels of a face under the brush, in the standard head's metres.

    Args:
        paint: of the whole skin. head: whose. texels: of ``paint``.
    """

    def __init__(self, paint: Paint, head: Head, texels: Texels) -> None:
        masks = torch.stack([plan().lips, plan().ears, plan().face, plan().inside.float()], 1)
        values = vertex_values(texels, masks)
        near = (texels.position - head.centre).norm(dim=1) < 0.20 * head.scale
        self.index = near.nonzero()[:, 0]
        self.lips, self.ears, self.face, self.inside = values[self.index].unbind(1)
        self.paint, self.head = paint, head
        self.points = head.local(texels.position[self.index])
        self.normal = texels.normal[self.index]
        self.front = step(-0.06, -0.04, self.points[:, 2])

    def at(self, landmark: str) -> Float[Tensor, "3"]:
        """A landmark, in the standard head's metres."""
        return self.head.local(self.head.point(landmark)[None])[0]

    def around(self, landmark: str, size: float) -> Float[Tensor, "Q"]:  # noqa: F821
        """A Gaussian about a landmark."""
        return bump((self.points - self.at(landmark)).norm(dim=1), size)

    def around_both(self, landmark: str, size: float) -> Float[Tensor, "Q"]:  # noqa: F821
        """A Gaussian about each of a pair of landmarks."""
        return self.around(landmark + "_left", size) + self.around(landmark + "_right", size)

    def _whole(self, share: Tensor) -> Tensor:
        out = torch.zeros(len(self.paint.points))
        out[self.index] = share.clamp(0, 1)
        return out

    def cover(self, share: Tensor, colour: tuple[float, float, float]) -> None:
        """Mixes a colour in."""
        self.paint.cover(self._whole(share), colour)

    def tint(self, share: Tensor, factor: tuple[float, float, float]) -> None:
        """Multiplies by a colour."""
        self.paint.tint(self._whole(share), factor)

    def raise_by(self, height: Tensor) -> None:
        """Adds relief, metres of the standard head."""
        self.paint.relief[self.index] += height * self.head.scale


def paint_face(paint: Paint, head: Head, texels: Texels, identity: Identity) -> None:
    """Paints a face."""
    face = Face(paint, head, texels)
    _redness(face, identity)
    _freckles(face, identity)
    _wrinkles(face, identity)
    _lips(face, identity)
    _nose(face)
    _eyes(face, identity)
    _brows(face, identity)


def _redness(face: Face, identity: Identity) -> None:
    look = identity.skin
    strength = look.blush * (1 - 0.75 * look.tone)
    red = 0.75 * face.around_both("cheek", 0.017) + 0.35 * face.around_both("cheekbone", 0.014)
    red = red + 0.9 * face.around("nose_tip", 0.010) + 0.45 * face.around("chin", 0.011)
    mottle = 0.6 + 0.8 * value_noise(face.points + 1.0, 160.0, look.seed % 3001)
    ears = 0.7 * (1 - 0.8 * look.tone) * face.ears
    face.tint(0.85 * strength * red * mottle + ears, (1.02, 0.74, 0.69))
    face.tint(0.35 * face.around("forehead", 0.030), (1.0, 0.97, 0.90))
    # a shadow of tiredness below the eyes, shine on the nose
    for side in ("left", "right"):
        rim = face.head.local(face.head.canvas.vertices[plan().rims[side]])
        below = rim.mean(0) + torch.tensor([0.0, -0.011, 0.0])
        away = (face.points - below) / torch.tensor([0.012, 0.0045, 0.02])
        bag = (-0.5 * away.square().sum(1)).exp()
        face.tint((0.30 + 0.4 * identity.elderly) * bag, (0.80, 0.68, 0.70))
    gloss = 0.16 * look.shine * (
        face.around("nose_tip", 0.012) + face.around("forehead", 0.025)
        + 0.6 * face.around_both("cheekbone", 0.012)
    )
    face.paint.gloss[face.index] += gloss


def _freckles(face: Face, identity: Identity) -> None:
    look = identity.skin
    if look.freckles <= 0:
        return
    grain = value_noise(face.points + 1.0, 420.0, look.seed % 2003)
    where = face.around_both("cheek", 0.026) + face.around_both("cheekbone", 0.024)
    where = where + face.around("bridge", 0.018) + 0.4 * face.around("forehead", 0.04)
    spots = step(0.70, 0.84, grain) * where.clamp(0, 1)
    face.tint(0.9 * look.freckles * spots, (0.74, 0.60, 0.50))


def _wrinkles(face: Face, identity: Identity) -> None:
    strength = identity.skin.wrinkles
    p = face.points
    wobble = 0.004 * (fractal_noise(p + 1.0, 40.0, 2, identity.skin.seed % 1009) - 0.5)
    lines = torch.zeros(len(p))
    # folds from the nose to the mouth's corners
    for side, sign in (("left", 1.0), ("right", -1.0)):
        a, b = face.at(f"ala_{side}"), face.at(f"mouth_corner_{side}")
        a = a + torch.tensor([sign * 0.004, 0.004, 0.0])
        b = b + torch.tensor([sign * 0.009, -0.004, 0.0])
        along = ((p[:, 1] - a[1]) / (b[1] - a[1])).clamp(-0.2, 1.2)
        x = a[0] + (b[0] - a[0]) * along + sign * 0.004 * (along * math.pi).sin()
        fold = bump(p[:, 0] - x + wobble, 0.0015) * step(-0.2, 0.15, along) * step(1.2, 0.8, along)
        lines = lines + (0.25 + 0.75 * strength) * fold * (p[:, 2] > -0.03)
        rim = face.head.local(face.head.canvas.vertices[plan().rims[side]])
        corner = rim[(sign * rim[:, 0]).argmax()]
        away = p - corner
        out = sign * away[:, 0]
        turn = torch.atan2(away[:, 1] + wobble, out.clamp(min=1e-4))
        feet = (turn * 7.0).sin().clamp(min=0) ** 3 * step(0.003, 0.007, out)
        feet = feet * step(0.024, 0.014, out)
        lines = lines + 0.7 * strength * feet * (turn.abs() < 0.9)
        below = bump(p[:, 1] - rim[:, 1].min() + 0.0085 + wobble, 0.0012)
        lines = lines + 0.45 * strength * below * bump(p[:, 0] - rim[:, 0].mean(), 0.009)
    brow = face.at("brow_middle")[1]
    height = p[:, 1] - brow - 0.006 + 2.0 * wobble
    rows = (height * 2 * math.pi / 0.0105).sin().clamp(min=0) ** 4
    forehead = step(0.006, 0.012, height) * step(0.045, 0.035, height) * bump(p[:, 0], 0.028)
    lines = lines + 0.8 * strength * rows * forehead * face.front
    frown = bump(p[:, 0].abs() - 0.006 + wobble, 0.0012) * bump(p[:, 1] - brow + 0.003, 0.006)
    lines = lines + 0.7 * strength * frown * face.front
    lines = lines.clamp(0, 1) * step(0.5, 0.2, face.lips)
    face.tint(0.55 * lines, (0.72, 0.60, 0.56))
    face.raise_by(-0.0011 * lines)


def _lips(face: Face, identity: Identity) -> None:
    look = identity.skin
    p = face.points
    mouth = face.at("mouth")
    share = step(0.25, 0.75, face.lips)
    face.cover(0.85 * share, look.lips)
    upper = share * step(0.0, 0.003, p[:, 1] - mouth[1])
    face.tint(0.5 * upper, (0.86, 0.80, 0.80))
    corner = 0.5 * (face.at("mouth_corner_left")[1] + face.at("mouth_corner_right")[1])
    line = mouth[1] + (corner - mouth[1]) * (p[:, 0] / 0.025).square()
    wide = (face.at("mouth_corner_left")[0] - face.at("mouth_corner_right")[0]) / 2
    inside = step(1.12 * wide, 0.8 * wide, p[:, 0].abs()) * face.front
    slit = bump(p[:, 1] - line, 0.0011) * inside
    face.tint(0.85 * slit, (0.42, 0.30, 0.30))
    face.cover(step(0.5, 0.9, face.inside) * (p[:, 1] < -0.04), (0.20, 0.07, 0.07))
    creases = value_noise(p * torch.tensor([1.0, 0.15, 0.15]) + 1.0, 800.0, look.seed % 811)
    face.raise_by(-0.0003 * share * creases)
    face.paint.gloss[face.index] += 0.18 * share
    below = bump(p[:, 1] - face.at("lip_bottom")[1] + 0.006, 0.0025) * bump(p[:, 0], 0.012)
    face.tint(0.30 * below * face.front, (0.82, 0.74, 0.72))


def _nose(face: Face) -> None:
    p = face.points
    under = step(0.25, -0.35, face.normal[:, 1])
    for side in ("left", "right"):
        away = (p - face.at(f"nostril_{side}")) / torch.tensor([0.0048, 0.0040, 0.0065])
        hole = (-0.5 * away.square().sum(1)).exp()
        face.tint(0.95 * hole * under, (0.30, 0.20, 0.18))
        wing = face.around(f"ala_{side}", 0.0042) * under
        face.tint(0.35 * wing, (0.72, 0.62, 0.60))
    face.tint(0.30 * face.around("subnasale", 0.006), (0.86, 0.80, 0.78))


def _eyes(face: Face, identity: Identity) -> None:
    p = face.points
    dark = mixed(identity.skin.colour, (0.05, 0.035, 0.03), 0.85)
    liner = identity.skin.eyeliner
    for side, sign in (("left", 1.0), ("right", -1.0)):
        rim = face.head.local(face.head.canvas.vertices[plan().rims[side]])
        middle = rim.mean(0)
        close = ((p - middle).norm(dim=1) < 0.028).nonzero()[:, 0]
        away = torch.cdist(p[close], rim).amin(1)
        up = p[close, 1] - middle[1]
        out = sign * (p[close, 0] - middle[0])
        upper = step(-0.0012, 0.0015, up - 0.10 * out.abs())
        line = step(0.0024 + 0.0008 * liner, 0.0008, away)
        lash = torch.zeros(len(p))
        lash[close] = line * (0.30 + 0.70 * upper) * (0.55 if not identity.female else 0.85)
        wing = bump(up - 0.003 - 0.25 * (out - 0.013), 0.0012) * step(0.011, 0.013, out)
        lash[close] += liner * wing * step(0.020, 0.015, out)
        face.cover(lash, dark)
        crease = torch.zeros(len(p))
        crease[close] = bump(away - 0.0058, 0.0012) * upper
        face.tint(0.45 * crease, (0.70, 0.58, 0.55))
        face.raise_by(-0.0006 * crease)
        shadow = torch.zeros(len(p))
        shadow[close] = bump(away, 0.005) * upper
        face.tint(0.28 * shadow, (0.80, 0.70, 0.70))
        if liner > 0.5:
            face.tint(0.5 * liner * shadow, (0.75, 0.62, 0.66))
    sockets = step(0.3, 0.7, face.inside) * (p[:, 1] > -0.04)
    face.cover(0.8 * sockets, mixed(identity.skin.colour, (0.45, 0.16, 0.14), 0.55))


def _brows(face: Face, identity: Identity) -> None:
    look, p = identity.brows, face.points
    strands = value_noise(
        torch.stack([p[:, 0] * 900 + p[:, 1] * 500, p[:, 1] * 260, p[:, 2] * 200], 1) + 999.0,
        1.0, identity.number % 709,
    )
    for side, sign in (("left", 1.0), ("right", -1.0)):
        x = sign * p[:, 0]
        height = face.at(f"brow_{side}")[1]
        start, end = 0.0105 - 0.002 * look.thickness, 0.0530
        along = (x - start) / (end - start)
        arch = (0.0028 + 0.0045 * look.arch) * (along.clamp(0, 1) * 0.80 * math.pi).sin()
        drop = 0.0075 * (along.clamp(0, 1) - 0.62).clamp(min=0) / 0.38
        line = height - 0.0055 + arch - drop
        thick = (0.0020 + 0.0026 * look.thickness) * (1 - 0.62 * step(0.45, 1.0, along))
        body = bump((p[:, 1] - line) / thick, 0.62)
        ends = step(-0.03, 0.10, along) * step(1.03, 0.82, along)
        share = body * ends * (0.45 + 0.75 * strands) * (0.55 + 0.45 * look.density)
        share = share * face.front
        face.cover(0.96 * share, look.colour)
        face.raise_by(0.0006 * share)
