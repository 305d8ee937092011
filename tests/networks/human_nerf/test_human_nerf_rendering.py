from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from nerf_scene import Scene, tiny_nerf

from muybridge.networks.human_nerf import PosedSkin, rendering
from muybridge.networks.human_nerf.rays import (
    box_stretch,
    composite_samples,
    pixel_rays,
    skin_stretch,
)
from muybridge.networks.human_nerf.rendering import Rays, render_pictures, sample_depths
from muybridge.networks.human_nerf.skin import CanonicalSkin

K = torch.tensor([[90.0, 0, 32], [0, 90, 24], [0, 0, 1]])
T = torch.eye(4)
T[2, 3] = 3.0  # three metres in front of the origin
HEIGHT, WIDTH = 48, 64


def line(distance: float) -> Rays:
    return Rays(
        torch.zeros(3), torch.tensor([[0.0, 0, 1], [0.3, 0.4, 1]]),
        torch.full((2,), 1.0), torch.full((2,), 1.0 + distance),
    )


@pytest.mark.parametrize("density", [0.5, 4.0])
def test_a_slab_absorbs_as_beer_and_lambert_say(density):
    """Exact: equal densities leave no error of sampling. A slanted ray has the longer way."""
    depths, steps, meant = sample_depths(line(0.8), 16, 0.0, False)
    assert meant.all()
    weights = composite_samples(torch.full_like(depths, density), steps)
    way = 0.8 * torch.tensor([1.0, math.sqrt(1.25)])
    assert torch.allclose(weights.sum(1), 1 - torch.exp(-density * way), atol=1e-6)
    # where the light comes from: the mean of an exponential cut off at the slab's end
    mean = (weights * depths).sum(1) / weights.sum(1)
    truth = 1 + (1 / density - way / torch.expm1(density * way)) / torch.tensor([1, 1.25**0.5])
    assert torch.allclose(mean, truth, atol=2e-3)


def test_short_stretches_take_fewer_samples_of_the_same_length():
    few, steps, meant = sample_depths(line(0.1), 16, 0.04, False)
    assert meant.sum(1).tolist() == [3, 3]
    assert torch.allclose(steps.sum(1), 0.1 * torch.tensor([1.0, 1.25**0.5]))
    assert ((few >= 1.0) & (few <= 1.1) | ~meant).all()
    jitter = torch.rand(2, 16)
    moved, _, _ = sample_depths(line(0.1), 16, 0.04, False, jitter)
    assert ((moved - few).abs() <= 0.5 * 0.1 / 3 + 1e-6).all()


def test_the_release_samples_both_ends_and_beyond():
    depths, steps, meant = sample_depths(line(0.8), 5, 0.02, True)
    assert torch.allclose(depths[0], torch.tensor([1.0, 1.2, 1.4, 1.6, 1.8]))
    assert meant.all() and (steps[:, -1] >= 1e10).all()
    assert torch.allclose(steps[1, :-1], torch.full((4,), 0.2 * 1.25**0.5))


@pytest.mark.parametrize("turn", [0.0, 0.7])
def test_rays_meet_what_is_near_the_skin(turn):
    """Every point within reach of a vertex lies on a ray's stretch: never too short."""
    g = torch.Generator().manual_seed(0)
    vertices = torch.randn(60, 3, generator=g) * torch.tensor([0.3, 0.4, 0.1])
    reach = 0.08 + 0.08 * torch.rand(60, generator=g)
    camera = T.clone()
    camera[:3, :3] = torch.tensor(
        [[math.cos(turn), 0, math.sin(turn)], [0, 1, 0], [-math.sin(turn), 0, math.cos(turn)]]
    )
    near, far, hit = skin_stretch(K, camera, vertices, reach, HEIGHT, WIDTH)
    centre, directions = pixel_rays(K, camera, HEIGHT, WIDTH)
    depth = torch.linspace(1.5, 4.5, 200)
    points = centre + depth[:, None, None] * directions
    inside = torch.stack([
        (torch.cdist(part, vertices) < reach).any(1) for part in points
    ])
    covered = hit & (depth[:, None] >= near) & (depth[:, None] <= far)
    assert inside.any() and not (inside & ~covered).any()
    between = inside.cumsum(0).bool() & inside.flip(0).cumsum(0).flip(0).bool()
    assert covered.sum() < 3 * between.sum()  # boxes for balls, a cube holds 1.9 of its ball
    # so close to the skin that nothing can be left out
    camera[2, 3] = 0.4
    near, far, hit = skin_stretch(K, camera, vertices, reach, HEIGHT, WIDTH)
    assert hit.all() and (near <= 0.05).all() and (far > 0.5).all()


def test_the_box_is_left_where_its_walls_are():
    vertices = torch.tensor([[-0.44, -0.44, -0.44], [0.44, 0.44, 0.44]])  # and 6 cm of margin
    near, far, hit = box_stretch(*pixel_rays(K, T, HEIGHT, WIDTH), vertices)
    hit, near, far = (x.view(HEIGHT, WIDTH) for x in (hit, near, far))
    assert near[24, 32] == pytest.approx(2.5, abs=1e-5)
    assert far[24, 32] == pytest.approx(3.5, abs=1e-5)
    # the front wall is 90 / 2.5 pixels wide
    assert hit[24].sum() == 36 and not hit[:, 0].any()


@dataclass
class Ball:
    """A red ball around the canonical origin, dark from above."""

    radius: float
    count: int

    @property
    def reach(self):
        return torch.full((self.count,), 0.5)

    def look(self, points):
        distance = points.norm(dim=1)
        hidden = torch.zeros(len(points), 16)
        return torch.where(distance < self.radius, 100.0, -100.0), hidden.__getitem__


def ball_skin(count: int = 40) -> PosedSkin:
    """Vertices within a ball; the pose turns them upside down and doubles their size."""
    g = torch.Generator().manual_seed(0)
    vertices = torch.randn(count, 3, generator=g) * 0.05
    canonical = CanonicalSkin(
        "ball", vertices, torch.nn.functional.normalize(vertices, dim=1), torch.arange(count),
        torch.eye(3).expand(count, 3, 3), 1.0,
    )
    turn = 2 * torch.diag(torch.tensor([1.0, -1, -1]))
    return PosedSkin(canonical, (vertices @ turn.T)[None], turn.expand(1, count, 3, 3),
                     torch.tensor([2.0]))


def ball_model(skin: PosedSkin):
    model = tiny_nerf(vertices=len(skin.canonical.vertices), radius=0.5, samples=200, least_step=0)
    model._canonical = skin.canonical
    return model


def test_a_ball_has_the_outline_of_a_ball():
    skin = ball_skin()
    model = ball_model(skin)
    ball = Ball(0.2, 40)  # 0.4 m in the world
    rgb, alpha, depth = render_pictures(model, ball, skin, K[None], T[None], HEIGHT, WIDTH)
    _, directions = pixel_rays(K, T, HEIGHT, WIDTH)
    cosine = directions[:, 2] / directions.norm(dim=1)
    sine = math.sqrt(1 - (0.4 / 3) ** 2)  # of the cone that touches the ball
    truth = (cosine > sine).view(HEIGHT, WIDTH)
    edge = (cosine - sine).abs().view(HEIGHT, WIDTH) < 6e-4
    assert ((alpha[0, 0] > 0.5) == truth)[~edge].all()
    assert alpha[0, 0][~truth & ~edge].max() < 1e-3 and alpha[0, 0][truth & ~edge].min() > 0.9
    assert truth.sum() > 300
    # steps of 1 cm, and one more for the light to be absorbed
    assert depth[0, 0, 24, 32] == pytest.approx(2.6, abs=0.02)
    assert (depth[0, 0][alpha[0, 0] == 0] == 0).all()
    assert ((rgb >= 0) & (rgb <= alpha + 2e-3)).all()


def test_pictures_do_not_depend_on_how_rays_are_grouped(monkeypatch):
    skin = ball_skin()
    model = ball_model(skin)
    ball = Ball(0.2, 40)
    whole = render_pictures(model, ball, skin, K[None], T[None], HEIGHT, WIDTH)
    monkeypatch.setattr(rendering, "_RAYS", 37)
    parts = render_pictures(model, ball, skin, K[None], T[None], HEIGHT, WIDTH)
    for a, b in zip(whole, parts, strict=True):
        assert (a - b).abs().max() < 1e-5


def test_pictures_run_through_the_frames_for_each_view(scene: Scene):
    model = tiny_nerf()
    skin = scene.skin(model)
    reference, _, K0, T0 = scene.shot(0, 0)
    person = model.encode(reference[0], skin.select([0]), K0[0], T0[0])
    cameras = scene.cameras.select([0, 2]).resampled(3)
    video, alpha, depth = model.render_video(person, skin.select([0, 1, 2]), cameras)
    assert video.shape == (2, 3, 3, 96, 72) and alpha.shape == depth.shape == (2, 3, 1, 96, 72)
    one, _, _ = model.render(
        person, skin.select([2]), cameras.K[1, 2:].float(), cameras.T_cam_world[1, 2:].float(),
        96, 72,
    )
    assert torch.allclose(video[1, 2], one[0], atol=1e-6)
    assert (video[0, 0] - video[0, 2]).abs().max() > 0.02


def test_anyone_so_far_away_leaves_the_picture_empty(scene: Scene):
    model = tiny_nerf()
    skin = scene.skin(model).select([0])
    reference, _, K0, T0 = scene.shot(0, 0)
    person = model.encode(reference[0], skin, K0[0], T0[0])
    behind = T0.clone()
    behind[:, 2, 3] -= 20
    aside = T0.clone()
    aside[:, 0, 3] += 20
    for camera in (behind, aside):
        rgb, alpha, depth = model.render(person, skin, K0, camera, 96, 72)
        assert not rgb.any() and not alpha.any() and not depth.any()
