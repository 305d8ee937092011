"""HVG's sampling of a grid: every step looks along time and around the views."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from muybridge.errors import InputError
from muybridge.sampling import (
    EdmObjective,
    Pass,
    Prediction,
    Reach,
    ResidualFlowScheduler,
    combined,
    denoise,
    equal_share,
    images_per_step,
    predict,
    progressive,
    single_windows,
    turns,
)

SMALL = Reach(time=(2, 6), time_overlap=2, around=(4, 3), around_overlap=1, still=5)


def grid(views, frames, seed=0):
    return torch.randn(views, frames, 2, 2, 2, generator=torch.Generator().manual_seed(seed))


def alone(latents, timestep, tiles, guided):
    """Every picture for itself: a network without context."""
    return Prediction(torch.tanh(latents) * 0.7 + 0.1)


class Social:
    """Every picture is drawn to the mean of its tile, the more the further apart they are."""

    def __init__(self):
        self.shapes, self.seen = set(), Counter()

    def __call__(self, latents, timestep, tiles, guided):
        self.shapes.add(tuple(latents.shape))
        for tile in tiles:
            self.seen.update((v, t) for v in tile.views for t in tile.frames)
        middle = latents.mean(1, keepdim=True)
        return Prediction(middle + 0.1 * torch.tanh(latents - middle))


def sampled(model, latents, plan, steps=3):
    scheduler = ResidualFlowScheduler(sigma_max=5.0)
    scheduler.set_timesteps(steps)
    return denoise(model, scheduler, latents, plan)


reaches = st.builds(
    lambda time, around, over, beside, still: Reach(
        time, min(over, time[1] - 1), around, min(beside, around[0] - 1, still - 1), still
    ),
    st.tuples(st.integers(1, 5), st.integers(1, 9)),
    st.tuples(st.integers(1, 9), st.integers(1, 5)),
    st.integers(0, 8), st.integers(0, 8), st.integers(1, 12),
)


@settings(max_examples=25)
@given(reaches, st.integers(1, 14), st.integers(1, 30), st.booleans(), st.integers(0, 5))
def test_every_look_covers_the_grid_with_weights_that_sum_to_one(
    reach, views, frames, closed, step
):
    passes = progressive(views, frames, reach, closed=closed)(step)
    assert sum(each.weight for each in passes) == pytest.approx(1)
    for each in passes:
        total, count = torch.zeros(views, frames), 0
        for tile, weights in each.tiles(views, frames):
            assert len(set(tile.views)) == len(tile.views)
            total[tile.index] += weights.unflatten(0, (len(tile.views), len(tile.frames)))
            assert bool((weights > 0).all())
            count += len(weights)
        assert torch.allclose(total, torch.ones(views, frames), atol=1e-5)
        assert count == each.images(views, frames)


@settings(max_examples=25)
@given(reaches, st.integers(1, 14), st.integers(2, 30), st.booleans())
def test_no_tile_is_larger_than_the_reach(reach, views, frames, closed):
    most = max(reach.images, 1)
    for each in progressive(views, frames, reach, closed=closed)(1):
        for tile, _ in each.tiles(views, frames):
            assert len(tile.views) * len(tile.frames) <= most


@pytest.mark.parametrize("views, frames", [
    (1, 1), (1, 40), (8, 1), (3, 5), (8, 40), (21, 25), (6, 24), (7, 24), (30, 1),
])
@pytest.mark.parametrize("closed", [False, True])
def test_a_network_without_context_is_sampled_as_if_there_were_no_windows(views, frames, closed):
    latents = grid(views, frames)
    plain = sampled(alone, latents, combined(Pass()))
    fused = sampled(alone, latents, progressive(views, frames, closed=closed))
    assert torch.allclose(fused, plain, atol=1e-5)
    small = sampled(alone, latents, progressive(views, frames, SMALL, closed=closed))
    assert torch.allclose(small, plain, atol=1e-5)


@settings(max_examples=25)
@given(reaches, st.integers(1, 9), st.integers(1, 20), st.booleans())
def test_a_network_that_gives_back_its_input_is_a_fixed_point(reach, views, frames, closed):
    latents = grid(views, frames)
    for each in progressive(views, frames, reach, closed=closed)(0):
        fused = predict(
            lambda given, timestep, tiles, guided: Prediction(given), latents,
            torch.tensor(0.0), each,
        )
        assert torch.allclose(fused, latents, atol=1e-5)


def test_clean_latents_are_found_and_kept():
    latents = grid(8, 20)

    def knows(scaled, timestep, tiles, guided):
        return Prediction(torch.stack([tile.take(latents) for tile in tiles]))

    plan = progressive(8, 20, SMALL, closed=True)
    assert torch.allclose(sampled(knows, latents + 5 * grid(8, 20, 1), plan), latents, atol=1e-4)


@settings(max_examples=5)
@given(st.permutations(range(9)))
def test_where_the_order_of_views_is_told_their_numbers_change_nothing(order):
    """The same cameras numbered in another way: the same video, numbered in that way."""
    latents = grid(9, 7)
    there = sampled(Social(), latents, progressive(9, 7, SMALL, closed=True))
    place = [order.index(k) for k in range(9)]  # view place[k] now is what view k was
    other = sampled(
        Social(), latents[list(order)], progressive(9, 7, SMALL, order=place, closed=True)
    )
    assert torch.allclose(other, there[list(order)], atol=1e-5)


@pytest.mark.parametrize("turn", [1, 3, 5])
def test_a_closed_ring_has_no_first_view(turn):
    """Turned by a whole number of windows, the ring is sampled as before."""
    latents = grid(6, 7)
    reach = dataclasses.replace(SMALL, time=(1, 6), around=(3, 3), around_overlap=2)
    plan = progressive(6, 7, reach, closed=True)
    assert len(plan(0)) == 2
    there = sampled(Social(), latents, plan)
    turned = sampled(Social(), latents.roll(turn, 0), plan)
    assert torch.allclose(turned, there.roll(turn, 0), atol=1e-5)
    opened = progressive(6, 7, reach)
    apart = sampled(Social(), latents.roll(turn, 0), opened) - there.roll(turn, 0)
    assert float(apart.abs().max()) > 1e-3


def test_the_last_view_hears_of_the_first_where_they_are_neighbours():
    """With one view pushed away, those beside it move, over the seam as well."""
    latents = grid(12, 3)
    pushed = latents.clone()
    pushed[0] += 3
    for closed in (True, False):
        plan = progressive(12, 3, SMALL, closed=closed, turning=False)
        scheduler = ResidualFlowScheduler(sigma_max=5.0)
        moved = []
        for start in (latents, pushed):
            scheduler.set_timesteps(1)
            moved.append(denoise(Social(), scheduler, start, plan))
        apart = (moved[1] - moved[0]).abs().amax((1, 2, 3, 4))
        assert (float(apart[11]) > 1e-3) == closed
        assert float(apart[1]) > 1e-3 and float(apart[6]) < 1e-6


@pytest.mark.parametrize(
    "views, frames, modes",
    [
        (1, 1, ["joint"]), (1, 6, ["joint"]), (1, 7, ["time"]), (5, 1, ["joint"]),
        (6, 1, ["around"]), (4, 3, ["joint"]), (2, 6, ["joint"]), (2, 9, ["time"]),
        (5, 3, ["around"]), (3, 4, ["joint"]), (3, 5, ["time", "around"]),
        (8, 20, ["time", "around"]),
    ],
)
def test_looks_that_add_nothing_are_left_out(views, frames, modes):
    passes = progressive(views, frames, SMALL)(0)
    assert [each.mode for each in passes] == modes
    if modes == ["joint"]:
        assert len(passes[0].tiles(views, frames)) == 1


def test_tiles_are_long_or_wide():
    plan = progressive(8, 48, closed=True, turning=False)
    along, around = plan(0)
    assert along.frames.items == tuple(tuple(range(s, s + 24)) for s in (0, 18, 24))
    assert along.views.items == ((0, 1, 2), (2, 3, 4), (5, 6, 7))
    assert around.views.items == ((0, 1, 2, 3, 4, 5), (4, 5, 6, 7, 0, 1))
    assert around.frames.items == tuple(tuple(range(s, s + 12)) for s in (0, 12, 24, 36))
    # as the notes count it: 648 and 576 pictures for 384
    assert along.images(8, 48) == 648 and around.images(8, 48) == 576
    assert images_per_step(plan, 25, 8, 48) == 1224


def test_views_may_stand_in_any_order():
    plan = progressive(8, 48, order=[3, 1, 4, 0, 5, 2, 6, 7], closed=True, turning=False)
    assert plan(0)[1].views.items == ((3, 1, 4, 0, 5, 2), (5, 2, 6, 7, 3, 1))


def test_seams_around_a_ring_move_from_step_to_step():
    plan = progressive(8, 48, closed=True)
    for k in (0, 1):
        starts = {plan(step)[k].views.items[0][0] for step in range(8)}
        assert len({plan(step)[k].views.items for step in range(8)}) >= 3, starts
    still = progressive(8, 48)
    assert len({still(step)[1].views.items for step in range(8)}) == 1


def test_shares():
    for share, modes in (
        (1.0, [["time"]] * 4), (0.0, [["around"]] * 4),
        (turns(4), [["around"], ["time"], ["around"], ["time"]]),
        (equal_share, [["time", "around"]] * 4),
    ):
        plan = progressive(8, 20, SMALL, share=share)
        assert [[each.mode for each in plan(step)] for step in range(4)] == modes
    assert [each.weight for each in progressive(8, 20, SMALL, share=0.25)(0)] == [0.25, 0.75]
    assert progressive(8, 1, SMALL, share=1.0)(0)[0].mode == "around"
    assert turns(3)(2) == turns(1)(0) == 1.0
    with pytest.raises(InputError, match="share: is 1.5; give 0 to 1"):
        progressive(8, 20, SMALL, share=1.5)(0)


def test_both_looks_are_averaged_in_one_step_of_the_scheduler():
    class Counting(ResidualFlowScheduler):
        steps = 0

        def step(self, *args):
            self.steps += 1
            return super().step(*args)

    def tells(latents, timestep, tiles, guided):
        value = {"time": 1.0, "around": 3.0}[tiles[0].mode]
        return Prediction(torch.full_like(latents, value))

    scheduler = Counting(sigma_max=1.0)
    scheduler.set_timesteps(1)
    result = denoise(tells, scheduler, grid(8, 20), progressive(8, 20, SMALL, share=0.25))
    assert scheduler.steps == 1
    assert torch.allclose(result, torch.full_like(result, 0.25 * 1 + 0.75 * 3), atol=1e-5)


def test_fused_outputs_step_as_fused_latents_do():
    """Both ways of merging tiles are one, since the sampler's step is affine in the output."""
    latents, plan = grid(5, 9), progressive(5, 9, SMALL, closed=True)
    objective = EdmObjective(sigma_max=3.0)
    scheduler = objective.scheduler()
    scheduler.set_timesteps(3)
    timestep = scheduler.timesteps[0]
    scaled = scheduler.scale_model_input(latents, timestep)
    merged = torch.zeros_like(latents)
    for each in plan(0):
        output = predict(Social(), scaled, timestep, each)
        one = objective.scheduler()
        one.set_timesteps(3)
        one.scale_model_input(latents, timestep)
        merged += each.weight * one.step(output, timestep, latents).prev_sample
    told = []
    denoise(Social(), scheduler, latents, plan, callback=lambda *what: told.append(what[2]))
    assert torch.allclose(told[0], merged, atol=1e-5)


# ------------------------------------------------------------------------------ cost


def test_a_thousand_frames_are_seen_a_tile_at_a_time():
    model, reach = Social(), Reach()
    latents = torch.zeros(2, 1000, 1, 2, 2)
    scheduler = ResidualFlowScheduler()
    scheduler.set_timesteps(1)
    denoise(model, scheduler, latents, progressive(2, 1000, reach))
    assert model.shapes == {(1, 48, 1, 2, 2)}
    assert len(model.seen) == 2000 and max(model.seen.values()) <= 3
    model = Social()
    denoise(model, scheduler, latents[:, :100].repeat(4, 1, 1, 1, 1), progressive(8, 100, reach))
    assert model.shapes == {(1, 72, 1, 2, 2)}


@settings(max_examples=25)
@given(st.integers(1, 40), st.integers(24, 2000), st.booleans())
def test_cost_is_linear_in_frames(views, frames, closed):
    """Never more than the overlap costs, and one window at the end."""
    plan = progressive(views, frames, closed=closed)
    assert images_per_step(plan, 1, views, frames) <= (
        2 * (views + 5) * (24 / 18 * frames + 24) + 6 * (views + 6) * (frames + 12) / 4
    )
    if frames >= 10 * 24:
        twice = progressive(views, 2 * frames, closed=closed)
        ratio = images_per_step(twice, 1, views, 2 * frames) / images_per_step(
            plan, 1, views, frames
        )
        assert ratio <= 2.1


@settings(max_examples=25)
@given(st.integers(7, 60), st.integers(1, 100))
def test_cost_is_linear_in_views(views, frames):
    one, two = (
        images_per_step(progressive(n, frames, closed=True), 1, n, frames)
        for n in (views, 2 * views)
    )
    if frames > 1 or views > 48:
        assert two / one <= 2.1


@pytest.mark.parametrize("views, frames", [(8, 48), (8, 100), (16, 48), (6, 240), (4, 200)])
def test_twice_the_video_is_at_most_twice_the_work(views, frames):
    def cost(v, t):
        return images_per_step(progressive(v, t, closed=True), 1, v, t)

    assert cost(views, 2 * frames) / cost(views, frames) <= 2.1
    if views >= 8:
        assert cost(2 * views, frames) / cost(views, frames) <= 2.1


@pytest.mark.parametrize(
    "values, problem",
    [
        ({"time": (0, 24)}, r"time: is \(0, 24\)"), ({"around": (6, 0)}, "around"),
        ({"still": 0}, "still: is 0"), ({"time_overlap": -1}, "time_overlap: is -1"),
        ({"time_overlap": 24}, "time_overlap: 24 with tiles of 24; give less than 24"),
        ({"around_overlap": 6}, "around_overlap: 6 with tiles of 6"),
        ({"still": 2}, "around_overlap: 2 with tiles of 2"),
    ],
)
def test_reaches_out_of_range(values, problem):
    with pytest.raises(InputError, match=problem):
        Reach(**values)


def test_plans_out_of_range():
    with pytest.raises(InputError, match="give a view and a frame"):
        progressive(0, 4)
    with pytest.raises(InputError, match="order"):
        progressive(8, 40, order=[0, 1])(0)


def test_passes_look_one_by_one_where_no_windows_are_given():
    tiles = Pass(single_windows(2)).tiles(2, 3)
    assert [(tile.views, tile.frames) for tile, _ in tiles] == [
        ((v,), (t,)) for v in range(2) for t in range(3)
    ]
