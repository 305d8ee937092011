"""SMPL-X, SMPL+H and SMPL bodies, from the user's own model file.

The forward is the published one (Loper et al., "SMPL", 2015, equations 2-10;
Pavlakos et al., "SMPL-X", 2019, section 3.1): shape and pose blend shapes, joints
regressed from the shaped template, and linear blend skinning. The model files
are licensed to the user by their makers; muybridge ships nothing of them.

Hands: every rotation of :data:`~muybridge.body.JOINTS` is a whole rotation, so the
zero pose has flat hands (``flat_hand_mean=True`` of other software). Motion that
holds hand components or deviations from the mean hand is turned into rotations by
:class:`HandComponents`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from os import PathLike
from typing import Any

import numpy as np
import roma
import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body.atlas import part_cylinders
from muybridge.body.parts import vertex_parts
from muybridge.body.shaped import Rig, ShapedBody
from muybridge.body.skeleton import JOINT_INDEX, JOINTS, LEFT_HAND_JOINTS, NUM_JOINTS
from muybridge.body.smplx_file import ModelFile, read_model
from muybridge.body.types import Mesh, Moves, Part, PosedBody, Shape
from muybridge.errors import InputError

MAX_BETA = 20.0
"""A beta further than this from the average is taken for a mistake."""
JAW_OPEN = 0.35
"""Radians that ``jawOpen`` = 1 turns an SMPL-X jaw."""


@dataclass(frozen=True)
class HandComponents:
    """Mean and principal components of one hand's pose.

    Attributes:
        mean: rotation vectors of the 15 joints, radians, flattened.
        components: one per row, in the same space.
    """

    mean: Float[Tensor, "45"]
    components: Float[Tensor, "K 45"]

    def rotations(
        self, coefficients: Float[Tensor, "T k"], flat_hand_mean: bool = False
    ) -> Float[Tensor, "T 15 3 3"]:
        """Rotations of the hand's 15 joints, in the order of the skeleton.

        Args:
            coefficients: of the first ``k <= K`` components.
            flat_hand_mean: the coefficients start from the flat hand, not from the mean.

        Raises:
            InputError: more coefficients than components.
        """
        k = coefficients.shape[-1]
        if k > len(self.components):
            raise InputError(
                "hand pose", "components", f"{k} coefficients for {len(self.components)}",
                "give the model file that the motion was made with",
            )
        vectors = coefficients.to(self.mean) @ self.components[:k]
        if not flat_hand_mean:
            vectors = vectors + self.mean
        return roma.rotvec_to_rotmat(vectors.reshape(-1, 15, 3))


class SmplBody:
    """A body model of the SMPL family. Stateless, as every body.

    Attributes:
        name: ``smpl``, ``smplh`` or ``smplx``.
        mesh: triangles, texture coordinates, parts.
        rig: the file's joints as bones; SMPL's two hands follow the wrists.
        joint_names: joints of the file, in its order.
        num_betas: how many betas a :class:`Shape` may have.
        num_expressions: SMPL-X's expressions, face actions ``expression0`` onwards.
        hand_components: of the ``left`` and ``right`` hand, where the file has them.
    """

    def __init__(self, model: ModelFile, dtype: torch.dtype = torch.float32) -> None:
        def tensor(array: Any) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(dtype)

        self.name = model.family
        self.joint_names = model.joints
        self.num_betas = model.shapedirs.shape[-1]
        self.num_expressions = model.expressiondirs.shape[-1]
        n = len(model.v_template)
        self._template = torch.from_numpy(model.v_template)
        self._shapes = tensor(model.shapedirs.reshape(3 * n, -1).T)
        self._expressions = tensor(model.expressiondirs.reshape(3 * n, -1).T)
        self._posedirs = tensor(model.posedirs.reshape(3 * n, -1).T)
        self._regressor = torch.from_numpy(model.J_regressor)
        self._dtype = dtype
        bone = {name: i for i, name in enumerate(model.joints)}
        follows = {"left_hand": "left_wrist", "right_hand": "right_wrist"}
        driver = tuple(JOINT_INDEX[follows.get(j, j)] for j in model.joints)
        # the local rotation that each pose blend shape sees; a hand that only follows sees none
        self._posed = torch.tensor([JOINT_INDEX.get(j, -1) for j in model.joints[1:]])
        self._own = torch.tensor([j in bone for j in JOINTS])
        carrier = [j if j in bone else _carrier(j) for j in JOINTS]
        weights = tensor(model.weights)
        self.rig = Rig(
            model.joints, model.parents, torch.tensor(driver), {},
            torch.tensor([bone[j] for j in carrier]), weights,
        )
        parts = vertex_parts(weights.float(), tuple(JOINTS[d] for d in driver))
        faces = torch.from_numpy(model.faces)
        if model.uv is not None and model.faces_uv is not None:
            uv, faces_uv = tensor(model.uv).float(), torch.from_numpy(model.faces_uv)
        else:
            uv, faces_uv = part_cylinders(self._template.float(), faces, parts)
        self.mesh = Mesh(faces, uv, faces_uv, parts)
        self.hand_components: Mapping[str, HandComponents] = {
            side: HandComponents(tensor(model.hand_mean[side]), tensor(basis))
            for side, basis in model.hand_components.items()
        }
        self._jaw = bone.get("jaw")

    def with_betas(
        self,
        betas: Float[Tensor, "S"],
        expression: Float[Tensor, "E"] | None = None,
    ) -> ShapedBody:
        """A body of the first ``S`` shape and ``E`` expression coefficients; differentiable."""
        moved = betas.to(self._shapes) @ self._shapes[: len(betas)]
        if expression is not None:
            moved = moved + expression.to(moved) @ self._expressions[: len(expression)]
        exact = self._template + moved.reshape(-1, 3).double()
        vertices, heads = exact.to(self._dtype), (self._regressor @ exact).to(self._dtype)
        identity = torch.eye(3, dtype=self._dtype).expand(len(heads), 3, 3)
        return ShapedBody(
            self.mesh, self.rig, vertices, heads, identity, self._offsets(vertices, heads),
            self._face(heads), self.pose_correction,
        )

    def with_shape(self, shape: Shape) -> ShapedBody:
        """A body of the shape's betas (its phenotypes are for the built-in body).

        Raises:
            InputError: more betas than the file has directions, or one that is no sane number.
        """
        if len(shape.betas) > self.num_betas:
            raise InputError(
                "shape", "betas", f"{len(shape.betas)} numbers for a model that has "
                f"{self.num_betas} shape directions", "give the file the betas were made with",
            )
        for i, beta in enumerate(shape.betas):
            if not abs(beta) <= MAX_BETA:
                raise InputError(
                    "shape", f"betas[{i}]", f"is {beta}, outside -{MAX_BETA:g}..{MAX_BETA:g}",
                    "give coefficients in standard deviations",
                )
        return _cached_shape(self, tuple(float(b) for b in shape.betas))

    def pose(self, shape: Shape, motion: Moves) -> PosedBody:
        """A body of this shape in every frame of a motion."""
        return self.with_shape(shape).pose(motion)

    def pose_correction(
        self, R_parent_joint: Float[Tensor, "T 55 3 3"]
    ) -> Float[Tensor, "T N 3"]:
        """Bind displacement by the pose blend shapes.

        Linear in ``R - I`` of all joints but the root.
        """
        R = R_parent_joint.to(self._dtype)
        eye = torch.eye(3, dtype=R.dtype, device=R.device)
        feature = (R[:, self._posed.clamp(min=0)] - eye) * (self._posed >= 0)[:, None, None]
        return (feature.flatten(1) @ self._posedirs).reshape(len(R), -1, 3)

    def _face(self, heads: Tensor) -> Callable[[Mapping[str, Tensor]], Tensor] | None:
        if self._jaw is None and not self.num_expressions:
            return None

        def offsets(actions: Mapping[str, Tensor]) -> Tensor:
            return self.face_offsets(actions, heads)

        return offsets

    def face_offsets(
        self, actions: Mapping[str, Tensor], heads: Float[Tensor, "B 3"]
    ) -> Float[Tensor, "T N 3"]:
        """Bind displacement of ``expression0``.. and of ARKit's ``jawOpen``.

        SMPL-X has no other of ARKit's actions, so those move nothing.

        Args:
            actions: tracks by name; expressions in standard deviations, ``jawOpen`` 0..1.
            heads: joints of the shaped body.
        """
        frames = len(next(iter(actions.values())))
        out = torch.zeros(frames, len(self._template) * 3, dtype=self._dtype)
        for i in range(self.num_expressions):
            track = actions.get(f"expression{i}")
            if track is not None:
                out = out + track.to(out)[:, None] * self._expressions[i]
        out = out.reshape(frames, -1, 3)
        if self._jaw is not None and "jawOpen" in actions:
            vector = torch.zeros(frames, 3, dtype=self._dtype)
            vector[:, 0] = actions["jawOpen"].to(vector) * JAW_OPEN
            turn = roma.rotvec_to_rotmat(vector) - torch.eye(3, dtype=self._dtype)
            arm = self._template.to(self._dtype) - heads[self._jaw]
            swing = torch.einsum("tij,nj->tni", turn, arm)
            out = out + self.rig.weights[:, self._jaw, None] * swing
        return out

    def _offsets(self, vertices: Tensor, heads: Tensor) -> Tensor:
        """Where joints that the file lacks lie, relative to the bone that carries them."""
        offset = torch.zeros(NUM_JOINTS, 3, dtype=self._dtype)
        if bool(self._own.all()):
            return offset
        with torch.no_grad():
            face = _face_joints(vertices, self.mesh.parts)
            hands = _hand_joints(heads, self.joint_names)
            for j, name in enumerate(JOINTS):
                if bool(self._own[j]):
                    continue
                place = face.get(name, hands.get(name))
                if place is not None:
                    offset[j] = place.to(offset) - heads[self.rig.joint_bone[j]]
        return offset


def _carrier(joint: str) -> str:
    """The joint of SMPL that carries one it does not have."""
    return "head" if joint in ("jaw", "left_eye", "right_eye") else joint.split("_")[0] + "_wrist"


def _face_joints(vertices: Tensor, parts: Tensor) -> dict[str, Tensor]:
    """Jaw and eyes by the proportions of the head's bounding box; none without a head."""
    head = vertices[parts == int(Part.HEAD)]
    if len(head) == 0:
        return {}
    low, high = head.amin(0), head.amax(0)
    middle, size = (low + high) / 2, high - low
    places = {
        "jaw": (0.0, -0.12, 0.02),
        "left_eye": (0.2, 0.03, 0.34),
        "right_eye": (-0.2, 0.03, 0.34),
    }
    return {name: middle + size * size.new_tensor(p) for name, p in places.items()}


def _hand_joints(heads: Tensor, names: tuple[str, ...]) -> dict[str, Tensor]:
    """Finger joints of the built-in body's open hand, at the size and place of this one's."""
    if "left_hand" not in names:
        return {}
    from muybridge.body.anny import load_anny

    rest = load_anny().with_shape(Shape()).rest_joints.to(heads)
    out: dict[str, Tensor] = {}
    for side in ("left", "right"):
        wrist, hand = heads[names.index(f"{side}_wrist")], heads[names.index(f"{side}_hand")]
        origin = rest[JOINT_INDEX[f"{side}_wrist"]]
        reach = (rest[JOINT_INDEX[f"{side}_middle1"]] - origin).norm()
        scale = (hand - wrist).norm() / reach
        for name in LEFT_HAND_JOINTS:
            finger = side + name[len("left") :]
            out[finger] = wrist + scale * (rest[JOINT_INDEX[finger]] - origin)
    return out


@cache
def _cached_shape(body: SmplBody, betas: tuple[float, ...]) -> ShapedBody:
    with torch.no_grad():
        return body.with_betas(torch.tensor(betas, dtype=torch.float64))


def load_smplx(path: str | PathLike[str], *, dtype: torch.dtype = torch.float32) -> SmplBody:
    """An SMPL-X, SMPL+H or SMPL body from the user's own model file.

    Args:
        path: ``.npz`` or ``.pkl`` as downloaded; see :mod:`muybridge.body.smplx_file`.
        dtype: of everything the body returns.

    Raises:
        InputError: the file is missing, damaged, holds code, or is no such model.
    """
    return SmplBody(read_model(path), dtype)
