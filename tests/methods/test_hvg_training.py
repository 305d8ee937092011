"""HVG's recipe from people to weights, in a few steps, and the parts it is made of."""

from __future__ import annotations

import pytest
import torch
from hvg_small import small_networks

from muybridge.data import write_clip
from muybridge.data.people import Programme, clips
from muybridge.errors import InputError
from muybridge.methods.hvg.checkpoints import load
from muybridge.methods.hvg.corpus import (
    MAPS,
    Block,
    Subject,
    read_subject,
    read_subjects,
    write_subject,
)
from muybridge.methods.hvg.recipe import recipe
from muybridge.methods.hvg.training import (
    Blocks,
    Tiles,
    block_loss,
    channels_of,
    freeze_unused,
    mirrored,
    mirrored_rotations,
    picked_views,
    tiles_loss,
)
from muybridge.networks.view_attention import view_parameters
from muybridge.training import Context, Draws
from muybridge.training.budget import parse_budget
from muybridge.training.engine import train

CHANNELS = 10


def block(views: int = 4, frames: int = 3, closed: bool = True) -> Block:
    """Pictures of noise; the pose of view v, frame t is ``10 v + t``."""
    generator = torch.Generator().manual_seed(views)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)

    place = 10 * torch.arange(views)[:, None] + torch.arange(frames)
    pose = place[..., None, None, None].expand(views, frames, CHANNELS, 32, 24).to(torch.uint8)
    return Block(
        closed, noise(4, 32, 24), noise(views, frames, 4, 32, 24), pose.contiguous(),
        torch.eye(3).expand(views, frames, 3, 3).contiguous(),
    )


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Somebody to train on, and somebody held out."""
    data = tmp_path_factory.mktemp("people")
    programme = Programme(views=8, motions=0, frames=8, grid=4)
    for split, number in (("train", 0), ("validation", 0)):
        for clip in clips(number, split, programme):
            write_clip(clip, data / split / str(number) / clip.name.rsplit("-", 1)[1])
    return data


@pytest.mark.slow
def test_from_people_to_weights(people, tmp_path):
    out = tmp_path / "run"
    trained = train(
        recipe("nano"), out, parse_budget("pictures:2,views:1,grid:1"), data=people, threads=1
    )
    networks = load(trained.weights)
    assert networks.config.size == "nano"
    corpus = read_subjects(out / "stages" / "people" / "files" / "train")
    for subject in corpus:
        moving, still = subject.blocks
        assert still.truth.shape == (8, 1, 4, 128, 96) and moving.truth.shape[:2] == (4, 8)
        assert still.closed
        for each in subject.blocks:
            inside = each.truth[:, :, 3] > 250
            bones = each.pose[:, :, 3] > 0  # where there is depth
            assert float((inside & bones).sum() / bones.sum()) > 0.75
            body = each.pose[:, :, 7:].amax(2) > 0
            assert float((inside & body).sum() / body.sum()) > 0.8
        # the reference is as large as the pictures: front view and reference overlap
        front = int(still.rotations[:, 0].diagonal(dim1=1, dim2=2).sum(1).argmax())
        a, b = still.truth[front, 0, 3] > 128, still.reference[3] > 128
        assert float((a & b).sum() / (a | b).sum()) > 0.7


def test_items_are_neighbours_and_their_own_maps(tmp_path):
    sampler = Blocks(
        [Subject("x", (block(), block(6, 1)))], Context(out=tmp_path, stage="s"), 2, 3, 2,
        ("normal", "depth"),
    )
    again = sampler(5, [0, 1])
    item = sampler(5, [0, 1])
    assert all(torch.equal(item[k], again[k]) for k in item)
    assert item["truth"].shape == (2, 3, 2, 4, 32, 24) and item["pose"].shape[3] == 4
    depth = (item["pose"][:, :, :, 3, 0, 0] * 255).round()
    assert torch.equal(depth[:, :, 1] - depth[:, :, 0], torch.ones(2, 3))  # frame after frame
    steps = (depth[:, 1:, 0] - depth[:, :-1, 0]) % 40
    assert torch.equal(steps, torch.full((2, 2), 10.0))  # view after view, round the seam


def test_nobody_with_enough_views_and_frames_is_refused(tmp_path):
    few = Subject("x", (block(4, 1), block(1, 8)))
    with pytest.raises(InputError, match="nobody is seen by 2 cameras over 2 frames"):
        Blocks([few], Context(out=tmp_path, stage="s"), 1, 2, 2, ("normal", "depth"))
    both = Blocks([few, Subject("y", (block(),))], Context(out=tmp_path, stage="s"), 1, 2, 2,
                  ("normal", "depth"))
    assert len(both.blocks) == 1


def test_open_rows_have_no_seam():
    for place in (0.0, 0.4, 0.999):
        views = picked_views(block(6, 1, closed=False), 4, place)
        assert views == list(range(views[0], views[0] + 4)) and views[-1] < 6
    assert picked_views(block(4, 1), 3, 0.99) == [3, 0, 1]


def test_channels_of_maps():
    assert channels_of(MAPS) == list(range(CHANNELS))
    assert channels_of(("body_normal",)) == [7, 8, 9]
    assert channels_of(("normal", "depth")) == [0, 1, 2, 3]


def test_mirrored_twice_is_the_same():
    there = (torch.rand(2, 1, 1, 32, 24) > 0.4).float()
    pose = (0.2 + 0.6 * torch.rand(2, 1, 4, 32, 24)) * there
    channels = channels_of(("normal", "depth"))
    twice = mirrored(mirrored(pose, channels), channels)
    assert torch.allclose(twice, pose, atol=1e-6)
    once = mirrored(pose, channels)
    assert torch.equal(once[:, :, 1:], pose[:, :, 1:].flip(-1))
    assert torch.allclose(
        once[:, :, 0] + pose[:, :, 0].flip(-1), there[:, :, 0].flip(-1), atol=1e-6
    )
    turn = torch.tensor([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]]).expand(2, 1, 3, 3)
    other = mirrored_rotations(turn)
    assert torch.equal(other, turn.mT)  # a turn to the left is one to the right
    assert torch.equal(mirrored_rotations(other), turn)


def test_each_stage_trains_its_own_parts():
    across = view_parameters(small_networks().unet)

    def trained(views: bool, frames: bool) -> set[str]:
        networks = small_networks()
        freeze_unused(networks, views, frames)
        return {n for n, p in networks.unet.named_parameters() if p.requires_grad}

    pictures, views, grid = trained(False, False), trained(True, False), trained(True, True)
    assert pictures < views < grid
    assert views - pictures == across
    assert all("temporal" in n or "time" in n for n in grid - views)


@pytest.mark.parametrize(("views", "frames"), [(1, 1), (3, 1), (2, 3)])
def test_the_loss_falls_and_reaches_every_part(tmp_path, views, frames):
    networks = small_networks().train()
    freeze_unused(networks, views > 1, frames > 1)
    subject = Subject("x", (block(4, 3),))
    sampler = Blocks([subject], Context(out=tmp_path, stage="s"), 2, views, frames, ("normal",
                                                                                    "depth"))
    ours = {n: p for n, p in networks.named_parameters() if p.requires_grad}
    optimizer = torch.optim.AdamW(ours.values(), 3e-3)
    losses, reached = [], set()
    for step in range(14):
        loss, scalars = block_loss(networks, sampler(0, range(2)), Draws(0, "s", 0, range(2)))
        optimizer.zero_grad()
        loss.backward()
        reached |= {n for n, p in ours.items() if p.grad is not None and bool(p.grad.any())}
        optimizer.step()
        losses.append(float(loss.detach()))
        if step == 0:
            assert float(scalars["error"]) == pytest.approx(
                float(scalars["error_copied"]), rel=1e-4
            )
    assert losses[-1] < 0.97 * losses[0]
    assert not {n for n in set(ours) - reached if "view_gate" in n or "pose" in n}


def test_the_last_stage_sees_long_and_wide_tiles_and_the_standing(tmp_path):
    subject = Subject("x", (block(4, 4), block(6, 1)))
    sampler = Tiles(
        [subject], Context(out=tmp_path, stage="s"), 1, ((2, 4), (4, 2)), 6, ("normal", "depth")
    )
    long, wide = sampler(0, [0]), sampler(1, [0])
    assert long["moving.truth"].shape[1:3] == (2, 4)
    assert wide["moving.truth"].shape[1:3] == (4, 2)
    assert wide["standing.truth"].shape[1:3] == (6, 1)
    networks = small_networks().train()
    loss, scalars = tiles_loss(networks, wide, Draws(0, "s", 1, [0]))
    assert scalars["error_standing"] != scalars["error_moving"]
    draws = Draws(0, "s", 1, [0])
    parts = [
        block_loss(networks, {n.split(".")[1]: v for n, v in wide.items() if kind in n}, draws)[0]
        for kind in ("moving", "standing")
    ]
    assert float(loss.detach()) == pytest.approx(float(sum(parts).detach()) / 2, rel=1e-5)
    with pytest.raises(InputError, match="nobody is seen by 8 cameras over 1 frames"):
        Tiles([subject], Context(out=tmp_path, stage="s"), 1, ((2, 4),), 8, ("normal", "depth"))


def test_files_of_people(tmp_path):
    write_subject(Subject("somebody", (block(), block(2, 1, False))), tmp_path / "a.safetensors")
    read = read_subject(tmp_path / "a.safetensors")
    assert read.name == "somebody" and [b.closed for b in read.blocks] == [True, False]
    assert torch.equal(read.blocks[0].truth, block().truth)
    cut = (tmp_path / "a.safetensors").read_bytes()[:-50]
    (tmp_path / "b.safetensors").write_bytes(cut)
    with pytest.raises(InputError, match="is no training file"):
        read_subjects(tmp_path)
    with pytest.raises(InputError, match="holds no people"):
        read_subjects(tmp_path / "nowhere")


def test_the_papers_size_is_not_trained_here():
    with pytest.raises(InputError, match="starts from SVD-xt"):
        recipe("paper")
