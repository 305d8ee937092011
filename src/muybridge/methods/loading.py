"""What loaders of networks share: where a size's weights lie, devices, number types."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn

from muybridge.errors import InputError
from muybridge.methods.spec import MethodSpec


@runtime_checkable
class SeesBy(Protocol):
    """A config that says how pictures are seen."""

    @property
    def autoencoder(self) -> Any:
        """Of a ``LinearAutoencoder``; empty for SVD's own."""

    @property
    def reference_token(self) -> Any:
        """Of a ``ReferenceToken``; empty for CLIP."""


def eyes_of(folder: Path, config: SeesBy, dtype: torch.dtype) -> tuple[Any, nn.Module]:
    """Autoencoder and encoder of the reference, from a folder of ours.

    Args:
        folder: of all networks.
        config: of the size.
        dtype: of the encoder's weights; autoencoders keep full precision.

    Raises:
        InputError: a file is absent or damaged.
    """
    from muybridge.networks.linear_autoencoder import LinearAutoencoder
    from muybridge.networks.reference_token import ReferenceToken
    from muybridge.networks.svd_parts import read_clip, read_video_vae
    from muybridge.networks.weights import read_model

    vae = (
        read_model(LinearAutoencoder, folder / "vae") if config.autoencoder
        else read_video_vae(folder / "vae")
    )
    encoder: nn.Module = (
        read_model(ReferenceToken, folder / "reference_token", dtype) if config.reference_token
        else read_clip(folder / "image_encoder", dtype)
    )
    return vae, encoder


def folder_of(spec: MethodSpec, size_or_path: str) -> tuple[Path, str]:
    """Where weights lie, and what the size is called.

    Args:
        spec: of the method; it has looked for the weights of its sizes.
        size_or_path: a size's name or a folder.
    """
    sizes = {size.name: size for size in spec.sizes}
    if size_or_path not in sizes:
        folder = Path(size_or_path)
        return folder, folder.name
    size = sizes[size_or_path]
    first = spec.find(size.weights[0])
    if first is None:
        raise InputError(size_or_path, "", "has no weights here", "give a folder")
    return (first if first.is_dir() else first.parent.parent), size.name


def chosen_dtype(name: str | None) -> torch.dtype | None:
    """The type of numbers of that name.

    Raises:
        InputError: there is none, or it is not for weights.
    """
    if name is None:
        return None
    found = getattr(torch, name, None)
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise InputError("dtype", "", f"there is no {name!r}", "use float32, float16 or bfloat16")
    return found


def chosen_device(name: str | None) -> torch.device:
    """The device of that name; a GPU where there is one by default.

    Raises:
        InputError: there is none.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.device(name)
    except RuntimeError:
        raise InputError("device", "", f"there is no {name!r}", "use cpu or cuda") from None


def checked_steps(steps: int | None) -> int | None:
    """The number of a sampler's steps, if it is one.

    Raises:
        InputError: it is out of range.
    """
    if steps is not None and not 1 <= steps <= 1000:
        raise InputError("num_inference_steps", "", f"is {steps}", "give 1 to 1000")
    return steps
