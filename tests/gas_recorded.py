"""What GAS's official networks and pipeline gave once, at a tiny size with random weights."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from safetensors import safe_open
from torch import Tensor


@cache
def recording(shared: Path) -> tuple[dict, dict[str, Tensor]]:
    """The configs by network, and all recorded tensors."""
    with safe_open(shared / "fixtures/gas/gas_tiny.safetensors", "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return json.loads(file.metadata()["config"]), tensors


def full_keys(shared: Path) -> dict:
    """Keys and shapes of the release's files at full size."""
    return json.loads((shared / "fixtures/gas/gas_full_keys.json").read_text())


def weights(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """The recorded weights of one network."""
    return {
        key.removeprefix(f"{name}."): value.float()
        for key, value in tensors.items() if key.startswith(f"{name}.")
    }


def relative(a: Tensor, b: Tensor) -> float:
    """Largest difference over largest value."""
    return float((a.float() - b.float()).abs().max() / b.float().abs().max())
