"""Sizes of HVG: the same classes at each, only widths, latents and the objective differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from muybridge.errors import InputError
from muybridge.methods.settings import REMEDY, check_denoiser, checked_settings
from muybridge.methods.video_sizes import (
    CONTEXT,
    DOWN_CROSS,
    small_autoencoder,
    small_unet,
    svd_unet,
)


@dataclass(frozen=True)
class HvgConfig:
    """What a size of HVG is made of and how it samples.

    Attributes:
        size: name.
        width, height: of the pictures, pixels.
        picture_channels: 3 for RGB over black; 4 for RGB premultiplied over black, and matte.
        unet, pose_modulator: arguments of ``HumanVideoUNet`` and ``PoseModulator``.
        reference_net: arguments of ``ReferenceNet``; empty for networks without.
        autoencoder: arguments of ``LinearAutoencoder``; empty for SVD's own, whose
            arguments lie beside its weights.
        reference_token: arguments of ``ReferenceToken``; empty for CLIP, likewise.
        objective: ``residual`` (see :class:`muybridge.sampling.ResidualFlow`) or ``edm``.
        steps: of the sampler.
        from_mean: sampling starts from the mean of the noise, which is zero, in place of noise.
            Seeds change nothing then; what a small network makes of noise does not flicker.
        time_window: views and frames of a tile that looks along time.
        time_overlap: frames that neighbours of these share.
        view_window: views and frames of a tile that looks around the person.
        view_overlap: views that neighbours of these share.
        time_share: of the look along time in each step, 0..1; the other's is the rest.
        guidance: how strongly the reference is followed; 1 is without guidance.
        time_ids: what SVD is told of every clip: fps - 1, motion bucket, noise on the reference.
        decode_together: frames that the decoder takes at a time; SVD's looks at neighbours.
    """

    size: str
    width: int
    height: int
    picture_channels: int
    unet: Mapping[str, Any]
    pose_modulator: Mapping[str, Any]
    reference_net: Mapping[str, Any]
    autoencoder: Mapping[str, Any] = field(default_factory=dict)
    reference_token: Mapping[str, Any] = field(default_factory=dict)
    objective: Literal["residual", "edm"] = "edm"
    steps: int = 25
    from_mean: bool = False
    time_window: tuple[int, int] = (3, 24)
    time_overlap: int = 6
    view_window: tuple[int, int] = (6, 12)
    view_overlap: int = 2
    time_share: float = 0.5
    guidance: float = 2.0
    time_ids: tuple[float, float, float] = (6.0, 127.0, 0.0)
    decode_together: int = 24

    @property
    def latent_channels(self) -> int:
        """Channels of the latents that are denoised."""
        return int(self.unet["out_channels"])

    @property
    def maps(self) -> tuple[str, ...]:
        """Names of the maps that steer, in the order in which the network takes them."""
        return tuple(self.pose_modulator["maps"])

    @property
    def pose_channels(self) -> int:
        """Channels of all maps together."""
        from muybridge.networks.pose_modulator import map_channels

        return sum(map_channels(self.maps))

    def varied(
        self,
        maps: Sequence[str] | None = None,
        view_attention: str | None = None,
        fusion: str | None = None,
    ) -> HvgConfig:
        """The size with other conditions, as the ablation trains them.

        Args:
            maps: one or two of ``normal``, ``depth`` (of the bones), ``skeleton``, ``body_normal``.
            view_attention: ``none``, ``2d`` (the paper's) or ``3d``.
            fusion: which attentions look at the reference: ``downmid`` (the paper's, as we read
                it), ``midup``, ``full``; ``none`` for no reference network.

        Raises:
            InputError: there is no such condition.
        """
        changed = self
        if maps is not None:
            _check_maps(maps, "maps", "", "name one or two of them")
            changed = replace(
                changed, pose_modulator={**self.pose_modulator, "maps": tuple(maps)}
            )
        if view_attention is not None:
            _one_of("view_attention", view_attention, ("none", "2d", "3d"))
            changed = replace(changed, unet={**self.unet, "view_attention": view_attention})
        if fusion is not None:
            _one_of("fusion", fusion, ("none", "downmid", "midup", "full"))
            net = {} if fusion == "none" else {**reference_like(self.unet), "fusion": fusion}
            changed = replace(changed, reference_net=net)
        return changed

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @staticmethod
    def from_json(values: Mapping[str, Any], source: str | Path) -> HvgConfig:
        """The inverse of :meth:`to_json`.

        Args:
            values: as read.
            source: the file, for the error.

        Raises:
            InputError: a value is missing, unknown, of another type or out of range.
        """
        made = checked_settings(values, PAPER.to_json(), _RANGES, source, "HVG")
        check_denoiser(made, source)
        _check_maps(made["pose_modulator"].get("maps"), source, "pose_modulator", REMEDY)
        for overlap, size in (
            ("time_overlap", made["time_window"][1]), ("view_overlap", made["view_window"][0]),
        ):
            if made[overlap] >= size:
                raise InputError(
                    source, overlap, f"{made[overlap]} with windows of {size}", REMEDY
                )
        return HvgConfig(**made)


_ACROSS: dict[str, Any] = {"view_attention": "2d", "camera_frequencies": 6}
"""What HVG adds to the video UNet."""
_RANGES = (
    ("width", 8, 4096), ("height", 8, 4096), ("picture_channels", 3, 4), ("steps", 1, 1000),
    ("time_window", 1, 1000), ("time_overlap", 0, 999), ("view_window", 1, 1000),
    ("view_overlap", 0, 999), ("time_share", 0, 1), ("guidance", 0, 100),
    ("decode_together", 1, 1000),
)


def _check_maps(maps: Any, source: str | Path, name: str, remedy: str) -> None:
    """Refuse what are no names of maps."""
    from muybridge.networks.pose_modulator import map_channels

    try:
        if not isinstance(maps, list | tuple) or not all(isinstance(each, str) for each in maps):
            raise ValueError(f"maps can't be {maps!r}"[:200])
        map_channels(maps)
    except ValueError as error:
        raise InputError(source, name, str(error), remedy) from None


def _one_of(field_name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(field_name, "", f"there is no {value!r}", "use " + ", ".join(known))


def reference_like(unet: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of the ``ReferenceNet`` that has the widths of a video UNet.

    Args:
        unet: arguments of ``HumanVideoUNet``.
    """
    return {
        "in_channels": unet["out_channels"],
        "block_out_channels": tuple(unet["block_out_channels"]),
        "crossed": tuple(kind == DOWN_CROSS for kind in unet["down_block_types"]),
        "layers_per_block": unet["layers_per_block"],
        "cross_attention_dim": unet["cross_attention_dim"],
        "num_attention_heads": tuple(unet["num_attention_heads"]),
        "fusion": "downmid",
    }


def _small(
    size: str, width: int, height: int, widths: tuple[int, ...], crossed: tuple[bool, ...],
    time_window: tuple[int, int], view_window: tuple[int, int],
) -> HvgConfig:
    """A size on linear latents of 4 x 4 patches, with the residual objective."""
    unet = {**small_unet(height, widths, crossed, time_window[1]), **_ACROSS}
    return HvgConfig(
        size=size,
        width=width,
        height=height,
        picture_channels=4,
        unet=unet,
        pose_modulator={
            "maps": ("normal", "depth"), "channels": (16, 32, 32, 64), "strides": (2, 2, 1, 1),
            "heads": 2, "out_channels": widths[0],
        },
        reference_net=reference_like(unet),
        autoencoder=small_autoencoder(),
        reference_token={"in_channels": 4, "cross_attention_dim": CONTEXT},
        objective="residual",
        steps=2,
        from_mean=True,
        time_window=time_window,
        time_overlap=2,
        view_window=view_window,
        view_overlap=2,
        guidance=1.0,
        decode_together=8,
    )


NANO = _small("nano", 96, 128, (64, 64, 64), (False, True, True), (2, 8), (8, 2))
"""Trains on two CPU cores; see DESIGN 5 and the method's README for what it departs in."""

TINY = _small("tiny", 192, 256, (64, 96, 96, 128), (False, True, True, True), (3, 16), (8, 6))
"""For one large GPU."""

_SVD = {**svd_unet(72), **_ACROSS}

PAPER = HvgConfig(
    size="paper",
    width=576,
    height=576,
    picture_channels=3,
    unet=_SVD,
    pose_modulator={
        "maps": ("normal", "depth"), "channels": (16, 32, 64, 128), "strides": (2, 2, 2, 1),
        "heads": 4, "out_channels": 320,
    },
    reference_net=reference_like(_SVD),
)
"""SVD-xt's network with what HVG adds, for 576 x 576."""

CONFIGS: dict[str, HvgConfig] = {each.size: each for each in (NANO, TINY, PAPER)}
"""By name."""
