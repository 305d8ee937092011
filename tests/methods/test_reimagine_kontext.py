"""FLUX.1-Kontext with a ControlNet: the whole official call at a tiny size, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, FluxControlNetModel, FluxTransformer2DModel
from PIL import Image
from reimagine_recorded import flux_parts, part, recording, relative

from muybridge.errors import InputError
from muybridge.methods.reimagine.denoise import LookedAt, Text
from muybridge.methods.reimagine.kontext_controlnet import (
    FluxKontextControlNetPipeline,
    as_bytes,
    fit_to_height,
    rgb,
)
from muybridge.methods.reimagine.lora import merge_lora
from muybridge.methods.reimagine.scheduler import release_scheduler

FLUX = {
    "in_channels": 64, "attention_head_dim": 16, "num_attention_heads": 1,
    "joint_attention_dim": 8, "pooled_projection_dim": 8, "axes_dims_rope": (4, 6, 6),
    "num_layers": 1, "num_single_layers": 1, "guidance_embeds": True,
}
VAE = {
    "block_out_channels": (4, 4, 4, 4), "norm_num_groups": 2, "latent_channels": 16,
    "layers_per_block": 1, "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4, "scaling_factor": 0.3611,
    "shift_factor": 0.1159, "use_quant_conv": False, "use_post_quant_conv": False,
}


def pipeline(transformer, controlnet, vae):
    pipe = FluxKontextControlNetPipeline(
        release_scheduler(), vae, None, None, None, None, transformer, controlnet
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


# ------------------------------------------------------------------ against recordings


@pytest.fixture(scope="module")
def official(shared):
    said, tensors = recording(shared, "pipeline")
    _, networks = recording(shared, "kontext_controlnet")
    vae = AutoencoderKL(**said["vae_config"]).eval()
    vae.load_state_dict(part(tensors, "diffusers.vae."))
    flux = flux_parts(shared)
    merge_lora(flux["transformer"], shared / "fixtures/reimagine" / said["call"]["lora"])
    pipe = pipeline(flux["transformer"], flux["controlnet"], vae)
    return pipe, said["call"], tensors, part(networks, "io.")


def picture(tensor):
    return Image.fromarray(tensor.to(torch.uint8).numpy())


@pytest.mark.parametrize("tag, scale", [("cfg1", 1.0), ("cfg2", 2.0)])
def test_the_whole_call_equals_the_recorded_one(official, tag, scale):
    pipe, call, tensors, io = official
    reference = pipe.encode_reference(picture(tensors["reference_image"]))
    given = {
        "prompt": Text(io["prompt_embeds"], io["pooled_prompt_embeds"]),
        "negative_prompt": Text(
            io["negative_prompt_embeds"], io["negative_pooled_prompt_embeds"]
        ),
        "image": reference, "control_image": picture(tensors["control_image"]),
        "height": call["height"], "width": call["width"], "seed": call["seed"],
        "num_inference_steps": call["steps"], "guidance_scale": call["guidance"],
        "true_cfg_scale": scale,
    }
    latents = pipe(**given, output_type="latent").images
    assert relative(latents, tensors[f"{tag}.final_latents"]) < 2e-5
    decoded = pipe.decode(latents)
    wanted = (tensors[f"{tag}.decoded"] / 2 + 0.5).clamp(0, 1)
    assert torch.allclose(decoded, wanted, atol=2e-5)
    levels = as_bytes(decoded)[0].astype(int) - tensors[f"{tag}.image"].numpy().astype(int)
    assert abs(levels).max() <= 1


def test_pictures_and_noise_are_encoded_as_recorded(official):
    pipe, call, tensors, _ = official
    reference = pipe.encode_reference(picture(tensors["reference_image"]))
    control = pipe.encode_control([picture(tensors["control_image"])])
    for tokens, name in ((reference.tokens, "reference"), (control, "control")):
        latents = tensors[f"{name}_latents"]
        packed = torch.nn.functional.pixel_unshuffle(latents, 2).flatten(2).transpose(1, 2)
        assert relative(tokens, packed) < 2e-5
    assert reference.ids[:, 0].unique().tolist() == [1.0] and reference.ids.shape == (48, 3)
    noise = torch.nn.functional.pixel_unshuffle(tensors["noise_latents"], 2)
    assert torch.equal(
        pipe.noise(call["height"], call["width"], call["seed"]), noise.flatten(2).transpose(1, 2)
    )


@pytest.mark.parametrize("case", range(4))
def test_maps_are_fitted_as_recorded(shared, case):
    _, tensors = recording(shared, "pipeline")
    got = np.asarray(fit_to_height(picture(tensors[f"resize.{case}.input"]), 48, 32))
    wanted = tensors[f"resize.{case}.output"].numpy().astype(int)
    assert got.shape == wanted.shape and abs(got.astype(int) - wanted).max() <= 1


# ------------------------------------------------------------------ without recordings


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    controlnet = FluxControlNetModel(**{**FLUX, "num_single_layers": 0})
    with torch.no_grad():
        for block in (*controlnet.controlnet_blocks, controlnet.controlnet_x_embedder):
            torch.nn.init.normal_(block.weight, std=0.3)
    networks = FluxTransformer2DModel(**FLUX), controlnet, AutoencoderKL(**VAE)
    return pipeline(*(network.eval().requires_grad_(False) for network in networks))


def request(**changes):
    torch.manual_seed(3)
    given = {
        "prompt": Text(torch.randn(1, 2, 8), torch.randn(1, 8)), "image": torch.rand(3, 32, 64),
        "control_image": list(torch.rand(2, 3, 48, 32)), "height": 48, "width": 32,
        "num_inference_steps": 2, "output_type": "pt",
    }
    return given | changes


def test_several_frames_are_what_each_is_alone(small):
    together = small(**request()).images
    assert together.shape == (2, 3, 48, 32)
    alone = [small(**request(control_image=one)).images for one in request()["control_image"]]
    assert torch.allclose(together, torch.cat(alone), atol=1e-5)
    assert not torch.allclose(together[0], together[1], atol=1e-4)


def test_what_was_encoded_before_gives_the_same(small):
    given = request()
    encoded = given | {
        "image": small.encode_reference(given["image"]),
        "control_image": small.encode_control(given["control_image"]),
    }
    assert torch.allclose(small(**given).images, small(**encoded).images, atol=0.01)
    asset = LookedAt(encoded["image"].tokens, encoded["image"].ids)
    again = small(**encoded | {"image": None, "extra_tokens": asset}).images
    assert torch.equal(again, small(**encoded).images)


def test_outputs_and_the_callback_of_diffusers(small):
    seen = []

    def zeroed(pipe, step, timestep, values):
        seen.append(step)
        return {"latents": torch.zeros_like(values["latents"])} if step == 1 else None

    made = small(**request(output_type="latent", callback_on_step_end=zeroed)).images
    assert made.shape == (2, 16, 6, 4) and not made.any() and seen == [0, 1]
    (pictures,) = small(**request(output_type="pil"), return_dict=False)
    assert [p.size for p in pictures] == [(32, 48)] * 2


def test_transparency_becomes_white():
    clear = Image.new("RGBA", (2, 2), (255, 0, 0, 0))
    assert rgb(clear).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("changes, said", [
    ({"height": 50}, "height"), ({"width": 0}, "width"), ({"num_inference_steps": 0}, "steps"),
    ({"output_type": "np"}, "output_type"), ({"true_cfg_scale": 2.0}, "negative"),
    ({"image": torch.rand(3, 30, 64)}, "64 x 30"), ({"prompt": "words"}, "text encoders"),
    ({"control_image": torch.rand(2, 5, 64)}, "5 tokens"), ({"control_image": []}, "0 sizes"),
    ({"extra_tokens": LookedAt(torch.rand(1, 2, 64), torch.ones(2, 3))}, "one of the two"),
])
def test_what_cannot_be_is_refused(small, changes, said):
    with pytest.raises(InputError, match=said):
        small(**request(**changes))
