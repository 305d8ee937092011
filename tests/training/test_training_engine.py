"""The engine in one process: it learns, keeps its budget, and goes on to the same bits."""

from __future__ import annotations

import json
import os
import shutil
import signal

import pytest
import torch
from denoise_recipe import Denoiser, denoising, loss, state
from PIL import Image
from torch import nn

from muybridge.errors import InputError, Interrupted
from muybridge.training import (
    Cadence,
    Context,
    Diverged,
    Draws,
    Options,
    Recipe,
    Stage,
    Trainee,
    parse_budget,
    train,
)
from muybridge.training.log import read_log
from muybridge.training.schedule import rate
from muybridge.training.session import Silence

BY_STEPS = Options(device="cpu", log_every=1, checkpoint=Cadence(steps=7))


def run(out, recipe=None, budget="40steps", seed=3, options=BY_STEPS, **more):
    return train(recipe or denoising(), out, parse_budget(budget), seed=seed, options=options,
                 **more)


def equal(one, other):
    a, b = state(one), state(other)
    assert a and a.keys() == b.keys()
    return all(torch.equal(a[name], b[name]) for name in a)


def steps_of(out, stage="coarse"):
    return [e for e in read_log(out / "log.jsonl") if e["event"] == "step" and e["stage"] == stage]


class StopAt(Silence):
    """Stops a run after so many steps of a stage, in the way it is told."""

    def __init__(self, stage, step, how=None):
        self.where, self.how, self.said = (stage, step), how, []
        self.count = {}

    def step(self, stage, done, text):
        self.count[stage] = self.count.get(stage, 0) + 1
        if (stage, self.count[stage]) == self.where:
            if self.how is None:
                raise KeyboardInterrupt
            os.kill(os.getpid(), self.how)

    def warn(self, stage, text):
        self.said.append(text)

    note = warn


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """A run of 30 + 10 steps, with dropout."""
    out = tmp_path_factory.mktemp("training") / "unbroken"
    run(out, denoising(dropout=0.2, work=True))
    return out


def test_it_learns(tmp_path):
    out = tmp_path / "out"
    found = run(out, denoising(batch=8, lr=1e-2), "240steps")
    losses = [e["loss"] for e in steps_of(out)]
    assert len(losses) == 180
    # noise of sigma .1 to .5 left as it is has a mean square of about .1
    assert sum(losses[-30:]) < 0.25 * sum(losses[:30])
    scores = found.record["stages"]["fine"]["scores"]
    assert scores["mse"] < 0.4 * 0.3**2  # held-out pictures, averaged weights
    with Image.open(out / "plates" / "coarse-0000180.png") as plate:
        assert plate.size == (48, 36)


def test_what_a_run_leaves(unbroken):
    record = json.loads((unbroken / "train.json").read_text())
    assert record["finished"] and record["again"] == "--budget coarse:30,fine:10 --seed 3"
    assert record["stages"]["coarse"]["digests"] == {"pictures": "painted"}
    assert list((unbroken / "weights").iterdir()) == [unbroken / "weights/denoiser.safetensors"]
    assert len(list((unbroken / "stages/paint/files").glob("*.safetensors"))) == 8
    assert not list((unbroken / "checkpoints").iterdir())
    assert not list(unbroken.rglob("*.part"))
    kinds = [e["event"] for e in read_log(unbroken / "log.jsonl") if e["event"] != "step"]
    assert kinds[0] == "begin" and kinds[-1] == "end" and kinds.count("checkpoint") == 4 + 1 + 2
    for event in steps_of(unbroken):
        stage = denoising().stages[0]
        expected = rate(event["step"] - 1, 30, stage.optimizer.lr, stage.schedule)
        assert event["lr"] == pytest.approx(expected, rel=1e-6)
        assert event["norm"] > 0 and event["l1"] > 0 and event["seconds"] > 0


def test_the_averaged_weights_are_what_ships(unbroken):
    kept = state(unbroken)
    for name in Denoiser().state_dict():
        ships = kept[f"weights/denoiser.safetensors:{name}"]
        assert torch.equal(ships, kept[f"stages/fine/averaged.safetensors:{name}"])
        trained = name.startswith("head")
        assert torch.equal(ships, kept[f"stages/fine/module.safetensors:{name}"]) != trained


def test_seeds(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        before = torch.random.get_rng_state()
        run(tmp_path / name, budget="4steps", seed=seed)
        assert torch.equal(before, torch.random.get_rng_state())
        torch.rand(1)  # the caller's own randomness does not matter
    assert equal(tmp_path / "a", tmp_path / "b")
    assert not equal(tmp_path / "a", tmp_path / "c")


@pytest.mark.parametrize(("stage", "step", "how"), [
    ("coarse", 1, None), ("coarse", 14, signal.SIGTERM), ("coarse", 29, signal.SIGINT),
    ("paint", 3, None), ("fine", 5, None),
])
def test_a_stopped_run_goes_on_to_the_same_bits(unbroken, tmp_path, stage, step, how):
    recipe, out = denoising(dropout=0.2, work=True), tmp_path / "out"
    with pytest.raises(Interrupted, match="--resume"):
        run(out, recipe, watcher=StopAt(stage, step, how))
    assert not (out / "weights").exists()
    with pytest.raises(InputError, match="--resume"):
        run(out, recipe)
    run(out, recipe, resume=True)
    assert equal(out, unbroken)
    # nothing was painted twice, and the log has every step once
    assert (out / "painted.txt").read_text() == (unbroken / "painted.txt").read_text()
    for name in ("coarse", "fine"):
        both = [[(e["step"], e["loss"], e["lr"]) for e in steps_of(f, name)]
                for f in (out, unbroken)]
        assert both[0] == both[1]


def test_a_finished_run_can_be_asked_to_go_on(unbroken, tmp_path):
    shutil.copytree(unbroken, tmp_path / "out")
    run(tmp_path / "out", denoising(dropout=0.2, work=True), resume=True)
    assert equal(tmp_path / "out", unbroken)


def test_a_damaged_checkpoint_is_passed_over(tmp_path, unbroken):
    recipe, out = denoising(dropout=0.2, work=True), tmp_path / "out"
    with pytest.raises(Interrupted):
        run(out, recipe, watcher=StopAt("coarse", 16))
    newest = out / "checkpoints" / "coarse" / "000000017"
    (newest / "optimizer.safetensors").write_bytes(b"torn")
    watcher = StopAt("", 0)
    run(out, recipe, resume=True, watcher=watcher)
    assert any("000000017" in text and "damaged" in text for text in watcher.said)
    assert equal(out, unbroken)


def test_another_number_of_steps_is_for_a_new_run_and_that_is_said(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(Interrupted):
        run(out, budget="coarse:9,fine:2", watcher=StopAt("coarse", 3))
    watcher = StopAt("", 0)
    run(out, budget="coarse:5,fine:3", resume=True, watcher=watcher)
    assert [e["step"] for e in steps_of(out, "coarse")] == list(range(1, 10))
    assert [e["step"] for e in steps_of(out, "fine")] == [1, 2, 3]  # was not begun
    said = [text for text in watcher.said if "goes on to these" in text]
    assert len(said) == 1 and "9 steps" in said[0] and "not to 5" in said[0]


def test_a_run_begun_with_a_time_goes_on_with_steps(tmp_path):
    clock = Clock()
    recipe = denoising(objective=timed(clock, 2.0))
    out = tmp_path / "out"
    with pytest.raises(Interrupted):
        run(out, recipe, "200s", clock=clock, watcher=StopAt("coarse", 3))
    assert run(out, recipe, "coarse:9,fine:2", clock=clock, resume=True).weights.exists()
    assert [e["step"] for e in steps_of(out, "coarse")] == list(range(1, 10))


def test_how_a_step_is_computed_changes_nothing(tmp_path):
    """Threads that fetch change no bit; parts of a batch only the order of sums."""
    for name, more in (("a", {}), ("workers", {"workers": 2}), ("micro", {"micro": 3})):
        run(tmp_path / name, denoising(**more), "12steps")
    assert equal(tmp_path / "a", tmp_path / "workers")
    a, b = state(tmp_path / "a"), state(tmp_path / "micro")
    for name in a:  # float32 sums of some hundred terms over 12 steps of Adam
        torch.testing.assert_close(a[name], b[name], rtol=1e-3, atol=1e-5)


class Clock:
    """Time that only passes when it is looked at, or told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def timed(clock, seconds):
    def slow(module, batch, draws):
        clock.now += seconds
        return loss(module, batch, draws)

    return slow


def test_a_budget_of_time_is_kept_and_can_be_repeated_in_steps(tmp_path):
    clock = Clock()
    recipe = denoising(objective=timed(clock, 2.0))
    found = run(tmp_path / "timed", recipe, "200s", clock=clock)
    assert clock.now == pytest.approx(200, abs=6)  # a few steps of two seconds
    steps = {name: s["steps"] for name, s in found.record["stages"].items()}
    assert steps["coarse"] == pytest.approx(75, abs=2)
    settled = [e for e in read_log(tmp_path / "timed/log.jsonl") if e["event"] == "settled"]
    assert [e["stage"] for e in settled] == ["coarse", "fine"]
    budget = found.record["again"].split()[1]
    run(tmp_path / "again", recipe, budget, clock=clock)
    assert equal(tmp_path / "timed", tmp_path / "again")


@pytest.mark.parametrize("step", [20, 50])
def test_time_spent_before_a_stop_counts(tmp_path, step):
    """Stopped before and after the number of steps is settled (at step 38)."""
    clock = Clock()
    recipe = denoising(objective=timed(clock, 2.0))
    out = tmp_path / "out"
    with pytest.raises(Interrupted):
        run(out, recipe, "200s", clock=clock, watcher=StopAt("coarse", step))
    clock.now += 5000  # the machine was off
    found = run(out, recipe, "200s", clock=clock, resume=True)
    assert clock.now == pytest.approx(5200, abs=6)
    run(tmp_path / "again", recipe, found.record["again"].split()[1], clock=clock)
    assert equal(out, tmp_path / "again")


def test_checkpoints_and_plates_come_by_the_clock(tmp_path):
    clock = Clock()
    options = Options(device="cpu", checkpoint=Cadence(seconds=20), validate=Cadence(seconds=50))
    run(tmp_path / "out", denoising(objective=timed(clock, 2.0)), "200s", clock=clock,
        options=options)
    events = [(e["event"], e["step"]) for e in read_log(tmp_path / "out/log.jsonl")
              if e.get("stage") == "coarse" and "step" in e]
    assert [s for kind, s in events if kind == "checkpoint"][:3] == [10, 20, 30]
    assert [s for kind, s in events if kind == "validation"][:2] == [25, 50]
    assert [s for kind, s in events if kind == "step"][:3] == [10, 20, 30]


def broken(steps):
    def objective(module, batch, draws):
        value, scalars = loss(module, batch, draws)
        return (value * float("nan") if draws.step in steps else value), scalars

    return objective


def test_a_step_without_a_finite_loss_is_left_out(tmp_path):
    watcher = StopAt("", 0)
    found = run(tmp_path / "out", denoising(objective=broken((4, 5))), watcher=watcher)
    assert found.record["stages"]["coarse"]["skipped"] == 2
    assert [text for text in watcher.said if "left out" in text] == [
        f"step {n} gave no finite loss or gradient and is left out" for n in (5, 5)
    ]
    assert all(v.isfinite().all() for v in state(tmp_path / "out").values())
    skipped = [e for e in read_log(tmp_path / "out/log.jsonl") if e["event"] == "skipped"]
    assert [(e["stage"], e["step"], e["loss"]) for e in skipped] == [
        (s, n, None) for s in ("coarse", "fine") for n in (5, 6)
    ]


def test_a_run_that_diverges_is_stopped_in_words(tmp_path):
    with pytest.raises(Diverged, match="of step 28.*learning rate"):
        run(tmp_path / "out", denoising(objective=broken(range(9, 99))), "80steps")


def test_a_parameter_that_is_forgotten_is_named(tmp_path):
    class Idle(Denoiser):
        def __init__(self):
            super().__init__()
            self.spare = nn.Linear(2, 2)

    recipe = denoising()
    stage = recipe.stages[0]

    def prepare(context: Context) -> Trainee:
        made = stage.prepare(context)
        return Trainee(Idle(), made.sampler, made.loss, made.export)

    with pytest.raises(ValueError, match="spare.weight"):
        run(tmp_path / "out", Recipe("idle", "nano", (Stage("coarse", 1.0, prepare, batch=4),)))


def test_what_does_not_fit_is_refused(tmp_path):
    out, data = tmp_path / "out", tmp_path / "file"
    data.write_text("x")
    with pytest.raises(InputError, match="no run to go on"):
        run(out, resume=True)
    assert not out.exists()
    for given, words in (({"data": data}, "no folder"), ({"init": data}, "starts from nothing"),
                         ({"budget": "1step"}, "less than one"), ({"budget": "x:3"}, "stages")):
        with pytest.raises(InputError, match=words):
            run(out, **given)
        assert not out.exists()
    with pytest.raises(InputError, match="is a file"):
        run(data)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    for resume in (False, True):
        with pytest.raises(InputError, match="mine"):
            run(tmp_path / "mine", resume=resume)
    needy = Recipe("x", "nano", denoising().stages, needs_data=True)
    with pytest.raises(InputError, match="trained on data"):
        run(out, needy)
    for bad in ({"precision": "fp8"}, {"device": "abacus"}, {"log_every": 0}):
        with pytest.raises(InputError):
            Options(**bad)


def test_a_run_goes_on_only_as_what_it_was(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(Interrupted):
        run(out, watcher=StopAt("coarse", 3))
    with pytest.raises(InputError, match=r"stages\[0\].optimizer.lr was 0.003 and is 0.1"):
        run(out, denoising(lr=0.1), resume=True)
    with pytest.raises(InputError, match="--seed"):
        run(out, seed=4, resume=True)
    stage = denoising().stages[0]

    def other(context: Context) -> Trainee:
        return Trainee(Denoiser(), lambda step, indices: {}, loss, lambda m, f: None,
                       digests={"pictures": "photographed"})

    changed = Stage(stage.name, stage.share, other, stage.batch, optimizer=stage.optimizer,
                    schedule=stage.schedule, ema=stage.ema)
    with pytest.raises(InputError, match="--data"):
        run(out, Recipe("denoise", "nano", (changed, *denoising().stages[1:])), resume=True)


def test_bf16_on_the_processor(tmp_path):
    """Autocast reaches the loss, the weights stay float32."""
    from accelerate.state import AcceleratorState

    kinds = set()

    def objective(module, batch, draws: Draws):
        made = module(batch["picture"] + draws.normal(3, 12, 12))
        kinds.add(module.head(module.body(batch["picture"])).dtype)
        return (made.float() - batch["picture"]).square().mean(), {}

    AcceleratorState._reset_state()
    try:
        run(tmp_path / "out", denoising(objective=objective), "4steps",
            options=Options(device="cpu", precision="bf16"))
    finally:
        AcceleratorState._reset_state()
    assert kinds == {torch.bfloat16}
    assert {v.dtype for v in state(tmp_path / "out").values()} == {torch.float32}
