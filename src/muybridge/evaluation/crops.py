"""The face and the hands: cut out of the pictures where exact geometry says they are.

Squares around head and hands, of the body as it stands, at one size for all; and the face alone
with the eyes where face networks want them. A part is looked
at only where it is really seen: it lies in the frame, little of it is hidden behind other
parts, and of the head it is the face that is turned to the camera. Where clothes or hair hide
it is not asked; they do so in truth and result alike.
"""

from __future__ import annotations

import math
import weakref
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from muybridge.body import Part, PosedBody
from muybridge.body.skeleton import JOINT_INDEX
from muybridge.camera import Cameras
from muybridge.evaluation.geometry import Geometry
from muybridge.evaluation.metric import Metric
from muybridge.evaluation.pictures import mean_of, psnr, ssim
from muybridge.evaluation.sample import GROUND, Sample
from muybridge.render import project_points, rasterize

Region = Literal["face", "eyes", "hands"]
"""``face`` is the whole head from the front, ``eyes`` the face around the eyes."""
SIDE: dict[Region, int] = {"face": 64, "eyes": 112, "hands": 32}
"""Of a crop, pixels."""
LEAST: dict[Region, float] = {"face": 10.0, "eyes": 10.0, "hands": 6.0}
"""Least side of the square in the picture, pixels; what is smaller shows nothing."""
SEEN = 0.6
"""Least share of a part's pixels that other parts do not hide."""
FACING = 60.0
"""Most degrees between where the face looks and the camera."""
_INSIDE = 0.95
"""Least share of a part's points that lie in the frame."""
_WIDER = 1.15
"""How much larger the square is than the part."""
_PARTS: dict[Region, tuple[tuple[Part, str], ...]] = {
    "face": ((Part.HEAD, "head"),),
    "eyes": ((Part.HEAD, "head"),),
    "hands": ((Part.LEFT_HAND, "left_wrist"), (Part.RIGHT_HAND, "right_wrist")),
}
_EYES = 35.24 / 112, 4.4 / 112
"""Distance between the eyes, and how far they are above the middle, as shares of the square:
where ArcFace's template (Deng et al. 2019, 112 pixels) has them in a face from the front."""
_BATCH = 16
"""Pictures to work on at once, so that memory stays bounded."""
_FINEST = 8
"""Samples along a pixel of a crop, at most."""


@dataclass(frozen=True)
class Places:
    """Squares in the pictures of a clip.

    Attributes:
        picture: number of each one's picture, ``view * T + frame``.
        centre: x (right) and y (down), pixels.
        side: pixels.
        up: which way of the picture is up in the crop, of length one: along the head for
            faces and eyes, straight up for hands.
        towards: where the camera is from the part, of length one, in the part's own axes:
            their left, up, forward.
    """

    picture: Int[Tensor, "M"]  # noqa: F821
    centre: Float[Tensor, "M 2"]
    side: Float[Tensor, "M"]  # noqa: F821
    up: Float[Tensor, "M 2"]
    towards: Float[Tensor, "M 3"]


_known: weakref.WeakKeyDictionary[Geometry, dict[Region, Places]] = weakref.WeakKeyDictionary()


def places_of(geometry: Geometry, region: Region) -> Places:
    """Where faces or hands are seen; none where the body's model file was not given."""
    found = _known.setdefault(geometry, {})
    if region not in found:
        if geometry.kind == "none":
            found[region] = _joined([])
        else:
            found[region] = find_places(geometry.body, geometry.clip.cameras, region)
    return found[region]


def find_places(body: PosedBody, cameras: Cameras, region: Region) -> Places:
    """Where faces or hands of a body are seen by cameras.

    Args:
        body: in all frames of the cameras.
        cameras: of every view and frame.
        region: ``face``, ``eyes`` or ``hands``.
    """
    pictures = torch.arange(cameras.views * cameras.frames)
    return _joined([
        _in_pictures(body, cameras, some, region, part, JOINT_INDEX[joint])
        for some in pictures.split(_BATCH) for part, joint in _PARTS[region]
    ])


def _in_pictures(
    body: PosedBody, cameras: Cameras, pictures: Int[Tensor, "B"],  # noqa: F821
    region: Region, part: Part, joint: int,
) -> Places:
    """Squares around one part in those of some pictures in which it is seen."""
    frame = pictures % cameras.frames
    K = cameras.K.flatten(0, 1)[pictures]
    T_cam_world = cameras.T_cam_world.flatten(0, 1)[pictures]
    own = (body.mesh.parts == part).nonzero()[:, 0]
    points = project_points(body.vertices[frame][:, own], K, T_cam_world)

    T_world_part = body.T_world_joint[frame, joint].to(K)
    eye = cameras.centers.flatten(0, 1)[pictures].to(K)
    away = F.normalize(eye - T_world_part[:, :3, 3], dim=-1)
    towards = torch.einsum("bji,bj->bi", T_world_part[:, :3, :3], away)
    up = points.new_tensor([0.0, -1.0]).expand(len(pictures), 2)
    if part == Part.HEAD:
        axis = T_world_part[:, :3, 3, None] + 0.1 * T_world_part[:, :3, 1:2] * torch.arange(2)
        ends = project_points(axis.transpose(1, 2), K, T_cam_world)[..., :2]
        up = F.normalize(ends[:, 1] - ends[:, 0], dim=-1)

    # the box along `up` and across
    along = torch.stack([torch.stack([-up[:, 1], up[:, 0]], -1), -up], -1)  # columns: x, y
    turned = points[..., :2] @ along
    low, high = turned.amin(1), turned.amax(1)
    centre = torch.einsum("bij,bj->bi", along, (low + high) / 2)
    side = (high - low).amax(-1) * _WIDER
    if region == "eyes":
        eyes = body.joints[frame][:, [JOINT_INDEX["left_eye"], JOINT_INDEX["right_eye"]]]
        middle = project_points(eyes.mean(1, keepdim=True), K, T_cam_world)[:, 0]
        pixels = (K[:, 0, 0] + K[:, 1, 1]) / 2 / middle[:, 2].clamp(min=1e-6)  # in a metre
        side = (eyes[:, 0] - eyes[:, 1]).norm(dim=-1) * pixels / _EYES[0]
        centre = middle[:, :2] - _EYES[1] * side[:, None] * up

    size = points.new_tensor([cameras.width, cameras.height])
    within = ((points[..., :2] >= 0) & (points[..., :2] <= size)).all(-1) & (points[..., 2] > 0)
    good = (within.double().mean(1) >= _INSIDE) & (side >= LEAST[region])
    if part == Part.HEAD:
        good &= towards[:, 2] >= math.cos(math.radians(FACING))
    good &= _seen(body, cameras, frame, K, T_cam_world, part) >= SEEN
    return Places(
        pictures[good], centre[good].float(), side[good].float(), up[good].float(),
        towards[good].float(),
    )


def _seen(
    body: PosedBody, cameras: Cameras, frame: Tensor, K: Tensor, T_cam_world: Tensor, part: Part
) -> Float[Tensor, "B"]:  # noqa: F821
    """Share of a part's pixels that nothing else of the body hides."""
    faces = body.mesh.faces.long()
    own = (body.mesh.parts[faces] == part).all(1)
    vertices = body.vertices[frame]
    size = cameras.height, cameras.width
    alone = rasterize(vertices, faces[own], K, T_cam_world, *size).mask.sum((1, 2))
    whole = rasterize(vertices, faces, K, T_cam_world, *size)
    left = (own[whole.triangle.clamp(min=0)] & whole.mask).sum((1, 2))
    return left / alone.clamp(min=1)


def _joined(places: list[Places]) -> Places:
    none = Places(
        torch.zeros(0, dtype=torch.long), torch.zeros(0, 2), torch.zeros(0), torch.zeros(0, 2),
        torch.zeros(0, 3),
    )
    every = [none, *places]
    return Places(
        torch.cat([p.picture for p in every]), torch.cat([p.centre for p in every]),
        torch.cat([p.side for p in every]), torch.cat([p.up for p in every]),
        torch.cat([p.towards for p in every]),
    )


def cut(
    pictures: Float[Tensor, "V T 3 H W"], places: Places, size: int
) -> Float[Tensor, "M 3 S S"]:
    """The squares at ``size`` pixels a side; outside the frame is ground.

    Squares that are larger than that are averaged down, smaller ones enlarged bilinearly.
    """
    flat = pictures.flatten(0, 1)
    height, width = flat.shape[-2:]
    fine = 1
    if len(places.side):
        fine = min(max(math.ceil(float(places.side.max()) / size), 1), _FINEST)
    steps = (torch.arange(size * fine) + 0.5) / (size * fine) - 0.5
    across = torch.stack([-places.up[:, 1], places.up[:, 0]], -1)
    found = [flat.new_zeros(0, 3, size, size)]
    for some in torch.arange(len(places.side)).split(_BATCH):
        side = places.side[some, None, None, None]
        x = side * steps[None, None, :, None] * across[some, None, None]
        y = side * steps[None, :, None, None] * places.up[some, None, None]
        at = places.centre[some, None, None] + x - y
        grid = 2 * at / at.new_tensor([width, height]) - 1
        dark = F.grid_sample(
            flat[places.picture[some]] - GROUND, grid, mode="bilinear", align_corners=False
        )
        found.append(F.avg_pool2d(dark, fine) + GROUND)
    return torch.cat(found).clamp(0, 1)


def pair_of(
    sample: Sample, region: Region
) -> tuple[Float[Tensor, "M 3 S S"], Float[Tensor, "M 3 S S"]]:
    """The crops of result and truth."""
    places = places_of(sample.surface, region)
    return (cut(sample.made, places, SIDE[region]), cut(sample.truth, places, SIDE[region]))


def _metric(region: Region, of: Literal["psnr", "ssim"]) -> Metric:
    function = psnr if of == "psnr" else ssim
    name, unit = f"{of}/{region}", "dB" if of == "psnr" else ""
    what = "the face, where it is turned to the camera" if region == "face" else "the hands"

    def score(sample: Sample) -> dict[str, float]:
        made, truth = pair_of(sample, region)
        return mean_of(name, function(made, truth)) if len(made) else {}

    return Metric(
        name, unit, "higher", f"{of.upper()} of squares around {what}, at {SIDE[region]} pixels "
        "a side; only where they are seen.", score,
    )


METRICS: tuple[Metric, ...] = (
    _metric("face", "psnr"), _metric("face", "ssim"),
    _metric("hands", "psnr"), _metric("hands", "ssim"),
)
