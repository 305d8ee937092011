"""ReImagine's recipe from people to weights, in a few steps, and the parts it is made of."""

from __future__ import annotations

import pytest
import torch
from methods.reimagine_small import block, small_networks, subject

from muybridge.data import write_clip
from muybridge.data.people import Programme, clips
from muybridge.errors import InputError
from muybridge.methods.reimagine.checkpoints import add_lora, load
from muybridge.methods.reimagine.corpus import read_subject, read_subjects, write_subject
from muybridge.methods.reimagine.recipe import recipe
from muybridge.methods.reimagine.training import (
    Pictures,
    Sequences,
    mirrored,
    picture_loss,
    train_only,
    video_loss,
)
from muybridge.methods.reimagine.validation import copied, some_frames, validate, validate_video
from muybridge.training import Context, Draws
from muybridge.training.budget import parse_budget
from muybridge.training.engine import train


@pytest.fixture
def context(tmp_path):
    return Context(out=tmp_path, stage="s")


@pytest.mark.slow
def test_from_people_to_weights(tmp_path):
    data = tmp_path / "people"
    programme = Programme(views=2, motions=0, frames=8, grid=1)
    for clip in clips(0, "train", programme):
        for split in ("train", "validation"):  # one person will do for both
            write_clip(clip, data / split / "0" / clip.name.rsplit("-", 1)[1])
    trained = train(
        recipe("nano"), tmp_path / "run", parse_budget("pictures:1,lora:1,video:1"), data=data,
        threads=1,
    )
    networks = load(trained.weights)
    assert networks.config.size == "nano" and networks.video is not None
    assert (trained.weights / "lora").is_dir()
    for each in read_subjects(tmp_path / "run" / "stages" / "people" / "files" / "train"):
        moving, still = each.blocks
        assert still.truth.shape == (2, 1, 4, 128, 96) and moving.truth.shape[:2] == (1, 8)
        for part in each.blocks:
            inside, body = part.truth[:, :, 3] > 250, part.normals[:, :, 3] > 128
            assert float((inside & body).sum() / body.sum()) > 0.8
            here, there = part.sides[:, 3] > 128, part.poses[:, 3] > 128
            assert float((here & there).sum() / there.sum()) > 0.8
        # the side that is shown has the person's outline where front and back are seen
        assert set(still.side.flatten().tolist()) == {0, 1}
        for view in (int(still.side[:, 0].argmin()), int(still.side[:, 0].argmax())):
            a = still.truth[view, 0, 3] > 128
            b = still.sides[still.side[view, 0].long(), 3] > 128
            assert float((a & b).sum() / (a | b).sum()) > 0.7


def test_items_are_pictures_with_their_own_normals(context):
    sampler = Pictures([subject()], context, 4, flips=False)
    item, again = (sampler(3, range(4)) for _ in range(2))
    assert all(torch.equal(item[k], again[k]) for k in item)
    assert item["truth"].shape == (4, 4, 32, 24) and item["sides"].shape == (4, 2, 4, 32, 24)
    places = set()
    for step in range(30):
        item = sampler(step, range(4))
        level = (item["normals"][:, 0, 0, 0] * 255).round().long()
        known = item["sides"][:, 1].flatten(1).amax(1) > 0
        assert torch.equal(item["side"], (level // 10 % 2) * known)  # no back: the front
        assert torch.equal(known, item["poses"][:, 1].flatten(1).amax(1) > 0)
        places |= set(level.tolist())
    assert places == {0, 1, 2, 3, 10, 11, 12, 13, 20, 30}


def test_the_back_is_withheld_now_and_then(context):
    sampler = Pictures([subject()], context, 8)
    known = torch.cat([
        sampler(step, range(8))["sides"][:, 1].flatten(1).amax(1) > 0 for step in range(20)
    ])
    assert 0.7 < float(known.float().mean()) < 0.92
    assert not Pictures([subject(block(2, 1, back=False))], context, 1)(0, [0])["sides"][0, 1].any()


def test_clips_are_neighbouring_frames_of_a_view(context):
    sampler = Sequences([subject(block(2, 6), block(4, 1))], context, 2, 4)
    whole = block(2, 6).truth.float() / 255
    windows = [whole[v, t : t + 4] for v in range(2) for t in range(3)]
    windows += [w.flip(-1) for w in windows]
    for step in range(5):
        for clip in sampler(step, range(2))["truth"]:
            assert any(torch.equal(clip, window) for window in windows)
    with pytest.raises(InputError, match="nobody is seen for 7 frames"):
        Sequences([subject(block(2, 6))], context, 2, 7)


def test_mirrored_twice_is_the_same():
    there = (torch.rand(2, 1, 32, 24) > 0.4).float()
    maps = torch.cat([torch.rand(2, 3, 32, 24) * there, there], 1)
    item = {"sides": maps, "poses": maps, "truth": maps[0], "normals": maps[1],
            "side": torch.tensor(1)}
    once = mirrored(item)
    assert torch.equal(once["normals"][1], (maps[1, 3] - maps[1, 1]).flip(-1))
    for name, value in mirrored(once).items():
        assert torch.allclose(value, item[name], atol=1e-6)


PARTS = ("transformer", "controlnet", "prompt", "pose_adapter")


def fitted(networks, loss, sampler, batch, steps=14, rate=3e-3):
    """Losses of a few steps on the same items, and parameters that no gradient reached."""
    ours = {n: p for n, p in networks.named_parameters() if p.requires_grad}
    optimizer = torch.optim.AdamW(ours.values(), rate)
    losses, told, dead = [], [], set(ours)
    for _ in range(steps):
        value, scalars = loss(networks, sampler(0, range(batch)), Draws(0, "s", 0, range(batch)))
        optimizer.zero_grad()
        value.backward()
        assert not [n for n, p in ours.items() if p.grad is None]
        dead -= {n for n, p in ours.items() if bool(p.grad.any())}
        optimizer.step()
        losses.append(float(value.detach()))
        told.append({k: float(v) for k, v in scalars.items()})
    return losses, told, dead


def test_the_base_learns(context):
    networks = small_networks().train()
    train_only(networks, *PARTS)
    sampler = Pictures([subject()], context, 4)
    losses, told, dead = fitted(networks, picture_loss, sampler, 4)
    assert told[0]["error"] == pytest.approx(told[0]["error_copied"], rel=1e-4)
    assert losses[-1] < 0.97 * losses[0] and not dead
    assert not any(p.requires_grad for p in networks.video.parameters())


def test_a_lora_learns_and_nothing_else(context):
    networks = small_networks().train()
    train_only(networks)
    add_lora(networks.transformer, 2)
    with torch.no_grad():
        networks.transformer.proj_out.weight.normal_(std=0.1)  # a trained base's is not zero
    frozen = {n: p.clone() for n, p in networks.named_parameters() if "lora_" not in n}
    sampler = Pictures([subject()], context, 4)
    losses, _, _ = fitted(networks, picture_loss, sampler, 4, rate=1e-2)
    assert losses[-1] < losses[0]
    assert all(torch.equal(p, frozen[n]) for n, p in networks.named_parameters() if n in frozen)


def test_the_real_objective_learns_too(context):
    networks = small_networks(objective="flow").train()
    train_only(networks, *PARTS)
    losses, _, dead = fitted(
        networks, picture_loss, Pictures([subject()], context, 4), 4
    )
    assert losses[-1] < losses[0] and not dead


def test_the_video_model_learns(context):
    networks = small_networks().train()
    train_only(networks, "video")
    sampler = Sequences([subject(block(2, 6))], context, 2, 4)
    losses, _, dead = fitted(networks, video_loss, sampler, 2, rate=1e-2)
    assert losses[-1] < 0.9 * losses[0] and not dead


def test_validation_says_what_a_copy_would_score():
    networks = small_networks()
    found = validate(networks, [subject()])
    untrained, other = found.scores["view_psnr"], found.scores["view_copied_psnr"]
    assert untrained == pytest.approx(other, abs=1.0)  # what latents keep of the copy
    assert found.scores["view_front_only_psnr"] != untrained
    assert found.plate is not None and found.plate.shape[0] == 3
    left = validate_video(networks, [subject()]).scores["error_left"]
    assert 0 < left < 10
    few = some_frames(block(2, 6))
    assert few.truth.shape[1] == 2 and torch.equal(few.truth[:, 1], block(2, 6).truth[:, 5])
    assert torch.equal(copied(few)[1, 0], few.sides[1].float() / 255)


def test_files_of_people(tmp_path):
    write_subject(subject(), tmp_path / "a.safetensors")
    read = read_subject(tmp_path / "a.safetensors")
    assert read.name == "somebody" and [b.moves for b in read.blocks] == [True, False]
    assert torch.equal(read.blocks[0].truth, block().truth)
    cut = (tmp_path / "a.safetensors").read_bytes()[:-50]
    (tmp_path / "b.safetensors").write_bytes(cut)
    with pytest.raises(InputError, match="is no training file"):
        read_subjects(tmp_path)


def test_what_can_not_be_trained_is_refused():
    with pytest.raises(InputError, match=r"starts from FLUX\.1-Kontext"):
        recipe("paper")
    with pytest.raises(InputError, match="is not known"):
        recipe("nano", maps=("normal",))
