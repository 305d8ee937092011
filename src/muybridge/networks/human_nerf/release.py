"""The released checkpoint: its parameter names, and loading them into our network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from os import PathLike
from typing import Any

import torch
from torch import Tensor

from muybridge.errors import InputError
from muybridge.networks.human_nerf.config import PAPER
from muybridge.networks.human_nerf.model import HumanNeRF
from muybridge.networks.human_nerf.skin import CanonicalSkin
from muybridge.networks.human_nerf.snapshot import read_snapshot
from muybridge.networks.weights import load_strictly

UNUSED = tuple(re.compile(pattern) for pattern in (
    r"superresolution\..*",  # never run (use_sr_module False)
    r"encoder_2d\.backbone\.fc\..*",
    r"encoder_2d_feature\.backbone\.(layer[234]|fc)\..*",
    r"renderer\.encoder_3d\.(down3|conv4)\..*",
    r"renderer\.(rgb|pos|view)_enc\._(freqs|phases)",
    r"backbone\.mapping\.w_avg",
    r"backbone\.synthesis\..*\.(noise_const|noise_strength|resample_filter)",  # noise is off
    r"backbone\.synthesis\.b\d+\.resample_filter",
))
"""What the release's file holds and its forward pass never uses."""

_RENAMED = tuple((re.compile(pattern), new) for pattern, new in (
    (r"encoder_2d\.backbone\.(conv1|bn1)\.", r"global_encoder.\1."),
    (r"encoder_2d_feature\.backbone\.(conv1|bn1)\.", r"local_encoder.\1."),
    (r"encoder_2d_feature\.backbone\.layer1\.", "local_encoder.layers.0."),
    (r"backbone\.(mapping|synthesis)\.", r"planes.\1."),
    (r"conv1d_projection\.", "vertex_projection."),
    (r"renderer\.conv1d_projection\.", "volume_projection."),
    (r"renderer\.conv1d_reprojection\.", "fusion.projection."),
    (r"renderer\.transformer\.layers\.0\.0\.fn\.norm\.", "fusion.norm1."),
    (r"renderer\.transformer\.layers\.0\.0\.fn\.fn\.to_qkv\.", "fusion.attention.to_qkv."),
    (r"renderer\.transformer\.layers\.0\.0\.fn\.fn\.to_out\.0\.", "fusion.attention.to_out."),
    (r"renderer\.transformer\.layers\.0\.1\.fn\.norm\.", "fusion.norm2."),
    (r"renderer\.transformer\.layers\.0\.1\.fn\.fn\.net\.0\.", "fusion.expand."),
    (r"renderer\.transformer\.layers\.0\.1\.fn\.fn\.net\.3\.", "fusion.contract."),
    (r"decoder\.", "decoder."),
))
_STAGE = re.compile(r"encoder_2d\.backbone\.layer([1-4])\.")
_VOXELS = re.compile(r"renderer\.encoder_3d\.(conv[0-3]|down[0-2])\.(\d+)\.(.+)")
_POINTWISE = ("vertex_projection.weight", "volume_projection.weight", "fusion.projection.weight")


def our_name(name: str) -> str | None:
    """Our name of one of the release's parameters; ``None`` for what it never uses.

    A name that the release doesn't have is given back as it is.
    """
    if any(pattern.fullmatch(name) for pattern in UNUSED):
        return None
    stage = _STAGE.match(name)
    if stage:
        return f"global_encoder.layers.{int(stage[1]) - 1}.{name[stage.end():]}"
    voxels = _VOXELS.fullmatch(name)
    if voxels:
        # convolution, norm, activation, convolution, ... in one sequence
        block, (step, part) = voxels[1], divmod(int(voxels[2]), 3)
        place = f"stages.{block[-1]}.{step}" if block[:4] == "conv" else f"downs.{block[-1]}"
        return f"volume.{place}.{('conv', 'norm', 'act')[part]}.{voxels[3]}"
    for pattern, new in _RENAMED:
        match = pattern.match(name)
        if match:
            return match.expand(new) + name[match.end() :]
    return name


def our_weights(
    released: Mapping[str, Tensor], source: str | PathLike[str]
) -> dict[str, Tensor]:
    """The release's tensors under our names and in our layouts, float32.

    Its 1x1 convolutions are our linear layers. spconv's weights ``(Cout, z, y, x, Cin)`` are
    ours as they are.

    Raises:
        InputError: a number that is not finite, or two names that become one.
    """
    weights: dict[str, Tensor] = {}
    for name, tensor in released.items():
        ours = our_name(name)
        if ours is None:
            continue
        if ours in weights:
            raise InputError(source, name, "is there twice", "give the release's own file")
        if tensor.is_floating_point():
            if not bool(torch.isfinite(tensor).all()):
                raise InputError(
                    source, name, "holds a number that is not finite", "fetch the file again"
                )
            tensor = tensor.float()
        if ours in _POINTWISE and tensor.ndim == 3 and tensor.shape[-1] == 1:
            tensor = tensor[..., 0]
        weights[ours] = tensor
    return weights


def load_released(
    path: str | PathLike[str],
    canonical: CanonicalSkin,
    network: str = "G",
    settings: Mapping[str, Any] = PAPER,
) -> HumanNeRF:
    """The released human NeRF, from the user's ``network-snapshot.pkl``.

    Args:
        path: the snapshot. Nothing in it is run, see :mod:`.snapshot`.
        canonical: all vertices of the user's SMPL model.
        network: ``G``, as the release's own inference, or ``G_ema``.
        settings: the network's size, for a snapshot of another.

    Raises:
        InputError: the file is damaged or hostile, a parameter is missing, unknown or of
            another shape (all are named), or the body is not SMPL.
    """
    with torch.device("meta"):
        model = HumanNeRF(**settings)
    weights = our_weights(read_snapshot(path, network), path)
    load_strictly(model, weights, path, assign=True)
    model.use_skin(canonical)
    return model.requires_grad_(False).eval()
