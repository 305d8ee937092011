"""The image model on packed tokens against what the official networks gave once."""

from __future__ import annotations

import json

import pytest
import torch
from diffusers import FluxControlNetModel, FluxTransformer2DModel
from reimagine_recorded import flux_parts, part, recording, relative

from muybridge.methods.reimagine.denoise import LookedAt, Text, denoise, velocity
from muybridge.methods.reimagine.scheduler import release_levels, release_scheduler


@pytest.fixture(scope="module")
def recorded(shared):
    _, tensors = recording(shared, "kontext_controlnet")
    return part(tensors, "io."), tensors


@pytest.fixture(scope="module")
def flux(shared):
    return flux_parts(shared)


def told(io, kind=torch.float32):
    text = Text(io["prompt_embeds"].to(kind), io["pooled_prompt_embeds"].to(kind))
    return text, LookedAt(io["reference_tokens"].to(kind), io["reference_ids"][0])


CASES = {
    "plain": ("", False, {}),
    "kontext": ("", True, {}),
    "controlnet": ("controlnet", False, {}),
    "kontext_controlnet": ("controlnet", True, {}),
    "kontext_controlnet_scale0.6": ("controlnet", True, {"scale": 0.6}),
    "kontext_controlnet_singles": ("controlnet_singles", True, {}),
    "kontext_controlnet_guidance2.5": ("controlnet", True, {"guidance": 2.5}),
    "kontext_controlnet_t3": ("controlnet", True, {"t": 0.003}),
}


@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_velocity_equals_the_recorded_one(recorded, flux, case):
    io, tensors = recorded
    control, looks, options = CASES[case]
    text, reference = told(io)
    t = torch.tensor([options.get("t", 0.7)])
    options = {name: value for name, value in options.items() if name != "t"}
    got = velocity(
        flux["transformer"], flux[control] if control else None, io["noise_tokens"],
        io["noise_ids"][0], t, text, reference=reference if looks else None,
        control=io["control_tokens"] if control else None, **options,
    )
    assert relative(got, tensors[f"velocity.{case}"]) < 2e-5


@pytest.mark.parametrize("name, kind, most", [
    ("trajectory", torch.float32, 2e-5), ("trajectory_bf16", torch.bfloat16, 5e-2),
])
def test_a_trajectory_equals_the_recorded_one(recorded, flux, name, kind, most):
    io, tensors = recorded
    text, reference = told(io, kind)
    scheduler, seen = release_scheduler(4), [io["noise_tokens"].to(kind)]
    networks = [flux[n].to(kind) for n in ("transformer", "controlnet")]
    try:
        last = denoise(
            *networks, scheduler, seen[0], io["noise_ids"][0], text, reference=reference,
            control=io["control_tokens"].to(kind), callback=lambda i, t, x: seen.append(x),
        )
    finally:
        for network in networks:
            network.float()
    assert torch.equal(last, seen[-1]) and last.dtype == kind
    for got, wanted in zip(seen, tensors[f"{name}.latents"], strict=True):
        assert relative(got, wanted) < most


@pytest.mark.parametrize("steps", [4, 8, 20, 28])
def test_noise_levels_are_the_releases(shared, steps):
    known = json.loads((shared / "fixtures/reimagine/scheduler.json").read_text())["steps"]
    wanted, scheduler = known[str(steps)], release_scheduler(steps)
    sigmas = torch.tensor([*wanted["sigmas"], wanted["final_sigma"]])
    assert torch.allclose(scheduler.sigmas, sigmas, rtol=0, atol=1e-6)
    assert relative(scheduler.timesteps, torch.tensor(wanted["timesteps"])) < 1e-6
    rounded = torch.tensor(wanted["timesteps_bf16"])
    assert relative(scheduler.timesteps.bfloat16(), rounded) < 0.004


def test_one_step_begins_at_pure_noise_and_none_is_refused():
    assert release_levels(1) == [1.0]
    with pytest.raises(ValueError, match="0 steps"):
        release_levels(0)


# ------------------------------------------------------------------ without recordings


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    shape = {
        "in_channels": 16, "attention_head_dim": 16, "num_attention_heads": 1,
        "joint_attention_dim": 8, "pooled_projection_dim": 8, "axes_dims_rope": (4, 6, 6),
        "num_layers": 1, "num_single_layers": 1,
    }
    transformer = FluxTransformer2DModel(**shape, guidance_embeds=False)
    controlnet = FluxControlNetModel(**shape, guidance_embeds=True)
    with torch.no_grad():
        for block in (*controlnet.controlnet_blocks, controlnet.controlnet_x_embedder):
            torch.nn.init.normal_(block.weight, std=0.3)
    return transformer.eval(), controlnet.eval()


def task(batch=2):
    torch.manual_seed(1)
    ids = torch.tensor([[0.0, row, column] for row in range(2) for column in range(3)])
    return {
        "noise": torch.randn(batch, 6, 16), "ids": ids,
        "text": Text(torch.randn(1, 2, 8), torch.randn(1, 8)),
        "reference": LookedAt(torch.randn(1, 4, 16), torch.ones(4, 3)),
        "control": torch.randn(batch, 6, 16),
    }


def test_a_batch_gives_what_each_gives_alone(small):
    whole = task()
    together = denoise(*small, release_scheduler(2), **whole)
    alone = [
        denoise(*small, release_scheduler(2), **whole | {
            name: whole[name][n : n + 1] for name in ("noise", "control")
        }) for n in range(2)
    ]
    assert torch.allclose(together, torch.cat(alone), atol=1e-5)


def test_control_steers_and_its_scale_of_zero_leaves_it_out(small):
    given = task()
    steered = denoise(*small, release_scheduler(2), **given)
    without = denoise(*small, release_scheduler(2), **given | {"control": None})
    assert not torch.allclose(steered, without)
    silent = denoise(*small, release_scheduler(2), **given, scale=0.0)
    assert torch.equal(silent, without)


def test_guidance_away_from_the_same_text_changes_nothing(small):
    given = task()
    plain = denoise(*small, release_scheduler(2), **given)
    led = denoise(
        *small, release_scheduler(2), **given, negative=given["text"], true_cfg_scale=3.0
    )
    assert torch.allclose(plain, led, atol=1e-6)
    with pytest.raises(ValueError, match="negative"):
        denoise(*small, release_scheduler(2), **given, true_cfg_scale=3.0)


def test_a_callback_may_change_the_latents(small):
    given = task()
    told_of = []

    def zeroed(step, timestep, latents):
        told_of.append((step, float(timestep)))
        return torch.zeros_like(latents) if step == 1 else None

    made = denoise(*small, release_scheduler(2), **given, callback=zeroed)
    assert not made.any() and [step for step, _ in told_of] == [0, 1]
    assert told_of[0][1] == 1000
