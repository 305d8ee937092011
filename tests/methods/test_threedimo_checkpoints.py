"""3DiMo's folders: what is written is read, and what does not fit is refused."""

from __future__ import annotations

import dataclasses
import json
import shutil
from importlib.resources import files
from pathlib import Path

import pytest
import torch
from methods.threedimo_small import awake, driver, small_config, small_networks
from safetensors.torch import load_file, save_file

from muybridge.data.people import Programme, clips
from muybridge.errors import InputError
from muybridge.methods.sitters import Sitter
from muybridge.methods.threedimo.checkpoints import (
    is_threedimo_folder,
    load,
    read_index,
    save,
)
from muybridge.methods.threedimo.clips import driver_of
from muybridge.methods.threedimo.config import CONFIGS, NANO, ThreeDimoConfig
from muybridge.methods.threedimo.corpus_making import scenes_of
from muybridge.methods.threedimo.networks import Cue
from muybridge.methods.threedimo.training import pose_error, rotation_error
from muybridge.methods.threedimo.validation import batch_of, overlap, sample_clips
from muybridge.networks.joint_reader import JointReader
from muybridge.networks.motion_layout import MotionLayout
from muybridge.networks.motion_tokens import MotionEncoder
from muybridge.networks.motion_transformer import MotionTransformer

VARIANTS = {
    "tokens": {}, "smpl": {"control": "smpl"}, "skeleton": {"control": "skeleton"},
    "concat": {"inject": "concat"}, "no hands": {"hands": False},
    "no geometry": {"geometry": False},
}
WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ours") / "3dimo"
    save(awake(small_networks()), folder)
    return folder


def same(a, b):
    left, right = a.state_dict(), b.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_saved_and_loaded_is_the_same(tmp_path, changes):
    networks = awake(small_networks(config=small_config().varied(**changes)))
    save(networks, tmp_path / "3dimo")
    read = load(tmp_path / "3dimo")
    assert same(read, networks) and not read.training
    assert json.dumps(read.config.to_json()) == json.dumps(networks.config.to_json())
    assert (read.decoder is None) == ("geometry" in changes or "control" in changes)
    assert not read.vae.components.requires_grad
    assert torch.equal(read.motion(driver()), networks.motion(driver()))


def test_what_is_in_a_folder(ours):
    assert is_threedimo_folder(ours) and not is_threedimo_folder(ours / "vae")
    assert {p.name for p in ours.iterdir()} == {
        "3dimo.json", "transformer", "control", "text", "decoder", "layout", "reader", "vae",
        "scheduler",
    }
    networks = load(ours)
    for name, kind in (("transformer", MotionTransformer), ("control", MotionEncoder)):
        part = kind.from_pretrained(ours / name, local_files_only=True)
        assert same(part, getattr(networks, name))


def test_what_is_read_paints_what_was_written(ours):
    networks, read = awake(small_networks()), load(ours)
    generator = torch.Generator().manual_seed(1)
    noisy, reference, cue = (
        torch.randn(1, *s, 8, 6, 4, generator=generator) for s in ((4,), (), (4,))
    )
    words = torch.ones(1, 16, dtype=torch.long), torch.zeros(1, 16)
    own = torch.randn(1, 22, 3, generator=generator)
    with torch.no_grad():
        one, other = (
            n(
                noisy, torch.tensor([5.0]), reference, n.motion(driver()), n.words(*words),
                Cue(cue, n.layout(n.motion(driver()), n.words(*words), own)),
            )
            for n in (networks, read)
        )
    assert torch.allclose(one, other, atol=1e-5) and bool(one.any())


def test_half_precision_on_disk_is_loaded_as_float32(tmp_path):
    save(small_networks(), tmp_path / "3dimo", torch.float16)
    for name in ("transformer", "control", "text", "decoder", "layout", "reader"):
        stored = load_file(tmp_path / "3dimo" / name / WEIGHTS)
        assert {v.dtype for v in stored.values()} == {torch.float16}
    assert {p.dtype for p in load(tmp_path / "3dimo").parameters()} == {torch.float32}


def test_replaces_one_of_ours_and_nothing_else(tmp_path):
    save(small_networks(), tmp_path / "3dimo")
    save(small_networks(seed=1), tmp_path / "3dimo")
    assert same(load(tmp_path / "3dimo"), small_networks(seed=1))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/a.txt").write_text("mine")
    with pytest.raises(InputError):
        save(small_networks(), tmp_path / "notes")
    assert [p.name for p in (tmp_path / "notes").iterdir()] == ["a.txt"]


def spoil(folder, how):
    """Make a folder that holds parts of several trainings, or damaged ones."""
    if how == "damaged":
        file = folder / "control" / WEIGHTS
        file.write_bytes(file.read_bytes()[:80])
    elif how == "no text":
        shutil.rmtree(folder / "text")
    elif how == "a weight less":
        file = folder / "transformer" / WEIGHTS
        values = load_file(file)
        del values["motion_blocks.0.to_q.weight"]
        save_file(values, file)
    elif how == "not finite":
        file = folder / "decoder" / WEIGHTS
        values = load_file(file)
        next(iter(values.values()))[0] = float("nan")
        save_file(values, file)
    elif how == "other encoder":
        network = MotionEncoder(**{**small_config().motion, "dim": 32})
        network.save_pretrained(folder / "control")
    elif how == "other reader":
        JointReader(**{**small_config().reader, "channels": 3}).save_pretrained(folder / "reader")
    elif how == "other layout":
        MotionLayout(**{**small_config().layout, "text_dim": 8}).save_pretrained(folder / "layout")
    elif how == "skeleton":
        save_config(folder, control="skeleton")
    elif how == "other words":
        other_text = small_networks(config=dataclasses.replace(
            small_config(), text={"width": 8, "layers": 1, "heads": 2},
            transformer={**small_config().transformer, "text_dim": 8},
        )).text
        other_text.save_pretrained(folder / "text")
    else:
        save_config(folder, inject="concat")


def save_config(folder, **changes):
    path = folder / "3dimo.json"
    index = json.loads(path.read_text())
    index["config"] |= changes
    path.write_text(json.dumps(index))


@pytest.mark.parametrize(("how", "said"), [
    ("damaged", "can't be read"), ("no text", "text"), ("a weight less", "1 missing"),
    ("not finite", "not finite"), ("other encoder", "is 16 where the other networks need 32"),
    ("skeleton", "_class_name|is MotionEncoder"), ("other words", "text width"),
    ("other reader", "reader channels: is 3 where the other networks need 4"),
    ("other layout", "layout text_dim: is 8 where the other networks need 16"),
    ("concat", "transformer in_channels: is 36 where the other networks need 32"),
])
def test_parts_that_do_not_fit_are_refused(ours, tmp_path, how, said):
    shutil.copytree(ours, tmp_path / "3dimo")
    spoil(tmp_path / "3dimo", how)
    with pytest.raises(InputError, match=said):
        load(tmp_path / "3dimo")


@pytest.mark.parametrize(("changes", "said"), [
    ({"control": "strings"}, "control"), ({"inject": "by mouth"}, "inject"),
    ({"objective": "fame"}, "objective"), ({"condition": "none"}, "condition"),
    ({"overlap": 4}, "overlap"), ({"width": 0}, "width"), ({"steps": "two"}, "steps"),
    ({"motion": {"tokens": 2}}, "motion"), ({"shift": None}, "shift"), ({"more": 1}, "more"),
    ({"transformer": {}}, "transformer"), ({"drawn": 33}, "drawn"),
])
def test_settings_that_can_not_be_are_refused(ours, tmp_path, changes, said):
    shutil.copytree(ours, tmp_path / "3dimo")
    save_config(tmp_path / "3dimo", **changes)
    with pytest.raises(InputError, match=said):
        read_index(tmp_path / "3dimo")


@pytest.mark.parametrize("size", CONFIGS)
def test_sizes_are_written_and_read(size):
    values = json.loads(json.dumps(CONFIGS[size].to_json()))
    read = ThreeDimoConfig.from_json(values, "here")
    assert json.dumps(read.to_json()) == json.dumps(values)
    assert read.latent_channels == CONFIGS[size].latent_channels


def test_conditions_of_the_ablation():
    assert NANO.varied() == NANO
    alone = NANO.varied(hands=False)
    assert alone.motion["hand"] == 0 and alone.decoder["tokens"] == 5
    for wide in (NANO.varied(inject="concat"), NANO.varied(control="skeleton")):
        assert wide.transformer["motion_dim"] == 0 and wide.transformer["in_channels"] == 160
    assert NANO.varied(control="smpl").decoder == {} == NANO.varied(geometry=False).decoder
    for bad in ({"control": "strings"}, {"inject": "by mouth"}):
        with pytest.raises(InputError, match="there is no"):
            NANO.varied(**bad)


def test_nano_ships_and_does_better_than_a_copy():
    """Two people who were never seen are driven across views, by weights of the package."""
    networks = load(Path(str(files("muybridge.methods.threedimo") / "weights" / "nano")))
    assert networks.config == NANO
    known = []
    for number in (7, 8):
        (clip,) = clips(number, "validation", Programme(
            views=0, motions=0, frames=8, fps="8", paths=3, size=(120, 160), reference_scale=1,
        ))
        ((_, each),) = scenes_of(Sitter("somebody", clip.references["front"], (clip,)), NANO)
        known.append(each)
    batch = batch_of(known, [(2, 0)] * 2)
    with torch.no_grad():
        motion = networks.motion(driver_of(batch))
        error = float(pose_error(networks, motion, batch))
        resting = torch.zeros_like(batch["rotations"])
        resting[..., 0] = resting[..., 4] = 1.0
        text = networks.words(batch["words"], batch["amounts"])
        found = networks.layout.joints_seen(motion, text, batch["reference_joints"])
        apart = found - batch["joints"]
        made = sample_clips(networks, batch)
    assert error < 0.6 * float(rotation_error(resting, batch))
    assert float(apart[..., :2].abs().mean()) < 0.05  # half pictures
    copied = batch["reference"][:, None].expand_as(made)
    off, plain = ((each - batch["truth"]).square().mean() for each in (made, copied))
    assert float(off) < 0.75 * float(plain)
    assert overlap(made[:, :, 3], batch["truth"][:, :, 3]) > overlap(
        copied[:, :, 3], batch["truth"][:, :, 3]
    ) + 0.03
