from __future__ import annotations

import torch
import torch.nn.functional as F
from render_shapes import camera, uv_sphere

from muybridge.render import interpolate, rasterize, sample_texture, vertex_normals


def test_interpolated_attributes_are_linear_on_the_surface() -> None:
    vertices, faces = uv_sphere()
    K, T = camera(25)
    f = rasterize(vertices[None], faces, K[None], T[None], 128, 128)
    plane = torch.tensor([0.3, -1.2, 0.5]).double()
    values = (vertices @ plane)[:, None]
    point = interpolate(f, faces, vertices)
    direct = interpolate(f, faces, values)
    assert torch.allclose(point @ plane, direct[..., 0], atol=1e-12)
    assert (direct[~f.mask] == 0).all()
    assert (point.norm(dim=-1)[f.mask] > 0.98).all()


def test_each_picture_may_have_its_own_attributes_and_gradients_flow() -> None:
    vertices, faces = uv_sphere()
    K, T = camera(25)
    two = torch.stack([vertices, vertices * 0.9])
    f = rasterize(two, faces, K.expand(2, 3, 3), T.expand(2, 4, 4), 64, 64)
    own = torch.randn(2, len(vertices), 2, dtype=torch.float64, requires_grad=True)
    out = interpolate(f, faces, own)
    assert torch.equal(out[1], interpolate(f, faces, own[1])[1])
    out.sum().backward()
    assert own.grad is not None
    assert torch.isclose(own.grad[..., 0].sum(), f.barycentric.sum())


def test_normals_of_a_sphere_point_outward() -> None:
    vertices, faces = uv_sphere(60, 80)
    batch = torch.stack([vertices, 2 * vertices])
    normals = vertex_normals(batch, faces)
    assert normals.shape == batch.shape
    assert (normals * vertices).sum(-1).min() > 0.999
    lonely = torch.cat([vertices, torch.zeros(1, 3)])
    assert (vertex_normals(lonely[None].double(), faces)[0, -1] == 0).all()


def test_texture_lookup_is_grid_sample() -> None:
    g = torch.Generator().manual_seed(0)
    texture = torch.rand(17, 23, 3, generator=g, requires_grad=True)
    uv = torch.rand(5, 40, 2, generator=g) * 1.2 - 0.1
    mine = sample_texture(texture, uv)
    theirs = F.grid_sample(
        texture.permute(2, 0, 1)[None], (uv * 2 - 1)[None], align_corners=False,
        padding_mode="border",
    )[0].permute(1, 2, 0)
    assert torch.allclose(mine, theirs, atol=1e-5)
    (grad,) = torch.autograd.grad(mine.sum(), texture)
    assert torch.isclose(grad.sum(), torch.tensor(600.0))


def test_texel_centres_give_the_texels() -> None:
    texture = torch.arange(12.0).view(3, 4, 1)
    u = (torch.arange(4) + 0.5) / 4
    v = (torch.arange(3) + 0.5) / 3
    uv = torch.stack(torch.meshgrid(u, v, indexing="xy"), -1)
    assert torch.allclose(sample_texture(texture, uv), texture, atol=1e-5)
