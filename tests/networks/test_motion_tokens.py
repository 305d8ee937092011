"""Pictures to motion tokens and tokens to joint rotations."""

from __future__ import annotations

import pytest
import torch

from muybridge.networks.motion_tokens import (
    HAND_JOINTS,
    JOINTS,
    MotionEncoder,
    PoseDecoder,
    PoseTokens,
    places,
)

SMALL = {
    "width": 16, "height": 24, "hand": 16, "channels": 4, "patch": 8, "hand_patch": 8, "dim": 16,
    "layers": 1, "hand_layers": 1, "heads": 2, "tokens": 3,
}


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return MotionEncoder(**SMALL).eval()


@pytest.fixture(scope="module")
def seen():
    generator = torch.Generator().manual_seed(1)
    return (
        torch.rand(2, 4, 4, 24, 16, generator=generator),
        torch.rand(2, 4, 2, 3, 16, 16, generator=generator),
        torch.ones(2, 4, 2, dtype=torch.bool),
    )


@torch.no_grad()
def test_shapes(encoder, seen):
    pictures, hands, known = seen
    assert encoder(pictures, hands, known).shape == (2, 4, 9, 16) and encoder.per_frame == 9
    alone = MotionEncoder(**{**SMALL, "hand": 0})
    assert alone(pictures).shape == (2, 4, 3, 16) and alone.per_frame == 3
    assert not [name for name in alone.state_dict() if "hand" in name or "unseen" in name]


@torch.no_grad()
def test_frames_are_read_by_themselves(encoder, seen):
    pictures, hands, known = seen
    whole = encoder(pictures, hands, known)
    parts = [encoder(pictures[:, t : t + 1], hands[:, t : t + 1], known[:, t : t + 1])
             for t in range(4)]
    assert torch.allclose(whole, torch.cat(parts, 1), atol=1e-6)
    assert not torch.allclose(whole[:, 0], whole[:, 1], atol=1e-2)


@torch.no_grad()
def test_the_right_hand_is_read_as_a_left_one(encoder, seen):
    pictures, hands, known = seen
    left = hands[:, :, :1]
    twins = torch.cat([left, left.flip(-1)], 2)
    _, a, b = encoder(pictures, twins, known).chunk(3, 2)
    assert torch.allclose(a - encoder.which[0], b - encoder.which[1], atol=1e-6)
    _, a, b = encoder(pictures, torch.cat([left, left], 2), known).chunk(3, 2)
    assert not torch.allclose(a - encoder.which[0], b - encoder.which[1], atol=1e-3)


@torch.no_grad()
def test_a_hand_that_is_not_seen_tells_nothing(encoder, seen):
    pictures, hands, known = seen
    known = known.clone()
    known[:, :, 1] = False
    first = encoder(pictures, hands, known)
    other = encoder(pictures, torch.cat([hands[:, :, :1], 0 * hands[:, :, 1:]], 2), known)
    assert torch.equal(first, other)
    body, _, right = first.chunk(3, 2)
    assert torch.allclose(right, (encoder.unseen + encoder.which[1]).expand_as(right))
    assert torch.equal(encoder(pictures), encoder(pictures, hands, torch.zeros_like(known)))
    assert torch.equal(encoder(pictures)[:, :, :3], body)


@torch.no_grad()
def test_where_something_is_counts(encoder, seen):
    pictures = seen[0]
    assert not torch.allclose(encoder(pictures), encoder(pictures.flip(-1)), atol=1e-3)
    codes = places((3, 2), 16)
    assert codes.shape == (6, 16) and len(codes.unique(dim=0)) == 6


def test_rotations_in_and_out(encoder):
    rotations = torch.randn(2, 3, JOINTS + HAND_JOINTS, 6)
    tokens = PoseTokens(16, 5)(rotations)
    assert tokens.shape == (2, 3, 5, 16)
    decoder = PoseDecoder(16, 5, 32)
    read = decoder(tokens)
    assert read.shape == rotations.shape
    assert torch.allclose(read[:, 1:2], decoder(tokens[:, 1:2]), atol=1e-6)


def test_it_reads_a_pose_off_a_picture():
    """A bar's angle, seen by an encoder that keeps no layout."""
    torch.manual_seed(0)
    encoder = MotionEncoder(**{**SMALL, "hand": 0, "tokens": 1})
    head = torch.nn.Linear(16, 2)
    angle = torch.linspace(0, 3.1, 32)
    y, x = torch.meshgrid(torch.arange(24) - 11.5, torch.arange(16) - 7.5, indexing="ij")
    off = (x * angle.sin()[:, None, None] - y * angle.cos()[:, None, None]).abs()
    pictures = (off < 2).float()[:, None, None].expand(-1, -1, 4, -1, -1).contiguous()
    wanted = torch.stack([(2 * angle).cos(), (2 * angle).sin()], 1)
    optimizer = torch.optim.Adam([*encoder.parameters(), *head.parameters()], 5e-3)
    for _ in range(60):
        error = (head(encoder(pictures)[:, 0, 0]) - wanted).square().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
    assert float(error.detach()) < 0.1  # the mean's error is 0.5
