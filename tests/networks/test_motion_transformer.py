"""Wan's transformer with attention to motion: the base model until trained, and what it adds."""

from __future__ import annotations

import pytest
import torch
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel

from muybridge.errors import InputError
from muybridge.networks.motion_transformer import MotionTransformer, turned, with_places
from muybridge.networks.weights import load_strictly, read_model, save_model

SMALL = {
    "patch_size": (1, 2, 2), "num_attention_heads": 2, "attention_head_dim": 16, "in_channels": 4,
    "out_channels": 4, "text_dim": 8, "freq_dim": 16, "ffn_dim": 32, "num_layers": 3,
    "rope_max_seq_len": 32,
}
IMAGE = {**SMALL, "in_channels": 12, "image_dim": 10, "added_kv_proj_dim": 32}
FRAMES, TOKENS = 3, 3 * 2 * 3


def made(config=SMALL, seed=0, **motion):
    torch.manual_seed(seed)
    base = WanTransformer3DModel(**config).eval()
    ours = MotionTransformer(**config, **{"motion_dim": 6, **motion}).eval()
    found = ours.load_state_dict(base.state_dict(), strict=False)
    assert not found.unexpected_keys
    assert all(name.startswith("motion_blocks.") for name in found.missing_keys)
    return base, ours


def awake(network, seed=5):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for block in network.motion_blocks.values():
            weight = block.to_out.weight
            weight.copy_(0.3 * torch.randn(weight.shape, generator=generator))
    return network


def given(config=SMALL, samples=2, per_token=False):
    generator = torch.Generator().manual_seed(9)

    def noise(*shape):
        return torch.randn(*shape, generator=generator)

    shape = (samples, TOKENS) if per_token else (samples,)
    known = {
        "hidden_states": noise(samples, config["in_channels"], FRAMES, 4, 6),
        "timestep": 1000 * torch.rand(shape, generator=generator),
        "encoder_hidden_states": noise(samples, 512 if "image_dim" in config else 5, 8),
        "return_dict": False,
    }
    if "image_dim" in config:
        known["encoder_hidden_states_image"] = noise(samples, 4, config["image_dim"])
    motion = {
        "motion_tokens": noise(samples, 2 * FRAMES, 6),
        "motion_times": torch.arange(FRAMES, dtype=torch.float32).repeat_interleave(2),
    }
    return known, motion


@pytest.mark.parametrize("per_token", [False, True])
@pytest.mark.parametrize("config", [SMALL, IMAGE], ids=["text", "image"])
def test_untrained_it_is_wan_to_the_bit(config, per_token):
    base, ours = made(config)
    known, motion = given(config, per_token=per_token)
    with torch.no_grad():
        wanted = base(**known)[0]
        assert torch.equal(ours(**known)[0], wanted)
        assert torch.equal(ours(**known, **motion)[0], wanted)
        known["return_dict"] = True
        assert torch.equal(ours(**known, **motion).sample, wanted)
        awake(ours)
        assert torch.equal(ours(**known).sample, wanted)  # no motion: the base model
        assert not torch.allclose(ours(**known, **motion).sample, wanted, atol=1e-3)


def test_wans_own_weights_keep_their_names():
    base, ours = made()
    mine = {k: v for k, v in ours.state_dict().items() if not k.startswith("motion_blocks.")}
    load_strictly(base, mine, "ours")
    with pytest.raises(InputError, match=r"\d+ unknown: motion_blocks"):
        load_strictly(base, ours.state_dict(), "ours")
    with pytest.raises(InputError, match=r"\d+ missing: motion_blocks"):
        load_strictly(ours, base.state_dict(), "wan")


def test_the_order_of_motion_matters_and_its_clock():
    _, ours = made()
    known, motion = given()
    awake(ours)
    with torch.no_grad():
        plain = ours(**known, **motion)[0]
        backward = ours(**known, **{
            **motion, "motion_tokens": motion["motion_tokens"].flip(1),
        })[0]
        both = ours(**known, **{name: values.flip(-1 if values.ndim == 1 else 1)
                                for name, values in motion.items()})[0]
    assert float((plain - backward).abs().max()) > 1e-3
    assert torch.allclose(plain, both, atol=1e-5)  # tokens are told apart by their times alone


def test_queries_and_keys_agree_on_how_far_apart_they_are():
    values = torch.randn(1, 1, 4, 10)
    times = torch.tensor([0.0, 1.0, 2.5, 7.0])
    here, later = turned(values, times), turned(values, times + 3)
    assert torch.allclose(here.norm(dim=-1), values.norm(dim=-1), atol=1e-5)
    assert torch.allclose(here @ here.mT, later @ later.mT, atol=1e-4)
    assert torch.equal(turned(values, torch.zeros(4)), values)


def test_a_frame_sees_motion_within_its_reach():
    _, ours = made({**SMALL, "num_layers": 1}, motion_reach=0.5)
    awake(ours)
    block = ours.motion_blocks["0"]
    tokens = torch.randn(1, 4, 32)
    times = torch.tensor([0.0, 0.0, 1.0, 9.0])
    motion, when = torch.randn(1, 3, 6), torch.tensor([0.0, 1.0, 2.0])
    with torch.no_grad():
        before = block(tokens, motion, times, when)
        motion[:, 0] += 1.0
        after = block(tokens, motion, times, when)
    changed = (before - after).abs().amax(-1)[0] > 1e-6
    assert changed.tolist() == [True, True, False, True]  # the last one sees nobody, so all


@pytest.mark.parametrize(("options", "blocks", "inner"), [
    ({}, ["0", "1", "2"], 32), ({"motion_every": 2}, ["0", "2"], 32),
    ({"motion_inner_dim": 16}, ["0", "1", "2"], 16), ({"motion_dim": 0}, [], 0),
])
def test_where_motion_comes_in_and_how_wide(options, blocks, inner):
    _, ours = made(**options)
    assert list(ours.motion_blocks) == blocks
    assert all(b.to_q.weight.shape == (inner, 32) for b in ours.motion_blocks.values())
    known, motion = given()
    with torch.no_grad():
        assert ours(**known, **motion)[0].shape == (2, 4, FRAMES, 4, 6)


def test_recomputing_in_the_backward_pass_changes_nothing():
    _, ours = made()
    awake(ours).train()
    known, motion = given(per_token=True)
    motion["motion_tokens"].requires_grad_()
    grads = []
    for again in (False, True):
        if again:
            ours.enable_gradient_checkpointing()
        ours.zero_grad()
        motion["motion_tokens"].grad = None
        ours(**known, **motion)[0].square().sum().backward()
        assert all(p.grad is not None for p in ours.motion_blocks.parameters())
        grads.append([motion["motion_tokens"].grad] + [p.grad for p in ours.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*grads, strict=True))


def test_the_first_step_moves_only_the_outputs_the_next_one_all():
    _, ours = made()
    known, motion = given()
    optimizer = torch.optim.SGD(ours.motion_blocks.parameters(), 0.1)
    reached = []
    for _ in range(2):
        optimizer.zero_grad()
        ours(**known, **motion)[0].square().mean().backward()
        reached.append({
            n for n, p in ours.motion_blocks.named_parameters() if bool(p.grad.any())
        })
        optimizer.step()
    assert all("to_out" in name for name in reached[0])
    # a bias of all keys shifts every score alike where they are not turned
    assert {n.split(".", 1)[1] for n in reached[1]} >= {
        "norm.weight", "to_q.weight", "to_k.weight", "to_v.weight", "to_out.weight",
    }


def test_tokens_and_times_come_together():
    _, ours = made()
    known, motion = given()
    for name in motion:
        with pytest.raises(ValueError, match="belong together"):
            ours(**known, **{name: motion[name]})


def test_saved_and_read_without_memory_first(tmp_path):
    _, ours = made()
    awake(ours)
    save_model(ours, tmp_path)
    read = with_places(read_model(MotionTransformer, tmp_path))
    known, motion = given()
    with torch.no_grad():
        assert torch.equal(read(**known, **motion)[0], ours(**known, **motion)[0])
    assert torch.equal(MotionTransformer.from_pretrained(tmp_path)(**known, **motion)[0],
                       read(**known, **motion)[0])


def test_learnt_places_tell_tokens_apart_that_begin_alike():
    torch.manual_seed(3)
    known, motion = given(samples=1)
    known["hidden_states"] = torch.zeros(1, 4, 1, 4, 6)  # one picture, at the noise's mean
    outputs = {}
    for grid in (None, (4, 2, 3)):
        torch.manual_seed(4)
        ours = awake(MotionTransformer(**SMALL, motion_dim=6, grid=grid).eval())
        with torch.no_grad():
            outputs[grid] = ours(**known, **motion)[0][0, :, 0]
    patches = {
        grid: made.unfold(1, 2, 2).unfold(2, 2, 2).flatten(1, 2).flatten(2)
        for grid, made in outputs.items()
    }
    spread = {grid: float(found.std(1).mean()) for grid, found in patches.items()}
    assert spread[None] < 1e-5 < 1e-2 < spread[(4, 2, 3)]


@torch.no_grad()
def test_learnt_places_are_weights_and_fit_other_pictures():
    ours = MotionTransformer(**SMALL, motion_dim=6, grid=(4, 2, 3)).eval()
    assert ours.state_dict()["places"].shape == (1, 32, 2, 3)
    assert ours.state_dict()["moments"].shape == (4, 32)
    assert "places" not in MotionTransformer(**SMALL, motion_dim=6).state_dict()
    known, motion = given()
    known["hidden_states"] = torch.cat([known["hidden_states"]] * 2, -1)
    assert ours(**known, **motion)[0].shape == known["hidden_states"].shape
    plain = ours(**known)[0]
    ours.places.zero_()
    ours.moments.zero_()
    assert not torch.allclose(ours(**known)[0], plain, atol=1e-4)  # without motion too


@pytest.mark.parametrize("grid", [None, (FRAMES, 2, 3)])
@torch.no_grad()
def test_pictures_out_of_a_clip_keep_their_numbers(grid):
    torch.manual_seed(3)
    ours = awake(MotionTransformer(**SMALL, motion_dim=6, grid=grid).eval())
    known, motion = given()
    whole = ours(**known, **motion)[0]
    in_order = torch.arange(FRAMES).expand(2, -1)
    told = ours(**known, **motion, numbers=in_order, span=FRAMES)[0]
    assert torch.allclose(told, whole, atol=1e-5)
    latents = known["hidden_states"]
    frames = torch.tensor([[0, 1], [0, 2]])  # each sample another second picture
    for k, numbers in enumerate(frames):
        cos, sin = ours.rotary(latents[:, :, :2], frames, FRAMES)
        every = ours.rope(latents)
        for part, of_all in zip((cos, sin), every, strict=True):
            per_frame = of_all[0].unflatten(0, (FRAMES, -1))
            assert torch.equal(part[k], per_frame[numbers].flatten(0, 1))
    if grid is not None:
        tokens = ours.embedded(latents, None).unflatten(1, (FRAMES, -1))
        some = ours.embedded(latents[:, :, [0, 2]], frames[1:].expand(2, -1))
        assert torch.allclose(some.unflatten(1, (2, -1)), tokens[:, [0, 2]], atol=1e-6)
    moved = ours(**{**known, "hidden_states": latents[:, :, :2], "timestep": known["timestep"]},
                 motion_tokens=motion["motion_tokens"][:, :4],
                 motion_times=motion["motion_times"][:4], numbers=frames, span=FRAMES)[0]
    assert moved.shape[2] == 2 and torch.isfinite(moved).all()
