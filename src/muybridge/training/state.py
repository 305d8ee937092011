"""Modules and optimizers as tensors by name, so that they can be kept as safetensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn


def module_state(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and persistent buffers on the CPU; tied ones once, under their first name."""
    kept: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, value in module.state_dict(keep_vars=True).items():
        if isinstance(value, Tensor) and id(value) not in seen:
            seen.add(id(value))
            kept[name] = on_cpu(value)
    return kept


def on_cpu(value: Tensor) -> Tensor:
    """A copy that shares no memory with anything."""
    return value.detach().to("cpu", copy=True).contiguous()


def load_module_state(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Put back what :func:`module_state` gave.

    Raises:
        ValueError: names or shapes are not the module's.
    """
    wanted = {name: value.shape for name, value in module_state(module).items()}
    given = {name: value.shape for name, value in state.items()}
    if wanted != given:
        strange = sorted(
            n for n in wanted.keys() | given.keys() if wanted.get(n) != given.get(n)
        )
        raise ValueError(f"{len(strange)} tensors do not fit, such as {strange[0]}")
    module.load_state_dict(state, strict=False)


def decayed_groups(
    parameters: Iterable[tuple[str, nn.Parameter]], weight_decay: float
) -> list[dict[str, object]]:
    """Parameter groups: matrices and kernels decay, biases and norms do not."""
    trained = [p for _, p in parameters if p.requires_grad]
    groups: list[dict[str, object]] = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def optimizer_state(
    optimizer: torch.optim.Optimizer, names: Mapping[str, nn.Parameter]
) -> dict[str, Tensor]:
    """Moments and counts as ``KIND/PARAMETER``, on the CPU."""
    kept: dict[str, Tensor] = {}
    for name, parameter in names.items():
        for kind, value in optimizer.state.get(parameter, {}).items():
            kept[f"{kind}/{name}"] = on_cpu(torch.as_tensor(value))
    return kept


def load_optimizer_state(
    optimizer: torch.optim.Optimizer,
    names: Mapping[str, nn.Parameter],
    state: Mapping[str, Tensor],
) -> None:
    """Put back what :func:`optimizer_state` gave.

    Raises:
        ValueError: it is of other parameters.
    """
    by_name: dict[str, dict[str, Tensor]] = {}
    for key, value in state.items():
        kind, _, name = key.partition("/")
        if name not in names:
            raise ValueError(f"there is no parameter {name!r}")
        parameter = names[name]
        if value.ndim and value.shape != parameter.shape:
            raise ValueError(f"{key} has the shape {tuple(value.shape)}")
        # counts stay on the CPU, where AdamW keeps them
        place = parameter.device if value.ndim else torch.device("cpu")
        by_name.setdefault(name, {})[kind] = value.to(place, copy=True)
    for name, held in by_name.items():
        optimizer.state[names[name]] = held
