"""The refiner's invariants, its windows, and what it does to a video that flickers."""

from __future__ import annotations

import math

import pytest
import torch
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
    FlowMatchEulerDiscreteScheduler,
)
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler

from muybridge.errors import InputError
from muybridge.sampling import (
    PRESETS,
    AnyVideoModel,
    Prediction,
    Refinement,
    SpectralTemporalRefiner,
    VideoModel,
    draw_noise,
    open_windows,
)
from muybridge.sampling.refine import flow_scheduler
from muybridge.sampling.video_model import clean_of, discrete_timestep, log_noise, preserving

PLAIN = {"amount": 0.0, "anchor": 0.0, "steps": 4, "still_noise": 0.0}


@pytest.fixture(scope="module")
def wan() -> AnyVideoModel:
    """A tiny random Wan, by its velocity."""
    torch.manual_seed(0)
    network = WanTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=4,
        out_channels=4, text_dim=8, freq_dim=16, ffn_dim=16, num_layers=1, rope_max_seq_len=32,
    ).eval()
    text = torch.randn(1, 3, 8)

    def velocity(latents, timestep, tiles, conditioned):
        told = text if conditioned else torch.zeros_like(text)
        return network(
            latents.transpose(1, 2), timestep.expand(len(latents)),
            told.expand(len(latents), -1, -1), return_dict=False,
        )[0].transpose(1, 2)

    return AnyVideoModel(velocity, "flow_prediction", 8)


@pytest.fixture(scope="module")
def latents() -> torch.Tensor:
    return torch.randn(2, 6, 4, 4, 6, generator=torch.Generator().manual_seed(1))


def test_the_model_is_one_that_the_protocol_means(wan):
    assert isinstance(wan, VideoModel)


def test_strength_zero_is_the_identity(wan, latents):
    for preset in PRESETS:
        refined = SpectralTemporalRefiner(wan, preset, strength=0.0)(latents)
        assert torch.equal(refined, latents)
        assert refined is not latents


@pytest.mark.parametrize("preset", PRESETS)
def test_all_that_passes_gives_back_the_input(wan, latents, preset):
    refiner = SpectralTemporalRefiner(
        wan, preset, steps=3, cut_time=math.inf, cut_space=math.inf, fraction=1.0, amount=1.0,
        fade="constant",
    )
    assert torch.equal(refiner(latents), latents)


def test_a_filter_that_passes_all_gives_back_the_input(wan, latents):
    refiner = SpectralTemporalRefiner(
        wan, steps=3, cut_time=2.0, cut_space=2.0, kind="ideal", anchor=0.0
    )
    assert (refiner(latents) - latents).abs().max() < 2e-6


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_zero_blend_is_the_plain_loop_of_diffusers(wan, latents, guidance):
    refiner = SpectralTemporalRefiner(
        wan, strength=0.7, shift=5.0, guidance=guidance, **PLAIN
    )
    noise = draw_noise(3, [0, 1], range(6), (4, 4, 6))
    levels = refiner.settings.noise_levels()
    scheduler = FlowMatchEulerDiscreteScheduler(shift=1.0)
    scheduler.set_timesteps(sigmas=levels[:-1])
    x = scheduler.scale_noise(latents, scheduler.timesteps[:1], noise)
    for t in scheduler.timesteps:
        velocity = wan.network(x, t, [], True)
        if guidance != 1:
            free = wan.network(x, t, [], False)
            velocity = free + guidance * (velocity - free)
        x = scheduler.step(velocity, t, x).prev_sample
    assert (refiner(latents, seed=3) - x).abs().max() < 2e-5
    assert (x - latents).abs().max() > 0.1


def test_the_plain_loop_of_a_noise_predictor_is_ddims(latents):
    scheduler = DDIMScheduler(clip_sample=False, set_alpha_to_one=True, timestep_spacing="trailing")
    scheduler.set_timesteps(5)
    signal = scheduler.alphas_cumprod

    def network(x, timestep, tiles, conditioned):
        return 0.3 * x.flip(1) + 0.001 * timestep

    first = 2
    x = noisy = scheduler.add_noise(
        latents, draw_noise(0, [0, 1], range(6), (4, 4, 6)), scheduler.timesteps[first]
    )
    for t in scheduler.timesteps[first:]:
        x = scheduler.step(network(x, t, [], True), t, x).prev_sample
    levels = []
    for t in scheduler.timesteps[first:]:
        ratio = float((1 - signal[t]).sqrt() / signal[t].sqrt())
        levels.append(ratio / (1 + ratio))
    refiner = SpectralTemporalRefiner(
        AnyVideoModel(network, "epsilon", 8, signal), **{**PLAIN, "steps": len(levels)}
    )
    object.__setattr__(refiner.settings, "noise_levels", lambda: [*levels, 0.0])
    assert noisy.shape == latents.shape
    assert (refiner(latents) - x).abs().max() < 1e-4


def test_every_meaning_of_an_output_gives_the_same_clean_latents():
    clean, noise = torch.randn(2, 3), torch.randn(2, 3)
    for share in (0.01, 0.4, 0.9, 0.99):
        noisy = torch.lerp(clean, noise, share)
        length = math.hypot(1 - share, share)
        outputs = {
            "flow_prediction": noise - clean, "epsilon": noise, "sample": clean,
            "v_prediction": ((1 - share) * noise - share * clean) / length,
        }
        for meaning, output in outputs.items():
            assert torch.allclose(clean_of(output, noisy, share, meaning), clean, atol=2e-5)
        assert preserving(noisy, share).std() < 3
    with pytest.raises(InputError, match="prediction_type"):
        AnyVideoModel(lambda *_: clean, "noise", 4)


def test_timesteps_of_a_discrete_schedule():
    signal = DDIMScheduler().alphas_cumprod
    for t in (0, 7, 500, 999):
        ratio = float(((1 - signal[t]) / signal[t]).sqrt())
        assert discrete_timestep(signal, ratio / (1 + ratio)) == pytest.approx(t, abs=1e-2)
    assert discrete_timestep(signal, 0.0) == 0
    assert discrete_timestep(signal, 1.0) == 999
    assert math.isfinite(log_noise(1.0))


@pytest.mark.parametrize("kind", [FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler])
def test_schedulers_of_diffusers_can_step(wan, latents, kind):
    options = {"use_flow_sigmas": True, "flow_shift": 3.0} if "UniPC" in kind.__name__ else {
        "shift": 3.0
    }
    given = kind(**options)
    settings = {"steps": 6, "strength": 0.5, "cut_time": 0.2, "anchor": 0.3}
    ours = SpectralTemporalRefiner(wan, **settings)(latents)
    theirs = SpectralTemporalRefiner(wan, scheduler=given, **settings)(latents)
    close = 1e-5 if kind is FlowMatchEulerDiscreteScheduler else 0.1
    assert (ours - theirs).abs().max() < close
    assert all(given.config[name] == value for name, value in options.items())


def test_schedulers_that_are_none_for_flow_are_refused():
    with pytest.raises(InputError, match="none for flow"):
        flow_scheduler(DDIMScheduler(), [0.5, 0.0])
    with pytest.raises(InputError, match="scheduler"):
        flow_scheduler(
            UniPCMultistepScheduler(use_flow_sigmas=True, final_sigmas_type="sigma_min"),
            [0.5, 0.2, 0.0],
        )


def test_the_anchor_is_kept_and_what_is_pulled_too(wan, latents):
    pull = torch.tensor([1.0, 1.0, 0.5, 0, 0, 0])
    refined = SpectralTemporalRefiner(wan, steps=3, cut_time=0.1, anchor=1.0)(latents)
    assert torch.equal(refined[:, 0], latents[:, 0])
    assert (refined[:, 1] - latents[:, 1]).abs().max() > 0.05
    pulled = SpectralTemporalRefiner(wan, steps=3, cut_time=0.1, anchor=0)(latents, pull=pull)
    assert torch.equal(pulled[:, :2], latents[:, :2])
    assert (pulled[:, 2] - latents[:, 2]).abs().mean() < (
        refined[:, 2] - latents[:, 2]
    ).abs().mean()


class Shrinks:
    """A model whose estimate is its input, smaller; it remembers the tiles that it saw."""

    frames = 4

    def __init__(self) -> None:
        self.seen: list[tuple[tuple[int, ...], tuple[int, ...]]] = []

    def __call__(self, latents, timestep, tiles, guided) -> Prediction:
        self.seen += [(tile.views, tile.frames) for tile in tiles]
        return Prediction(0.5 * latents, 0.25 * latents if guided else None)


def test_windows_cover_all_frames_and_change_nothing_for_a_model_without_memory(latents):
    model = Shrinks()
    parts = SpectralTemporalRefiner(model, steps=2, overlap=1, guidance=2.0)(latents)
    assert {frames for _, frames in model.seen} == {(0, 1, 2, 3), (2, 3, 4, 5)}
    assert {views for views, _ in model.seen} == {(0,), (1,)}
    whole = SpectralTemporalRefiner(model, steps=2, guidance=2.0)(
        latents, windows=open_windows(6, 6, 0), tiles_per_call=2
    )
    assert torch.allclose(parts, whole, atol=1e-6)


def test_noise_belongs_to_view_and_frame(latents):
    short = SpectralTemporalRefiner(Shrinks(), cut_time=math.inf, amount=0.5)(latents[:, :4])
    long = SpectralTemporalRefiner(Shrinks(), cut_time=math.inf, amount=0.5)(latents)
    assert torch.allclose(long[:, :4], short, atol=1e-6)
    tail = SpectralTemporalRefiner(Shrinks(), cut_time=math.inf, amount=0.5, anchor=0.0)
    assert torch.allclose(
        tail(latents[1:, 2:], first=(1, 2)), tail(latents)[1:, 2:], atol=1e-6
    )


def test_shared_noise_keeps_its_variance(wan):
    zeros = torch.zeros(1, 8, 4, 64, 64)
    for share in (0.5, 1.0):
        noise = SpectralTemporalRefiner(wan, still_noise=share)._noise(zeros, 0, (0, 0))
        assert noise.std() == pytest.approx(1, abs=0.03)
        alike = (noise[:, 1:-1] * noise[:, 2:]).mean()
        assert alike == pytest.approx(share, abs=0.05)


def test_faithful_calms_a_video_that_flickers():
    """With an ideal model of still videos: the mean over time."""

    class Still(Shrinks):
        def __call__(self, latents, timestep, tiles, guided) -> Prediction:
            return Prediction(latents.mean(1, keepdim=True).expand_as(latents) / (
                1 - float(timestep)
            ))

    generator = torch.Generator().manual_seed(0)
    truth = torch.randn(1, 1, 4, 8, 8, generator=generator).expand(-1, 8, -1, -1, -1)
    frames = truth + 0.3 * torch.randn(truth.shape, generator=generator)
    refined = SpectralTemporalRefiner(Still(), window=4, cut_time=0.06, anchor=0.0)(frames)

    def flicker(video: torch.Tensor) -> float:
        return float(video.diff(dim=1).square().mean())

    assert flicker(refined) < 0.2 * flicker(frames)
    assert (refined - truth).square().mean() < 0.6 * (frames - truth).square().mean()


def test_noise_levels_and_amounts():
    paper = PRESETS["paper"]
    levels = paper.noise_levels()
    assert levels[0] == pytest.approx(0.921, abs=1e-3)
    assert levels[-1] == 0 and len(levels) == 21
    assert [amount > 0 for amount in paper.amounts()] == [True] * 7 + [False] * 13
    strong = PRESETS["strong"].amounts()
    assert strong[0] == 1 and strong[6] == pytest.approx(0.5) and strong[12] == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"strength": 1.5}, "strength"), ({"strength": math.nan}, "strength"),
        ({"steps": 0}, "steps"), ({"cut_time": -1}, "cut_time"), ({"anchor": 2}, "anchor"),
        ({"kind": "box"}, "kind"), ({"fade": "linear"}, "fade"), ({"colour": 1}, "colour"),
        ({"window": 4, "overlap": 4}, "overlap"), ({"window": 0}, "window"),
        ({"shift": 0}, "shift"), ({"fraction": "most"}, "fraction"), ({"steps": 2.5}, "steps"),
        ({"anchor": True}, "anchor"), ({"kind": 3}, "kind"),
    ],
)
def test_settings_out_of_range_are_refused(changes, field):
    with pytest.raises(InputError, match=field):
        Refinement.of("faithful", **changes)


def test_presets_that_do_not_exist_are_refused():
    with pytest.raises(InputError, match="faithful"):
        Refinement.of("wild")
