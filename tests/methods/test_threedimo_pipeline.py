"""3DiMo from a person, a motion or a driving video and cameras to frames, untrained and small."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from methods.gas_small import pictures
from methods.threedimo_small import (
    FRAMES,
    HAND,
    HEIGHT,
    STILL,
    TRAVELLING,
    WIDTH,
    awake,
    driver,
    scene,
    small_config,
    small_networks,
    unmoved_config,
)

import muybridge as mb
from muybridge.body import Shape, load_body
from muybridge.camera import build_cameras
from muybridge.camera.crop import center_on, pixels_per_metre
from muybridge.errors import InputError, MissingWeights
from muybridge.methods.avatar.pipeline import AvatarPipeline
from muybridge.methods.cost import Extent, Speed
from muybridge.methods.cropped import BLOCK
from muybridge.methods.registry import specs
from muybridge.methods.threedimo.clips import driver_of
from muybridge.methods.threedimo.conditions import PELVIS, joint_rotations, steady_crop
from muybridge.methods.threedimo.cost import cost
from muybridge.methods.threedimo.diffuse import Conditions, Denoiser, plan, sample
from muybridge.methods.threedimo.driver import figure, of_pictures, shown
from muybridge.methods.threedimo.pipeline import ThreeDimoPipeline, load
from muybridge.methods.threedimo.spec import SPEC
from muybridge.methods.threedimo.training import cue_of
from muybridge.methods.threedimo.validation import batch_of, sample_clips
from muybridge.methods.threedimo.view_words import Directions
from muybridge.methods.threedimo.words import encoded
from muybridge.motion import clips, retarget
from muybridge.networks.bone_warp import moved
from muybridge.sampling import Tile


@pytest.fixture(scope="module")
def networks():
    return awake(small_networks())


# ------------------------------------------------------------------ sampling


def conditions(
    networks, frames=FRAMES, views=1, say=lambda view, first, last: STILL, facing=None
):
    known = driver(frames)
    with torch.no_grad():
        return Conditions(
            pictures(1, height=HEIGHT, width=WIDTH, seed=8), scene(3).joints[:1, 0].float(),
            networks.motion(known)[0], torch.zeros(frames) if facing is None else facing,
            torch.zeros(views, frames), say, views,
        )


def test_one_window_is_what_training_knows(networks):
    batch = batch_of([scene()], [(1, 2)])
    with torch.no_grad():
        motion = networks.motion(driver_of(batch))
        given = Conditions(
            batch["reference"], batch["reference_joints"], motion[0],
            networks.turned(driver_of(batch))[0], torch.zeros(1, FRAMES),
            lambda view, first, last: TRAVELLING, 1,
        )
    made = networks.decode(sample(networks, given)[0])
    assert torch.allclose(made, sample_clips(networks, batch)[0], atol=1e-5)


def test_untrained_networks_give_the_reference_where_the_layout_has_the_bones():
    networks = small_networks()
    given = conditions(networks, 4, 2)
    latents = sample(networks, given, steps=1)
    with torch.no_grad():
        text = networks.words(*encoded([STILL]))
        joints = networks.layout.joints_seen(given.motion[None], text, given.joints)[0]
        shown = moved(given.picture.expand(4, -1, -1, -1), given.joints.expand(4, -1, -1), joints)
    assert torch.allclose(latents, networks.encode(shown).expand_as(latents), atol=1e-5)
    apart = (latents - networks.encode(given.picture)).abs().amax((2, 3, 4))
    assert float(apart.min()) > 0.1  # in no frame as it was


def test_the_network_sees_what_is_known(networks):
    given = conditions(networks)
    with torch.no_grad():
        text = networks.words(*encoded([STILL]))
        reference = networks.encode(given.picture)
        cue = networks.cue(given.picture, given.joints, given.motion[None], text)
        t, nothing = torch.tensor([5.0]), torch.zeros(1, 4, 8, 6, 4)
        seen, blind, unmapped = (
            networks(nothing, t, reference, given.motion[None], text, part)
            for part in (
                cue, replace(cue, latents=torch.zeros_like(cue.latents)),
                replace(cue, maps=torch.zeros_like(cue.maps)),
            )
        )
    assert not torch.allclose(seen, blind, atol=1e-4)
    assert not torch.allclose(seen, unmapped, atol=1e-4)
    assert torch.equal(networks.model_output(seen, cue), seen + cue.latents)


@pytest.mark.parametrize("changes", [{"inject": "concat"}, {"control": "skeleton"}])
def test_without_a_layout_the_reference_stays_as_it_is(changes):
    networks = awake(small_networks(config=small_config().varied(**changes)))
    assert not networks.config.moved
    batch = batch_of([scene()], [(0, 1)])
    with torch.no_grad():
        motion = networks.motion(driver_of(batch))
        cue = cue_of(networks, motion, networks.words(batch["words"], batch["amounts"]), batch)
    assert cue.maps is None
    still = networks.encode(batch["reference"])[:, None].expand(1, 4, -1, -1, -1)
    assert torch.equal(cue.latents, still)


def test_who_turns_is_seen_from_other_sides(networks):
    """Within a window counts how far they have turned since its first frame."""
    facing = torch.tensor([3.0, 3.0, 3.0, 3.0, -2.0, -2.0, -2.0, -2.0])  # 1.28 to their right
    still, turning = (
        sample(networks, conditions(networks, 8, facing=each)) for each in (None, facing)
    )
    assert torch.allclose(turning[:, :2], still[:, :2], atol=1e-4)
    assert not torch.allclose(turning[:, 4], still[:, 4], atol=1e-3)
    away = conditions(networks, 8, facing=torch.full((8,), 2.0))
    assert torch.allclose(sample(networks, away), still, atol=1e-4)


def test_who_a_camera_rises_from_stays_as_large(networks):
    """Crops of training keep the first frame's scale, so there a camera that rises goes away;
    crops of a video keep the person's size."""
    body = load_body().with_shape(Shape())
    posed = body.pose(retarget(clips.make("idle", 4), body.rest_joints))
    cameras = build_cameras(
        "Front view at an elevation of 5 degrees. The camera moves up by 2 metres.",
        posed.joints, width=120, height=160, facing="auto",
    )
    middle = posed.joints[:, PELVIS]
    steady, held = (
        pixels_per_metre(crop.cameras, middle)[0] for crop in (
            steady_crop(posed, cameras, 16, 24),
            center_on(cameras, middle, posed.vertices[:, ::9], 16, 24),
        )
    )
    assert float(steady[-1]) < 0.95 * float(steady[0])
    assert torch.allclose(held, held[:1].expand_as(held), rtol=0.02)
    heights = Directions(cameras, middle, [0.0] * 4).heights
    given = replace(conditions(networks), heights=heights)
    grown = given.larger(Tile((0,), (0, 1, 2, 3)))
    assert torch.allclose(grown, steady[0] / steady, rtol=0.01)
    steep = replace(given, heights=torch.tensor([[1.5, 1.0, 0.0, -1.5]]))
    # as from 45 degrees: nothing was learnt about cameras overhead
    assert torch.allclose(
        steep.larger(Tile((0,), (0, 1, 2, 3))), torch.tensor([1.0, 1.0, 0.5**0.5, 1.0])
    )
    with torch.no_grad():
        text, layout = networks.words(*encoded([STILL])), networks.layout
        known = given.motion[None], text, given.joints
        seen = layout.joints_seen(*known)
        larger = layout.joints_seen(*known, larger=2 * torch.ones(1, 4))
    root, other = seen[..., :1, :2], larger[..., :1, :2]
    assert torch.allclose(larger[..., :2] - other, 2 * (seen[..., :2] - root), atol=1e-5)
    risen = sample(networks, given)
    assert not torch.allclose(risen, sample(networks, conditions(networks)), atol=1e-3)


@pytest.mark.parametrize("frames", [1, 3, 4, 5, 11])
def test_windows_are_never_shorter_than_asked_for_unless_the_video_is(networks, frames):
    tiles = [t for look in plan(4, 1, 2, frames)(0) for t, _ in look.tiles(2, frames)]
    assert {(len(t.views), len(t.frames)) for t in tiles} == {(1, min(4, frames))}
    assert {(v, t) for tile in tiles for v in tile.views for t in tile.frames} == {
        (v, t) for v in range(2) for t in range(frames)
    }
    assert sample(networks, conditions(networks, frames, 2)).shape == (2, frames, 8, 6, 4)


def test_each_window_is_told_what_its_camera_does(networks):
    asked = []

    def say(view, first, last):
        asked.append((view, first, last))
        return TRAVELLING if view else STILL

    latents = sample(networks, conditions(networks, 6, 2, say))
    assert sorted(asked) == [(v, f, f + 3) for v in (0, 1) for f in (0, 2)]  # once each
    assert not torch.allclose(latents[0], latents[1], atol=1e-3)
    same = sample(networks, conditions(networks, 6, 2))
    assert torch.allclose(same[0], same[1], atol=1e-6) and torch.allclose(same[0], latents[0])


def test_views_are_painted_alone_and_windows_see_their_own_frames(networks):
    given = conditions(networks, 6)
    call = Denoiser(networks, given)
    latents, t = torch.zeros(1, 4, 8, 6, 4), torch.tensor(5.0)
    tile = Tile((0,), (2, 3, 4, 5))
    made = call(latents, t, [tile], False).conditioned
    with torch.no_grad():
        words = networks.words(*encoded([STILL]))
        reference, motion = networks.encode(given.picture), given.motion[None, 2:]
        cue = networks.cue(given.picture, given.joints, motion, words)
        wanted = networks(latents, t, reference, motion, words, cue)
        wanted = networks.model_output(wanted, cue)
    assert torch.allclose(made, wanted, atol=1e-4)
    two = call(latents.expand(2, -1, -1, -1, -1), t, [Tile((0,), (0, 1, 2, 3)), tile], False)
    assert torch.allclose(two.conditioned[1:], made, atol=1e-4)


def test_noise_belongs_to_its_frame_where_there_is_any():
    networks = awake(small_networks(config=small_config(from_mean=False)))
    given = conditions(networks)
    first, again, other = (sample(networks, given, seed=s) for s in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize("changes", [
    {"inject": "concat"}, {"control": "skeleton"}, {"control": "smpl"}, {"hands": False},
])
def test_what_it_is_compared_with_is_sampled_too(changes):
    networks = awake(small_networks(config=small_config().varied(**changes)))
    latents = sample(networks, conditions(networks, 6, 2))
    assert latents.shape == (2, 6, 8, 6, 4) and bool(torch.isfinite(latents).all())
    batch = batch_of([scene()], [(0, 1)])
    assert sample_clips(networks, batch).shape == (1, 4, 4, HEIGHT, WIDTH)


# ------------------------------------------------------------------ drivers


def moving_box(frames=6, height=60, width=80, drop=None):
    """A box of 10 x 30 pixels that goes to the right, brighter every frame."""
    made = torch.zeros(frames, 4, height, width, dtype=torch.uint8)
    for t in range(frames):
        if t != drop:
            made[t, :3, 20:50, 20 + 4 * t : 30 + 4 * t] = 100 + 20 * t
            made[t, 3, 20:50, 20 + 4 * t : 30 + 4 * t] = 255
    return made


@pytest.mark.parametrize("drop", [None, 0, 3])
def test_a_filmed_person_is_kept_in_the_middle_and_equally_large(drop):
    made = of_pictures(moving_box(drop=drop), small_config()).pictures
    assert made.shape == (1, 6, 4, HEIGHT, WIDTH)
    for t in range(6):
        inside = made[0, t, 3] > 0.5
        if t == drop:
            assert not inside.any()
            continue
        rows, columns = inside.any(1).nonzero()[:, 0], inside.any(0).nonzero()[:, 0]
        assert abs(len(rows) - 0.68 * HEIGHT) <= 1.5 and len(columns) in (5, 6)
        assert abs(float(rows.float().mean()) - (HEIGHT - 1) / 2) <= 1
        lag = 2.6 if t in (0, 5) or drop is not None else 1  # the ends' mean lags behind
        assert abs(float(columns.float().mean()) - (WIDTH - 1) / 2) <= lag
        light = float(made[0, t, 0][inside].median())
        assert light == pytest.approx((100 + 20 * t) / 255, abs=0.02)


def test_an_arm_held_out_does_not_move_the_body_aside_and_is_not_cut():
    still = torch.zeros(5, 4, 60, 90, dtype=torch.uint8)
    still[:, :, 10:50, 40:50] = 255
    other = still.clone()
    other[:, :, 16:18, 50:80] = 255  # one and a half times the body's width more to one side
    upright, reaching = (
        of_pictures(film, small_config()).pictures[0, 2, 3] > 0.5 for film in (still, other)
    )
    trunk = reaching[-8:].any(0).nonzero()[:, 0].float()  # rows below the arm
    assert len(trunk) and abs(float(trunk.mean()) - (WIDTH - 1) / 2) < 0.2 * WIDTH
    alone = upright.any(0).nonzero()[:, 0].float()
    assert abs(float(alone.mean()) - (WIDTH - 1) / 2) <= 1
    whole = of_pictures(other, small_config()).pictures[0, 2, 3]
    assert float(whole[:, -1].max()) < 1 and float(whole[:, -2:].max()) > 0  # all of the arm


def test_size_and_place_of_the_film_play_no_part():
    small = of_pictures(moving_box(1), small_config()).pictures
    large = torch.nn.functional.interpolate(moving_box(1).float(), scale_factor=4).byte()
    large = torch.nn.functional.pad(large, (0, 50, 30, 0))
    assert float((of_pictures(large, small_config()).pictures - small).abs().mean()) < 0.02


def test_films_without_anybody_and_other_controls_are_refused():
    with pytest.raises(InputError, match="nobody is seen"):
        of_pictures(torch.zeros(2, 4, 10, 10, dtype=torch.uint8), small_config())
    with pytest.raises(InputError, match="driven by skeleton take no video"):
        of_pictures(moving_box(2), small_config().varied(control="skeleton"))


def test_encoders_may_see_another_size_than_the_transformer_and_no_matte():
    eyes = {**small_config().motion, "width": 32, "height": 32, "channels": 3}
    config = small_config(motion=eyes)
    assert of_pictures(moving_box(2), config).pictures.shape == (1, 2, 3, 32, 32)
    part, = shown(clips.make("wave", 2), config)
    assert part.pictures.shape == (1, 2, 3, 32, 32)


@pytest.fixture(scope="module")
def performance():
    motion = clips.make("wave", BLOCK + 2)
    return motion, list(shown(motion, small_config()))


def test_a_motion_is_shown_block_by_block(performance):
    motion, parts = performance
    assert [p.pictures.shape[1] for p in parts] == [BLOCK, 2]
    pictures, hands, seen, rotations, skeleton = (
        torch.cat([getattr(p, name) for p in parts], 1)
        for name in ("pictures", "hands", "seen", "rotations", "skeleton")
    )
    assert pictures.shape == (1, BLOCK + 2, 4, HEIGHT, WIDTH)
    assert hands.shape == (1, BLOCK + 2, 2, 3, HAND, HAND) and bool(seen.all())
    assert float(hands.amax((-1, -2, -3)).min()) > 0.2
    matte = pictures[0, :, 3]
    assert 0.05 < float(matte.mean()) < 0.5
    border = torch.cat([matte[:, 0], matte[:, -1]], -1)
    assert float(border.max()) < 0.3  # seen whole
    bones = skeleton[0].amax(1) > 0.3
    assert float((bones & (matte > 0.3)).sum() / bones.sum()) > 0.7
    played = retarget(motion, figure().rest_joints)
    assert torch.allclose(rotations[0], joint_rotations(played))
    assert float((pictures[0, 0] - pictures[0, -1]).abs().max()) > 0.1


def test_which_way_somebody_looks_plays_no_part(performance):
    from dataclasses import replace

    import roma

    motion = performance[0].slice(0, 2)
    R = roma.rotvec_to_rotmat(torch.tensor([0.0, 2.0, 0.0]))
    turned = motion.R_parent_joint.clone()
    turned[:, 0] = R @ turned[:, 0]
    other = replace(motion, R_parent_joint=turned, root_position=motion.root_position @ R.T)
    first, second = (next(iter(shown(m, small_config()))).pictures for m in (motion, other))
    outlines = [made[0, :, 3].sum(1) for made in (first, second)]
    assert float((outlines[0] - outlines[1]).abs().max()) < 0.1 * float(outlines[0].max())
    assert float((first - second).abs().mean()) < 0.03  # light comes from elsewhere, edges alias


# ------------------------------------------------------------------ the pipeline


def stage(person, frames=5, camera="orbit:2", name="wave"):
    motion = retarget(clips.make(name, frames), person.rest_joints)
    cameras = build_cameras(camera, person.posed(motion).joints, width=36, height=48)
    return person, motion, cameras


@pytest.fixture(scope="module")
def given(painted):
    return stage(painted)


@pytest.fixture(scope="module")
def pipe(networks):
    return ThreeDimoPipeline(networks, "small")


@pytest.fixture(scope="module")
def video(pipe, given):
    return pipe(*given, chunk=5)


def test_untrained_networks_show_the_reference_where_the_person_is(given):
    avatar = AvatarPipeline()(*given)
    made = ThreeDimoPipeline(small_networks(config=unmoved_config()), "small")(*given)
    seen, body = made.matte[0, 0, 0] > 0.5, avatar.matte[0, 0, 0] > 0.5
    assert float((seen & body).sum() / (seen | body).sum()) > 0.4


def test_frames_do_not_depend_on_chunks_or_start(pipe, given, video):
    assert video.frames.shape == (2, 5, 3, 48, 36)  # a frame more than a window
    assert float(video.frames.min()) >= 0 and float(video.frames.max()) <= 1
    rest = torch.cat([p.frames for p in pipe.stream(*given, chunk=2, start=1)], 1)
    assert torch.equal(video.frames[:, 1:], rest)
    assert not list(pipe.stream(*given, start=5))


@pytest.mark.parametrize(("frames", "camera"), [(1, "static:20"), (2, "The camera arcs left.")])
def test_one_frame_and_a_travelling_camera(pipe, painted, frames, camera):
    made = pipe(*stage(painted, frames, camera))
    assert made.frames.shape[:2] == (1, frames) and torch.isfinite(made.frames).all()


def test_motion_words_and_reference_have_their_say(pipe, painted, given):
    def latents(pipe, scene):
        return pipe.prepare(*scene, 0, lambda done, text: None).latents

    whole = latents(pipe, given)
    other = latents(pipe, stage(painted, name="jump"))
    assert not torch.allclose(whole, other, atol=1e-3)
    assert not torch.allclose(whole[0], whole[1], atol=1e-3)  # front and back


def test_a_video_drives_in_place_of_the_motion(pipe, given, video):
    driven = pipe.driven_by(moving_box(5))
    assert driven.networks is pipe.networks and not driven.detail and pipe.driver is None
    made = driven(*given)
    assert made.frames.shape == video.frames.shape
    other = pipe.driven_by(moving_box(5).flip(0))(*given)
    assert not torch.equal(made.frames, other.frames)
    with pytest.raises(InputError, match="has 3, the motion 5"):
        pipe.driven_by(moving_box(3))(*given)


def test_progress_reaches_the_end_of_the_preparation(pipe, given):
    told: list[float] = []
    list(pipe.stream(*given, tell=lambda done, text: told.append(done)))
    assert told == sorted(told) and told[0] == 0 and told[-1] == 1


def test_saved_and_read_again(pipe, given, video, tmp_path):
    pipe.save_pretrained(tmp_path / "mine")
    read = ThreeDimoPipeline.from_pretrained(tmp_path / "mine")
    # layers on one row differ in the last bit with where in memory their weights lie
    assert read.size == "mine"
    assert torch.allclose(read(*given, chunk=5).frames, video.frames, atol=1e-6, rtol=0)
    assert mb.load(str(tmp_path / "mine"), num_inference_steps=3).steps == 3
    for bad in ({"num_inference_steps": 0}, {"dtype": "int8"}, {"device": "abacus"}):
        with pytest.raises(InputError):
            load(str(tmp_path / "mine"), **bad)


def test_3dimo_is_listed_and_says_what_is_missing(monkeypatch, tmp_path):
    assert specs()["3dimo"] is SPEC
    assert "driving video" in SPEC.reference and set(SPEC.control) == {"motion", "cameras", "words"}
    monkeypatch.setenv("MUYBRIDGE_WEIGHTS", str(tmp_path))
    with pytest.raises(MissingWeights, match="muybridge train 3dimo --size tiny"):
        mb.load("3dimo-tiny")


def test_cost_grows_with_the_frames_and_not_beyond():
    speed = Speed(0.01, 1e-7, 1e-8, 10.0, 2.0, 1 << 30)
    one, two, four = (cost(Extent(2, 100 * k, 256, 256), speed) for k in (1, 2, 4))
    assert two.seconds / one.seconds < 2.1 and four.seconds / two.seconds < 2.1
    assert one.bytes < two.bytes < four.bytes
