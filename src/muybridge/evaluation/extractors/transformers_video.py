"""VideoMAE and V-JEPA 2, from a folder on this machine: features that see motion.

I3D prefers good single frames over good motion (Ge et al. 2024); networks that learnt from
video without labels do so less. Both are transformers' own classes; the folder is one that
``save_pretrained`` or a download of a model page makes: ``config.json`` and the weights. Nothing
is fetched, and code in the folder is not run.

Features are the mean of the encoder's tokens. Pictures are brought to the network's square,
bilinear and antialiased, stretched where they are not square (the models' own processors cut
the sides off, and with them heads and feet), and normalised with ImageNet's mean and spread.
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from muybridge.errors import InputError
from muybridge.evaluation.extractors.extractor import Extractor, digest_of, to_square

STRIDE = 8
JEPA_LENGTH = 16
"""Frames of a clip for V-JEPA 2, whose places are relative and which takes any even number."""
MEAN = (0.485, 0.456, 0.406)
SPREAD = (0.229, 0.224, 0.225)
_CONFIG = "config.json"
_WEIGHTS = ("*.safetensors", "*.bin")
_REMEDY = "download the whole folder again"


def videomae(
    folder: Path, device: torch.device | str = "cpu", stride: int = STRIDE
) -> Extractor:
    """VideoMAE; clips are as long as its configuration says, 16 frames.

    Raises:
        InputError: the folder lacks a file, holds another network, or is damaged.
    """
    from transformers import VideoMAEModel

    network = _loaded(VideoMAEModel, folder, "videomae", device)

    def run(frames: Tensor) -> Tensor:
        pixels = _normalised(frames, network.config.image_size)
        return network(pixel_values=pixels).last_hidden_state.mean(1)

    config = network.config
    return _extractor("videomae", folder, config, config.num_frames, config.image_size,
                      run, device, stride)


def vjepa2(folder: Path, device: torch.device | str = "cpu", stride: int = STRIDE) -> Extractor:
    """The encoder of V-JEPA 2, on clips of 16 frames.

    Raises:
        InputError: the folder lacks a file, holds another network, or is damaged.
    """
    from transformers import VJEPA2Model

    network = _loaded(VJEPA2Model, folder, "vjepa2", device)

    def run(frames: Tensor) -> Tensor:
        pixels = _normalised(frames, network.config.crop_size)
        found = network(pixel_values_videos=pixels, skip_predictor=True)
        return found.last_hidden_state.mean(1)

    config = network.config
    return _extractor("vjepa2", folder, config, JEPA_LENGTH, config.crop_size, run, device, stride)


def _extractor(
    name: str, folder: Path, config: Any, length: int, size: int, run: Any,
    device: torch.device | str, stride: int,
) -> Extractor:
    return Extractor(
        name=name, score="fvd", kernel="kvd", kind="clip", length=length, stride=stride,
        size=size, resize="bilinear, antialiased", dimension=config.hidden_size,
        digest=digest_of(folder / _CONFIG, *_files(folder)), run=run, chunk=2, device=device,
    )


def _normalised(frames: Tensor, size: int) -> Tensor:
    mean = frames.new_tensor(MEAN).view(3, 1, 1)
    spread = frames.new_tensor(SPREAD).view(3, 1, 1)
    return (to_square(frames, size, "bilinear", True) - mean) / spread


def _files(folder: Path) -> list[Path]:
    """The weights: safetensors, or the older form where there are none."""
    for pattern in _WEIGHTS:
        found = sorted(folder.glob(pattern))
        if found:
            return found
    raise InputError(folder, "weights", "are not there", _REMEDY)


def _loaded(kind: Any, folder: Path, name: str, device: torch.device | str) -> Any:
    """The network with every one of its weights from the folder."""
    file = folder / _CONFIG
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(file, "", f"can't be read ({error.strerror})",
                         "give the folder of the model") from None
    except (ValueError, RecursionError) as error:
        raise InputError(file, "", f"is no JSON ({error})", _REMEDY) from None
    found = config.get("model_type") if isinstance(config, dict) else None
    if found != name:
        raise InputError(file, "model_type", f"is {found}, not {name}",
                         f"give a folder of {name}")
    _files(folder)
    try:
        network, told = kind.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, dtype=torch.float32,
            output_loading_info=True,
        )
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, EOFError, AttributeError,
            ZeroDivisionError, SafetensorError, pickle.UnpicklingError) as error:
        raise InputError(folder, "weights", f"can't be read ({error})"[:300], _REMEDY) from None
    missing = sorted(k for k in told["missing_keys"] if not k.startswith("predictor."))
    if missing:
        raise InputError(folder, "weights", f"lack {len(missing)} such as {missing[0]}", _REMEDY)
    return network.eval().requires_grad_(False).to(device)
