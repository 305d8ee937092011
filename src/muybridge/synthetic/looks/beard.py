"""Beards that are a surface of their own: a shell over the jaw, thin at its border."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from muybridge.synthetic.layers import Layer, Material, Matter
from muybridge.synthetic.looks.head import Head, plan
from muybridge.synthetic.looks.identity import Identity
from muybridge.synthetic.looks.paint import step
from muybridge.synthetic.looks.strands import SIZE, streaks
from muybridge.synthetic.looks.stubble import beard_mask
from muybridge.synthetic.noise import fractal_noise, value_noise


def beard_layers(head: Head, identity: Identity) -> list[Layer]:
    """The shell of a moustache, a goatee or a full beard; nothing for less."""
    look = identity.beard
    if look.style in ("none", "stubble"):
        return []
    canvas = head.canvas
    s = head.scale
    vertices = canvas.vertices
    index = (plan().outer & (plan().ears < 0.3)).nonzero()[:, 0]
    local = head.local(vertices[index])
    share = torch.zeros(len(vertices))
    share[index] = beard_mask(head, local, plan().lips[index], look.style)
    share = canvas.smoothed(share[:, None], 1)[:, 0]
    thick = {"full": 0.004 + 0.016 * look.length, "goatee": 0.004 + 0.007 * look.length}
    most = thick.get(look.style, 0.0045)
    chin = head.local(head.point("chin")[None])[0]
    everywhere = head.local(vertices)
    low = step(chin[1] + 0.045, chin[1] - 0.012, everywhere[:, 1])
    front = step(-0.075, 0.0, everywhere[:, 2])
    patchy = fractal_noise((everywhere + 2.0).contiguous(), 160.0, 2, identity.number % 787)
    share = (share + 0.5 * (patchy - 0.5) * step(0.05, 0.3, share)).clamp(0, 1)
    rough = fractal_noise((everywhere + 1.0).contiguous(), 110.0, 2, identity.number % 911)
    height = most * (0.30 + 0.70 * low * front) * (0.65 + 0.7 * rough)
    height = height * step(0.30, 0.95, share) + 0.0008 * share
    height = height - 0.004 * step(0.34, 0.12, share)
    # long beards point down
    direction = canvas.normals + torch.tensor([0.0, -0.75, 0.1]) * (low * look.length)[:, None]
    moved = vertices + s * height[:, None] * F.normalize(direction, dim=1)
    faces = canvas.faces[(share > 0.10)[canvas.faces].all(1)]
    used, place = faces.unique(return_inverse=True)
    span = everywhere[used]
    u = 0.5 + span[:, 0] / 0.22
    v = (0.02 - span[:, 1]) / 0.20 + 0.15 * (0.03 - span[:, 2])
    uv = torch.stack([u, v], 1).clamp(0, 1)
    return [
        Layer(
            name="beard", role="hair", vertices=moved[used],
            weights=canvas.body.rig.weights[used], faces=place, uv=uv, faces_uv=place,
            material=_painted(identity), slack=torch.zeros(len(used)), two_sided=False,
            hides=torch.zeros(len(canvas.faces), dtype=torch.bool),
        )
    ]


def _painted(identity: Identity) -> Material:
    seed = identity.hair.seed % 77773
    grid = (torch.arange(SIZE) + 0.5) / SIZE
    y, x = torch.meshgrid(grid, grid, indexing="ij")
    flat = torch.stack([x * 3, y, 0 * x], -1).reshape(-1, 3) + 1.0
    curl = value_noise(flat, 45.0, seed).reshape(SIZE, SIZE)
    shade = 0.55 * streaks(seed, 90, 14) + 0.45 * curl
    colour = torch.tensor(identity.beard.colour) * (0.62 + 0.75 * shade)[..., None]
    if identity.hair.grey > 0:
        silver = step(1.05 - 0.6 * identity.hair.grey, 1.15 - 0.6 * identity.hair.grey, curl)
        colour = colour + (torch.tensor([0.8, 0.8, 0.79]) - colour) * 0.7 * silver[..., None]
    return Material(
        Matter.HAIR, colour.clamp(0, 1), 0.25 + 0.3 * shade, 0.0012 * shade,
        torch.zeros(SIZE, SIZE),
    )
