from __future__ import annotations

import math

import torch

from muybridge.networks.camera_embedding import CameraEmbedding, relative_rotations


def turned(degrees):
    """Rotations about the vertical."""
    angle = torch.deg2rad(torch.as_tensor(degrees, dtype=torch.float64))
    cos, sin, zero, one = angle.cos(), angle.sin(), angle * 0, angle * 0 + 1
    return torch.stack([cos, zero, sin, zero, one, zero, -sin, zero, cos], -1).unflatten(-1, (3, 3))


def test_the_first_view_is_the_identity_and_the_world_does_not_matter():
    torch.manual_seed(0)
    R = torch.linalg.qr(torch.randn(4, 3, 3, 3, dtype=torch.float64))[0]
    relative = relative_rotations(R)
    assert torch.allclose(relative[0, 0], torch.eye(3, dtype=torch.float64), atol=1e-12)
    world = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))[0]
    assert torch.allclose(relative_rotations(R @ world), relative, atol=1e-12)
    T = torch.eye(4, dtype=torch.float64).repeat(4, 3, 1, 1)
    T[..., :3, :3], T[..., :3, 3] = R, 5.0
    assert torch.equal(relative_rotations(T), relative)


def test_a_camera_a_quarter_round():
    R = turned([0, 90])[:, None]
    assert torch.allclose(relative_rotations(R)[1, 0], turned(90), atol=1e-12)


def test_codes_of_an_orbit_are_apart():
    embedding = CameraEmbedding(6, 8)
    codes = embedding.code(turned(range(0, 360, 5)).float())
    assert codes.shape == (72, 108)
    apart = torch.cdist(codes, codes) + 100 * torch.eye(72)
    assert apart.min() > 1
    front, back = codes[0], codes[36]
    assert (front - back).norm() > 2.8  # with NeRF's frequencies it would be 0
    angles = math.pi * 2.0 ** torch.arange(6)
    nerf = [torch.cat([(a * x).sin() for x in (angles,)]) for a in (1.0, -1.0)]
    assert torch.allclose(*nerf, atol=1e-4)


def test_it_starts_at_zero_and_learns():
    embedding = CameraEmbedding(4, 16)
    out = embedding(turned(range(0, 360, 30)).float().reshape(3, 4, 3, 3))
    assert out.shape == (3, 4, 16) and (out == 0).all()
    (out * torch.randn(16)).sum().backward()
    assert embedding.linear.weight.grad.abs().sum() > 0


def test_half_precision_loses_no_angle():
    embedding = CameraEmbedding(6, 16).to(torch.bfloat16)
    torch.nn.init.normal_(embedding.linear.weight)
    assert embedding(turned([10.0]).float()).dtype == torch.bfloat16
    assert embedding.code(turned([10.0]).to(torch.bfloat16)).dtype == torch.float32
