from __future__ import annotations

import copy
import dataclasses
import json
import os
import subprocess
import sys

import pytest
import torch
from gas_recorded import full_keys
from methods.gas_small import small_config, small_networks
from methods.gas_tiny import tiny_config, write_release
from safetensors.torch import load_file, save_file

from muybridge.errors import InputError
from muybridge.methods.gas.checkpoints import (
    is_gas_folder,
    load,
    load_release,
    read_index,
    released_nerf,
    save,
)
from muybridge.methods.gas.config import NANO, PAPER, TINY, GasConfig
from muybridge.networks.cue_encoders import NeRFNet, PoseNet
from muybridge.networks.video_unet import HumanVideoUNet


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ours") / "gas"
    save(small_networks(), folder)
    return folder


@pytest.fixture(scope="module")
def release(shared, tmp_path_factory):
    return write_release(shared, tmp_path_factory.mktemp("release"))


def same(a, b):
    left, right = a.state_dict(), b.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)


# ---------------------------------------------------------------- ours


def test_saved_and_loaded_is_the_same(ours):
    networks = load(ours)
    assert networks.config == small_config()
    assert same(networks, small_networks())
    assert not networks.training and not networks.vae.components.requires_grad
    assert networks.unet.conv_in.weight.requires_grad
    names = {"unet", "pose_net", "nerf_net", "vae", "reference_token", "scheduler", "gas.json"}
    assert {p.name for p in ours.iterdir()} == names


def test_half_precision_on_disk_is_loaded_as_float32(tmp_path):
    networks = small_networks()
    save(networks, tmp_path / "gas", torch.float16)
    stored = load_file(tmp_path / "gas/unet/diffusion_pytorch_model.safetensors")
    assert {v.dtype for v in stored.values()} == {torch.float16}
    back = load(tmp_path / "gas")
    assert {p.dtype for p in back.parameters()} == {torch.float32}
    assert torch.equal(back.unet.conv_in.weight, networks.unet.conv_in.weight.half().float())
    assert torch.equal(back.vae.components, networks.vae.components)


def test_parts_are_plain_diffusers_models(ours):
    unet = HumanVideoUNet.from_pretrained(ours / "unet", local_files_only=True)
    assert same(unet, small_networks().unet)


def test_replaces_one_of_ours_and_nothing_else(tmp_path):
    folder = tmp_path / "gas"
    save(small_networks(), folder)
    other = small_networks(seed=1)
    save(other, folder)
    assert same(load(folder), other)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/a.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something else"):
        save(other, tmp_path / "notes")
    assert (tmp_path / "notes/a.txt").read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["gas", "notes"]


def test_all_sizes_survive_json():
    for config in (NANO, TINY, PAPER):
        plain = json.loads(json.dumps(config.to_json()))
        back = GasConfig.from_json(plain, "gas.json")
        assert json.loads(json.dumps(back.to_json())) == plain
        assert back.time_ids == (6.0, 127.0, 0.0)


@pytest.mark.parametrize(
    "change, problem",
    [
        ({"horse": 1}, "horse: is no setting"),
        ({"steps": None}, "steps: can't be None"),
        ({"steps": "4"}, "steps: can't be '4'"),
        ({"steps": True}, "steps: can't be True"),
        ({"steps": 0}, r"steps: 0 is not in 1\.\.1000"),
        ({"width": -64}, "width: -64"),
        ({"picture_channels": 5}, "picture_channels"),
        ({"view_guidance": [1]}, "view_guidance"),
        ({"view_guidance": [1, float("nan")]}, "view_guidance"),
        ({"objective": "magic"}, "there is no 'magic'"),
        ({"unet": {}}, "out_channels"),
        ({"unet": []}, "unet: can't be"),
    ],
)
def test_settings_that_are_none(change, problem):
    with pytest.raises(InputError, match=problem):
        GasConfig.from_json({**NANO.to_json(), **change}, "gas.json")
    short = NANO.to_json()
    del short["window"]
    with pytest.raises(InputError, match="window: is missing"):
        GasConfig.from_json(short, "gas.json")


@pytest.mark.parametrize(
    "text, problem",
    [
        ("", "can't be read"),
        ("[" * 100000, "can't be read"),
        ("[]", "is not muybridge.gas"),
        ('{"format": "muybridge.gas", "version": 99}', "this muybridge knows 1"),
        ('{"format": "muybridge.gas", "version": 1}', "config: is missing"),
    ],
)
def test_an_index_that_is_none(tmp_path, text, problem):
    (tmp_path / "gas.json").write_text(text)
    with pytest.raises(InputError, match=problem):
        read_index(tmp_path)


def damaged(folder, tmp_path, change):
    """A copy of a folder of ours with something done to it."""
    import shutil

    copied = tmp_path / "damaged"
    shutil.copytree(folder, copied)
    change(copied)
    return copied


def shorten(path):
    path.write_bytes(path.read_bytes()[:100])


def put(path, name, value):
    """Set one tensor of a safetensors file; ``None`` removes it."""
    values = load_file(path)
    if value is None:
        del values[name]
    else:
        values[name] = value
    save_file(values, path)


UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.mark.parametrize(
    "change, problem",
    [
        (lambda f: (f / UNET).unlink(), "is not there"),
        (lambda f: shorten(f / UNET), "can't be read"),
        (lambda f: put(f / UNET, "conv_in.bias", None), r"1 missing: conv_in\.bias"),
        (lambda f: put(f / UNET, "horse", torch.zeros(1)), "1 unknown: horse"),
        (lambda f: put(f / UNET, "conv_in.bias", torch.zeros(7)), r"\[7\] instead of \[64\]"),
        (lambda f: put(f / UNET, "conv_in.bias", torch.full((32,), float("nan"))), "not finite"),
        (lambda f: (f / "unet/config.json").write_text("{"), "is no JSON"),
        (lambda f: (f / "unet/config.json").write_text("[]"), "no JSON object"),
        (lambda f: (f / "unet/config.json").write_text('{"block_out_channels": "x"}'),
         "make no HumanVideoUNet"),
        (lambda f: (f / "unet/config.json").write_text('{"horse": 1}'), "make no HumanVideoUNet"),
        (lambda f: (f / "unet/config.json").write_text('{"_class_name": "Horse"}'),
         "is Horse, not HumanVideoUNet"),
        (lambda f: (f / "vae/config.json").unlink(), "can't be read"),
    ],
)
def test_folders_of_ours_that_are_damaged(ours, tmp_path, change, problem):
    with pytest.raises(InputError, match=problem):
        load(damaged(ours, tmp_path, change))


def test_sound_parts_that_do_not_belong_together(ours, tmp_path):
    def exchange(folder):
        other = NeRFNet(in_channels=8, channels=(8,), strides=(1,), out_channels=32)
        other.save_pretrained(folder / "nerf_net")

    with pytest.raises(InputError, match="nerf_net out_channels: is 32 where the other networks"):
        load(damaged(ours, tmp_path, exchange))


# ---------------------------------------------------------------- the release


def test_the_release_loads_from_either_folder_and_either_format(shared, release, tmp_path):
    networks = load_release(release, tiny_config(shared))
    assert same(networks, load_release(release / "GAS", tiny_config(shared)))
    safe = write_release(shared, tmp_path, ".safetensors")
    assert same(networks, load_release(safe, tiny_config(shared)))
    assert networks.latent_scale == 0.18215 and networks.patch == 8


def test_the_release_saved_as_ours_is_the_same(shared, release, tmp_path):
    networks = load_release(release, tiny_config(shared))
    save(networks, tmp_path / "gas")
    back = load(tmp_path / "gas")
    assert same(back, networks)
    assert back.config == GasConfig.from_json(json.loads(json.dumps(networks.config.to_json())), "")
    with pytest.raises(InputError, match="of other shape"):
        load(release)  # what it holds is no full-size network


def test_full_size_networks_have_the_releases_keys(shared):
    keys = full_keys(shared)
    with torch.device("meta"):
        made = {
            "unet.pth": HumanVideoUNet(**PAPER.unet),
            "pose_net.pth": PoseNet(**PAPER.pose_net),
            "nerf_net.pth": NeRFNet(**PAPER.nerf_net),
        }
    for name, network in made.items():
        assert {k: list(v.shape) for k, v in network.state_dict().items()} == keys[name]


class Malice:
    """What would run if a file were unpickled without care."""

    def __reduce__(self):
        return os.system, ("touch muybridge-was-here",)


@pytest.mark.parametrize(
    "content, problem",
    [
        ({"conv_in.bias": Malice()}, "something else than tensors"),
        ({"conv_in.bias": 3}, "no table of tensors"),
        ([torch.zeros(3)], "no table of tensors"),
        ({}, "no table of tensors"),
        ({"a": torch.zeros(2)}, "missing: .*and .* more; 1 unknown: a"),
        ({"a": torch.tensor([float("inf")])}, "a: holds a number that is not finite"),
    ],
)
def test_released_files_that_are_none(
    shared, release, tmp_path, monkeypatch, content, problem
):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "release"
    (root / "GAS").mkdir(parents=True)
    (root / "stable-video-diffusion-img2vid-xt-1-1").symlink_to(
        release / "stable-video-diffusion-img2vid-xt-1-1"
    )
    for name in ("pose_net", "nerf_net"):
        (root / "GAS" / f"{name}.pth").symlink_to(release / "GAS" / f"{name}.pth")
    torch.save(content, root / "GAS/unet.pth")
    with pytest.raises(InputError, match=problem):
        load_release(root, tiny_config(shared))
    assert not (tmp_path / "muybridge-was-here").exists()


@pytest.mark.parametrize("text", [b"", b"version https://git-lfs.github.com/spec\n", b"\x80\x02"])
def test_released_files_that_are_broken_off(shared, release, tmp_path, text):
    root = tmp_path / "GAS"
    root.mkdir()
    for name in ("unet", "pose_net", "nerf_net"):
        (root / f"{name}.pth").write_bytes(text)
    with pytest.raises(InputError, match="xt-1-1: is not there; download the folders"):
        load_release(root, tiny_config(shared))
    (tmp_path / "stable-video-diffusion-img2vid-xt-1-1").symlink_to(
        release / "stable-video-diffusion-img2vid-xt-1-1"
    )
    with pytest.raises(InputError, match="unet.pth"):
        load_release(tmp_path, tiny_config(shared))


def test_clip_weights_that_do_not_fit(shared, release, tmp_path):
    import shutil

    root = tmp_path / "release"
    shutil.copytree(release, root)
    clip = root / "stable-video-diffusion-img2vid-xt-1-1/image_encoder"
    put(clip / "model.safetensors", "visual_projection.weight", None)
    with pytest.raises(InputError, match=r"1 don't fit: visual_projection\.weight"):
        load_release(root, tiny_config(shared))
    (clip / "config.json").unlink()
    with pytest.raises(InputError, match="download the folder image_encoder"):
        load_release(root, tiny_config(shared))


def test_a_folder_with_nothing_of_gas(tmp_path):
    for call in (load, load_release):
        with pytest.raises(InputError, match="GAS"):
            call(tmp_path)


def test_folders_are_recognised(ours, tmp_path):
    assert is_gas_folder(ours)
    assert not is_gas_folder(ours / "unet") and not is_gas_folder(tmp_path / "absent")
    (tmp_path / "GAS").mkdir()
    for name in ("unet.pth", "pose_net.safetensors", "nerf_net.pth"):
        assert not is_gas_folder(tmp_path)
        (tmp_path / "GAS" / name).write_bytes(b"")
    assert is_gas_folder(tmp_path) and is_gas_folder(tmp_path / "GAS")
    assert released_nerf(tmp_path / "GAS") is None
    (tmp_path / "sherf").mkdir()
    (tmp_path / "sherf/network-snapshot.pkl").write_bytes(b"")
    for folder in (tmp_path, tmp_path / "GAS"):
        assert released_nerf(folder) == tmp_path / "sherf/network-snapshot.pkl"


def test_recognising_needs_no_torch(ours):
    code = (
        "import sys; from pathlib import Path; "
        "from muybridge.methods.gas.checkpoints import is_gas_folder; "
        f"assert is_gas_folder(Path({str(ours)!r})); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_new_networks_are_the_same_for_the_same_seed():
    torch.manual_seed(5)
    before = torch.rand(1)
    torch.manual_seed(5)
    first = small_networks()
    assert torch.equal(torch.rand(1), before)  # the global random state is left alone
    assert same(first, small_networks())
    assert not same(first, small_networks(seed=1))
    copied = copy.deepcopy(first)
    assert same(copied, first)
    assert dataclasses.is_dataclass(copied.config)
