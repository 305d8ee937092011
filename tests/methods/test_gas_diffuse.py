from __future__ import annotations

import dataclasses

import pytest
import torch
from methods.gas_small import pictures, small_networks

from muybridge.methods.gas.diffuse import Denoiser, Settings, condition, plan, sample
from muybridge.methods.gas.networks import GasNetworks, mode_labels
from muybridge.methods.latent import decode
from muybridge.networks.linear_autoencoder import LinearAutoencoder
from muybridge.sampling import Tile


@pytest.fixture
def networks():
    """Networks that do something: nothing is zero."""
    made = small_networks()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if not name.startswith("vae."):
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return made


def conditions(networks, views=2, frames=5):
    return condition(
        networks, pictures(seed=2), pictures(views, frames, seed=3),
        pictures(views, frames, seed=4),
    )


def test_untrained_networks_give_the_cue():
    networks = small_networks()
    given = conditions(networks)
    latents = sample(networks, given)
    assert torch.allclose(latents, given.cue_latents, atol=1e-4)
    cue = networks.decode(given.cue_latents[0])
    assert torch.allclose(decode(networks, latents)[0], cue, atol=1e-4)
    # 8 of 64 components keep the look of it
    assert float((cue - pictures(2, 5, seed=3)[0]).abs().mean()) < 0.1


def test_pictures_are_encoded_alike_in_any_number(networks):
    many = pictures(3, 4)
    whole = networks.encode(many)
    assert whole.shape == (3, 4, 8, 8, 6)
    assert torch.allclose(networks.encode(many, together=5), whole, atol=1e-6)
    assert torch.allclose(networks.encode(many[1, 2]), whole[1, 2], atol=1e-6)
    assert networks.patch == 4 and networks.latent_scale == 1


@pytest.mark.parametrize(
    "views, frames, axes",
    [
        (1, 5, ["time"] * 4),
        (5, 1, ["views"] * 4),
        (1, 1, ["time"] * 4),
        (2, 3, ["views", "time", "views", "time"]),
    ],
)
def test_the_task_follows_the_video(networks, views, frames, axes):
    made = plan(networks, views, frames, Settings(steps=4))
    passes = [made(step) for step in range(4)]
    for (each,), axis in zip(passes, axes, strict=True):
        windows, other = (
            (each.frames, each.views) if axis == "time" else (each.views, each.frames)
        )
        assert other is None and each.mode == {"time": "pose", "views": "view"}[axis]
        assert windows.size == min(4, frames if axis == "time" else views)
        assert all(window[0] == 0 for window in windows.items)


def test_a_single_step_looks_along_both(networks):
    across, along = plan(networks, 2, 3, Settings(steps=1))(0)
    assert (across.mode, along.mode) == ("view", "pose")
    assert across.frames is None and along.views is None and across.weight == along.weight


def test_guidance_follows_the_paper():
    from muybridge.methods.gas.config import PAPER
    from muybridge.sampling import triangular

    networks = small_networks()
    networks.config = dataclasses.replace(networks.config, view_guidance=PAPER.view_guidance,
                                          pose_guidance=PAPER.pose_guidance)
    (view,) = plan(networks, 20, 1)(0)
    (pose,) = plan(networks, 1, 30)(0)
    assert torch.equal(view.guidance, triangular(20, 1, 2)[:, None])
    assert pose.guidance.tolist() == [[2.0] * 30]
    (nano,) = plan(small_networks(), 20, 1)(0)
    assert not nano.guided


@torch.no_grad()
def test_the_unconditioned_output_keeps_cues_and_switch(networks):
    given = conditions(networks, 1, 4)
    noisy = torch.randn(1, 4, 8, 8, 6)
    tiles = [Tile((0,), (0, 1, 2, 3), "pose")]
    both = Denoiser(networks, given)(noisy, torch.tensor(3.0), tiles, True)
    free = networks(
        noisy, torch.tensor(3.0), torch.zeros(1, 8, 8, 6), torch.zeros(1, 1, 64),
        networks.cue_features(given.normals, given.cue_latents), mode_labels(["pose"]),
    )
    assert torch.allclose(both.unconditioned, free + given.cue_latents, atol=1e-5)
    assert (both.conditioned - both.unconditioned).abs().max() > 1e-3
    alone = Denoiser(networks, given)(noisy, torch.tensor(3.0), tiles, False)
    assert torch.equal(alone.conditioned, both.conditioned) and alone.unconditioned is None
    packed = Denoiser(networks, given, pack_guidance=True)(noisy, torch.tensor(3.0), tiles, True)
    for one, other in zip(packed, both, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


@torch.no_grad()
def test_the_switch_changes_the_output(networks):
    given, noisy = conditions(networks, 1, 4), torch.randn(1, 4, 8, 8, 6)
    outputs = [
        Denoiser(networks, given)(
            noisy, torch.tensor(3.0), [Tile((0,), (0, 1, 2, 3), mode)], False
        ).conditioned
        for mode in ("view", "pose")
    ]
    assert (outputs[0] - outputs[1]).abs().max() > 1e-4
    assert mode_labels(["view", "pose"]).tolist() == [[0, 1], [1, 0]]


def test_a_seed_gives_one_video_and_tiles_per_call_do_not_matter(networks):
    given = conditions(networks)
    first = sample(networks, given, seed=1)
    assert torch.equal(sample(networks, given, seed=1), first)
    assert (sample(networks, given, seed=2) - first).abs().max() > 1e-3
    packed = Settings(tiles_per_call=3)
    assert torch.allclose(sample(networks, given, seed=1, settings=packed), first, atol=1e-4)


def test_from_the_mean_no_seed_matters(networks, monkeypatch):
    monkeypatch.setattr(networks, "config", dataclasses.replace(networks.config, from_mean=True))
    given = conditions(networks)
    first = sample(networks, given, seed=1)
    assert torch.equal(sample(networks, given, seed=2), first)
    nothing = torch.zeros(given.cue_latents.shape)
    assert torch.equal(sample(networks, given, noise=nothing), first)


def test_bytes_serve_as_normals(networks):
    given = conditions(networks, 1, 3)
    rounded = given.normals.mul(255).round()
    results = [
        sample(networks, dataclasses.replace(given, normals=normals))
        for normals in (rounded / 255, rounded.to(torch.uint8))
    ]
    assert torch.allclose(results[0], results[1], atol=1e-5)


def test_decoding_a_part_gives_that_part(networks):
    latents = torch.randn(2, 11, 8, 8, 6)
    whole = decode(networks, latents)
    assert whole.shape == (2, 11, 4, 32, 24)
    assert float(whole.min()) >= 0 and float(whole.max()) <= 1
    for start, stop in ((0, 4), (3, 9), (10, 11), (5, 5), (4, 4)):
        assert torch.equal(decode(networks, latents, start, stop), whole[:, start:stop])
    orbit = decode(networks, latents[:, :1])
    assert torch.allclose(orbit, whole[:, :1], atol=1e-6)


def test_only_what_is_trained_asks_for_gradients(networks):
    given = conditions(networks, 1, 4)
    output = networks(
        torch.randn(1, 4, 8, 8, 6), torch.tensor([3.0]), given.reference_latents[None],
        networks.token(pictures(1)), networks.cue_features(given.normals, given.cue_latents),
        mode_labels(["view"]),
    )
    output.square().mean().backward()
    without = {n for n, p in networks.named_parameters() if p.grad is None}
    assert without == {"vae.components", "vae.deviation"}


def test_the_nerf_is_carried_but_no_part_of_the_module():
    networks = small_networks()
    names = set(networks.state_dict())
    nerf = torch.nn.Linear(2, 2)
    networks.use_nerf(nerf)
    assert networks.nerf is nerf
    assert set(networks.state_dict()) == names


def test_a_training_step_learns_to_leave_the_cue(networks):
    """Over-fit one clip: the loss falls far below that of giving back the cue."""
    networks = small_networks().train()
    truth = networks.encode(pictures(1, 4, seed=9))
    given = conditions(networks, 1, 4)
    objective = networks.objective()
    trained = [p for p in networks.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, 3e-3)
    generator = torch.Generator().manual_seed(0)
    losses = []
    for _ in range(30):
        sigmas = objective.sigmas(torch.randn(1, generator=generator))
        noise = torch.randn(truth.shape, generator=generator)
        noised = objective.noised(truth, noise, sigmas)
        output = networks(
            noised.latents, noised.timesteps, given.reference_latents[None],
            networks.token(pictures(1, seed=2)),
            networks.cue_features(given.normals, given.cue_latents), mode_labels(["pose"]),
        )
        loss = (objective.estimate(output, noised, sigmas, given.cue_latents) - truth).square()
        errors = objective.errors(output, noised, truth, sigmas, given.cue_latents)
        optimizer.zero_grad()
        errors.mean().backward()
        optimizer.step()
        losses.append(float(loss.detach().mean()))
    assert losses[0] == pytest.approx(float((given.cue_latents - truth).square().mean()), rel=1e-4)
    assert sum(losses[-5:]) / 5 < 0.5 * losses[0]


def test_linear_latents_only_for_new_networks():
    vae = LinearAutoencoder(in_channels=4, latent_channels=8)
    from methods.gas_small import small_config

    networks = GasNetworks.new(small_config(), vae)
    assert not networks.unet.conv_out.weight.any()
    assert networks.unet.class_embedding.linear_2.weight.any()
