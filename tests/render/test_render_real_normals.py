"""ReImagine's own normal maps against ours: the same colours for a body in that pose and rig.

The recorded statistics are of another body (an SMPL-X woman), posed as no motion file says;
the pose here is put together by eye. So the tolerances are wide, yet far narrower than the
distance between any two sides of the body, or between right and mirrored colours.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from muybridge.body import JOINT_INDEX, PARENTS, PosedBody, Shape, load_body
from muybridge.camera.types import Cameras
from muybridge.render import normal_map

MEAN, EDGE, TOP = 0.10, 0.15, 0.12
"""Largest distance of a mean normal from the real one, per component (of -1..1): whole body,
left and right edge, top of the head."""
VIEWS = {"103444_cam00": 0, "103444_cam04": 4, "103444_cam08": 8, "103444_cam12": 12}


def crossed_arms() -> PosedBody:
    """Standing, upper arms down and forward, forearms raised before the chest."""
    arms = {
        "left_shoulder": (0.45, -0.62, 0.64), "left_elbow": (-0.55, -0.05, 0.83),
        "right_shoulder": (-0.45, -0.62, 0.64), "right_elbow": (0.55, 0.10, 0.83),
    }
    world = {}
    for name, aim in arms.items():
        rest = torch.tensor([1.0 if name.startswith("left") else -1.0, 0.0, 0.0])
        world[name] = least_rotation(rest, torch.nn.functional.normalize(torch.tensor(aim), dim=0))

    class Pose:
        R_parent_joint = torch.eye(3).repeat(1, 55, 1, 1)
        root_position = torch.tensor([[0.0, 0.95, 0.0]])

    for side in ("left", "right"):
        shoulder, elbow = world[f"{side}_shoulder"], world[f"{side}_elbow"]
        Pose.R_parent_joint[0, JOINT_INDEX[f"{side}_shoulder"]] = shoulder
        Pose.R_parent_joint[0, JOINT_INDEX[f"{side}_elbow"]] = shoulder.T @ elbow
        assert PARENTS[JOINT_INDEX[f"{side}_elbow"]] == JOINT_INDEX[f"{side}_shoulder"]
    return load_body().pose(Shape(gender=1.0, height=0.4, weight=0.62), Pose())


def least_rotation(a: Tensor, b: Tensor) -> Tensor:
    v, c = torch.linalg.cross(a, b), a @ b
    skew = torch.tensor([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return torch.eye(3) + skew + skew @ skew / (1 + c)


def rig_of_sixteen(feet: float) -> Cameras:
    """The release's rig: 16 cameras, 2 m away, 1.6 m up, 17 degrees down, over the front to
    the subject's right, their back and their left; 800 x 1328 pixels, 55 degrees tall."""
    focal = 664 / math.tan(math.radians(27.5))
    T = torch.zeros(16, 4, 4)
    for k in range(16):
        a, tilt = math.radians(22.5 * k), math.radians(17)
        eye = torch.tensor([-2 * math.sin(a), feet + 1.6, 2 * math.cos(a)])
        forward = torch.tensor([math.sin(a) * math.cos(tilt), -math.sin(tilt),
                                -math.cos(a) * math.cos(tilt)])
        right = torch.tensor([math.cos(a), 0.0, math.sin(a)])
        R = torch.stack([right, torch.linalg.cross(forward, right), forward])
        T[k, :3, :3], T[k, :3, 3], T[k, 3, 3] = R, -R @ eye, 1
    K = torch.tensor([[focal, 0, 400.0], [0, focal, 664.0], [0, 0, 1]])
    return Cameras(K.expand(16, 1, 3, 3).contiguous(), T[:, None].contiguous(), 800, 1328)


def statistics(picture: np.ndarray) -> dict[str, np.ndarray]:
    """Measured as the recorded ones were (their file says how)."""
    n = 2 * picture - 1
    whole = np.linalg.norm(n, axis=-1) < 1.35
    first = np.nonzero(whole.any(1))[0][0]
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    body = cv2.erode(whole.astype(np.uint8), cross, iterations=4) > 0
    rows = np.nonzero(body.any(1))[0]
    left, right = [], []
    for y in rows:
        columns = np.nonzero(body[y])[0]
        left.append(n[y, columns[:4]])
        right.append(n[y, columns[-4:]])
    top = body.copy()
    top[first + 26 :] = False
    top[: first + 6] = False
    return {
        "body_mean": n[body].mean(0),
        "left_edge_mean": np.concatenate(left).mean(0),
        "right_edge_mean": np.concatenate(right).mean(0),
        "head_top_mean": n[top].mean(0),
    }


@pytest.fixture(scope="module")
def ours() -> dict[str, np.ndarray]:
    posed = crossed_arms()
    rig = rig_of_sixteen(float(posed.vertices[..., 1].min()))
    pictures = normal_map(posed, rig.select(list(VIEWS.values())), "reimagine")
    return dict(zip(VIEWS, pictures[:, 0].permute(0, 2, 3, 1).numpy(), strict=True))


@pytest.fixture(scope="module")
def recorded(shared: Path) -> dict[str, dict[str, list[float]]]:
    path = shared / "fixtures" / "reimagine" / "normal_colors.json"
    if not path.is_file():
        pytest.skip("needs shared/fixtures/reimagine/normal_colors.json")
    return json.loads(path.read_text())["maps"]


@pytest.mark.parametrize("view", VIEWS)
def test_colours_per_view_are_those_of_the_real_maps(view: str, ours, recorded) -> None:
    mine = statistics(ours[view])
    for what, tolerance in (
        ("body_mean", MEAN), ("left_edge_mean", EDGE), ("right_edge_mean", EDGE),
        ("head_top_mean", TOP),
    ):
        error = np.abs(mine[what] - np.array(recorded[view][what])).max()
        assert error < tolerance, (what, mine[what].round(3), recorded[view][what])


def test_no_other_assignment_of_views_fits(ours, recorded) -> None:
    """Each of our views is nearer to its own real map than to any other, by far."""
    real = {v: np.array(recorded[v]["body_mean"]) for v in VIEWS}
    for view, picture in ours.items():
        mean = statistics(picture)["body_mean"]
        distance = {v: float(np.linalg.norm(mean - real[v])) for v in VIEWS}
        own = distance.pop(view)
        assert own < 0.2 and min(distance.values()) > 4 * own


@pytest.mark.parametrize("view", VIEWS)
def test_heads_are_red_on_top_and_the_ground_is_white(view: str, ours) -> None:
    picture = ours[view]
    assert (picture[0] == 1).all() and (picture[:, 0] == 1).all()
    rows = np.nonzero((picture.min(-1) < 0.999).any(1))[0]
    crown = picture[rows[0] + 8]
    crown = crown[crown.min(-1) < 0.999]
    assert crown[:, 0].mean() > 0.8
    share = (rows[-1] - rows[0]) / picture.shape[0]
    assert 0.6 < share < 0.8


@pytest.mark.parametrize("name", ["103444_cam00", "103444_cam04"])
def test_real_pictures_measure_as_recorded(name: str, shared: Path, recorded) -> None:
    """Our ruler is the one the records were made with."""
    path = shared / "data" / "normals" / f"{name}.jpg"
    if not path.is_file():
        pytest.skip(f"needs shared/data/normals/{name}.jpg")
    real = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB).astype(np.float32) / 255
    for what, value in statistics(real).items():
        assert np.abs(value - np.array(recorded[name][what])).max() < 0.03, what
