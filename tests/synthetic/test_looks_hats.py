"""Hats: over the hair, over the skull, every kind."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, replace

import pytest
import torch
import torch.nn.functional as F

from muybridge.render import sample_texture
from muybridge.synthetic.layers import Matter
from muybridge.synthetic.looks import HATS, STYLES, canvas_of, hair_layers, hat, identity
from muybridge.synthetic.looks.hats import Worn
from muybridge.synthetic.looks.head import Head, disc

DESIGNS = [hat(number) for number in range(200)]


def first(kind: str):
    """A hat of a kind."""
    return next(h for h in DESIGNS if h.kind == kind)


@pytest.fixture(scope="module")
def head():
    """Somebody's head."""
    return Head.of(canvas_of(identity(4)))


def test_the_same_number_is_the_same_hat():
    assert hat(5) == hat(5)
    assert len(set(DESIGNS)) == len(DESIGNS)
    told = json.loads(json.dumps(asdict(hat(5))))
    assert told["kind"] == hat(5).kind


def test_hats_are_mixed():
    kinds = Counter(h.kind for h in DESIGNS)
    assert set(kinds) == set(HATS)
    assert min(kinds.values()) > 25
    assert len({h.colour for h in DESIGNS}) > 8
    assert 0.2 < sum(bool(h.logo) for h in DESIGNS) / len(DESIGNS) < 0.8


@pytest.mark.parametrize("number", range(8))
def test_layers_are_as_the_contract_says(head, number):
    layer = Worn.on(head, hat(number)).layer
    assert layer.role == "hat" and layer.name in HATS
    assert layer.material.matter == Matter.CLOTH
    assert layer.faces.max() < len(layer.vertices) and layer.faces_uv.max() < len(layer.uv)
    assert layer.uv.min() >= 0 and layer.uv.max() <= 1
    assert torch.allclose(layer.weights.sum(1), torch.ones(len(layer.vertices)))
    assert layer.material.albedo.min() >= 0 and layer.material.albedo.max() <= 1
    assert len(layer.faces) < 2000
    assert layer.hides.sum() > 100


@pytest.mark.parametrize("kind", HATS)
def test_a_hat_lies_over_the_skull(head, kind):
    layer = Worn.on(head, first(kind)).layer
    away = layer.vertices - head.centre
    radius = away.norm(dim=1)
    over = radius - head.radius(away / radius[:, None])
    assert over.min() > 0.002
    eyes = head.eyes[1] + 0.02 * head.scale
    before = (away[:, 2] > 0.05) & (away[:, 0].abs() < 0.05)
    assert (layer.vertices[before, 1] > eyes).all(), "the eyes are free"


@pytest.mark.parametrize(
    ("kind", "style"),
    [("cap", style) for style in STYLES]
    + [(kind, style) for kind in ("beanie", "brimmed") for style in ("short", "afro", "long")],
)
def test_no_hair_comes_through_a_hat(head, kind, style):
    person = identity(4)
    person = replace(person, hair=replace(person.hair, style=style, volume=1.0, length=1.0))
    design = first(kind)
    layers = hair_layers(head.canvas, person, design)
    assert layers[-1].role == "hat"
    worn = Worn.on(head, design)
    for layer in layers[:-1]:
        used = layer.vertices[layer.faces.unique()]
        direction = F.normalize(used - head.centre, dim=1)
        place = disc(direction)
        under = sample_texture(worn.covered[..., None], place)[..., 0] > 0.99
        most = sample_texture(worn.radius[..., None], place)[..., 0]
        outside = (used - head.centre).norm(dim=1) - most
        assert (outside[under] < -0.001).all()


def test_hats_differ_where_designs_do(head):
    one, other = first("cap"), replace(first("cap"), colour=(0.1, 0.9, 0.1), logo="")
    a, b = Worn.on(head, one).layer, Worn.on(head, other).layer
    assert (a.material.albedo - b.material.albedo).abs().max() > 0.3
    turned = Worn.on(head, replace(one, backwards=not one.backwards)).layer
    ahead = (turned.vertices[:, 2].max() - a.vertices[:, 2].max()).abs()
    assert ahead > 0.03
