"""Sizes of GAS: the same classes at each, only widths, latents and the objective differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from muybridge.methods.settings import check_denoiser, checked_settings
from muybridge.methods.video_sizes import (
    CONTEXT,
    EXTRA,
    LATENTS,
    small_autoencoder,
    small_unet,
    svd_unet,
)

Mode = Literal["view", "pose"]
MODES: dict[str, tuple[float, float]] = {"view": (0.0, 1.0), "pose": (1.0, 0.0)}
"""The switch: what the video network is told to make (release: ``mv`` and ``animation``)."""


@dataclass(frozen=True)
class GasConfig:
    """What a size of GAS is made of and how it samples.

    Attributes:
        size: name.
        width, height: of the pictures, pixels.
        picture_channels: 3 for RGB over black; 4 for RGB premultiplied over black, and matte.
        unet, pose_net, nerf_net: arguments of ``HumanVideoUNet``, ``PoseNet``, ``NeRFNet``.
        autoencoder: arguments of ``LinearAutoencoder``; empty for SVD's own, whose
            arguments lie beside its weights.
        reference_token: arguments of ``ReferenceToken``; empty for CLIP, likewise.
        objective: ``residual`` (see :class:`muybridge.sampling.ResidualFlow`) or ``edm``.
        steps: of the sampler.
        from_mean: sampling starts from the mean of the noise, which is zero, in place of noise.
            Seeds change nothing then; what a small network makes of noise does not flicker.
        window, overlap: of frames or views that go through the network together.
        view_guidance: at the reference view and on the far side (triangular).
        pose_guidance: of the first and last frame (a straight line; the paper has 2 throughout).
        time_ids: what SVD is told of every clip: fps - 1, motion bucket, noise on the reference.
        learns_pictures: trained on single pictures too; then one alone skips temporal layers.
        decode_together: frames that the decoder takes at a time; SVD's looks at neighbours.
    """

    size: str
    width: int
    height: int
    picture_channels: int
    unet: Mapping[str, Any]
    pose_net: Mapping[str, Any]
    nerf_net: Mapping[str, Any]
    autoencoder: Mapping[str, Any] = field(default_factory=dict)
    reference_token: Mapping[str, Any] = field(default_factory=dict)
    objective: Literal["residual", "edm"] = "edm"
    steps: int = 25
    from_mean: bool = False
    window: int = 20
    overlap: int = 6
    view_guidance: tuple[float, float] = (1.0, 2.0)
    pose_guidance: tuple[float, float] = (2.0, 2.0)
    time_ids: tuple[float, float, float] = (6.0, 127.0, 0.0)
    learns_pictures: bool = False
    decode_together: int = 20

    @property
    def latent_channels(self) -> int:
        """Channels of the latents that are denoised."""
        return int(self.unet["out_channels"])

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @staticmethod
    def from_json(values: Mapping[str, Any], source: str | Path) -> GasConfig:
        """The inverse of :meth:`to_json`.

        Args:
            values: as read.
            source: the file, for the error.

        Raises:
            InputError: a value is missing, unknown, of another type or out of range.
        """
        made = checked_settings(values, PAPER.to_json(), _RANGES, source, "GAS")
        check_denoiser(made, source)
        return GasConfig(**made)


_RANGES = (
    ("width", 8, 4096), ("height", 8, 4096), ("picture_channels", 3, 4), ("steps", 1, 1000),
    ("window", 1, 1000), ("overlap", 0, 999), ("decode_together", 1, 1000),
)


def _small(
    size: str, width: int, height: int, widths: tuple[int, ...], crossed: tuple[bool, ...],
    window: int, layers: int = 1,
) -> GasConfig:
    """A size on linear latents of 4 x 4 patches, with the residual objective."""
    return GasConfig(
        size=size,
        width=width,
        height=height,
        picture_channels=4,
        unet={
            **small_unet(height, widths, crossed, window, layers),
            "task_embed_input_dim": 2 * EXTRA,
        },
        pose_net={
            "in_channels": 4, "channels": (32, 32), "strides": (4, 1), "out_channels": widths[0],
        },
        nerf_net={
            "in_channels": LATENTS, "channels": (32, 32), "strides": (1, 1),
            "out_channels": widths[0],
        },
        autoencoder=small_autoencoder(),
        reference_token={"in_channels": 4, "cross_attention_dim": CONTEXT},
        objective="residual",
        steps=2,
        from_mean=True,
        window=window,
        overlap=2,
        view_guidance=(1.0, 1.0),
        pose_guidance=(1.0, 1.0),
        learns_pictures=True,
        decode_together=window,
    )


NANO = _small("nano", 96, 128, (64, 96, 96), (False, False, True), window=8)
"""Trains on two CPU cores; see DESIGN 5 and the method's README for what it departs in."""

TINY = _small("tiny", 192, 256, (64, 96, 128, 192), (False, False, True, True), window=16)
"""For one large GPU."""

PAPER = GasConfig(
    size="paper",
    width=512,
    height=512,
    picture_channels=3,
    unet={**svd_unet(96), "task_embed_input_dim": 512},
    pose_net={},
    nerf_net={},
)
"""The release: SVD-xt's network, 20 views or frames of 512 x 512."""

CONFIGS: dict[str, GasConfig] = {each.size: each for each in (NANO, TINY, PAPER)}
"""By name."""
