"""``muybridge train``: what it refuses, what it says, what it leaves, and going on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from muybridge.cli import main
from muybridge.methods import registry
from muybridge.methods.spec import MethodSpec, Size

known = registry.specs()


@pytest.fixture
def method(monkeypatch):
    """A method whose recipe is the small denoiser of the training tests."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "training")
    spec = MethodSpec(
        name="denoise", title="Denoise", about="A test.", paper="", reference=("front",),
        control=("motion",), sizes=(Size("nano", "small"), Size("tiny", "larger")),
        loader="denoise_recipe:load", cost="", recipe="denoise_recipe:recipe",
    )
    monkeypatch.setattr(registry, "specs", lambda: {**known, spec.name: spec})
    return spec


def call(capsys, *argv):
    try:
        code = main(["train", *map(str, argv)])
    except SystemExit as leaving:  # what tyro does for bad options
        code = leaving.code
    out, err = capsys.readouterr()
    return code, out, err


def same(one, other):
    from safetensors.torch import load_file

    a, b = (load_file(f / "weights" / "denoiser.safetensors") for f in (one, other))
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_a_run_stopped_and_gone_on_with_gives_the_same_weights(
    method, capsys, tmp_path, monkeypatch
):
    import denoise_recipe

    options = ("--budget", "60steps", "--seed", "5", "--threads", "1", "--log-every", "5")
    options += ("--size", "tiny")
    code, out, err = call(capsys, "denoise", "-o", tmp_path / "whole", *options)
    assert code == 0 and out.strip() == str(tmp_path / "whole" / "weights")
    assert "coarse: begins" in err and "fine: done in" in err and "note: step 45: mse" in err

    stopping = denoise_recipe.Stopping(20)
    with monkeypatch.context() as patch:
        patch.setattr(denoise_recipe, "loss", stopping)
        code, out, err = call(capsys, "denoise", "-o", tmp_path / "part", *options)
    assert code == 130 and out == "" and "--resume" in err and "Traceback" not in err
    assert call(capsys, "denoise", "-o", tmp_path / "part", *options)[0] == 2  # no --resume
    code, out, err = call(capsys, "denoise", "-o", tmp_path / "part", "--resume", "--json")
    assert code == 0 and same(tmp_path / "part", tmp_path / "whole")
    assert "coarse: goes on at step" in err
    told = json.loads(out)
    assert told["finished"] and told["seed"] == 5 and told["request"]["budget"] == "60steps"
    assert told["versions"]["accelerate"] and told["torch_threads"] == 1
    code, _, err = call(capsys, "denoise", "-o", tmp_path / "part", "--resume", "--seed", "6")
    assert code == 2 and "--seed" in err


def test_what_it_would_take(method, capsys, tmp_path):
    code, out, _ = call(capsys, "denoise", "--dry-run", "--budget", "2h", "-o", tmp_path / "out")
    assert code == 0 and not (tmp_path / "out").exists()
    lines = [line.split() for line in out.splitlines()]
    assert lines[0][0] == "denoise-nano,"
    assert lines[2] == ["coarse", "60%", "72.0", "min", "432,000", "4", "1,027", "1,027", "0",
                        "MiB"]
    assert lines[3][:4] == ["paint", "20%", "24.0", "min"] and len(lines) == 5
    code, out, _ = call(capsys, "denoise", "--dry-run", "--budget", "50steps", "--json",
                        "--size", "tiny")
    plan = json.loads(out)
    assert plan["size"] == "tiny"
    assert [stage["steps"] for stage in plan["stages"]] == [38, None, 12]


@pytest.mark.parametrize(("argv", "words"), [
    (["denoise"], "--budget"),
    (["denoise", "--dry-run"], "--budget"),
    (["denoise", "--budget", "soon"], "500steps"),
    (["denoise", "--budget", "9steps", "--size", "huge"], "nano, tiny"),
    (["denoise-tiny", "--budget", "9steps", "--size", "nano"], "once"),
    (["denoise", "--budget", "9steps", "--threads", "0"], "--threads"),
    (["denoise", "--budget", "9steps", "--precision", "fp8"], "bf16"),
    (["denoise", "--budget", "9steps", "--device", "abacus"], "cuda"),
    (["denoise", "--budget", "9steps", "--checkpoint-every", "often"], "--checkpoint-every"),
    (["denoise", "--budget", "9steps", "--log-every", "0"], "--log-every"),
    (["denoise", "--budget", "9steps", "--data", "nowhere"], "no folder"),
    (["denoise", "--budget", "9steps", "--init", "nowhere"], "starts from nothing"),
    (["denoise", "--resume"], "no run to go on"),
    (["avatar", "--budget", "9steps"], "nothing to train"),
    (["nobody", "--budget", "9steps"], "no method"),
])
def test_what_does_not_fit_is_refused_in_words(method, capsys, tmp_path, argv, words):
    out = tmp_path / "out"
    code, printed, err = call(capsys, *argv, "-o", out)
    assert code == 2 and printed == "" and not out.exists()
    assert words in err and "Traceback" not in err


def test_a_failure_in_preparing_leaves_nothing(method, capsys, tmp_path, monkeypatch):
    import denoise_recipe

    from muybridge.errors import InputError

    def fail(*args, **more):
        raise InputError("clip 3", "frames", "are cut off", "make the data again")

    monkeypatch.setattr(denoise_recipe, "Pictures", fail)
    argv = ("denoise", "--budget", "9steps", "-o", tmp_path / "out")
    assert call(capsys, *argv)[0] == 2 and not (tmp_path / "out").exists()
