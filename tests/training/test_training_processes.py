"""Training in processes of its own: killed, and shared between two."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from denoise_recipe import denoising, state

from muybridge.errors import InputError
from muybridge.training import Cadence, Options, parse_budget, train
from muybridge.training.log import read_log

SCRIPT = Path(__file__).with_name("denoise_recipe.py")


def environment(out, **more):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ACCELERATE", "RANK"))}
    return {**kept, "OMP_NUM_THREADS": "1", "OUT": str(out), **more}


def alone(out, dropout=0.0, resume=False):
    """What ``denoise_recipe.main`` asks for, in this process."""
    torch.set_num_threads(1)
    train(denoising(dropout=dropout), out, parse_budget("40steps"), seed=3, resume=resume,
          options=Options(device="cpu", log_every=1, checkpoint=Cadence(steps=7)))
    return state(out)


def losses(out):
    return [(e["stage"], e["step"], e["loss"], e["norm"]) for e in read_log(out / "log.jsonl")
            if e["event"] == "step"]


def test_kill_9_and_on_to_the_same_bits(tmp_path):
    out = tmp_path / "killed"
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT)], env=environment(out, WAIT="0.03", DROPOUT="0.2"),
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        log = out / "log.jsonl"
        if log.exists() and log.read_bytes().count(b'"step", "stage"') >= 18:
            with pytest.raises(InputError, match="another run is writing"):
                alone(out, dropout=0.2, resume=True)
            break
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait(timeout=60) == -signal.SIGKILL
    steps = [int(p.name) for p in (out / "checkpoints" / "coarse").iterdir()
             if p.name.isdecimal()]
    assert max(steps) in (14, 21, 28) and not (out / "stages").exists()
    resumed = alone(out, dropout=0.2, resume=True)
    whole = alone(tmp_path / "whole", dropout=0.2)
    assert resumed.keys() == whole.keys()
    for name in whole:  # weights, averaged weights, and what ships
        assert torch.equal(resumed[name], whole[name]), name
    assert losses(out) == losses(tmp_path / "whole")


def test_two_processes_train_what_one_does(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
         str(SCRIPT)],
        env=environment(tmp_path / "two"), capture_output=True, text=True, timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    whole, both = alone(tmp_path / "one"), state(tmp_path / "two")
    curves = [losses(tmp_path / name) for name in ("one", "two")]
    assert len(curves[0]) == len(curves[1]) == 40
    for a, b in zip(*curves, strict=True):
        assert a[:2] == b[:2]
        # float32 means of 4 x 432 errors, added up in another order, over up to 30 steps
        assert a[2:] == pytest.approx(b[2:], rel=1e-4)
    assert whole.keys() == both.keys()
    for name in whole:
        torch.testing.assert_close(whole[name], both[name], rtol=1e-3, atol=1e-5)
