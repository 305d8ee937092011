from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from samples import sample_of, truth_of
from torch import nn

from muybridge.body.skeleton import JOINT_INDEX
from muybridge.errors import InputError
from muybridge.evaluation.crops import SIDE, cut, places_of
from muybridge.evaluation.geometry import Geometry
from muybridge.evaluation.identity import (
    METRICS,
    NUMBERS,
    describe,
    face_network,
    likeness,
    sides,
)
from muybridge.render import project_points
from muybridge.training import generator_of

(HOG,) = METRICS
NAME = HOG.name


def stripes(degrees: float) -> torch.Tensor:
    """A field that grows lighter in one direction."""
    at = torch.linspace(-1, 1, 64)
    turn = math.radians(degrees)
    grey = 0.5 + 0.3 * (at[None] * math.cos(turn) + at[:, None] * math.sin(turn))
    return grey.expand(1, 3, 64, 64).clone()


# ------------------------------------------------------------------ the description


@pytest.mark.parametrize("direction", range(8))
def test_edges_are_found_in_their_direction(direction):
    found = describe(stripes(45 * direction))[0, : NUMBERS[0]].view(8, 8, 8)
    inner = found[:, 1:-1, 1:-1]
    assert (inner.argmax(0) == direction).all()
    others = torch.cat([inner[:direction], inner[direction + 1 :]])
    assert others.abs().max() < 0.01 * inner[direction].min()


def test_an_edge_between_two_directions_counts_for_both():
    found = describe(stripes(45 + 22.5))[0, : NUMBERS[0]].view(8, 8, 8)[:, 4, 4]
    assert float(found[1]) == pytest.approx(float(found[2]), rel=1e-3)
    assert found[[0, 3, 4, 5, 6, 7]].abs().max() < 1e-3 * found[1]


def test_colours_are_the_means_of_fields():
    faces = torch.rand(2, 3, 64, 64, generator=generator_of("faces"))
    found = describe(faces)[:, NUMBERS[0] :].view(2, 3, 4, 4)
    assert found.shape[1:].numel() == NUMBERS[1]
    weight = math.exp(-(0.25**2 + 0.75**2) / (2 * 0.55**2)) * 0.6 / 0.52
    expected = faces[1, 2, 16:32, 48:].mean() * weight
    assert float(found[1, 2, 1, 3]) == pytest.approx(float(expected), rel=1e-5)


def test_contrast_does_not_count_for_edges():
    faces = F.avg_pool2d(torch.rand(1, 3, 68, 68, generator=generator_of("x")), 5, 1)
    full, half = (describe(f)[:, : NUMBERS[0]] for f in (faces, 0.5 + 0.5 * (faces - 0.5)))
    assert F.cosine_similarity(full, half) > 0.97


def test_sides_worked_out():
    towards = torch.tensor([[0.6, 0.0, 0.8], [0.0, -0.6, 0.8]])
    expected = torch.tensor([[1.0, 0.6, 0.16, 0.0], [1.0, 0.0, -0.2, -0.6]])
    assert torch.allclose(sides(towards), expected)


# ------------------------------------------------------------------ of real faces


def faces_of(clip):
    places = places_of(Geometry(clip), "face")
    return cut(truth_of(clip), places, SIDE["face"]), places.towards


def test_likeness_is_a_cosine(orbit, walk):
    for clip in (orbit, walk):
        faces, towards = faces_of(clip)
        assert len(faces)
        same = likeness(faces, faces, towards)
        assert torch.allclose(same, torch.ones(len(faces)), atol=1e-5)
        strange = torch.rand(faces.shape, generator=generator_of("strange"))
        assert (likeness(strange, faces, towards).abs() < 0.5).all()


def test_directions(orbit, other):
    def score(made):
        return HOG.function(sample_of(orbit, made, orbit.read().matte))[NAME]

    truth = truth_of(orbit)
    noise = torch.randn(truth.shape, generator=generator_of("noise"))
    blurred = F.avg_pool2d(truth.flatten(0, 1), 3, 1, 1).unflatten(0, (4, 1))
    assert score(truth) == pytest.approx(1.0, abs=1e-5)
    little, much = (score((truth + s * noise).clamp(0, 1)) for s in (0.02, 0.3))
    assert 1 > little > 0.9 and much < little
    assert little > score(blurred) > 0.5
    for spoilt in (truth_of(other), truth.roll(1, 0), truth.roll(2, 0), truth.roll(9, 4),
                   torch.full_like(truth, 0.82)):
        assert score(spoilt) < 0.45


def test_where_no_face_is_seen_there_is_no_score(orbit):
    behind = orbit.select([2])
    assert HOG.function(sample_of(behind)) == {}


# ------------------------------------------------------------------ a network of the user's


class Embedding(nn.Module):
    """Fields of colour; asks for faces in [-1, 1]."""

    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        assert faces.shape[1:] == (3, 112, 112)
        assert bool(faces.min() < 0)
        return F.avg_pool2d(faces, 14).flatten(1)


class Whole(nn.Module):
    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        return faces


class Choosy(nn.Module):
    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        assert faces.shape[-1] == 160
        return faces.flatten(1)


class Broken(nn.Module):
    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        return faces.flatten(1).sub(2).log()


def saved(network: nn.Module, folder) -> str:
    path = folder / "network.pt"
    torch.jit.script(network).save(str(path))
    return str(path)


def test_eyes_lie_where_face_networks_want_them(orbit):
    places = places_of(Geometry(orbit), "eyes")
    assert places.picture.tolist() == [0]
    eyes = orbit.posed().joints[:, [JOINT_INDEX["left_eye"], JOINT_INDEX["right_eye"]]]
    pixels = project_points(eyes, orbit.cameras.K[0], orbit.cameras.T_cam_world[0])
    off = (pixels[0, :, :2].float() - places.centre) / places.side * 112 + 56
    # their left eye is on the right; the template's are at 38.3 and 73.5, 51.6
    assert off[:, 0].tolist() == pytest.approx([73.5, 38.3], abs=1.5)
    assert off[:, 1].tolist() == pytest.approx([51.6, 51.6], abs=1.5)


def test_a_face_network_by_path(orbit, other, tmp_path):
    metric = face_network("fields", saved(Embedding(), tmp_path))
    assert metric.name == "identity[fields]"
    truth = truth_of(orbit)
    assert metric.function(sample_of(orbit))[metric.name] == pytest.approx(1.0, abs=1e-5)
    made = truth_of(other)
    places = places_of(Geometry(orbit), "eyes")
    first, second = (Embedding()(2 * cut(p, places, 112) - 1) for p in (made, truth))
    expected = float((first @ second.T) / (first.norm() * second.norm()))
    assert metric.function(sample_of(orbit, made))[metric.name] == pytest.approx(expected, abs=1e-5)
    assert metric.function(sample_of(orbit.select([2]))) == {}


@pytest.mark.parametrize(
    "network, problem", [(Whole(), "no row of numbers"), (Broken(), "no row of numbers"),
     (Choosy(), "can't be run on faces")]
)
def test_a_network_that_is_none_for_faces(orbit, tmp_path, network, problem):
    metric = face_network("x", saved(network, tmp_path))
    with pytest.raises(InputError, match=problem):
        metric.function(sample_of(orbit))


def test_files_that_are_no_networks(tmp_path):
    with pytest.raises(InputError, match="is not there"):
        face_network("x", tmp_path / "nothing.pt")
    for content in (b"", b"network", bytes(1000)):
        path = tmp_path / "bad.pt"
        path.write_bytes(content)
        with pytest.raises(InputError, match="no TorchScript"):
            face_network("x", path)
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(InputError, match="no TorchScript"):
        face_network("x", path)
