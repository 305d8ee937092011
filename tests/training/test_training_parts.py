"""Budgets, rates, draws, averages, checkpoints and the log, each by itself."""

from __future__ import annotations

import json
import math
import os
import signal

import pytest
import torch
from denoise_recipe import Denoiser, denoising
from torch import nn

from muybridge.errors import InputError
from muybridge.training import (
    Budget,
    Draws,
    Optimizer,
    Recipe,
    Schedule,
    Shuffle,
    Stage,
    Work,
    forecast,
    parse_budget,
    parse_cadence,
)
from muybridge.training.budget import Pace, seconds_left
from muybridge.training.checkpoint import Checkpoints, load_checkpoint
from muybridge.training.ema import Averaged, ema_decay
from muybridge.training.log import Log, read_log
from muybridge.training.prefetch import Prefetch
from muybridge.training.schedule import decay_start, rate
from muybridge.training.state import load_module_state, module_state
from muybridge.training.stop import Stop


@pytest.mark.parametrize(("text", "budget"), [
    ("2h", Budget(seconds=7200.0)), ("30m", Budget(seconds=1800.0)),
    ("1h30m", Budget(seconds=5400.0)), (" 90s ", Budget(seconds=90.0)),
    ("0.5h", Budget(seconds=1800.0)), ("500steps", Budget(steps=500)),
    ("1 step", Budget(steps=1)), ("coarse:30,fine:10", Budget(each={"coarse": 30, "fine": 10})),
])
def test_a_budget_is_read_and_written(text, budget):
    assert parse_budget(text) == budget
    assert parse_budget(str(budget)) == budget


@pytest.mark.parametrize("text", [
    "", "2", "h", "-2h", "2 hours", "0s", "0steps", "1e3s", "nan", "99999h", "2m1h",
    "99999999999999steps", "a:1,a:2", "a:0", "a:x", ":", "a:1,", "500steps,1h",
])
def test_a_budget_that_is_none_is_refused(text):
    with pytest.raises(InputError, match="--budget"):
        parse_budget(text)
    with pytest.raises(InputError, match="--every"):
        parse_cadence(text, "--every")


def test_steps_are_divided_by_share():
    recipe = denoising(work=True)
    assert Budget(steps=40).stage_steps(recipe) == {"coarse": 30, "fine": 10}
    assert Budget(steps=2).stage_steps(recipe) == {"coarse": 1, "fine": 1}
    for steps in range(2, 30):
        assert sum(Budget(steps=steps).stage_steps(recipe).values()) == steps
    with pytest.raises(InputError, match="less than one"):
        Budget(steps=1).stage_steps(recipe)
    with pytest.raises(InputError, match="coarse, fine"):
        Budget(each={"coarse": 3}).stage_steps(recipe)


def test_time_that_a_stage_leaves_goes_to_the_later_ones():
    recipe = denoising(work=True)  # shares 3, 1, 1
    budget = Budget(seconds=100.0)
    assert seconds_left(recipe, budget, 0, 0.0) == pytest.approx(60)
    assert seconds_left(recipe, budget, 2, 70.0) == pytest.approx(30)
    assert seconds_left(recipe, budget, 2, 500.0) == pytest.approx(2)  # never nothing
    assert seconds_left(recipe, Budget(steps=9), 0, 0.0) is None


def test_the_rate_rises_stays_and_falls_to_nothing():
    schedule = Schedule(warmup=10, decay=0.5)
    rates = [rate(n, 100, 2.0, schedule) for n in range(100)]
    assert rates[:10] == pytest.approx([0.2 * (n + 1) for n in range(10)])
    assert rates[10:51] == [2.0] * 41 and decay_start(100, schedule) == 50
    assert all(a > b for a, b in zip(rates[50:], rates[51:], strict=False))
    assert rates[75] == pytest.approx(1.0) and 0 < rates[99] < 0.01
    assert rate(99, None, 2.0, schedule) == 2.0


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("speed", [0.01, 0.37, 4.0])
def test_steps_are_settled_before_the_rate_depends_on_them(decay, speed):
    schedule = Schedule(warmup=3, decay=decay)
    pace, used, step = Pace(schedule, seconds=60.0), [], 0
    while pace.total is None or step < pace.total:
        used.append(rate(step, pace.total, 1.0, schedule))
        step += 1
        pace.settle(step, step * speed)
    # the same as if the number had been known from the start
    assert used == [rate(n, pace.total, 1.0, schedule) for n in range(step)]
    assert step * speed == pytest.approx(60.0, abs=1.5 * speed + 0.02 * 60)


def test_draws_depend_on_the_item_and_not_on_who_else_is_drawn():
    both = Draws(7, "image", 5, [2, 3])
    alone = Draws(7, "image", 5, [3])
    for kind in ("normal", "uniform"):
        assert torch.equal(getattr(both, kind)(4, 5)[1:], getattr(alone, kind)(4, 5))
    assert torch.equal(both.integers(0, 9, 6)[1:], alone.integers(0, 9, 6))
    first = Draws(7, "image", 5, [3]).normal(8)
    for other in (Draws(8, "image", 5, [3]), Draws(7, "video", 5, [3]), Draws(7, "image", 6, [3]),
                  Draws(7, "image", 5, [4])):
        assert not torch.equal(first, other.normal(8))


def test_noise_of_many_items_is_normal():
    noise = Draws(0, "image", 0, range(2000)).normal(8)
    # 16,000 values: standard errors .008 and .006
    assert abs(noise.mean()) < 0.03 and abs(noise.std() - 1) < 0.025
    assert abs((noise[1:] * noise[:-1]).mean()) < 0.03


def test_every_record_comes_once_a_round():
    order = Shuffle(10, 4, 1, "image")
    seen = [order(*divmod(k, 4)) for k in range(30)]
    for start in (0, 10, 20):
        assert sorted(seen[start : start + 10]) == list(range(10))
    assert seen[:10] != seen[10:20]
    assert Shuffle(10, 4, 1, "image")(6, 1) == seen[25]
    with pytest.raises(ValueError):
        Shuffle(0, 4, 1, "image")


def test_the_average_follows_what_is_trained():
    module = nn.Linear(3, 2)
    module.bias.requires_grad_(False)
    average = Averaged(module, 0.9)
    expected = module.weight.detach().clone()
    for step in range(200):
        with torch.no_grad():
            module.weight += 0.1
        decay = min(0.9, (1 + step) / (12 + step))
        expected = decay * expected + (1 - decay) * module.weight.detach()
        average.update(step)
    assert set(average.values) == {"weight"} and ema_decay(0.9, 0) == 1 / 12
    torch.testing.assert_close(average.values["weight"], expected)
    last = module.weight.detach().clone()
    with pytest.raises(KeyError), average.applied():
        torch.testing.assert_close(module.weight.detach(), expected)
        raise KeyError
    assert torch.equal(module.weight.detach(), last)
    with pytest.raises(ValueError):
        average.load({"bias": torch.zeros(2)})


def test_a_half_precision_module_does_not_round_its_average():
    module = nn.Linear(2, 2).to(torch.bfloat16)
    average = Averaged(module, 0.9)
    average.values["weight"] += 1e-4
    before = average.values["weight"].clone()
    with average.applied():
        assert module.weight.dtype == torch.bfloat16
    assert torch.equal(average.values["weight"], before)


def test_tied_weights_are_kept_once():
    module = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})
    module["b"].weight = module["a"].weight
    state = module_state(module)
    assert set(state) == {"a.weight", "a.bias", "b.bias"}
    with torch.no_grad():
        module["a"].weight.zero_()
    load_module_state(module, state)
    assert torch.equal(module["b"].weight, state["a.weight"])
    with pytest.raises(ValueError, match="b.bias"):
        load_module_state(module, {n: v for n, v in state.items() if n != "b.bias"})


def keep(checkpoints, step):
    checkpoints.save(step, {"step": step}, {"module": {"w": torch.full((3,), float(step))}})


def test_the_last_two_checkpoints_stay(tmp_path):
    checkpoints = Checkpoints(tmp_path / "image")
    assert checkpoints.newest(print) is None
    for step in (5, 10, 15):
        keep(checkpoints, step)
    (tmp_path / "image" / ".000000020.part").mkdir()  # a killed run leaves this
    assert checkpoints.steps() == [10, 15]
    found = checkpoints.newest(pytest.fail)
    assert found.state == {"step": 15} and found.tensors["module"]["w"].tolist() == [15.0] * 3
    assert not list((tmp_path / "image").glob(".*"))


def flip(path):
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("harm", [
    lambda f: flip(f / "module.safetensors"),
    lambda f: (f / "module.safetensors").unlink(),
    lambda f: (f / "module.safetensors").write_bytes(b""),
    lambda f: os.truncate(f / "module.safetensors", 40),
    lambda f: (f / "state.json").write_text("{"),
    lambda f: (f / "state.json").write_text("[1]"),
    lambda f: (f / "state.json").write_text('{"files": 3}'),
    lambda f: (f / "state.json").write_text("[" * 100_000),
    lambda f: (f / "state.json").unlink(),
])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path, harm):
    checkpoints = Checkpoints(tmp_path)
    keep(checkpoints, 5)
    keep(checkpoints, 10)
    harm(checkpoints.folder(10))
    told: list[str] = []
    assert checkpoints.newest(told.append).state == {"step": 5}
    assert len(told) == 1 and "000000010" in told[0]
    harm(checkpoints.folder(5))
    with pytest.raises(InputError, match="every checkpoint"):
        checkpoints.newest(told.append)
    with pytest.raises(InputError, match="every checkpoint"):  # and it stays that way
        checkpoints.newest(told.append)


def test_a_checkpoint_reads_nothing_outside_its_folder(tmp_path):
    keep(Checkpoints(tmp_path), 5)
    path = tmp_path / "000000005" / "state.json"
    state = json.loads(path.read_text())
    state["files"] = {f"../../{name}": digest for name, digest in state["files"].items()}
    path.write_text(json.dumps(state))
    assert set(load_checkpoint(path.parent).tensors) == {"module"}


def test_the_log_is_cut_back_to_a_checkpoint(tmp_path):
    path = tmp_path / "log.jsonl"
    log = Log(path)
    log.write("step", step=1, loss=math.nan, scores={"psnr": math.inf, "ssim": 0.123456789012})
    length = log.length
    log.write("step", step=2)
    log.close()
    with path.open("ab") as file:
        file.write(b'{"event": "st')
    assert len(read_log(path)) == 2
    Log(path).close()
    assert path.read_bytes().endswith(b"}\n") and len(read_log(path)) == 2
    Log(path, keep=length).close()
    assert read_log(path) == [
        {"event": "step", "step": 1, "loss": None, "scores": {"psnr": None, "ssim": 0.123456789}}
    ]
    Log(path, keep=10**6).close()  # somebody has removed lines
    assert len(read_log(path)) == 1
    path.write_bytes(b"[1]\n")
    with pytest.raises(InputError, match="line 1"):
        read_log(path)
    with pytest.raises(InputError):
        read_log(tmp_path / "absent")


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_come_in_order(workers):
    def sampler(step, indices):
        return {"key": (step, list(indices))}

    with Prefetch(sampler, [range(0, 2), range(2, 3)], 4, workers) as batches:
        got = [batches.get()["key"] for _ in range(7)]
    assert got == [(4 + k // 2, [[0, 1], [2]][k % 2]) for k in range(7)]


def test_an_error_of_the_sampler_is_met():
    def sampler(step, indices):
        raise InputError("clip", "", "is cut off", "remove it")

    with Prefetch(sampler, [range(1)], 0, 1) as batches, pytest.raises(InputError):
        batches.get()


def test_the_first_signal_asks_and_the_second_breaks_off():
    before = signal.getsignal(signal.SIGTERM)
    with Stop() as stop:
        stop.check()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.asked
        with pytest.raises(KeyboardInterrupt):
            stop.check()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("settings", [
    {"share": 0.0}, {"batch": 0}, {"micro": 9}, {"name": "../x"}, {"name": ""}, {"ema": 1.0},
    {"schedule": Schedule(decay=1.0)}, {"schedule": Schedule(warmup=-1)}, {"workers": -1},
    {"optimizer": Optimizer(lr=0.0)}, {"optimizer": Optimizer(betas=(0.9, 1.0))},
    {"optimizer": Optimizer(shares={"a": 0.0})}, {"optimizer": Optimizer(clip=-1.0)},
    {"optimizer": Optimizer(lr=math.nan)},
])
def test_a_stage_that_makes_no_sense_is_refused(settings):
    with pytest.raises(InputError):
        Stage(**{"name": "a", "share": 1.0, "prepare": lambda c: None, "batch": 8, **settings})


def test_a_recipe_that_makes_no_sense_is_refused():
    stage = denoising().stages[0]
    for stages in ((), (Work("a", 1.0, lambda c, t: None),), (stage, stage)):
        with pytest.raises(InputError):
            Recipe("x", "nano", stages)
    with pytest.raises(InputError):
        Work("a", -1.0, lambda c, t: None)


def test_a_recipe_describes_itself_in_plain_values():
    told = denoising(work=True).describe()
    assert json.loads(json.dumps(told)) == told == denoising(work=True, workers=2).describe()
    assert told != denoising(work=True, lr=1e-4).describe()


def test_a_forecast_counts_without_making_anything():
    coarse, paint, fine = forecast(denoising(work=True), parse_budget("100s"))
    count = sum(p.numel() for p in Denoiser().parameters())
    assert coarse.parameters == coarse.trained == count and coarse.memory_bytes == 20 * count
    assert coarse.seconds == pytest.approx(60) and coarse.steps == 6000
    assert paint.kind == "work" and paint.seconds == pytest.approx(20) and paint.steps is None
    assert fine.share == pytest.approx(0.2)
    by_steps = forecast(denoising(), Budget(steps=40))
    assert [s.steps for s in by_steps] == [30, 10] and by_steps[0].seconds == pytest.approx(0.3)
