"""3DiMo on Wan, as tiny folders of random weights laid out as the real ones are."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pytest
import torch
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from methods.gas_small import pictures
from sampling.video_small import wan

import muybridge as mb
from muybridge.camera import build_cameras
from muybridge.camera.script import Move, Script, Step
from muybridge.errors import InputError, MissingWeights
from muybridge.methods.cost import Extent, Speed
from muybridge.methods.threedimo.config import PAPER, PAPER_WAN21
from muybridge.methods.threedimo.real import RealThreeDimo
from muybridge.methods.threedimo.real_cost import operations_of_call, paper_cost, wan21_cost
from muybridge.methods.threedimo.real_parts import (
    MOTION,
    Sentences,
    read_motion,
    read_transformer,
    read_wan,
    save_motion,
    with_motion,
)
from muybridge.methods.threedimo.real_sampling import (
    RealConditions,
    motion_times,
    plan_of,
    sample_real,
    scheduler_of,
)
from muybridge.motion import clips, retarget
from muybridge.networks.motion_tokens import MotionEncoder
from muybridge.networks.motion_transformer import MotionTransformer
from muybridge.networks.weights import WEIGHTS, on_meta
from muybridge.sampling import draw_noise
from muybridge.sampling.video_models import WanTools

KINDS = ("ti2v", "i2v")
EYES = {
    "width": 16, "height": 24, "hand": 16, "channels": 3, "patch": 8, "hand_patch": 8, "dim": 16,
    "layers": 1, "hand_layers": 1, "heads": 2, "tokens": 2,
}
TURN = Script(0.0, 5.0, (Step((Move("arc", 1, 60.0),)),))


def config_of(kind):
    """A size on the tiny Wan of that kind: windows of 9 pictures, 3 latent frames."""
    image = {"image_dim": 32, "added_kv_proj_dim": 24, "in_channels": 12}
    return dataclasses.replace(
        PAPER, size="small", motion=EYES, decoder={}, window=9, overlap=4, steps=2, guidance=2.0,
        condition="first" if kind == "ti2v" else "channels",
        transformer={
            "patch_size": (1, 2, 2), "num_attention_heads": 2, "attention_head_dim": 12,
            "in_channels": 4, "out_channels": 4, "text_dim": 16, "freq_dim": 16, "ffn_dim": 16,
            "num_layers": 1, "rope_max_seq_len": 32, "motion_dim": 16, "motion_inner_dim": 12,
            **(image if kind == "i2v" else {}),
        },
    )


def awake(network):
    generator = torch.Generator().manual_seed(2)
    for block in network.motion_blocks.values():
        torch.nn.init.normal_(block.to_out.weight, std=2.0, generator=generator)
    return network


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Folders of Wan and of a motion part that does something, of both kinds."""
    root = tmp_path_factory.mktemp("parts")
    for kind in KINDS:
        pipeline = wan(kind)
        pipeline.save_pretrained(root / kind / "wan")
        shutil.rmtree(root / kind / "wan/transformer")
        pipeline.transformer.save_pretrained(root / kind / "wan/transformer", max_shard_size="9KB")
        torch.manual_seed(0)
        network = awake(with_motion(pipeline.transformer, config_of(kind)))
        save_motion(config_of(kind), network, MotionEncoder(**EYES), root / kind / "motion")
    assert (root / "ti2v/wan/transformer/diffusion_pytorch_model.safetensors.index.json").exists()
    return root


def tools_of(kind, network=None):
    pipeline = wan(kind)
    transformer = network or with_motion(pipeline.transformer, config_of(kind))
    pipeline.register_modules(transformer=transformer)
    return WanTools(pipeline, torch.zeros(1, 1, 16), frames=9)


def speak(sentence):
    seed = sum(map(ord, sentence))
    return torch.randn(1, 512, 16, generator=torch.Generator().manual_seed(seed))


def given(frames=8, views=1, say=lambda view, first, last: TURN):
    generator = torch.Generator().manual_seed(5)
    return RealConditions(
        pictures(1, height=48, width=32)[:, :3], torch.randn(frames, 6, 16, generator=generator),
        say, views,
    )


def sampled(kind, network=None, conditions=None, **options):
    return sample_real(
        tools_of(kind, network), config_of(kind), conditions or given(), speak, negative="none",
        **options,
    )


# ------------------------------------------------------------------ the transformer


def weights_of(config):
    """Of the real Wan, without memory."""
    return on_meta(WanTransformer3DModel, plain(config.transformer), "wan").state_dict()


def plain(shape):
    """Arguments of Wan's own class."""
    return {k: v for k, v in shape.items() if not k.startswith("motion")}


@pytest.mark.parametrize(("config", "billions", "ours"), [
    (PAPER, 4.999787712, 0.11043072), (PAPER_WAN21, 16.394878784, 0.2313728),
], ids=["5B", "14B"])
def test_all_names_of_the_real_weights_are_known(config, billions, ours):
    """The whole networks, without memory: Wan's names stay, ours come on top."""
    base = weights_of(config)
    whole = on_meta(MotionTransformer, config.transformer, "ours").state_dict()
    added = {name for name in whole if name.startswith("motion_blocks.")}
    assert set(whole) - added == set(base)
    assert all(whole[name].shape == base[name].shape for name in base)
    layers = config.transformer["num_layers"]
    assert {name.split(".")[1] for name in added} == {str(k) for k in range(layers)}
    assert sum(v.numel() for v in base.values()) / 1e9 == billions
    assert sum(whole[name].numel() for name in added) / 1e9 == ours
    for name in ("blocks.29.attn2.to_out.0.bias", "patch_embedding.weight", "scale_shift_table",
                 "condition_embedder.time_embedder.linear_1.weight"):
        assert name in base
    assert ("blocks.0.attn2.add_k_proj.weight" in base) == (config is PAPER_WAN21)


@pytest.mark.parametrize("deep", [PAPER, PAPER_WAN21], ids=["5B", "14B"])
def test_files_with_all_the_names_are_read_strictly(tmp_path, deep):
    """As many blocks as the real ones, narrow; in shards."""
    kind = "ti2v" if deep is PAPER else "i2v"
    layers = deep.transformer["num_layers"]
    shape = {**config_of(kind).transformer, "num_layers": layers}
    torch.manual_seed(0)
    written = WanTransformer3DModel(**plain(shape))
    assert list(written.state_dict()) == list(weights_of(deep))
    written.save_pretrained(tmp_path, max_shard_size="600KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    base = read_transformer(tmp_path, torch.float32)
    made = with_motion(base, dataclasses.replace(config_of(kind), transformer=shape))
    read = made.state_dict()
    assert all(torch.equal(read[k], v) for k, v in written.state_dict().items())
    assert len(made.motion_blocks) == layers
    assert not any(bool(block.to_out.weight.any()) for block in made.motion_blocks.values())
    assert base.blocks[0].ffn.net[2].weight.data_ptr() == (
        made.blocks[0].ffn.net[2].weight.data_ptr()
    )  # the same memory


def test_another_wan_is_refused():
    small = wan("ti2v").transformer
    with pytest.raises(InputError, match="in_channels: is 4 where small needs 12"):
        with_motion(small, config_of("i2v"))
    with pytest.raises(InputError, match="attention_head_dim: is 12 where paper needs 128|needs"):
        with_motion(small, PAPER)
    with pytest.raises(InputError, match="missing: motion_blocks"):
        with_motion(small, config_of("ti2v"), {})


# ------------------------------------------------------------------ sampling


@pytest.mark.parametrize("kind", KINDS)
def test_untrained_it_paints_what_wans_own_pipeline_paints(kind):
    """One window, with guidance: latents as diffusers' image-to-video pipeline gives them."""
    config, pipeline = config_of(kind), wan(kind)
    pipeline.register_modules(scheduler=scheduler_of(config))
    noise = draw_noise(3, [0], range(3), (4, 6, 4))
    from PIL import Image

    bytes_ = (given().reference[0] * 255).round().byte()
    expected = pipeline(
        image=Image.fromarray(bytes_.permute(1, 2, 0).numpy()),
        prompt_embeds=speak(TURN.text(amounts=False)), negative_prompt_embeds=speak("none"),
        height=48, width=32, num_frames=9, num_inference_steps=4, guidance_scale=2.0,
        latents=noise.transpose(1, 2), output_type="latent",
    ).frames.transpose(1, 2)
    conditions = dataclasses.replace(given(), reference=bytes_[None] / 255)
    made = sampled(kind, conditions=conditions, seed=3, steps=4)
    assert float((made - expected).abs().max()) < 1e-4 and float(expected.abs().max()) > 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_motion_words_and_noise_have_their_say(kind):
    network = awake(with_motion(wan(kind).transformer, config_of(kind)))
    whole = sampled(kind, network)
    still = sampled(kind, network, given(say=lambda view, first, last: Script(0.0, 5.0, ())))
    flipped = dataclasses.replace(given(), motion=given().motion.flip(0))
    others = (
        sampled(kind), still, sampled(kind, network, flipped), sampled(kind, network, seed=1)
    )
    for other in others:
        assert not torch.allclose(whole, other, atol=1e-3)
    assert torch.equal(whole, sampled(kind, network))


def test_the_reference_stays_clean():
    tools = tools_of("ti2v", awake(with_motion(wan("ti2v").transformer, config_of("ti2v"))))
    made = sample_real(tools, config_of("ti2v"), given(), speak, negative="none")
    wanted = tools.encode(given().reference)
    assert torch.allclose(made[0, :1], wanted, atol=1e-5)
    shown = tools.decode(made[0])
    assert shown.shape == (9, 3, 48, 32)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("frames", "latents"), [(1, 2), (4, 2), (5, 3), (8, 3), (17, 6)])
def test_windows_begin_with_the_reference_and_are_told_of_their_frames(kind, frames, latents):
    asked = []

    def say(view, first, last):
        asked.append((view, first, last))
        return TURN

    made = sampled(kind, conditions=given(frames, 2, say))
    assert made.shape == (2, latents, 4, 6, 4) and bool(torch.isfinite(made).all())
    tiles = [t for t, _ in plan_of(config_of(kind), latents)(0)[0].tiles(2, latents)]
    assert all(t.frames[0] == 0 and len(t.frames) == min(3, latents) for t in tiles)
    wanted = {
        (t.views[0], 4 * t.frames[1] - 4, min(4 * t.frames[-1], frames) - 1) for t in tiles
    }
    assert set(asked) == wanted


def test_driving_frames_have_the_time_of_their_latent_frame():
    times = motion_times(8, 4)
    assert times.unflatten(0, (2, 4)).mean(1).tolist() == [1.0, 2.0]
    assert times[:2].tolist() == [0.625, 0.875]


# ------------------------------------------------------------------ folders and the pipeline


def loaded(parts, kind="ti2v", **options):
    return mb.load("3dimo", **{
        "wan": parts / kind / "wan", "motion": parts / kind / "motion", "width": 32, "height": 48,
        "num_inference_steps": 1, "device": "cpu", **options,
    })


@pytest.fixture(scope="module")
def scene(painted):
    motion = retarget(clips.make("wave", 3), painted.rest_joints)
    cameras = build_cameras("orbit:2", painted.posed(motion).joints, width=40, height=48)
    return painted, motion, cameras


@pytest.mark.parametrize("kind", KINDS)
def test_one_call_loads_them_and_makes_a_video(parts, scene, kind, tmp_path):
    pipe = loaded(parts, kind)
    assert isinstance(pipe, RealThreeDimo) and pipe.size == "small"
    video = pipe(*scene, seed=3, chunk=3)
    assert video.frames.shape == (2, 3, 3, 48, 40) and torch.isfinite(video.frames).all()
    rest = torch.cat([p.frames for p in pipe.stream(*scene, seed=3, chunk=1, start=1)], 1)
    assert torch.equal(video.frames[:, 1:], rest)
    film = (pictures(3, height=40, width=30) * 255).byte()
    driven = pipe.driven_by(film)
    assert isinstance(driven, RealThreeDimo) and pipe.driver is None
    assert not torch.equal(driven(*scene, seed=3, chunk=3).frames, video.frames)
    pipe.save_pretrained(tmp_path / "motion")
    config, weights, control = read_motion(tmp_path / "motion", torch.float32)
    _, known, _ = read_motion(parts / kind / "motion", torch.float32)
    assert config.width == 32 and weights.keys() == known.keys()
    assert all(torch.equal(weights[k], known[k]) for k in known)


def test_sentences_are_encoded_once(parts):
    kind = "ti2v"
    base = read_transformer(parts / kind / "wan/transformer", torch.float32)
    config, weights, _ = read_motion(parts / kind / "motion", torch.float32)
    tools = read_wan(parts / kind / "wan", with_motion(base, config, weights), config,
                     torch.float32)
    say = Sentences(tools.pipeline)
    assert say("a person").shape == (1, 512, 16) and say("a person") is say("a person")
    assert not torch.equal(say("a person"), say("a flicker"))


def test_less_precision_runs_too(parts, scene):
    pipe = loaded(parts, dtype="bfloat16")
    assert pipe.networks.dtype == torch.bfloat16
    assert torch.isfinite(pipe(*scene).frames).all()


def test_what_is_missing_is_told_with_its_licence(parts, monkeypatch, tmp_path):
    monkeypatch.setenv("MUYBRIDGE_WEIGHTS", str(tmp_path))
    for size, name in (("paper", "Wan2.2-TI2V-5B"), ("paper-wan21", "Wan2.1-I2V-14B")):
        with pytest.raises(MissingWeights, match="Apache-2.0") as told:
            mb.load(f"3dimo-{size}")
        assert name in str(told.value) and "nobody has released any" in str(told.value)
    with pytest.raises(MissingWeights, match="nobody has released any"):
        mb.load("3dimo", wan=parts / "ti2v/wan")
    with pytest.raises(MissingWeights, match="Wan2.2-TI2V-5B"):
        mb.load("3dimo", motion=parts / "ti2v/motion")


@pytest.mark.parametrize(("options", "said"), [
    ({"wan": "nowhere"}, "is no folder"), ({"offload": True}, "offload"),
    ({"width": 40}, "multiple of 16"), ({"guidance_scale": -1}, "guidance"),
    ({"dtype": "int8"}, "dtype"), ({"num_inference_steps": 0}, "num_inference_steps"),
])
def test_bad_options_are_refused(parts, options, said):
    with pytest.raises(InputError, match=said):
        loaded(parts, **options)


def test_the_motion_part_alone_and_real_options_of_small_sizes_are_refused(parts):
    with pytest.raises(InputError, match="the motion part alone"):
        mb.load(str(parts / "ti2v/motion"))
    with pytest.raises(InputError, match="is an option of the real parts"):
        mb.load(str(parts / "ti2v/motion"), offload=True)


def spoil(root, how):
    motion, folder = root / "ti2v/motion", root / "ti2v/wan"
    if how == "other wan":
        shutil.rmtree(folder)
        shutil.copytree(root / "i2v/wan", folder)
    elif how == "no motion":
        (motion / MOTION / WEIGHTS).unlink()
    elif how == "no text":
        shutil.rmtree(folder / "text_encoder")
    elif how == "no tokenizer":
        shutil.rmtree(folder / "tokenizer")
    elif how == "a shard":
        next((folder / "transformer").glob("*-00001-of-*")).unlink()
    elif how == "small":
        path = motion / "3dimo.json"
        index = json.loads(path.read_text())
        index["config"]["autoencoder"] = {"patch": 4}
        path.write_text(json.dumps(index))
    else:
        MotionEncoder(**{**EYES, "dim": 32}).save_pretrained(motion / "control")


@pytest.mark.parametrize(("how", "said"), [
    ("other wan", "in_channels: is 12 where small needs 4"), ("no motion", "is not there"),
    ("no text", "config.json"), ("no tokenizer", "tokenizer.*can't be read"),
    ("a shard", "can't be read"), ("small", "a size of its own"),
    ("encoders", "control dim: is 32 where the attention needs 16"),
])
def test_parts_that_do_not_fit_are_refused(parts, tmp_path, how, said):
    shutil.copytree(parts, tmp_path / "parts")
    spoil(tmp_path / "parts", how)
    with pytest.raises(InputError, match=said):
        loaded(tmp_path / "parts")


def test_cost_is_the_windows():
    speed = Speed(0.01, 1e-7, 1e-8, 10.0, 2.0, 1 << 30)
    five, fourteen = (f(Extent(1, 120, 480, 832), speed) for f in (paper_cost, wan21_cost))
    assert fourteen.seconds > 8 * five.seconds and fourteen.bytes > 80e9 > five.bytes > 30e9
    two, one = (paper_cost(Extent(2, n, 480, 832), speed).seconds for n in (480, 240))
    assert 1.6 < two / one < 2.2
    # 12,090 tokens of the 5B model: two operations for each weight and token, and attention
    assert operations_of_call(PAPER, 31) == pytest.approx(
        12090 * (2 * 5.11e9 + 4 * 30 * 12090 * 3072), rel=1e-3
    )
