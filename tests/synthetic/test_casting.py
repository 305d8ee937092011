"""Casting, taking and cutting out: numbers of one split, the same pictures, whole assets."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
import torch
from stage_figures import body, skin, skirt

from muybridge.body import Shape
from muybridge.errors import InputError
from muybridge.synthetic.assets import cut_out, only, unmultiplied
from muybridge.synthetic.capture import SETTLE, Setup, Sitter, photographed
from muybridge.synthetic.casting import Cast, arms_out, build_figure, cast, light_of
from muybridge.synthetic.figure import Figure
from muybridge.synthetic.light import Light
from muybridge.synthetic.looks import identity
from muybridge.synthetic.splits import SPLITS, split_of
from muybridge.synthetic.wardrobe import KINDS


@pytest.fixture(scope="module")
def sitter() -> Sitter:
    """Bare but for a skirt, on the built-in woman."""
    shaped = body()
    figure = Figure(shaped, [skin(shaped), skirt(shaped)], detail=64)
    return Sitter(figure, Light.studio(), 3, Shape(gender=1.0))


def test_all_numbers_of_a_cast_are_of_its_split():
    for split in SPLITS:
        for number in range(40):
            who = cast(number, split)
            assert {split_of(n) for n in who.numbers()} == {split}
            assert who == cast(number, split)
            assert Cast.from_dict(json.loads(json.dumps(who.to_dict()))) == who


def test_outfits_are_believable_and_varied():
    kinds: Counter[str] = Counter()
    hats = 0
    for number in range(300):
        who = cast(number, "train")
        worn = [kind for kind, _ in who.garments]
        assert set(worn) <= set(KINDS) and len(set(worn)) == len(worn)
        below = {"trousers", "shorts", "skirt", "dress"} & set(worn)
        assert len(below) == 1
        assert len({"sneakers", "shoes", "boots"} & set(worn)) == 1
        assert below == {"dress"} or {"t-shirt", "shirt", "sweater", "hoodie"} & set(worn)
        if below & {"skirt", "dress"}:
            assert identity(who.identity).female
        kinds.update(worn)
        hats += who.hat is not None
    assert set(kinds) == set(KINDS)
    assert min(kinds.values()) > 4 and 25 < hats < 75


def test_stout_people_and_thick_coats_hold_their_arms_out():
    casts = [cast(n, "train") for n in range(120)]
    heavy = [w for w in casts if identity(w.identity).shape.weight > 0.8]
    light = [w for w in casts if identity(w.identity).shape.weight < 0.5
             and {k for k, _ in w.garments} <= {"t-shirt", "trousers", "shorts", "sneakers"}]
    assert min(map(arms_out, heavy)) > 4.0 and max(map(arms_out, light)) == 0.0
    coats = [w for w in casts if "coat" in dict(w.garments)]
    assert min(map(arms_out, coats)) >= 5.0


@pytest.mark.parametrize("change", [
    {"identity": "me"}, {"garments": [["shirt"]]}, {"light": None}, {"hat": "x"}, {"split": "test"},
    {"identity": 9}, {"identity": -10},
])
def test_what_is_no_cast(change):
    data = cast(0, "train").to_dict() | change
    with pytest.raises(InputError):
        Cast.from_dict(data)
    with pytest.raises(InputError):
        Cast.from_dict({})


def test_a_set_up_survives_json_and_nonsense_is_refused():
    setup = Setup("grid", 7, 12, 3, 4, "30000/1001", (48, 64))
    assert Setup.from_dict(json.loads(json.dumps(setup.to_dict()))) == setup
    for change in ({"rig": "moon"}, {"views": 0}, {"fps": "1/0"}, {"size": [3]}, {"motion": "x"}):
        with pytest.raises(InputError):
            Setup.from_dict(setup.to_dict() | change)


def test_a_take_is_what_its_set_up_says(sitter):
    setup = Setup("grid", 7, 12, 2, 3, "12", (48, 64))
    taken = sitter.take(setup)
    assert taken.rgb.shape == (2, 3, 64, 48, 3) and taken.matte.shape == (2, 3, 64, 48)
    assert taken.rgb.dtype == taken.matte.dtype == np.uint8
    assert (taken.cameras.views, taken.cameras.frames, taken.motion.frames) == (2, 3, 3)
    # premultiplied: nothing outside of the matte, nothing brighter than it
    assert (taken.rgb.max(-1) <= taken.matte).all()
    assert 0.02 < (taken.matte > 127).mean() < 0.6
    again = sitter.take(setup)
    assert (taken.rgb == again.rgb).all() and (taken.matte == again.matte).all()


def test_the_body_stands_in_the_pictures(sitter):
    from muybridge.body import load_body
    from muybridge.render import part_map

    taken = sitter.take(Setup("fixed", 4, 6, 1, 2, "12", (96, 128)))
    posed = load_body().with_shape(sitter.shape).pose(taken.motion)
    naked = (part_map(posed, taken.cameras) > 0)[:, :, 0].numpy()
    shown = taken.matte > 100
    assert (naked & ~shown).sum() < 0.04 * naked.sum()  # the skirt covers, nothing is missing
    assert (naked & shown).sum() / (naked | shown).sum() > 0.6


def test_a_motion_begins_before_its_first_picture(sitter):
    setup = Setup("fixed", 4, 6, 1, 3, "12", (48, 64))
    played, before = sitter.played(setup)
    assert (played.frames, before) == (3 + SETTLE, SETTLE)
    posed, motion, _ = sitter.staged(setup)
    assert torch.equal(motion.root_position, played.root_position[SETTLE:])
    assert torch.equal(posed.vertices, sitter.figure.posed(played).vertices[SETTLE:])


def test_standing_still_has_one_frame(sitter):
    with pytest.raises(InputError, match="3 frames of standing still"):
        sitter.take(Setup("orbit", 1, None, 2, 3, "12", (48, 64)))


def test_assets_show_one_role_each_and_the_face_the_head(sitter):
    posed, _, cameras = sitter.staged(Setup("reference", 3, None, 2, 1, "24", (48, 64)))
    made = {a.name: a for a in cut_out(sitter.figure, posed, cameras, sitter.light, 64)}
    assert set(made) == {"face-front", "lower-front", "lower-back"}
    whole, matte = photographed(posed, cameras, sitter.light)
    for asset in made.values():
        assert max(asset.rgba.shape[:2]) == 64 and asset.rgba.shape[2] == 4
        left, top, right, bottom = asset.box
        assert -3 < left < right < 51 and -3 < top < bottom < 67
        alpha = asset.rgba[..., 3]
        # it fills its picture up to the margin, and does not touch the border
        if asset.name != "face-front":
            assert alpha[0].max() == 0 and alpha[-1].max() == 0
        rows = np.flatnonzero(alpha.max(1) > 127)
        assert rows[-1] - rows[0] > 0.7 * asset.rgba.shape[0]
    left, top, right, bottom = made["face-front"].box
    assert bottom < 64 * 0.4  # the head is in the upper part of the picture
    # only the skirt is in its picture: its colour is not the skin's
    skirt_rgba, face = made["lower-front"].rgba, made["face-front"].rgba
    colours = [p[p[..., 3] > 200][:, :3].mean(0) for p in (skirt_rgba, face)]
    assert np.abs(colours[0] / colours[0].sum() - colours[1] / colours[1].sum()).max() > 0.05


def test_one_layer_alone_is_lit_as_in_company(sitter):
    posed, _, cameras = sitter.staged(Setup("reference", 3, None, 2, 1, "24", (48, 64)))
    both = only(posed, [0, 1])
    for x, y in zip(photographed(posed, cameras, sitter.light),
                    photographed(both, cameras, sitter.light), strict=True):
        assert (x == y).all()
    alone = photographed(only(posed, [1]), cameras, sitter.light)
    whole = photographed(posed, cameras, sitter.light)
    inside = alone[1] == 255
    apart = np.abs(alone[0].astype(int) - whole[0].astype(int)).max(-1)[inside]
    assert inside.sum() > 30 and np.median(apart) <= 8  # shadows of what is left out go


def test_colours_under_a_matte_come_back():
    rng = np.random.default_rng(0)
    matte = rng.integers(0, 256, (20, 20)).astype(np.uint8)
    colour = rng.integers(0, 256, (20, 20, 3))
    rgb = np.rint(colour * (matte[..., None] / 255)).astype(np.uint8)
    out = unmultiplied(rgb, matte)
    solid = matte > 100
    assert np.abs(out[..., :3].astype(int) - colour)[solid].max() <= 2
    assert (out[..., 3] == matte).all() and out[matte == 0].max() == 0


def test_a_whole_person_can_be_built_and_taken():
    who = cast(3, "test")
    figure = build_figure(who, 128)
    person = Sitter(figure, light_of(who), who.identity, identity(who.identity).shape,
                    arms_out(who), who.to_dict())
    roles = {layer.role for layer in figure.layers}
    assert {"skin", "shoes"} <= roles and roles & {"lower", "full"}
    taken = person.take(Setup("reference", who.identity, None, 2, 1, "24", (48, 64)))
    front, back = taken.matte[:, 0] > 127
    assert 200 < front.sum() < 1200 and 200 < back.sum() < 1200
    assert figure.parameters == who.to_dict()
