from __future__ import annotations

import pytest
import torch
from nerf_scene import Scene, Seeded, tiny_nerf
from torchmetrics.functional.image import structural_similarity_index_measure

from muybridge.networks.human_nerf import LossWeights, structural_similarity, training_loss
from muybridge.networks.human_nerf.losses import _patch


def test_similarity_is_the_known_one():
    torch.manual_seed(0)
    a, b = torch.rand(2, 3, 32, 40), torch.rand(2, 3, 32, 40)
    b = 0.7 * a + 0.3 * b
    truth = structural_similarity_index_measure(b, a, data_range=1.0)
    # torchmetrics pads and crops its border away
    assert structural_similarity(a, b) == pytest.approx(float(truth), abs=2e-3)
    assert structural_similarity(a, a) == pytest.approx(1.0, abs=1e-6)
    assert structural_similarity(a[..., :7, :7], a[..., :7, :7]) == pytest.approx(1.0, abs=1e-6)


def test_gradient_reaches_every_parameter(scene: Scene):
    model = tiny_nerf()
    loss, _ = training_loss(model, scene.batch(model, 0), Seeded(0), patch=24)
    loss.backward()
    lost = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert lost == []


def test_terms_weigh_as_told(scene: Scene):
    model = tiny_nerf()
    batch = scene.batch(model, 1)
    with torch.no_grad():
        loss, terms = training_loss(model, batch, Seeded(1), patch=16)
        weighed = 100 * terms["rgb"] + 10 * terms["mask"] + terms["ssim"]
        assert loss == pytest.approx(float(weighed), rel=1e-5)
        assert "lpips" not in terms

        def perceptual(made, true):
            assert made.shape == true.shape == (4, 3, 16, 16)
            return (made - true).abs().mean((1, 2, 3)) + 0.5

        own = LossWeights(rgb=0, mask=0, ssim=0, lpips=2.0)
        loss, terms = training_loss(
            model, batch, Seeded(1), patch=16, perceptual=perceptual, weights=own
        )
        assert loss == pytest.approx(2 * float(terms["lpips"]), rel=1e-5)
        assert terms["lpips"] > 0.5
        assert training_loss(model, batch, Seeded(1), patch=16)[0] == pytest.approx(
            float(weighed), rel=1e-6
        )


def test_noise_on_densities_changes_the_loss_in_the_release_only(scene: Scene):
    model = tiny_nerf(sigma_noise=5.0)
    batch = scene.batch(model, 1)
    with torch.no_grad():
        noisy, _ = training_loss(model, batch, Seeded(1), patch=16)
        model.register_to_config(sigma_noise=0.0)
        plain, _ = training_loss(model, batch, Seeded(1), patch=16)
    assert abs(float(noisy - plain)) > 1e-3


@pytest.mark.parametrize("where", [(0.0, 0.0), (0.99, 0.99), (0.5, 0.2)])
def test_patches_lie_in_the_body_s_box(scene: Scene, where):
    model = tiny_nerf()
    skin = scene.skin(model)
    _, alpha, K, T = scene.shot(0, 0)
    pixels = _patch(skin.vertices[0], K[0], T[0], 96, 72, 24, torch.tensor(where))
    rows, columns = pixels.view(24, 24) // 72, pixels.view(24, 24) % 72
    assert (rows == rows[:, :1]).all() and (columns == columns[:1]).all()
    assert (rows[1:, 0] - rows[:-1, 0] == 1).all() and rows.max() < 96
    body = alpha[0, 0].nonzero()
    low, high = body.amin(0) - 5, body.amax(0) + 5  # 5 cm of margin, perspective
    assert low[0] <= rows.min() and rows.max() <= high[0]
    assert low[1] <= columns.min() + 4 and columns.max() - 4 <= high[1]
    # a picture smaller than the patch is taken whole
    assert len(_patch(skin.vertices[0], K[0], T[0], 96, 72, 72, torch.tensor(where))) == 72 * 72


def test_other_poses_than_the_reference_s_are_targets_too(scene: Scene):
    model = tiny_nerf()
    batch = scene.batch(model, 0)
    skin = scene.skin(model)
    for name, tensor in skin.select([3, 3]).tensors("target_").items():
        batch[name] = tensor.expand_as(batch[name])
    loss, _ = training_loss(model, batch, Seeded(0), patch=16)
    assert torch.isfinite(loss)


def test_learns_one_person(scene: Scene):
    """Thirty steps on one person take 40 % of the loss away; the pictures gain 2.5 dB."""
    model = tiny_nerf(local_depth=0)
    batches = [scene.batch(model, seed, views=1) for seed in range(2)]
    before = [quality(model, batch) for batch in batches]
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, betas=(0.9, 0.99))
    for step in range(30):
        loss, _ = training_loss(model, batches[step % 2], Seeded(step), patch=24)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    after = [quality(model, batch) for batch in batches]
    loss_before, psnr_before = (sum(values) for values in zip(*before, strict=True))
    loss_after, psnr_after = (sum(values) for values in zip(*after, strict=True))
    assert loss_after < 0.6 * loss_before
    assert psnr_after / 2 > psnr_before / 2 + 2.5


@torch.no_grad()
def quality(model, batch) -> tuple[float, float]:
    loss, terms = training_loss(model, batch, Seeded(99), patch=48)
    return float(loss), float(terms["psnr"])
