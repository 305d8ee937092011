"""Hair: every style on every head, outside of skull and shoulders."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from muybridge.body import Shape
from muybridge.synthetic.layers import Matter
from muybridge.synthetic.looks import STYLES, canvas_of, hair_layers, identity
from muybridge.synthetic.looks.hairline import Hairline
from muybridge.synthetic.looks.head import Head, plan, unit
from muybridge.synthetic.looks.identity import HairLook

GROOMED = [style for style in STYLES if style not in ("bald", "buzz")]
SMALL = Shape(gender=0.9, age=0.55, height=0.1, weight=0.2, muscle=0.3, proportions=0.3)
LARGE = Shape(gender=0.0, age=0.85, height=0.9, weight=0.95, muscle=0.9, proportions=0.8)


def person_with(style: str, shape: Shape | None = None, number: int = 4, **hair):
    """Somebody with hair of a style."""
    person = identity(number)
    look: HairLook = replace(
        person.hair, style=style, thinning=0.0, receding=0.1, **hair
    )
    beard = replace(person.beard, style="none")
    return replace(person, shape=shape or person.shape, hair=look, beard=beard)


@pytest.fixture(scope="module")
def dressed():
    """Hair of every style on one head."""
    canvas = canvas_of(identity(4))
    return Head.of(canvas), {s: hair_layers(canvas, person_with(s)) for s in STYLES}


def check(layer, bones: int, triangles: int) -> None:
    """What holds of every layer."""
    assert layer.role == "hair" and layer.material.matter == Matter.HAIR
    assert layer.vertices.isfinite().all()
    assert layer.faces.min() >= 0 and layer.faces.max() < len(layer.vertices)
    assert layer.faces_uv.max() < len(layer.uv)
    assert layer.faces_uv.shape == layer.faces.shape
    assert layer.uv.min() >= 0 and layer.uv.max() <= 1
    assert layer.weights.shape == (len(layer.vertices), bones)
    assert torch.allclose(layer.weights.sum(1), torch.ones(len(layer.vertices)), atol=1e-4)
    assert layer.slack.min() >= 0 and layer.slack.max() <= 1
    assert len(layer.hides) == triangles
    for plane in (layer.material.albedo, layer.material.gloss):
        assert plane.isfinite().all() and plane.min() >= 0 and plane.max() <= 1
    assert layer.material.relief.isfinite().all()


def test_layers_are_as_the_contract_says(dressed):
    head, styles = dressed
    for style, layers in styles.items():
        assert bool(layers) == (style != "bald")
        for layer in layers:
            check(layer, len(head.canvas.body.rig.bones), len(head.canvas.faces))
        assert sum(len(layer.faces) for layer in layers) <= 8000


@pytest.fixture(scope="module", params=[SMALL, LARGE], ids=["small", "large"])
def extreme(request):
    """A very small and a very large person."""
    return request.param, canvas_of(person_with("bald", request.param))


@pytest.mark.parametrize("style", STYLES)
def test_every_style_fits_every_head(extreme, style):
    shape, canvas = extreme
    person = person_with(style, shape, length=1.0, volume=1.0, curl=0.8, fringe=1.0)
    head = Head.of(canvas)
    for layer in hair_layers(canvas, person):
        check(layer, len(canvas.body.rig.bones), len(canvas.faces))
        local = head.local(layer.vertices)
        assert local.norm(dim=1).max() < 0.9, "nothing flies off"


def test_hair_is_the_same_every_time(dressed):
    head, styles = dressed
    for style in ("curly", "afro", "ponytail"):
        again = hair_layers(head.canvas, person_with(style))
        for one, other in zip(styles[style], again, strict=True):
            assert torch.equal(one.vertices, other.vertices)
            assert torch.equal(one.material.albedo, other.material.albedo)


@pytest.mark.parametrize("style", GROOMED)
def test_locks_lie_outside_of_the_skull(dressed, style):
    """But for the roots and the cap's border, which are meant to vanish in the skin."""
    head, styles = dressed
    line = Hairline.of(head, person_with(style).hair, identity(4).female)
    for layer in styles[style]:
        away = layer.vertices - head.centre
        radius = away.norm(dim=1)
        above = layer.vertices[:, 1] > head.eyes[1]
        over = radius - head.radius(away / radius[:, None])
        assert over[above].min() > -0.012 * head.scale
        well = above & (line.depth(layer.vertices, ragged=0.0) > 0.02 * head.scale)
        assert (over[well] > -0.001).float().mean() > 0.97


@pytest.mark.parametrize("style", ["long", "bob", "ponytail", "braids"])
def test_hanging_hair_leaves_room_for_clothes(dressed, style):
    """Locks keep about two centimetres off shoulders, chest and back."""
    head, styles = dressed
    canvas = head.canvas
    layer = styles[style][-1]
    shoulder = float(canvas.head_of("shoulder01.L")[1])
    low = layer.vertices[:, 1] < shoulder
    if style == "bob" or not low.any():
        low = layer.vertices[:, 1] < shoulder + 0.05
    points = layer.vertices[low]
    skin = (canvas.share_of("arm") < 0.5).nonzero()[:, 0]
    near = torch.cdist(points, canvas.vertices[skin]).argmin(1)
    height = ((points - canvas.vertices[skin][near]) * canvas.normals[skin][near]).sum(1)
    assert height.min() > -0.004
    assert (height > 0.010).float().mean() > 0.93


def test_long_hair_follows_head_and_back(dressed):
    """Above the ears all hangs on the head; at its ends on the trunk as well, and swings."""
    head, styles = dressed
    layer = styles["long"][-1]
    bone = head.canvas.body.rig.bones.index("head")
    top = layer.vertices[:, 1] > head.ear_tops[0]
    assert layer.weights[top, bone].min() == 1
    low = layer.vertices[:, 1].argmin()
    assert layer.weights[low, bone] < 0.5
    assert layer.slack[low] > 0.6
    assert layer.slack[top].max() == 0
    assert layer.two_sided


def test_the_face_stays_free(dressed):
    """No lock of long hair hangs before eyes, nose and mouth."""
    head, styles = dressed
    for style in ("long", "bob", "curly"):
        person = person_with(style, fringe=0.0, curl=0.2)
        points = head.local(hair_layers(head.canvas, person)[-1].vertices)
        before = (points[:, 0].abs() < 0.030) & (points[:, 1] < 0.0) & (points[:, 1] > -0.11)
        assert not (before & (points[:, 2] > -0.01)).any(), style


def test_styles_look_different(dressed):
    """Silhouettes: how far hair reaches out and down tells the styles apart."""
    head, styles = dressed
    reach = {}
    for style, layers in styles.items():
        if layers:
            points = head.local(torch.cat([layer.vertices for layer in layers]))
            reach[style] = (float(points[:, 1].min()), float(points[:, 1].max()))
    assert reach["long"][0] < reach["bob"][0] - 0.08 < reach["short"][0] - 0.08
    assert reach["afro"][1] > reach["short"][1] + 0.01 > reach["buzz"][1] + 0.015


def test_the_hairline_runs_round_the_scalp():
    """Forehead and ears are free, the crown is not; a receding line leaves more forehead."""
    canvas = canvas_of(identity(4))
    head = Head.of(canvas)
    look = person_with("short").hair
    line = Hairline.of(head, look, True)
    crown = head.place(torch.tensor([[0.0, 1.0, 0.0]]))
    assert line.depth(crown) > 0.05
    for name in ("nose_tip", "chin", "brow_left", "cheekbone_right"):
        assert line.depth(head.point(name)[None]) < -0.015, name
    ears = canvas.vertices[plan().ears > 0.9]
    ears = ears[ears[:, 2] > ears[:, 2].median()]
    # seen from the middle, hair begins behind an ear's rear half
    assert (line.depth(ears, ragged=0.0) < 0.004).float().mean() > 0.95
    far = Hairline.of(head, replace(look, receding=1.0), True)
    front = torch.tensor([0.0, 0.45, -0.45])
    assert (far.limit(front) < line.limit(front) - 0.03).all()
    directions = unit(torch.linspace(-3, 3, 50), line.limit(torch.linspace(-3, 3, 50)))
    on_line = line.depth(head.place(directions), ragged=0.0)
    assert on_line.abs().max() < 0.002


def test_what_the_cap_hides_is_below_it(dressed):
    head, styles = dressed
    layer = styles["short"][0]
    assert layer.hides.sum() > 150
    hidden = head.canvas.faces[layer.hides].unique()
    away = head.canvas.vertices[hidden] - head.centre
    outer = F.normalize(layer.vertices - head.centre, dim=1)
    near = (F.normalize(away, dim=1) @ outer.T).argmax(1)
    cap = (layer.vertices[near] - head.centre).norm(dim=1)
    assert (cap > away.norm(dim=1)).all()


@pytest.mark.parametrize("style", ["moustache", "goatee", "full"])
def test_beards_cover_jaws_not_lips(style):
    person = identity(2)
    person = replace(
        person, hair=replace(person.hair, style="bald"),
        beard=replace(person.beard, style=style, length=0.7, density=1.0),
    )
    canvas = canvas_of(person)
    (beard,) = hair_layers(canvas, person)
    check(beard, len(canvas.body.rig.bones), len(canvas.faces))
    head = Head.of(canvas)
    lips = canvas.vertices[plan().lips > 0.9]
    near = torch.cdist(lips, beard.vertices).argmin(1)
    ahead = (beard.vertices[near] - lips)[:, 2] > 0.003 * head.scale
    assert ahead.float().mean() < 0.1
    chin = torch.cdist(head.point("chin")[None], beard.vertices).min()
    assert (chin < 0.03) == (style != "moustache")
