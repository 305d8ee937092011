"""Normal maps of the release and ours are interchangeable inputs: the same networks, alike output.

The release's body is an SMPL-X woman in a pose that no file gives; pose and build here were
fitted to her two maps once. What is left of the difference is the build: her hips, the heights
of knees and elbows, her hands.
"""

from __future__ import annotations

import dataclasses
import math

import cv2
import pytest
import torch
import torch.nn.functional as F
from methods.reimagine_small import awake, small_networks
from render.test_render_real_normals import least_rotation, rig_of_sixteen
from torch import Tensor

from muybridge.body import JOINT_INDEX, PosedBody, Shape, load_body
from muybridge.camera import build_cameras
from muybridge.methods.hvg.conditions import crop_of_video
from muybridge.methods.reimagine.checkpoints import load
from muybridge.methods.reimagine.conditions import over_black, sides_of, world_normals
from muybridge.methods.reimagine.diffuse import Conditions, sample
from muybridge.methods.reimagine.spec import SPEC
from muybridge.motion import clips, retarget

VIEWS = (0, 4)
"""Of the rig; 103444_camNN.jpg."""
SCALE = 0.15
"""Of our pictures; every pixel is the mean of four samples."""
SIZES = {"small": (24, 32), "nano": (96, 128)}
LIMBS = {
    "left_shoulder": (0.22, -0.30, 1.05), "left_elbow": (-0.92, 0.04, 0.26),
    "right_shoulder": (-0.38, -0.08, 1.25), "right_elbow": (0.43, 0.19, 0.25),
    "left_hip": (-0.28, -0.75, 0.01), "left_knee": (0.0, -2.56, 0.21),
    "right_hip": (-0.08, -1.67, 0.11), "right_knee": (0.06, -1.18, -0.03),
}
"""Where bones from these joints point."""
BENDS = {"spine1": -0.03, "neck": -0.36}
"""Radians about the body's own x."""


def embracing() -> PosedBody:
    """The release's pose: arms around something before the chest, feet together."""
    aims = {}
    for name, aim in LIMBS.items():
        leg = "hip" in name or "knee" in name
        out = 1.0 if name.startswith("left") else -1.0
        rest = torch.tensor([0.0, -1.0, 0.0] if leg else [out, 0.0, 0.0])
        aims[name] = least_rotation(rest, F.normalize(torch.tensor(aim), dim=0))

    class Pose:
        R_parent_joint = torch.eye(3).repeat(1, 55, 1, 1)
        root_position = torch.tensor([[0.0, 0.95, 0.0]])

    for side in ("left", "right"):
        for upper, lower in (("shoulder", "elbow"), ("hip", "knee")):
            first, second = aims[f"{side}_{upper}"], aims[f"{side}_{lower}"]
            Pose.R_parent_joint[0, JOINT_INDEX[f"{side}_{upper}"]] = first
            Pose.R_parent_joint[0, JOINT_INDEX[f"{side}_{lower}"]] = first.T @ second
    for name, angle in BENDS.items():
        c, s = math.cos(angle), math.sin(angle)
        Pose.R_parent_joint[0, JOINT_INDEX[name]] = torch.tensor(
            [[1, 0, 0], [0, c, -s], [0, s, c]]
        )
    return load_body().pose(Shape(gender=1.0, height=0.3, weight=0.73), Pose())


def drawn(turn: float = 0.0) -> Tensor:
    """Our maps of it from the release's cameras; the world's front turned by some degrees."""
    body = embracing()
    rig = rig_of_sixteen(float(body.vertices[..., 1].min())).select(list(VIEWS))
    cameras = dataclasses.replace(
        rig, K=rig.K * rig.K.new_tensor([[SCALE], [SCALE], [1]]), width=round(800 * SCALE),
        height=round(1328 * SCALE),
    )
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return world_normals(body, cameras, torch.tensor([[c, 0, s], [0, 1, 0], [-s, 0, c]]))[:, 0]


def framed(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """As networks see a person: whole, from crown to feet, the centre of mass in the middle.

    The two rigs are not one to the pixel, and no camera file of the maps is there.
    """
    width, height = size
    rows = torch.nonzero(picture[3].amax(1) > 0.5)[:, 0]
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    middle = float((picture[3].sum(0) * torch.arange(picture.shape[2])).sum() / picture[3].sum())
    step = (bottom - top) * 16 / 15 / height
    samples = max(1, math.ceil(step))

    def places(count: int, centre: float, whole: int) -> Tensor:
        fine = (torch.arange(count * samples) + 0.5) / samples - count / 2
        return (fine * step + centre) / whole * 2 - 1

    y = places(height, (top + bottom) / 2, picture.shape[1])
    x = places(width, middle, picture.shape[2])
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None]
    return F.avg_pool2d(F.grid_sample(picture[None], grid, align_corners=False), samples)[0]


@pytest.fixture(scope="module")
def real(shared) -> Tensor:
    """The release's two maps over black, ``[2, 4, 1328, 800]``."""
    found = []
    for view in VIEWS:
        path = shared / f"data/normals/103444_cam{view:02d}.jpg"
        if not path.is_file():
            pytest.skip(f"needs shared/data/normals/{path.name}")
        picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        found.append(over_black(torch.from_numpy(picture).permute(2, 0, 1).float() / 255))
    return torch.stack(found)


@pytest.fixture(scope="module", params=list(SIZES))
def networks(request):
    if request.param == "small":
        return awake(small_networks())
    folder = SPEC.find(SPEC.size("nano").weights[0])
    if folder is None:
        pytest.skip("needs ReImagine's nano weights")
    return load(folder)


@pytest.fixture(scope="module")
def painted_with(networks, painted):
    """What the networks paint with normals of the two views, of somebody else."""
    config = networks.config
    motion = retarget(clips.make("idle", 1), painted.rest_joints)
    posed = painted.shaped.pose(motion)
    cameras = build_cameras("orbit:2", posed.joints, width=config.width, height=config.height)
    crop = crop_of_video(painted, motion, cameras, config.width, config.height)
    sides = sides_of(painted, posed, crop)
    with torch.no_grad():
        reference = networks.reference(sides.pictures[None], sides.normals[None])
    nobody = torch.zeros(1, 2, dtype=torch.uint8)
    return lambda normals: sample(networks, Conditions(reference, normals[None], nobody))[0]


def others(ours: Tensor, size: tuple[int, int]) -> dict[str, Tensor]:
    """Our maps in colours that other programs have, and of another view."""
    red, green, blue, share = ours.unbind(1)
    return {
        "right and left exchanged": torch.stack([red, share - green, blue, share], 1),
        "up in green": torch.stack([green, red, blue, share], 1),
        "front in green": torch.stack([red, blue, green, share], 1),
        "front in red": torch.stack([blue, green, red, share], 1),
        "the front is the side": torch.stack([framed(p, size) for p in drawn(90.0)]),
        "no colours": torch.cat([0.5 * ours[:, 3:].expand(-1, 3, -1, -1), ours[:, 3:]], 1),
        "the other view": ours.flip(0),
    }


def test_real_maps_and_ours_are_interchangeable(networks, painted_with, real):
    size = (networks.config.width, networks.config.height)
    theirs, ours = (
        torch.stack([framed(p, size) for p in pictures]) for pictures in (real, drawn())
    )
    wanted = painted_with(theirs)
    reach = (wanted - painted_with(torch.zeros_like(theirs))).flatten(1).norm(dim=1)

    def apart(normals: Tensor) -> float:
        """From the output of the real maps, in what these change at all."""
        return float(((painted_with(normals) - wanted).flatten(1).norm(dim=1) / reach).mean())

    found = apart(ours)
    rest = {name: apart(normals) for name, normals in others(ours, size).items()}
    assert found < 0.5 * rest["the other view"], (found, rest)
    if networks.config.size == "small":  # of random weights; a trained one may know the pose alone
        assert found < 0.3
        assert all(found < 0.93 * far for far in rest.values()), (found, rest)
    else:
        assert found < rest["the front is the side"], (found, rest)


def test_pixels_are_alike_too(real):
    size = SIZES["small"]
    theirs, ours = (
        torch.stack([framed(p, size) for p in pictures]) for pictures in (real, drawn())
    )
    share = torch.minimum(theirs[:, 3], ours[:, 3]).sum((-1, -2))
    assert (share / torch.maximum(theirs[:, 3], ours[:, 3]).sum((-1, -2)) > 0.7).all()
    both = torch.minimum(theirs[:, 3:], ours[:, 3:]) > 0.95
    error = ((theirs - ours)[:, :3].abs() * both).sum((1, 2, 3)) / (3 * both.sum((1, 2, 3)))
    assert (error < 0.1).all(), error
    for name, normals in others(ours, size).items():
        if name != "the other view":
            wrong = ((theirs - normals)[:, :3].abs() * both).sum() / (3 * both.sum())
            assert wrong > 1.25 * error.mean(), name
