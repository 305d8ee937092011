"""ReImagine's real parts, as tiny folders of random weights laid out as the real ones are."""

from __future__ import annotations

import shutil

import pytest
import torch
from diffusers import AutoencoderKL, FluxControlNetModel, FluxTransformer2DModel
from methods.test_reimagine_kontext import FLUX, VAE
from safetensors.torch import save_file
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
    T5TokenizerFast,
)

import muybridge as mb
from muybridge.camera import build_cameras
from muybridge.errors import InputError, MissingWeights
from muybridge.methods.reimagine.prompt import Prompt
from muybridge.methods.reimagine.real import RealReImagine, on_white, over_black_of_white
from muybridge.methods.reimagine.real_parts import PRECISIONS, quantisation, read_text
from muybridge.motion import clips, retarget
from muybridge.networks.weights import save_model

LAYER = "single_blocks.0.proj_out.lora_{}.default.weight"


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Kontext (its transformer in shards), a ControlNet that does something, and a LoRA."""
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("parts")
    transformer = FluxTransformer2DModel(**FLUX)
    transformer.save_pretrained(root / "kontext/transformer", max_shard_size="20KB")
    AutoencoderKL(**VAE).save_pretrained(root / "kontext/vae")
    save_model(Prompt(2, 8, 8), root / "kontext/prompt")
    controlnet = FluxControlNetModel(**{**FLUX, "num_single_layers": 0})
    with torch.no_grad():
        for block in (*controlnet.controlnet_blocks, controlnet.controlnet_x_embedder):
            torch.nn.init.normal_(block.weight, std=0.5)
    controlnet.save_pretrained(root / "controlnet")
    wide = transformer.single_transformer_blocks[0].proj_out.in_features
    lora = {LAYER.format("A"): torch.randn(2, wide), LAYER.format("B"): torch.randn(16, 2)}
    save_file(lora, root / "lora.safetensors")
    return root


def loaded(parts, **options):
    return mb.load("reimagine", **{
        "kontext": parts / "kontext", "controlnet": parts / "controlnet",
        "lora": parts / "lora.safetensors", "width": 32, "height": 48,
        "num_inference_steps": 1, "device": "cpu", **options,
    })


@pytest.fixture(scope="module")
def pipe(parts):
    return loaded(parts)


@pytest.fixture(scope="module")
def scene(painted):
    motion = retarget(clips.make("wave", 3), painted.rest_joints)
    cameras = build_cameras("orbit:2", painted.posed(motion).joints, width=40, height=48)
    return painted, motion, cameras


def test_one_call_loads_them_and_makes_a_video(pipe, scene):
    assert isinstance(pipe, RealReImagine)
    video = pipe(*scene, seed=3)
    assert video.frames.shape == (2, 3, 3, 48, 40) and torch.isfinite(video.frames).all()
    pieces = torch.cat([p.frames for p in pipe.stream(*scene, seed=3, chunk=2)], 1)
    assert torch.equal(video.frames, pieces)
    assert not torch.equal(video.frames, pipe(*scene, seed=4).frames)


def latents(pipe, scene):
    return pipe.prepare(*scene, 0, lambda done, text: None).latents


def test_every_part_has_its_say(parts, pipe, scene):
    whole = latents(pipe, scene)
    for changed in ({"lora": False}, {"lora_scale": 0.5}, {"references": 1},
                    {"controlnet_conditioning_scale": 0.0}):
        assert not torch.allclose(whole, latents(loaded(parts, **changed), scene), atol=1e-5)
    batched = latents(loaded(parts, together=3), scene)
    assert torch.allclose(whole, batched, atol=1e-4)


def test_white_is_where_nobody_is():
    matte = torch.tensor([0.0, 1.0, 1.0]).expand(1, 1, 3)
    body = torch.tensor([0.0, 0.0, 0.6]).expand(3, 1, 3)
    given = torch.cat([body, matte])
    assert torch.allclose(over_black_of_white(on_white(given)), given)


def test_words_are_encoded_by_both_text_encoders(tmp_path):
    torch.manual_seed(1)
    words = {"<|startoftext|>": 0, "<|endoftext|>": 1, "a": 2, "a</w>": 3}
    CLIPTokenizer(vocab=words, merges=[]).save_pretrained(tmp_path / "tokenizer")
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -1.0), ("a", -1.0)]
    T5TokenizerFast(vocab=pieces, extra_ids=0).save_pretrained(tmp_path / "tokenizer_2")
    small = {"num_hidden_layers": 1, "num_attention_heads": 2}
    CLIPTextModel(CLIPTextConfig(
        vocab_size=4, hidden_size=8, intermediate_size=8, bos_token_id=0, eos_token_id=1, **small,
    )).save_pretrained(tmp_path / "text_encoder")
    T5EncoderModel(T5Config(
        vocab_size=5, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2,
    )).save_pretrained(tmp_path / "text_encoder_2")
    one, two = (
        read_text(tmp_path, text, torch.float32, torch.device("cpu")) for text in ("a", "a a")
    )
    assert one.tokens.shape == (1, 512, 8) and one.pooled.shape == (1, 8)
    assert not torch.equal(one.tokens, two.tokens) and not torch.equal(one.pooled, two.pooled)


def test_what_is_missing_is_told_with_its_licence(parts, monkeypatch, tmp_path):
    monkeypatch.setenv("MUYBRIDGE_WEIGHTS", str(tmp_path))
    with pytest.raises(MissingWeights, match="Non-Commercial") as told:
        mb.load("reimagine-paper")
    for name in ("FLUX.1-Kontext-dev", "Surface-Normals", "kontext-wo_smplx-lora"):
        assert name in str(told.value)
    with pytest.raises(MissingWeights, match="Surface-Normals"):
        mb.load("reimagine", kontext=parts / "kontext")
    with pytest.raises(MissingWeights, match="kontext-wo_smplx-lora"):
        loaded(parts, lora=True)


@pytest.mark.parametrize(("options", "said"), [
    ({"kontext": "nowhere"}, "not there"), ({"quantize": "int1"}, "quantize"),
    ({"offload": True}, "offload"), ({"width": 30}, "multiple of 16"),
    ({"together": 0}, "together"), ({"refine": "paper"}, "muybridge refine"),
    ({"references": 3}, "references"), ({"controlnet_conditioning_scale": 9}, "scale"),
    ({"dtype": "int8"}, "dtype"), ({"num_inference_steps": 0}, "num_inference_steps"),
])
def test_bad_options_are_refused(parts, options, said):
    with pytest.raises(InputError, match=said):
        loaded(parts, **options)


@pytest.mark.parametrize("name", PRECISIONS)
def test_less_memory_needs_its_package(name, monkeypatch):
    monkeypatch.setattr(
        "muybridge.methods.reimagine.real_parts.find_spec", lambda package: None
    )
    with pytest.raises(InputError, match=f"pip install {PRECISIONS[name]}"):
        quantisation(name, torch.bfloat16)


def test_four_bits_need_a_gpu(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(
        "muybridge.methods.reimagine.real_parts.find_spec", lambda package: package
    )
    with pytest.raises(InputError, match="use int8"):
        quantisation("nf4", torch.bfloat16)


def test_eight_bits_a_weight_paint_nearly_the_same(parts, pipe, scene):
    """The transformer is held as integers, with the LoRA beside it instead of in it."""
    few = loaded(parts, quantize="int8")
    transformer = few.networks.pipe.transformer
    held = [p for p in transformer.parameters() if type(p).__module__.startswith("torchao")]
    assert len(held) > 10
    whole, near = latents(pipe, scene), latents(few, scene)
    without = latents(loaded(parts, lora=False), scene)
    off = float((near - whole).abs().mean())
    assert 0 < off < 0.2 * float((without - whole).abs().mean())


def spoil(root, name):
    folder = root / "controlnet"
    file = folder / "diffusion_pytorch_model.safetensors"
    if name == "no config":
        (folder / "config.json").unlink()
    elif name == "damaged":
        file.write_bytes(file.read_bytes()[:100])
    elif name == "other width":
        FluxControlNetModel(**{**FLUX, "num_attention_heads": 2}).save_pretrained(folder)
    else:
        save_file({"x": torch.zeros(2)}, file, {"format": "pt"})


@pytest.mark.parametrize(("how", "said"), [
    ("no config", "config.json"), ("damaged", "can't be read"), ("foreign", "don't fit|be read"),
    ("other width", "num_attention_heads"),
])
def test_parts_that_do_not_fit_are_refused(parts, tmp_path, how, said):
    shutil.copytree(parts, tmp_path / "parts")
    spoil(tmp_path / "parts", how)
    with pytest.raises(InputError, match=said):
        loaded(tmp_path / "parts")
