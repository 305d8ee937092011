"""The number of threads that was asked for is the one that computes."""

from __future__ import annotations

import os
import subprocess
import sys


def test_a_new_process_computes_with_what_was_asked_for():
    code = (
        "import torch; from muybridge.jobs.threads import use_threads; use_threads(1); "
        "print(torch.get_num_threads())"
    )
    unset = {name: value for name, value in os.environ.items() if not name.endswith("NUM_THREADS")}
    told = subprocess.run(
        [sys.executable, "-c", code], env=unset, capture_output=True, text=True, check=True
    )
    assert told.stdout.split()[-1] == "1"
