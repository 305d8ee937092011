"""HVG's sampling with small networks: tiles, guidance, views in any order."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from methods.gas_small import pictures
from methods.hvg_small import awake, small_config, small_networks

from muybridge.camera import Cameras
from muybridge.camera.ring import Ring
from muybridge.errors import InputError
from muybridge.methods.hvg.config import PAPER
from muybridge.methods.hvg.diffuse import Conditions, Denoiser, Settings, plan, reach_of, sample
from muybridge.methods.latent import decode
from muybridge.networks.camera_embedding import relative_rotations
from muybridge.sampling import Reach, Tile, images_per_step


@pytest.fixture(scope="module")
def networks():
    return awake(small_networks())


def conditions(networks, views=5, frames=6, closed=True) -> Conditions:
    with torch.no_grad():
        reference = networks.reference(pictures(seed=2)[None])
    pose = pictures(views, frames, seed=3)
    rotations = relative_rotations(Cameras.orbit(views, frames).T_cam_world)
    return Conditions(reference, pose, rotations, Ring(tuple(range(views)), closed))


def noise_of(given: Conditions, seed: int = 4) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (given.views, given.frames, *given.reference.latents.shape[1:])
    return torch.randn(shape, generator=generator)


def test_untrained_networks_give_the_reference_everywhere():
    made = small_networks()
    given = conditions(made)
    latents = sample(made, given)
    expected = given.reference.latents * made.latent_scale
    assert torch.allclose(latents, expected.expand_as(latents), atol=1e-4)
    shown = decode(made, latents)
    assert shown.shape == (5, 6, 4, 32, 24)
    assert float((shown - pictures(seed=2)).abs().mean()) < 0.1


def test_a_seed_gives_one_video_and_tiles_per_call_do_not_matter(networks):
    given = conditions(networks)
    first = sample(networks, given, seed=1)
    assert torch.equal(sample(networks, given, seed=1), first)
    assert float((sample(networks, given, seed=2) - first).abs().max()) > 1e-3
    packed = Settings(tiles_per_call=3)
    assert torch.allclose(sample(networks, given, seed=1, settings=packed), first, atol=1e-4)


@pytest.mark.parametrize("views, frames", [(1, 1), (1, 6), (5, 1), (2, 3)])
def test_one_view_and_one_frame(networks, views, frames):
    latents = sample(networks, conditions(networks, views, frames, views > 2))
    assert latents.shape[:2] == (views, frames) and bool(torch.isfinite(latents).all())


def test_a_ring_numbered_from_another_view_gives_the_same_video(networks):
    """Views are known by where they stand: rotate their numbers, and the result rotates."""
    given = conditions(networks)
    noise = noise_of(given)
    there = sample(networks, given, noise=noise)
    for turn in (1, 3):
        order = [(k + turn) % 5 for k in range(5)]
        other = dataclasses.replace(
            given, pose=given.pose[order], rotations=given.rotations[order],
            ring=Ring(tuple(order.index(k) for k in range(5)), True),
        )
        turned = sample(networks, other, noise=noise[order])
        assert torch.allclose(turned, there[order], atol=1e-3)


@torch.no_grad()
def test_views_and_frames_of_a_tile_see_each_other_and_keep_their_places(networks):
    given = conditions(networks)
    model = Denoiser(networks, given)
    latents, tile = noise_of(given), Tile((3, 4, 0), (2, 4))
    noisy = tile.take(latents)[None]
    output = model(noisy, torch.tensor(2.0), [tile], False).conditioned[0].unflatten(0, (3, 2))
    for view, frame in ((1, 0), (0, 1)):
        moved = noisy.clone().unflatten(1, (3, 2))
        moved[:, view, frame] += 1
        other = model(moved.flatten(1, 2), torch.tensor(2.0), [tile], False)
        apart = (other.conditioned[0].unflatten(0, (3, 2)) - output).abs().amax((2, 3, 4))
        assert bool((apart > 1e-6).all())
        assert float(apart[view, frame]) == float(apart.max())
    # another order of the views: the same outputs in that order
    back = Tile((0, 3, 4), (2, 4))
    again = model(back.take(latents)[None], torch.tensor(2.0), [back], False).conditioned[0]
    assert torch.allclose(again.unflatten(0, (3, 2))[[1, 2, 0]], output, atol=1e-4)


@torch.no_grad()
def test_guidance_compares_with_no_reference_but_the_same_maps(networks):
    given = conditions(networks, 1, 4, False)
    tile = Tile((0,), (0, 1, 2, 3))
    noisy = tile.take(noise_of(given))[None]
    both = Denoiser(networks, given)(noisy, torch.tensor(2.0), [tile], True)
    alone = Denoiser(networks, given)(noisy, torch.tensor(2.0), [tile], False)
    assert torch.equal(both.conditioned, alone.conditioned) and alone.unconditioned is None
    nobody = dataclasses.replace(given, reference=given.reference.without())
    free = Denoiser(networks, nobody)(noisy, torch.tensor(2.0), [tile], False)
    assert torch.allclose(both.unconditioned, free.conditioned, atol=1e-6)
    assert float((both.conditioned - both.unconditioned).abs().max()) > 1e-3
    other = dataclasses.replace(given, pose=given.pose.flip(1))
    moved = Denoiser(networks, other)(noisy, torch.tensor(2.0), [tile], True)
    assert float((moved.unconditioned - both.unconditioned).abs().max()) > 1e-4


def test_bytes_serve_as_maps(networks):
    given = conditions(networks, 2, 3, False)
    rounded = given.pose.mul(255).round()
    results = [
        sample(networks, dataclasses.replace(given, pose=pose))
        for pose in (rounded / 255, rounded.to(torch.uint8))
    ]
    assert torch.allclose(results[0], results[1], atol=1e-4)


def test_features_serve_as_maps(networks):
    """They are the same in every step, so they may be made once."""
    given = conditions(networks, 3, 3)
    with torch.no_grad():
        features = networks.pose_features(given.pose).unflatten(0, (3, 3))
    made = [
        sample(networks, each, settings=Settings(tiles_per_call=count))
        for count in (1, 2)
        for each in (given, dataclasses.replace(given, pose=None, features=features))
    ]
    assert all(torch.allclose(each, made[0], atol=1e-4) for each in made[1:])
    with pytest.raises(ValueError, match="neither maps nor their features"):
        dataclasses.replace(given, pose=None)


@pytest.mark.parametrize("name", ["pose", "rotations", "reference"])
def test_everything_that_steers_is_heard(networks, name):
    given = conditions(networks, 2, 3, False)
    noise = noise_of(given)
    other = {
        "pose": given.pose.flip(-1), "rotations": given.rotations.flip(0),
        "reference": given.reference.without(),
    }[name]
    moved = sample(networks, dataclasses.replace(given, **{name: other}), noise=noise)
    assert float((moved - sample(networks, given, noise=noise)).abs().max()) > 1e-3


def test_plans_of_the_papers_size():
    ring = Ring(tuple(range(8)), True)
    assert reach_of(PAPER) == Reach()
    both = plan(PAPER, 8, 48, ring)
    assert [each.mode for each in both(0)] == ["time", "around"]
    assert [each.weight for each in both(0)] == [0.5, 0.5]
    assert images_per_step(both, 25, 8, 48) == 1224
    assert all(each.guidance == 2.0 for each in both(0))
    for looks, modes in (
        ("time", {"time"}), ("around", {"around"}), ("turns", {"time", "around"}),
    ):
        made = plan(PAPER, 8, 48, ring, Settings(looks=looks, guidance=1.0))
        assert {each.mode for step in range(25) for each in made(step)} == modes
        assert all(len(made(step)) == 1 for step in range(25)) and not made(0)[0].guided
    assert plan(PAPER, 8, 48, ring, Settings(looks="turns"))(24)[0].mode == "time"
    with pytest.raises(InputError, match="looks: there is no 'up'"):
        Settings(looks="up")
    stills = plan(PAPER, 40, 1, Ring(tuple(range(40)), True))(0)
    assert [each.mode for each in stills] == ["joint"]


def test_a_size_without_view_attention_or_reference_net_is_sampled_too():
    config = small_config().varied(view_attention="none", fusion="none")
    made = awake(small_networks(unet=config.unet, reference_net=config.reference_net))
    assert made.reference_net is None
    assert torch.isfinite(sample(made, conditions(made, 3, 3))).all()
