"""3DiMo's objectives, and what is said of weights while they learn."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from methods.threedimo_small import (
    awake,
    clips_of,
    driver,
    scene,
    small_config,
    small_networks,
)

from muybridge.methods.picture_loss import near_person
from muybridge.methods.threedimo.clips import Clips, driver_of
from muybridge.methods.threedimo.joints import joint_places
from muybridge.methods.threedimo.networks import joined
from muybridge.methods.threedimo.recipe import _LOOKING
from muybridge.methods.threedimo.training import (
    clip_loss,
    drawing_error,
    geometry_loss,
    pose_error,
    reading_loss,
    said_error,
    said_joints,
    seen_error,
    train_only,
    words_loss,
)
from muybridge.methods.threedimo.validation import (
    batch_of,
    overlap,
    retrieval,
    validate,
    validate_poses,
    validate_words,
)
from muybridge.networks.bone_warp import moved
from muybridge.sampling import ResidualFlow
from muybridge.training import Context, Draws


@pytest.fixture
def context(tmp_path):
    return Context(out=tmp_path, stage="s")


# ------------------------------------------------------------------ objectives

PARTS = ("transformer", "control", "decoder", "text", "layout", "reader")


def fitted(networks, loss, sampler, steps=12, rate=3e-3):
    """Losses of a few steps on the same items, what was told, and what no gradient reached."""
    ours = {n: p for n, p in networks.named_parameters() if p.requires_grad}
    optimizer = torch.optim.AdamW(ours.values(), rate)
    losses, told, dead = [], [], set(ours)
    for _ in range(steps):
        value, scalars = loss(networks, sampler(0, range(4)), Draws(0, "s", 0, range(4)))
        optimizer.zero_grad()
        value.backward()
        dead -= {n for n, p in ours.items() if p.grad is not None and bool(p.grad.any())}
        optimizer.step()
        losses.append(float(value.detach()))
        told.append({k: float(v) for k, v in scalars.items()})
    return losses, told, dead


VARIANTS = {
    "tokens": {}, "smpl": {"control": "smpl"}, "skeleton": {"control": "skeleton"},
    "concat": {"inject": "concat"}, "no hands": {"hands": False},
    "no geometry": {"geometry": False},
}


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_the_loss_falls_and_reaches_every_part(context, changes):
    networks = small_networks(config=small_config().varied(**changes)).train()
    train_only(networks, *PARTS)
    assert not networks.vae.components.requires_grad
    sampler = Clips([scene()], context, 4, 0.5, 0.5)
    losses, told, dead = fitted(networks, partial(clip_loss, geometry=(0.1, 0.0, 9)), sampler)
    assert told[0]["error"] == pytest.approx(told[0]["error_cue"], rel=1e-4)
    assert losses[-1] < 0.97 * losses[0]
    assert ("pose_error" in told[0]) == (networks.decoder is not None)
    drawn = changes.get("geometry", True) and changes.get("inject") != "concat" and (
        changes.get("control") != "skeleton"
    )
    assert ("drawing_error" in told[0]) == (networks.config.drawn > 0) == drawn
    if drawn:
        assert told[-1]["drawing_error"] < told[0]["drawing_error"]
    # what a softmax does not see, and hands that are there (or not) in all of these items
    shrug = ("to_k.bias", "norm_k", "unseen", "in_proj_bias")
    assert not {n for n in dead if not any(s in n for s in shrug)}


def test_skeletons_and_mattes_are_drawn_where_the_target_sees_them(context):
    config = small_config()
    batch = Clips([scene()], context, 4, 1.0, 0.0, flips=False, augment=False)(0, range(4))
    assert not torch.equal(batch["drawing"], batch["skeleton"])  # of another view than the driver's
    whole = torch.cat([batch["drawing"], batch["truth"][:, :, 3:]], 2)
    small = torch.nn.functional.avg_pool2d(whole.flatten(0, 1), 2)
    parts = [torch.nn.functional.pixel_unshuffle(each, 2) for each in (small[:, :3], small[:, 3:])]
    truth = torch.cat(parts, 1).unflatten(0, (4, -1))
    assert truth.shape[2] == config.drawn
    assert truth.shape[-2:] == (config.height // 4, config.width // 4)
    assert float(drawing_error(truth, batch)) == 0
    assert float(drawing_error(torch.zeros_like(truth), batch)) == pytest.approx(1)
    wrong = truth.clone()
    wrong[1, :, :12] += 1
    assert float(drawing_error(wrong, batch)) > 0
    batch["drawn"][1] = 0  # in the mirror its colours would be wrong; the matte counts
    assert float(drawing_error(wrong, batch)) == 0
    wrong[1, :, 12:] += 1
    assert float(drawing_error(wrong, batch)) > 0
    batch["told"][1] = 0  # nothing is said of the camera
    assert float(drawing_error(wrong, batch)) == 0


@torch.no_grad()
def test_in_training_the_reference_moves_to_where_joints_truly_are(context):
    networks = awake(small_networks())
    batch = clips_of(context, first=0.0)(0, range(2))
    _, told = clip_loss(networks, batch, Draws(0, "s", 0, range(2)))
    shown = moved(
        batch["reference"].repeat_interleave(4, 0),
        batch["reference_joints"].repeat_interleave(4, 0), batch["joints"].flatten(0, 1),
    )
    away = networks.encode(shown).unflatten(0, (2, 4)) - networks.encode(batch["truth"])
    weight = near_person(batch["truth"][:, :, 3:], networks.patch)
    wanted = (away.square().mean(2, keepdim=True) * weight).sum() / weight.sum()
    assert float(told["error_cue"]) == pytest.approx(float(wanted), rel=1e-4)


def test_what_is_left_alone_is_not_asked(context):
    """Pictures have frozen parts that read: their errors would cost time only."""
    networks = small_networks()
    train_only(networks, "transformer")
    loss, told = clip_loss(networks, clips_of(context)(0, range(2)), Draws(0, "s", 0, range(2)))
    assert set(told) == {"error", "error_cue", "unlike"} and loss.requires_grad


def test_where_joints_are_seen_counts_where_the_camera_is_told(context):
    networks = small_networks()
    batch = clips_of(context)(0, range(4))
    assert networks.layout is not None
    with torch.no_grad():
        motion = networks.motion(driver_of(batch))
        text = networks.words(batch["words"], batch["amounts"])
        own = batch["reference_joints"]
        batch["joints"] = networks.layout.joints_seen(
            motion, text, own, batch["number"], batch["turned"]
        )
        assert float(seen_error(networks.layout, motion, text, batch)) == pytest.approx(0, abs=1e-9)
        batch["joints"][1] += 2
        assert float(seen_error(networks.layout, motion, text, batch)) == pytest.approx(1)
        batch["told"][1] = 0
        assert float(seen_error(networks.layout, motion, text, batch)) == pytest.approx(0, abs=1e-9)


def test_other_sentences_count_as_their_cameras_see_the_joints(context):
    networks = small_networks()
    batch = clips_of(context)(0, range(4))
    with torch.no_grad():
        motion = networks.motion(driver_of(batch))
        for n in range(batch["said_words"].shape[1]):
            text = networks.words(batch["said_words"][:, n], batch["said_amounts"][:, n])
            batch["said_joints"][:, n] = networks.layout.joints_seen(
                motion, text, batch["reference_joints"], batch["number"], batch["turned"]
            )
        assert float(said_error(networks, motion, batch)) == pytest.approx(0, abs=1e-9)
        batch["said_joints"][1, 2] += 2
        assert float(said_error(networks, motion, batch)) == pytest.approx(0.25)
        batch["told"][1] = 0
        assert float(said_error(networks, motion, batch)) == pytest.approx(0, abs=1e-9)


def test_what_words_say_is_learnt_from_known_poses_alone(context):
    networks = small_networks().train()
    train_only(networks, "text", *_LOOKING)
    before = {n: p.clone() for n, p in networks.named_parameters()}
    sampler = Clips([scene()], context, 4, 0.0, 0.5, single=True, augment=False, said=6)
    assert sampler(0, range(2))["said_words"].shape[:2] == (2, 6)
    losses, _, dead = fitted(networks, words_loss, sampler)
    assert losses[-1] < 0.95 * losses[0] and not dead
    changed = {n for n, p in networks.named_parameters() if not torch.equal(p, before[n])}
    assert changed and all(n.startswith(("text", *_LOOKING)) for n in changed)
    with torch.no_grad():
        batch = sampler(0, range(4))
        known = joint_places(batch["rotations"]), batch["tilts"]
        batch["said_joints"] = said_joints(networks, batch, *known).unflatten(0, (4, 6))
        assert float(words_loss(networks, batch, None)[0]) == pytest.approx(0, abs=1e-9)
        batch["driver"] = torch.zeros_like(batch["driver"])
        assert float(words_loss(networks, batch, None)[0]) == pytest.approx(0, abs=1e-9)
    scores = validate_words(networks, [scene()]).scores
    assert scores["said_pixels"] > 0


def test_where_joints_are_seen_is_learnt_before_everything(context):
    networks = small_networks().train()
    train_only(networks, "reader")
    before = {n: p.clone() for n, p in networks.control.named_parameters()}
    losses, told, dead = fitted(networks, reading_loss, Clips([scene()], context, 4, 0.0, 0.5))
    assert losses[-1] < 0.98 * losses[0] and not dead
    assert told[-1]["read_error"] < told[0]["read_error"]
    assert all(torch.equal(p, before[n]) for n, p in networks.control.named_parameters())


def test_tokens_are_told_where_joints_are_seen():
    networks = awake(small_networks())
    known = driver()
    with torch.no_grad():
        read = networks.reader(known.pictures)
        tokens = networks.motion(known)
        assert torch.equal(networks.motion(known, read), tokens)
        elsewhere = networks.motion(known, read + 0.3)
    assert not torch.allclose(elsewhere[:, :, :2], tokens[:, :, :2], atol=1e-3)
    assert torch.equal(elsewhere[:, :, 2:], tokens[:, :, 2:])  # those of hands are not
    with pytest.raises(ValueError, match="made for them"):
        networks.control(known.pictures)
    for changes in ({"control": "smpl"}, {"control": "skeleton"}, {"geometry": False}):
        assert small_networks(config=small_config().varied(**changes)).reader is None


def test_poses_are_learnt_first_and_alone(context):
    networks = small_networks().train()
    train_only(networks, "control", "decoder", "reader", "layout", known=_LOOKING)
    before = {n: p.clone() for n, p in networks.transformer.named_parameters()}
    losses, told, dead = fitted(networks, geometry_loss, Clips([scene()], context, 4, 0.0, 0.5))
    assert losses[-1] < 0.98 * losses[0]
    assert told[-1]["pose_error"] < told[0]["pose_error"] < losses[0]  # places count too
    assert told[-1]["seen_error"] < told[0]["seen_error"]
    assert all(torch.equal(p, before[n]) for n, p in networks.transformer.named_parameters())


def test_the_geometric_loss_fades(context):
    networks = small_networks()
    train_only(networks, "decoder")
    batch = Clips([scene()], context, 2, 0.0, 0.0)(0, range(2))
    fade = partial(clip_loss, networks, batch)

    def at(step, geometry):
        return float(fade(Draws(0, "s", step, range(2)), geometry=geometry)[0])

    pose = float(fade(Draws(0, "s", 0, range(2)))[1]["pose_error"])
    for step, weight in ((0, 0.1), (300, 0.06), (500, 1 / 30), (600, 0.02), (5000, 0.02)):
        extra = at(step, (0.1, 0.02, 600)) - at(step, (0.0, 0.0, 1))
        wanted = 0.1 + (0.02 - 0.1) * min(1, step / 600)
        assert extra == pytest.approx(wanted * pose, abs=1e-5), weight


@torch.no_grad()
def test_nothing_but_the_motion_tells_the_pose_where_latents_are_blind(context, monkeypatch):
    networks = awake(small_networks())
    batch = clips_of(context)(0, range(8))
    seen = []
    forward = type(networks).forward

    def watched(self, noisy, timesteps, *rest):
        seen.append((noisy.flatten(1).abs().amax(1) > 0, timesteps))
        return forward(self, noisy, timesteps, *rest)

    monkeypatch.setattr(type(networks), "forward", watched)
    for share in (0.0, 0.5, 1.0):
        clip_loss(networks, batch, Draws(0, "s", 3, range(8)), blind=share)
    (none, usual), (some, mixed), (all_of_them, top) = seen
    assert bool(none.all()) and not bool(all_of_them.any()) and 0 < int(some.sum()) < 8
    first = float(ResidualFlow().scheduler().timesteps[0])
    assert torch.allclose(top.flatten(), torch.tensor(first))  # as sampling begins
    assert torch.equal(mixed.flatten()[some], usual.flatten()[some])  # the others are as they were
    assert torch.allclose(mixed.flatten()[~some], torch.tensor(first))


def test_hands_that_are_not_seen_do_not_count():
    networks = awake(small_networks())
    batch = batch_of([scene()], [(0, 1)])
    tokens = networks.motion(driver_of(batch))
    wrong = {**batch, "rotations": batch["rotations"].clone()}
    wrong["rotations"][:, :, 21:36] += 5.0  # the left hand's
    assert float(pose_error(networks, tokens, wrong)) > float(pose_error(networks, tokens, batch))
    for each in (batch, wrong):
        each["seen"] = torch.tensor([False, True]).expand_as(batch["seen"])
    assert torch.equal(
        pose_error(networks, tokens, wrong), pose_error(networks, tokens, batch)
    )


def test_channels_beside_latents_are_nothing_beside_the_reference():
    noisy = torch.zeros(1, 3, 8, 6, 4)
    tokens = torch.arange(24.0).reshape(1, 3, 2, 4)
    maps = joined(tokens, noisy)
    assert maps.shape == (1, 4, 4, 6, 4) and not maps[:, 0].any()
    assert torch.equal(maps[0, 2, :, 0, 0], tokens[0, 1].mean(0))
    assert torch.equal(maps[..., :1, :1].expand_as(maps), maps)
    drawn = torch.rand(1, 3, 4, 6, 4)
    assert torch.equal(joined(drawn, noisy)[:, 1:], drawn)


def test_networks_say_what_they_are_driven_by():
    from muybridge.methods.threedimo.networks import Driver

    pictures = torch.zeros(1, 2, 4, 24, 16)
    for control, said in (("smpl", "joint rotations"), ("skeleton", "a skeleton")):
        networks = small_networks(config=small_config().varied(control=control))
        with pytest.raises(ValueError, match=f"driven by {said}"):
            networks.motion(Driver(pictures))


# ------------------------------------------------------------------ validation


def test_validation_says_what_a_copy_would_score():
    networks = small_networks()
    result = validate(networks, [scene(), scene(1)])
    for kind in ("still", "moving"):
        # untrained, it gives back the reference, as far as latents keep it
        assert result.scores[f"{kind}_psnr"] == pytest.approx(
            result.scores[f"{kind}_copied_psnr"], abs=2.0
        )
        assert 0 <= result.scores[f"{kind}_iou"] <= 1
    assert {"pose_error", "retrieval"} <= set(result.scores)
    assert result.plate is not None and result.plate.shape == (3, 2 * 2 * 3 * 24, 4 * 16)
    skeleton = small_networks(config=small_config().varied(control="skeleton"))
    assert validate_poses(skeleton, [scene()]).scores == {}


def test_tokens_that_forget_the_camera_find_their_moment():
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(3, 4, 16, generator=generator)
    camera = 10 * torch.randn(16, generator=generator)
    assert retrieval(first, first + camera) == 1.0  # what a view has in common counts nothing
    assert retrieval(first, torch.randn(3, 4, 16, generator=generator)) < 0.5


def test_overlap_of_mattes():
    made = torch.zeros(2, 4, 4)
    truth = made.clone()
    made[0, :2], truth[0, 1:3] = 1, 1
    assert overlap(made, truth) == pytest.approx((1 / 3 + 0) / 2)
