"""Rigs, projection, framing and built-in specs."""

import math

import numpy as np
import pytest
import torch

from muybridge.camera import (
    BUILT_IN,
    Cameras,
    build_cameras,
    facing_of,
    frame_points,
    look_at,
    parse_spec,
)
from muybridge.errors import InputError


def person(frames: int = 24, walk: float = 0.0, seed: int = 0) -> torch.Tensor:
    g = torch.Generator().manual_seed(seed)
    base = torch.rand(60, 3, generator=g) * torch.tensor([0.9, 1.75, 0.4])
    base = base - torch.tensor([0.45, 0.0, 0.2])
    base[0], base[1] = torch.tensor([0.0, 0, 0]), torch.tensor([0.0, 1.75, 0])
    t = torch.linspace(0, 1, frames)[:, None, None]
    sway = 0.05 * torch.sin(6 * t + base[None, :, :1] * 9)
    return base[None] + torch.cat([sway, 0 * sway, walk * t + 0 * sway], -1)


def visible(cameras: Cameras, points: torch.Tensor, margin: float = 0.0) -> bool:
    pixels, depth = cameras.project(points)
    size = torch.tensor([cameras.width, cameras.height])
    inside = (pixels >= margin * size - 0.01) & (pixels <= (1 - margin) * size + 0.01)
    return bool((inside.all(-1) & (depth > 0)).all())


def test_azimuth_convention():
    c = Cameras.orbit(4, 1, (200, 100), elevation=0, distance=4.0)
    want = torch.tensor([[0, 0.9, 4], [-4, 0.9, 0], [0, 0.9, -4], [4, 0.9, 0.0]])
    assert torch.allclose(c.centers[:, 0], want, atol=1e-5)
    # the subject's left hand is at the right of the front picture, up is up
    pixels, depth = c.project(torch.tensor([[0.3, 0.9, 0.0], [0, 1.4, 0]]))
    f = 50 / math.tan(math.radians(15))
    want = torch.tensor([[100 + f * 0.3 / 4, 50], [100, 50 - f * 0.5 / 4]])
    assert torch.allclose(pixels[0, 0], want)
    assert torch.allclose(depth[0, 0], torch.tensor([4.0, 4.0]))
    assert pixels[2, 0, 0, 0] < 100


def test_look_at_projects_target_to_the_middle():
    eye = torch.tensor([[1.0, 2, 3], [0, 5, 0], [0, -3, 0.0]])
    target = torch.tensor([0.1, 0.9, 0.2])
    T = look_at(eye, target)
    seen = T[:, :3, :3] @ target + T[:, :3, 3]
    assert torch.allclose(seen[:, :2], torch.zeros(3, 2), atol=1e-6)
    straight = look_at(torch.tensor([0.0, 5, 0]), torch.zeros(3))
    R = straight[:3, :3]
    assert torch.allclose(R @ R.T, torch.eye(3), atol=1e-6) and torch.det(R) > 0
    assert torch.allclose(R[1], torch.tensor([0.0, 0, 1]), atol=1e-6)
    with pytest.raises(ValueError, match="stands on"):
        look_at(torch.zeros(3), torch.zeros(3))


def test_project_matches_plain_arithmetic_and_unprojects():
    c = build_cameras("arc:70,elevation=20", person(), width=333, height=222)
    points = person(seed=3)
    pixels, depth = c.project(points)
    v, t, p = 0, 17, 5
    X = c.T_cam_world[v, t].double().numpy() @ np.append(points[t, p].double().numpy(), 1)
    K = c.K[v, t].double().numpy()
    assert pixels[v, t, p].tolist() == pytest.approx(
        [K[0, 0] * X[0] / X[2] + K[0, 2], K[1, 1] * X[1] / X[2] + K[1, 2]], abs=1e-3)
    assert torch.allclose(c.unproject(pixels, depth), points[None], atol=1e-4)


@pytest.mark.parametrize("mode", ["fit", "fill", "stretch"])
def test_resized_keeps_rays(mode):
    c = Cameras.orbit(2, 2, (300, 200))
    d = c.resized(150, 400, mode)
    p, _ = c.project(torch.tensor([[0.1, 1.0, 0.2]]))
    q, _ = d.project(torch.tensor([[0.1, 1.0, 0.2]]))
    sx, sy = 0.5, 2.0
    if mode != "stretch":
        sx = sy = (min if mode == "fit" else max)(sx, sy)
    want = (p - torch.tensor([150.0, 100])) * torch.tensor([sx, sy]) + torch.tensor([75.0, 200])
    assert torch.allclose(q, want, atol=1e-3)
    with pytest.raises(InputError):
        c.resized(0, 10)


@pytest.mark.parametrize("size", [(512, 512), (800, 1328), (1280, 400), (64, 640)])
@pytest.mark.parametrize("spec", ["orbit:8", "static:30", "static:0,90,200", "arc:-60", "rig16",
                                  "orbit-path", "orbit:5,elevation=40,start=20,margin=0.15"])
def test_everything_stays_in_the_picture(spec, size):
    points = person(walk=0.5)
    c = build_cameras(spec, points, width=size[0], height=size[1], follow=False).check()
    assert visible(c, points, {"rig16": 0.0}.get(spec, 0.15 if "margin" in spec else 0.08))
    assert (c.width, c.height) == size and c.frames == 24


def test_framing_is_tight():
    points = person()
    c = build_cameras("orbit:8", points)
    pixels, _ = c.project(points)
    y = pixels[..., 1] / 512
    assert y.min() == pytest.approx(0.08, abs=2e-3) and y.max() == pytest.approx(0.92, abs=2e-3)
    f = frame_points(points, azimuths=[0.0])
    assert f.distance == pytest.approx(3.9, abs=0.35) and not f.path.any()


def test_follow_keeps_a_walker_large():
    points = person(48, walk=6.0)
    still = build_cameras("static:90", points, follow=False)
    auto = build_cameras("static:90", points)
    assert visible(auto, points, 0.03) and visible(still, points, 0.08)
    tall = [float((x := c.project(points)[0][..., 1]).max() - x.min()) for c in (still, auto)]
    assert tall[1] > 2 * tall[0]
    move = auto.centers[0, -1] - auto.centers[0, 0]
    assert move.tolist() == pytest.approx([0, 0, 6.0], abs=0.05)
    rig = build_cameras("rig16", points, width=400, height=664)
    assert visible(rig, points) and rig.centers[0, -1, 2] - rig.centers[0, 0, 2] > 5.9
    assert torch.equal(build_cameras("static", person()).centers[:, :1].expand(1, 24, 3),
                       build_cameras("static", person()).centers)


def test_auto_follows_a_short_way_only_where_that_shows_the_person_larger():
    def smallest(cameras, points):
        y = cameras.project(points)[0][..., 1]
        return float((y.amax(-1) - y.amin(-1)).min()) / 512

    for walk, spec, follows in ((1.0, "orbit:8", True), (0.3, "orbit:8", False),
                                (1.0, "static:90", False), (1.6, "static:0", True)):
        points = person(24, walk=walk)  # all ways are shorter than the body's 1.75 m
        auto = build_cameras(spec, points)
        still = build_cameras(spec, points, follow=False)
        moving = build_cameras(spec, points, follow=True)
        assert torch.equal(auto.T_cam_world, (moving if follows else still).T_cam_world)
        assert (smallest(moving, points) > 1.15 * smallest(still, points)) == follows
    jump = person(24) + torch.tensor([0, 1.0, 0]) * torch.linspace(0, 1, 24)[:, None, None]
    assert not frame_points(jump, azimuths=[0.0, 90.0], follow="auto").path.any()


def test_follow_is_smooth_with_other_frame_counts():
    points = person(48, walk=6.0) + 0.03 * torch.randn(48, 1, 3, generator=torch.manual_seed(1))
    c = build_cameras("orbit:3", points, frames=96, fps=48)
    acceleration = c.centers.diff(n=2, dim=1).norm(dim=-1)
    assert c.frames == 96 and acceleration.max() < 0.01


def test_rig16_geometry():
    c = Cameras.rig16(1)
    assert c.views == 16 and (c.width, c.height) == (800, 1328)
    assert torch.allclose(c.centers[0, 0], torch.tensor([0, 1.6, 2.0]), atol=1e-5)
    assert torch.allclose(c.centers[4, 0], torch.tensor([-2.0, 1.6, 0]), atol=1e-5)
    down = torch.rad2deg(torch.asin(-c.T_cam_world[:, 0, 2, 1]))
    assert torch.allclose(down, torch.full((16,), 17.0), atol=1e-3)
    small = build_cameras("rig16", person(), width=800, height=1328)
    assert torch.allclose(small.centers[:, 0].norm(dim=-1), c.centers[:, 0].norm(dim=-1), atol=0.2)
    big = build_cameras("rig16", person() * torch.tensor([3.0, 1, 3]), width=800, height=1328)
    assert big.centers[0, 0, 2] > 2.5


def test_moves_of_built_in_paths():
    points = person()
    path = build_cameras("orbit-path", points, frames=36)
    step = path.centers[0, 1:] - path.centers[0, :-1]
    speeds = step.norm(dim=-1)
    assert speeds.std() < 1e-4 and torch.allclose(
        (path.centers[0, 0] - path.centers[0, -1]).norm(), speeds[0], atol=1e-4)
    assert path.centers[0, 1, 0] < 0  # to the camera's left: the subject's right
    near = build_cameras("dolly:0.5", points)
    center = frame_points(points).center
    d = (near.centers[0] - center).norm(dim=-1)
    assert float(d[-1] / d[0]) == pytest.approx(0.5, abs=1e-3)
    up = build_cameras("crane:0.7", points).centers[0]
    assert float(up[-1, 1] - up[0, 1]) == pytest.approx(0.7, abs=1e-4)
    K = build_cameras("zoom:2", points).K[0, :, 0, 0]
    assert float(K[-1] / K[0]) == pytest.approx(2.0, abs=1e-4)


def test_facing_turns_the_front():
    points = torch.rand(5, 55, 3, generator=torch.manual_seed(0)) * 0.2 + torch.tensor([0, 0.9, 0])
    for name, x in (("left", 0.2), ("right", -0.2)):
        from muybridge.body.skeleton import JOINT_INDEX
        for part in ("hip", "shoulder"):
            points[:, JOINT_INDEX[f"{name}_{part}"]] = torch.tensor([x, 1.0, 0])
    a = math.radians(40)  # turn the person to azimuth 40: facing (-sin, cos)
    R = torch.tensor([[math.cos(a), 0, -math.sin(a)], [0, 1, 0], [math.sin(a), 0, math.cos(a)]])
    assert facing_of(points) == pytest.approx(0, abs=1e-4)
    assert facing_of(points @ R.T) == pytest.approx(40, abs=1e-3)
    front = build_cameras("static", points @ R.T, facing="auto").T_cam_world[0, 0, 2, :3]
    assert float(torch.rad2deg(torch.atan2(front[0], -front[2]))) == pytest.approx(40, abs=0.01)


@pytest.mark.parametrize("spec", ["orbit:0", "orbit:2.5", "orbit:8,9", "orbit:many", "orbit:nan",
                                  "orbit:8,fov=200", "orbit:8,speed=3", "dolly:0", "rig16:4",
                                  "static:inf", "zoom:-1", "", "  ", "orbit:4,views=5",
                                  "orbit:8,margin=0.5", "orbit:8,distance=-2", "arc:1e9"])
def test_bad_specs(spec):
    with pytest.raises(InputError, match="camera|framing"):
        build_cameras(spec, person())


@pytest.mark.parametrize(("points", "more"), [
    (torch.full((3, 4, 3), float("nan")), {}),
    (torch.zeros(0, 4, 3), {}),
    (torch.full((3, 4, 3), 1e9), {}),
    (person(), {"frames": 0}),
    (person(), {"fps": 0}),
    (person(), {"fps": float("nan")}),
    (person(), {"width": 0}),
    (person(), {"height": -4}),
])
def test_bad_points_and_numbers(points, more):
    with pytest.raises(InputError):
        build_cameras("orbit:3", points, **more)


PLACES = {
    "nanK": ("K", (0, 1)), "f": ("K", (1, 2, 0, 0)), "low": ("K", (1, 2, 2, 0)),
    "c": ("K", (0, 0, 0, 2)), "t": ("T", (1, 0, 0, 3)), "row": ("T", (0, 0, 3, 0)),
    "scale": ("T", (0, 0, slice(0, 3), slice(0, 3))), "mirror": ("T", (0, 0, 0, slice(0, 3))),
}


def change(name, value):
    c = Cameras.orbit(2, 3)
    parts = {"K": c.K.clone(), "T": c.T_cam_world.clone()}
    part, where = PLACES[name]
    times = name in ("scale", "mirror")
    parts[part][where] = parts[part][where] * value if times else value
    return Cameras(parts["K"], parts["T"], c.width, c.height)


@pytest.mark.parametrize(("name", "value", "word"), [
    ("nanK", math.nan, "NaN"), ("f", 0.0, "focal"), ("f", -500.0, "focal"),
    ("f", 1e12, "focal"), ("low", 0.1, "triangular"), ("c", 1e12, "range"),
    ("t", math.inf, "infinity"), ("t", 1e9, "1000 km"), ("scale", 2.0, "orthonormal"),
    ("mirror", -1.0, "mirrors"), ("row", 0.5, "0 0 0 1"),
])
def test_check_names_what_is_wrong(name, value, word):
    with pytest.raises(InputError, match=word):
        change(name, value).check()
    Cameras.orbit(2, 3).check()


def test_spec_table():
    for name in BUILT_IN:
        assert parse_spec(name) is not None
    assert parse_spec("arc left slowly") is None
    assert parse_spec("static:0,90").values == (0.0, 90.0)


def test_resampled_and_moved():
    c = build_cameras("arc:80", person())
    d = c.resampled(47)
    assert torch.allclose(d.T_cam_world[:, ::2], c.T_cam_world, atol=1e-5)
    d.check()
    assert c.resampled(24) is c and Cameras.orbit(3, 1).resampled(9).frames == 9
    R = torch.tensor([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
    t = torch.tensor([1.0, 2, 3])
    X = torch.rand(5, 3, generator=torch.manual_seed(0))
    a, _ = c.project(X)
    b, _ = c.moved(R, t).project(X @ R.T + t)
    assert torch.allclose(a, b, atol=1e-2)
