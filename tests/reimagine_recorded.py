"""What ReImagine's official code gave once, at tiny sizes with random weights."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from safetensors import safe_open
from torch import Tensor, nn


@cache
def recording(shared: Path, name: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What a file says of itself, and its tensors, floating-point ones as float32."""
    with safe_open(shared / "fixtures/reimagine" / f"{name}.safetensors", "pt") as file:
        tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
        said = {
            k: json.loads(v) if v[:1] in ("{", "[") else v for k, v in file.metadata().items()
        }
    return said, {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}


def part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, without it."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def relative(got: Tensor, wanted: Tensor) -> float:
    """Largest difference over largest value."""
    assert got.shape == wanted.shape
    return float((got.float() - wanted.float()).abs().max() / wanted.float().abs().max())


def flux_parts(shared: Path) -> dict[str, nn.Module]:
    """The recorded transformer and both ControlNets, as diffusers' models."""
    from diffusers import FluxControlNetModel, FluxTransformer2DModel

    from muybridge.networks.weights import load_strictly, on_meta

    said, tensors = recording(shared, "kontext_controlnet")
    made = {}
    for name in ("transformer", "controlnet", "controlnet_singles"):
        kind = FluxTransformer2DModel if name == "transformer" else FluxControlNetModel
        network = on_meta(kind, said[f"{name}_config"], "recording")
        copied = {k: v.clone() for k, v in part(tensors, f"diffusers.{name}.").items()}
        load_strictly(network, copied, "recording", assign=True)
        made[name] = network.eval().requires_grad_(False)
    return made
