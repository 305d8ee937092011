"""Scissors, sections and paint: the parts that garments are made with."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import pytest
import torch

from muybridge.body import Shape, load_anny
from muybridge.synthetic.canvas import Canvas
from muybridge.synthetic.wardrobe import design, dress
from muybridge.synthetic.wardrobe.charts import lay_out, swatch
from muybridge.synthetic.wardrobe.cutting import Patch, boundary, clip, parted, rimmed
from muybridge.synthetic.wardrobe.drape import tube_faces, zipper
from muybridge.synthetic.wardrobe.dressing import _made
from muybridge.synthetic.wardrobe.fabric import CHEST, measures
from muybridge.synthetic.wardrobe.pattern import pattern
from muybridge.synthetic.wardrobe.piece import Panel
from muybridge.synthetic.wardrobe.prints import EMBLEMS, printed, stamp
from muybridge.synthetic.wardrobe.section import Solid, hang, hull_radius
from muybridge.synthetic.wardrobe.tailor import Tailor


def sheet(count: int = 9) -> Patch:
    """A flat square of one metre, facing +z."""
    line = torch.linspace(0, 1, count)
    x, y = torch.meshgrid(line, line, indexing="ij")
    points = torch.stack([x, y, torch.zeros_like(x)], 2).reshape(-1, 3)
    i = torch.arange(count - 1)
    a = (i[:, None] * count + i).reshape(-1)
    faces = torch.cat([
        torch.stack([a, a + count, a + count + 1], 1), torch.stack([a, a + count + 1, a + 1], 1)
    ])
    number = len(points)
    return Patch(
        points, torch.ones(number, 1), points[:, :1].clone(),
        torch.zeros(number, dtype=torch.long), torch.arange(number), faces,
    )


def area(patch: Patch) -> float:
    a, b, c = (patch.vertices[patch.faces[:, k]] for k in range(3))
    return float(torch.linalg.cross(b - a, c - a)[:, 2].sum()) / 2


def watertight_inside(patch: Patch, allowed) -> bool:
    """Whether all open edges lie where they may."""
    ends = patch.vertices[boundary(patch.faces)]
    return bool(allowed(ends).all())


@pytest.mark.parametrize("place", [0.31, 0.5, 0.503, 0.9])
def test_a_cut_is_straight_and_keeps_the_rest_whole(place):
    patch = sheet()
    field = place - (0.8 * patch.vertices[:, 0] + 0.2 * patch.vertices[:, 1])
    cut = clip(patch, field, 5)
    on_cut = cut.vertices[cut.tag == 5]
    # snapping to corners moves the line by up to 2 % of an edge of 1/8 m
    assert (0.8 * on_cut[:, 0] + 0.2 * on_cut[:, 1] - place).abs().max() < 0.02 / 8
    wanted = 0.0
    for k in range(2000):
        y = (k + 0.5) / 2000
        wanted += min(max((place - 0.2 * y) / 0.8, 0.0), 1.0) / 2000
    assert area(cut) == pytest.approx(wanted, abs=3e-3)

    def open_at(ends):
        square = ((ends[..., :2] - 0.5).abs() > 0.4999).any(-1)
        line = (0.8 * ends[..., 0] + 0.2 * ends[..., 1] - place).abs() < 4e-3
        return (square | line).all(1)

    assert watertight_inside(cut, open_at)
    whole, inside = parted(patch, field)
    assert area(whole) == pytest.approx(1.0, abs=1e-6)
    assert area(whole.select(inside)) == pytest.approx(area(cut), abs=1e-6)
    rim = ((whole.vertices[:, :2] - 0.5).abs() > 0.4999).any(1)
    assert len(boundary(whole.faces)) == int(rim.sum())  # no open edge along the line


def test_fields_are_blended_along_a_cut():
    patch = sheet()
    cut = clip(patch, 0.37 - patch.vertices[:, 0], 1)
    assert (cut.fields[:, 0] - cut.vertices[:, 0]).abs().max() < 1e-6


def test_a_rim_turns_inwards():
    patch = sheet()
    hemmed = rimmed(patch, 0.01)
    added = hemmed.vertices[len(patch.vertices) :]
    assert torch.allclose(added[:, 2], torch.full((32,), -0.01))
    assert len(hemmed.faces) == len(patch.faces) + 64


@pytest.mark.parametrize("closed", [True, False])
def test_a_zipper_joins_rows_without_gaps(closed):
    above = torch.tensor([0.0, 0.3, 1.1, 1.2, 2.9, 4.0, 6.0])
    below = torch.tensor([0.1, 1.1, 1.15, 3.3, 5.5])
    if closed:
        ends = 2 * math.pi
        above, below = above[above < ends], below[below < ends]
    faces = zipper(above, below, closed)
    n, m = len(above), len(below)
    assert len(faces) == n + m - (0 if closed else 2)
    edges = boundary(faces)
    upper = edges[(edges < n).all(1)]
    assert len(upper) == (n if closed else n - 1)
    assert len(edges) - len(upper) == (m if closed else m - 1 + 2)


def test_tubes_face_outwards():
    angle = torch.arange(12) * (2 * math.pi / 12)
    ring = torch.stack([torch.sin(angle), torch.zeros(12), torch.cos(angle)], 1)
    points = torch.cat([ring + torch.tensor([0.0, 1.0, 0.0]), ring])
    a, b, c = (points[tube_faces(2, 12, True)[:, k]] for k in range(3))
    normal = torch.linalg.cross(b - a, c - a)
    assert ((normal * (a + b + c) * torch.tensor([1.0, 0.0, 1.0])).sum(1) > 0).all()


def test_a_hull_spans_what_lies_apart():
    """Around two upright rods the hull is the band between them, however it is measured."""
    rods = torch.tensor([[x, y, 0.0] for x in (-0.2, 0.2) for y in (0.0, 1.0)])
    solid = Solid(rods, torch.tensor([[0, 1], [2, 3]]))
    angles = torch.tensor([0.0, math.pi / 2, math.pi, 1.5 * math.pi])
    radius = hull_radius((solid,), torch.zeros(3), torch.tensor([0.5]), angles)[0]
    assert radius[[1, 3]] == pytest.approx([0.2, 0.2], abs=1e-3)
    assert radius[[0, 2]].max() < 0.02
    assert hull_radius((solid,), torch.zeros(3), torch.tensor([1.5]), angles).max() < 1e-3


def test_cloth_hangs_from_its_widest_ring():
    clear = torch.tensor([[0.2], [0.3], [0.1], [0.1]])
    step = torch.full((4,), 0.1)
    loose = hang(clear, None, step, torch.zeros(4))[:, 0]
    assert loose.tolist() == pytest.approx([0.2, 0.3, 0.3, 0.3])
    fitted = hang(clear, None, step, torch.full((4,), 1.5))[:, 0]
    assert fitted.tolist() == pytest.approx([0.2, 0.3, 0.15, 0.1])
    flared = hang(clear, None, step, torch.full((4,), -0.5))[:, 0]
    assert flared.tolist() == pytest.approx([0.2, 0.3, 0.35, 0.4])


@pytest.fixture(scope="module")
def canvas():
    return Canvas(load_anny().with_shape(Shape(gender=0.3)))


@cache
def tailor_of(canvas):
    return Tailor(canvas)


def cloth_of(canvas, garment, size=256):
    tailor = tailor_of(canvas)
    piece = _made(tailor, garment, tailor.start())
    seen = torch.ones(len(piece.patch.faces), dtype=torch.bool)
    return tailor, swatch(tailor, piece, lay_out(tailor, piece), seen, size)


def tee(**changes):
    plain = replace(
        design("t-shirt", 5), style="tee", sleeve=0.8, neck="round", pattern="plain", print="",
        pockets=False, length=0.05,
    )
    return replace(plain, **changes)


def test_stripes_run_level_around_the_body(canvas):
    garment = tee(pattern="stripes", size=0.06)
    tailor, cloth = cloth_of(canvas, garment)
    around, down = measures(garment, cloth)
    share, _ = pattern(garment, cloth, around, down)
    body = cloth.panel == Panel.BODY
    row = torch.remainder(-cloth.position[body, 1] / cloth.scale, 0.06)
    middle = share[body][(row - 0.03).abs() < 2e-3]
    between = share[body][(row < 2e-3) | (row > 0.058)]
    assert len(middle) > 100 and len(between) > 100
    assert middle.min() > 0.99 and between.max() < 0.01  # all the way round


def test_plaid_keeps_its_scale_around_the_torso(canvas):
    """Once around is as far as the torso's girth, front and back alike."""
    garment = tee(pattern="plaid")
    _, cloth = cloth_of(canvas, garment)
    around, _ = measures(garment, cloth)
    body = cloth.panel == Panel.BODY
    angle = cloth.angle[body]
    assert around[body][(angle - math.pi / 2).abs() < 0.02].mean() > 0.15
    front = around[body][(angle - 0.3).abs() < 0.02].mean()
    assert front == pytest.approx(-float(around[body][(angle + 0.3).abs() < 0.02].mean()), rel=0.1)
    assert around[body].max() == pytest.approx(math.pi * CHEST, rel=0.15)


def test_prints_lie_on_the_chest_and_nowhere_else(canvas):
    garment = tee(print="NOVA")
    tailor, cloth = cloth_of(canvas, garment)
    ink = printed(tailor, garment, cloth)
    assert ink is not None
    place = cloth.position[ink > 0.5]
    assert len(place) > 100
    assert (place[:, 2] > tailor.depth).all()
    assert place[:, 0].abs().max() < 0.17 * tailor.scale
    assert (place[:, 1] - tailor.armpit).abs().max() < 0.12 * tailor.scale
    behind = printed(tailor, replace(garment, print_back=True), cloth)
    assert (cloth.position[behind > 0.5][:, 2] < tailor.depth).all()
    assert printed(tailor, tee(), cloth) is None


@pytest.mark.parametrize("word", ["A", "NOVA", "84", *EMBLEMS])
def test_stamps_have_ink_and_ground(word):
    mask, wide = stamp(word)
    assert 0.02 < float((mask > 0.5).float().mean()) < 0.85
    assert wide == pytest.approx(mask.shape[1] / mask.shape[0])


def test_folds_show_where_arms_bend(canvas):
    layer = dress(canvas, [replace(design("sweater", 4), fabric="jersey", pattern="plain")])[0]
    tailor, cloth = cloth_of(canvas, replace(design("sweater", 4), fabric="jersey"), 512)
    creases = layer.material.creases.reshape(-1)[cloth.index].abs()
    elbow = canvas.head_of("lowerarm01.L")
    near = (cloth.position - elbow).norm(dim=1) < 0.07
    chest = (cloth.position[:, 1] - tailor.armpit).abs() < 0.03
    chest &= cloth.position[:, 0].abs() < 0.06
    assert creases[near].mean() > 0.002  # metres
    assert creases[chest].mean() < 0.3 * creases[near].mean()


def test_soles_have_their_own_colour(canvas):
    garment = replace(
        design("sneakers", 2), style="low", sleeve=0.0, pattern="plain", fabric="leather",
        colours=((0.8, 0.1, 0.1), (0.1, 0.1, 0.8), (0.9, 0.9, 0.9)),
    )
    layer = dress(canvas, [garment])[0]
    _, cloth = cloth_of(canvas, garment)
    colour = layer.material.albedo.reshape(-1, 3)[cloth.index]
    height = cloth.limb / cloth.scale
    sole = colour[(height > 0.008) & (height < 0.016)].mean(0)
    upper = colour[(height > 0.04) & (cloth.angle.abs() > 1.5)].mean(0)
    assert (sole - torch.tensor([0.9, 0.9, 0.9])).abs().max() < 0.1
    assert (upper - torch.tensor([0.8, 0.1, 0.1])).abs().max() < 0.1
