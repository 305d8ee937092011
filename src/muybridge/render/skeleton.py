"""The skeleton, drawn as OpenPose draws it: a hue for each limb, rainbow fingers."""

from __future__ import annotations

import colorsys
from functools import cache

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body.skeleton import JOINT_INDEX, NUM_JOINTS
from muybridge.camera.types import Cameras
from muybridge.render.rasterizer import NEAR, project_points

_HEAD = NUM_JOINTS
"""A 56th point: between the eyes, where OpenPose has the nose."""
_SHIFT = 4

LIMBS: tuple[tuple[str, str, tuple[int, int, int]], ...] = (
    ("neck", "right_shoulder", (255, 0, 0)),
    ("neck", "left_shoulder", (255, 85, 0)),
    ("right_shoulder", "right_elbow", (255, 170, 0)),
    ("right_elbow", "right_wrist", (255, 255, 0)),
    ("left_shoulder", "left_elbow", (170, 255, 0)),
    ("left_elbow", "left_wrist", (85, 255, 0)),
    ("neck", "right_hip", (0, 255, 0)),
    ("right_hip", "right_knee", (0, 255, 85)),
    ("right_knee", "right_ankle", (0, 255, 170)),
    ("neck", "left_hip", (0, 255, 255)),
    ("left_hip", "left_knee", (0, 170, 255)),
    ("left_knee", "left_ankle", (0, 85, 255)),
    ("neck", "face", (0, 0, 255)),
    ("face", "right_eye", (85, 0, 255)),
    ("face", "left_eye", (255, 0, 255)),
    ("right_ankle", "right_foot", (0, 255, 210)),
    ("left_ankle", "left_foot", (0, 40, 255)),
)
"""Limbs and their sRGB, in OpenPose's colours."""


def skeleton_map(
    joints: Float[Tensor, "T 55 3"], cameras: Cameras, *, hands: bool = True,
    thickness: float | None = None,
) -> Float[Tensor, "V T 3 H W"]:
    """Draw the joints' projections, limbs antialiased, on black.

    Args:
        joints: in the world, metres.
        hands: draw the fingers too.
        thickness: of a limb in pixels; 1/80 of the picture's height unless given.

    Returns:
        RGB in [0, 1]. A limb with an end behind the camera is left out; those nearer to the
        camera are drawn over those farther away.
    """
    views, frames = cameras.views, cameras.frames
    if joints.shape[0] != frames:
        raise ValueError(f"the joints have {joints.shape[0]} frames and the cameras {frames}")
    eyes = joints[:, [JOINT_INDEX["left_eye"], JOINT_INDEX["right_eye"]]].mean(1, keepdim=True)
    points = torch.cat([joints, eyes], 1).repeat(views, 1, 1)
    xyz = project_points(points, cameras.K.flatten(0, 1), cameras.T_cam_world.flatten(0, 1))
    size = thickness if thickness is not None else cameras.height / 80
    pictures = np.zeros((views * frames, cameras.height, cameras.width, 3), np.uint8)
    for picture, projected in zip(pictures, xyz.cpu().numpy(), strict=True):
        _draw(picture, projected, size, hands)
    out = torch.from_numpy(pictures).to(joints.device)
    return (out.permute(0, 3, 1, 2).float() / 255).unflatten(0, (views, frames)).contiguous()


@cache
def _strokes(hands: bool) -> tuple[tuple[int, int, tuple[int, int, int], float], ...]:
    """(from, to, colour, thickness relative to a limb's) of every line."""
    index = {**JOINT_INDEX, "face": _HEAD}
    strokes = [(index[a], index[b], _dimmed(colour), 1.0) for a, b, colour in LIMBS]
    if hands:
        for side in ("left", "right"):
            for number, finger in enumerate(("thumb", "index", "middle", "ring", "pinky")):
                chain = [f"{side}_wrist", *(f"{side}_{finger}{k}" for k in (1, 2, 3))]
                for k in range(3):
                    hue = (number * 4 + k) / 20
                    colour = tuple(round(255 * c) for c in colorsys.hsv_to_rgb(hue, 1, 1))
                    a, b = index[chain[k]], index[chain[k + 1]]
                    strokes.append((a, b, (colour[0], colour[1], colour[2]), 0.3))
    return tuple(strokes)


def _dimmed(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """Limbs are drawn at 60 % so that the joints stand out."""
    return (round(colour[0] * 0.6), round(colour[1] * 0.6), round(colour[2] * 0.6))


def _draw(picture: np.ndarray, points: np.ndarray, size: float, hands: bool) -> None:
    strokes = [s for s in _strokes(hands) if points[s[0], 2] > NEAR and points[s[1], 2] > NEAR]
    strokes.sort(key=lambda s: -(points[s[0], 2] + points[s[1], 2]))
    # cv2 has pixel centres at whole numbers, and takes fixed-point coordinates.
    limit = 1 << 20
    fixed = np.clip(np.nan_to_num(points[:, :2] - 0.5), -limit, limit) * (1 << _SHIFT)
    fixed = np.rint(fixed).astype(int)
    for a, b, colour, width in strokes:
        line = max(1, round(size * width))
        cv2.line(picture, tuple(fixed[a].tolist()), tuple(fixed[b].tolist()), colour, line,
                 cv2.LINE_AA, _SHIFT)
    for a, b, colour, width in strokes:
        if width == 1.0:
            bright = tuple(min(255, round(c / 0.6)) for c in colour)
            radius = round(size * 0.55 * (1 << _SHIFT))
            for end in (a, b):
                cv2.circle(picture, tuple(fixed[end].tolist()), radius, bright, -1,
                           cv2.LINE_AA, _SHIFT)
