"""Figures: layers merged, hidden skin left out, faces that move, folds, textures, openness."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from stage_figures import bare, body, plain, skin, skirt

from muybridge.errors import InputError
from muybridge.motion import Motion, clips
from muybridge.render import vertex_normals
from muybridge.synthetic.figure import Figure
from muybridge.synthetic.layers import Material, Matter
from muybridge.synthetic.occlusion import ambient_occlusion
from muybridge.synthetic.textures import (
    LEVELS,
    linear_to_srgb,
    srgb_to_linear,
    stack_textures,
)


@pytest.fixture(scope="module")
def shaped():
    return body()


def test_what_layers_hide_is_left_out_of_the_skin(shaped):
    hidden = shaped.bind_vertices[shaped.mesh.faces, 1].amax(1) < 0
    garment = replace(skirt(shaped), hides=hidden)
    figure = Figure(shaped, [skin(shaped), garment])
    shown = len(shaped.mesh.faces) - int(hidden.sum())
    assert len(figure.surface.faces) == shown + len(garment.faces)
    assert len(figure.layers[0].vertices) < len(shaped.bind_vertices)
    assert float(figure.layers[0].vertices[:, 1].min()) > -0.1, "its vertices are gone too"
    assert int(figure.surface.faces.max()) < len(figure.bind_vertices)


def test_skin_in_another_order_of_triangles_is_hidden_too(shaped):
    hidden = shaped.bind_vertices[shaped.mesh.faces, 1].amax(1) < 0
    whole = skin(shaped)
    part = torch.arange(0, len(whole.faces), 2)
    some = replace(whole, faces=whole.faces[part], faces_uv=whole.faces_uv[part])
    figure = Figure(shaped, [some, replace(skirt(shaped), hides=hidden)])
    assert len(figure.layers[0].faces) == int((~hidden[part]).sum())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda layer: replace(layer, weights=layer.weights[:, :-1]),
        lambda layer: replace(layer, hides=layer.hides[:-1]),
    ],
)
def test_layers_of_another_body_are_refused(shaped, spoil):
    with pytest.raises(InputError, match="make the layer on this body"):
        Figure(shaped, [spoil(skin(shaped))])


def test_a_figure_of_nothing_is_refused(shaped):
    with pytest.raises(InputError, match="layers"):
        Figure(shaped, [])


def test_the_face_moves_as_the_bodys_own():
    figure = bare()
    motion = clips.make("idle", frames=3, rest_joints=figure.body.rest_joints)
    face = {"jawOpen": torch.tensor([0.0, 0.5, 1.0]), "eyeBlinkLeft": torch.ones(3)}
    posed = figure.posed(replace(motion, face=face))
    exact = figure.body.pose(motion, face=face)
    torch.testing.assert_close(posed.vertices, exact.vertices, rtol=0, atol=2e-5)
    closed = figure.posed(replace(motion, face={}))
    assert float((closed.vertices - posed.vertices)[2].norm(dim=1).max()) > 0.005


def test_bent_joints_show_folds_and_straight_ones_do_not():
    figure = bare()
    names = figure.body.rig.bones
    elbow = figure.body.bind_heads[names.index("lowerarm01.L")]
    knee = figure.body.bind_heads[names.index("lowerleg01.L")]
    squat = clips.make("squat", frames=9, rest_joints=figure.body.rest_joints)
    bend = figure.posed(squat).bend
    assert bend.shape == (9, len(figure.bind_vertices))
    assert float(bend.min()) >= 0 and float(bend.max()) <= 1
    at_knee = (figure.bind_vertices - knee).norm(dim=1).argmin()
    at_elbow = (figure.bind_vertices - elbow).norm(dim=1).argmin()
    low = int(squat.root_position[:, 1].argmin())
    assert float(bend[low, at_knee]) > 0.7 > 0.2 > float(bend[0, at_knee])
    straight = figure.posed(Motion.still()).bend[0]
    assert float(straight[at_elbow]) < 0.2


def test_normals_and_slopes_of_a_surface():
    figure = bare()
    vertices = figure.posed(clips.make("wave", frames=2)).vertices[1]
    normals, slopes = figure.surface.normals_and_slopes(vertices)
    expected = vertex_normals(vertices[None], figure.surface.faces)[0]
    torch.testing.assert_close(normals, expected, rtol=0, atol=1e-4)
    # along a triangle's edge, u and v rise by what the corners differ
    faces, corners = figure.surface.faces, figure.surface.corners
    edge = vertices[faces[:, 1]] - vertices[faces[:, 0]]
    for k in range(2):
        rise = (slopes[:, 3 * k : 3 * k + 3] * edge).sum(1)
        wanted = corners[:, 2 + k] - corners[:, k]
        assert float((rise - wanted).abs().quantile(0.999)) < 1e-4


def test_openness_is_low_where_one_cannot_look_out(shaped):
    openness = ambient_occlusion(shaped.bind_vertices, shaped.mesh.faces)
    assert float(openness.min()) >= 0 and float(openness.max()) <= 1
    crown = int(shaped.bind_vertices[:, 1].argmax())
    middle = (shaped.bind_vertices[:, 0].abs() < 0.01).nonzero().squeeze(1)
    crotch = middle[shaped.bind_vertices[middle, 1].argmin()]
    assert float(openness[crown]) > 0.9
    assert float(openness[crotch]) < 0.45


def test_what_hangs_over_skin_takes_its_light(shaped):
    under = skirt(shaped)
    legs = (shaped.bind_vertices[:, 1] < -0.1) & (shaped.bind_vertices[:, 1] > -0.2)
    legs &= shaped.bind_vertices[:, 0].abs() < 0.25
    alone = Figure(shaped, [skin(shaped)]).surface.openness[: len(shaped.bind_vertices)]
    covered = Figure(shaped, [skin(shaped), under]).surface.openness[: len(shaped.bind_vertices)]
    assert float(covered[legs].mean()) < 0.6 * float(alone[legs].mean())


def test_srgb_there_and_back():
    values = torch.linspace(0, 1, 101)
    torch.testing.assert_close(linear_to_srgb(srgb_to_linear(values)), values, rtol=0, atol=2e-6)
    assert abs(float(srgb_to_linear(torch.tensor([0.5]))) - 0.21404) < 1e-4


def test_texture_levels_hold_the_mean_and_no_gutter(shaped):
    mesh = shaped.mesh
    size = 128
    striped = torch.zeros(size, size, 3)
    striped[::2] = 1.0
    none = torch.zeros(size, size)
    slope = torch.linspace(0, 0.1, size)[:, None].expand(size, size).contiguous()
    layer = skin(shaped, Material(Matter.CLOTH, striped, none + 0.25, slope, none))
    table = stack_textures([layer], 128)
    assert table.size[0].tolist() == [128, 64, 32, 16, 8]
    coarse = table.texels[table.offset[0, 2] : table.offset[0, 2] + 32 * 32]
    assert abs(float(coarse[:, 0].mean()) - 0.5) < 0.06, "means of light, not of sRGB"
    torch.testing.assert_close(coarse[:, 3], torch.full((1024,), 0.25), rtol=0, atol=1e-5)
    fine = table.texels[: size * size].reshape(size, size, 8)
    assert abs(float(fine[20:-20, 20:-20, 5].mean()) - 0.1 * size / (size - 1)) < 1e-3
    assert len(mesh.faces_uv) == len(layer.faces_uv)
    smaller = stack_textures([layer], 32)
    assert smaller.size[0].tolist()[0] == 32 and len(smaller.size[0]) == LEVELS


def test_the_level_fits_how_far_the_camera_is(shaped):
    layer = skin(shaped, plain(64, (0.5, 0.5, 0.5), Matter.SKIN))
    table = stack_textures([layer], 64)
    pitch = float(table.pitch[0])
    assert table.level(pitch * 0.1).tolist() == [0]
    assert table.level(pitch * 4.0).tolist() == [2]
    assert table.level(pitch * 1e6).tolist() == [LEVELS - 1]
    wanted = table.look_up(
        torch.zeros(5, dtype=torch.long), table.level(pitch),
        torch.tensor([0.0, 0.3, 0.5, 1.0, 2.0]), torch.tensor([0.0, 0.3, 0.5, 1.0, -1.0]),
    )
    torch.testing.assert_close(
        wanted[0], srgb_to_linear(torch.full((5,), 0.5)), rtol=0, atol=1e-6
    )
