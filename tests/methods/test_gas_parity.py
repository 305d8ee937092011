"""GAS through our own classes against what the official networks and pipeline gave once."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from gas_recorded import recording, relative
from methods.gas_tiny import tiny_config, write_release

from muybridge.methods.gas.checkpoints import load_release
from muybridge.methods.gas.diffuse import Settings, condition, sample
from muybridge.methods.latent import decode
from muybridge.networks.clip_picture import clip_picture


@pytest.fixture(scope="module")
def tiny(shared, tmp_path_factory):
    root = write_release(shared, tmp_path_factory.mktemp("release"))
    return load_release(root, tiny_config(shared))


@pytest.fixture(scope="module")
def reference(shared):
    _, tensors = recording(shared)
    return tensors["pipe/image_u8"].permute(2, 0, 1).float() / 255


def test_reference_is_encoded_as_recorded(shared, tiny, reference):
    _, tensors = recording(shared)
    token = tiny.token(reference[None])
    assert relative(token, tensors["pipe/clip_embeds"][1:]) < 1e-4
    assert relative(tiny.encode(reference), tensors["pipe/image_latents"][1]) < 1e-4
    assert not tensors["pipe/clip_embeds"][0].any()  # the unconditioned half is zero
    assert not tensors["pipe/image_latents"][0].any()


@pytest.mark.parametrize(
    "run, task, settings",
    [
        ("pipe_mv", "view", Settings(steps=3)),
        ("pipe_anim", "pose", Settings(steps=3)),
        ("pipe_tile", "pose", Settings(steps=2, window=6, overlap=2)),
    ],
)
def test_a_run_equals_the_recorded_one(shared, tiny, reference, run, task, settings):
    _, tensors = recording(shared)

    def grid(values):  # a clip [F, ...] as views x frames
        return values.float()[:, None] if task == "view" else values.float()[None]

    conditions = condition(
        tiny, reference, grid(tensors[f"{run}/nerf_rgb"]), grid(tensors[f"{run}/smpl"])
    )
    # pictures were kept in float16
    assert relative(conditions.cue_latents, grid(tensors[f"{run}/nerf_vae_latents"])) < 1e-3
    recorded = tensors[f"{run}/guidance_scale"]
    if task == "view":  # the paper's own schedule is the default
        assert recorded[0] == 1 and recorded[10] == 2
    else:  # the release ramps here; the default is the paper's
        settings = dataclasses.replace(
            settings, pose_guidance=(float(recorded[0]), float(recorded[-1]))
        )
    trace = []
    latents = sample(
        tiny, conditions, settings=settings, noise=grid(tensors[f"{run}/init_noise"][0]),
        callback=lambda step, steps, x: trace.append(x),
    )
    assert len(trace) == len(tensors[f"{run}/latents_trace"])
    for ours, theirs in zip(trace, tensors[f"{run}/latents_trace"], strict=True):
        assert relative(ours, grid(theirs[0])) < 1e-3
    frames = decode(tiny, latents)
    theirs = grid(tensors[f"{run}/frames"][0])
    assert float((frames - theirs).abs().max()) < 2e-3


def test_more_than_one_tile_a_call_and_packed_guidance_change_nothing(shared, tiny, reference):
    _, tensors = recording(shared)
    cues = tensors["pipe_tile/nerf_rgb"].float()[None]
    conditions = condition(tiny, reference, cues, tensors["pipe_tile/smpl"].float()[None])
    plain = Settings(steps=1, window=6, overlap=2)
    packed = dataclasses.replace(plain, tiles_per_call=2, pack_guidance=True)
    results = [sample(tiny, conditions, settings=each) for each in (plain, packed)]
    # one step from sigma 700: float32 rounding of 1e-7, 700 times larger
    assert relative(results[1], results[0]) < 1e-3


def test_pictures_for_clip_are_prepared_as_svd_does():
    from diffusers.pipelines.stable_video_diffusion import (
        pipeline_stable_video_diffusion as svd,
    )

    generator = torch.Generator().manual_seed(0)
    for size in ((64, 48), (512, 512), (300, 700)):
        picture = torch.rand(1, 3, *size, generator=generator)
        theirs = (svd._resize_with_antialiasing(picture * 2 - 1, (224, 224)) + 1) / 2
        mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])[:, None, None]
        deviation = torch.tensor([0.26862954, 0.26130258, 0.27577711])[:, None, None]
        assert torch.allclose(clip_picture(picture), (theirs - mean) / deviation, atol=1e-5)
