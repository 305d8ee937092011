"""Joints: where the person's limbs came out, against where they were asked to be.

Two measures. ``joint_shift`` needs nothing but pictures: around each visible joint it looks
for the place where what was made looks most like the truth there. It is no detector of joints:
it sees that a limb lies beside its place or is not there, to whole pixels (of pictures made
smaller until they have at most 320 a side). It does not see where a limb is that lies farther
away than it looks, how far one without marks slid along itself, and movement that changes no
outline or pattern. Somebody who looks quite otherwise counts as not found, though the pose be
right; ``joint_shift/lost`` tells how many.

``joint_error`` finds joints anew, in the truth as well, with a detector where one is
installed (extra ``keypoints``).
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from muybridge.body.skeleton import JOINT_INDEX
from muybridge.evaluation.metric import Metric
from muybridge.evaluation.sample import GROUND, Sample
from muybridge.person.keypoints import COCO_NAMES, Keypoints, detect_keypoints
from muybridge.render import rasterize

PARTS: dict[str, tuple[str, ...]] = {
    "arms": ("left_elbow", "right_elbow", "left_wrist", "right_wrist"),
    "legs": ("left_knee", "right_knee", "left_ankle", "right_ankle"),
    "trunk": ("head", "left_shoulder", "right_shoulder", "left_hip", "right_hip"),
}
"""Joints whose place is looked at."""
_DEPTH = {"arms": 0.09, "legs": 0.12, "trunk": 0.2}
"""Metres that a joint may lie behind the skin that is seen there."""
_SHARE = 0.07
"""Half a patch's side, and how far it is looked for, as a share of the person's height."""
_LARGEST = 320
"""Pixels; larger pictures are made smaller before they are searched."""
_PICTURES = 48
"""At most so many pictures of a clip are searched, evenly over views and frames."""
_DETECTED = 8
_FOUND = 0.4
"""Least correlation of a patch that was found."""
_NEARER = 0.02
"""Correlation that a place at the end of the search has to be better by than none at all."""
_FLAT = 1e-4
"""Variance below which a patch shows nothing."""
_PCK = 0.1
"""Share of the person's larger side that a joint may be off."""


@dataclass(frozen=True)
class Places:
    """Joints that are seen, one after another.

    Attributes:
        picture: number of each one's picture, ``view * T + frame``.
        joint: number in :data:`NAMES`.
        pixel: x and y.
        height: of the person in that picture, pixels.
    """

    picture: Int[Tensor, "N"]  # noqa: F821
    joint: Int[Tensor, "N"]  # noqa: F821
    pixel: Float[Tensor, "N 2"]
    height: Float[Tensor, "N"]  # noqa: F821


NAMES = tuple(name for names in PARTS.values() for name in names)
_PART = tuple(part for part, names in PARTS.items() for _ in names)


def seen_joints(sample: Sample, most: int = _PICTURES) -> Places:
    """Joints of :data:`NAMES` that lie in the picture with nothing of the bare body before them.

    Args:
        sample: its clip gives body and cameras.
        most: pictures, evenly over views and frames.
    """
    clip, body = sample.clip, sample.surface.body
    V, T, cameras = clip.views, clip.frames, clip.cameras
    picture = torch.tensor([k * V * T // min(most, V * T) for k in range(min(most, V * T))])
    skin = rasterize(
        body.vertices[picture % T], body.mesh.faces, cameras.K.flatten(0, 1)[picture],
        cameras.T_cam_world.flatten(0, 1)[picture], cameras.height, cameras.width,
    ).depth
    pixels, depth = cameras.project(body.joints)
    tall = cameras.project(body.vertices[:, ::29])[0][..., 1]
    height = (tall.amax(2) - tall.amin(2)).flatten()
    index = [JOINT_INDEX[name] for name in NAMES]
    xy = pixels.flatten(0, 1)[picture][:, index]
    z = depth.flatten(0, 1)[picture][:, index]
    H, W = skin.shape[1:]
    inside = (xy[..., 0] >= 0) & (xy[..., 1] >= 0) & (xy[..., 0] < W) & (xy[..., 1] < H) & (z > 0)
    column = xy[..., 0].clamp(0, W - 1).long()
    row = xy[..., 1].clamp(0, H - 1).long()
    before = skin[torch.arange(len(picture))[:, None], row, column]
    behind = torch.tensor([_DEPTH[part] for part in _PART])
    which, joint = (inside & (before > 0) & (z - before < behind)).nonzero().unbind(1)
    return Places(picture[which], joint, xy[which, joint].float(), height[picture[which]].float())


def displacement(
    made: Float[Tensor, "B C H W"], truth: Float[Tensor, "B C H W"],
    picture: Int[Tensor, "N"], pixel: Float[Tensor, "N 2"],  # noqa: F821
    reach: int, ground: Float[Tensor, "C"],  # noqa: F821
) -> tuple[Float[Tensor, "N 2"], Float[Tensor, "N"]]:  # noqa: F821
    """Where patches of the truth are found in what was made.

    Each patch of ``(2 reach + 1)`` pixels is correlated with the picture made, at all
    displacements of up to ``reach`` pixels; means of the channels are taken off and contrast
    is divided out. Of places as good as each other the nearest wins.

    Args:
        made, truth: pictures of any channels.
        picture: which picture each patch is of.
        pixel: x and y of its middle.
        reach: pixels.
        ground: what lies beyond the pictures.

    Returns:
        x and y of the displacement, whole pixels; and the correlation there, 0 where what
        was made shows nothing, NaN where the truth shows nothing.
    """
    size = 2 * reach + 1
    wanted = _windows(truth, picture, pixel, reach, ground)
    around = _windows(made, picture, pixel, 2 * reach, ground)
    wanted = wanted - wanted.mean((2, 3), keepdim=True)
    around = around - around.mean((2, 3), keepdim=True)
    own = wanted.square().sum((1, 2, 3)) / size**2
    shape = around.shape[-2:]
    product = torch.fft.rfft2(around) * torch.fft.rfft2(wanted, s=shape).conj()
    match = torch.fft.irfft2(product.sum(1), s=shape)[:, :size, :size] / size**2
    spread = (_means(around.square(), size) - _means(around, size).square()).sum(1)
    good = match / (own[:, None, None] * spread).clamp(min=1e-12).sqrt()
    good = torch.where(spread > _FLAT, good, torch.zeros_like(good))
    step = torch.arange(-reach, reach + 1)
    far = (step[:, None].square() + step.square()).float().sqrt() / reach
    best = (good - _NEARER * far).flatten(1).argmax(1)
    found = torch.stack([best % size, best.div(size, rounding_mode="floor")], 1) - reach
    correlation = good.flatten(1).gather(1, best[:, None])[:, 0]
    return found.float(), torch.where(own > _FLAT, correlation, torch.nan)


def _means(windows: Tensor, size: int) -> Tensor:
    """Means over all squares of ``size`` pixels, rows first and columns after."""
    return F.avg_pool2d(F.avg_pool2d(windows, (size, 1), 1), (1, size), 1)


def _windows(
    pictures: Tensor, picture: Tensor, pixel: Tensor, reach: int, ground: Tensor
) -> Tensor:
    """Square cut-outs [N, C, 2 reach + 1, 2 reach + 1]; the ground lies beyond the pictures."""
    B, C, H, W = pictures.shape
    step = torch.arange(-reach, reach + 1)
    column = pixel[:, 0].floor().long()[:, None] + step
    row = pixel[:, 1].floor().long()[:, None] + step
    at = row.clamp(0, H - 1)[:, :, None] * W + column.clamp(0, W - 1)[:, None]
    inside = ((row >= 0) & (row < H))[:, :, None] & ((column >= 0) & (column < W))[:, None]
    flat = pictures.flatten(2)
    cut = flat[picture[:, None], :, at.flatten(1)].movedim(2, 1).reshape(-1, C, *at.shape[1:])
    return torch.where(inside[:, None], cut, ground[:, None, None])


def joint_shift(sample: Sample) -> Mapping[str, float]:
    """``joint_shift`` in pixels, ``/arms``, ``/legs``, ``/trunk``, and ``/lost``.

    A joint that is not found counts as far as it was looked for, 7 % of the person's height;
    ``/lost`` is the share of such. Nothing where no body is known, or no joint is seen.
    """
    if sample.surface.kind == "none":
        return {}
    places = seen_joints(sample)
    if not len(places.picture):
        return {}
    H, W = sample.made.shape[-2:]
    factor = -(-max(H, W) // _LARGEST)
    reach = max(3, round(_SHARE * float(places.height.median()) / factor))
    chosen, picture = places.picture.unique(return_inverse=True)
    made, truth = (
        _small(torch.cat([rgb.flatten(0, 1)[chosen], matte.flatten(0, 1)[chosen]], 1), factor)
        for rgb, matte in ((sample.made, sample.silhouette), (sample.truth, sample.truth_matte))
    )
    ground = torch.tensor([GROUND, GROUND, GROUND, 0.0])
    step, correlation = displacement(
        made, truth, picture, places.pixel / factor, reach, ground
    )
    told = ~correlation.isnan()
    lost = correlation < _FOUND
    shift = torch.where(lost, float(reach), step.norm(dim=1)) * factor
    if not bool(told.any()):
        return {}
    scores = {"joint_shift": float(shift[told].mean())}
    for part in PARTS:
        own = told & torch.tensor([_PART[j] == part for j in places.joint.tolist()])
        if bool(own.any()):
            scores[f"joint_shift/{part}"] = float(shift[own].mean())
    return scores | {"joint_shift/lost": float(lost[told].float().mean())}


def _small(pictures: Tensor, factor: int) -> Tensor:
    return pictures if factor == 1 else F.avg_pool2d(pictures, factor, ceil_mode=True)


# ------------------------------------------------------------------ found anew

Detector = Callable[[np.ndarray], Keypoints | None]
_COCO = tuple(name for name in COCO_NAMES if name in JOINT_INDEX and "eye" not in name)


def no_detector() -> str | None:
    """Why joints can't be found anew here; ``None`` where they can."""
    try:
        there = find_spec("mediapipe.python.solutions") is not None
    except ModuleNotFoundError:
        there = False
    return None if there else "no keypoint detector: install muybridge[keypoints]"


def detected(sample: Sample, detector: Detector) -> Mapping[str, float]:
    """Joints that a detector finds in what was made, against those that were projected.

    Args:
        sample: what was made.
        detector: takes RGB ``[H, W, 3]``, 8 bit.

    Returns:
        ``joint_error``: mean distance, pixels; ``joint_error/truth``: the same of the true
        pictures, which is the detector's own error and what differs between its joints and
        ours; ``pck``: share of joints less than 10 % of the person's larger side off, where a
        picture without a find has none; ``pck/truth``. Nothing where the truth has no finds.
    """
    places = seen_joints(sample, _DETECTED)
    scores: dict[str, float] = {}
    for suffix, frames in (("/truth", sample.truth), ("", sample.made)):
        off, close = [], []
        for k in places.picture.unique().tolist():
            own = places.picture == k
            found = _find(frames.flatten(0, 1)[k], detector)
            side = _side(sample.truth_matte.flatten(0, 1)[k, 0])
            names = [NAMES[j] for j in places.joint[own].tolist()]
            for name, pixel in zip(names, places.pixel[own].numpy(), strict=True):
                if name not in _COCO:
                    continue
                at = COCO_NAMES.index(name)
                if found is None or found.confidence[at] <= 0:
                    close.append(0.0)
                    continue
                distance = float(np.linalg.norm(found.xy[at] - pixel))
                off.append(distance)
                close.append(float(distance < _PCK * side))
        if not off and suffix:
            return {}
        if off:
            scores[f"joint_error{suffix}"] = float(np.mean(off))
        scores[f"pck{suffix}"] = float(np.mean(close))
    return scores


def _find(frame: Tensor, detector: Detector) -> Keypoints | None:
    """Detects in a picture that is made large enough for detectors."""
    H, W = frame.shape[1:]
    scale = max(1, -(-384 // max(H, W)))
    large = F.interpolate(frame[None], scale_factor=scale, mode="bicubic")[0].clamp(0, 1)
    found = detector((large * 255).round().byte().permute(1, 2, 0).contiguous().numpy())
    return None if found is None else Keypoints(found.xy / scale, found.confidence, found.source)


def _side(matte: Tensor) -> float:
    """Larger side of the box around a person, pixels."""
    rows, columns = (matte >= 0.5).nonzero().unbind(1)
    if not len(rows):
        return 0.0
    return float(max(rows.max() - rows.min(), columns.max() - columns.min()) + 1)


_last: list[tuple[weakref.ref[Sample], Mapping[str, float]]] = []


def _detected(sample: Sample, name: str) -> Mapping[str, float]:
    """One metric of what was detected; both are of one detection."""
    if no_detector() is not None or sample.surface.kind == "none":
        return {}
    if not (_last and _last[0][0]() is sample):
        _last[:] = [(weakref.ref(sample), detected(sample, detect_keypoints))]
    return {key: value for key, value in _last[0][1].items() if key.split("/")[0] == name}


def _joint_error(sample: Sample) -> Mapping[str, float]:
    return _detected(sample, "joint_error")


def _pck(sample: Sample) -> Mapping[str, float]:
    return _detected(sample, "pck")


METRICS = (
    Metric(
        "joint_shift", "px", "lower",
        "how far the surroundings of visible joints lie from their true place, by correlation "
        "with the true picture within 7 % of the person's height; what is not found counts as so "
        "far; no detector of joints; at most 48 pictures, evenly",
        joint_shift,
    ),
    Metric(
        "joint_error", "px", "lower",
        "distance of the joints that a keypoint detector finds from the projected ones; "
        "/truth: its own error on the true pictures; at most 8 pictures, evenly; left out where "
        "no detector is installed (extra keypoints)",
        _joint_error,
    ),
    Metric(
        "pck", "", "higher",
        "share of joints that a keypoint detector finds within 10 % of the person's larger side; "
        "left out where no detector is installed (extra keypoints)",
        _pck,
    ),
)
