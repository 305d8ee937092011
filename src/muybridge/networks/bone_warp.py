"""A person's picture moved along their bones: what stands on a limb goes where the limb goes.

A place near a bone lies somewhere along it and across it, and is shown what the picture has at
the same place of the same bone; where several bones are near, the nearest to the place and to the
camera counts most. The trunk and the head turn: what is seen of them narrows with the line between
shoulders, or hips, and changes sides where a person is seen from behind. Nothing is learnt: what
the picture does not show, a back or what a limb has hidden, is left to who paints.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from muybridge.body.skeleton import JOINT_INDEX

_METRE = 0.42
"""Of a picture's height, in the picture that is moved: people of 1.7 m fill three quarters."""
_SMALLEST, _LARGEST = 0.6, 2.5
"""How much smaller or larger a person may be seen than there."""
_NARROWEST, _WIDEST = 0.5, 1.2
"""Width of a trunk seen from the side, of its width from the front, and most."""
_NEAR = 3.0
"""By what powers of e a bone loses at its own thickness from its middle line."""
_BEFORE = 10.0
"""By how many it gains by being a metre nearer to the camera."""
_EDGE, _SOLID = 1.2, 0.5
"""Away from its middle line a bone fades by powers of e of the squared distance over so many
squares of its thickness; what is left of this much or more is solid."""
_ALPHA = 2.0
"""How much a bone loses where it shows nothing: the power of its matte."""


@dataclass(frozen=True)
class Bone:
    """A straight part of a body.

    Attributes:
        first, last: the joints that it lies between.
        thick: half its thickness, metres.
        beyond: how far it goes on behind the last joint, of its length; 0 where another follows.
        sides: whose line turns with it: ``hip`` or ``shoulder``; nothing for limbs.
    """

    first: str
    last: str
    thick: float
    beyond: float = 0.0
    sides: str = ""


def _limbs(side: str) -> tuple[Bone, ...]:
    return (
        Bone(f"{side}_hip", f"{side}_knee", 0.09),
        Bone(f"{side}_knee", f"{side}_ankle", 0.06),
        Bone(f"{side}_ankle", f"{side}_foot", 0.05, 0.6),
        Bone(f"{side}_shoulder", f"{side}_elbow", 0.055),
        Bone(f"{side}_elbow", f"{side}_wrist", 0.045, 0.8),
    )


BONES: tuple[Bone, ...] = (
    Bone("pelvis", "spine2", 0.15, sides="hip"),
    Bone("spine2", "neck", 0.16, sides="shoulder"),
    Bone("neck", "head", 0.09, 2.5, "shoulder"),
    *_limbs("left"), *_limbs("right"),
)
"""What a picture is moved along."""
_FIRST = [JOINT_INDEX[bone.first] for bone in BONES]
_LAST = [JOINT_INDEX[bone.last] for bone in BONES]
_LEFT, _RIGHT = (
    [JOINT_INDEX[f"{side}_{bone.sides or 'hip'}"] for bone in BONES] for side in ("left", "right")
)


@dataclass(frozen=True)
class _Placed:
    """Bones in pictures.

    Attributes:
        origin, axis: where each begins, pixels, and where it points, of length 1.
        length: pixels, at least one.
        wide: of the line that turns with it, across the bone, pixels, negative where sides are
            changed; a metre for limbs, which do not turn.
        depth: how much nearer than the pelvis both ends are, metres.
        metre: pixels.
    """

    origin: Float[Tensor, "N K 2"]
    axis: Float[Tensor, "N K 2"]
    length: Float[Tensor, "N K"]
    wide: Float[Tensor, "N K"]
    depth: Float[Tensor, "N K 2"]
    metre: Float[Tensor, "N 1"]

    @property
    def normal(self) -> Float[Tensor, "N K 2"]:
        """Across each bone."""
        return torch.stack([-self.axis[..., 1], self.axis[..., 0]], -1)


@torch.no_grad()
def moved(
    picture: Float[Tensor, "N C H W"], source: Float[Tensor, "N J 3"],
    target: Float[Tensor, "N J 3"],
) -> Float[Tensor, "N 4 H W"]:
    """A picture of a person as they look with their joints elsewhere.

    Args:
        picture: RGB premultiplied over black, and matte, in [0, 1].
        source: where the pelvis and the body's joints are in it (22 or more, SMPL-X's order): to
            the right and down, half pictures each from the middle, and how much nearer than the
            pelvis, metres.
        target: likewise, where they shall be.

    Raises:
        ValueError: the picture has no matte.
    """
    if picture.shape[1] != 4:
        raise ValueError(f"a picture of 4 channels is moved, not of {picture.shape[1]}")
    height, width = picture.shape[-2:]
    size = picture.new_tensor([width, height]).float()
    own = _placed(source.float(), size)
    new = _placed(target.float(), size, own)
    rows = torch.arange(height, device=picture.device, dtype=torch.float32)
    columns = torch.arange(width, device=picture.device, dtype=torch.float32)
    places = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1).flatten(0, 1)
    away = places - new.origin[:, :, None]
    along = (away * new.axis[:, :, None]).sum(-1) / new.length[..., None]
    across = (away * new.normal[:, :, None]).sum(-1)
    wins, solid = _nearness(along, across, new)
    at = _in_picture(along, across, own, new)
    grid = (2 * (at + 0.5) / size - 1).flatten(0, 1).unflatten(1, (height, width))
    shown = picture.float().repeat_interleave(len(BONES), 0)
    parts = F.grid_sample(shown, grid, align_corners=False).unflatten(0, (-1, len(BONES)))
    parts = parts.flatten(-2) * solid[:, :, None]
    share = torch.softmax(wins + _ALPHA * parts[:, :, 3].clamp(min=1e-3).log(), 1)
    return (share[:, :, None] * parts).sum(1).unflatten(-1, (height, width)).to(picture.dtype)


def _placed(
    seen: Float[Tensor, "N J 3"], size: Float[Tensor, "2"], like: _Placed | None = None
) -> _Placed:
    """The bones of pictures of some size.

    Args:
        seen: see :func:`moved`. ``size``: width and height, pixels.
        like: the same bones in another picture, by which is known how large these are.
    """
    at = (seen[..., :2] + 1) / 2 * size - 0.5
    vector = at[:, _LAST] - at[:, _FIRST]
    length = vector.norm(dim=-1).clamp(min=1.0)
    axis = vector / length[..., None]
    depth = torch.stack([seen[:, _FIRST, 2], seen[:, _LAST, 2]], -1)
    metre = (_METRE * size[1]).expand(len(seen), 1)
    if like is not None:
        metre = like.metre * _enlarged(length, depth, like)
    normal = torch.stack([-axis[..., 1], axis[..., 0]], -1)
    wide = ((at[:, _LEFT] - at[:, _RIGHT]) * normal).sum(-1)
    turns = torch.tensor([bool(bone.sides) for bone in BONES], device=seen.device)
    return _Placed(
        at[:, _FIRST], axis, length, torch.where(turns, wide, metre), depth, metre
    )


def _enlarged(
    length: Float[Tensor, "N K"], depth: Float[Tensor, "N K 2"], like: _Placed
) -> Float[Tensor, "N 1"]:
    """How much larger bones are seen than others, by what of them does not point to the camera."""
    whole = (like.length / like.metre).square() + (like.depth[..., 1] - like.depth[..., 0]).square()
    facing = (whole - (depth[..., 1] - depth[..., 0]).square()).clamp(min=0).sum(1, keepdim=True)
    metre = (length.square().sum(1, keepdim=True) / facing.clamp(min=0.2)).sqrt()
    return (metre / like.metre).clamp(_SMALLEST, _LARGEST)


def _nearness(
    along: Float[Tensor, "N K P"], across: Float[Tensor, "N K P"], bones: _Placed
) -> tuple[Float[Tensor, "N K P"], Float[Tensor, "N K P"]]:
    """How strongly each bone claims places, as powers of e, and how solid it is there, 0..1.

    Args:
        along: of each bone's length. ``across``: pixels.
        bones: as they shall be.
    """
    thick = along.new_tensor([bone.thick for bone in BONES]) * bones.metre
    ends = along.new_tensor([1 + bone.beyond for bone in BONES])
    within = torch.minimum(along.clamp(min=0), ends[:, None])
    past = (along - within) * bones.length[..., None]
    apart = (across.square() + past.square()) / thick.square()[..., None]
    near, far = bones.depth[..., :1], bones.depth[..., 1:]
    before = near + within.clamp(max=1) * (far - near)
    solid = ((-apart / _EDGE).exp() / _SOLID).clamp(max=1)
    return _BEFORE * before - _NEAR * apart, solid


def _in_picture(
    along: Float[Tensor, "N K P"], across: Float[Tensor, "N K P"], own: _Placed, new: _Placed
) -> Float[Tensor, "N K P 2"]:
    """Where places of bones as they shall be lie in the picture, pixels.

    Behind its ends a bone is as long as it is seen large, not stretched.
    """
    narrowed = (new.wide / new.metre) / _apart_from_zero(own.wide / own.metre)
    sign = torch.where(narrowed < 0, -1.0, 1.0)
    narrowed = sign * narrowed.abs().clamp(_NARROWEST, _WIDEST)
    smaller = (own.metre / new.metre)[..., None]
    inner = along.clamp(0, 1)
    past = (along - inner) * new.length[..., None] * smaller
    ahead = inner * own.length[..., None] + past
    aside = across * smaller / narrowed[..., None]
    return (
        own.origin[:, :, None] + ahead[..., None] * own.axis[:, :, None]
        + aside[..., None] * own.normal[:, :, None]
    )


def _apart_from_zero(values: Float[Tensor, "N K"]) -> Float[Tensor, "N K"]:
    """Values that can be divided by, of the same sign."""
    return torch.where(values < 0, -1.0, 1.0) * values.abs().clamp(min=1e-3)
