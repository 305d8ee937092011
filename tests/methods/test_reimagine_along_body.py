"""What is painted is averaged along the surface that it shows."""

from __future__ import annotations

import pytest
import torch
from methods import reimagine_small

from muybridge.camera import build_cameras
from muybridge.errors import InputError
from muybridge.methods.hvg.conditions import crop_of_video
from muybridge.methods.reimagine.along_body import BodyCalming, averaged, followed
from muybridge.methods.reimagine.pipeline import ReImaginePipeline, load
from muybridge.motion import clips, retarget
from muybridge.render import body_fragments, interpolate, render_textured


@pytest.fixture(scope="module")
def scene(painted):
    motion = retarget(clips.make("wave", 12), painted.rest_joints)
    cameras = build_cameras("orbit:2", painted.posed(motion).joints, width=80, height=96)
    return painted, motion, cameras


@pytest.fixture(scope="module")
def networks():
    return reimagine_small.awake(reimagine_small.small_networks())


def untold(done, of):
    """No callback."""


def view(cameras, number):
    return cameras.select([number])


def test_points_are_seen_where_the_moved_surface_is(scene):
    """What a point is told of the other frame is what the other frame shows there."""
    person, motion, cameras = scene
    posed, one = person.posed(motion), view(cameras, 1)
    fragments = body_fragments(posed, one)
    rest = person.posed(motion.slice(0, 1)).vertices[0]  # names every point of the surface
    names = interpolate(fragments, posed.mesh.faces, rest).permute(0, 3, 1, 2).float()
    known = fragments.mask[:, None].float()
    seen = list(followed(posed.vertices, posed.mesh.faces, one, 2))
    assert [int((s.target - s.source)[0]) for s in seen] == [-2, -1, 1, 2]
    for pair in seen:
        sample = torch.nn.functional.grid_sample
        there = sample(names[pair.target], pair.place, align_corners=False)
        whole = sample(known[pair.target], pair.place, align_corners=False) > 0.999
        counted = pair.visible[:, None] & whole
        assert counted.float().sum() > 0.6 * known[pair.source].sum()
        apart = (there - names[pair.source]).norm(dim=1)[counted[:, 0]]
        assert float(apart.median()) < 0.006  # metres, where a pixel is 0.025
        assert float(apart.quantile(0.95)) < 0.03


def test_flickering_shades_are_averaged_and_edges_stay(scene):
    person, motion, cameras = scene
    posed, one = person.posed(motion), view(cameras, 0)
    rgb, alpha = render_textured(
        posed.vertices, posed.mesh, torch.from_numpy(person.texture), one.K[0],
        one.T_cam_world[0], 96, 80, supersample=2,
    )
    truth = torch.cat([rgb, alpha], 1)
    shade = 0.06 * torch.randn(12, 3, 1, 1, generator=torch.Generator().manual_seed(1))
    disturbed = truth.clone()
    disturbed[:, :3] = (disturbed[:, :3] + shade * alpha).clamp(0, 1)
    seen = list(followed(posed.vertices, posed.mesh.faces, one, 1))
    calm = averaged(disturbed, seen)
    inside = (alpha > 0.99).expand(-1, 3, -1, -1)

    def error(pictures):
        return float((pictures[:, :3] - truth[:, :3])[inside].square().mean().sqrt())

    assert error(calm) < 0.75 * error(disturbed)  # the mean of three: 0.58 at best
    still = averaged(truth, seen)
    assert error(still) < 0.02
    ground = (alpha < 0.001).expand(-1, 4, -1, -1)
    assert torch.equal(still[ground], truth[ground])


def test_what_looks_otherwise_is_left_alone(scene):
    person, motion, cameras = scene
    posed, one = person.posed(motion), view(cameras, 0)
    seen = list(followed(posed.vertices, posed.mesh.faces, one, 1))
    pictures = torch.zeros(12, 4, 96, 80)
    pictures[5] = 1.0
    assert torch.allclose(averaged(pictures, seen), pictures, atol=1e-4)
    assert not torch.allclose(averaged(pictures, seen, likeness=10.0), pictures, atol=0.1)


def test_blocks_of_frames_do_not_show(networks, scene, monkeypatch):
    from muybridge.methods.reimagine import along_body

    person, motion, cameras = scene
    config = networks.config
    crop = crop_of_video(person, motion, cameras, config.width, config.height)
    pictures = torch.rand(2, 12, 4, config.height, config.width,
                          generator=torch.Generator().manual_seed(3))
    made = {}
    for block in (3, 5, 16):
        monkeypatch.setattr(along_body, "BLOCK", block)
        latents, told = networks.encode(pictures), []
        BodyCalming(networks, 2, 10.0)(
            latents, person, motion, crop.cameras, lambda *done, told=told: told.append(done)
        )
        made[block] = latents
        assert told[-1] == (2 * -(-12 // block), 2 * -(-12 // block))
        assert [done for done, _ in told] == list(range(1, len(told) + 1))
    assert torch.allclose(made[3], made[16], atol=2e-5)
    assert torch.allclose(made[5], made[16], atol=2e-5)
    assert float((made[16] - networks.encode(pictures)).abs().amax((2, 3, 4)).min()) > 1e-3


def test_it_has_the_last_word_where_hvg_calms(networks, scene):
    like_nano = reimagine_small.awake(reimagine_small.small_networks(refine_with="hvg"))
    for options, reach in (
        ({}, 1), ({"refine": "told"}, 1), ({"refine": "none"}, 0), ({"refine": "steady"}, 0),
        ({"refine": "steady", "video": "hvg"}, 1),
        ({"follow": 0}, 0), ({"refine": "none", "follow": 3}, 3),
    ):
        following = ReImaginePipeline(like_nano, "small", detail=False, **options).following
        assert (following.reach if following else 0) == reach, options
    assert ReImaginePipeline(networks, "small", detail=False).following is None  # its own model
    for wrong in (-1, 9, True):
        with pytest.raises(InputError, match="give 0 to 8"):
            ReImaginePipeline(networks, "small", follow=wrong)
    with pytest.raises(InputError, match="small sizes"):
        load("paper", follow=1)
    plain, calm = (
        ReImaginePipeline(networks, "small", detail=False, refine="none", follow=follow)
        for follow in (0, 1)
    )
    frames = [pipe(*scene).frames for pipe in (plain, calm)]
    assert not torch.equal(*frames)
    one = (scene[0], scene[1].slice(0, 1), view(scene[2], 0).slice(0, 1))
    assert torch.equal(*(pipe(*one).frames for pipe in (plain, calm)))  # a single frame
