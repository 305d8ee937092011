"""A body of one shape: joints, bones and skin, ready to take any pose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from muybridge.body.kinematics import ancestors, twist_about, world_rotations
from muybridge.body.skeleton import JOINT_INDEX, NUM_JOINTS, PARENTS
from muybridge.body.skinning import Pairs, blend
from muybridge.body.types import Mesh, Moves, PosedBody


@dataclass(frozen=True)
class Rig:
    """How the bones of a body model hang together and follow the 55 joints.

    Attributes:
        bones: names.
        parents: parent of each bone, -1 for the root.
        driver: the joint whose world rotation each bone takes.
        twist: bone -> (joint, unit axis, share): that share of the joint's twist
            about the axis is added to the skin around the bone (forearms share the
            wrist's twist), without moving any joint.
        joint_bone: the bone at whose head each joint sits.
        weights: skinning weights, rows sum to 1.
    """

    bones: tuple[str, ...]
    parents: tuple[int, ...]
    driver: Int[Tensor, "B"]  # noqa: F821
    twist: Mapping[int, tuple[int, tuple[float, float, float], float]]
    joint_bone: Int[Tensor, "55"]
    weights: Float[Tensor, "N B"]

    @cached_property
    def chain(self) -> Float[Tensor, "B B"]:
        """Sums offsets from the root to each bone."""
        return ancestors(self.parents)

    @cached_property
    def twists(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """``twist`` as tensors: bones, joints, axes, shares."""
        joints, axes, shares = zip(*self.twist.values(), strict=True)
        bones = torch.tensor(list(self.twist))
        return bones, torch.tensor(joints), torch.tensor(axes), torch.tensor(shares)

    @cached_property
    def pairs(self) -> Pairs:
        """The weights as pairs of a vertex and a bone."""
        return Pairs.of(self.weights)

    @cached_property
    def parent_or_self(self) -> Int[Tensor, "B"]:  # noqa: F821
        """Parent of each bone; the root is its own."""
        return torch.tensor([max(p, 0) for p in self.parents])


@dataclass(frozen=True)
class ShapedBody:
    """A body model with its shape decided.

    Attributes:
        mesh: triangles, texture coordinates, parts.
        rig: bones and skinning weights.
        bind_vertices: skin in the bind pose, metres.
        bind_heads: bone heads in the bind pose, metres.
        R_zero_bind: rotation of each bone from the bind pose to the zero pose.
        joint_offset: where each joint lies relative to its bone's head, bind pose.
        face_actions: displacement of the bind vertices by action name.
        pose_correction: local rotations ``[T, 55, 3, 3]`` -> bind displacement
            ``[T, N, 3]`` (SMPL-X's pose blend shapes), or ``None``.
        zero_steps: from each bone's parent to its head in the zero pose, metres; where
            absent, the bind pose's, turned by the parent's ``R_zero_bind``.
    """

    mesh: Mesh
    rig: Rig
    bind_vertices: Float[Tensor, "N 3"]
    bind_heads: Float[Tensor, "B 3"]
    R_zero_bind: Float[Tensor, "B 3 3"]
    joint_offset: Float[Tensor, "55 3"]
    face_actions: Callable[[Mapping[str, Tensor]], Tensor] | None = None
    pose_correction: Callable[[Tensor], Tensor] | None = None
    zero_steps: Float[Tensor, "B 3"] | None = None

    def bones(
        self,
        R_parent_joint: Float[Tensor, "T 55 3 3"],
        root_position: Float[Tensor, "T 3"],
    ) -> tuple[Float[Tensor, "T B 3 3"], Float[Tensor, "T B 3"], Float[Tensor, "T 55 3 3"]]:
        """Rotation from bind pose and head position of every bone, world; and of joints.

        Differentiable in both arguments and in the shape.
        """
        R_world_joint = world_rotations(R_parent_joint, PARENTS)
        R_bone = R_world_joint[:, self.rig.driver]
        heads = self.heads(R_bone, root_position)
        if self.rig.twist:
            bones, joints, axes, shares = self.rig.twists
            extra = twist_about(R_parent_joint[:, joints], axes.to(R_bone), shares.to(R_bone))
            R_bone = R_bone.index_copy(1, bones, R_bone[:, bones] @ extra)
        return R_bone @ self.R_zero_bind, heads, R_world_joint

    def heads(
        self, R_bone: Float[Tensor, "T B 3 3"], root_position: Float[Tensor, "T 3"]
    ) -> Float[Tensor, "T B 3"]:
        """Head of every bone in the world.

        Args:
            R_bone: rotation of each bone from the zero pose to the world.
            root_position: head of the root.
        """
        parent = self.rig.parent_or_self
        steps = self.zero_steps
        if steps is None:
            offset = self.bind_heads - self.bind_heads[parent]
            steps = torch.einsum("bij,bj->bi", self.R_zero_bind[parent], offset)
        step = torch.einsum("tbij,bj->tbi", R_bone[:, parent], steps)
        return torch.einsum("ab,tbi->tai", self.rig.chain.to(step), step) + root_position[:, None]

    def skin(
        self,
        bind_points: Float[Tensor, "*T M 3"],
        weights: Float[Tensor, "M B"],
        R_world_bind: Float[Tensor, "T B 3 3"],
        heads: Float[Tensor, "T B 3"],
    ) -> Float[Tensor, "T M 3"]:
        """Linear blend skinning of points given in the bind pose.

        Args:
            bind_points: the same in all frames, or one set for each.
            weights: of the points; quickest for the rig's own.
            R_world_bind, heads: bones, as :meth:`bones` gives them.
        """
        pairs = self.rig.pairs if weights is self.rig.weights else Pairs.of(weights)
        shift = heads - torch.einsum("tbij,bj->tbi", R_world_bind, self.bind_heads)
        return blend(pairs, bind_points, torch.cat([R_world_bind, shift[..., None]], -1))

    def pose(
        self,
        motion: Moves,
        *,
        offsets: Float[Tensor, "N 3"] | None = None,
        face: Mapping[str, Float[Tensor, "T"]] | None = None,  # noqa: F821
    ) -> PosedBody:
        """The body in every frame of a motion.

        Args:
            motion: rotations of the 55 joints and the pelvis' path, world, metres.
            offsets: displacement of each vertex in the bind pose, metres.
            face: face actions 0..1 by name; the motion's own where it has any.
        """
        R_world_bind, heads, R_world_joint = self.bones(
            motion.R_parent_joint, motion.root_position
        )
        points = self.bind_vertices if offsets is None else self.bind_vertices + offsets
        face = face if face is not None else getattr(motion, "face", None)
        if face and self.face_actions is not None:
            points = points + self.face_actions(face)
        if self.pose_correction is not None:
            points = points + self.pose_correction(motion.R_parent_joint)
        vertices = self.skin(points, self.rig.weights, R_world_bind, heads)
        joints = self.joints(R_world_bind, heads)
        T_world_joint = torch.eye(4).repeat(joints.shape[0], NUM_JOINTS, 1, 1).to(joints)
        T_world_joint[..., :3, :3] = R_world_joint
        T_world_joint[..., :3, 3] = joints
        return PosedBody(vertices, joints, T_world_joint, self.mesh)

    def joints(
        self, R_world_bind: Float[Tensor, "T B 3 3"], heads: Float[Tensor, "T B 3"]
    ) -> Float[Tensor, "T 55 3"]:
        """Positions of the 55 joints of bones posed by :meth:`bones`."""
        bone = self.rig.joint_bone
        moved = torch.einsum("tjik,jk->tji", R_world_bind[:, bone], self.joint_offset)
        return heads[:, bone] + moved

    @cached_property
    def zero(self) -> PosedBody:
        """The zero pose, soles on y = 0, pelvis at x = z = 0."""
        like = self.bind_vertices
        identity = torch.eye(3).to(like).expand(1, NUM_JOINTS, 3, 3)
        R, heads, R_joint = self.bones(identity, torch.zeros(1, 3).to(like))
        points = self.bind_vertices
        vertices = self.skin(points, self.rig.weights, R, heads)
        ground = torch.tensor([0.0, 1.0, 0.0]).to(like) * vertices[..., 1].min()
        vertices, joints = vertices - ground, self.joints(R, heads) - ground
        T = torch.eye(4).repeat(1, NUM_JOINTS, 1, 1).to(like)
        T[..., :3, :3], T[..., :3, 3] = R_joint, joints
        return PosedBody(vertices, joints, T, self.mesh)

    @property
    def rest_joints(self) -> Float[Tensor, "55 3"]:
        """Joints of the zero pose with the soles on y = 0, metres."""
        return self.zero.joints[0]

    @property
    def height(self) -> float:
        """Stature in the zero pose, metres."""
        return float(self.zero.vertices[..., 1].max())

    @property
    def leg_length(self) -> float:
        """Hip to knee to ankle, metres (mean of both legs)."""
        j = self.rest_joints
        total = 0.0
        for side in ("left", "right"):
            hip, knee, ankle = (j[JOINT_INDEX[f"{side}_{k}"]] for k in ("hip", "knee", "ankle"))
            total += float((hip - knee).norm() + (knee - ankle).norm())
        return total / 2
