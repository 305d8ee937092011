"""3DiMo's recipe: from people to weights in a few steps, its stages, and what it goes on from."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from methods.threedimo_small import awake, small_config, small_networks
from safetensors.torch import load_file

from muybridge.data import write_clip
from muybridge.data.people import Programme, clips
from muybridge.errors import InputError
from muybridge.methods.threedimo import recipe as recipe_module
from muybridge.methods.threedimo.ablation import ABLATION
from muybridge.methods.threedimo.checkpoints import load, save
from muybridge.methods.threedimo.corpus import read_scenes
from muybridge.methods.threedimo.networks import ThreeDimoNetworks
from muybridge.methods.threedimo.recipe import _LOOKING, _initial, recipe
from muybridge.methods.threedimo.words import WORDS
from muybridge.training.budget import parse_budget
from muybridge.training.engine import train


@pytest.mark.slow
def test_from_people_to_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(recipe_module, "_BATCH", 1)
    monkeypatch.setattr(recipe_module, "_PICTURE_BATCH", 2)
    monkeypatch.setattr(recipe_module, "_POSE_BATCH", 2)
    data = tmp_path / "people"
    for split, motions, cameras in (("train", 2, 4), ("validation", 0, 3)):
        programme = Programme(
            views=0, motions=motions, frames=8, paths=cameras, reference_scale=1
        )
        for clip in clips(0, split, programme):
            write_clip(clip, data / split / "0" / clip.name.rsplit("-", 1)[1])
    trained = train(
        recipe("nano"), tmp_path / "run",
        parse_budget("words:1,joints:1,poses:1,pictures:1,single:1,cross:1,moving:1"), data=data,
        threads=1,
    )
    networks = load(trained.weights)
    assert networks.config.size == "nano" and networks.decoder is not None
    alone, each = sorted(
        read_scenes(tmp_path / "run" / "stages" / "people" / "files" / "train"),
        key=lambda scene: len(scene.truth),
    )
    assert alone.alone and alone.truth.shape == (1, 16, 4, 96, 72)
    assert alone.rotations.shape == (16, 51, 6) and alone.hands.shape[:2] == (1, 16)
    assert not torch.equal(alone.rotations[0], alone.rotations[8])  # another motion
    assert each.truth.shape == (4, 8, 4, 96, 72) and each.hands.shape == (4, 8, 2, 3, 24, 24)
    assert each.moves.tolist() == [False, True, False, True]
    assert [WORDS[n] for n in each.words[0, :3]] == ["view", "height", "static"]
    # the drawn skeleton is where the person is, and they begin as large as in the reference
    inside, bones = each.truth[:, :, 3] > 128, each.skeleton.amax(2) > 64
    assert float((inside & bones).sum() / bones.sum()) > 0.7
    tall = [
        int((matte > 128).any(1).sum()) for matte in (*each.truth[:, 0, 3], each.reference[3])
    ]
    assert max(tall) < 1.35 * min(tall)
    assert bool(each.hands.flatten(3).amax(-1)[each.seen].min() > 0)
    # joints of the reference lie within its matte
    size = torch.tensor([72, 96])
    x, y = ((each.reference_joints[:, :2].float() + 1) / 2 * size).long().unbind(1)
    assert float((each.reference[3, y, x] > 128).float().mean()) > 0.85
    # pictures teach what paints; what reads is as poses have left it
    poses, pictures, single = (
        load_file(tmp_path / "run" / "stages" / stage / "averaged.safetensors")
        for stage in ("poses", "pictures", "single")
    )
    changed = {n.partition(".")[0] for n in poses if not torch.equal(poses[n], pictures[n])}
    assert changed == {"transformer"}
    changed = {n.partition(".")[0] for n in poses if not torch.equal(pictures[n], single[n])}
    assert changed == {"transformer", "control", "decoder", "layout", "reader"}
    looking = [n for n in poses if n.startswith(("text", *_LOOKING))]
    words = load_file(tmp_path / "run" / "stages" / "words" / "averaged.safetensors")
    moving = load_file(tmp_path / "run" / "stages" / "moving" / "averaged.safetensors")
    assert looking and all(torch.equal(words[n], moving[n]) for n in looking)


def test_training_goes_on_from_weights_of_the_same_size(tmp_path):
    config = dataclasses.replace(small_config(), size="nano")
    save(awake(small_networks(config=config)), tmp_path / "known")
    found = _initial(tmp_path / "known", config)
    assert all(value.dtype == torch.float32 for value in found.values())
    small_networks(config=config).load_state_dict(found)
    with pytest.raises(InputError, match="not what is trained"):
        _initial(tmp_path / "known", config.varied(hands=False))
    assert recipe("nano").takes_init


def test_where_what_paints_is_another_training_begins_with_what_reads(tmp_path):
    config = small_config()
    known = awake(small_networks(config=config))
    save(known, tmp_path / "known", torch.float16)
    wider = dataclasses.replace(config, transformer={**config.transformer, "ffn_dim": 64})
    found = _initial(tmp_path / "known", wider)
    assert {name.partition(".")[0] for name in found} == {
        "control", "text", "decoder", "layout", "reader",
    }
    theirs = known.state_dict()
    for name, value in found.items():
        assert torch.allclose(value, theirs[name], atol=1e-3) and value.dtype == torch.float32
    with pytest.raises(InputError, match="not what is trained"):
        _initial(tmp_path / "known", wider.varied(hands=False))


@pytest.mark.parametrize(("changes", "names"), [
    ({}, ["people", "words", "joints", "poses", "pictures", "single", "cross", "moving"]),
    ({"stages": 1}, ["people", "words", "joints", "poses", "pictures", "single"]),
    ({"stages": 2}, ["people", "words", "joints", "poses", "pictures", "single", "cross"]),
    ({"geometry": False}, ["people", "pictures", "single", "cross", "moving"]),
    ({"control": "smpl"}, ["people", "words", "pictures", "single", "cross", "moving"]),
])
def test_stages_of_the_variants(changes, names):
    made = recipe("nano", **changes)
    assert [stage.name for stage in made.stages] == names
    shares = {stage.name: stage.share for stage in made.stages}
    whole = {stage.name: stage.share for stage in recipe("nano").stages}
    clips = [sum(s[n] for n in ("single", "cross", "moving") if n in s) for s in (shares, whole)]
    assert clips[0] == pytest.approx(clips[1])  # all rows train equally long


@pytest.mark.parametrize("row", ABLATION.variants, ids=lambda row: row.name)
def test_every_row_of_the_ablation_can_be_trained(row):
    made = recipe("nano", **row.changes)
    sketch = made.stages[-1].sketch
    assert sketch is not None
    with torch.device("meta"):
        assert isinstance(sketch(), ThreeDimoNetworks)


@pytest.mark.parametrize(("size", "changes", "said"), [
    ("paper", {}, "starts from Wan"), ("huge", {}, "starts from Wan"),
    ("nano", {"stages": 0}, "stages"), ("nano", {"stages": 4}, "stages"),
    ("nano", {"control": "strings"}, "strings"),
])
def test_what_can_not_be_trained_is_refused(size, changes, said):
    with pytest.raises(InputError, match=said):
        recipe(size, **changes)
