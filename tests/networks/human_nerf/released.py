"""What the released checkpoint looks like: its names and shapes, and a scene to run it on.

The names are facts about SHERF's public code (github.com/skhu101/SHERF, 9e021f7). Weights
are drawn from each parameter's name, so that two programs can have the same ones without
exchanging 160 MB; ``sherf_recorded.npz`` holds what that code made of them and of
:func:`scene` (on a CPU; the sparse convolutions, nearest neighbours and ResNet of its
dependencies replaced by dense ones, with vertex normals given).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import roma
import torch
from body.model_files import parents
from torch import Tensor

from muybridge.body import Shape, load_body
from muybridge.body.smplx import SmplBody
from muybridge.body.smplx_file import parse_model
from muybridge.camera import Cameras
from muybridge.motion import Motion
from muybridge.networks.human_nerf import CanonicalSkin, PosedSkin, canonical_skin, posed_skin
from muybridge.networks.human_nerf.skin import _spread

SIZE = 40
"""Of the recorded pictures."""
Shapes = dict[str, tuple[int, ...]]


def shapes(
    d: int = 32, widths: tuple[int, ...] = (64, 128, 256, 512), blocks: int = 2,
    style: int = 512, plane: int = 256, base: int = 32768, most: int = 512,
    attention: int = 48, hidden: int = 32, width: int = 128, depth: int = 8, skip: int = 4,
) -> Shapes:
    """Every parameter and buffer of the release but its ``superresolution``."""
    out: Shapes = {}
    for encoder in ("encoder_2d", "encoder_2d_feature"):
        out |= _resnet(f"{encoder}.backbone", (2 * d, *widths[1:]) if "feature" in encoder
                       else widths, blocks)
    out |= _linear("conv1d_projection", 3 * d, d, 1)
    out |= _stylegan(widths[-1], style, plane, 3 * d, base, most)
    v = "renderer.encoder_3d"
    for k, (channels, count) in enumerate(((d, 2), (d, 2), (2 * d, 3), (3 * d, 3), (3 * d, 3))):
        for i in range(count):
            out |= _voxels(f"{v}.conv{k}", 3 * i, channels, channels)
    for k, (a, b) in enumerate(((d, d), (d, 2 * d), (2 * d, 3 * d), (3 * d, 3 * d))):
        out |= _voxels(f"{v}.down{k}", 0, a, b)
    out |= _linear("renderer.conv1d_projection", 6 * d, 3 * d, 1)
    out |= _linear("renderer.conv1d_reprojection", 3 * d, d, 1)
    t = "renderer.transformer.layers.0"
    out[f"{t}.0.fn.fn.to_qkv.weight"] = (3 * attention, d)
    out |= _linear(f"{t}.0.fn.fn.to_out.0", attention, d)
    out |= _linear(f"{t}.1.fn.fn.net.0", d, hidden) | _linear(f"{t}.1.fn.fn.net.3", hidden, d)
    for k in (0, 1):
        out |= {f"{t}.{k}.fn.norm.weight": (d,), f"{t}.{k}.fn.norm.bias": (d,)}
    for name, waves in (("rgb", 5), ("pos", 6), ("view", 4)):
        for buffer in ("_freqs", "_phases"):
            out[f"renderer.{name}_enc.{buffer}"] = (1, 2 * waves, 1)
    known = 39 + d
    for k in range(depth):
        out |= _linear(
            f"decoder.pts_linears.{k}", known if k == 0 else width + known * (k == skip + 1), width
        )
    out |= _linear("decoder.views_linear", width + 27 + d, width // 2)
    out |= _linear("decoder.feature_linear", width, width)
    out |= _linear("decoder.alpha_linear", width, 1) | _linear("decoder.rgb_linear", width // 2, 3)
    return out


def _linear(name: str, inputs: int, outputs: int, *kernel: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs, *kernel), f"{name}.bias": (outputs,)}


def _norm(name: str, channels: int) -> Shapes:
    out: Shapes = {f"{name}.num_batches_tracked": ()}
    return out | {
        f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")
    }


def _resnet(name: str, widths: tuple[int, ...], blocks: int) -> Shapes:
    out: Shapes = {f"{name}.conv1.weight": (widths[0], 3, 7, 7)}
    out |= _norm(f"{name}.bn1", widths[0]) | _linear(f"{name}.fc", widths[-1], 1000)
    before = widths[0]
    for k, width in enumerate(widths):
        for i in range(blocks):
            block = f"{name}.layer{k + 1}.{i}"
            out[f"{block}.conv1.weight"] = (width, before, 3, 3)
            out[f"{block}.conv2.weight"] = (width, width, 3, 3)
            out |= _norm(f"{block}.bn1", width) | _norm(f"{block}.bn2", width)
            if k and not i or before != width:
                out[f"{block}.downsample.0.weight"] = (width, before, 1, 1)
                out |= _norm(f"{block}.downsample.1", width)
            before = width
    return out


def _voxels(name: str, number: int, inputs: int, outputs: int) -> Shapes:
    conv: Shapes = {f"{name}.{number}.weight": (outputs, 3, 3, 3, inputs)}
    return conv | _norm(f"{name}.{number + 1}", outputs)


def _stylegan(code: int, style: int, plane: int, pictures: int, base: int, most: int) -> Shapes:
    out = _linear("backbone.mapping.fc0", code, style)
    out |= _linear("backbone.mapping.fc1", style, style)
    out["backbone.mapping.w_avg"] = (style,)
    size, before = 4, 0
    while size <= plane:
        block, channels = f"backbone.synthesis.b{size}", min(base // size, most)
        out[f"{block}.resample_filter"] = (4, 4)
        if not before:
            out[f"{block}.const"] = (channels, 4, 4)
        layers = [("conv1", channels, channels, 3), ("torgb", channels, pictures, 1)]
        if before:
            layers.append(("conv0", before, channels, 3))
        for layer, inputs, outputs, kernel in layers:
            out |= _linear(f"{block}.{layer}", inputs, outputs, kernel, kernel)
            out |= _linear(f"{block}.{layer}.affine", style, inputs)
            if layer != "torgb":
                out[f"{block}.{layer}.resample_filter"] = (4, 4)
                out[f"{block}.{layer}.noise_const"] = (size, size)
                out[f"{block}.{layer}.noise_strength"] = ()
        size, before = 2 * size, channels
    return out


def weights(of: Shapes) -> dict[str, Tensor]:
    """Numbers for parameters, drawn from their names; of sensible sizes."""
    return {name: _draw(name, shape) for name, shape in of.items()}


def _draw(name: str, shape: tuple[int, ...]) -> Tensor:
    if name.endswith("num_batches_tracked"):
        return torch.tensor(7)
    g = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    values = torch.randn(shape, generator=g)
    if name.endswith("running_var"):
        return values.square() + 0.5
    if name.endswith(("affine.bias", "norm.weight")) or "bn" in name and name.endswith("weight"):
        return 1 + 0.1 * values
    if name == "decoder.alpha_linear.bias":
        return values + 2
    if name.endswith(("bias", "running_mean")):
        return 0.1 * values
    if name.startswith("backbone"):
        return values * 100 if ".fc" in name else values
    if len(shape) == 1:  # the norms of the voxels
        return 1 + 0.1 * values
    inputs = values[0].numel() if values.ndim else 1
    gain = 60.0 if name == "decoder.alpha_linear.weight" else 1.0
    return values * gain * (2 / inputs) ** 0.5


def smpl_arrays() -> dict[str, Any]:
    """A model file like SMPL's, 6,890 vertices, made from the built-in body."""
    body = load_body()
    shaped = body.with_shape(Shape())
    which = _spread(shaped.zero.vertices[0], 6890)
    origin = shaped.rest_joints[0] + torch.tensor([0.0, 0.2, 0.0])
    vertices = (shaped.zero.vertices[0, which] - origin).double()
    joints = (shaped.rest_joints - origin)[[*range(22), 25, 40]].double().numpy()
    full = torch.zeros(6890, 55).index_add_(1, body.rig.driver, body.rig.weights[which]).double()
    share = torch.zeros(6890, 24, dtype=torch.float64)
    share[:, :22] = full[:, :22]
    share[:, 15] += full[:, 22:25].sum(1)
    share[:, 22], share[:, 23] = full[:, 25:40].sum(1), full[:, 40:].sum(1)
    v = vertices.numpy()
    regressor = np.zeros((24, 6890))
    for j in range(24):
        near = np.argsort(((v - joints[j]) ** 2).sum(1), kind="stable")[:200]
        sums = np.concatenate([v[near].T, np.ones((1, 200))])
        regressor[j, near] = np.linalg.pinv(sums) @ np.append(joints[j], 1)
    rng = np.random.default_rng(0)

    def waves(count: int) -> np.ndarray:
        return np.stack([
            np.sin(4 * v @ rng.normal(size=(3, count)) + rng.normal(size=count)) for _ in range(3)
        ], 1)

    table = np.array([parents("smpl"), range(24)], dtype=np.int64)
    table[0, 0] = 2**32 - 1
    strip = np.arange(6888)
    return {
        "v_template": v, "shapedirs": 0.01 * waves(10), "posedirs": 0.003 * waves(207),
        "J_regressor": regressor, "kintree_table": table.astype(np.uint32),
        "weights": (share / share.sum(1, keepdim=True)).numpy(),
        "f": np.stack([strip, strip + 1, strip + 2], 1).astype(np.uint32),
    }


@dataclass
class ReleasedScene:
    """A reference and a target of one body.

    Attributes:
        betas, poses, places: SMPL's parameters; reference, then target.
        picture: the reference, ``[3, SIZE, SIZE]``.
        K, T_cam_world: of the two cameras.
    """

    arrays: dict[str, Any]
    canonical: CanonicalSkin
    skins: tuple[PosedSkin, PosedSkin]
    betas: np.ndarray
    poses: list[np.ndarray]
    places: list[np.ndarray]
    picture: Tensor
    K: Tensor
    T_cam_world: Tensor


def scene() -> ReleasedScene:
    arrays = smpl_arrays()
    body = SmplBody(parse_model("smpl", arrays))
    canonical = canonical_skin(body)
    rng = np.random.default_rng(1)
    betas = rng.normal(size=10)
    shaped = body.with_shape(Shape(betas=tuple(betas)))
    rest = arrays["J_regressor"] @ (arrays["v_template"] + arrays["shapedirs"] @ betas)
    poses, places, skins = [], [np.array([0.1, 0.9, 0.05]), np.array([-0.1, 0.95, 0.1])], []
    for k in range(2):
        pose = rng.normal(size=(24, 3)) * 0.2
        pose[0], pose[22:] = [0.1, 0.6 * k, 0.05], 0
        R = torch.eye(3).repeat(1, 55, 1, 1)
        R[0, :22] = roma.rotvec_to_rotmat(torch.from_numpy(pose))[:22].float()
        motion = Motion(R, torch.from_numpy(rest[0] + places[k]).float()[None])
        skins.append(posed_skin(canonical, shaped, motion, scale=1.0))
        poses.append(pose)
    cameras = Cameras.orbit(8, 1, size=(SIZE, SIZE), fov=35, distance=3.5)
    coarse = torch.from_numpy(rng.random((1, 3, 6, 6))).float()
    picture = torch.nn.functional.interpolate(coarse, (SIZE, SIZE), mode="bilinear")[0]
    picture[:, :, :6] = 0
    return ReleasedScene(
        arrays, canonical, (skins[0], skins[1]), betas, poses, places, picture,
        cameras.K[:2, 0].float(), cameras.T_cam_world[:2, 0].float(),
    )
