"""Frames of image networks that look at one another."""

from __future__ import annotations

import pytest
import torch
from diffusers import FluxTransformer2DModel, UNet2DConditionModel, UNetMotionModel

from muybridge.errors import InputError
from muybridge.sampling.feature_propagation import Propagation, carried, propagating

T = 5


@pytest.fixture(scope="module")
def unet() -> UNet2DConditionModel:
    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, layers_per_block=1,
        block_out_channels=(32, 32), norm_num_groups=8, cross_attention_dim=16,
        attention_head_dim=8, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    ).eval()


@pytest.fixture(scope="module")
def flux() -> FluxTransformer2DModel:
    torch.manual_seed(0)
    return FluxTransformer2DModel(
        in_channels=8, num_layers=2, num_single_layers=2, attention_head_dim=16,
        num_attention_heads=2, joint_attention_dim=12, pooled_projection_dim=12,
        axes_dims_rope=(4, 6, 6),
    ).eval()


@pytest.fixture(params=["unet", "flux"])
def network(request, unet, flux):
    """A network, and pictures of ``frames`` frames through it."""
    text = torch.randn(1, 3, 16 if request.param == "unet" else 12)

    def through_unet(frames):
        return unet(frames, 10, text.expand(len(frames), -1, -1)).sample

    ids = torch.cartesian_prod(torch.zeros(1), torch.arange(4.0), torch.arange(4.0))

    def through_flux(frames):
        tokens = torch.nn.functional.pixel_unshuffle(frames[:, :2], 2).flatten(2).mT
        return flux(
            tokens, text.expand(len(frames), -1, -1), torch.zeros(len(frames), 12),
            torch.full((len(frames),), 0.3), ids, torch.zeros(3, 3), return_dict=False,
        )[0]

    if request.param == "unet":
        return unet, through_unet
    return flux, through_flux


def frames_of(count: int = T, alike: bool = False, seed: int = 1) -> torch.Tensor:
    frames = torch.randn(count, 4, 8, 8, generator=torch.Generator().manual_seed(seed))
    return frames[:1].expand(count, -1, -1, -1) if alike else frames


@torch.no_grad()
@pytest.mark.parametrize("how", ["kv", "nearest"])
def test_frames_that_are_alike_stay_as_they_are(network, how):
    model, run = network
    frames = frames_of(alike=True)
    plain = run(frames)
    with propagating(model, how, T) as names:
        assert names
        assert torch.allclose(run(frames), plain, atol=2e-5)
    with propagating(model, how, 1):  # every frame by itself
        assert torch.allclose(run(frames_of()), plain_of(model, run), atol=2e-5)


def plain_of(model, run):
    return run(frames_of())


@torch.no_grad()
def test_each_frame_depends_on_the_anchor_and_on_the_one_before(network):
    model, run = network
    frames = frames_of()
    with propagating(model, "kv", T, anchor=1):
        before = run(frames)
        for changed, affected in ((1, {0, 1, 2, 3, 4}), (3, {3, 4}), (4, {4})):
            other = frames.clone()
            other[changed] = frames_of(1, seed=9)[0]
            apart = (run(other) - before).flatten(1).abs().amax(1)
            if affected == {3, 4}:
                assert set((apart > 1e-6).nonzero()[:, 0].tolist()) == affected
            else:
                assert affected <= set((apart > 1e-6).nonzero()[:, 0].tolist())


@torch.no_grad()
def test_frames_between_key_frames_take_over_what_these_found(network):
    model, run = network
    frames = frames_of()
    plain = run(frames)
    with propagating(model, "nearest", T, keys=(0, 4)):
        made = run(frames)
        other = frames.clone()
        other[2] = frames_of(1, seed=9)[0]
        apart = (run(other) - made).flatten(1).abs().amax(1)
    assert set((apart > 1e-6).nonzero()[:, 0].tolist()) == {2}
    assert (made - plain).abs().max() > 1e-5


@torch.no_grad()
def test_guidances_halves_do_not_meet(network):
    model, run = network
    frames = frames_of()
    for how in ("kv", "nearest"):
        with propagating(model, how, T):
            alone = run(frames)
            both = run(torch.cat([frames, frames_of(seed=5)]))
        assert torch.allclose(both[:T], alone, atol=2e-5)


@torch.no_grad()
def test_afterwards_the_network_is_as_before(network):
    model, run = network
    plain = run(frames_of())
    processors = dict(model.attn_processors)
    with pytest.raises(ValueError, match="batch of 5 for 2"), propagating(model, "kv", 2):
        run(frames_of())
    assert model.attn_processors == processors
    assert torch.equal(run(frames_of()), plain)


@torch.no_grad()
def test_only_the_pictures_own_tokens_are_carried(flux):
    """Tokens of a reference behind them look at what they see anyway."""
    ids = torch.cartesian_prod(torch.zeros(1), torch.arange(4.0), torch.arange(4.0))
    tokens = torch.randn(3, 16, 8, generator=torch.Generator().manual_seed(0))
    run = dict(
        encoder_hidden_states=torch.zeros(3, 2, 12), pooled_projections=torch.zeros(3, 12),
        timestep=torch.full((3,), 0.3), img_ids=ids, txt_ids=torch.zeros(2, 3), return_dict=False,
    )
    with propagating(flux, "kv", 3, tokens=8, layers=("transformer_blocks.0.",)) as names:
        assert "transformer_blocks.0.attn.processor" in names
        made = flux(tokens, **run)[0]
    with propagating(flux, "kv", 3, layers=("transformer_blocks.0.",)):
        whole = flux(tokens, **run)[0]
    assert (made - whole).abs().max() > 1e-6


def test_layers_along_time_are_left_alone():
    torch.manual_seed(0)
    network = UNetMotionModel(
        sample_size=8, in_channels=4, out_channels=4, layers_per_block=1,
        block_out_channels=(32, 32), norm_num_groups=8, cross_attention_dim=16,
        motion_num_attention_heads=2, num_attention_heads=2,
        down_block_types=("CrossAttnDownBlockMotion", "DownBlockMotion"),
        up_block_types=("UpBlockMotion", "CrossAttnUpBlockMotion"),
    )
    with propagating(network, "kv", 2) as names:
        assert names and not any("motion_modules" in name for name in names)


def test_tokens_are_carried_as_tokenflow_says():
    tokens = torch.eye(3)[None, None].repeat(1, 4, 1, 1)
    tokens[0, 1] = tokens[0, 1, [2, 0, 1]]  # they have moved
    found = torch.arange(6.0).reshape(1, 2, 3, 1)
    made = carried(found, tokens, [0, 3])
    weight = float(torch.sigmoid(torch.tensor(2 / 3)))
    expected = weight * found[0, 0, [2, 0, 1]] + (1 - weight) * found[0, 1, [2, 0, 1]]
    assert torch.allclose(made[0, 1], expected)
    assert torch.equal(made[0, 0], found[0, 0]) and torch.equal(made[0, 3], found[0, 1])
    ends = carried(found[:, :1], tokens, [1])
    assert torch.equal(ends[0, 3], found[0, 0, [1, 2, 0]])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("flow", 4), "kv or nearest"), (("kv", 0), "anchor"), (("kv", 4, 4), "anchor"),
        (("nearest", 4, 0, (2, 1)), "keys"), (("nearest", 4, 0, (4,)), "keys"),
    ],
)
def test_settings_out_of_range_are_refused(values, said):
    with pytest.raises(InputError, match=said):
        Propagation(*values)


def test_layers_that_are_not_there_are_refused(unet):
    with pytest.raises(InputError, match="layers"), propagating(unet, "kv", 2, layers=("wings",)):
        pass
