"""Collars, stand-up necks, lapels and hoods: rings built on the neckline."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool
from torch import Tensor

from muybridge.synthetic.wardrobe.cutting import Patch, rimmed
from muybridge.synthetic.wardrobe.design import Design
from muybridge.synthetic.wardrobe.drape import tube_faces
from muybridge.synthetic.wardrobe.piece import Field
from muybridge.synthetic.wardrobe.tailor import Tailor

_AROUND = 48
"""Vertices of each ring of a collar."""


def collar(
    tailor: Tailor, design: Design, patch: Patch, neckline: Bool[Tensor, "N"]  # noqa: F821
) -> Patch | None:
    """The collar of a garment; ``None`` where it has none.

    Args:
        tailor: the body.
        design: of the garment.
        patch: the garment without collar.
        neckline: its vertices along the neckline.
    """
    profile = _profile(design)
    if profile is None:
        return None
    s = tailor.scale
    index = neckline.nonzero().squeeze(1)
    points = patch.vertices[index]
    centre = tailor.neck + torch.tensor([0.0, 0.0, 0.008]) * s
    angle = torch.atan2(points[:, 0] - centre[0], points[:, 2] - centre[2])
    angle = torch.remainder(angle, 2 * torch.pi)
    order = angle.argsort()
    index, points, angle = index[order], points[order], angle[order]
    index, points, angle = _resampled(index, points, angle, not _is_open(design))
    out = F.normalize(torch.stack([torch.sin(angle), 0 * angle, torch.cos(angle)], 1), dim=1)
    up = F.normalize(torch.tensor([0.0, 1.0, 0.25]), dim=0)
    ahead = 0.5 + 0.5 * torch.cos(angle)
    rings = []
    for outward, upward, front_out, front_up in profile:
        step_out = (outward + (front_out - outward) * ahead)[:, None] * s
        step_up = (upward + (front_up - upward) * ahead)[:, None] * s
        rings.append(points + out * step_out + up * step_up)
    count = len(profile)
    vertices = torch.stack(rings).reshape(-1, 3)
    faces = tube_faces(count, len(index), not _is_open(design))
    fields = patch.fields[index].repeat(count, 1)
    rise = torch.linspace(0, 1, count).repeat_interleave(len(index))
    fields[:, Field.NECK] = rise
    fields[:, Field.LIMB] = -1.0
    fields[:, Field.SHARE] = 0.0
    built = Patch(
        vertices, patch.weights[index].repeat(count, 1), fields,
        torch.zeros(len(vertices), dtype=torch.long), patch.anchor[index].repeat(count),
        faces.flip(1),  # the rings climb
    )
    return rimmed(built, 0.002 * s)


def _is_open(design: Design) -> bool:
    """Whether the collar has two ends in front."""
    return design.opening > 0 or design.neck in ("lapel", "collar") or design.style == "cardigan"


def _resampled(
    index: Tensor, points: Tensor, angle: Tensor, closed: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """A neckline of evenly spread angles: the nearest vertices, points, angles."""
    if closed:
        even = torch.arange(_AROUND) * (2 * torch.pi / _AROUND)
        index = torch.cat([index[-1:], index, index[:1]])
        points = torch.cat([points[-1:], points, points[:1]])
        angle = torch.cat([angle[-1:] - 2 * torch.pi, angle, angle[:1] + 2 * torch.pi])
    else:
        even = torch.linspace(float(angle[0]), float(angle[-1]), _AROUND)
    angle = torch.cummax(angle, 0).values
    upper = torch.searchsorted(angle, even).clamp(1, len(angle) - 1)
    step = (angle[upper] - angle[upper - 1]).clamp(min=1e-6)
    t = ((even - angle[upper - 1]) / step).clamp(0, 1)
    between = torch.lerp(points[upper - 1], points[upper], t[:, None])
    nearest = torch.where(t < 0.5, index[upper - 1], index[upper])
    return nearest, between, even


Profile = tuple[tuple[float, float, float, float], ...]
"""Rings as (outward, upward) behind and (outward, upward) ahead, metres from the neckline."""


def _profile(design: Design) -> Profile | None:
    kind = design.neck
    if kind == "turtle":
        return (
            (0.0, -0.006, 0.0, -0.006), (-0.012, 0.02, -0.016, 0.018),
            (-0.018, 0.05, -0.024, 0.044), (-0.012, 0.058, -0.018, 0.052),
            (-0.006, 0.048, -0.012, 0.042), (-0.004, 0.024, -0.008, 0.02),
        )
    if kind == "stand":
        return (
            (0.0, -0.006, 0.0, -0.006), (-0.006, 0.02, -0.008, 0.016),
            (-0.008, 0.045, -0.01, 0.036),
        )
    if kind in ("collar", "lapel"):
        return (
            (0.0, -0.006, 0.0, -0.004), (-0.008, 0.022, -0.004, 0.012),
            (-0.006, 0.034, 0.0, 0.018), (0.006, 0.03, 0.008, 0.012),
            (0.016, 0.012, 0.02, -0.012), (0.022, -0.008, 0.03, -0.036),
        )
    if kind == "hood":
        return (
            (0.0, -0.006, 0.0, -0.004), (-0.004, 0.03, -0.006, 0.012),
            (0.01, 0.055, 0.002, 0.022), (0.035, 0.055, 0.014, 0.018),
            (0.055, 0.03, 0.02, 0.006), (0.06, -0.01, 0.02, -0.008),
            (0.045, -0.055, 0.014, -0.016), (0.014, -0.08, 0.006, -0.02),
        )
    return None
