"""Charts of the unrolled body, and its shoes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from muybridge.body import JOINT_INDEX, Part, Shape, load_anny
from muybridge.person.charts import (
    CHART_OF_PART,
    CHARTS,
    HEAD,
    LEFT_ARM,
    LEFT_FOOT,
    LEFT_HAND,
    LEFT_LEG,
    RIGHT_ARM,
    RIGHT_FOOT,
    RIGHT_HAND,
    RIGHT_LEG,
    TORSO,
    unroll,
    zero_pose_vertices,
)
from muybridge.person.observation import observe
from muybridge.person.shoes import UPPER, is_shod, shoe_offsets
from muybridge.person.surface_graph import SurfaceGraph
from muybridge.render import rasterize_pixels

SHAPES = [Shape(), Shape(gender=1.0, weight=0.9), Shape(age=0.3, height=0.2)]


@pytest.fixture(scope="module", params=SHAPES, ids=["average", "heavy", "child"])
def shaped(request):
    return load_anny().with_shape(request.param)


@pytest.fixture(scope="module")
def zero(shaped):
    return zero_pose_vertices(shaped, torch.zeros_like(shaped.bind_vertices))


@pytest.fixture(scope="module")
def charts(shaped, zero):
    return unroll(shaped, zero)


def test_every_part_and_vertex_has_a_chart(shaped, charts):
    assert len(CHART_OF_PART) == len(Part)
    assert set(CHART_OF_PART) == set(range(CHARTS))
    assert set(charts.chart) == set(range(CHARTS))
    assert np.array_equal(charts.chart, CHART_OF_PART[shaped.mesh.parts.numpy()])
    assert np.isfinite(charts.along).all() and np.isfinite(charts.across).all()
    assert charts.flat.min() >= 0 and charts.flat.max() <= 1


def test_the_zero_pose_is_the_bodys_own_and_carries_what_is_worn(shaped, zero):
    assert np.abs(zero - shaped.zero.vertices[0].numpy()).max() < 1e-4
    thick = shaped.bind_vertices * 0 + torch.tensor([0.0, 0.01, 0.0])
    moved = np.linalg.norm(zero_pose_vertices(shaped, thick) - zero, axis=1)
    assert np.abs(moved - 0.01).max() < 2e-3


@pytest.mark.parametrize("which", [HEAD, TORSO, LEFT_LEG, RIGHT_LEG])
def test_upright_charts_face_front_at_angle_zero_and_left_at_a_quarter_turn(
    charts, zero, which
):
    own = charts.chart == which
    middle = (zero[own].min(0) + zero[own].max(0)) / 2
    x, z = (zero[own] - middle)[:, [0, 2]].T
    angle = np.arctan2(charts.across[own, 1], charts.across[own, 0])
    far = np.abs(z) > 0.6 * np.abs(z).max()
    assert (np.abs(angle[far & (z > 0)]) < np.pi / 2).mean() > 0.95
    assert (np.abs(angle[far & (z < 0)]) > np.pi / 2).mean() > 0.95
    side = np.abs(x) > 0.8 * np.abs(x).max()
    assert (np.sign(angle[side]) == np.sign(x[side])).mean() > 0.95
    assert np.array_equal(charts.along[own], zero[own][:, 1])


@pytest.mark.parametrize(("which", "way"), [(LEFT_ARM, 1), (RIGHT_ARM, -1), (LEFT_HAND, 1),
                                            (RIGHT_HAND, -1)])
def test_arms_run_outwards_and_face_front_at_angle_zero(charts, zero, which, way):
    own = charts.chart == which
    assert np.array_equal(charts.along[own], zero[own][:, 0])
    assert (charts.along[own] * way > 0).all()
    assert np.allclose(np.diff(charts.across[own][:, 0]).std(), np.diff(zero[own][:, 2]).std(),
                       rtol=0.5)
    front = charts.across[own, 0]
    z = zero[own][:, 2]
    assert np.corrcoef(front, z)[0, 1] > 0.8


def test_the_lines_run_inside_the_limbs(charts):
    """All angles around occur, so a gap has two ends."""
    for which in (HEAD, TORSO, LEFT_ARM, RIGHT_ARM, LEFT_LEG, RIGHT_LEG, LEFT_FOOT, RIGHT_FOOT):
        across = charts.across[charts.chart == which]
        angle = np.degrees(np.arctan2(across[:, 1], across[:, 0]))
        filled = np.histogram(angle, 12, (-180, 180))[0]
        assert (filled > 0).all(), (which, filled)


def test_shoulder_tops_are_flat_and_flanks_are_not(shaped, charts, zero):
    torso = charts.chart == TORSO
    top = torso & (zero[:, 1] > zero[torso][:, 1].max() - 0.03)
    waist = torso & (
        np.abs(zero[:, 1] - float(shaped.rest_joints[JOINT_INDEX["spine1"], 1])) < 0.05
    )
    assert charts.flat[waist].mean() < 0.1 < charts.flat[top].mean()


@pytest.fixture(scope="module")
def shoes(shaped):
    graph = SurfaceGraph.of(shaped.bind_vertices.numpy(), shaped.mesh.faces.numpy())
    return shoe_offsets(shaped, graph)


def _foot(shaped, side):
    own = shaped.mesh.parts.numpy() == int(Part[f"{side}_FOOT"])
    heads = shaped.bind_heads.numpy()[shaped.rig.joint_bone.numpy()]
    ankle, ball = (heads[JOINT_INDEX[f"{side.lower()}_{n}"]] for n in ("ankle", "foot"))
    return own, ankle, ball


@pytest.mark.xfail(strict=True, reason="toes meet, but grooves between them hold water")
@pytest.mark.parametrize("side", ["LEFT", "RIGHT"])
def test_shoes_close_the_toes(shaped, shoes, side):
    """Water poured on toes stays between them; off a shoe's cap it runs."""
    own, _, ball = _foot(shaped, side)
    bare = shaped.bind_vertices.numpy().astype(float)
    faces = shaped.mesh.faces.numpy()
    faces = torch.from_numpy(faces[own[faces].all(1)])
    corner, scale = bare[own].min(0), 2000.0  # half a millimetre a pixel

    def water(points):
        flat = (points - corner) * scale
        flat = np.stack([flat[:, 0] + 40, flat[:, 2] + 40, 1.0 - points[:, 1]], 1)
        size = flat[own].max(0)[:2].astype(int) + 40
        drawn = rasterize_pixels(
            torch.from_numpy(flat)[None].float(), faces, int(size[1]), int(size[0]), cull=False
        )
        height = np.where(drawn.triangle[0] >= 0, 1.0 - drawn.depth[0].numpy(), -9.0)
        height = height[int((ball[2] + 0.025 - corner[2]) * scale) + 40 :]
        level = np.minimum(
            np.maximum.accumulate(height, 1),
            np.maximum.accumulate(height[:, ::-1], 1)[:, ::-1],
        )
        deep = np.clip(level - np.maximum(height, corner[1]), 0, None)
        return deep[height > -9].sum() / scale**2 * 1e6  # millilitres

    before, after = water(bare), water(bare + shoes)
    assert before > 0.05
    assert after < 0.5 * before, (before, after)


@pytest.mark.parametrize("side", ["LEFT", "RIGHT"])
def test_soles_stay_on_the_ground_and_shoes_grow(shaped, shoes, side):
    own, _, _ = _foot(shaped, side)
    bare = shaped.bind_vertices.numpy()[own].astype(float)
    shod = bare + shoes[own]
    ground = bare[:, 1].min()
    assert abs(shod[:, 1].min() - ground) < 2.5e-3
    for axis in (0, 2):
        assert 0 <= np.ptp(shod[:, axis]) - np.ptp(bare[:, axis]) < 5 * UPPER
    assert np.linalg.norm(shoes[own], axis=1).max() < 0.05
    assert shod[:, 1].max() - bare[:, 1].max() < 2 * UPPER


def test_shoes_leave_the_rest_of_the_body_alone(shaped, shoes):
    vertices = shaped.bind_vertices.numpy()
    ankle = _foot(shaped, "LEFT")[1][1]
    below_knee = shaped.mesh.parts.numpy() >= int(Part.LEFT_CALF)
    assert not shoes[~below_knee].any()
    assert np.linalg.norm(shoes[vertices[:, 1] > ankle + 0.12], axis=1).max() < 1e-3
    left, right = (shoes[_foot(shaped, s)[0]] for s in ("LEFT", "RIGHT"))
    assert np.abs(left).sum() == pytest.approx(np.abs(right).sum(), rel=0.02)


@pytest.mark.parametrize(("skin_at_feet", "shod"), [(0.0, True), (0.9, False)])
def test_bare_feet_are_told_by_their_skin(skin_at_feet, shod):
    alpha = np.zeros((300, 120), np.float32)
    alpha[20:280, 30:90] = 1
    skin = np.zeros_like(alpha)
    skin[265:280] = skin_at_feet
    image = np.zeros((300, 120, 3), np.uint8)
    assert is_shod([observe("front", image, alpha, skin=skin)]) is shod
    assert is_shod([observe("front", image, alpha)]) is True  # nobody knows: shoes are usual
