"""Writes small data sets of others: MVHumanNet, MVHumanNet++, tracked videos.

The truth is a walk of the built-in body, seen by our own cameras; the files hold it in
another world, as the data sets do.
"""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import roma
import small_clips
import torch

from muybridge.camera import Cameras, build_cameras
from muybridge.motion import Motion, clips, forward_kinematics, nominal_rest_joints
from muybridge.motion.smplx_files import PELVIS_SMPL, PELVIS_SMPLX
from muybridge.video import write_image, write_video

SIZE = (64, 80)
BETAS = [0.5, -1.0, *[0.0] * 8]
# ours to theirs: their up is -z, and their origin lies elsewhere
TURN = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], dtype=torch.float64)
TURN = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)) @ TURN
SHIFT = torch.tensor([0.4, -1.2, 2.5], dtype=torch.float64)


@dataclass
class Truth:
    motion: Motion
    cameras: Cameras
    rgb: np.ndarray
    matte: np.ndarray

    def joints(self, motion: Motion) -> torch.Tensor:
        """22 joints of the nominal adult in a motion."""
        return forward_kinematics(
            motion.R_parent_joint, motion.root_position, nominal_rest_joints()
        )[1][:, :22].float()

    @property
    def pixels(self) -> torch.Tensor:
        """Where the cameras see the joints, as shares of the picture."""
        size = torch.tensor([float(self.cameras.width), float(self.cameras.height)])
        return self.cameras.project(self.joints(self.motion))[0] / size

    def seen(self, clip) -> torch.Tensor:
        """The same by a clip that was read."""
        size = torch.tensor([float(s) for s in clip.size])
        return clip.cameras.project(self.joints(clip.motion))[0] / size


def truth(views: int = 4, frames: int = 3, fps: int = 5, spec: str = "") -> Truth:
    motion = clips.make("walk", frames, fps)
    points = forward_kinematics(
        motion.R_parent_joint, motion.root_position, nominal_rest_joints()
    )[1].float()
    cameras = build_cameras(
        spec or f"orbit:{views},fov=50", points, width=SIZE[0], height=SIZE[1], follow=False
    )
    return Truth(motion, cameras, *small_clips.painted(motion, cameras))


def raw_world(truth: Truth) -> tuple[torch.Tensor, torch.Tensor, Cameras]:
    """Root rotations and pelvis in their world, and the cameras of one frame there."""
    R = TURN @ truth.motion.R_parent_joint[:, 0].double()
    pelvis = truth.motion.root_position.double() @ TURN.T + SHIFT
    return R, pelvis, truth.cameras.slice(0, 1).moved(TURN, SHIFT)


def rotvecs(R: torch.Tensor) -> np.ndarray:
    return roma.rotmat_to_rotvec(R.double()).numpy()


def mvhumannet(folder: Path, truth: Truth, images: str = "images_lr", masks: str = "fmask_lr"):
    """An outfit of MVHumanNet; names of cameras are 22 and so on."""
    from muybridge.camera.formats.mvhumannet import write

    R, pelvis, rig = raw_world(truth)
    # the calibration is for pictures of twice the size
    write(rig.resized(SIZE[0] * 2, SIZE[1] * 2, "stretch"), folder)
    names = [f"{22 + v}" for v in range(rig.views)]
    entries = json.loads((folder / "camera_extrinsics.json").read_text())
    renamed = {f"1_{n}.png": e for n, e in zip(names, entries.values(), strict=True)}
    (folder / "camera_extrinsics.json").write_text(json.dumps(renamed))
    (folder / "smplx" / "smpl").mkdir(parents=True)
    J = torch.tensor(PELVIS_SMPLX, dtype=torch.float64)
    local = rotvecs(truth.motion.R_parent_joint[:, 1:22]).reshape(-1, 63)
    for t in range(truth.motion.frames):
        poses = np.concatenate([np.zeros(3), local[t], np.zeros(21)])
        person = {
            "id": 0, "Rh": [rotvecs(R[t]).tolist()], "Th": [(pelvis[t] - R[t] @ J).tolist()],
            "poses": [poses.tolist()], "shapes": [BETAS], "expression": [[0.0] * 10],
        }
        (folder / "smplx" / "smpl" / f"{t:06d}.json").write_text(json.dumps([person]))
        for v, name in enumerate(names):
            stem = f"{5 * (t + 1):04d}_img"
            write_image(folder / images / name / f"{stem}.png", truth.rgb[v, t])
            write_image(folder / masks / name / f"{stem}_fmask.png", truth.matte[v, t])
    return folder


def mvhumannet_plus(folder: Path, truth: Truth):
    """An outfit of MVHumanNet++; the last frame is the A-pose picture."""
    R, pelvis, rig = raw_world(truth)
    for v in range(rig.views):
        place = folder / "cameras" / f"cam_{v:02d}"
        place.mkdir(parents=True)
        np.savez(place / "camera.npz", intrinsic=rig.K[v, 0].double().numpy(),
                 extrinsic=rig.T_cam_world[v, 0, :3].double().numpy())
    J = torch.tensor(PELVIS_SMPLX, dtype=torch.float64)
    frames = truth.motion.frames
    np.savez(
        folder / "smplx_params.npz", global_orient=rotvecs(R), transl=(pelvis - J).numpy(),
        body_pose=rotvecs(truth.motion.R_parent_joint[:, 1:22]).reshape(frames, 63),
        betas=np.array([BETAS]), left_hand_pose=np.ones((frames, 6)),
        right_hand_pose=np.ones((frames, 6)), jaw_pose=np.zeros((frames, 3)),
    )
    for t in range(frames):
        stem = "A-2045" if t == frames - 1 else f"{25 * (t + 1):04d}"
        for v in range(rig.views):
            name = f"cam_{v:02d}"
            write_image(folder / "images" / name / f"{stem}.jpg", truth.rgb[v, t])
            write_image(folder / "masks" / name / f"{stem}.png", truth.matte[v, t])
    return folder


def film(folder: Path, truth: Truth, fps: int = 24, before: int = 0) -> None:
    """The first view as lossless videos, ``before`` black frames first."""
    black = np.zeros((before, *truth.rgb.shape[2:]), np.uint8)
    rgb = np.concatenate([black, truth.rgb[0]])
    matte = np.concatenate([black[..., 0], truth.matte[0]])
    write_video(folder / "video.mkv", rgb, Fraction(fps), codec="ffv1")
    write_video(folder / "mask.mkv", matte, Fraction(fps), codec="ffv1")


def gvhmr(path: Path, truth: Truth) -> None:
    """GVHMR's result: the walk in its own world and before the (moving) camera."""
    J = torch.tensor(PELVIS_SMPLX, dtype=torch.float64)
    T = truth.cameras.T_cam_world[0].double()
    R, pelvis = truth.motion.R_parent_joint[:, 0].double(), truth.motion.root_position.double()
    turn = roma.rotvec_to_rotmat(torch.tensor([0.0, 0.7, 0.0], dtype=torch.float64))
    pose = rotvecs(truth.motion.R_parent_joint[:, 1:22]).reshape(-1, 63)

    def table(R, p):
        return {
            "global_orient": torch.from_numpy(rotvecs(R)).float(), "transl": (p - J).float(),
            "body_pose": torch.from_numpy(pose).float(),
            "betas": torch.tensor([BETAS]).repeat(len(R), 1),
        }

    seen = (T[:, :3, :3] @ pelvis[..., None])[..., 0] + T[:, :3, 3]
    torch.save({
        "smpl_params_global": table(turn @ R, pelvis @ turn.T + torch.tensor([1.0, 0.3, 0.0])),
        "smpl_params_incam": table(T[:, :3, :3] @ R, seen),
        "K_fullimg": truth.cameras.K[0],
    }, path)


def phalp(path: Path, truth: Truth, before: int = 0) -> None:
    """PHALP's tracks: rotation matrices and the camera's translations; begins later."""
    T = truth.cameras.T_cam_world[0].double()
    J = torch.tensor(PELVIS_SMPL, dtype=torch.float64)
    pelvis = truth.motion.root_position.double()
    frames = {}
    for t in range(before + truth.motion.frames):
        k = t - before
        frames[f"{t:06d}.jpg"] = {"time": t, "tid": [], "smpl": [], "camera": []}
        if k < 0:
            continue
        root = T[k, :3, :3] @ truth.motion.R_parent_joint[k, 0].double()
        local = truth.motion.R_parent_joint[k, 1:24].double().numpy()
        seen = T[k, :3, :3] @ pelvis[k] + T[k, :3, 3] - J
        frames[f"{t:06d}.jpg"] = {
            "time": t, "tid": [7], "camera": [seen.numpy()],
            "smpl": [{"global_orient": root[None].numpy(), "body_pose": local}],
        }
    path.write_bytes(pickle.dumps(frames))
