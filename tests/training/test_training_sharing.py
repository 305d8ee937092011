"""A run takes over stages of another that would come out the same, and no others."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from denoise_recipe import denoising, state

from muybridge.errors import InputError
from muybridge.training import Cadence, Options, Recipe, Stage, parse_budget, train
from muybridge.training.log import read_log

OPTIONS = Options(device="cpu", log_every=1, checkpoint=Cadence(steps=50))


def recipe(of=None, lr=3e-3, share=1.0, extra=False):
    """Two stages that say what they follow from, and perhaps a third."""
    made = denoising(lr=lr)
    stages = [replace(s, of={"width": (8, 8)} if of is None else of) for s in made.stages]
    stages[1] = replace(stages[1], share=share)
    if extra:
        stages.append(replace(stages[1], name="finest"))
    return Recipe(made.name, made.size, tuple(stages))


def run(out, made, budget="coarse:9,fine:6", **more):
    return train(made, out, parse_budget(budget), options=OPTIONS, **more)


def trained_in(out):
    """Stages that a run has trained itself."""
    log = out / "log.jsonl"
    return [e["stage"] for e in read_log(log) if e["event"] == "begin"] if log.exists() else []


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    out = tmp_path_factory.mktemp("other") / "run"
    run(out, recipe())
    return out


def same(one, two, stage):
    a, b = state(one / "stages" / stage), state(two / "stages" / stage)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize(("made", "budget", "left"), [
    (recipe(), "coarse:9,fine:6", []),
    (recipe(share=2.0), "coarse:9,fine:6", []),  # a share says no more than its steps
    (recipe(), "coarse:9,fine:7", ["fine"]),
    (recipe(extra=True), "coarse:9,fine:6,finest:3", ["finest"]),
    (recipe(), "coarse:8,fine:6", ["coarse", "fine"]),
    (recipe(of={"width": 9}), "coarse:9,fine:6", ["coarse", "fine"]),
    (recipe(of={}), "coarse:9,fine:6", ["coarse", "fine"]),
    (recipe(lr=1e-3), "coarse:9,fine:6", ["coarse", "fine"]),
])
def test_stages_that_would_be_the_same_are_not_trained_again(other, tmp_path, made, budget, left):
    out = tmp_path / "run"
    found = run(out, made, budget, files_from=other)
    assert trained_in(out) == left
    assert found.record["finished"] and set(found.record["stages"]) == {
        s.name for s in made.stages if isinstance(s, Stage)
    }


def test_what_is_taken_over_is_what_would_have_come_out(other, tmp_path):
    made, budget = recipe(extra=True), "coarse:9,fine:6,finest:3"
    shared = run(tmp_path / "shared", made, budget, files_from=other)
    alone = run(tmp_path / "alone", made, budget)
    for stage in ("coarse", "fine", "finest"):
        assert same(shared.folder, alone.folder, stage)


@pytest.mark.parametrize("more", [
    {"seed": 1}, {"budget": "2s"},
    {"threads": 1 + torch.get_num_threads()},
])
def test_another_seed_number_of_threads_or_a_time_shares_nothing(other, tmp_path, more):
    out = tmp_path / "run"
    run(out, recipe(), files_from=other, **more)
    assert trained_in(out) == ["coarse", "fine"]


def test_no_run_no_sharing(tmp_path):
    with pytest.raises(InputError, match="no run to go on with"):
        run(tmp_path / "run", recipe(), files_from=tmp_path)
    assert not (tmp_path / "run").exists()


def test_a_run_whose_networks_changed_is_not_gone_on_with(other, tmp_path):
    out = tmp_path / "run"
    run(out, recipe())
    with pytest.raises(InputError, match=r"of\.width"):
        run(out, recipe(of={"width": 9}), resume=True)
