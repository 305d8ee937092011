from __future__ import annotations

import pytest
import torch
from gas_recorded import relative
from methods.gas_small import pictures
from methods.hvg_small import awake, small_config, small_networks

from muybridge.errors import InputError
from muybridge.methods.hvg.config import CONFIGS, NANO, PAPER, TINY
from muybridge.methods.hvg.networks import HvgNetworks
from muybridge.networks.linear_autoencoder import LinearAutoencoder
from muybridge.networks.video_init import temporal_parameters
from muybridge.sampling import EdmObjective, ResidualFlow


def given(samples=2, views=3, frames=2, seed=0, maps=4):
    """Noisy latents, pose maps, rotations, and pictures of references."""
    generator = torch.Generator().manual_seed(seed)
    turned = torch.linalg.qr(torch.randn(samples, views, frames, 3, 3, generator=generator))[0]
    return (
        torch.randn(samples, views, frames, 8, 8, 6, generator=generator),
        torch.rand(samples, views, frames, maps, 32, 24, generator=generator),
        turned, pictures(samples, seed=seed),
    )


def output(networks, noisy, pose, turned, reference, times=None, **more):
    if isinstance(reference, torch.Tensor):
        reference = networks.reference(reference)
    times = torch.tensor(3.0) if times is None else times
    return networks(noisy, times, reference, networks.pose_features(pose), turned, **more)


def test_nano_is_small():
    vae = LinearAutoencoder(**NANO.autoencoder)
    networks = HvgNetworks.new(NANO, vae)
    count = sum(p.numel() for p in networks.parameters())
    assert count <= 7_500_000 and 2 * count <= 15e6
    full = HvgNetworks.new(NANO.varied(fusion="full"), vae)
    assert sum(p.numel() for p in full.parameters()) <= 7_500_000
    tiny = HvgNetworks.new(TINY, LinearAutoencoder(**TINY.autoencoder))
    assert 2 * sum(p.numel() for p in tiny.parameters()) <= 40e6


@torch.no_grad()
def test_untrained_they_say_nothing_and_leave_the_random_state():
    state = torch.get_rng_state()
    networks = small_networks()
    assert torch.equal(torch.get_rng_state(), state)
    assert (output(networks, *given()) == 0).all()
    same = small_networks().state_dict()
    assert all(torch.equal(same[k], v) for k, v in networks.state_dict().items())


@torch.no_grad()
def test_everything_that_steers_counts():
    networks = awake(small_networks())
    noisy, pose, turned, pictured = given()
    reference = networks.reference(pictured)
    before = output(networks, noisy, pose, turned, reference)
    moved = [
        output(networks, noisy + 0.1, pose, turned, reference),
        output(networks, noisy, 1 - pose, turned, reference),
        output(networks, noisy, pose, turned.flip(1), reference),
        output(networks, noisy, pose, turned, reference.without()),
        output(networks, noisy, pose, turned, reference, torch.tensor(9.0)),
        output(networks, noisy, pose, turned, reference, images=True),
    ]
    for part in ("latents", "token"):
        other = networks.reference(pictured)
        getattr(other, part).add_(1)
        moved.append(output(networks, noisy, pose, turned, other))
    for name in networks.reference_net.places:
        other = networks.reference(pictured)
        other.bank[name].add_(1)
        moved.append(output(networks, noisy, pose, turned, other))
    assert len(moved) == 8 + len(networks.reference_net.places)
    for one in moved:
        assert relative(one, before) > 1e-5


@torch.no_grad()
def test_samples_and_times_keep_to_themselves():
    networks = awake(small_networks())
    noisy, pose, turned, pictured = given()
    times = torch.tensor([2.0, 7.0])
    both = output(networks, noisy, pose, turned, pictured, times)
    for k in (0, 1):
        one = slice(k, k + 1)
        alone = output(
            networks, noisy[one], pose[one], turned[one], pictured[one], times[k]
        )
        assert relative(both[one], alone) < 1e-4
    first = networks.reference(pictured[:1])  # a row for all
    shared = output(networks, noisy, pose, turned, first, times)
    twice = output(networks, noisy, pose, turned, pictured[[0, 0]], times)
    assert relative(shared, twice) < 1e-4


@torch.no_grad()
def test_one_frame_passes_time_by_and_one_view_the_views():
    networks = awake(small_networks())
    noisy, pose, turned, pictured = given(frames=1)
    before = output(networks, noisy, pose, turned, pictured)
    for name in temporal_parameters(networks.unet):
        networks.unet.get_parameter(name).zero_()
    assert torch.equal(output(networks, noisy, pose, turned, pictured), before)
    one = output(networks, noisy[:, :1], pose[:, :1], turned[:, :1], pictured)
    assert relative(one, before[:, :1]) > 1e-5  # others were seen
    alone = networks.config.varied(view_attention="none")
    plain = HvgNetworks.new(alone, networks.vae).eval()
    plain.load_state_dict(
        {k: v for k, v in networks.state_dict().items() if ".view_" not in k}, strict=True
    )
    assert torch.equal(output(plain, noisy[:, :1], pose[:, :1], turned[:, :1], pictured), one)


@torch.no_grad()
def test_windows_are_parts_of_the_grid_in_image_mode_and_without_views():
    networks = awake(small_networks(unet=small_config().varied(view_attention="none").unet))
    noisy, pose, turned, pictured = given(samples=1)
    whole = output(networks, noisy, pose, turned, pictured, images=True)
    part = output(
        networks, noisy[:, 1:, 1:], pose[:, 1:, 1:], turned[:, 1:, 1:], pictured, images=True
    )
    assert relative(part, whole[:, 1:, 1:]) < 1e-4


def test_every_trained_weight_learns():
    networks = awake(small_networks()).train()
    output(networks, *given()).square().mean().backward()
    for name, parameter in networks.named_parameters():
        assert (parameter.grad is not None) == (not name.startswith("vae.")), name
        assert parameter.requires_grad == (not name.startswith("vae."))


def test_untrained_networks_can_begin_to_learn():
    """Zeros are so placed that some steps reach every weight that may change the output."""
    networks = small_networks().train()
    optimiser = torch.optim.Adam([p for p in networks.parameters() if p.requires_grad], 1e-2)
    for step in range(4):
        optimiser.zero_grad()
        noisy, pose, turned, pictured = given(seed=step)
        truth = networks.encode(pictures(2, 3, 2, seed=step + 9))
        (output(networks, noisy, pose, turned, pictured) - truth).square().mean().backward()
        optimiser.step()
    still = {
        n for n, p in networks.named_parameters()
        if p.grad is not None and float(p.grad.abs().max()) == 0
    }
    assert all(".attn2.to_" in n or ".norm2." in n for n in still), still


def test_the_residual_is_added_to_the_base():
    networks = small_networks()
    noisy, pose, turned, pictured = given()
    out = output(networks, noisy, pose, turned, pictured)
    base = torch.randn_like(out)
    assert isinstance(networks.objective(), ResidualFlow)
    assert torch.equal(networks.model_output(out, base), base)
    assert networks.model_output(out) is out
    edm = small_networks(objective="edm")
    assert isinstance(edm.objective(), EdmObjective)
    assert edm.model_output(out, base) is out


@torch.no_grad()
@pytest.mark.parametrize(
    "change",
    [
        {"maps": ("depth",)}, {"maps": ("normal",)}, {"maps": ("skeleton",)},
        {"maps": ("body_normal",)}, {"view_attention": "3d"}, {"view_attention": "none"},
        {"fusion": "none"}, {"fusion": "midup"}, {"fusion": "full"},
    ],
)
def test_the_ablations_networks_run(change):
    config = small_config().varied(**change)
    networks = awake(HvgNetworks.new(config, small_networks().vae).eval())
    noisy, pose, turned, pictured = given(maps=config.pose_channels)
    assert output(networks, noisy, pose, turned, pictured).shape == noisy.shape
    assert (networks.reference_net is None) == (change.get("fusion") == "none")


@pytest.mark.parametrize(
    "change, problem",
    [
        ({"maps": ("horse",)}, "maps: there is no map 'horse'"),
        ({"maps": ()}, "maps: one or two"),
        ({"maps": ("depth", "normal", "skeleton")}, "maps: one or two"),
        ({"view_attention": "4d"}, "view_attention: there is no '4d'; use none, 2d, 3d"),
        ({"fusion": "up"}, "fusion: there is no 'up'"),
    ],
)
def test_conditions_that_are_none(change, problem):
    with pytest.raises(InputError, match=problem):
        NANO.varied(**change)


def test_full_size_fits_together_without_memory():
    from muybridge.networks.pose_modulator import PoseModulator
    from muybridge.networks.reference_net import ReferenceNet
    from muybridge.networks.video_unet import HumanVideoUNet

    assert set(CONFIGS) == {"nano", "tiny", "paper"}
    with torch.device("meta"):
        unet = HumanVideoUNet(**PAPER.unet).to("meta")  # diffusers keeps the mixers on the CPU
        net = ReferenceNet(**PAPER.reference_net)
        modulator = PoseModulator(**PAPER.pose_modulator)
        bank = net(torch.zeros(1, 4, 72, 72), torch.zeros(1, 1, 1024))
        features = modulator(torch.zeros(2, 2, PAPER.pose_channels, 576, 576))
        out = unet(
            torch.zeros(2, 2, 8, 72, 72), torch.zeros(2), torch.zeros(2, 1, 1024),
            torch.zeros(2, 3), cues=features, views=2, bank=bank,
            rotations=torch.zeros(2, 2, 3, 3),
        ).sample
    assert out.shape == (2, 2, 4, 72, 72)
    assert len(bank) == 7 and not any(name.startswith("up_") for name in bank)
