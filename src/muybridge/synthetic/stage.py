"""Pictures of a posed person under a light, seen by any number of cameras.

Deferred shading: a picture is rasterised once at the size of its points (a few per pixel),
and only points that were hit are shaded. What the views of one moment share, normals,
shadows and the darkness at the feet, is made once. One picture is worked on at a time, so
memory does not grow with views or frames, and a picture is the same to the last bit
whatever it is asked for together with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.render import project_points, rasterize_pixels
from muybridge.render.rasterizer import NEAR, Backend
from muybridge.synthetic.figure import PosedFigure
from muybridge.synthetic.ground import studio_picture
from muybridge.synthetic.light import Light
from muybridge.synthetic.shading import Points, shade
from muybridge.synthetic.shadow import (
    Contact,
    ShadowMap,
    contact,
    facing_triangles,
    shadow_map,
)
from muybridge.synthetic.surface import Surface


@dataclass(frozen=True)
class Pictures:
    """What cameras saw of a person.

    Attributes:
        frames: the person in the studio (over black where there was no ground), sRGB 0..1.
        person: the person alone, premultiplied: over a ground ``g`` the picture is
            ``person + (1 - matte) * g``.
        matte: share of each pixel that the person covers.
    """

    frames: Float[Tensor, "V T 3 H W"]
    person: Float[Tensor, "V T 3 H W"]
    matte: Float[Tensor, "V T 1 H W"]


@torch.no_grad()
def shoot(
    posed: PosedFigure,
    cameras: Cameras,
    light: Light,
    *,
    supersample: int = 2,
    ground: bool = True,
    shadows: bool = True,
    backend: Backend = "auto",
) -> Pictures:
    """Takes the picture of every view and frame.

    Args:
        posed: the person, on any device; the pictures are made there.
        cameras: as many frames as the person has.
        light: of the studio.
        supersample: each pixel is the mean of supersample x supersample points.
        ground: whether ``frames`` shows the studio; without it, it is ``person``.
        shadows: whether the key light casts shadows.
        backend: of :func:`muybridge.render.rasterize`; all give the same picture.

    Raises:
        InputError: cameras and person differ in their number of frames.
        ValueError: ``supersample`` below 1.
    """
    if supersample < 1:
        raise ValueError(f"supersample must be 1 or more, not {supersample}")
    if cameras.frames != posed.frames:
        raise InputError(
            "cameras", "frames", f"{cameras.frames} for a person of {posed.frames}",
            "give one camera pose for every frame",
        )
    V, T, H, W = cameras.views, cameras.frames, cameras.height, cameras.width
    device = posed.vertices.device
    K, pose = cameras.K.to(device).float(), cameras.T_cam_world.to(device).float()
    person = torch.zeros(V, T, 3, H, W, device=device)
    matte = torch.zeros(V, T, 1, H, W, device=device)
    frames = torch.empty(V, T, 3, H, W, device=device) if ground else person
    for t in range(T):
        moment = _moment(posed, t, light, shadows, ground, backend)
        for v in range(V):
            lens = _Lens(K[v, t], pose[v, t], H, W, supersample)
            _draw(moment, lens, light, backend, person[v, t], matte[v, t, 0])
            if ground:
                studio = studio_picture(
                    light, moment.place, lens.K, lens.T_cam_world, H, W,
                    moment.shadow, moment.contact,
                )
                frames[v, t] = person[v, t] + (1 - matte[v, t]) * studio
    return Pictures(frames, person, matte)


@dataclass(frozen=True)
class _Moment:
    """One frame of a person: what all views share."""

    surface: Surface
    vertices: Tensor
    attributes: Tensor
    """[N, 8]: normal, openness, bend, world position."""
    slopes: Tensor
    shadow: ShadowMap | None
    contact: Contact | None
    place: tuple[float, float]


@dataclass(frozen=True)
class _Lens:
    """One camera at one moment."""

    K: Tensor
    T_cam_world: Tensor
    height: int
    width: int
    supersample: int


def _moment(
    posed: PosedFigure, t: int, light: Light, shadows: bool, ground: bool, backend: Backend
) -> _Moment:
    surface, vertices = posed.surface, posed.vertices[t]
    normals, slopes = surface.normals_and_slopes(vertices)
    attributes = torch.cat(
        [normals, surface.openness[:, None], posed.bend[t][:, None], vertices], 1
    )
    middle = ((vertices.amin(0) + vertices.amax(0)) / 2).tolist()
    return _Moment(
        surface, vertices, attributes, slopes,
        shadow_map(surface, vertices, light.direction, light.softness, backend)
        if shadows else None,
        contact(vertices) if ground and shadows else None,
        (middle[0], middle[2]),
    )


def _draw(
    moment: _Moment, lens: _Lens, light: Light, backend: Backend, person: Tensor, matte: Tensor
) -> None:
    """Writes premultiplied colour [3, H, W] and coverage [H, W] of one picture."""
    size, surface = lens.supersample, moment.surface
    place = project_points(moment.vertices[None], lens.K[None], lens.T_cam_world[None])[0]
    box = _box(place, lens)
    if box is None:
        return
    left, top, right, bottom = box
    crop = (place - place.new_tensor([left, top, 0])) * place.new_tensor([size, size, 1])
    keep = facing_triangles(crop, surface)
    rows, columns = (bottom - top) * size, (right - left) * size
    seen = rasterize_pixels(
        crop[None], surface.faces.index_select(0, keep), rows, columns,
        backend=backend, dtype=torch.float32,
    )
    flat = seen.triangle.reshape(-1)
    pixel = (flat >= 0).nonzero().squeeze(1)
    if not len(pixel):
        return
    triangle = keep.index_select(0, flat.index_select(0, pixel))
    weights = seen.barycentric.reshape(-1, 3).index_select(0, pixel).T.contiguous()
    spacing = float(place[:, 2].mean()) / float(lens.K[0, 0]) / size
    points = _points(moment, lens, triangle, weights, spacing)
    colours = shade(points, light)
    planes = torch.zeros(4, rows * columns, device=person.device)
    planes[:3].index_copy_(1, pixel, colours)
    planes[3].index_fill_(0, pixel, 1.0)
    small = _mean_of_blocks(planes.view(4, rows, columns), size)
    person[:, top:bottom, left:right] = small[:3]
    matte[top:bottom, left:right] = small[3]


def _box(place: Tensor, lens: _Lens) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom (ends excluded) of the person in whole pixels, if in sight."""
    x, y, z = place.T.contiguous()
    if float(z.amin()) < NEAR:
        good = z >= NEAR
        x, y = x[good], y[good]
    if not len(x):
        return None
    low = [math.floor(float(k.amin())) for k in (x, y)]
    high = [math.ceil(float(k.amax())) for k in (x, y)]
    left, top = max(0, low[0]), max(0, low[1])
    right, bottom = min(lens.width, high[0]), min(lens.height, high[1])
    return (left, top, right, bottom) if left < right and top < bottom else None


def _points(
    moment: _Moment, lens: _Lens, triangle: Tensor, weights: Tensor, spacing: float
) -> Points:
    """Everything that shading needs at the points that were hit."""
    surface = moment.surface
    corner = surface.faces.index_select(0, triangle).T
    blend = moment.attributes.index_select(0, corner[0]).T * weights[0]
    for k in (1, 2):
        blend = torch.addcmul(
            blend, moment.attributes.index_select(0, corner[k]).T, weights[k]
        )
    uv = surface.corners.index_select(0, triangle).T
    u = uv[0] * weights[0] + uv[2] * weights[1] + uv[4] * weights[2]
    v = uv[1] * weights[0] + uv[3] * weights[1] + uv[5] * weights[2]
    layer = surface.layer.index_select(0, triangle)
    texels = surface.textures.look_up(layer, surface.textures.level(spacing), u, v)
    slopes = moment.slopes.index_select(0, triangle).T
    position = blend[5:8]
    eye = -(lens.T_cam_world[:3, :3].T @ lens.T_cam_world[:3, 3])
    view = eye[:, None] - position
    view = view / view.square().sum(0).sqrt()
    normal = blend[:3]
    normal = normal / normal.square().sum(0).sqrt().clamp_(min=1e-9)
    back = ((normal * view).sum(0) < -0.12) & surface.two_sided.index_select(0, triangle)
    turned = back.to(normal.dtype)
    normal = normal * (1 - 2 * turned)
    if moment.shadow is None:
        lit = torch.ones_like(u)
    else:
        lit = moment.shadow.reach(position + 0.008 * normal)
    return Points(
        texels, surface.matter.index_select(0, triangle), normal, slopes[:3], slopes[3:],
        view, blend[4], blend[3], lit, turned,
    )


def _mean_of_blocks(planes: Tensor, size: int) -> Tensor:
    """Mean over blocks of size x size points; slices add faster than pooling does."""
    if size == 1:
        return planes
    total = planes[..., 0::size, 0::size].clone()
    for j in range(size):
        for i in range(size):
            if i or j:
                total += planes[..., j::size, i::size]
    return total.mul_(1.0 / size**2)
