"""The part of every picture that shows the person: they fill it, seen whole.

Small networks know people who fill the picture. A crop is a camera of its own:
``K' = A K`` with ``A`` a scale and a shift for every (view, frame), so cues and normal maps
are rendered for it, not cut out, and what is painted is put back where it was.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from muybridge.camera.types import Cameras

FILL = 0.78
"""Share of the crop's height (or width) that the naked body takes at most."""
_CALM = 6.0
"""Standard deviation of the smoothing over time, frames."""
_TOGETHER = 32
"""Frames whose points are projected together: memory does not grow with the video."""
_SMALLEST = 1e-3
"""Of a person's height in a picture, pixels; below it there is nothing to see."""


@dataclass(frozen=True)
class Crop:
    """Crops of all pictures of a video.

    Attributes:
        cameras: what the crops see; ``width x height`` pixels.
        scale: crop pixels per picture pixel.
        shift: crop pixels; ``x_crop = scale * x + shift``.
        width, height: of the whole pictures, pixels.
    """

    cameras: Cameras
    scale: Float[Tensor, "V T"]
    shift: Float[Tensor, "V T 2"]
    width: int
    height: int

    def paste(
        self, painted: Float[Tensor, "V t C h w"], start: int
    ) -> Float[Tensor, "V t C H W"]:
        """Crops put back to where they are in the whole pictures; 0 around them.

        Args:
            painted: of the frames from ``start`` on.
            start: the first of these frames.
        """
        views, count = painted.shape[:2]
        h, w = painted.shape[-2:]
        scale = self.scale[:, start : start + count, None].to(painted)
        shift = self.shift[:, start : start + count].to(painted)
        x = torch.arange(self.width, device=painted.device, dtype=painted.dtype) + 0.5
        y = torch.arange(self.height, device=painted.device, dtype=painted.dtype) + 0.5
        across = 2 * (scale * x + shift[..., :1]) / w - 1
        down = 2 * (scale * y + shift[..., 1:]) / h - 1
        shape = (views, count, self.height, self.width)
        grid = torch.stack(
            [across[:, :, None, :].expand(shape), down[..., None].expand(shape)], -1
        )
        whole = F.grid_sample(
            painted.flatten(0, 1), grid.flatten(0, 1), mode="bicubic",
            padding_mode="zeros", align_corners=False,
        )
        return whole.unflatten(0, (views, count))

    def cut(
        self, pictures: Float[Tensor, "V T C H W"], samples: int = 2
    ) -> Float[Tensor, "V T C h w"]:
        """The crops of whole pictures; 0 where they reach beyond them. Undone by :meth:`paste`.

        Args:
            pictures: of all frames.
            samples: per pixel, across and down.
        """
        h, w = self.cameras.height * samples, self.cameras.width * samples
        scale, shift = self.scale[..., None].to(pictures), self.shift.to(pictures)
        x = (torch.arange(w, device=pictures.device, dtype=pictures.dtype) + 0.5) / samples
        y = (torch.arange(h, device=pictures.device, dtype=pictures.dtype) + 0.5) / samples
        across = 2 * (x - shift[..., :1]) / scale / self.width - 1
        down = 2 * (y - shift[..., 1:]) / scale / self.height - 1
        shape = (*pictures.shape[:2], h, w)
        grid = torch.stack(
            [across[:, :, None, :].expand(shape), down[..., None].expand(shape)], -1
        )
        fine = F.grid_sample(
            pictures.flatten(0, 1), grid.flatten(0, 1), mode="bilinear", padding_mode="zeros",
            align_corners=False,
        )
        return F.avg_pool2d(fine, samples).unflatten(0, pictures.shape[:2])

    @property
    def enlargement(self) -> float:
        """Picture pixels per crop pixel, at the median."""
        return 1.0 / float(self.scale.median())


def follow(
    cameras: Cameras, points: Float[Tensor, "T P 3"], width: int, height: int,
    fill: float = FILL,
) -> Crop:
    """Crops that keep a body whole and calm in every view and frame.

    Args:
        cameras: of the whole pictures.
        points: of the body, world, metres; its outermost ones count.
        width, height: of the crops, pixels.
        fill: share of a crop's width or height that the points take at most.
    """
    pixel, depth = cameras.project(points)
    seen = (depth > 0)[..., None] & torch.isfinite(pixel)
    low = torch.where(seen, pixel, torch.inf).amin(2)
    high = torch.where(seen, pixel, -torch.inf).amax(2)
    nobody = ~torch.isfinite(high - low).all(-1, keepdim=True)
    middle = low.new_tensor([cameras.width / 2, cameras.height / 2])
    low = torch.where(nobody, middle - 0.5, low)
    high = torch.where(nobody, middle + 0.5, high)
    center = _smoothed((low + high) / 2)
    reach = torch.maximum(high - center, center - low).clamp(min=_SMALLEST)
    room = fill * low.new_tensor([width, height]) / 2
    scale = (room / reach).amin(-1)
    scale = _smoothed(_lowest_around(scale)[..., None])[..., 0]
    target = low.new_tensor([width / 2, height / 2])
    return _crop(cameras, scale, target - scale[..., None] * center, width, height)


def center_on(
    cameras: Cameras,
    anchor: Float[Tensor, "T 3"],
    points: Float[Tensor, "T P 3"],
    width: int,
    height: int,
    *,
    fill: float = FILL,
    most: float | None = None,
) -> Crop:
    """Crops with one point of the body in the middle, and the body equally large, in all views.

    Networks that compare views pixel by pixel want the same thing at the same place. A metre at
    the anchor's distance has the same number of pixels in all views of a frame, and nearly the
    same in the frames around it: the most with which the body is seen whole everywhere.

    Args:
        cameras: of the whole pictures.
        anchor: what comes into the middle, such as the pelvis; world, metres.
        points: of the body, likewise; its outermost ones count.
        width, height: of the crops, pixels.
        fill: share of the room between the middle and a border that the points take at most.
        most: pixels per metre that are not exceeded; no limit by default.
    """
    parts = [
        _around(cameras.slice(first, first + _TOGETHER), anchor[first:first + _TOGETHER],
                points[first:first + _TOGETHER])
        for first in range(0, cameras.frames, _TOGETHER)
    ]
    center = torch.cat([part[0] for part in parts], 1)
    reach = torch.cat([part[1] for part in parts]).clamp(min=_SMALLEST)
    per_metre = pixels_per_metre(cameras, anchor)
    room = fill * center.new_tensor([width, height]) / 2
    wanted = _smoothed(_lowest_around((room / reach).amin(-1)[None])[..., None])[..., 0]
    if most is not None:
        wanted = wanted.clamp(max=most)
    scale = wanted / per_metre
    target = center.new_tensor([width / 2, height / 2])
    return _crop(cameras, scale, target - scale[..., None] * center, width, height)


def anchored(
    cameras: Cameras, anchor: Float[Tensor, "T 3"], scale: Float[Tensor, "V T"], width: int,
    height: int,
) -> Crop:
    """Crops with one point in the middle, of a given size.

    Args:
        cameras: of the whole pictures.
        anchor: what comes into the middle; world, metres. Behind a camera, its picture's middle.
        scale: crop pixels per picture pixel.
        width, height: of the crops, pixels.
    """
    pixel, depth = cameras.project(anchor[:, None])
    seen = (depth > 0) & torch.isfinite(pixel).all(-1)
    middle = pixel.new_tensor([cameras.width / 2, cameras.height / 2])
    center = torch.where(seen, pixel[:, :, 0], middle)
    target = center.new_tensor([width / 2, height / 2])
    return _crop(cameras, scale, target - scale[..., None] * center, width, height)


def pixels_per_metre(
    cameras: Cameras, anchor: Float[Tensor, "T 3"]
) -> Float[Tensor, "V T"]:
    """How large a metre is that faces a camera at a point's distance.

    Where the point is behind a camera, as if it were a metre away.

    Args:
        cameras: that see it.
        anchor: the point in each frame, world, metres.
    """
    depth = cameras.project(anchor[:, None])[1][..., 0]
    focal = (cameras.K[..., 0, 0] * cameras.K[..., 1, 1]).abs().sqrt()
    return focal / torch.where(depth > _SMALLEST, depth, torch.ones_like(depth))


def _around(
    cameras: Cameras, anchor: Float[Tensor, "T 3"], points: Float[Tensor, "T P 3"]
) -> tuple[Float[Tensor, "V T 2"], Float[Tensor, "T 2"]]:
    """The anchor's pixels, and how far the points reach from it in any view, metres."""
    pixel, depth = cameras.project(torch.cat([anchor[:, None], points], 1))
    seen = (depth > 0)[..., None] & torch.isfinite(pixel)
    middle = pixel.new_tensor([cameras.width / 2, cameras.height / 2])
    center = torch.where(seen[:, :, 0], pixel[:, :, 0], middle)
    away = (pixel[:, :, 1:] - center[:, :, None]).abs()
    away = torch.where(seen[:, :, 1:] & seen[:, :, :1], away, 0.0).amax(2)
    return center, (away / pixels_per_metre(cameras, anchor)[..., None]).amax(0)


def _crop(
    cameras: Cameras, scale: Float[Tensor, "V T"], shift: Float[Tensor, "V T 2"],
    width: int, height: int,
) -> Crop:
    """The crop ``x_crop = scale * x + shift``."""
    A = torch.zeros(*scale.shape, 3, 3, dtype=cameras.K.dtype)
    A[..., 0, 0] = A[..., 1, 1] = scale
    A[..., :2, 2] = shift
    A[..., 2, 2] = 1
    crops = Cameras(A @ cameras.K, cameras.T_cam_world, width, height, cameras.name)
    return Crop(crops, scale, shift, cameras.width, cameras.height)


def _lowest_around(values: Float[Tensor, "V T"]) -> Float[Tensor, "V T"]:
    """The lowest value within the reach of :func:`_smoothed`, so that smoothing cuts nothing."""
    reach = round(3 * _CALM)
    padded = F.pad(-values[:, None], (reach, reach), mode="replicate")
    return -F.max_pool1d(padded, 2 * reach + 1, stride=1)[:, 0]


def _smoothed(values: Float[Tensor, "V T C"]) -> Float[Tensor, "V T C"]:
    """Gaussian over time; constant beyond the ends."""
    reach = round(3 * _CALM)
    step = torch.arange(-reach, reach + 1, dtype=values.dtype)
    bell = torch.exp(-0.5 * (step / _CALM) ** 2)
    bell = (bell / bell.sum())[None, None]
    views, _, channels = values.shape
    rows = values.transpose(1, 2).reshape(views * channels, 1, -1)
    calm = F.conv1d(F.pad(rows, (reach, reach), mode="replicate"), bell)
    return calm.reshape(views, channels, -1).transpose(1, 2)
