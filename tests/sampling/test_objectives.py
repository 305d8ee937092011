from __future__ import annotations

import math

import pytest
import torch

from muybridge.sampling import EdmObjective, Noised, ResidualFlow, ResidualFlowScheduler

BOTH = [ResidualFlow(), EdmObjective()]


def example(seed=0, sigmas=(0.05, 1.0, 6.0, 30.0)):
    generator = torch.Generator().manual_seed(seed)
    latents, noise, cue = (torch.randn(4, 2, 3, 4, 4, generator=generator) for _ in range(3))
    return latents, noise, cue, torch.tensor(sigmas)


@pytest.mark.parametrize("objective", BOTH, ids=["residual", "edm"])
def test_levels_are_lognormal(objective):
    logs = objective.sigmas(torch.tensor([0.0, 1.0, -1.0])).log()
    mean, deviation = objective.log_mean, objective.log_deviation
    assert logs.tolist() == pytest.approx([mean, mean + deviation, mean - deviation], abs=1e-5)


@pytest.mark.parametrize("objective", BOTH, ids=["residual", "edm"])
def test_the_scheduler_and_training_noise_in_one_way(objective):
    latents, noise, _, _ = example()
    scheduler = objective.scheduler()
    scheduler.set_timesteps(4)
    for timestep, sigma in zip(scheduler.timesteps, scheduler.sigmas, strict=False):
        sampled = objective.scheduler()
        sampled.set_timesteps(4)
        scaled = sampled.scale_model_input(latents + sigma * noise, timestep)
        noised = objective.noised(latents, noise, sigma.expand(4))
        assert torch.allclose(scaled, noised.latents, atol=1e-4)
        assert float(noised.timesteps[0]) == pytest.approx(float(timestep), abs=1e-4)


@pytest.mark.parametrize("objective", BOTH, ids=["residual", "edm"])
def test_a_network_without_error_finds_the_truth_in_any_number_of_steps(objective):
    latents, noise, cue, _ = example()
    for steps in (1, 2, 5):
        scheduler = objective.scheduler()
        scheduler.set_timesteps(steps)
        x = latents + float(scheduler.sigmas[0]) * noise
        for timestep in scheduler.timesteps:
            scaled = scheduler.scale_model_input(x, timestep)
            sigma = scheduler.sigmas[(scheduler.timesteps == timestep).nonzero()[0, 0]]
            if isinstance(objective, EdmObjective):
                output = objective.target(Noised(scaled, timestep[None]), latents, sigma.expand(4))
            else:
                output = latents
            x = scheduler.step(output, timestep, x).prev_sample
        # from 700 times the noise, float32 keeps four digits
        assert torch.allclose(x, latents, atol=2e-3)


def test_residual_errors_are_those_of_cue_plus_output_with_capped_weights():
    latents, noise, cue, sigmas = example()
    flow = ResidualFlow()
    noised = flow.noised(latents, noise, sigmas)
    assert not flow.errors(latents - cue, noised, latents, sigmas, cue).max() > 1e-10
    errors = flow.errors(latents - cue + 1, noised, latents, sigmas, cue)
    expected = [min(((1 + s) / s) ** 2, 5.0) for s in sigmas.tolist()]
    assert errors.mean((1, 2, 3, 4)).tolist() == pytest.approx(expected, rel=1e-4)


def test_edm_errors_are_those_of_the_estimate_weighted_as_svd_does():
    latents, noise, cue, sigmas = example()
    edm = EdmObjective()
    noised = edm.noised(latents, noise, sigmas)
    output = torch.randn(latents.shape, generator=torch.Generator().manual_seed(9))
    wrong = (edm.estimate(output, noised, sigmas, cue) - latents).square().mean((1, 2, 3, 4))
    weighted = wrong * (1 + sigmas.square()) / sigmas.square()
    errors = edm.errors(output, noised, latents, sigmas, cue).mean((1, 2, 3, 4))
    assert errors.tolist() == pytest.approx(weighted.tolist(), rel=1e-3)
    # the target is v = (noise - sigma * latents) / sqrt(1 + sigma^2)
    root = (1 + sigmas.square()).sqrt()[:, None, None, None, None]
    v = (noise - sigmas[:, None, None, None, None] * latents) / root
    assert torch.allclose(edm.target(noised, latents, sigmas), v, atol=1e-3)


def test_edm_sampler_has_svds_numbers():
    scheduler = EdmObjective().scheduler()
    scheduler.set_timesteps(25)
    assert float(scheduler.init_noise_sigma) == pytest.approx(math.sqrt(700**2 + 1))
    assert float(scheduler.sigmas[0]) == pytest.approx(700)
    assert float(scheduler.timesteps[0]) == pytest.approx(0.25 * math.log(700))


def test_flow_levels_fall_to_zero_and_shift_puts_more_steps_up_high():
    scheduler = ResidualFlowScheduler()
    scheduler.set_timesteps(4)
    sigmas = scheduler.sigmas
    assert sigmas.shape == (5,) and scheduler.timesteps.shape == (4,)
    assert float(sigmas[0]) == pytest.approx(30, rel=1e-4) and sigmas[-1] == 0
    assert bool((sigmas.diff() < 0).all())
    assert scheduler.init_noise_sigma == float(sigmas[0])
    even = ResidualFlowScheduler(shift=1.0)
    assert float(even.sigmas[2]) < float(sigmas[2])
    with pytest.raises(ValueError, match="at least one"):
        scheduler.set_timesteps(0)


def test_flow_scheduler_saved_and_loaded_is_the_same(tmp_path):
    ResidualFlowScheduler(sigma_max=12.0, shift=2.0).save_pretrained(tmp_path)
    back = ResidualFlowScheduler.from_pretrained(tmp_path)
    assert back.config.sigma_max == 12.0 and back.config.shift == 2.0
    assert float(back.sigmas[0]) == pytest.approx(12, rel=1e-4)
