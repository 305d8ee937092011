"""Pictures of a posed person: clean edges, sane colours, the same however they are asked for."""

from __future__ import annotations

import pytest
import torch
from stage_figures import bare, body, plain, skin, skirted

from muybridge.camera import Cameras
from muybridge.errors import InputError
from muybridge.motion import clips
from muybridge.render import composite, rasterize
from muybridge.render.compiled import available
from muybridge.synthetic.figure import Figure
from muybridge.synthetic.layers import Matter
from muybridge.synthetic.light import Light
from muybridge.synthetic.stage import shoot

WHITE = Light(
    direction=(0.0, 0.3, 0.954), key=(0.62, 0.62, 0.62), softness=0.6,
    sky=(0.45, 0.45, 0.45), bounce=(0.35, 0.35, 0.35),
    fill_direction=(0.0, 0.0, 1.0), fill=(0.1, 0.1, 0.1),
    rim_direction=(0.0, 0.0, -1.0), rim=(0.0, 0.0, 0.0),
    floor=(0.5, 0.5, 0.5), backdrop=(0.5, 0.5, 0.5),
)


@pytest.fixture(scope="module")
def scene():
    figure = skirted()
    motion = clips.make("walk", frames=4, rest_joints=figure.body.rest_joints, in_place=True)
    cameras = Cameras.orbit(views=2, frames=4, size=(72, 96), start=25, distance=4.2)
    return figure.posed(motion), cameras


@pytest.fixture(scope="module")
def taken(scene):
    return shoot(*scene, Light.studio())


def test_the_person_is_premultiplied_over_black(taken):
    assert taken.frames.shape == taken.person.shape == (2, 4, 3, 96, 72)
    assert bool((taken.person <= taken.matte + 1e-6).all())
    assert bool((taken.person[taken.matte.expand_as(taken.person) == 0] == 0).all())
    assert 0 < float(taken.matte.mean()) < 0.3
    for values in (taken.frames, taken.person, taken.matte):
        assert float(values.min()) >= 0 and float(values.max()) <= 1


def test_the_matte_is_the_coverage_of_the_mesh(scene, taken):
    posed, cameras = scene
    K = cameras.K[1].clone()
    K[:, :2] *= 2
    seen = rasterize(
        posed.vertices, posed.surface.faces, K, cameras.T_cam_world[1], 192, 144, cull=False
    )
    coverage = seen.mask.float().reshape(4, 96, 2, 72, 2).mean((2, 4))
    # A closed body has no back without a front; only the skirt's and the neck's rims differ.
    assert float((coverage - taken.matte[1, :, 0]).abs().max()) <= 0.25
    assert float((coverage - taken.matte[1, :, 0]).abs().mean()) < 1e-4


def test_edges_hold_the_persons_colour_and_nothing_of_the_ground(taken):
    edge = (taken.matte > 0.2) & (taken.matte < 0.8)
    inner = taken.matte > 0.99
    def brightness(where):
        colour = taken.person / taken.matte.clamp(min=1e-6)
        return float(colour.mean(2, keepdim=True)[where].mean())
    # Rims face away from the key light and are a little darker; a halo would be far off.
    assert 0.7 < brightness(edge) / brightness(inner) < 1.25


def test_the_frames_are_the_person_over_the_studio(scene, taken):
    posed, cameras = scene
    empty = taken.matte == 0
    over = composite(taken.person, taken.matte, taken.frames)
    torch.testing.assert_close(
        over[empty.expand_as(over)], taken.frames[empty.expand_as(over)], rtol=0, atol=0
    )
    without = shoot(posed, cameras, Light.studio(), ground=False)
    assert torch.equal(without.frames, without.person)
    assert torch.equal(without.person, taken.person)


def test_a_person_casts_a_shadow_on_the_floor(scene, taken):
    posed, cameras = scene
    plain_floor = shoot(posed, cameras, Light.studio(), shadows=False)
    off = (taken.matte == 0).expand_as(taken.frames)
    darker = (plain_floor.frames - taken.frames)[off]
    assert float(darker.min()) > -1e-5 and float(darker.max()) > 0.05


@pytest.mark.parametrize("part", [(0, 2), (1, 2), (3, 4)])
def test_chunks_of_frames_are_the_same_to_the_last_bit(scene, taken, part):
    posed, cameras = scene
    some = shoot(posed.slice(*part), cameras.slice(*part), Light.studio())
    assert torch.equal(some.frames, taken.frames[:, slice(*part)])
    assert torch.equal(some.matte, taken.matte[:, slice(*part)])


def test_one_view_is_the_same_to_the_last_bit(scene, taken):
    posed, cameras = scene
    one = shoot(posed, cameras.select([1]), Light.studio())
    assert torch.equal(one.frames[0], taken.frames[1])


@pytest.mark.skipif(not available(), reason="needs numba")
def test_both_rasterisers_give_the_same_picture(scene):
    posed, cameras = scene
    posed, cameras = posed.slice(0, 1), cameras.slice(0, 1)
    a, b = (shoot(posed, cameras, Light.studio(), backend=k) for k in ("torch", "numba"))
    assert torch.equal(a.frames, b.frames) and torch.equal(a.matte, b.matte)


@pytest.mark.parametrize("matter", list(Matter))
def test_white_matter_in_white_light_is_white(matter):
    shaped = body()
    figure = Figure(shaped, [skin(shaped, plain(8, (0.95, 0.95, 0.95), matter))])
    posed = figure.posed(clips.make("idle", frames=1, rest_joints=shaped.rest_joints))
    cameras = Cameras.orbit(views=1, frames=1, size=(48, 96), distance=4.2)
    taken = shoot(posed, cameras, WHITE)
    inside = taken.person[0, 0][:, taken.matte[0, 0, 0] == 1]
    bright = inside.mean(0).quantile(0.7)
    assert 0.85 < float(bright) <= 1.0, "what faces the light"
    if matter != Matter.SKIN:  # light goes round skin redder than it came
        assert float((inside.amax(0) - inside.amin(0)).max()) < 0.02
    assert float((inside.amax(0) - inside.amin(0)).max()) < 0.12


def test_black_matter_stays_dark():
    shaped = body()
    figure = Figure(shaped, [skin(shaped, plain(8, (0.03, 0.03, 0.03), Matter.CLOTH))])
    posed = figure.posed(clips.make("idle", frames=1, rest_joints=shaped.rest_joints))
    cameras = Cameras.orbit(views=1, frames=1, size=(48, 96), distance=4.2)
    taken = shoot(posed, cameras, WHITE)
    inside = taken.person[0, 0][:, taken.matte[0, 0, 0] == 1]
    # 0.03 in sRGB, and what shines off cloth at the edges
    assert float(inside.median()) < 0.15


@pytest.mark.parametrize("number", range(0, 40, 3))
def test_lights_neither_drown_nor_blind(number, scene):
    posed, cameras = scene
    taken = shoot(posed.slice(0, 1), cameras.slice(0, 1), Light.of(number), supersample=1)
    inside = taken.person[0, 0][:, taken.matte[0, 0, 0] == 1]
    assert 0.12 < float(inside.mean()) < 0.8
    assert float((inside > 0.995).float().mean()) < 0.05
    assert Light.of(number) == Light.of(number) != Light.of(number + 1)


def test_nobody_in_sight_gives_an_empty_picture(scene):
    posed, _ = scene
    away = Cameras.static(0.0, frames=4, size=(24, 32), center=(40.0, 0.9, 0.0))
    taken = shoot(posed, away, Light.studio())
    assert float(taken.matte.max()) == 0 and float(taken.person.max()) == 0
    assert float(taken.frames.min()) > 0.1


def test_cameras_of_another_length_are_refused(scene):
    posed, cameras = scene
    with pytest.raises(InputError, match="frames"):
        shoot(posed, cameras.slice(0, 2), Light.studio())
    with pytest.raises(ValueError, match="supersample"):
        shoot(posed, cameras, Light.studio(), supersample=0)


def test_a_bare_body_needs_no_cloth():
    figure = bare()
    motion = clips.make("wave", frames=2, rest_joints=figure.body.rest_joints)
    posed = figure.posed(motion)
    exact = figure.body.pose(motion)
    torch.testing.assert_close(posed.vertices, exact.vertices, rtol=0, atol=1e-5)
