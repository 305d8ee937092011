"""What drives 3DiMo: a motion, shown by somebody whom the project makes itself, or a video.

A motion is given to a figure of ours, seen by one camera before it. Who it is does not matter:
motion tokens know neither clothes nor camera. Of a video the person's part is taken, found by
the matte.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from muybridge.body import PosedBody, load_body
from muybridge.camera import Cameras, build_cameras
from muybridge.camera.crop import Crop, anchored, center_on, pixels_per_metre
from muybridge.data.people import sitter
from muybridge.errors import InputError
from muybridge.methods.cropped import BLOCK
from muybridge.methods.threedimo.conditions import (
    HAND_WIDTH,
    PELVIS,
    hands_of,
    joint_rotations,
)
from muybridge.methods.threedimo.config import ThreeDimoConfig
from muybridge.methods.threedimo.networks import Driver
from muybridge.motion import Motion, retarget
from muybridge.render import skeleton_map
from muybridge.synthetic.capture import Sitter, photographed

_SHOWN = 5 / 3
"""Of the size that encoders see: at which the figure is seen. Hands are cut out of it."""
_CAMERA = "static:0,elevation=5,fov=24"
_SKIN_POINTS = 7
_WHO = 3
"""Number of the figure among the people to train on; a plain one."""
_UPRIGHT = 1.7
"""Metres that the tallest picture of a filmed person stands for, where hands are cut out."""
_ROOM = 0.68
"""Share of a crop's height that the person of a video takes at most: as tall as people are in the
crops of training, whose bodies are known."""


@cache
def figure() -> Sitter:
    """The figure that shows motions."""
    return sitter(_WHO, "train", 256)


def shown(motion: Motion, config: ThreeDimoConfig) -> Iterable[Driver]:
    """A motion as a driving video, block by block.

    Args:
        motion: on any body.
        config: of the size.
    """
    who = figure()
    moved = retarget(motion, who.rest_joints)
    posed = who.figure.posed(moved)
    cameras, crop = _seen(who, moved, config)
    for first in range(0, moved.frames, BLOCK):
        last = min(first + BLOCK, moved.frames)
        part = cameras.slice(first, last)
        rgb, matte = photographed(posed.slice(first, last), part, who.light)
        pictures = _tensor(np.concatenate([rgb, matte[..., None]], -1))
        body = _body(who, moved.slice(first, last))
        hands, seen = hands_of(body, part, pictures, max(config.motion["hand"], 1))
        known = Crop(
            crop.cameras.slice(first, last), crop.scale[:, first:last],
            crop.shift[:, first:last], crop.width, crop.height,
        )
        cut = known.cut(pictures)[:, :, : config.motion["channels"]]
        yield Driver(
            cut, hands, seen, joint_rotations(moved.slice(first, last))[None],
            skeleton_map(body.joints, known.cameras),
        )


def of_pictures(
    pictures: UInt8[Tensor, "T 4 H W"], config: ThreeDimoConfig,
    hands: Float[Tensor, "F 2 2"] | None = None,
) -> Driver:
    """A video of one person as a driver; hands that nobody tells the places of are not seen.

    The middle of what the matte shows is kept in the middle, and the person equally large in all
    frames. That is nearer to the pelvis, which is in the middle in training, than the middle of a
    box, which an arm held out moves.

    Args:
        pictures: RGB premultiplied over black, and matte.
        config: of the size.
        hands: see :meth:`muybridge.methods.pipeline.HumanVideoPipeline.driven_by`.

    Raises:
        InputError: nobody is seen in it, hands are told of another number of frames, or this size
            is driven by something else.
    """
    if config.control != "tokens":
        raise InputError("--driver", "", f"networks driven by {config.control} take no video",
                         "give a motion")
    boxes = [_box(picture) for picture in pictures]
    known = [box for box in boxes if box is not None]
    if not known:
        raise InputError("--driver", "", "nobody is seen in it",
                         "give a video of one person, with a matte if the ground is busy")
    first = next(k for k, box in enumerate(boxes) if box is not None)
    middles, last = [], _middle(pictures[first])
    for picture, box in zip(pictures, boxes, strict=True):
        last = last if box is None else _middle(picture)
        middles.append(last)
    centres = _calm(torch.stack(middles))
    tallest = max(bottom - top for _, top, _, bottom in known)
    aside = max(
        max(float(x) - box[0], box[2] - float(x))
        for box, x in zip(boxes, centres[:, 0], strict=True) if box is not None
    )
    width, height = config.motion["width"], config.motion["height"]
    scale = min(_ROOM * height / tallest, width / (2 * aside))
    cut = [
        _cut(picture.float() / 255, centre, scale, width, height)[: config.motion["channels"]]
        for picture, centre in zip(pictures, centres, strict=True)
    ]
    driver = Driver(torch.stack(cut)[None])
    if hands is None or not config.motion["hand"]:
        return driver
    if len(hands) != len(pictures):
        raise InputError("hands", "frames", f"are told of {len(hands)}",
                         f"tell those of {len(pictures)} frames")
    return replace(driver, **_hands_at(pictures, hands, tallest, config.motion["hand"]))


def _hands_at(
    pictures: UInt8[Tensor, "T 4 H W"], places: Float[Tensor, "T 2 2"], tallest: int, side: int
) -> dict[str, Tensor]:
    """Pictures of hands, and which of them are seen, as :class:`Driver` has them.

    Args:
        pictures: of a video. ``places``: of the hands, shares.
        tallest: rows that the person takes, somebody of usual height upright.
        side: of the hands' pictures, pixels.
    """
    height, width = pictures.shape[-2:]
    seen = ((places > 0) & (places < 1)).all(-1)  # not of nan
    scale = side / (HAND_WIDTH * tallest / _UPRIGHT)
    middles = torch.where(seen[..., None], places, 0.0) * torch.tensor([width, height])
    cut = torch.stack([
        torch.stack([
            _cut(picture.float() / 255, middle, scale, side, side)[:3] for middle in both
        ]) for picture, both in zip(pictures, middles, strict=True)
    ])
    return {"hands": cut[None], "seen": seen[None]}


def _seen(who: Sitter, motion: Motion, config: ThreeDimoConfig) -> tuple[Cameras, Crop]:
    """The camera before the figure, and the crop that the networks see."""
    size = config.motion["width"], config.motion["height"]
    width, height = (round(_SHOWN * side) for side in size)
    pelvis, skin, joints = [], [], []
    for first in range(0, motion.frames, BLOCK):
        body = _body(who, motion.slice(first, first + BLOCK))
        pelvis.append(body.joints[:, PELVIS])
        skin.append(body.vertices[:, ::_SKIN_POINTS])
        joints.append(body.joints)
    cameras = build_cameras(
        _CAMERA, torch.cat(joints), width=width, height=height, fps=motion.fps, facing="auto",
    )
    middle, points = torch.cat(pelvis), torch.cat(skin)
    fitting = center_on(cameras, middle, points, *size)
    scale = pixels_per_metre(fitting.cameras, middle).min() / pixels_per_metre(cameras, middle)
    return cameras, anchored(cameras, middle, scale, *size)


def _body(who: Sitter, motion: Motion) -> PosedBody:
    """The figure's naked body."""
    return load_body().with_shape(who.shape).pose(motion)


def _tensor(pictures: np.ndarray) -> Float[Tensor, "V T 4 H W"]:
    return torch.from_numpy(pictures).permute(0, 1, 4, 2, 3).float() / 255


def _box(picture: UInt8[Tensor, "4 H W"]) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of what the matte shows; ``None`` where it shows nothing."""
    inside = picture[3] > 127
    rows, columns = inside.any(1).nonzero()[:, 0], inside.any(0).nonzero()[:, 0]
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _middle(picture: UInt8[Tensor, "4 H W"]) -> Float[Tensor, "2"]:
    """Centre of gravity of what the matte shows, pixels from the upper left corner."""
    matte = picture[3].float()
    height, width = matte.shape
    x, y = torch.arange(width) + 0.5, torch.arange(height) + 0.5
    both = torch.stack([(matte * x).sum(), (matte * y[:, None]).sum()])
    return both / matte.sum().clamp(min=1.0)


def _calm(places: Float[Tensor, "T 2"]) -> Float[Tensor, "T 2"]:
    """Places without what a matte's faults add: the mean of five frames."""
    padded = F.pad(places.T[None], (2, 2), mode="replicate")
    return F.avg_pool1d(padded, 5, 1)[0].T


def _cut(
    picture: Float[Tensor, "4 H W"], centre: Float[Tensor, "2"], scale: float, width: int,
    height: int,
) -> Float[Tensor, "4 h w"]:
    """The part of a picture around a place, resampled; nothing beyond its borders."""
    H, W = picture.shape[-2:]
    fine = 2
    x = ((torch.arange(width * fine) + 0.5) / fine - width / 2) / scale + centre[0]
    y = ((torch.arange(height * fine) + 0.5) / fine - height / 2) / scale + centre[1]
    grid = torch.stack(
        [(2 * x / W - 1).expand(len(y), -1), (2 * y / H - 1)[:, None].expand(-1, len(x))], -1
    )
    reduced = picture
    if scale < 0.5:  # samples would be far apart
        factor = int(0.5 / scale) + 1
        size = (max(1, H // factor), max(1, W // factor))
        reduced = F.interpolate(picture[None], size, mode="area")[0]
    found = F.grid_sample(reduced[None], grid[None], padding_mode="zeros", align_corners=False)
    return F.avg_pool2d(found, fine)[0]
