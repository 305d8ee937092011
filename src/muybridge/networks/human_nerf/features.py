"""What is computed once from the reference picture, and how a canonical point reads it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from muybridge.networks.human_nerf.skin import CanonicalSkin, PosedSkin
from muybridge.networks.human_nerf.sparse import VoxelTables

HIDDEN_BEHIND = 0.06
"""A vertex this far behind another at its place in the picture is hidden, metres."""
_CELL = 0.025
"""What is taken for the same place, metres."""
_BLACK = 0.02
"""Brightness up to which a pixel is nobody's."""
_SURROUNDINGS = 12
"""Of the picture's height, the part over which colours are averaged."""


@dataclass(frozen=True, eq=False)
class ReferenceFeatures:
    """Features of ``B`` reference pictures.

    Attributes:
        picture: RGB premultiplied over black, at the network's size.
        planes: features of the planes xy, xz and zy.
        local: features at half the picture's size.
        volume: rows of features of the three levels of voxels.
        seen: how squarely the camera sees each vertex, 0 (not at all) to 1.
        skin: the body in each picture.
        K, T_cam_world: the camera of each picture.
        colours: of the person there, continued past the outline; then the mean of the
            surroundings. ``None`` where the network doesn't take them over.
    """

    picture: Float[Tensor, "B 3 H W"]
    planes: Float[Tensor, "B 3 C S S"]
    local: Float[Tensor, "B D h w"]
    volume: tuple[Tensor, Tensor, Tensor]
    seen: Float[Tensor, "B N"]
    skin: PosedSkin
    K: Float[Tensor, "B 3 3"]
    T_cam_world: Float[Tensor, "B 4 4"]
    colours: Float[Tensor, "B 6 H W"] | None = None

    def person(self, i: int) -> ReferenceFeatures:
        """Those of one picture."""
        one = slice(i, i + 1)
        level1, level2, level3 = (level[one] for level in self.volume)
        return ReferenceFeatures(
            self.picture[one], self.planes[one], self.local[one], (level1, level2, level3),
            self.seen[one], self.skin.select([i]), self.K[one], self.T_cam_world[one],
            None if self.colours is None else self.colours[one],
        )


def project(
    points: Float[Tensor, "*B P 3"],
    K: Float[Tensor, "*B 3 3"],
    T_cam_world: Float[Tensor, "*B 4 4"],
) -> tuple[Float[Tensor, "*B P 2"], Float[Tensor, "*B P"]]:
    """Pixels and z-depths of world points, each batch through its own camera."""
    X_cam = points @ T_cam_world[..., :3, :3].mT + T_cam_world[..., None, :3, 3]
    image = X_cam @ K.mT
    depth = X_cam[..., 2]
    return image[..., :2] / (image[..., 2:].clamp(min=0) + 1e-5), depth


def look_up(
    picture: Float[Tensor, "B C h w"], pixels: Float[Tensor, "B P 2"], size: tuple[int, int],
    as_released: bool,
) -> Float[Tensor, "B P C"]:
    """Bilinear values at pixels of a picture of ``size`` (height, width); 0 outside.

    Args:
        picture: at any resolution.
        pixels: centres at +0.5.
        as_released: pixel centres at whole numbers, stretched by ``size / (size - 1)``.
    """
    scale = pixels.new_tensor([size[1], size[0]])
    places = (pixels - 0.5 * as_released) * 2 / scale - 1
    found = F.grid_sample(picture, places[:, None], align_corners=as_released)
    return found[:, :, 0].mT


def visibility(
    skin: PosedSkin, K: Float[Tensor, "B 3 3"], T_cam_world: Float[Tensor, "B 4 4"],
    as_released: bool,
) -> Float[Tensor, "B N"]:
    """How squarely each vertex is seen: the cosine between its normal and the way to the camera.

    Args:
        as_released: 1 for whatever doesn't face away, hidden or not.

    Returns:
        0 where the vertex faces away, or where the body itself hides it.
    """
    X = skin.vertices @ T_cam_world[:, :3, :3].mT + T_cam_world[:, None, :3, 3]
    normals = skin.normals @ T_cam_world[:, :3, :3].mT
    facing = -(F.normalize(X, dim=-1) * normals).sum(-1)
    if as_released:
        return (facing > 0).float()
    seen = facing.clamp(min=0)
    pixels, depth = project(skin.vertices, K, T_cam_world)
    for b in range(len(seen)):
        scale = float(skin.scale[b])
        cell = float(K[b, 0, 0]) * _CELL * scale / max(float(depth[b].median()), 1e-3)
        place = (pixels[b] / cell).floor().clamp(-1e5, 1e5).long()
        place = place - place.amin(0)
        where = place[:, 0] + place[:, 1] * (place[:, 0].amax() + 1)
        front = torch.full((int(where.max()) + 1,), torch.inf, device=depth.device)
        front = front.scatter_reduce(0, where, depth[b], "amin")
        hidden = depth[b] > front[where] + HIDDEN_BEHIND * scale
        seen[b] = torch.where(hidden, 0.0, seen[b])
    return seen


def clothing_colours(picture: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 6 H W"]:
    """Colours of a person over black, continued past the outline, and their means around.

    Black pixels are taken for nobody's: where there is nobody, the mean stands for the colour.
    """
    side = picture.shape[-2] // _SURROUNDINGS | 1
    somebody = (picture.amax(1, keepdim=True) > _BLACK).to(picture)
    sums = torch.cat([picture * somebody, somebody], 1)
    for kernel in ((side, 1), (1, side)):
        sums = F.avg_pool2d(sums, kernel, 1, (kernel[0] // 2, kernel[1] // 2))
    mean = sums[:, :3] / sums[:, 3:].clamp(min=1e-3)
    return torch.cat([torch.where(somebody > 0, picture, mean), mean], 1)


def voxel_box(canonical: CanonicalSkin, voxel: float) -> tuple[Tensor, tuple[int, int, int]]:
    """Lowest corner (x, y, z) of the voxels' box, and its shape (z, y, x), multiples of 32."""
    low, high = canonical.bounds.cpu()
    low, high = low - 0.05, high + 0.05
    x, y, z = (
        (int(n) | 31) + 1 for n in torch.ceil((high - low) / voxel).long().tolist()
    )
    return low, (z, y, x)


def voxel_tables(canonical: CanonicalSkin, voxel: float, device: torch.device) -> VoxelTables:
    """The tables of a canonical skin's voxels, made once."""

    def make() -> VoxelTables:
        low, shape = voxel_box(canonical, voxel)
        coords = torch.round((canonical.vertices.cpu() - low) / voxel).long().flip(1)
        return VoxelTables.of(coords, shape, device)

    return canonical.once(("voxels", voxel, str(device)), make)


def plane_places(
    points: Float[Tensor, "P 3"], bounds: Float[Tensor, "2 3"]
) -> Float[Tensor, "3 P 2"]:
    """Where points lie on the planes xy, xz and zy, -1..1 within ``bounds``."""
    x, y, z = (2 * (points - bounds[0]) / (bounds[1] - bounds[0]) - 1).unbind(1)
    return torch.stack([torch.stack(pair, 1) for pair in ((x, y), (x, z), (z, y))])
