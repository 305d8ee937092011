"""Sizes of 3DiMo: the same classes at each, only widths, latents and the objective differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from muybridge.body.skeleton import PARENTS
from muybridge.errors import InputError
from muybridge.methods.settings import REMEDY, checked_settings
from muybridge.methods.threedimo.words import LENGTH
from muybridge.methods.video_sizes import CONTEXT, LATENTS, small_autoencoder
from muybridge.networks.motion_tokens import JOINTS

CONTROLS = ("tokens", "smpl", "skeleton")
"""What steers: tokens of the driving pictures (the method); and for comparison joint rotations, or
a skeleton drawn in the driving view, joined to the latents."""


@dataclass(frozen=True)
class ThreeDimoConfig:
    """What a size of 3DiMo is made of and how it samples.

    Attributes:
        size: name.
        width, height: of the pictures, pixels.
        picture_channels: 3 for RGB; 4 for RGB premultiplied over black, and matte.
        transformer: arguments of
            :class:`~muybridge.networks.motion_transformer.MotionTransformer`.
        motion: arguments of :class:`~muybridge.networks.motion_tokens.MotionEncoder`.
        decoder: arguments of :class:`~muybridge.networks.motion_tokens.PoseDecoder`; empty for
            sizes without geometric supervision.
        text: arguments of :class:`~muybridge.methods.threedimo.camera_text.CameraText`; empty for
            UMT5.
        control: of :data:`CONTROLS`.
        inject: ``cross``: attention to motion tokens; ``concat``: they are joined to the latents.
        autoencoder: arguments of ``LinearAutoencoder``; empty for Wan's own.
        layout: arguments of :class:`~muybridge.networks.motion_layout.MotionLayout`, whose maps
            are joined to the latents; empty for none, as in the paper.
        reader: arguments of :class:`~muybridge.networks.joint_reader.JointReader`, which tells the
            motion encoder where it sees joints; empty for none, as in the paper.
        drawn: how many of its channels are held against the skeleton as the camera sees it, and
            the matte, in training: 4 per pixel, at half the pictures' size. 0 for none.
        moved: the reference is moved along the bones of the layout and stands beside the
            latents, see :mod:`muybridge.networks.bone_warp`.
        objective: ``residual``: the output is a change of the latents of the reference, moved
            where it is, their sum the clean latents; ``flow``: the velocity.
        steps: of the sampler. ``from_mean``: it starts from the noise's mean, zero.
        guidance: how strongly words and motion are followed; 1 is without guidance.
        shift: of real models' noise levels.
        window, overlap: frames that go through together, and that neighbours of these share.
        compression: frames of a latent frame, but the first one.
        condition: how the reference enters: ``first``: it is the first latent frame, clean, its
            tokens at timestep 0 (Wan 2.2 TI2V); ``channels``: beside the noise, with CLIP's
            tokens (Wan 2.1).
        decode_together: frames that the decoder takes at a time.
    """

    size: str
    width: int
    height: int
    picture_channels: int
    transformer: Mapping[str, Any]
    motion: Mapping[str, Any]
    decoder: Mapping[str, Any] = field(default_factory=dict)
    text: Mapping[str, Any] = field(default_factory=dict)
    control: str = "tokens"
    inject: str = "cross"
    autoencoder: Mapping[str, Any] = field(default_factory=dict)
    layout: Mapping[str, Any] = field(default_factory=dict)
    reader: Mapping[str, Any] = field(default_factory=dict)
    drawn: int = 0
    moved: bool = False
    objective: str = "flow"
    steps: int = 50
    from_mean: bool = False
    guidance: float = 5.0
    shift: float = 5.0
    window: int = 121
    overlap: int = 24
    compression: int = 4
    condition: str = "first"
    decode_together: int = 8

    @property
    def latent_channels(self) -> int:
        """Channels of the latents that are denoised."""
        return int(self.transformer["out_channels"])

    def varied(
        self, control: str | None = None, inject: str | None = None, hands: bool = True,
        geometry: bool = True,
    ) -> ThreeDimoConfig:
        """The size with other conditions, as the ablation trains them (table 2).

        Args:
            control, inject: see the class.
            hands: whether hands have tokens of their own.
            geometry: whether joint rotations are read off the tokens in training, and where
                joints are seen and skeletons off their layout; without, nothing is moved by them.

        Raises:
            InputError: there is no such condition.
        """
        changed = self
        if control is not None:
            _one_of("control", control, CONTROLS)
            changed = replace(changed, control=control)
        if inject is not None:
            _one_of("inject", inject, ("cross", "concat"))
            changed = replace(changed, inject=inject)
        if not hands:
            changed = replace(changed, motion={**self.motion, "hand": 0})
        if not geometry:
            # nothing can be moved by joints unknown, nor turned with who drives
            changed = replace(changed, drawn=0)
            if changed.moved:
                channels = changed.transformer["in_channels"] - self.latent_channels
                changed = replace(changed, moved=False, transformer={
                    **changed.transformer, "in_channels": channels,
                })
        if not geometry or changed.control != "tokens":
            changed = replace(
                changed, decoder={}, reader={}, motion={**changed.motion, "joints": 0},
            )
        elif changed.decoder:
            tokens = self.motion["tokens"] * (3 if changed.motion["hand"] else 1)
            changed = replace(changed, decoder={**self.decoder, "tokens": tokens})
        if changed.inject == "concat" or changed.control == "skeleton":
            extra = changed.motion["dim"] + self.latent_channels
            return replace(changed, layout={}, drawn=0, moved=False, transformer={
                **changed.transformer, "motion_dim": 0, "in_channels": extra,
            })
        if changed.layout:
            each = 3 if changed.control == "tokens" and changed.motion["hand"] else 1
            changed = replace(changed, layout={
                **changed.layout, "tokens": each * changed.motion["tokens"]
            })
        return changed

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @staticmethod
    def from_json(values: Mapping[str, Any], source: str | Path) -> ThreeDimoConfig:
        """The inverse of :meth:`to_json`.

        Args:
            values: as read.
            source: the file, for the error.

        Raises:
            InputError: a value is missing, unknown, of another type or out of range.
        """
        made = checked_settings(values, PAPER.to_json(), _RANGES, source, "3DiMo")
        for name, known in (
            ("control", CONTROLS), ("inject", ("cross", "concat")),
            ("objective", ("residual", "flow")), ("condition", ("first", "channels")),
        ):
            if made[name] not in known:
                raise InputError(source, name, f"there is no {made[name]!r}", REMEDY)
        if made["overlap"] >= made["window"]:
            raise InputError(
                source, "overlap", f"{made['overlap']} with windows of {made['window']}", REMEDY
            )
        for part, name in (("transformer", "out_channels"), ("motion", "tokens"),
                           ("motion", "dim")):
            if not isinstance(made[part].get(name), int):
                raise InputError(source, part, f"has no number {name}", REMEDY)
        channels = made["layout"].get("channels", 0)
        if made["drawn"] > (channels if isinstance(channels, int) else 0):
            raise InputError(source, "drawn", f"{made['drawn']} of {channels} channels of the "
                             "layout", REMEDY)
        if made["moved"] and not channels:
            raise InputError(source, "moved", "without a layout", REMEDY)
        return ThreeDimoConfig(**made)


_RANGES = (
    ("width", 8, 4096), ("height", 8, 4096), ("picture_channels", 3, 4), ("steps", 1, 1000),
    ("guidance", 0, 100), ("shift", 0.1, 100), ("window", 1, 1000), ("overlap", 0, 999),
    ("compression", 1, 16), ("drawn", 0, 192), ("decode_together", 1, 1000),
)


BONES = (
    0.1157, 0.1157, 0.0942, 0.4464, 0.4464, 0.1623, 0.4552, 0.4552, 0.1442, 0.1643, 0.1643,
    0.1961, 0.1279, 0.1279, 0.1136, 0.1635, 0.1635, 0.2862, 0.2862, 0.2565, 0.2565,
)
"""Lengths of the bones to the body's joints, metres, of the mean body."""
_DRAWN = 4 * 2 * 2
"""Of a latent of 4 x 4 pixels."""
_MAPS = 32
"""Channels of the layout."""


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(name, "", f"there is no {value!r}", "use " + ", ".join(known))


def _small(
    size: str, width: int, height: int, heads: int, layers: int, motion: tuple[int, int],
    hand: int, window: int,
) -> ThreeDimoConfig:
    """A size on linear latents of 4 x 4 patches, with the residual objective.

    Args:
        size: its name.
        width, height: of the pictures, pixels.
        heads: of 64 channels each. ``layers``: of the transformer.
        motion: width and layers of the motion encoders.
        hand: side of the hands' pictures, pixels.
        window: frames that go through together.
    """
    dim, deep = motion
    return ThreeDimoConfig(
        size=size,
        width=width,
        height=height,
        picture_channels=4,
        transformer={
            "patch_size": (1, 2, 2), "num_attention_heads": heads, "attention_head_dim": 64,
            "in_channels": 2 * LATENTS + _MAPS, "out_channels": LATENTS, "text_dim": CONTEXT,
            "freq_dim": 64, "ffn_dim": 192 * heads, "num_layers": layers, "rope_max_seq_len": 128,
            "motion_dim": dim, "motion_reach": 1.0, 
            "grid": (window + 1, height // 8, width // 8),
        },
        motion={
            "width": width, "height": height, "hand": hand, "channels": 4, "patch": 16,
            "hand_patch": 8, "dim": dim, "layers": deep, "hand_layers": 1, "heads": dim // 32,
            "tokens": 5, "stem": (32, 64, 96, 128), "hand_stem": (32, 64, 96), "dense": True,
            "joints": JOINTS + 1,
        },
        decoder={"dim": dim, "tokens": 15, "hidden": 2 * dim},
        text={"width": CONTEXT, "layers": 1, "heads": 2},
        autoencoder=small_autoencoder(),
        layout={
            "tokens": 15, "dim": dim, "words": LENGTH, "text_dim": CONTEXT, "frames": window,
            "rows": height // 4, "columns": width // 4, "channels": _MAPS, "hidden": 4 * dim,
            "width": 48, "parents": PARENTS[1 : JOINTS + 1],
            "lengths": BONES,
        },
        reader={"width": width, "height": height, "channels": 4, "joints": JOINTS + 1},
        drawn=_DRAWN,
        moved=True,
        objective="residual",
        steps=2,
        from_mean=True,
        guidance=1.0,
        shift=3.0,
        window=window,
        overlap=window // 4,
        compression=1,
    )


NANO = _small("nano", 72, 96, 3, 5, (128, 2), 24, 8)
"""Trains on two CPU cores in hours; the method's README says what it departs in."""

TINY = _small("tiny", 144, 192, 6, 10, (256, 6), 48, 16)
"""For one large GPU."""

_WAN: dict[str, Any] = {
    "patch_size": (1, 2, 2), "attention_head_dim": 128, "text_dim": 4096, "freq_dim": 256,
    "rope_max_seq_len": 1024,
}
_EYES: dict[str, Any] = {
    "width": 256, "height": 256, "hand": 128, "channels": 3, "patch": 16, "hand_patch": 16,
    "dim": 512, "layers": 6, "hand_layers": 6, "heads": 8, "tokens": 5,
}

PAPER = ThreeDimoConfig(
    size="paper",
    width=832,
    height=480,
    picture_channels=3,
    transformer={
        **_WAN, "num_attention_heads": 24, "in_channels": 48, "out_channels": 48,
        "ffn_dim": 14336, "num_layers": 30, "motion_dim": 512, "motion_inner_dim": 512,
    },
    motion=_EYES,
    decoder={"dim": 512, "tokens": 15, "hidden": 1024},
)
"""Wan 2.2's 5B model of text and image to video, at 480 lines; the authors' own is not public."""

PAPER_WAN21 = replace(
    PAPER, size="paper-wan21", condition="channels", shift=3.0,
    transformer={
        **_WAN, "num_attention_heads": 40, "in_channels": 36, "out_channels": 16,
        "ffn_dim": 13824, "num_layers": 40, "image_dim": 1280, "added_kv_proj_dim": 5120,
        "motion_dim": 512, "motion_inner_dim": 512,
    },
)
"""Wan 2.1's 14B model of image to video."""

CONFIGS: dict[str, ThreeDimoConfig] = {
    each.size: each for each in (NANO, TINY, PAPER, PAPER_WAN21)
}
"""By name."""
