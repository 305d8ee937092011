from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from samples import sample_of, truth_of

from muybridge.body import Part
from muybridge.data.record import Clip
from muybridge.evaluation.crops import (
    LEAST,
    METRICS,
    SIDE,
    Places,
    cut,
    find_places,
    places_of,
)
from muybridge.evaluation.geometry import Geometry
from muybridge.evaluation.sample import GROUND
from muybridge.render import project_points
from muybridge.training import generator_of

BY_NAME = {m.name: m for m in METRICS}


def places(centre, side, up=(0.0, -1.0), picture=0) -> Places:
    return Places(
        torch.tensor([picture]), torch.tensor([centre]), torch.tensor([side]),
        F.normalize(torch.tensor([up]), dim=-1), torch.tensor([[0.0, 0.0, 1.0]]),
    )


# ------------------------------------------------------------------ cutting out


@pytest.fixture
def pictures():
    return torch.rand(1, 2, 3, 24, 20, generator=generator_of("cut"))


def test_a_square_of_whole_pixels_is_the_pixels(pictures):
    found = cut(pictures, places((9.0, 12.0), 8.0, picture=1), 8)
    assert torch.allclose(found[0], pictures[0, 1, :, 8:16, 5:13], atol=1e-5)


def test_a_square_twice_as_large_is_averaged(pictures):
    found = cut(pictures, places((10.0, 12.0), 16.0), 8)
    assert torch.allclose(found[0], F.avg_pool2d(pictures[0, 0, :, 4:20, 2:18], 2), atol=1e-5)


def test_a_square_half_as_large_is_enlarged(pictures):
    found = cut(pictures, places((10.0, 12.0), 8.0), 16)[0]
    larger = F.interpolate(pictures[0, :1], scale_factor=2, mode="bilinear")[0]
    assert torch.allclose(found, larger[:, 16:32, 12:28], atol=1e-5)


@pytest.mark.parametrize("up, turns", [((1.0, 0.0), 1), ((0.0, 1.0), 2), ((-1.0, 0.0), 3)])
def test_up_is_up(pictures, up, turns):
    straight = cut(pictures, places((9.0, 12.0), 8.0), 8)
    found = cut(pictures, places((9.0, 12.0), 8.0, up), 8)
    assert torch.allclose(found, straight.rot90(turns, (2, 3)), atol=1e-5)


def test_outside_the_frame_is_ground(pictures):
    found = cut(pictures, places((0.0, 12.0), 8.0), 8)
    assert torch.allclose(found[0, :, :, :4], torch.full((3, 8, 4), GROUND), atol=1e-5)
    assert torch.allclose(found[0, :, :, 4:], pictures[0, 0, :, 8:16, :4], atol=1e-5)


# ------------------------------------------------------------------ where the parts are


def test_squares_hold_the_parts(orbit):
    body = orbit.posed()
    for region, parts in (("face", [Part.HEAD]), ("hands", [Part.LEFT_HAND, Part.RIGHT_HAND])):
        found = places_of(Geometry(orbit), region)
        assert len(found.side) and (found.side >= LEAST[region]).all()
        picture = found.picture
        best = torch.zeros(len(picture))
        for part in parts:
            points = project_points(
                body.vertices[picture * 0][:, body.mesh.parts == part],
                orbit.cameras.K[picture, 0], orbit.cameras.T_cam_world[picture, 0],
            )[..., :2].float()
            off = points - found.centre[:, None]
            down = -found.up[:, None]
            along = torch.stack([
                off[..., 0] * down[..., 1] - off[..., 1] * down[..., 0], (off * down).sum(-1)
            ], -1)
            reach = along.abs().amax((1, 2)) / found.side
            best = torch.maximum(best, ((reach > 0.4) & (reach < 0.5)).float())
        assert best.all()


def test_a_face_is_seen_from_the_front_alone(orbit):
    # views are a quarter of a turn apart, the first from the front
    found = places_of(Geometry(orbit), "face")
    assert found.picture.tolist() == [0]
    assert float(found.towards[0, 2]) > 0.9 and abs(float(found.towards[0, 0])) < 0.35
    assert abs(float(found.up[0, 0])) < 0.2 and float(found.up[0, 1]) < -0.9
    hands = places_of(Geometry(orbit), "hands").picture.tolist()
    assert {0, 2} <= set(hands) and max(hands.count(v) for v in range(4)) == 2


def test_hands_that_are_hidden_are_not_looked_at(orbit):
    body, cameras = orbit.posed(), orbit.cameras
    seen = len(find_places(body, cameras, "hands").side)
    vertices = body.vertices.clone()
    hand = (body.mesh.parts == Part.LEFT_HAND).nonzero()[:, 0]
    torso = vertices[:, body.mesh.parts == Part.TORSO].mean(1, keepdim=True)
    vertices[:, hand] += torso - vertices[:, hand].mean(1, keepdim=True)
    hidden = find_places(replace(body, vertices=vertices), cameras, "hands")
    assert 0 < len(hidden.side) < seen
    assert len(hidden.side) == len(hidden.picture.unique())  # never both of them


def test_parts_outside_the_frame_or_too_small(orbit):
    body, cameras = orbit.posed(), orbit.cameras
    K = cameras.K.clone()
    K[..., 1, 2] -= 60  # the frame begins below the head
    assert len(find_places(body, replace(cameras, K=K), "face").side) == 0
    K = cameras.K.clone()
    K[..., :2, :2] *= 0.4
    smaller = replace(cameras, K=K)
    assert len(find_places(body, smaller, "face").side) == 0
    assert len(find_places(body, smaller, "hands").side) == 0


def test_a_body_whose_model_is_not_there_has_no_crops(orbit):
    licensed: Clip = replace(orbit, body="smplx", source="somebody", parameters={})
    assert len(places_of(Geometry(licensed), "face").side) == 0
    for metric in METRICS:
        assert metric.function(sample_of(licensed)) == {}


# ------------------------------------------------------------------ scores


@pytest.mark.parametrize("name", BY_NAME)
def test_directions(orbit, other, name):
    def score(made):
        return BY_NAME[name].function(sample_of(orbit, made, orbit.read().matte))[name]

    truth = truth_of(orbit)
    noise = torch.randn(truth.shape, generator=generator_of("noise"))
    blurred = F.avg_pool2d(truth.flatten(0, 1), 5, 1, 2).unflatten(0, (4, 1))
    best = score(truth)
    assert best == (100 if "psnr" in name else pytest.approx(1.0))
    little, much = (score((truth + s * noise).clamp(0, 1)) for s in (0.02, 0.2))
    assert best > little > much
    for spoilt in (blurred, truth.roll(3, 4), truth_of(other), truth.roll(1, 0)):
        assert score(spoilt) < little


@pytest.mark.parametrize("region", ["face", "hands"])
def test_only_the_region_counts(orbit, region):
    truth = truth_of(orbit)
    found = places_of(Geometry(orbit), region)
    made = torch.rand(truth.shape, generator=generator_of("elsewhere"))
    reach = math.ceil(float(found.side.max()) * 0.75) + 1
    for picture, (x, y) in zip(found.picture.tolist(), found.centre.round().int().tolist(),
                               strict=True):
        box = (picture, 0, slice(None), slice(max(y - reach, 0), y + reach),
               slice(max(x - reach, 0), x + reach))
        made[box] = truth[box]
    name = f"psnr/{region}"
    assert BY_NAME[name].function(sample_of(orbit, made))[name] > 90
    assert SIDE[region] >= 32


def test_over_time_too(walk):
    found = {k: v for m in METRICS for k, v in m.function(sample_of(walk)).items()}
    assert found.get("psnr/hands", 100) == 100 and found.get("psnr/face", 100) == 100
    assert found
