"""GAS's recipe from people to weights, in a few steps, and the parts it is made of."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

import muybridge as mb
from muybridge.body import Shape
from muybridge.data import write_clip
from muybridge.data.people import Programme, clips
from muybridge.errors import InputError
from muybridge.methods.gas.config import NANO
from muybridge.methods.gas.corpus import (
    Row,
    Subject,
    read_subject,
    read_subjects,
    write_subject,
)
from muybridge.methods.gas.misfit import misfit_motion, misfit_shape
from muybridge.methods.gas.networks import GasNetworks
from muybridge.methods.gas.recipe import recipe
from muybridge.methods.gas.video_training import Rows, picked, video_loss
from muybridge.methods.picture_loss import dissimilarity, near_person
from muybridge.motion import clips as motions
from muybridge.networks.linear_autoencoder import LinearAutoencoder
from muybridge.training import Context, Draws, generator_of
from muybridge.training.budget import parse_budget
from muybridge.training.corpus import to_bytes, to_range
from muybridge.training.engine import train


def row(mode: str, count: int) -> Row:
    """Pictures whose value is their place in the row."""
    place = torch.arange(count, dtype=torch.uint8)[:, None, None, None].expand(count, 4, 32, 24)
    return Row(mode, place.contiguous(), place[None].contiguous(), place[None].contiguous())


def subject(name: str = "somebody") -> Subject:
    reference = torch.full((4, 32, 24), 200, dtype=torch.uint8)
    return Subject(name, reference, (row("view", 12), row("pose", 5)))


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Two people to train on, of whom one is looked at in validation."""
    data = tmp_path_factory.mktemp("people")
    programme = Programme(views=4, motions=1, frames=3)
    for number in (0, 1):
        for clip in clips(number, "train", programme):
            write_clip(clip, data / "train" / str(number) / clip.name.rsplit("-", 1)[1])
            if not number:
                write_clip(clip, data / "validation" / "0" / clip.name.rsplit("-", 1)[1])
    return data


@pytest.mark.slow
def test_from_people_to_weights(people, tmp_path):
    out = tmp_path / "run"
    trained = train(
        recipe("nano"), out, parse_budget("nerf:1,pictures:2,video:1"), data=people, threads=1
    )
    pipe = mb.load(trained.weights)
    assert pipe.cue == "nerf" and pipe.networks.config.size == "nano"
    corpus = read_subjects(out / "stages" / "cues" / "files" / "train")
    assert [len(s.rows) for s in corpus] == [2, 2]
    for s in corpus:
        assert sorted(len(r.cues) for r in s.rows) == [1, 2]  # one row also of a wrong body
        for r in s.rows:
            assert r.truth.shape[1:] == (4, 128, 96)
            inside = r.truth[:, 3] > 250
            seen = r.guides[0][:, 3] > 128
            both = (inside & seen).sum() / seen.sum()
            assert float(both) > 0.8  # the body lies within the clothed person
    scores = (out / "log.jsonl").read_text()
    assert "view_psnr_person" in scores and "pose_cue_psnr_person" in scores


def test_a_folder_without_people_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no people"):
        train(recipe("nano"), tmp_path / "run", parse_budget("nerf:1,pictures:1,video:1"),
              data=tmp_path, threads=1)
    with pytest.raises(InputError, match="authors' weights"):
        recipe("paper")


# ------------------------------------------------------------------------- the rows


def test_views_go_round_and_frames_go_to_and_fro():
    assert picked(row("view", 12), 4, 0.9, False) == [10, 11, 0, 1]
    assert picked(row("view", 12), 4, 0.9, True) == [1, 0, 11, 10]
    assert picked(row("pose", 5), 3, 0.99, False) == [2, 3, 4]
    assert picked(row("pose", 5), 8, 0.0, False) == [0, 1, 2, 3, 4, 3, 2, 1]
    for place in torch.rand(50).tolist():
        found = picked(row("pose", 9), 4, place, False)
        assert [b - a for a, b in zip(found[:-1], found[1:], strict=True)] == [1, 1, 1]


def test_items_depend_on_step_and_number_alone(tmp_path):
    rows = Rows([subject(), subject("else")], Context(out=tmp_path, stage="s"), 4, 1)
    together = rows(3, range(4))
    apart = [rows(3, [k]) for k in range(4)]
    for name, value in together.items():
        assert torch.equal(value, torch.cat([a[name] for a in apart])), name
    assert not torch.equal(rows(4, range(4))["truth"], together["truth"])


def test_parts_are_left_out_now_and_then(tmp_path):
    rows = Rows([subject()], Context(out=tmp_path, stage="s"), 1, 1)
    seen: Counter[str] = Counter()
    for step in range(400):
        item = rows(step, [0])
        seen["reference"] += float(item["reference"].abs().sum()) == 0
        seen["label"] += float(item["label"].sum()) == 0
    assert 5 < seen["reference"] < 45 and 5 < seen["label"] < 45


def test_errors_near_the_person_count_more():
    truth = torch.zeros(1, 1, 4, 32, 24)
    truth[..., 3, 12:16, 8:12] = 1
    weight = near_person(truth[:, :, 3:], 4)
    assert weight.shape == (1, 1, 1, 8, 6)
    assert torch.equal(weight[0, 0, 0, 2:5, 1:4], torch.ones(3, 3)) and float(weight.min()) < 0.5


def test_dissimilarity_is_none_of_the_truth_and_grows_with_blur():
    from gas_small import pictures, small_config

    shown = pictures(4)
    shown[:, :3] *= shown[:, 3:]  # premultiplied
    vae = LinearAutoencoder.fit(shown * 2 - 1, latent_channels=64)
    networks = GasNetworks.new(small_config(), vae)
    latents = networks.encode(shown)[None].requires_grad_()
    exact = dissimilarity(networks.vae, latents, shown[None])
    assert float(exact.detach()) < 1e-3
    blurred = networks.encode(torch.nn.functional.avg_pool2d(shown, 5, 1, 2))[None]
    off = dissimilarity(networks.vae, blurred.requires_grad_(), shown[None])
    off.backward()
    assert float(off.detach()) > 0.05 and float(blurred.grad.abs().max()) > 0


def test_the_loss_falls_and_reaches_every_part(tmp_path):
    from gas_small import pictures, small_config

    config = small_config()
    vae = LinearAutoencoder.fit(pictures(8, seed=1) * 2 - 1, latent_channels=8)
    networks = GasNetworks.new(config, vae)
    whole = to_bytes(pictures(12))
    one = Row("view", whole, whole[None].flip(-1).contiguous(), whole[None].flip(-1).contiguous())
    rows = Rows([Subject("x", whole[0], (one,))], Context(out=tmp_path, stage="s"), 2, 4)
    optimizer = torch.optim.AdamW([p for p in networks.parameters() if p.requires_grad], 2e-3)
    losses = []
    for step in range(30):
        loss, scalars = video_loss(networks, rows(0, range(2)), Draws(0, "s", 0, range(2)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
        if step == 0:
            assert float(scalars["error"]) == pytest.approx(float(scalars["error_cue"]), rel=1e-4)
    assert losses[-1] < 0.8 * losses[0]


# ---------------------------------------------------------------------- files, bodies


def test_files_of_people(tmp_path):
    write_subject(subject(), tmp_path / "a.safetensors")
    read = read_subject(tmp_path / "a.safetensors")
    assert read.name == "somebody" and [r.mode for r in read.rows] == ["view", "pose"]
    assert torch.equal(read.rows[0].truth, subject().rows[0].truth)
    (tmp_path / "b.safetensors").write_bytes(b"no file of ours")
    with pytest.raises(InputError, match="is no training file"):
        read_subjects(tmp_path)
    cut = (tmp_path / "a.safetensors").read_bytes()[:-100]
    (tmp_path / "b.safetensors").write_bytes(cut)
    with pytest.raises(InputError):
        read_subject(tmp_path / "b.safetensors")
    with pytest.raises(InputError, match="holds no people"):
        read_subjects(tmp_path / "nowhere")
    assert torch.equal(to_bytes(to_range(read.reference) / 2 + 0.5), read.reference)


def test_misfits_are_off_by_little_and_the_same_every_time():
    motion = motions.make("walk", 4)
    shape = Shape(gender=0.1, height=0.98)
    pairs = []
    for _ in range(2):
        generator = generator_of(1, "misfit")
        pairs.append((misfit_shape(shape, generator), misfit_motion(motion, generator)))
    assert pairs[0][0] == pairs[1][0]
    assert torch.equal(pairs[0][1].R_parent_joint, pairs[1][1].R_parent_joint)
    off = pairs[0][1]
    off.checked("misfit")
    assert 0 < pairs[0][0].height <= 1 and pairs[0][0].gender == shape.gender
    place = (off.root_position - motion.root_position).norm(dim=1)
    assert 0 < float(place.max()) < 0.05 and torch.allclose(place, place[:1], atol=1e-6)
    turn = motion.R_parent_joint.mT @ off.R_parent_joint
    degrees = torch.rad2deg(torch.arccos(((turn.diagonal(dim1=-2, dim2=-1).sum(-1)) - 1).div(2)
                                         .clamp(-1, 1)))
    assert 1 < float(degrees.max()) < 20


def test_nano_ships_small():
    with torch.device("meta"):
        networks = GasNetworks.new(NANO, LinearAutoencoder(**NANO.autoencoder))
    count = sum(p.numel() for p in networks.parameters())
    assert 2 * count < 14e6
