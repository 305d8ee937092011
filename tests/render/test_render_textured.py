from __future__ import annotations

import pytest
import torch
from render_shapes import camera, uv_sphere

from muybridge.body.types import Mesh
from muybridge.render import (
    Lighting,
    atlas_coverage,
    composite,
    prepare_texture,
    rasterize,
    render_textured,
)
from muybridge.render.compiled import available

BACKENDS = ["torch", pytest.param("numba", marks=pytest.mark.skipif(
    not available(), reason="numba is not installed"))]


def ball() -> tuple[torch.Tensor, Mesh]:
    """A sphere whose texture coordinates are its x and y, front and back alike."""
    vertices, faces = uv_sphere(40, 60)
    uv = torch.stack([vertices[:, 0], -vertices[:, 1]], 1).float() * 0.45 + 0.5
    parts = torch.ones(len(vertices), dtype=torch.uint8)
    return vertices.float(), Mesh(faces, uv, faces, parts)


def look(azimuths: list[float], size: int = 96) -> tuple[torch.Tensor, torch.Tensor]:
    K, T = zip(*(camera(a, 4.0, size, 1.5) for a in azimuths), strict=True)
    return torch.stack(K).float(), torch.stack(T).float()


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_colour_fills_the_silhouette_and_nothing_else(backend: str) -> None:
    vertices, mesh = ball()
    K, T = look([0, 70])
    two = torch.stack([vertices, vertices * 0.8])
    colour = torch.tensor([0.2, 0.6, 0.9])
    rgb, alpha = render_textured(
        two, mesh, colour.expand(16, 16, 3), K, T, 96, 80, supersample=4, backend=backend
    )
    assert torch.allclose(rgb, alpha * colour[:, None, None], atol=1e-6)
    white = composite(rgb, alpha, 1.0)
    assert torch.allclose(white[:, :, 0, 0], torch.ones(2, 3))
    edge = (alpha > 0) & (alpha < 1)
    assert edge.sum() > 100
    fine = rasterize(two, mesh.faces, K * torch.tensor([4.0, 4, 1])[:, None], T, 384, 320)
    share = torch.nn.functional.avg_pool2d(fine.mask[:, None].float(), 4)
    assert (share - alpha).abs().max() < 1e-6


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_texture_is_where_its_coordinates_say(backend: str) -> None:
    vertices, mesh = ball()
    K, T = look([0])
    ramp = torch.linspace(0, 1, 64)
    texture = torch.stack([ramp.expand(64, 64), ramp[:, None].expand(64, 64),
                           torch.full((64, 64), 0.5)], -1)
    rgb, alpha = render_textured(vertices[None], mesh, texture, K, T, 96, 96, backend=backend)
    full = alpha[0, 0] == 1
    rows, columns = full.nonzero().T
    # From far away the picture's x is the sphere's, roughly: right is the subject's left.
    red, green = rgb[0, 0][full], rgb[0, 1][full]
    assert torch.corrcoef(torch.stack([columns.float(), red]))[0, 1] > 0.99
    assert torch.corrcoef(torch.stack([rows.float(), green]))[0, 1] > 0.99
    assert abs(float(rgb[0, 0, 48, 48]) - 0.5) < 0.02


@pytest.mark.skipif(not available(), reason="numba is not installed")
@pytest.mark.parametrize("light", [None, Lighting()])
def test_both_backends_paint_alike(light: Lighting | None) -> None:
    vertices, mesh = ball()
    K, T = look([0, 40, 200, 300])
    g = torch.Generator().manual_seed(0)
    texture = prepare_texture(torch.rand(128, 128, 3, generator=g), mesh)
    many = vertices + 0.01 * torch.randn(4, *vertices.shape, generator=g)
    many[3] += torch.tensor([0.9, 0.9, 0.0])  # partly outside of the picture
    a, b = (render_textured(many, mesh, texture, K, T, 96, 90, shading=light, backend=backend)
            for backend in ("torch", "numba"))
    assert torch.equal(a[1], b[1])
    assert (a[0] - b[0]).abs().max() < 1e-5


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_batch_is_its_pictures_one_by_one(backend: str) -> None:
    vertices, mesh = ball()
    K, T = look([0, 120, 240])
    texture = prepare_texture(torch.rand(64, 64, 3, generator=torch.Generator().manual_seed(2)))
    many = torch.stack([vertices, vertices * 0.7, vertices + 0.2])
    rgb, alpha = render_textured(many, mesh, texture, K, T, 96, 96, backend=backend)
    for b in range(3):
        one = render_textured(many[b : b + 1], mesh, texture, K[b : b + 1], T[b : b + 1], 96, 96,
                              backend=backend)
        assert torch.equal(one[0][0], rgb[b]) and torch.equal(one[1][0], alpha[b])


@pytest.mark.parametrize("backend", BACKENDS)
def test_nobody_in_the_picture(backend: str) -> None:
    vertices, mesh = ball()
    K, T = look([0, 0])
    aside, behind = torch.tensor([50.0, 0, 0]), torch.tensor([0, 0, 9.0])
    away = torch.stack([vertices + aside, vertices + behind])
    rgb, alpha = render_textured(away, mesh, torch.ones(4, 4, 3), K, T, 32, 32, backend=backend)
    assert not rgb.any() and not alpha.any()


def test_light_comes_from_its_direction() -> None:
    vertices, mesh = ball()
    K, T = look([0])
    lamp = Lighting(direction=(1.0, 0.0, 0.0), ambient=0.3, strength=0.6, wrap=0.0)
    rgb, _ = render_textured(vertices[None], mesh, torch.ones(4, 4, 3), K, T, 96, 96, shading=lamp)
    assert rgb[0, 0, 48, 70] > rgb[0, 0, 48, 48] > 0.28
    assert abs(float(rgb[0, 0, 48, 25]) - 0.3) < 1e-3
    assert rgb.max() <= 1


def test_coarse_levels_do_not_mix_in_the_ground_of_the_atlas() -> None:
    uv = torch.tensor([[0.1, 0.1], [0.42, 0.12], [0.12, 0.45], [0.6, 0.6], [0.93, 0.6], [0.9, 0.9]])
    faces = torch.tensor([[0, 1, 2], [3, 4, 5]])
    mesh = Mesh(faces, uv, faces, torch.ones(6, dtype=torch.uint8))
    texture = torch.zeros(67, 64, 3)  # black ground
    texture[:34, :, 0] = 1.0  # red island above
    texture[34:, :, 2] = 1.0  # blue island below
    covered = atlas_coverage(mesh, 67, 64)
    texture[~covered] = 0.0
    prepared = prepare_texture(texture, mesh, levels=4)
    assert [tuple(level.shape) for level in prepared.levels] == [
        (67, 64, 4), (34, 32, 4), (17, 16, 4), (9, 8, 4)]
    assert torch.allclose(prepared.levels[0][covered][:, :3], texture[covered])
    for level in prepared.levels:
        assert torch.allclose(level[..., :3].sum(-1), torch.ones(level.shape[:2]), atol=1e-5)
    assert prepared.levels[2][3, 3, 0] == 1.0
    assert prepared.levels[2][13, 13, 2] == 1.0


def test_shown_small_a_texture_is_averaged_not_skipped() -> None:
    vertices, mesh = ball()
    checks = (torch.arange(512)[:, None] + torch.arange(512)) % 2
    texture = checks.float()[..., None].expand(512, 512, 3)
    K, T = look([0], size=48)
    rgb, alpha = render_textured(vertices[None], mesh, prepare_texture(texture), K, T, 48, 48)
    inner = alpha[0, 0] == 1
    assert (rgb[0, 0][inner] - 0.5).abs().max() < 0.05


def test_uint8_textures_and_wrong_arguments() -> None:
    vertices, mesh = ball()
    K, T = look([0])
    byte = torch.randint(0, 256, (32, 32, 3), dtype=torch.uint8)
    a = render_textured(vertices[None], mesh, byte, K, T, 48, 48)[0]
    b = render_textured(vertices[None], mesh, byte.float() / 255, K, T, 48, 48)[0]
    assert torch.equal(a, b)
    with pytest.raises(ValueError, match="supersample"):
        render_textured(vertices[None], mesh, byte, K, T, 48, 48, supersample=0)
