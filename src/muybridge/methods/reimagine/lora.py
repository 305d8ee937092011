"""LoRAs for Flux in the three forms they come in, on a transformer of any size.

DiffSynth, with which the release was trained, and kohya's scripts name Flux's layers as its authors
do, with query, key and value in one; diffusers has them apart. A joint layer's first matrix is
every part's first matrix, and its second is cut by rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muybridge.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn

_QKV = ("attn.to_q", "attn.to_k", "attn.to_v")
_DOUBLE = {
    "attn.a_to_qkv": ("img_attn_qkv", _QKV),
    "attn.b_to_qkv": (
        "txt_attn_qkv", ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj")
    ),
    "attn.a_to_out": ("img_attn_proj", ("attn.to_out.0",)),
    "attn.b_to_out": ("txt_attn_proj", ("attn.to_add_out",)),
    "ff_a.0": ("img_mlp_0", ("ff.net.0.proj",)),
    "ff_a.2": ("img_mlp_2", ("ff.net.2",)),
    "ff_b.0": ("txt_mlp_0", ("ff_context.net.0.proj",)),
    "ff_b.2": ("txt_mlp_2", ("ff_context.net.2",)),
    "norm1_a.linear": ("img_mod_lin", ("norm1.linear",)),
    "norm1_b.linear": ("txt_mod_lin", ("norm1_context.linear",)),
}
_SINGLE = {
    "to_qkv_mlp": ("linear1", (*_QKV, "proj_mlp")),
    "proj_out": ("linear2", ("proj_out",)),
    "norm.linear": ("modulation_lin", ("norm.linear",)),
}
"""DiffSynth's name in a block: kohya's, and diffusers' parts in the order of their rows."""
_KINDS = {
    "blocks": ("lora_unet_double_blocks", "transformer_blocks", _DOUBLE),
    "single_blocks": ("lora_unet_single_blocks", "single_transformer_blocks", _SINGLE),
}
_PREFIXES = ("pipe.dit.", "diffusion_model.", "base_model.model.", "transformer.")
_MATRIX = re.compile(
    r"(?P<layer>.+)\.(?:lora_(?P<side>A|B|down|up)(?:\.default)?\.weight|(?P<alpha>alpha))"
)
_TOLD = 8


@dataclass(frozen=True)
class Lora:
    """A LoRA in diffusers' terms.

    Attributes:
        form: of its file: ``native`` (DiffSynth), ``kohya`` or ``diffusers``.
        matrices: by the layer's name in the transformer: down ``[r, in]`` and up ``[out, r]``;
            the change is ``up @ down``, with any alpha worked in.
    """

    form: str
    matrices: dict[str, tuple[Tensor, Tensor]]

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors in diffusers' key form, for ``load_lora_weights`` or a file."""
        tensors = {}
        for layer, (down, up) in self.matrices.items():
            tensors[f"transformer.{layer}.lora_A.weight"] = down
            tensors[f"transformer.{layer}.lora_B.weight"] = up.contiguous()
        return tensors


def read_lora(file: Path, transformer: nn.Module) -> Lora:
    """A LoRA's file, whichever form it has.

    Args:
        file: ``.safetensors``.
        transformer: that it is for; it says how large the parts of joint layers are.

    Raises:
        InputError: the file is absent or damaged, or does not fit the transformer to the last
            key.
    """
    from muybridge.networks.weights import read_weights

    return convert_lora(read_weights(file), transformer, file)


def convert_lora(
    tensors: Mapping[str, Tensor], transformer: nn.Module, source: str | PathLike[str] = "LoRA"
) -> Lora:
    """A LoRA from its tensors.

    Args:
        tensors: by name, in any of the three forms.
        transformer: see :func:`read_lora`.
        source: where from, for the error.

    Raises:
        InputError: they do not fit.
    """
    form = lora_form(tensors)
    if form is None:
        raise InputError(source, "keys", f"no form of LoRA for Flux: {next(iter(tensors), '')}",
                         "use one that DiffSynth, kohya's scripts or diffusers wrote")
    layers, strange = _gathered(tensors)
    linear = {
        name: module for name, module in transformer.named_modules()
        if getattr(module, "in_features", None)
    }
    found: dict[str, tuple[Tensor, Tensor]] = {}
    wrong: list[str] = []
    for layer, given in layers.items():
        targets = _targets(layer, form)
        if not targets or not all(target in linear for target in targets):
            strange.append(layer)
            continue
        if "A" not in given or "B" not in given:
            wrong.append(f"{layer} lacks one of its two matrices")
            continue
        down, up = given["A"].float(), given["B"].float()
        rows = [int(linear[target].out_features) for target in targets]
        fits = (
            down.ndim == 2 and up.ndim == 2 and up.shape[1] == down.shape[0]
            and up.shape[0] == sum(rows)
            and all(linear[target].in_features == down.shape[1] for target in targets)
        )
        if not fits:
            wrong.append(f"{layer} is {list(up.shape)} by {list(down.shape)}")
            continue
        if "alpha" in given:
            up = up * (float(given["alpha"]) / down.shape[0])
        for target, part in zip(targets, up.split(rows), strict=True):
            found[target] = (down, part)
    if strange:
        wrong.insert(0, "no layers of this transformer: " + ", ".join(strange[:_TOLD]))
    if wrong:
        raise InputError(source, "keys", "; ".join(wrong[:_TOLD]), "use a LoRA of the same size")
    return Lora(form, found)


def lora_form(tensors: Mapping[str, Any]) -> str | None:
    """``native``, ``kohya`` or ``diffusers``, by names alone; ``None`` for anything else."""
    layers = [_bare(name) for name in tensors]
    if any(name.startswith("lora_unet_") for name in layers):
        return "kohya"
    if any(re.match(r"(single_)?transformer_blocks\.\d", name) for name in layers):
        return "diffusers"
    if any(re.match(r"(single_)?blocks\.\d.*\.lora_[AB]\.", name) for name in layers):
        return "native"
    return None


def merge_lora(transformer: nn.Module, lora: Lora | Path, scale: float = 1.0) -> None:
    """Add a LoRA to the weights themselves; afterwards it costs nothing.

    Args:
        transformer: not quantised.
        lora: one that was read, or its file.
        scale: of the change.

    Raises:
        InputError: the file does not fit.
    """
    import torch

    known = lora if isinstance(lora, Lora) else read_lora(lora, transformer)
    modules = dict(transformer.named_modules())
    with torch.no_grad():
        for layer, (down, up) in known.matrices.items():
            weight: Any = modules[layer].weight
            change = up.to(weight.device) @ down.to(weight.device)
            weight.copy_((weight.float() + scale * change).to(weight.dtype))


def add_lora_adapter(
    transformer: Any, lora: Lora | Path, scale: float = 1.0, name: str = "reimagine"
) -> None:
    """Put a LoRA beside the weights with peft, so that it can be scaled and taken out again.

    Quantised weights can have it this way only.

    Args:
        transformer: one of diffusers' models.
        lora: one that was read, or its file.
        scale: of the change; ``transformer.set_adapters`` changes it later.
        name: of the adapter.

    Raises:
        InputError: the file does not fit.
    """
    known = lora if isinstance(lora, Lora) else read_lora(lora, transformer)
    transformer.load_lora_adapter(known.state_dict(), prefix="transformer", adapter_name=name)
    transformer.set_adapters([name], weights=[scale])


def _bare(name: str) -> str:
    """A name without what programs write before it."""
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _gathered(tensors: Mapping[str, Tensor]) -> tuple[dict[str, dict[str, Tensor]], list[str]]:
    """Both matrices, and alpha, of each layer; and names that are nothing of a LoRA."""
    layers: dict[str, dict[str, Tensor]] = {}
    strange = []
    for name, tensor in tensors.items():
        match = _MATRIX.fullmatch(_bare(name))
        if match is None:
            strange.append(name)
            continue
        side = {"down": "A", "up": "B"}.get(match["side"], match["side"]) or "alpha"
        layers.setdefault(match["layer"], {})[side] = tensor
    return layers, strange


def _targets(layer: str, form: str) -> tuple[str, ...]:
    """diffusers' layers of a file's layer; none where it is not known."""
    if form == "diffusers":
        return (layer,)
    for native, (kohya, ours, table) in _KINDS.items():
        if form == "native":
            match = re.fullmatch(rf"{native}\.(\d+)\.(.+)", layer)
            short = match[2] if match else ""
        else:
            match = re.fullmatch(rf"{kohya}_(\d+)_(.+)", layer)
            short = next((k for k, v in table.items() if match and v[0] == match[2]), "")
        if match and short in table:
            return tuple(f"{ours}.{match[1]}.{name}" for name in table[short][1])
    return ()
