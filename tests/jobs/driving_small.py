"""Driving videos for tests: another body waves, and is filmed from the side."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from muybridge.body import Shape
from muybridge.body.skeleton import JOINT_INDEX
from muybridge.camera import build_cameras
from muybridge.methods.avatar.pipeline import AvatarPipeline
from muybridge.methods.background import Background
from muybridge.motion import clips, retarget
from muybridge.person import Person
from muybridge.person.keypoints import COCO_NAMES
from muybridge.video import VideoWriter, write_image

FPS = Fraction(12)
GROUND = (200, 205, 210)


@dataclass(frozen=True)
class Filmed:
    """A video on disk in several forms.

    Attributes:
        video, matte: mp4. ``folder``: the video's pictures as PNG.
        frames: RGB. ``mattes``: the person's share.
        keypoints: folder of a file for each picture, of COCO's points.
        hands: where the left and the right one truly are, pixels.
    """

    video: Path
    matte: Path
    folder: Path
    frames: np.ndarray
    mattes: np.ndarray
    keypoints: Path
    hands: np.ndarray


def filmed(out: Path, painted: Person, clip: str = "wave", frames: int = 6) -> Filmed:
    """A motion on another body than the painted person's, as a video on a plain ground."""
    who = replace(painted, shape=Shape(gender=0.9, age=0.6, weight=0.7, height=0.3))
    motion = retarget(clips.make(clip, frames, FPS), who.rest_joints)
    cameras = build_cameras("static:40", who.posed(motion).joints, width=72, height=96, fps=FPS)
    made = AvatarPipeline()(who, motion, cameras, background=Background("transparent"))
    ground = torch.tensor(GROUND).view(3, 1, 1) / 255
    seen = made.frames[0] * made.matte[0] + (1 - made.matte[0]) * ground
    pictures, mattes = (_bytes(part) for part in (seen, made.matte[0]))
    for name, shown in (("video", pictures), ("matte", mattes.repeat(3, -1))):
        with VideoWriter(out / f"{name}.mp4", FPS, 72, 96) as writer:
            for picture in shown:
                writer.write(picture)
    for t, picture in enumerate(pictures):
        write_image(out / "pictures" / f"{t}.png", picture)
    pixels = cameras.project(who.posed(motion).joints)[0][0]
    (out / "keypoints").mkdir()
    for t, points in enumerate(pixels):
        flat = [
            number for name in COCO_NAMES
            for number in ((*points[JOINT_INDEX[name]].tolist(), 0.9) if name in JOINT_INDEX
                           else (0, 0, 0))
        ]
        told = {"people": [{"pose_keypoints_2d": flat}]}
        (out / "keypoints" / f"{t:04d}_keypoints.json").write_text(json.dumps(told))
    middles = [JOINT_INDEX[f"{side}_middle1"] for side in ("left", "right")]
    return Filmed(
        out / "video.mp4", out / "matte.mp4", out / "pictures", pictures, mattes[..., 0],
        out / "keypoints", pixels[:, middles].numpy(),
    )


def _bytes(pictures: torch.Tensor) -> np.ndarray:
    return (pictures.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).contiguous().numpy()
