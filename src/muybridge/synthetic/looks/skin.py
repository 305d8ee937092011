"""The skin layer: the body's own mesh, painted."""

from __future__ import annotations

import torch
from jaxtyping import Bool
from torch import Tensor

from muybridge.body import load_anny
from muybridge.synthetic.canvas import Canvas, Texels
from muybridge.synthetic.layers import Layer, Material, Matter
from muybridge.synthetic.looks.atlas import skin_mesh, skin_texels, vertex_values
from muybridge.synthetic.looks.eyes import eye_layer
from muybridge.synthetic.looks.features import paint_face
from muybridge.synthetic.looks.head import Head, plan
from muybridge.synthetic.looks.identity import Identity
from muybridge.synthetic.looks.paint import Paint, bump, step
from muybridge.synthetic.looks.palette import mixed
from muybridge.synthetic.looks.stubble import paint_growth
from muybridge.synthetic.noise import fractal_noise, value_noise

SIZE = 512
"""Texels a side of the skin's texture."""
_KNUCKLES = tuple(
    f"finger{finger}-{joint}.{side}" for finger in range(1, 6) for joint in (1, 2) for side in "LR"
)
_FOLDS = ("lowerarm01.L", "lowerarm01.R", "lowerleg01.L", "lowerleg01.R")


def skin_layers(canvas: Canvas, identity: Identity) -> list[Layer]:
    """Skin, and eyes.

    The skin keeps the body's vertices and triangles in their order; ``hides`` of the skin
    itself names those of tongue and sockets, which nobody sees.

    Args:
        canvas: as :func:`~muybridge.synthetic.looks.face.canvas_of` gives it.
        identity: whose skin it is.
    """
    head = Head.of(canvas)
    mesh = skin_mesh()
    skin = Layer(
        name="skin", role="skin", vertices=canvas.vertices, weights=canvas.body.rig.weights,
        faces=mesh.faces, uv=mesh.uv, faces_uv=mesh.faces_uv,
        material=_painted(canvas, head, identity),
        slack=torch.zeros(len(canvas.vertices)), two_sided=False, hides=unseen(canvas, head),
    )
    return [skin, eye_layer(head, identity)]


def unseen(canvas: Canvas, head: Head) -> Bool[Tensor, "F"]:  # noqa: F821
    """Triangles of the body that never show: tongue, eyes, and the depth of their sockets.

    The walls of the mouth stay, since full lips part a little.
    """
    body = load_anny()
    names = list(body.label_names)
    label = body.labels.long()
    hidden = plan().inside & (label != names.index("mouth_cavity"))
    for side, letter in (("left", "L"), ("right", "R")):
        socket = label == names.index(f"eye_cavity.{letter}")
        rim = canvas.vertices[plan().rims[side], 2].amin()
        hidden &= ~(socket & (canvas.vertices[:, 2] > rim - 0.012 * head.scale))
    return hidden[canvas.faces].any(1) & plan().inside[canvas.faces].all(1)


def _painted(canvas: Canvas, head: Head, identity: Identity) -> Material:
    texels = skin_texels(canvas, SIZE)
    look = identity.skin
    paint = Paint(texels.position, look.colour, 0.34 + 0.16 * look.shine)
    _tone(paint, head, identity)
    _body(paint, canvas, texels, identity)
    _underwear(paint, canvas, texels, identity)
    paint_face(paint, head, texels, identity)
    paint_growth(paint, head, texels, identity)
    return paint.material(Matter.SKIN, texels.index, texels.size)


def _tone(paint: Paint, head: Head, identity: Identity) -> None:
    """Unevenness that all skin has: blotches, pores, freckles, moles."""
    look, points = identity.skin, paint.points / head.scale
    blotch = fractal_noise(points, 22.0, 2, look.seed % 7919) - 0.5
    paint.albedo *= 1 + 0.10 * blotch[:, None]
    red = value_noise(points, 9.0, look.seed % 6007) - 0.5
    paint.tint((0.5 + red).clamp(0, 1) * 0.25, (1.03, 0.95, 0.93))
    if look.moles > 0:
        spots = _spots(points, 70.0, look.seed % 5003, 0.05 * look.moles)
        paint.cover(0.7 * spots, [0.45 * c for c in look.colour])
    if identity.elderly > 0.35:
        spots = _spots(points, 90.0, look.seed % 4001, 0.10 * identity.elderly)
        paint.tint(0.6 * spots, (0.78, 0.68, 0.60))


def _spots(points: Tensor, frequency: float, seed: int, share: float) -> Tensor:
    """Small round spots in that share of the cells of space."""
    peaks = value_noise(points, frequency, seed)
    return step(1 - 0.8 * share, 1 - 0.3 * share, peaks)


def _body(paint: Paint, canvas: Canvas, texels: Texels, identity: Identity) -> None:
    """Knuckles, elbows, knees, nails, palms."""
    warm = (1.0, 0.80, 0.76) if identity.skin.tone < 0.55 else (0.80, 0.74, 0.70)
    scale = canvas.scale
    hands = vertex_values(texels, canvas.share_of("hand")[:, None])[:, 0] > 0.5
    at = hands.nonzero()[:, 0]
    joints = torch.stack([canvas.head_of(bone) for bone in _KNUCKLES])
    near = torch.cdist(paint.points[at], joints).amin(1)
    red = torch.zeros(len(paint.points))
    red[at] = 0.55 * bump(near, 0.0085 * scale)
    for bone in _FOLDS:
        away = (paint.points - canvas.head_of(bone)).norm(dim=1)
        red += 0.40 * bump(away, 0.045 * scale)
    paint.tint(red, warm)
    masks = load_anny().masks
    nails = torch.maximum(masks["fingernails"], masks["toenails"])
    nail = vertex_values(texels, nails[:, None])[:, 0]
    paint.cover(0.75 * nail, mixed(identity.skin.colour, (0.96, 0.80, 0.76), 0.45))
    paint.gloss += 0.25 * nail
    if identity.skin.tone > 0.5:
        wrist = torch.stack([canvas.head_of(f"finger3-1.{s}") for s in "LR"])
        side = (paint.points[at, 0] < 0).long()
        palm = -(wrist[side] - paint.points[at])[:, 1]
        inner = torch.zeros(len(paint.points))
        inner[at] = step(0.0, 0.02, -palm) * 0.35
        paint.cover(inner, mixed(identity.skin.colour, (0.8, 0.6, 0.5), 0.5))


def _underwear(paint: Paint, canvas: Canvas, texels: Texels, identity: Identity) -> None:
    """Plain briefs, and a top for women, for where garments leave a gap."""
    s = canvas.scale
    root, y = canvas.head_of("root")[1], paint.points[:, 1]
    fields = torch.stack(
        [canvas.limbs["left_leg"].distance, canvas.limbs["right_leg"].distance,
         canvas.share_of("arm")], 1,
    )
    left, right, arm = vertex_values(texels, fields).unbind(1)
    legs = torch.maximum(left, right)
    cloth = step(0.02 * s, 0.015 * s, y - root) * step(0.075 * s, 0.07 * s, legs)
    if identity.female:
        low, high = canvas.head_of("spine02")[1], canvas.head_of("spine01")[1]
        band = step(low - 0.03 * s, low - 0.025 * s, y) * step(high + 0.02 * s, high + 0.015 * s, y)
        cloth = torch.maximum(cloth, band * (arm < 0.3))
    paint.cover(cloth * (arm < 0.5), (0.52, 0.50, 0.49))


