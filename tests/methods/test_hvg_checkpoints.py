from __future__ import annotations

import dataclasses
import json
import shutil

import pytest
import torch
from methods.hvg_small import awake, small_config, small_networks
from methods.svd_small import svd_config, svd_unet, write_svd
from networks.small_unet import SMALL
from safetensors.torch import load_file, save_file

from muybridge.errors import InputError
from muybridge.methods.hvg.checkpoints import from_svd, is_hvg_folder, load, read_index, save
from muybridge.methods.hvg.config import NANO, PAPER, TINY, HvgConfig
from muybridge.networks.pose_modulator import PoseModulator
from muybridge.networks.reference_net import ReferenceNet
from muybridge.networks.video_unet import HumanVideoUNet

UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ours") / "hvg"
    save(awake(small_networks()), folder)
    return folder


@pytest.fixture(scope="module")
def svd(tmp_path_factory):
    return write_svd(tmp_path_factory.mktemp("svd"))


def same(a, b):
    left, right = a.state_dict(), b.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)


def put(path, name, value):
    """Set one tensor of a safetensors file; ``None`` removes it."""
    values = load_file(path)
    if value is None:
        del values[name]
    else:
        values[name] = value
    save_file(values, path)


# ---------------------------------------------------------------- ours


def test_saved_and_loaded_is_the_same(ours):
    networks = load(ours)
    assert is_hvg_folder(ours) and not is_hvg_folder(ours / "unet")
    assert json.dumps(networks.config.to_json()) == json.dumps(small_config().to_json())
    assert same(networks, awake(small_networks()))
    assert not networks.training and not networks.vae.components.requires_grad
    assert networks.unet.conv_in.weight.requires_grad
    assert {p.name for p in ours.iterdir()} == {
        "unet", "pose_modulator", "reference_net", "vae", "reference_token", "scheduler",
        "hvg.json",
    }


def test_half_precision_on_disk_is_loaded_as_float32(tmp_path):
    networks = awake(small_networks())
    save(networks, tmp_path / "hvg", torch.float16)
    for name in ("unet", "pose_modulator", "reference_net", "reference_token"):
        stored = load_file(tmp_path / f"hvg/{name}/diffusion_pytorch_model.safetensors")
        assert {v.dtype for v in stored.values()} == {torch.float16}
    back = load(tmp_path / "hvg")
    assert {p.dtype for p in back.parameters()} == {torch.float32}
    assert torch.equal(back.vae.components, networks.vae.components)


def test_without_a_reference_network_there_is_no_folder_for_it(tmp_path):
    networks = small_networks(reference_net={})
    save(networks, tmp_path / "hvg")
    assert not (tmp_path / "hvg/reference_net").exists()
    assert load(tmp_path / "hvg").reference_net is None


def test_parts_are_plain_diffusers_models(ours):
    networks = load(ours)
    for name, kind in (
        ("unet", HumanVideoUNet), ("pose_modulator", PoseModulator),
        ("reference_net", ReferenceNet),
    ):
        part = kind.from_pretrained(ours / name, local_files_only=True)
        assert same(part, getattr(networks, name))


def test_replaces_one_of_ours_and_nothing_else(tmp_path):
    save(small_networks(), tmp_path / "hvg")
    save(small_networks(seed=1), tmp_path / "hvg")
    assert same(load(tmp_path / "hvg"), small_networks(seed=1))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/a.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something else"):
        save(small_networks(), tmp_path / "notes")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["hvg", "notes"]


def test_all_sizes_survive_json():
    for config in (NANO, TINY, PAPER, NANO.varied(fusion="none")):
        plain = json.loads(json.dumps(config.to_json()))
        back = HvgConfig.from_json(plain, "hvg.json")
        assert json.loads(json.dumps(back.to_json())) == plain
        assert back.maps == ("normal", "depth") and back.time_window == config.time_window


@pytest.mark.parametrize(
    "change, problem",
    [
        ({"horse": 1}, "horse: is no setting of HVG"),
        ({"steps": "4"}, "steps: can't be '4'"),
        ({"steps": 0}, r"steps: 0 is not in 1\.\.1000"),
        ({"time_window": [3]}, "time_window: can't be"),
        ({"time_window": [0, 4]}, r"time_window: 0 is not in 1\.\.1000"),
        ({"time_overlap": 8}, "time_overlap: 8 with windows of 8"),
        ({"view_overlap": 9}, "view_overlap: 9 with windows of 8"),
        ({"time_share": 1.5}, r"time_share: 1\.5 is not in"),
        ({"guidance": float("nan")}, "guidance"),
        ({"objective": "magic"}, "there is no 'magic'"),
        ({"unet": {}}, "out_channels"),
        ({"unet": []}, "unet: can't be"),
        ({"pose_modulator": {}}, "pose_modulator: maps can't be None"),
        ({"pose_modulator": {"maps": ["horse"]}}, "pose_modulator: there is no map 'horse'"),
        ({"pose_modulator": {"maps": [["normal"]]}}, "pose_modulator: maps can't be"),
    ],
)
def test_settings_that_are_none(change, problem):
    with pytest.raises(InputError, match=problem):
        HvgConfig.from_json({**NANO.to_json(), **change}, "hvg.json")
    short = NANO.to_json()
    del short["guidance"]
    with pytest.raises(InputError, match="guidance: is missing"):
        HvgConfig.from_json(short, "hvg.json")


@pytest.mark.parametrize(
    "text, problem",
    [
        ("", "can't be read"),
        ("[]", "is not muybridge.hvg"),
        ('{"format": "muybridge.gas", "version": 1}', "is not muybridge.hvg"),
        ('{"format": "muybridge.hvg", "version": 99}', "this muybridge knows 1"),
        ('{"format": "muybridge.hvg", "version": 1}', "config: is missing"),
    ],
)
def test_an_index_that_is_none(tmp_path, text, problem):
    (tmp_path / "hvg.json").write_text(text)
    with pytest.raises(InputError, match=problem):
        read_index(tmp_path)


def narrower(name, change):
    """Replace a part by a sound one that does not belong there."""
    def exchange(folder):
        config = small_config()
        arguments = getattr(config, name) | change
        kinds = {"pose_modulator": PoseModulator, "reference_net": ReferenceNet}
        shutil.rmtree(folder / name)
        kinds[name](**arguments).save_pretrained(folder / name)
    return exchange


@pytest.mark.parametrize(
    "change, problem",
    [
        (lambda f: (f / UNET).unlink(), "is not there"),
        (lambda f: (f / UNET).write_bytes((f / UNET).read_bytes()[:100]), "can't be read"),
        (lambda f: put(f / UNET, "conv_in.bias", None), r"1 missing: conv_in\.bias"),
        (lambda f: put(f / UNET, "horse", torch.zeros(1)), "1 unknown: horse"),
        (lambda f: put(f / UNET, "conv_in.bias", torch.full((32,), float("inf"))), "not finite"),
        (lambda f: (f / "unet/config.json").write_text('{"view_attention": "4d"}'),
         "make no HumanVideoUNet"),
        (lambda f: (f / "reference_net/config.json").write_text('{"fusion": "up"}'),
         "make no ReferenceNet"),
        (lambda f: shutil.rmtree(f / "reference_net"), "reference_net/config.json"),
        (narrower("pose_modulator", {"maps": ("depth",)}), "pose_modulator maps"),
        (narrower("pose_modulator", {"out_channels": 8}), "pose_modulator out_channels"),
        (narrower("pose_modulator", {"strides": (2, 1)}), "pixels per feature: is 2"),
        (narrower("reference_net", {"in_channels": 4}), "reference_net in_channels"),
        (narrower("reference_net", {"block_out_channels": (32, 32)}), "reference_net widths"),
        (narrower("reference_net", {"layers_per_block": 2}), "reference_net places"),
    ],
)
def test_folders_that_are_damaged(ours, tmp_path, change, problem):
    shutil.copytree(ours, tmp_path / "damaged")
    change(tmp_path / "damaged")
    with pytest.raises(InputError, match=problem):
        load(tmp_path / "damaged")


# ---------------------------------------------------------------- from SVD


@torch.no_grad()
def test_from_svd_it_is_svd_until_it_is_trained(svd):
    networks = from_svd(svd, svd_config())
    torch.manual_seed(2)
    noisy = torch.randn(2, 3, 4, 4, 8, 8)
    reference = networks.reference(torch.rand(2, 3, 16, 16))
    assert len(reference.bank) == 2
    seen = networks(
        noisy, torch.tensor([0.3, 0.8]), type(reference)(reference.latents, reference.token),
        networks.pose_features(torch.rand(2, 3, 4, 4, 16, 16)),
        torch.linalg.qr(torch.randn(2, 3, 4, 3, 3))[0],
    )
    beside = reference.latents[:, None, None].expand_as(noisy)
    theirs = svd_unet()(
        torch.cat([noisy, beside], 3).flatten(0, 1),
        torch.tensor([0.3, 0.8]).repeat_interleave(3), reference.token.repeat_interleave(3, 0),
        torch.tensor([[6.0, 127.0, 0.0]]).expand(6, 3),
    ).sample
    assert float((seen.flatten(0, 1) - theirs).abs().max() / theirs.abs().max()) < 1e-5
    looked = networks(
        noisy, torch.tensor([0.3, 0.8]), reference,
        networks.pose_features(torch.rand(2, 3, 4, 4, 16, 16)),
        torch.eye(3).expand(2, 3, 4, 3, 3),
    )
    assert float((looked - seen).abs().max()) > 1e-3  # the reference network is there


def test_both_layouts_and_every_place_give_the_same_networks(svd, tmp_path):
    original = write_svd(tmp_path, original=True)
    networks = from_svd(svd, svd_config())
    for source in (original, original / "svd_xt.safetensors"):
        assert same(from_svd(source, svd_config()), networks)
    half = from_svd(original, svd_config(), torch.float16)
    assert {p.dtype for n, p in half.named_parameters() if not n.startswith("vae.")} == {
        torch.float16
    }
    assert {p.dtype for p in half.vae.parameters()} == {torch.float32}


def test_from_svd_everything_is_trained_but_vae_and_clip_and_nothing_is_shared(svd):
    networks = from_svd(svd, svd_config())
    frozen = {n.split(".")[0] for n, p in networks.named_parameters() if not p.requires_grad}
    assert frozen == {"vae", "image_encoder"}
    stores = [p.untyped_storage().data_ptr() for p in networks.parameters()]
    assert len(set(stores)) == len(stores)
    assert not any(p.is_meta for p in networks.parameters())


def test_saved_after_svd_it_is_loaded_again(svd, tmp_path):
    networks = from_svd(svd, svd_config())
    save(networks, tmp_path / "hvg")
    assert {p.name for p in (tmp_path / "hvg").iterdir()} == {
        "unet", "pose_modulator", "reference_net", "vae", "image_encoder", "scheduler", "hvg.json",
    }
    assert same(load(tmp_path / "hvg"), networks)


@pytest.mark.parametrize("original", [False, True])
def test_svd_files_that_do_not_fit(tmp_path, original):
    root = write_svd(tmp_path, original=original)
    path = root / ("svd_xt.safetensors" if original else UNET)
    whole = path.read_bytes()
    first = "model.diffusion_model.input_blocks.0.0.bias" if original else "conv_in.bias"
    told = first.removeprefix("model.diffusion_model.")
    extra = "model.diffusion_model.horse" if original else "horse"
    for name, value, problem in (
        (first, None, f"1 missing: {told}"),
        (extra, torch.zeros(1), "1 unknown: horse"),
        (first, torch.zeros(3), rf"{told} \[3\] instead of \[32\]"),
        (first, torch.full((32,), float("nan")), "not finite"),
    ):
        put(path, name, value)
        with pytest.raises(InputError, match=problem):
            from_svd(root, svd_config())
        path.write_bytes(whole)
    path.write_bytes(whole[:200])
    with pytest.raises(InputError, match="can't be read"):
        from_svd(root, svd_config())
    path.write_bytes(whole)
    with pytest.raises(InputError, match=r"missing: .* and \d+ more"):
        from_svd(root)  # the paper's size
    (root / "vae" / "config.json").unlink()
    with pytest.raises(InputError, match="vae"):
        from_svd(root, svd_config())


def test_folders_that_are_no_svd(tmp_path):
    with pytest.raises(InputError, match="neither unet/.* nor svd_xt"):
        from_svd(tmp_path)
    with pytest.raises(InputError, match="neither"):
        from_svd(tmp_path / "absent")


def test_a_shallow_svd_is_not_taken_for_a_deeper_one(svd):
    unet = svd_config().unet | {"layers_per_block": SMALL["layers_per_block"] + 1}
    with pytest.raises(InputError, match="missing"):
        from_svd(svd, dataclasses.replace(svd_config(), unet=unet))
