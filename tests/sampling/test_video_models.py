"""Wan and Stable Video Diffusion as video models: what they say is what their pipelines do."""

from __future__ import annotations

import json

import pytest
import torch
from PIL import Image
from sampling.video_small import svd, svd_folder, wan, wan_folder

from muybridge.errors import InputError, MissingWeights
from muybridge.sampling import SpectralTemporalRefiner, Tile, VideoModel, open_windows
from muybridge.sampling.video_models import (
    SvdTools,
    VideoTools,
    WanTools,
    fitted,
    is_video_folder,
    latent_frames,
    lengthened,
    load_tools,
)

PLAIN = {"amount": 0.0, "anchor": 0.0}
KINDS = ("t2v", "i2v", "ti2v", "two")


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    """Seven of 32 x 48."""
    generator = torch.Generator().manual_seed(0)
    small = torch.rand(7, 3, 4, 6, generator=generator)
    large = torch.nn.functional.interpolate(small, (32, 48), mode="bilinear")
    return (large * 255).round() / 255


@pytest.fixture(scope="module")
def text() -> torch.Tensor:
    return torch.randn(2, 1, 5, 16, generator=torch.Generator().manual_seed(6))


@pytest.fixture(scope="module")
def pipelines():
    return {kind: wan(kind) for kind in KINDS}


@pytest.fixture(scope="module")
def stable():
    return svd()


@pytest.mark.parametrize("kind", KINDS)
def test_the_plain_loop_is_wans_own_pipeline(kind, pipelines, pictures, text):
    """From pure noise, with guidance: latents as ``__call__`` of diffusers gives them."""
    pipeline = pipelines[kind]
    tools = WanTools(pipeline, text[0], text[1])
    assert isinstance(tools, VideoTools)
    noise = torch.randn(1, 4, 2, 4, 6, generator=torch.Generator().manual_seed(7))
    first = Image.fromarray((pictures[0] * 255).round().byte().permute(1, 2, 0).numpy())
    extra = {"image": first} if tools.from_image else {}
    expected = pipeline(
        prompt_embeds=text[0], negative_prompt_embeds=text[1], height=32, width=48, num_frames=5,
        num_inference_steps=4, guidance_scale=2.0, latents=noise, output_type="latent", **extra,
    ).frames
    model = tools.model(pictures[:5])
    assert isinstance(model, VideoModel)
    levels = [*(pipeline.scheduler.timesteps.double() / 1000).tolist(), 0.0]
    refiner = SpectralTemporalRefiner(model, strength=1.0, steps=4, guidance=2.0, **PLAIN)
    object.__setattr__(refiner.settings, "noise_levels", lambda: levels)
    start = noise.transpose(1, 2)
    made = refiner(torch.zeros_like(start), noise=start).transpose(1, 2)
    assert (made - expected).abs().max() < 5e-5
    assert expected.abs().max() > 0.1


def test_the_plain_loop_is_svds_own_pipeline(stable, pictures):
    tools = SvdTools(stable, noise=0.0)
    noise = torch.randn(1, 4, 4, 16, 16, generator=torch.Generator().manual_seed(8))
    frame = torch.nn.functional.interpolate(pictures[:1], (32, 32))
    expected = stable(
        frame, 32, 32, num_frames=4, num_inference_steps=3, min_guidance_scale=2.0,
        max_guidance_scale=2.0, noise_aug_strength=0.0, latents=noise.clone(),
        output_type="latent",
    ).frames
    sigmas = stable.scheduler.sigmas.double()
    levels = (sigmas / (1 + sigmas)).tolist()
    model = tools.model(frame)
    seen = stable._encode_image(frame, "cpu", 1, False)
    object.__setattr__(model, "embedding", seen)
    refiner = SpectralTemporalRefiner(model, strength=1.0, steps=3, guidance=2.0, **PLAIN)
    object.__setattr__(refiner.settings, "noise_levels", lambda: levels)
    top = levels[0]
    start = noise * float(stable.scheduler.init_noise_sigma) * (1 - top) / top
    made = refiner(torch.zeros_like(start), noise=start)
    assert (made - expected).abs().max() < 1e-3 * expected.abs().max()


@pytest.mark.parametrize("kind", [*KINDS, "svd"])
def test_everything_kept_is_the_input(kind, pipelines, stable, pictures, text):
    tools = SvdTools(stable) if kind == "svd" else WanTools(pipelines[kind], text[0])
    count = 4 if kind == "svd" else 7
    height, width = tools.size_for(32, 48)
    seen = torch.nn.functional.interpolate(pictures[:count], (height, width))
    latents = tools.encode(seen)
    assert len(latents) == latent_frames(count, tools.compression)
    decoded = tools.decode(latents)
    assert decoded.shape[0] >= count
    assert decoded.shape[1:] == seen.shape[1:]
    refiner = SpectralTemporalRefiner(
        tools.model(seen), steps=2, guidance=3.0, cut_time=float("inf")
    )
    assert torch.equal(refiner(latents[None])[0], latents)
    changed = SpectralTemporalRefiner(tools.model(seen), steps=2, cut_time=0.1)(latents[None])[0]
    assert torch.equal(changed[0], latents[0])  # the anchor
    assert (changed[1:] - latents[1:]).abs().max() > 0.01


def test_only_windows_at_the_beginning_have_a_clean_first_frame(pipelines, pictures, text):
    model = WanTools(pipelines["ti2v"], text[0]).model(pictures)
    noisy = torch.randn(2, 2, 4, 4, 6)
    tiles = [Tile((0,), (0, 1)), Tile((0,), (1, 2))]
    found = model(noisy, torch.tensor(0.5), tiles, False).conditioned
    assert torch.allclose(found[0, 0], model.clean_first)
    assert not torch.allclose(found[1, 0], model.clean_first)


def test_the_second_transformer_takes_little_noise(pipelines, pictures, text):
    model = WanTools(pipelines["two"], text[0]).model(pictures)
    noisy = torch.randn(1, 3, 4, 4, 6)
    tiles = [Tile((0,), (0, 1, 2))]
    for share, differs in ((0.6, False), (0.4, True)):
        with_two = model(noisy, torch.tensor(share), tiles, False).conditioned
        object.__setattr__(model, "boundary", 0.0)
        with_one = model(noisy, torch.tensor(share), tiles, False).conditioned
        object.__setattr__(model, "boundary", 0.5)
        assert torch.equal(with_two, with_one) != differs


def test_windows_of_a_text_model_are_fused(pipelines, pictures, text):
    model = WanTools(pipelines["t2v"], text[0]).model(pictures)
    latents = torch.randn(1, 6, 4, 4, 6)
    refiner = SpectralTemporalRefiner(model, steps=2, cut_time=0.1)
    made = refiner(latents, windows=open_windows(6, 4, 2, "ramp"), tiles_per_call=2)
    assert torch.allclose(
        made, refiner(latents, windows=open_windows(6, 4, 2, "ramp")), atol=1e-5
    )


def test_sizes():
    assert fitted(1328, 800, 480 * 832, 16) == (816, 480)
    assert fitted(128, 96, 480 * 832, 16) == (128, 96)
    assert fitted(100, 90, 480 * 832, 16) == (96, 96)
    assert fitted(5, 4000, 64 * 64, 16) == (16, 256)
    rows, columns = fitted(999, 998, 576 * 1024, 64)
    assert rows % 64 == columns % 64 == 0
    assert rows * columns <= 576 * 1024
    pictures = torch.rand(6, 1, 2, 2)
    assert len(lengthened(pictures, 4)) == 9
    assert len(lengthened(pictures, 1)) == 6
    assert [latent_frames(n, 4) for n in (1, 2, 5, 6, 81)] == [1, 2, 2, 3, 21]


def test_folders_are_read_and_others_refused(tmp_path, pictures):
    folder = svd_folder(tmp_path / "svd")
    assert is_video_folder(folder)
    tools = load_tools(folder)
    assert isinstance(tools, SvdTools)
    assert len(tools.encode(torch.rand(3, 3, 32, 32))) == 3
    (folder / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"broken")
    with pytest.raises(InputError, match="can't be read"):
        load_tools(folder)
    with pytest.raises(InputError, match="GPU"):
        load_tools(svd_folder(tmp_path / "again"), offload=True)
    with pytest.raises(MissingWeights, match="Apache"):
        load_tools(tmp_path / "nowhere")


def test_wans_folder_is_read_with_its_words(tmp_path, pictures):
    tools = load_tools(wan_folder(tmp_path / "wan"), prompt="a person", negative_prompt="flicker")
    assert isinstance(tools, WanTools)
    assert tools.pipeline.text_encoder is None
    assert tools.text.shape == tools.no_text.shape == (1, 512, 16)
    assert not torch.equal(tools.text, tools.no_text)
    assert tools.text[0, 2:].abs().sum() == 0
    assert "text to video" in tools.name


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "can't be read"), ("{", "no JSON"), ("[]", "_class_name"),
        (json.dumps({"_class_name": "FluxPipeline"}), "FluxPipeline"),
        (json.dumps({"_class_name": 3}), "_class_name"),
    ],
)
def test_indices_that_say_something_else(tmp_path, content, said):
    if content is not None:
        (tmp_path / "model_index.json").write_text(content)
    assert not is_video_folder(tmp_path)
    with pytest.raises(InputError, match=said):
        load_tools(tmp_path)
