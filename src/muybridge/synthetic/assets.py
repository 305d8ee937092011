"""Disentangled assets: a person's face, garments and shoes, each cut out and alone.

Upper, lower, full and shoes are the layers of that role with everything else invisible;
the face is the whole person, cropped to the head. All are seen by the reference cameras,
zoomed so that the asset fills its picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray
from torch import Tensor

from muybridge.camera import Cameras
from muybridge.render import project_points
from muybridge.synthetic.capture import photographed
from muybridge.synthetic.figure import Figure, PosedFigure
from muybridge.synthetic.light import Light
from muybridge.synthetic.surface import Surface

GARMENTS = ("upper", "lower", "full", "shoes")
"""Roles that are assets of their own; ``full`` is a dress."""
SIDES = ("front", "back")
MARGIN = 0.08
"""Free border around an asset, as a share of its longer side."""
_HEAD = ("head", "eye", "neck03", "neck02")
_HAIR = 0.4
"""How far a face's picture follows hair and hats off the head, as a share of its height."""


@dataclass(frozen=True)
class Asset:
    """A part of a person's looks, cut out.

    Attributes:
        name: ``face-front``, ``upper-back``, ...
        rgba: colours as they are (not premultiplied); the matte is the asset's mask.
        box: left, top, right and bottom in the reference picture, pixels.
    """

    name: str
    rgba: UInt8[ndarray, "_ _ 4"]
    box: tuple[float, float, float, float]


def cut_out(
    figure: Figure, posed: PosedFigure, cameras: Cameras, light: Light, side: int
) -> list[Asset]:
    """All assets of a standing person, from the front and, but for the face, from behind.

    Args:
        figure: the person.
        posed: the same, one frame.
        cameras: two views, before and behind; one frame.
        light: that the person stands in.
        side: pixels of each asset's longer side.
    """
    layers = torch.tensor(
        [k for k, layer in enumerate(figure.layers) for _ in range(len(layer.vertices))]
    )
    roles = {layer.role for layer in figure.layers}
    made: list[Asset] = []
    for view, name in enumerate(SIDES):
        camera = cameras.select([view])
        if name == "front":
            made.append(_face(figure, posed, camera, light, side))
        for role in GARMENTS:
            if role in roles:
                chosen = [k for k, layer in enumerate(figure.layers) if layer.role == role]
                shown = torch.isin(layers, torch.tensor(chosen))
                place = project_points(
                    posed.vertices[0][shown][None], camera.K[0], camera.T_cam_world[0]
                )[0, :, :2]
                made.append(_asset(
                    f"{role}-{name}", only(posed, chosen), place.amin(0), place.amax(0), camera,
                    light, side,
                ))
    return made


def only(posed: PosedFigure, layers: Sequence[int]) -> PosedFigure:
    """The person with some layers, the others invisible; light falls as if all were there."""
    surface = posed.surface
    keep = torch.isin(surface.layer, torch.tensor(list(layers)))
    faces = surface.faces[keep]
    corner = faces.T.reshape(-1)
    count = torch.bincount(corner, minlength=posed.vertices.shape[1])
    around = torch.argsort(corner, stable=True) % max(len(faces), 1)
    part: Surface = replace(
        surface, faces=faces, corners=surface.corners[keep], layer=surface.layer[keep],
        matter=surface.matter[keep], two_sided=surface.two_sided[keep],
        around=around, first=torch.cumsum(count, 0) - count,
    )
    return PosedFigure(part, posed.vertices, posed.bend)


def unmultiplied(
    rgb: UInt8[ndarray, "*S 3"], matte: UInt8[ndarray, "*S"]
) -> UInt8[ndarray, "*S 4"]:
    """Premultiplied colours as RGBA with colours as they are; black where there is nothing."""
    share = matte[..., None].astype(np.float32)
    colour = np.rint(rgb * (255 / np.maximum(share, 1))).clip(0, 255).astype(np.uint8)
    return np.concatenate([colour, matte[..., None]], -1)


def _heads(figure: Figure) -> tuple[Bool[Tensor, "N"], Bool[Tensor, "N"]]:
    """Vertices of the head's skin, and of hair and hats above the chin."""
    bones = [k for k, b in enumerate(figure.body.rig.bones) if b.startswith(_HEAD)]
    share = torch.cat([layer.weights[:, bones].sum(1) for layer in figure.layers])
    roles = [layer.role for layer in figure.layers for _ in range(len(layer.vertices))]
    height = figure.bind_vertices[:, 1]
    skin = torch.tensor([role == "skin" for role in roles]) & (share > 0.6)
    top = torch.tensor([role in ("hair", "hat") for role in roles]) & (share > 0.6)
    return skin, top & (height > height[skin].min() - 0.02 * figure.scale)


def _face(figure: Figure, posed: PosedFigure, camera: Cameras, light: Light, side: int) -> Asset:
    """The head of the whole person; hair that stands or hangs far off is cropped."""
    place = project_points(posed.vertices[0][None], camera.K[0], camera.T_cam_world[0])[0, :, :2]
    skin, top = _heads(figure)
    low, high = place[skin].amin(0), place[skin].amax(0)
    reach = _HAIR * (high - low)[1]
    if bool(top.any()):
        low = torch.maximum(torch.minimum(low, place[top].amin(0)), low - reach)
        high = torch.maximum(high, torch.minimum(place[top].amax(0), high + reach))
    return _asset("face-front", posed, low, high, camera, light, side)


def _asset(
    name: str, posed: PosedFigure, low: Float[Tensor, "2"], high: Float[Tensor, "2"],
    camera: Cameras, light: Light, side: int,
) -> Asset:
    """What one camera sees, zoomed to a box of its picture and a margin around it."""
    middle, half = (low + high) / 2, (high - low) / 2 + MARGIN * float((high - low).max())
    zoom = side / (2 * float(half.max()))
    width, height = (max(16, round(2 * float(h) * zoom)) for h in half)
    rgb, matte = photographed(posed, _zoomed(camera, middle, zoom, width, height), light)
    box = (middle[0] - half[0], middle[1] - half[1], middle[0] + half[0], middle[1] + half[1])
    left, top, right, bottom = (round(float(b), 3) for b in box)
    return Asset(name, unmultiplied(rgb[0, 0], matte[0, 0]), (left, top, right, bottom))


def _zoomed(
    camera: Cameras, middle: Float[Tensor, "2"], zoom: float, width: int, height: int
) -> Cameras:
    """The camera with a longer lens that looks at one pixel of its picture."""
    A = torch.eye(3)
    A[0, 0] = A[1, 1] = zoom
    A[0, 2], A[1, 2] = width / 2 - zoom * middle[0], height / 2 - zoom * middle[1]
    return Cameras(A @ camera.K, camera.T_cam_world, width, height, camera.name)
