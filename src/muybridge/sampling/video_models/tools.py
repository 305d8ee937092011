"""A video model with its autoencoder and all that it has to be told, as refinement uses it."""

from __future__ import annotations

import math
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.sampling.video_model import VideoModel


@runtime_checkable
class VideoTools(Protocol):
    """Pictures to latents and back, and the model for some consecutive pictures.

    Pictures are in [0, 1]; latents are scaled as the model knows them.

    Attributes:
        name: for people.
        frames: pictures that go through the model together, at most.
        compression: pictures of a latent frame; the first picture has one of its own where this
            is more than 1.
        channels: 3 for RGB; 4 for RGB premultiplied over black, and matte.
    """

    @property
    def name(self) -> str: ...

    @property
    def frames(self) -> int: ...

    @property
    def compression(self) -> int: ...

    @property
    def channels(self) -> int: ...

    def size_for(self, height: int, width: int) -> tuple[int, int]: ...

    def encode(self, pictures: Float[Tensor, "T C H W"]) -> Float[Tensor, "t K h w"]: ...

    def decode(self, latents: Float[Tensor, "t K h w"]) -> Float[Tensor, "U C H W"]: ...

    def model(self, pictures: Float[Tensor, "T C H W"]) -> VideoModel: ...


def fitted(height: int, width: int, area: int, multiple: int) -> tuple[int, int]:
    """The size at which a model sees pictures: their shape, its area at most.

    Args:
        height, width: of the pictures.
        area: pixels that the model was trained with; smaller pictures stay as they are.
        multiple: that both sides have to be of.
    """
    scale = min(1.0, math.sqrt(area / (height * width)))
    rows, columns = (max(1, round(side * scale / multiple)) for side in (height, width))
    while rows * columns * multiple**2 > area and max(rows, columns) > 1:
        if rows / height >= columns / width and rows > 1 or columns == 1:
            rows -= 1
        else:
            columns -= 1
    return rows * multiple, columns * multiple


def lengthened(pictures: Float[Tensor, "T C H W"], compression: int) -> Float[Tensor, "U C H W"]:
    """Pictures with the last one repeated until the autoencoder takes their number."""
    missing = -(len(pictures) - 1) % compression
    return torch.cat([pictures, pictures[-1:].expand(missing, -1, -1, -1)])


def latent_frames(frames: int, compression: int) -> int:
    """Latent frames of so many pictures."""
    return -(-(frames - 1) // compression) + 1
