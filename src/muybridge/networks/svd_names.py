"""Names of the weights of SVD's UNet: those of diffusers, of the original, and of an image UNet.

The original release (``svd_xt.safetensors``, the ``sgm`` code) counts all blocks of a path
through: ``input_blocks.0`` is the first convolution, then every level has its residual blocks and,
but for the last, a downsampling; ``output_blocks`` have the upsampling in the last block of a
level, behind the attention where there is one. What diffusers calls ``spatial_res_block`` is
the block itself there, and everything temporal is a ``time_stack``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any

from torch import Tensor

from muybridge.errors import InputError
from muybridge.networks.weights import check_keys

ORIGINAL_PREFIX = "model.diffusion_model."
"""In front of the UNet's names in the original's file; other prefixes are other networks."""

_ENDS = {
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
}
_RESIDUAL = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_TRANSFORMER = (
    ("temporal_transformer_blocks.", "time_stack."),
    ("time_pos_embed.linear_1.", "time_pos_embed.0."),
    ("time_pos_embed.linear_2.", "time_pos_embed.2."),
)
_PLACE = re.compile(
    r"(?:(?P<way>down|up)_blocks\.(?P<level>\d+)|(?P<mid>mid_block))\."
    r"(?P<kind>resnets|attentions|downsamplers|upsamplers)\.(?P<number>\d+)\.(?P<rest>.+)"
)
_ONLY_VIDEO = re.compile(
    r"temporal_|\.time_mixer\.|\.time_pos_embed\.|^add_embedding\."
)


def original_name(name: str, layers: int, crossed: Sequence[bool]) -> str:
    """The original's name of a weight.

    Args:
        name: diffusers'.
        layers: residual blocks per level (``layers_per_block``).
        crossed: which levels have attention, from the top.

    Raises:
        ValueError: it is none of SVD's.
    """
    stem, _, leaf = name.rpartition(".")
    if stem in _ENDS:
        return f"{_ENDS[stem]}.{leaf}"
    found = _PLACE.fullmatch(name)
    if found is None:
        raise ValueError(f"{name} is no weight of SVD's UNet")
    kind, number, rest = found["kind"], int(found["number"]), found["rest"]
    if kind == "resnets":
        rest = _residual(rest)
    elif kind == "attentions":
        for theirs, other in _TRANSFORMER:
            rest = rest.replace(theirs, other) if rest.startswith(theirs) else rest
    if found["mid"]:
        return f"middle_block.{2 * number if kind == 'resnets' else 1}.{rest}"
    level = int(found["level"])
    if found["way"] == "down":
        first = 1 + level * (layers + 1)
        if kind == "downsamplers":
            return f"input_blocks.{first + layers}.0.{rest.replace('conv.', 'op.')}"
        return f"input_blocks.{first + number}.{int(kind == 'attentions')}.{rest}"
    first = level * (layers + 1)
    if kind == "upsamplers":
        behind = 2 if list(reversed(crossed))[level] else 1
        return f"output_blocks.{first + layers}.{behind}.{rest}"
    return f"output_blocks.{first + number}.{int(kind == 'attentions')}.{rest}"


def _residual(rest: str) -> str:
    """A name within a residual block."""
    part, _, inner = rest.partition(".")
    if part == "time_mixer":
        return rest
    layer, _, leaf = inner.partition(".")
    if part not in ("spatial_res_block", "temporal_res_block") or layer not in _RESIDUAL:
        raise ValueError(f"{rest} is no weight of SVD's residual blocks")
    stack = "time_stack." if part == "temporal_res_block" else ""
    return f"{stack}{_RESIDUAL[layer]}.{leaf}"


def original_names(names: Iterable[str], config: Mapping[str, Any]) -> dict[str, str]:
    """The original's name for each of diffusers' names of SVD's UNet.

    Args:
        names: diffusers'; those of a UNet without additions.
        config: of the UNet; its levels all have the same number of layers.
    """
    crossed = crossed_levels(config)
    layers = int(config["layers_per_block"])
    return {name: original_name(name, layers, crossed) for name in names}


def from_original(
    weights: Mapping[str, Tensor],
    expected: Mapping[str, Tensor],
    config: Mapping[str, Any],
    source: str | PathLike[str],
) -> dict[str, Tensor]:
    """Weights of SVD's UNet under diffusers' names.

    Args:
        weights: of the original's whole file; those of its other networks are passed over.
        expected: diffusers' names and shapes, without additions.
        config: see :func:`original_names`.
        source: the file, for errors.

    Raises:
        InputError: the file has no UNet, or weights of it are missing, unknown or of another
            shape; they are named as in the file.
    """
    given = {
        name.removeprefix(ORIGINAL_PREFIX): value
        for name, value in weights.items() if name.startswith(ORIGINAL_PREFIX)
    }
    if not given:
        raise InputError(
            source, "weights", f"has no names that begin with {ORIGINAL_PREFIX}",
            "give svd_xt.safetensors or a folder in diffusers' layout",
        )
    names = original_names(expected, config)
    check_keys({names[name]: value for name, value in expected.items()}, given, source)
    return {name: given[names[name]] for name in expected}


def image_unet_weights(video: Mapping[str, Tensor], in_channels: int) -> dict[str, Tensor]:
    """The weights of an image UNet that are in SVD's: all spatial layers.

    Of the first convolution, which reads noisy latents and those of the picture, the half for
    the picture stays.

    Args:
        video: diffusers' names.
        in_channels: of the latents of a picture.
    """
    found = {
        name.replace(".spatial_res_block.", "."): value
        for name, value in video.items() if _ONLY_VIDEO.search(name) is None
    }
    found["conv_in.weight"] = found["conv_in.weight"][:, -in_channels:].contiguous()
    return found


def crossed_levels(config: Mapping[str, Any]) -> tuple[bool, ...]:
    """Which levels of a video UNet have attention, from the top."""
    return tuple(kind.startswith("CrossAttn") for kind in config["down_block_types"])
