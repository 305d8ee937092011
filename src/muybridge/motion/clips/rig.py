"""What clips are made with: curves over time, named joints, feet that stand on footprints.

A clip is posed from the ground up: footprints say where each foot stands and when,
the pelvis moves above them, and the legs follow by inverse kinematics. So a foot on
the ground stands still, whatever the pelvis does.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import roma
import torch
from jaxtyping import Float
from scipy.interpolate import CubicSpline, PchipInterpolator
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from torch import Tensor

from muybridge.body.skeleton import (
    JOINT_INDEX,
    LEFT_HAND_JOINTS,
    NUM_JOINTS,
    RIGHT_HAND_JOINTS,
)
from muybridge.motion.clips.footprints import FootTrack
from muybridge.motion.hands import hand_pose, relaxed_hands
from muybridge.motion.kinematics import axis_rotation
from muybridge.motion.legs import SIDES, leg_of, leg_rotations, turned
from muybridge.motion.types import Motion

Curve = Float[Tensor, "T"]


def loop(phase: Curve, keys: Sequence[tuple[float, float]]) -> Curve:
    """A smooth curve of period 1 through (phase, value) keys."""
    x = np.array([k for k, _ in keys] + [keys[0][0] + 1.0])
    y = np.array([v for _, v in keys] + [keys[0][1]])
    spline = CubicSpline(x, y, bc_type="periodic")
    return torch.from_numpy(spline((phase.numpy() - x[0]) % 1.0 + x[0]))


def glide(time: Curve, keys: Sequence[tuple[float, float]]) -> Curve:
    """A curve through (time, value) keys that never overshoots and rests at its ends."""
    x = np.array([k for k, _ in keys])
    y = np.array([v for _, v in keys])
    return torch.from_numpy(PchipInterpolator(x, y)(time.numpy().clip(x[0], x[-1])))


def ease(u: Curve) -> Curve:
    """0 before 0, 1 after 1, between them without a jolt (quintic)."""
    u = u.clamp(0, 1)
    return u * u * u * (u * (u * 6 - 15) + 10)


def bump(u: Curve) -> Curve:
    """0 at 0 and 1, 1 at 1/2, smooth."""
    return torch.sin(torch.pi * u.clamp(0, 1)) ** 2


class Rig:
    """A body to pose over ``T`` frames.

    Args:
        time: seconds of each frame.
        rest_joints: the body's T-pose.
    """

    def __init__(self, time: Curve, rest_joints: Float[Tensor, "55 3"]) -> None:
        self.time = time
        self.rest = rest_joints.double()
        frames = len(time)
        self.R = torch.eye(3, dtype=torch.float64).expand(frames, NUM_JOINTS, 3, 3).clone()
        self.R[:, 25:] = relaxed_hands().double()
        self.root = self.rest[0].expand(frames, 3).clone()
        self.legs = {side: leg_of(rest_joints, side) for side in SIDES}
        self.leg_length = sum(leg.length for leg in self.legs.values()) / 2

    @property
    def scale(self) -> float:
        """This body's legs over those of the nominal adult."""
        return self.leg_length / 0.824

    def curve(self, value: float | Curve) -> Curve:
        """A number for all frames, or a curve as it is."""
        return torch.as_tensor(value, dtype=torch.float64).expand(len(self.time))

    def turn(
        self, joint: str, x: float | Curve = 0.0, y: float | Curve = 0.0, z: float | Curve = 0.0
    ) -> None:
        """Turns a joint on top of what it does: about x, then y, then z, degrees.

        The axes are the parent's; later turns go on the outside.
        """
        R = self.R[:, JOINT_INDEX[joint]]
        for axis, angle in (("x", x), ("y", y), ("z", z)):
            if not isinstance(angle, Tensor) and angle == 0:
                continue
            R = axis_rotation(axis, torch.deg2rad(self.curve(angle))) @ R
        self.R[:, JOINT_INDEX[joint]] = R

    def spine(self, x: float | Curve = 0.0, y: float | Curve = 0.0, z: float | Curve = 0.0) -> None:
        """Bends the back by degrees in all, shared by its three joints."""
        for joint, share in (("spine1", 0.3), ("spine2", 0.35), ("spine3", 0.35)):
            self.turn(joint, x * share, y * share, z * share)

    def arm(
        self,
        side: str,
        swing: float | Curve = 0.0,
        spread: float | Curve = 10.0,
        twist: float | Curve = 0.0,
        elbow: float | Curve = 15.0,
        wrist: float | Curve = 0.0,
        pronation: float | Curve = 0.0,
    ) -> None:
        """Poses an arm from hanging, degrees.

        Args:
            side: ``left`` or ``right``.
            swing: forwards (+) or backwards.
            spread: away from the body; 90 is the T-pose.
            twist: of the upper arm about itself, inwards (+).
            elbow: bend.
            wrist: bend towards the palm.
            pronation: of the forearm, palm backwards (+).
        """
        sign = 1.0 if side == "left" else -1.0
        lift = self.curve(spread)
        # The collar bone takes a share of a lifted arm (scapulohumeral rhythm, 2:1).
        high = (lift - 60).clamp_min(0) * 0.3 + (self.curve(swing) - 70).clamp_min(0) * 0.15
        self.turn(f"{side}_collar", z=sign * (high - 4.0))
        self.turn(f"{side}_shoulder", x=sign * -self.curve(twist))
        self.turn(f"{side}_shoulder", z=sign * (lift - 90.0 - high + 4.0))
        self.turn(f"{side}_shoulder", x=-self.curve(swing))
        self.turn(f"{side}_elbow", y=-sign * self.curve(elbow))
        self.turn(f"{side}_wrist", x=sign * self.curve(pronation))
        self.turn(f"{side}_wrist", z=-sign * self.curve(wrist))

    def fingers(self, side: str, pose: str, amount: Curve) -> None:
        """Brings a hand from relaxed into a named pose by ``amount`` 0..1."""
        joints = [
            JOINT_INDEX[j] for j in (LEFT_HAND_JOINTS if side == "left" else RIGHT_HAND_JOINTS)
        ]
        start, end = self.R[:, joints], hand_pose(pose, side).double()
        path = roma.rotmat_to_rotvec(start.transpose(-1, -2) @ end)
        self.R[:, joints] = start @ roma.rotvec_to_rotmat(path * amount[:, None, None])

    def stand(self, tracks: dict[str, FootTrack], knees_out: float | Curve = 6.0) -> None:
        """Puts the legs under the pelvis so that the feet follow their tracks.

        The pelvis is lowered, smoothly, where a standing leg would not reach.

        Args:
            tracks: left and right foot.
            knees_out: degrees by which knees point outwards of the feet.
        """
        R_pelvis = self.R[:, 0]
        for _ in range(3):
            need = torch.zeros(len(self.time), dtype=torch.float64)
            for side in SIDES:
                leg, track = self.legs[side], tracks[side]
                line = self._hip(side, R_pelvis) - track.ankle
                level = line[:, [0, 2]].norm(dim=-1)
                tallest = ((leg.length * 0.992) ** 2 - level**2).clamp_min(0.01).sqrt()
                need = torch.maximum(need, (line[:, 1] - tallest) * track.planted)
            if float(need.max()) < 1e-4:
                break
            self.root[:, 1] -= torch.from_numpy(self._envelope(need.numpy()))
        for side in SIDES:
            leg, track = self.legs[side], tracks[side]
            out = self.curve(knees_out)
            sign = 1.0 if side == "left" else -1.0
            yaw = torch.atan2(track.R[:, 0, 2], track.R[:, 2, 2]) + sign * torch.deg2rad(out)
            front = turned(R_pelvis, torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64))
            pole = torch.stack([yaw.sin(), torch.zeros_like(yaw), yaw.cos()], -1) + 0.5 * front
            thigh, shank = leg_rotations(leg, self._hip(side, R_pelvis), track.ankle, pole)
            self.R[:, leg.hip] = R_pelvis.transpose(-1, -2) @ thigh
            self.R[:, leg.knee] = thigh.transpose(-1, -2) @ shank
            self.R[:, leg.ankle] = shank.transpose(-1, -2) @ track.R
            self.R[:, leg.toe] = axis_rotation("x", -track.toe_flex)

    def _hip(self, side: str, R_pelvis: Float[Tensor, "T 3 3"]) -> Float[Tensor, "T 3"]:
        return self.root + turned(R_pelvis, self.rest[self.legs[side].hip] - self.rest[0])

    def _envelope(self, need: np.ndarray) -> np.ndarray:
        """A smooth curve nowhere below ``need``."""
        step = float(self.time[1] - self.time[0]) if len(self.time) > 1 else 1.0
        sigma = 0.05 / step
        wide = maximum_filter1d(need, 2 * max(1, round(2 * sigma)) + 1, mode="nearest")
        return gaussian_filter1d(wide, sigma, mode="nearest") if len(need) > 1 else need

    def motion(self, fps: Fraction, name: str) -> Motion:
        """What was posed, as a motion of this body."""
        return Motion(self.R.float(), self.root.float(), fps, self.rest.float(), {}, name)
