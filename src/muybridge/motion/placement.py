"""Motions in space: facing forward from the origin, mirrored, without a calibration pose."""

from __future__ import annotations

from dataclasses import replace

import roma
import torch

from muybridge.body.skeleton import JOINT_INDEX, MIRROR
from muybridge.motion.face import mirror_name
from muybridge.motion.kinematics import axis_rotation, heading
from muybridge.motion.types import Motion

_ARMS_OUT = 1.0
"""Arms that are turned less than this from the T-pose are held out, radians."""


def face_forward(motion: Motion) -> Motion:
    """The same motion, begun at x = z = 0 with the pelvis facing +Z.

    Heights are kept. A motion that is already so placed comes back unchanged.
    """
    angle = heading(motion.R_parent_joint[0, 0])
    start = motion.root_position[0] * torch.tensor([1.0, 0.0, 1.0]).to(motion.root_position)
    if abs(float(angle)) < 1e-6 and float(start.norm()) < 1e-7:
        return motion
    turn = axis_rotation("y", -angle)
    R = motion.R_parent_joint.clone()
    R[:, 0] = turn @ R[:, 0]
    return replace(motion, R_parent_joint=R, root_position=(motion.root_position - start) @ turn.T)


def mirror(motion: Motion) -> Motion:
    """The motion seen in a mirror: left does what right did, x changes sign."""
    flip = torch.tensor([-1.0, 1.0, 1.0]).to(motion.R_parent_joint)
    signs = flip[:, None] * flip[None, :]
    order = list(MIRROR)
    rest = motion.rest_joints
    return replace(
        motion,
        R_parent_joint=motion.R_parent_joint[:, order] * signs,
        root_position=motion.root_position * flip,
        rest_joints=None if rest is None else rest[order] * flip.to(rest),
        face={mirror_name(n): v for n, v in motion.face.items()},
    )


def without_calibration_pose(motion: Motion) -> Motion:
    """The motion without a first frame that is no part of it.

    Converters of mocap files (CMU's, for one) put a T-pose before the first frame. It
    shows: from frame 0 to 1 the body leaps, further than it moves within the next half
    second. Such a frame is dropped and the drop is noted; other motions come back as they are.
    """
    window = min(motion.frames, 2 + max(4, round(float(motion.fps) / 2)))
    if window < 6:
        return motion
    R = motion.R_parent_joint[:window, :22].double()
    leaps = roma.rotmat_geodesic_distance(R[:-1], R[1:]).amax(1)
    first, usual = float(leaps[0]), float(leaps[1:].max())
    reach = float(roma.rotmat_geodesic_distance(R[1:2].expand_as(R[2:]), R[2:]).max())
    if first > 0.5 and first > 6 * usual and first > reach:
        cut = motion.slice(1, motion.frames)
        return cut.with_note("The first frame is a calibration pose; it was left out.")
    return motion


def lead_in(motion: Motion, tolerance: float = 0.25) -> int:
    """Frames at the start in which the body just holds its first pose.

    Recordings often begin with seconds of T-pose; taking frames from there shows nothing.

    Args:
        motion: any motion.
        tolerance: radians by which a joint may differ from the first frame.
    """
    R = motion.R_parent_joint[:, :22]
    trace = torch.einsum("tjik,jik->tj", R, R[0])
    angle = torch.acos(((trace - 1) / 2).clamp(-1, 1)).amax(1)
    moved = (angle > tolerance).nonzero().flatten()
    return int(moved[0]) if len(moved) else motion.frames


def calibration_frames(motion: Motion) -> int:
    """Frames at the start that only show a calibration pose: arms out, held for over a second.

    0 where the motion begins otherwise, or where nothing else follows.
    """
    held = lead_in(motion)
    if not motion.fps < held < motion.frames:
        return 0
    arms = motion.R_parent_joint[0, [JOINT_INDEX["left_shoulder"], JOINT_INDEX["right_shoulder"]]]
    angle = torch.acos(((arms.diagonal(dim1=1, dim2=2).sum(1) - 1) / 2).clamp(-1, 1))
    return held if float(angle.max()) < _ARMS_OUT else 0
