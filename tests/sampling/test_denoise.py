from __future__ import annotations

import dataclasses

import pytest
import torch

from muybridge.sampling import (
    EdmObjective,
    Pass,
    Prediction,
    ResidualFlowScheduler,
    Windows,
    alternating,
    anchored_windows,
    combined,
    denoise,
    looped_windows,
    open_windows,
    predict,
)


def echo(latents, timestep, tiles, guided):
    """Gives back what it gets."""
    return Prediction(latents, latents if guided else None)


class Recorder:
    """Gives the mean of each tile everywhere, and remembers what it was asked."""

    def __init__(self):
        self.calls = []

    def __call__(self, latents, timestep, tiles, guided):
        self.calls.append((tuple(tiles), guided, latents.shape))
        same = latents.mean(1, keepdim=True).expand_as(latents)
        return Prediction(same, torch.zeros_like(same) if guided else None)


def grid(views=3, frames=7, seed=0):
    return torch.randn(views, frames, 2, 4, 3, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("look", [
    Pass(frames=open_windows(7, 3, 1)), Pass(frames=anchored_windows(7, 4, 2)),
    Pass(frames=looped_windows(7, 4, 1)), Pass(looped_windows(3, 2, 1)),
    Pass(frames=open_windows(7, 99, 0)), Pass(),
    Pass(looped_windows(3, 2, 1, 0, "ramp"), open_windows(7, 3, 1, "ramp")),
])
def test_what_gives_back_its_input_is_left_as_it_is(look):
    latents = grid()
    for guidance in (1.0, 2.5):
        look = dataclasses.replace(look, guidance=guidance)
        fused = predict(echo, latents, torch.tensor(1.0), look)
        assert torch.allclose(fused, latents, atol=1e-6)


def test_clean_latents_are_a_fixed_point_of_the_whole_loop():
    latents = grid()

    def knows(scaled, timestep, tiles, guided):
        truth = torch.stack([tile.take(latents) for tile in tiles])
        return Prediction(truth, truth if guided else None)

    scheduler = ResidualFlowScheduler()
    plan = alternating(
        Pass(looped_windows(3, 2, 1)), Pass(frames=open_windows(7, 4, 2)), steps=4
    )
    result = denoise(knows, scheduler, latents.clone(), plan)
    assert torch.allclose(result, latents, atol=1e-5)
    noisy = latents + 30 * grid(seed=1)
    assert torch.allclose(denoise(knows, scheduler, noisy, plan), latents, atol=1e-4)


def test_order_of_windows_changes_nothing():
    latents = grid()
    items = [list(window) for window in looped_windows(7, 4, 2).items]
    results = [
        predict(Recorder(), latents, torch.tensor(0.0), Pass(frames=Windows.of(7, order)))
        for order in (items, items[::-1])
    ]
    assert torch.equal(*results)


def test_tiles_per_call_changes_nothing_but_the_number_of_calls():
    latents = grid()
    look = Pass(frames=open_windows(7, 4, 2), guidance=torch.linspace(0, 2, 7)[None])
    results, calls = [], []
    for count in (1, 2, 5, 100):
        model = Recorder()
        results.append(predict(model, latents, torch.tensor(0.0), look, count))
        calls.append(len(model.calls))
    assert calls == [9, 5, 2, 1]
    assert all(torch.equal(result, results[0]) for result in results)


def test_passes_along_time_and_views_see_the_right_tiles():
    model, latents = Recorder(), grid(views=2, frames=3)
    predict(model, latents, torch.tensor(0.0), Pass(frames=open_windows(3, 2, 1), mode="pose"))
    seen = [tile for tiles, _, _ in model.calls for tile in tiles]
    assert [(t.views, t.frames) for t in seen] == [
        ((0,), (0, 1)), ((0,), (1, 2)), ((1,), (0, 1)), ((1,), (1, 2))
    ]
    assert {t.mode for t in seen} == {"pose"}
    model = Recorder()
    out = predict(model, latents, torch.tensor(0.0), Pass(looped_windows(2, 2, 0)))
    assert [(t.views, t.frames) for tiles, _, _ in model.calls for t in tiles] == [
        ((0, 1), (0,)), ((0, 1), (1,)), ((0, 1), (2,))
    ]
    assert torch.allclose(out, latents.mean(0, keepdim=True).expand_as(latents), atol=1e-6)


def test_guidance_is_per_item_and_costs_nothing_at_one():
    latents, ones = grid(), torch.ones(1, 7)
    model = Recorder()
    whole = open_windows(7, 7, 0)
    plain = predict(model, latents, torch.tensor(0.0), Pass(frames=whole, guidance=ones))
    assert not any(guided for _, guided, _ in model.calls)
    scale = torch.arange(7.0)[None]
    model = Recorder()
    guided = predict(model, latents, torch.tensor(0.0), Pass(frames=whole, guidance=scale))
    assert all(guided for _, guided, _ in model.calls)
    assert torch.allclose(guided, plain * scale[:, :, None, None, None], atol=1e-6)


def test_alternating_takes_turns_and_ends_with_the_last():
    view, pose = (Pass(looped_windows(3, 3, 0), mode=axis) for axis in ("views", "time"))
    for steps in (1, 2, 4, 5):
        plan = alternating(view, pose, steps=steps)
        axes = [plan(step)[0].mode for step in range(steps)]
        assert axes == (["views", "time"] * 3)[-steps:] if steps % 2 == 0 else axes[-1] == "time"
        assert all(a != b for a, b in zip(axes, axes[1:], strict=False))


def test_combined_passes_are_averaged_by_weight():
    latents = grid(views=3, frames=3)
    view = Pass(looped_windows(3, 3, 0), weight=3)
    pose = Pass(frames=looped_windows(3, 3, 0), weight=1)
    scheduler = ResidualFlowScheduler(sigma_max=1.0)
    scheduler.set_timesteps(1)  # one step to sigma 0: the result is the model output
    result = denoise(Recorder(), scheduler, latents, combined(view, pose))
    scaled = latents / 2
    expected = 0.75 * scaled.mean(0, keepdim=True) + 0.25 * scaled.mean(1, keepdim=True)
    assert torch.allclose(result, expected.expand_as(latents), atol=1e-6)


def test_windows_must_fit_the_grid():
    with pytest.raises(ValueError, match="windows over 5 frames; the grid has 7"):
        predict(echo, grid(), torch.tensor(0.0), Pass(frames=open_windows(5, 5, 0)))


def test_cost_is_linear_and_the_network_sees_one_window_however_long_the_video():
    counts = []
    for frames in (100, 200, 1000):
        model = Recorder()
        look = Pass(frames=open_windows(frames, 20, 6))
        predict(model, torch.zeros(1, frames, 1, 2, 2), torch.tensor(0.0), look)
        assert {shape for _, _, shape in model.calls} == {(1, 20, 1, 2, 2)}
        counts.append(len(model.calls))
    # ceil((n - 20) / 14) + 1 windows
    assert counts == [7, 14, 71]


def test_every_step_is_told_and_one_can_begin_in_the_middle():
    told = []
    scheduler = EdmObjective().scheduler()
    scheduler.set_timesteps(4)
    plan = combined(Pass(frames=open_windows(7, 7, 0)))

    def zero(latents, timestep, tiles, guided):
        return Prediction(torch.zeros_like(latents))

    result = denoise(
        zero, scheduler, grid(), plan, callback=lambda k, n, x: told.append((k, n, x))
    )
    assert [(k, n) for k, n, _ in told] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert torch.equal(told[-1][2], result)
    scheduler.set_timesteps(4)
    rest = denoise(zero, scheduler, told[1][2], plan, first_step=2)
    assert torch.equal(rest, result)
