"""Sizes of ReImagine: the same classes at each, only widths, latents and the objective differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from muybridge.errors import InputError
from muybridge.methods.settings import REMEDY, checked_settings
from muybridge.methods.video_sizes import CONTEXT, LATENTS, small_autoencoder

LORA_TARGETS = (
    "attn.to_q", "attn.to_k", "attn.to_v", "attn.to_out.0", "attn.add_q_proj", "attn.add_k_proj",
    "attn.add_v_proj", "attn.to_add_out", "ff.net.0.proj", "ff.net.2", "ff_context.net.0.proj",
    "ff_context.net.2", "norm1.linear", "norm1_context.linear", "proj_mlp", "proj_out",
    "norm.linear",
)
"""Layers of each block of the transformer that the release's LoRA changes, by diffusers' names.

They are the release's ``a_to_qkv``, ``b_to_qkv``, ``a_to_out``, ``b_to_out``, ``ff_a``, ``ff_b``,
``norm1_a``, ``norm1_b``, ``to_qkv_mlp``, ``proj_out`` and ``norm``.
"""

TOLD = "told"
"""Preset of the refinement by a video model that knows what each frame shows."""


@dataclass(frozen=True)
class ReImagineConfig:
    """What a size of ReImagine is made of and how it samples.

    Attributes:
        size: name.
        width, height: of the pictures, pixels. The reference, front beside back, is twice as wide.
        picture_channels: 3 for RGB over white; 4 for RGB premultiplied over black, and matte.
        transformer: arguments of ``FluxTransformer2DModel``.
        controlnet: arguments of ``FluxControlNetModel``.
        prompt: arguments of :class:`~muybridge.methods.reimagine.prompt.Prompt`; empty for the
            real text encoders.
        pose_adapter: arguments of ``PoseAdapter``, which adds the normals of the reference's own
            pose to its tokens; empty for sizes without.
        video: arguments of ``WanTransformer3DModel``, the model that refines; empty for sizes
            whose video model is the user's.
        autoencoder: arguments of ``LinearAutoencoder``; empty for Flux's own.
        objective: ``residual``: the output is a change of the reference's latents, their sum the
            clean latents; ``flow``: the velocity.
        steps: of the per-frame sampler. ``from_mean``: it starts from the noise's mean, zero.
        guidance: the embedded guidance of real weights; small ones have none.
        lora_rank: of the LoRA that training adds.
        refine: preset of the refinement by its own video model, see ``muybridge.sampling``.
        refine_with: the video model that refines by default, see
            :func:`muybridge.methods.reimagine.calming.chosen_calming`.
        window, overlap: frames that are refined together, and that neighbours of these share.
        reference_columns: columns of tokens of each side of the reference, the middle ones, that
            are looked at; 0 for all. Beside a standing person there is nothing to see.
        decode_together: frames that the decoder takes at a time.
    """

    size: str
    width: int
    height: int
    picture_channels: int
    transformer: Mapping[str, Any]
    controlnet: Mapping[str, Any]
    prompt: Mapping[str, Any] = field(default_factory=dict)
    pose_adapter: Mapping[str, Any] = field(default_factory=dict)
    video: Mapping[str, Any] = field(default_factory=dict)
    autoencoder: Mapping[str, Any] = field(default_factory=dict)
    objective: Literal["residual", "flow"] = "flow"
    steps: int = 20
    from_mean: bool = False
    guidance: float = 3.5
    lora_rank: int = 128
    refine: str = "faithful"
    refine_with: str = "own"
    window: int = 81
    overlap: int = 17
    reference_columns: int = 0
    decode_together: int = 8

    @property
    def token_channels(self) -> int:
        """Width of packed tokens: two by two latents each."""
        return int(self.transformer["in_channels"])

    @property
    def latent_channels(self) -> int:
        """Channels of the latents that are denoised."""
        return self.token_channels // 4

    @property
    def latent_patch(self) -> int:
        """Pixels of a latent along each side."""
        return int(self.autoencoder["patch"]) if self.autoencoder else 8

    @property
    def token_grid(self) -> tuple[int, int]:
        """Rows and columns of the tokens of one picture."""
        pixels = 2 * self.latent_patch
        return self.height // pixels, self.width // pixels

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @staticmethod
    def from_json(values: Mapping[str, Any], source: str | Path) -> ReImagineConfig:
        """The inverse of :meth:`to_json`.

        Args:
            values: as read.
            source: the file, for the error.

        Raises:
            InputError: a value is missing, unknown, of another type or out of range.
        """
        older = {"refine_with": PAPER.refine_with}  # folders of before say nothing about it
        made = checked_settings({**older, **values}, PAPER.to_json(), _RANGES, source, "ReImagine")
        if made["objective"] not in ("residual", "flow"):
            raise InputError(source, "objective", f"there is no {made['objective']!r}", REMEDY)
        if made["refine_with"] not in ("own", "hvg"):
            raise InputError(
                source, "refine_with", f"there is no {made['refine_with']!r}", REMEDY
            )
        if made["overlap"] >= made["window"]:
            raise InputError(
                source, "overlap", f"{made['overlap']} with windows of {made['window']}", REMEDY
            )
        width = made["transformer"].get("in_channels")
        if not isinstance(width, int) or width < 4 or width % 4:
            raise InputError(source, "transformer", f"can't have {width!r} in_channels", REMEDY)
        for name in ("width", "height"):
            pixels = 2 * (made["autoencoder"].get("patch") or 8)
            if not isinstance(pixels, int) or made[name] % pixels:
                raise InputError(source, name, f"{made[name]} is no multiple of {pixels}", REMEDY)
        return ReImagineConfig(**made)


_RANGES = (
    ("width", 8, 4096), ("height", 8, 4096), ("picture_channels", 3, 4), ("steps", 1, 1000),
    ("guidance", 0, 100), ("lora_rank", 1, 4096), ("window", 1, 1000), ("overlap", 0, 999),
    ("reference_columns", 0, 4096), ("decode_together", 1, 1000),
)


def _small(
    size: str, width: int, height: int, blocks: tuple[int, int, int], heads: int,
    columns: int, video: tuple[int, int], window: int, rank: int,
) -> ReImagineConfig:
    """A size on linear latents of 4 x 4 patches, with the residual objective.

    Args:
        size: its name.
        width, height: of the pictures, pixels.
        blocks: double and single ones of the transformer; double ones of the ControlNet.
        heads: of 64 channels each.
        columns: of each side of the reference that are looked at.
        video: heads, of 32 channels each, and blocks of the video model.
        window: frames that it sees.
        rank: of the LoRA.
    """
    flux = {
        "in_channels": 4 * LATENTS, "attention_head_dim": 64, "num_attention_heads": heads,
        "joint_attention_dim": CONTEXT, "pooled_projection_dim": CONTEXT,
        "guidance_embeds": False, "axes_dims_rope": (8, 28, 28),
    }
    return ReImagineConfig(
        size=size,
        width=width,
        height=height,
        picture_channels=4,
        transformer={**flux, "num_layers": blocks[0], "num_single_layers": blocks[1]},
        controlnet={**flux, "num_layers": blocks[2], "num_single_layers": 0},
        prompt={"length": 2, "width": CONTEXT, "pooled_width": CONTEXT},
        pose_adapter={"dim": 4 * LATENTS},
        video={
            "patch_size": (1, 2, 2), "num_attention_heads": video[0], "attention_head_dim": 32,
            "in_channels": LATENTS, "out_channels": LATENTS, "text_dim": CONTEXT, "freq_dim": 64,
            "ffn_dim": 96 * video[0], "num_layers": video[1], "rope_max_seq_len": 128,
        },
        autoencoder=small_autoencoder(),
        objective="residual",
        steps=2,
        from_mean=True,
        guidance=0.0,
        lora_rank=rank,
        refine="steady",
        refine_with="hvg",
        window=window,
        overlap=window // 4,
        reference_columns=columns,
    )


NANO = _small("nano", 96, 128, (1, 4, 1), 3, 8, (4, 3), window=8, rank=16)
"""Trains on one CPU core in about an hour; the method's README says what it departs in."""

TINY = _small("tiny", 192, 256, (4, 8, 2), 6, 16, (8, 6), window=16, rank=32)
"""For one large GPU."""

_FLUX: dict[str, Any] = {
    "in_channels": 64, "attention_head_dim": 128, "num_attention_heads": 24,
    "joint_attention_dim": 4096, "pooled_projection_dim": 768, "guidance_embeds": True,
    "axes_dims_rope": (16, 56, 56),
}

PAPER = ReImagineConfig(
    size="paper",
    width=800,
    height=1328,
    picture_channels=3,
    transformer={**_FLUX, "num_layers": 19, "num_single_layers": 38},
    controlnet={**_FLUX, "num_layers": 5, "num_single_layers": 0},
)
"""FLUX.1-Kontext with the Surface-Normals ControlNet, for 800 x 1328."""

CONFIGS: dict[str, ReImagineConfig] = {each.size: each for each in (NANO, TINY, PAPER)}
"""By name."""
