"""Muon: orthogonal steps, what it leaves to AdamW, and runs that are stopped."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from denoise_recipe import Stopping, denoising, loss, state
from safetensors.torch import load_file
from torch import nn

from muybridge.errors import Interrupted
from muybridge.training import Budget, Optimizer, Options, train
from muybridge.training.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 6, 40), (2, 40, 6), (1, 1, 5)])
def test_singular_values_come_near_one_and_directions_stay(shape):
    given = torch.randn(shape, generator=torch.Generator().manual_seed(1)) * 1e-3
    made = orthogonal(given)
    u, s, v = torch.linalg.svd(given.double(), full_matrices=False)
    inner = u.mT @ made.double() @ v.mT  # diagonal: singular vectors are kept
    found = inner.diagonal(dim1=-2, dim2=-1)
    assert torch.allclose(inner, torch.diag_embed(found), atol=2e-3)
    sure = s > 0.05 * s.amax(-1, keepdim=True)
    assert bool((found[sure] > 0.6).all()) and bool((found < 1.3).all())


def test_nothing_stays_nothing():
    assert torch.equal(orthogonal(torch.zeros(1, 3, 5)), torch.zeros(1, 3, 5))


def test_matrices_are_stepped_by_muon_and_the_rest_as_by_adamw():
    torch.manual_seed(0)
    ours, theirs = nn.Linear(6, 4), nn.Linear(6, 4)
    theirs.load_state_dict(ours.state_dict())
    settings = Optimizer(lr=1e-2, weight_decay=0.1, muon=())
    muon, adam = settings.over(ours), dataclasses.replace(settings, muon=None).over(theirs)
    assert isinstance(muon, Muon) and isinstance(adam, torch.optim.AdamW)
    before = ours.weight.detach().clone()
    for module, optimizer in ((ours, muon), (theirs, adam)):
        for k in range(3):
            x = torch.randn(5, 6, generator=torch.Generator().manual_seed(k))
            module.weight.data.copy_(before)  # so that both biases get the same gradients
            module(x).square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()
    assert torch.allclose(ours.bias, theirs.bias, atol=1e-6)
    assert not torch.allclose(ours.weight, theirs.weight, atol=1e-4)
    step = (before * (1 - 1e-3) - ours.weight).detach()
    size = 1e-2 * 0.2 * 6**0.5
    assert torch.allclose(torch.linalg.svdvals(step), torch.full((4,), size), rtol=0.4)


def test_named_matrices_are_left_to_adamw():
    torch.manual_seed(0)
    both = [nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2)) for _ in range(2)]
    both[1].load_state_dict(both[0].state_dict())
    optimizers = [Optimizer(muon=("1.",)).over(both[0]), Optimizer().over(both[1])]
    for module, optimizer in zip(both, optimizers, strict=True):
        module(torch.ones(1, 3)).sum().backward()
        optimizer.step()
    assert torch.allclose(both[0][1].weight, both[1][1].weight, atol=1e-7)
    assert not torch.allclose(both[0][0].weight, both[1][0].weight, atol=1e-5)


def test_kernels_are_matrices_too_and_learning_works():
    module = nn.Conv2d(2, 4, 3)
    optimizer = Optimizer(lr=2e-2, muon=()).over(module)
    x = torch.randn(8, 2, 6, 6, generator=torch.Generator().manual_seed(0))
    target = torch.randn(8, 4, 4, 4, generator=torch.Generator().manual_seed(1))
    errors = []
    for _ in range(60):
        error = (module(x) - target).square().mean()
        error.backward()
        optimizer.step()
        optimizer.zero_grad()
        errors.append(error.item())
    assert errors[-1] < 0.98 * errors[0]


def muonised(objective=loss):
    recipe = denoising(dropout=0.2, objective=objective)
    stages = [
        dataclasses.replace(s, optimizer=dataclasses.replace(s.optimizer, muon=("head",)))
        for s in recipe.stages
    ]
    return dataclasses.replace(recipe, stages=tuple(stages))


def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path):
    options = Options(device="cpu")
    train(muonised(), tmp_path / "whole", Budget(steps=16), threads=1, options=options)
    with pytest.raises(Interrupted):
        train(muonised(Stopping(7)), tmp_path / "stopped", Budget(steps=16), threads=1,
              options=options)
    assert any("momentum/body.0" in name for name in state(tmp_path / "stopped"))
    train(muonised(), tmp_path / "stopped", Budget(steps=16), threads=1, options=options,
          resume=True)
    whole, stopped = state(tmp_path / "whole"), state(tmp_path / "stopped")
    assert whole.keys() == stopped.keys()
    assert all(torch.equal(whole[name], stopped[name]) for name in whole)


def test_the_record_says_so_and_stays_as_it_was_without():
    told = muonised().describe()["stages"][0]["optimizer"]
    assert told["muon"] == ["head"]
    assert "muon" not in denoising().describe()["stages"][0]["optimizer"]


def test_it_rests_where_there_is_no_gradient():
    module = nn.Linear(4, 4)
    optimizer = Optimizer(weight_decay=0.0, muon=()).over(module)
    module(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    before = module.weight.detach().clone()
    module.weight.grad = torch.zeros_like(module.weight)  # momentum is left, however small
    optimizer.step()
    assert torch.equal(module.weight, before)


@pytest.mark.parametrize("muon", [None, ()])
def test_what_is_to_learn_gently_does(tmp_path, muon):
    """By a share of the rate the trunk comes as far in the first step as that share says."""
    made = {}
    for share in (1.0, 0.5, 0.01):
        recipe = denoising(warmup=0)
        optimizer = Optimizer(lr=3e-3, weight_decay=0.0, muon=muon, shares={"body": share})
        stage = dataclasses.replace(recipe.stages[0], optimizer=optimizer, ema=0.0)
        out = tmp_path / str(share)
        train(dataclasses.replace(recipe, stages=(stage,)), out, Budget(steps=1), seed=3)
        made[share] = load_file(out / "stages" / "coarse" / "module.safetensors")
    for name, whole in made[1.0].items():
        half, hundredth = (whole - made[share][name] for share in (0.5, 0.01))
        if name.startswith("body"):
            assert bool(half.any()), name
            assert torch.allclose(half / 0.5, hundredth / 0.99, atol=1e-6), name
        else:
            assert not half.any() and not hundredth.any(), name
