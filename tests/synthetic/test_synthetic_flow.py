"""Exact correspondences between pictures of one person."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from stage_figures import body, skin, skirted

from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.motion import clips
from muybridge.synthetic.canvas import Canvas
from muybridge.synthetic.figure import Figure
from muybridge.synthetic.flow import correspond
from muybridge.synthetic.layers import Material, Matter
from muybridge.synthetic.light import Light
from muybridge.synthetic.noise import fractal_noise
from muybridge.synthetic.stage import shoot

EVEN = Light(
    (0.0, 1.0, 0.0), (0.0, 0.0, 0.0), 1.0, (1.0, 1.0, 1.0), (1.0, 1.0, 1.0),
    (0.0, 0.0, 1.0), (0.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 0.0, 0.0),
    (0.5, 0.5, 0.5), (0.5, 0.5, 0.5),
)
"""The same from everywhere, so that a point has one colour in all pictures."""


@pytest.fixture(scope="module")
def scene():
    shaped = body()
    texels = Canvas(shaped).texels(256)
    spots = fractal_noise(texels.position, 14.0, 2, 3)[:, None].expand(-1, 3)
    none = torch.zeros(256, 256)
    painted = Material(Matter.CLOTH, texels.spread(0.1 + 0.8 * spots), none, none, none)
    figure = Figure(shaped, [skin(shaped, painted)])
    motion = clips.make("walk", frames=3, rest_joints=shaped.rest_joints, in_place=True)
    cameras = Cameras.orbit(views=8, frames=3, size=(160, 224), distance=3.6).select([0, 1])
    return figure.posed(motion), cameras


def test_a_picture_flows_to_itself_by_nothing(scene):
    flow = correspond(*scene, [((0, 1), (0, 1))])
    assert float(flow.flow.abs().max()) < 1e-3
    assert torch.equal(flow.visible, flow.person)


@pytest.mark.parametrize("target", [(0, 1), (1, 0), (1, 2)])
def test_flow_brings_one_picture_to_the_other(scene, target):
    posed, cameras = scene
    taken = shoot(posed, cameras, EVEN, shadows=False, supersample=3)
    flow = correspond(posed, cameras, [((0, 0), target)])
    H, W = 224, 160
    y, x = torch.meshgrid(torch.arange(H) + 0.5, torch.arange(W) + 0.5, indexing="ij")
    place = torch.stack([x, y]) + flow.flow[0]
    grid = torch.stack([place[0] / W, place[1] / H], -1) * 2 - 1
    brought = F.grid_sample(
        taken.person[target][None], grid[None], align_corners=False, mode="bilinear"
    )[0]
    sure = flow.visible[0] & (taken.matte[0, 0, 0] == 1)
    error = (brought - taken.person[0, 0])[:, sure].abs().mean()
    unmoved = (taken.person[target] - taken.person[0, 0])[:, sure].abs().mean()
    # from another side the spots are smaller, and so is their contrast
    assert float(error) < 0.035 and float(error) < 0.35 * float(unmoved)
    assert 0.3 < float(flow.visible.sum() / flow.person.sum()) < 1.0


def test_flow_there_and_back_returns(scene):
    posed, cameras = scene
    there = correspond(posed, cameras, [((0, 0), (1, 1)), ((1, 1), (0, 0))])
    H, W = 224, 160
    y, x = torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij")
    at = torch.stack([x, y]) + there.flow[0]
    column, row = at[0].round().long().clamp(0, W - 1), at[1].round().long().clamp(0, H - 1)
    back = there.flow[1][:, row, column]
    sure = there.visible[0] & there.visible[1][row, column]
    # the pixel next to the point is looked up, so it may be off by the flow's change in it
    off = (there.flow[0] + back).norm(dim=0)[sure]
    assert float(off.median()) < 0.7 and float(off.quantile(0.95)) < 2.5


def test_what_turns_away_is_not_visible(scene):
    posed, _ = scene
    around = Cameras.orbit(views=2, frames=3, size=(80, 112), distance=3.6)
    flow = correspond(posed, around, [((0, 0), (1, 0))])
    assert float(flow.visible.sum()) < 0.03 * float(flow.person.sum())


def test_a_skirts_inside_corresponds_too():
    figure = skirted()
    motion = clips.make("walk", frames=2, rest_joints=figure.body.rest_joints, in_place=True)
    cameras = Cameras.orbit(views=1, frames=2, size=(96, 128), elevation=-20, distance=3.6)
    flow = correspond(figure.posed(motion), cameras, [((0, 0), (0, 1))])
    assert float(flow.visible.sum() / flow.person.sum()) > 0.85


def test_pictures_that_are_not_there_are_refused(scene):
    posed, cameras = scene
    with pytest.raises(InputError, match="no picture of view 2"):
        correspond(posed, cameras, [((2, 0), (0, 0))])
    with pytest.raises(InputError, match="frames"):
        correspond(posed, cameras.slice(0, 2), [((0, 0), (0, 0))])
