"""A person made of parts: front and back as the networks paint them, with cameras and pose.

The body is known, for it is the composer's own: it stands as people stand for their reference
pictures, before two cameras. So no fit is needed to make a
:class:`~muybridge.person.Person` of the pictures that every method can animate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from muybridge.body import PosedBody, Shape, load_body
from muybridge.camera import Cameras, build_cameras
from muybridge.data import Reference as Known
from muybridge.errors import InputError
from muybridge.methods.detail import add_detail, sharpen_matte
from muybridge.methods.hvg.conditions import aligned_crop
from muybridge.methods.latent import decode
from muybridge.methods.reimagine.assets import AssetPictures
from muybridge.methods.reimagine.collage import collage
from muybridge.methods.reimagine.composition import ComposingNetworks, canvases_of
from muybridge.methods.reimagine.conditions import turn_to_front, world_normals
from muybridge.methods.reimagine.diffuse import Conditions, sample
from muybridge.methods.reimagine.networks import ReImagineNetworks
from muybridge.motion import Motion
from muybridge.networks.pictures import home
from muybridge.person import Person
from muybridge.synthetic.assets import unmultiplied
from muybridge.synthetic.moves import reference_pose

SIDES = ("front", "back")
SIZE = (768, 1024)
"""Width and height of the pictures that are made, unless others are asked for."""
_STANCE = 2
"""Number of the reference pose that composed people take."""
_CAMERAS = "static:0,180,fov=25,elevation=3,margin=0.06"
Tell = Callable[[float, str], None]
"""Told the fraction done, and what is being done."""


@dataclass(frozen=True)
class Composed:
    """A person who was put together.

    Attributes:
        shape: of the body; the average by default.
        front, back: the pictures, RGBA, with camera and pose.
        collages: what they were made from, RGB premultiplied over black, and matte.
    """

    shape: Shape
    front: Known
    back: Known
    collages: Float[Tensor, "2 4 H W"]

    def person(self) -> Person:
        """Somebody whom every method can animate."""
        return Person.from_known(self.front, self.back, shape=self.shape)


def compose(
    assets: AssetPictures, networks: ReImagineNetworks | None = None, *, shape: Shape | None = None,
    size: tuple[int, int] = SIZE, steps: int | None = None, seed: int = 0,
    tell: Tell | None = None,
) -> Composed:
    """Put a person together.

    Args:
        assets: what they are made of.
        networks: of a small size, with an encoder of assets; ``None`` leaves the collage as it
            is.
        shape: of the body; the average by default.
        size: width and height of the pictures, pixels.
        steps: of the sampler; the size's own by default. ``seed``: of the noise.
        tell: told of progress.

    Raises:
        InputError: the assets make nobody, or the networks have no encoder of assets.
    """
    tell = tell or (lambda done, text: None)
    shape = shape or Shape()
    assets = assets.checked()
    posed, motion, cameras = stand(shape, size)
    tell(0.0, "collage")
    laid = torch.stack([
        collage(assets, posed, cameras.select([view]), bool(view)) for view in range(2)
    ])
    painted = laid
    if networks is not None:
        tell(0.3, "pictures")
        small = paint(networks, assets, laid, posed, cameras, steps=steps, seed=seed)
        enlargement = size[1] / small.shape[-2]
        large = F.interpolate(
            small, size=(size[1], size[0]), mode="bicubic", align_corners=False
        ).clamp(0, 1)
        painted = add_detail(sharpen_matte(large, enlargement), laid, enlargement)
    front, back = (
        Known(name, _rgba(painted[view]), cameras.select([view]), motion)
        for view, name in enumerate(SIDES)
    )
    tell(1.0, "composed")
    return Composed(shape, front, back, laid)


def stand(shape: Shape, size: tuple[int, int]) -> tuple[PosedBody, Motion, Cameras]:
    """A body as it stands for its pictures, its pose, and the cameras before and behind it.

    Args:
        shape: of the body. ``size``: width and height of the pictures.
    """
    shaped = load_body().with_shape(shape)
    motion = reference_pose(_STANCE, shaped.rest_joints)
    posed = shaped.pose(motion)
    wide = build_cameras(_CAMERAS, posed.joints, width=size[0], height=size[1])
    return posed, motion, aligned_crop(posed, wide, *size).cameras


@torch.no_grad()
def paint(
    networks: ReImagineNetworks, assets: AssetPictures, laid: Float[Tensor, "2 4 H W"],
    posed: PosedBody, cameras: Cameras, *, steps: int | None = None, seed: int = 0,
) -> Float[Tensor, "2 4 h w"]:
    """Front and back as the networks paint them, at their own size.

    Args:
        networks: with an encoder of assets. ``assets``: of the person.
        laid: collages by these cameras. ``posed``: the body. ``cameras``: of both sides.
        steps, seed: see :func:`compose`.

    Raises:
        InputError: the networks are the real ones, or have no encoder of assets.
    """
    config = networks.config
    if not config.autoencoder:
        raise InputError(
            "networks", "size", f"{config.size} can't compose: nobody has released an encoder of "
            "assets for the real networks", "use nano, or train one",
        )
    composing = ComposingNetworks(networks).eval()
    near = cameras.resized(config.width, config.height, "stretch")
    sides = F.interpolate(laid, size=(config.height, config.width), mode="area")
    normals = world_normals(posed, near, turn_to_front(posed))
    known = canvases_of(assets, config)
    for side, name in enumerate(SIDES):
        if name in known:
            known[name] = sides[side]
    device = home(networks.vae)[0]
    composing.assets = [{name: picture.to(device) for name, picture in known.items()}]
    reference = composing.reference(sides[None].to(device), normals[None, :, 0].to(device))
    shown = torch.tensor([[0], [1]], dtype=torch.uint8)
    latents = sample(
        composing, Conditions(reference, normals, shown), seed=seed, steps=steps
    )
    return decode(composing, latents)[:, 0].cpu()


def _rgba(picture: Float[Tensor, "4 H W"]) -> UInt8[ndarray, "H W 4"]:
    """A picture, premultiplied, as RGBA with colours as they are."""
    levels = (picture.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    return unmultiplied(np.ascontiguousarray(levels[..., :3]), levels[..., 3])


def shape_of(words: str) -> Shape:
    """A body's shape from ``gender=1,weight=0.4``; what is not named is average.

    Raises:
        InputError: an unknown name, or a number that is not 0 to 1.
    """
    names = ("gender", "age", "height", "weight", "muscle", "proportions")
    found: dict[str, float] = {}
    for part in filter(None, (p.strip() for p in words.split(","))):
        name, _, value = part.partition("=")
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if name.strip() not in names or not 0 <= number <= 1:
            raise InputError("--body", part[:60], "is no part of a shape",
                             f"give numbers from 0 to 1 for {', '.join(names)}")
        found[name.strip()] = number
    gender, age, height, weight, muscle, proportions = (
        found.get(name, getattr(Shape(), name)) for name in names
    )
    return Shape(gender, age, height, weight, muscle, proportions)
