"""Clips and pictures that 3DiMo is trained on: who drives whom, what is changed and mirrored."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from methods.threedimo_small import clips_of, scene

from muybridge.errors import InputError
from muybridge.methods.threedimo.clips import SAID, Clips, changed, clip_of
from muybridge.methods.threedimo.words import WORDS
from muybridge.training import Context


@pytest.fixture
def context(tmp_path):
    return Context(out=tmp_path, stage="s")


def test_items_are_the_same_each_time(context):
    one, other = clips_of(context)(3, range(8)), clips_of(context)(3, range(8))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not torch.equal(one["driver"], clips_of(context)(4, range(8))["driver"])
    part = clips_of(context)(3, [2, 5])
    assert all(torch.equal(one[name][[2, 5]], part[name]) for name in one)


def found(context, **options):
    """Which scene, target, driver and reference each of some items has."""
    known = [scene(0), scene(1)]
    sampler = Clips(known, context, 8, augment=False, flips=False, **options)
    out = []
    for step in range(25):
        batch = sampler(step, range(8))
        for k in range(8):
            which = {
                (s, v): (known[s].truth[v].float() / 255) for s in range(2) for v in range(4)
            }
            (s, target), = (key for key, v in which.items() if torch.equal(v, batch["truth"][k]))
            driver, = (v for v in range(4) if torch.equal(which[s, v], batch["driver"][k]))
            first = torch.equal(batch["reference"][k], batch["truth"][k, 0])
            assert torch.equal(batch["words"][k], known[s].words[target])
            assert torch.equal(batch["hands"][k], known[s].hands[driver].float() / 255)
            assert torch.equal(batch["skeleton"][k], known[s].skeleton[driver].float() / 255)
            out.append((s, target, driver, first))
    return out


def test_how_often_others_drive_and_cameras_travel(context):
    items = found(context, cross=0.5, moving=0.3)
    share = {
        "cross": sum(t != d for _, t, d, _ in items) / len(items),
        "moving": sum(t % 2 for _, t, _, _ in items) / len(items),
        "first": sum(f for *_, f in items) / len(items),
        "scene": sum(s for s, *_ in items) / len(items),
    }
    assert share == pytest.approx(
        {"cross": 0.5, "moving": 0.3, "first": 0.5, "scene": 0.5}, abs=0.13
    )
    assert len({(t, d) for _, t, d, _ in items}) == 16
    alone = found(context, cross=0.0, moving=0.0)
    assert all(t == d and t % 2 == 0 for _, t, d, _ in alone)
    assert all(t != d and t % 2 for _, t, d, _ in found(context, cross=1.0, moving=1.0))


def test_encoders_learn_from_people_whom_one_camera_sees_at_a_time(context):
    known, other = scene(0), scene(1, "alone")
    frames = torch.cat([other.truth[:1], other.truth[1:2]], 1)
    alone = dataclasses.replace(
        other, truth=frames, moves=torch.tensor([False]), words=other.words[:1],
        amounts=other.amounts[:1], seen=torch.cat([other.seen[:1], other.seen[1:2]], 1),
        **{
            name: torch.cat([getattr(other, name)[:1], getattr(other, name)[1:2]], 1)
            for name in ("skeleton", "hands", "joints", "looks")
        }, turned=torch.zeros(8), tilts=torch.cat([other.tilts, other.tilts]),
        rotations=torch.cat([other.rotations, other.rotations + 1]),
        said_words=other.said_words[:0], said_amounts=other.said_amounts[:0],
        said_joints=torch.zeros(0, 8, 22, 3),
    )
    assert alone.alone and not known.alone
    sampler = Clips([known, alone], context, 8, 0.5, 0.5, augment=False, flips=False,
                    single=True, poses=True)
    seen, count = [], 0
    for step in range(4):  # twice 4 moments of two pairs of views, and 8 of the one alone
        batch = sampler(step, range(8))
        for picture, rotations in zip(batch["driver"], batch["rotations"], strict=True):
            for t in range(8):
                if torch.equal(picture[0], frames[0, t].float() / 255):
                    assert torch.equal(rotations[0], alone.rotations[t].float())
                    seen.append(t)
        count += int(batch["told"].sum())
    assert sorted(seen) == sorted([*range(8)] * 2)
    assert count == 16  # of what one camera sees nothing is told
    painted = Clips([known, alone], context, 8, 0.5, 0.5)
    assert painted.scenes == [known]
    with pytest.raises(InputError, match="nobody is seen by two cameras"):
        Clips([alone], context, 8, 0.5, 0.5)


def test_half_of_the_clips_are_mirrored(context):
    """Words say it: the still cameras of these scenes never see a left side."""
    batch = [clips_of(context, moving=1.0, augment=False)(s, range(8)) for s in range(10)]
    views = torch.cat([b["amounts"][:, 0] for b in batch])
    assert set(views.tolist()) == {90.0, -90.0}
    assert 0.35 < float((views < 0).float().mean()) < 0.65
    straight = clips_of(context, moving=1.0, flips=False)(0, range(8))
    assert set(straight["amounts"][:, 0].tolist()) == {90.0}


def test_other_sentences_come_with_the_joints_that_their_cameras_see(context):
    known = [scene(0), scene(1)]
    sampler = Clips(known, context, 8, 0.5, 0.5, augment=False, flips=False)
    mirrors = Clips(known, context, 8, 0.5, 0.5, augment=False)
    drawn = set()
    for step in range(6):
        batch, mirrored = sampler(step, range(8)), mirrors(step, range(8))
        assert batch["said_words"].shape[1] == SAID
        for k in range(8):
            own = batch["reference_joints"][k]
            who, = (
                s for s in known
                if any(torch.equal(own, each) for each in (s.reference_joints, *s.joints[:, 0]))
            )
            for n in range(SAID):
                which, = (
                    m for m in range(2)
                    if torch.equal(who.said_joints[m], batch["said_joints"][k, n])
                )
                assert torch.equal(who.said_words[which], batch["said_words"][k, n])
                assert torch.equal(who.said_amounts[which], batch["said_amounts"][k, n])
                drawn.add(which)
            if torch.equal(mirrored["truth"][k], batch["truth"][k]):
                continue  # not flipped
            pelvis = (slice(None), slice(None), 0)
            flip = torch.tensor([-1.0, 1.0, 1.0])
            assert torch.equal(
                mirrored["said_joints"][k][pelvis], batch["said_joints"][k][pelvis] * flip
            )
            trucks = batch["said_words"][k] == WORDS.index("truck -")
            assert torch.equal(trucks, mirrored["said_words"][k] == WORDS.index("truck +"))
    assert drawn == {0, 1}


def test_only_drivers_are_changed():
    item = clip_of(scene(), 0, 1, first=True)
    blind = other = 0
    for seed in range(20):
        made = changed(item, torch.Generator().manual_seed(seed))
        for name in ("reference", "truth", "rotations", "words", "amounts"):
            assert torch.equal(made[name], item[name])
        blind += not bool(made["seen"].any())
        other += not torch.equal(made["driver"], item["driver"])
        assert float(made["driver"].min()) >= 0 and float(made["driver"].max()) <= 1
    assert 4 < blind < 16 and other >= 15


def test_single_pictures_know_which_of_a_clip_they_are(context):
    sampler = clips_of(context, moving=0.5, augment=False, flips=False, single=True)
    scenes = sampler.scenes
    moments = set()
    for step in range(6):
        batch = sampler(step, range(8))
        assert batch["truth"].shape == (8, 1, 4, 24, 16)
        assert batch["rotations"].shape == (8, 1, 51, 6)
        for k in range(8):
            (who, view, moment), = (
                (w, v, t) for w in range(2) for v in range(4) for t in range(4)
                if torch.equal(scenes[w].truth[v, t].float() / 255, batch["truth"][k, 0])
            )
            driver, = (
                v for v in range(4)
                if torch.equal(scenes[who].truth[v, moment].float() / 255, batch["driver"][k, 0])
            )
            hands = scenes[who].hands[driver, moment].float() / 255
            assert torch.equal(batch["hands"][k, 0], hands)
            assert torch.equal(batch["words"][k], scenes[who].words[view])
            assert torch.equal(batch["amounts"][k], scenes[who].amounts[view])
            assert batch["number"][k].tolist() == [moment]
            moments.add((moment, bool(scenes[who].moves[view])))
    assert len(moments) == 8  # any moment of both kinds of cameras


def test_nobody_with_a_still_camera_beside_another_is_refused(context):
    known = scene()
    only = dataclasses.replace(known, moves=torch.ones(4, dtype=torch.bool))
    with pytest.raises(InputError, match="nobody is seen by two cameras"):
        Clips([only], context, 1, 0.0, 0.0)
    assert len(Clips([only, known], context, 1, 0.0, 0.0).scenes) == 1
