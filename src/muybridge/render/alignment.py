"""View alignment: every camera sees the pelvis at the same pixel, and back.

A model that compares views pixel by pixel wants the person at one place in all of them. The
shift is a whole number of pixels per (view, frame), so it loses nothing: intrinsics become
``K' = A K``, maps are rendered anew with K', pictures are moved and can be moved back
(HVG's view alignment; per frame, since a walking person would drift apart in opposite
directions in opposite cameras).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from muybridge.camera.types import Cameras

Mode = Literal["per_frame", "first_frame"]


@dataclass(frozen=True)
class ViewAlignment:
    """How pictures were moved: ``x' = zoom * x + shift``.

    Attributes:
        shift: pixels; whole numbers where zoom is 1.
        zoom: one for all pictures, so that views stay comparable.
        size: (width, height) of the pictures.
    """

    shift: Float[Tensor, "V T 2"]
    zoom: float
    size: tuple[int, int]

    def apply(
        self, frames: Float[Tensor, "V T C H W"], background: Float[Tensor, "..."] | float = 1.0
    ) -> Float[Tensor, "V T C H W"]:
        """Move pictures of the original cameras to where the aligned cameras see them."""
        return self._move(frames, background, back=False)

    def invert(
        self, frames: Float[Tensor, "V T C H W"], background: Float[Tensor, "..."] | float = 1.0
    ) -> Float[Tensor, "V T C H W"]:
        """Move pictures of the aligned cameras back to the original ones.

        Where zoom is 1 this gives back, bit for bit, what was not moved out of the picture;
        the rest is ``background``.
        """
        return self._move(frames, background, back=True)

    def covered(self) -> Bool[Tensor, "V T 1 H W"]:
        """Which pixels of the original pictures the aligned ones show."""
        width, height = self.size
        views, frames = self.shift.shape[:2]
        ones = torch.ones(views, frames, 1, height, width, device=self.shift.device)
        return self.invert(ones, 0.0) > 0.5

    def _move(self, frames: Tensor, background: Tensor | float, back: bool) -> Tensor:
        views, count = self.shift.shape[:2]
        width, height = self.size
        if tuple(frames.shape[:2]) != (views, count) or tuple(frames.shape[-2:]) != (height, width):
            raise ValueError(
                f"pictures of shape {tuple(frames.shape)} don't belong to {views} views x "
                f"{count} frames of {width} x {height} pixels"
            )
        ground = torch.as_tensor(background, dtype=frames.dtype, device=frames.device)
        out = ground.expand(frames.shape).clone()
        if self.zoom == 1.0:
            for v in range(views):
                for t in range(count):
                    dx, dy = (round(d) * (-1 if back else 1) for d in self.shift[v, t].tolist())
                    _paste(frames[v, t], out[v, t], dx, dy)
            return out
        shift = self.shift.to(frames)
        scale, offset = (self.zoom, shift) if back else (1 / self.zoom, -shift / self.zoom)
        x = torch.arange(width, device=frames.device) + 0.5
        y = torch.arange(height, device=frames.device) + 0.5
        gx = 2 * (scale * x + offset[..., 0, None]) / width - 1
        gy = 2 * (scale * y + offset[..., 1, None]) / height - 1
        shape = (views, count, height, width)
        grid = torch.stack([gx[:, :, None, :].expand(shape), gy[..., None].expand(shape)], -1)
        moved = F.grid_sample(
            frames.flatten(0, 1), grid.flatten(0, 1).to(frames.dtype), mode="bilinear",
            padding_mode="border", align_corners=False,
        ).unflatten(0, (views, count))
        inside = (gx.abs() <= 1)[:, :, None, None, :] & (gy.abs() <= 1)[:, :, None, :, None]
        return torch.where(inside, moved, out)


def align_views(
    cameras: Cameras,
    pelvis: Float[Tensor, "T 3"],
    *,
    mode: Mode = "per_frame",
    target: tuple[float, float] = (0.5, 0.5),
    zoom: float = 1.0,
) -> tuple[Cameras, ViewAlignment]:
    """Aim every view at the pelvis by moving its principal point.

    Args:
        cameras: as they are.
        pelvis: in the world, metres.
        mode: ``"per_frame"`` keeps the pelvis in place; ``"first_frame"`` keeps the first
            frame's move, and with it the motion across the picture.
        target: where the pelvis goes, as fractions of width and height.
        zoom: enlarge about the pelvis, the same for all views (1: lossless whole pixels).

    Returns:
        Cameras with ``K' = A K`` (extrinsics unchanged), and the move of the pictures.

    Raises:
        ValueError: the pelvis lies behind a camera, or frames don't match.
    """
    if pelvis.shape[0] != cameras.frames:
        raise ValueError(f"{pelvis.shape[0]} pelvis positions for {cameras.frames} frames")
    if not zoom > 0:
        raise ValueError(f"zoom must be positive, not {zoom}")
    if mode not in ("per_frame", "first_frame"):
        raise ValueError(f"no alignment mode {mode!r}; there are per_frame, first_frame")
    T = cameras.T_cam_world.double()
    cam = torch.einsum("vtij,tj->vti", T[..., :3, :3], pelvis.double()) + T[..., :3, 3]
    if bool((cam[..., 2] <= 0).any()):
        v, t = (cam[..., 2] <= 0).nonzero()[0].tolist()
        raise ValueError(f"the pelvis is behind camera {v} in frame {t}")
    pixel = torch.einsum("vtij,vtj->vti", cameras.K.double(), cam / cam[..., 2:])[..., :2]
    goal = pixel.new_tensor([target[0] * cameras.width, target[1] * cameras.height])
    shift = goal - zoom * pixel
    if mode == "first_frame":
        shift = shift[:, :1].expand(-1, cameras.frames, -1).clone()
    if zoom == 1.0:
        shift = shift.round()
    A = torch.eye(3, dtype=torch.float64, device=shift.device)
    A = A.expand(cameras.views, cameras.frames, 3, 3).clone()
    A[..., 0, 0] = A[..., 1, 1] = zoom
    A[..., :2, 2] = shift
    aligned = Cameras(
        (A @ cameras.K.double()).to(cameras.K.dtype), cameras.T_cam_world,
        cameras.width, cameras.height, cameras.name,
    )
    move = ViewAlignment(shift.to(cameras.K.dtype), float(zoom), (cameras.width, cameras.height))
    return aligned, move


def common_zoom(
    cameras: Cameras,
    points: Float[Tensor, "T P 3"],
    pelvis: Float[Tensor, "T 3"],
    *,
    target: tuple[float, float] = (0.5, 0.5),
    margin: float = 0.15,
    limits: tuple[float, float] = (0.25, 4.0),
) -> float:
    """The largest zoom about the pelvis at which all points stay in all pictures.

    Args:
        points: what has to stay visible: joints, for example.
        margin: how much room to leave, as a fraction of the points' extent.
        limits: smallest and largest answer.
    """
    T, K = cameras.T_cam_world.double(), cameras.K.double()
    both = torch.cat([pelvis[:, None], points], 1).double()
    cam = torch.einsum("vtij,tpj->vtpi", T[..., :3, :3], both) + T[..., None, :3, 3]
    uv = torch.einsum("vtij,vtpj->vtpi", K, cam / cam[..., 2:].clamp(min=1e-6))[..., :2]
    away = (uv[:, :, 1:] - uv[:, :, :1]) * (1 + margin)
    size = away.new_tensor([cameras.width, cameras.height])
    goal = away.new_tensor(target) * size
    room_low, room_high = goal, size - goal
    needed = torch.maximum(away / room_high, -away / room_low).amax()
    return min(limits[1], max(limits[0], 1.0 / max(float(needed), 1e-9)))


def _paste(source: Tensor, canvas: Tensor, dx: int, dy: int) -> None:
    """Copy source [C, H, W] into canvas moved by whole pixels; what falls outside is lost."""
    height, width = source.shape[-2:]
    x0, x1 = max(0, dx), min(width, width + dx)
    y0, y1 = max(0, dy), min(height, height + dy)
    if x0 < x1 and y0 < y1:
        canvas[:, y0:y1, x0:x1] = source[:, y0 - dy : y1 - dy, x0 - dx : x1 - dx]
