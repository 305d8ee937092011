"""Garments fit every body, lie over one another, and are what their numbers say."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from functools import cache

import pytest
import torch

from muybridge.body import Shape, load_anny
from muybridge.errors import InputError
from muybridge.synthetic.canvas import Canvas
from muybridge.synthetic.wardrobe import KINDS, design, dress
from muybridge.synthetic.wardrobe.cutting import boundary
from muybridge.synthetic.wardrobe.dressing import _in_order, _made
from muybridge.synthetic.wardrobe.tailor import Tailor

SHAPES = {
    "woman": Shape(gender=0.95, weight=0.45, height=0.4, muscle=0.4),
    "heavy man": Shape(gender=0.05, weight=0.95, height=0.5),
    "thin and tall": Shape(gender=0.1, weight=0.1, height=0.95),
    "heavy and short": Shape(gender=0.9, weight=0.95, height=0.1),
}


@pytest.fixture(scope="module")
def canvases():
    body = load_anny()
    return {name: Canvas(body.with_shape(shape)) for name, shape in SHAPES.items()}


@pytest.fixture(scope="module")
def dressed(canvases):
    """A few whole outfits, on different bodies."""
    outfits = {
        "woman": ("dress", "boots"),
        "heavy man": ("t-shirt", "jacket", "trousers", "sneakers"),
        "heavy and short": ("shirt", "coat", "skirt"),
    }
    return {
        name: (canvases[name], dress(canvases[name], [design(kind, 4) for kind in outfit]))
        for name, outfit in outfits.items()
    }


@cache
def tailor_of(canvas):
    return Tailor(canvas)


def made(canvas, kind, number=2, **changes):
    tailor = tailor_of(canvas)
    return tailor, _made(tailor, replace(design(kind, number), **changes), tailor.start())


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for k, kind in enumerate(KINDS) for j, name in enumerate(SHAPES)
     if j == 1 or (k + j) % 3],
)
def test_every_kind_is_made_for_every_body(canvases, name, kind):
    canvas = canvases[name]
    tailor, piece = made(canvas, kind)
    patch = piece.patch
    assert torch.isfinite(patch.vertices).all()
    assert 700 < len(patch.faces) < 11_000
    assert int(patch.faces.max()) < len(patch.vertices)
    assert (patch.weights.sum(1) - 1).abs().max() < 1e-4
    assert patch.weights.min() >= 0
    assert len(piece.panel) == len(patch.faces)
    assert float(piece.slack.min()) >= 0 and float(piece.slack.max()) <= 1
    assert patch.vertices[:, 1].min() > tailor.sole - 0.005
    # no edge belongs to three triangles, and no triangle is a stray giant
    edges = torch.cat([patch.faces[:, [0, 1]], patch.faces[:, [1, 2]], patch.faces[:, [2, 0]]])
    key = edges.amin(1) * len(patch.vertices) + edges.amax(1)
    assert key.unique(return_counts=True)[1].max() <= 2
    length = (patch.vertices[edges[:, 0]] - patch.vertices[edges[:, 1]]).norm(dim=1)
    assert length.max() < 0.22  # metres: half a sole


@pytest.mark.parametrize("kind", ["t-shirt", "sweater", "coat", "dress", "skirt", "trousers"])
def test_cloth_is_outside_the_body_in_the_bind_pose(canvases, kind):
    """Only inward-turned rims come nearer than the gap; none but a few vertices lie inside."""
    for name in ("woman", "heavy man"):
        canvas = canvases[name]
        tailor, piece = made(canvas, kind)
        points = piece.patch.vertices
        body = (tailor.head < 0.5).nonzero().squeeze(1)
        near = body[torch.cdist(points, canvas.vertices[body]).argmin(1)]
        height = ((points - canvas.vertices[near]) * canvas.normals[near]).sum(1)
        assert (height < 0).float().mean() < 0.02
        assert (height > 0.0012).float().mean() > 0.96


def test_open_edges_are_only_where_openings_are(canvases):
    """Trousers end at waist and ankles, a closed t-shirt at neck, sleeves and hem."""
    canvas = canvases["woman"]
    tailor, piece = made(canvas, "trousers", style="jeans", length=1.8)
    ends = piece.patch.vertices[boundary(piece.patch.faces).unique()][:, 1]
    waist = tailor.hip + piece.design.waist * tailor.scale
    low = tailor.ankle + 0.2 * tailor.scale
    assert ((ends - waist).abs() < 0.03).logical_or(ends < low).all()
    tailor, piece = made(canvas, "t-shirt", style="tee", sleeve=0.7, neck="round", length=0.05)
    ends = piece.patch.vertices[boundary(piece.patch.faces).unique()]
    hem = tailor.hip - 0.05 * tailor.scale
    at_hem = (ends[:, 1] - hem).abs() < 0.01
    at_neck = (ends - tailor.neck).norm(dim=1) < 0.16 * tailor.scale
    at_sleeve = ends[:, 0].abs() > tailor.shoulder[0]
    assert (at_hem | at_neck | at_sleeve).all()
    assert at_hem.sum() > 60 and at_neck.sum() > 20 and at_sleeve.sum() > 30


def test_a_hem_is_level_and_closed_around_both_legs(canvases):
    """A shirt's hem below the crotch is one ring, not two trouser legs."""
    canvas = canvases["heavy man"]
    tailor, piece = made(canvas, "t-shirt", style="tee", length=0.14)
    points = piece.patch.vertices
    hem = tailor.hip - 0.14 * tailor.scale
    assert hem < tailor.crotch
    ring = points[(points[:, 1] - hem).abs() < 1e-4]
    angle = torch.atan2(ring[:, 0], ring[:, 2] - tailor.depth).sort().values
    assert angle.diff().max() < 0.2  # radians: no gap between the legs


def test_layers_lie_outward_in_order(canvases):
    canvas = canvases["woman"]
    tailor = tailor_of(canvas)
    worn = tailor.start()
    before = worn.occupied
    order = _in_order([design(kind, 11) for kind in ("coat", "t-shirt", "sweater")])
    assert [garment.kind for garment in order] == ["t-shirt", "sweater", "coat"]
    for garment in order:
        piece = _made(tailor, garment, worn)
        worn = piece.worn
        chest = (tailor.vertices[:, 1] > tailor.armpit) & (tailor.arm < 0.05)
        chest &= piece.cover > 0.01
        assert chest.sum() > 50
        assert (worn.occupied[chest] - before[chest]).min() > 0.003
        before = worn.occupied


def test_tucked_shirts_end_under_the_waistband(canvases):
    canvas = canvases["thin and tall"]
    shirt = replace(design("shirt", 1), tucked=True)
    trousers = design("trousers", 1)
    order = _in_order([shirt, trousers])
    assert [d.kind for d in order] == ["shirt", "trousers"]
    assert [d.kind for d in _in_order([replace(shirt, tucked=False), trousers])] == [
        "trousers", "shirt"
    ]
    tailor = tailor_of(canvas)
    inner = _made(tailor, order[0], tailor.start())
    outer = _made(tailor, order[1], inner.worn)
    overlap = outer.patch.vertices[:, 1].max() - inner.patch.vertices[:, 1].min()
    assert 0.02 < overlap < 0.1  # metres: hidden by the waistband, and no more


def test_layers_keep_their_contract(dressed):
    for canvas, layers in dressed.values():
        total = 0
        for layer in layers:
            total += len(layer.faces)
            assert layer.faces.shape == layer.faces_uv.shape
            assert float(layer.uv.min()) >= 0 and float(layer.uv.max()) <= 1
            assert int(layer.faces_uv.max()) < len(layer.uv)
            assert (layer.weights.sum(1) - 1).abs().max() < 1e-4
            assert len(layer.hides) == len(canvas.faces)
            size = layer.material.albedo.shape[0]
            assert layer.material.albedo.shape == (size, size, 3)
            assert layer.material.albedo.min() >= 0 and layer.material.albedo.max() <= 1
            assert layer.material.gloss.min() >= 0 and layer.material.gloss.max() <= 1
            assert layer.material.relief.abs().max() < 0.04  # metres: quilts are thickest
            assert layer.material.creases.abs().max() < 0.03
        assert total < 20_000
        assert torch.stack([layer.hides for layer in layers]).any(0).float().mean() > 0.1


def test_texels_are_shared_by_no_two_panels(dressed):
    """Each point of the texture belongs to at most one triangle, but on shared shoes."""
    from muybridge.render import rasterize_pixels

    for _, layers in dressed.values():
        for layer in layers:
            if layer.role == "shoes":
                continue
            a, b, c = (layer.uv[layer.faces_uv[:, k]] for k in range(3))
            p, q = b - a, c - a
            area = (p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).abs().sum() / 2
            place = torch.cat([layer.uv * 256, torch.ones(len(layer.uv), 1)], 1)
            seen = rasterize_pixels(place[None], layer.faces_uv, 256, 256).mask.float().mean()
            # triangles that run into the margin beyond the seam, rims and folds lie double
            assert area < 1.35 * seen


def test_the_same_number_is_the_same_garment(canvases):
    canvas = canvases["woman"]
    first, again = (dress(canvas, [design("shorts", 21)])[0] for _ in range(2))
    for name in ("vertices", "weights", "faces", "uv", "slack"):
        assert torch.equal(getattr(first, name), getattr(again, name))
    assert torch.equal(first.material.albedo, again.material.albedo)
    other = dress(canvas, [design("shorts", 22)])[0]
    assert not torch.equal(first.material.albedo, other.material.albedo)


def test_designs_vary_and_are_json():
    for kind in KINDS:
        designs = [design(kind, number) for number in range(60)]
        assert len({d.colours for d in designs}) > 55
        assert len({d.style for d in designs}) >= (1 if kind == "sweater" else 2)
        for d in designs:
            assert json.loads(json.dumps(asdict(d)))["number"] == d.number
            assert all(0 <= v <= 1 for colour in d.colours for v in colour)
    assert design("coat", 5) == design("coat", 5)


@pytest.mark.parametrize(("kind", "number"), [("cape", 1), ("", 0), ("shirt", -1)])
def test_what_is_no_garment_is_refused(kind, number):
    with pytest.raises(InputError):
        design(kind, number)


def test_an_open_jacket_over_nothing_is_closed():
    open_jacket = replace(design("jacket", 3), opening=0.05)
    assert _in_order([open_jacket])[0].opening == 0
    both = _in_order([open_jacket, design("t-shirt", 3)])
    assert [d.opening for d in both] == [0.0, 0.05]
