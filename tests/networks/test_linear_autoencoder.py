from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLTemporalDecoder

from muybridge.errors import InputError
from muybridge.networks.linear_autoencoder import LinearAutoencoder


def smooth(count=12, channels=4, height=32, width=24, seed=0):
    """Blobs on nothing, in [-1, 1], as people on black are."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, channels, 6, 5, generator=generator)
    pictures = F.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    inside = F.interpolate(torch.rand(count, 1, 4, 4, generator=generator), (height, width)) > 0.5
    return pictures * inside * 2 - 1


def test_keeps_most_with_few_components_and_everything_with_all():
    pictures = smooth()
    errors = [
        float((LinearAutoencoder.fit(pictures, latent_channels=k)(pictures) - pictures).std())
        for k in (4, 20, 64)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[1] < 0.15 and errors[2] < 1e-5


def test_is_the_best_linear_one():
    pictures = smooth()
    network = LinearAutoencoder.fit(pictures, latent_channels=8)
    rows = F.pixel_unshuffle(pictures + 1, 4).permute(0, 2, 3, 1).flatten(0, 2)
    u, s, v = torch.linalg.svd(rows, full_matrices=False)
    best = (u[:, :8] * s[:8]) @ v[:8]
    reached = float((network(pictures) - pictures).square().sum())
    assert reached == pytest.approx(float((best - rows).square().sum()), rel=1e-3)
    gram = network.components @ network.components.T
    assert torch.allclose(gram, torch.eye(8), atol=1e-5)


def test_latents_have_one_scale_and_zero_is_ground():
    pictures = smooth()
    network = LinearAutoencoder.fit(pictures)
    latents = network.encode(pictures).latent_dist.mode()
    assert latents.shape == (12, 20, 8, 6)
    assert float(latents.square().mean().sqrt()) == pytest.approx(1, abs=1e-3)
    spread = latents.square().mean((0, 2, 3))
    assert bool((spread[:-1] >= spread[1:] - 1e-6).all()) and spread[0] > 4 * spread[-1]
    assert not network.encode(torch.full((1, 4, 8, 8), -1.0)).latent_dist.mode().any()
    assert network.decode(torch.zeros(1, 20, 2, 2)).sample.unique().tolist() == [-1.0]


def test_batches_and_order_of_pictures_do_not_matter():
    pictures = smooth()
    whole = LinearAutoencoder.fit(pictures)
    parts = LinearAutoencoder.fit(iter(pictures.flip(0).split(5)))
    assert torch.allclose(whole.components, parts.components, atol=1e-4)
    assert float(whole.deviation) == pytest.approx(float(parts.deviation), rel=1e-5)
    again = LinearAutoencoder.fit(pictures)
    assert torch.equal(whole.components, again.components)
    largest = whole.components.gather(1, whole.components.abs().argmax(1, keepdim=True))
    assert bool((largest > 0).all())


def test_has_the_interface_of_the_vae():
    vae = AutoencoderKLTemporalDecoder(
        block_out_channels=(32,), layers_per_block=1, down_block_types=("DownEncoderBlock2D",)
    )
    linear = LinearAutoencoder.fit(smooth(channels=3), latent_channels=4)
    for network in (vae, linear):
        distribution = network.encode(smooth(count=2, channels=3)).latent_dist
        assert distribution.mode().shape[:2] == distribution.sample().shape[:2] == (2, 4)
        decoded = network.decode(distribution.mode(), num_frames=2).sample
        assert decoded.shape == (2, 3, 32, 24)
        assert isinstance(network.config.scaling_factor, float)
    assert torch.equal(linear.encode(smooth(2, 3)).latent_dist.sample(),
                       linear.encode(smooth(2, 3)).latent_dist.mode())


def test_saved_and_loaded_it_is_the_same(tmp_path):
    pictures = smooth()
    network = LinearAutoencoder.fit(pictures)
    network.save_pretrained(tmp_path)
    back = LinearAutoencoder.from_pretrained(tmp_path, local_files_only=True)
    assert torch.equal(back(pictures), network(pictures))
    assert (back.config.patch, back.config.latent_channels, back.config.ground) == (4, 20, -1.0)


def test_learns_nothing_by_gradients():
    assert not any(p.requires_grad for p in LinearAutoencoder().parameters())


@pytest.mark.parametrize(
    "pictures, problem",
    [
        (torch.empty(0, 4, 8, 8), "there are none"),
        ([], "there are none"),
        (torch.zeros(1, 4, 9, 8), "8x9 is no multiple of 4"),
        (torch.full((1, 4, 8, 8), float("nan")), "not finite"),
        (torch.full((1, 4, 8, 8), -1.0), "nothing but ground"),
    ],
)
def test_pictures_that_can_not_be_used(pictures, problem):
    with pytest.raises(InputError, match=problem):
        LinearAutoencoder.fit(pictures)


def test_more_channels_than_numbers_in_a_patch():
    with pytest.raises(ValueError, match="a patch has 64 numbers"):
        LinearAutoencoder(4, 4, 65)
