"""What a benchmark ran on, and how it times."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch


def header(title: str) -> str:
    """A Markdown heading with the command, the machine and the versions."""
    command = "python " + " ".join([f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])
    return (
        f"# {title}\n\n"
        f"- Command: `{command}`\n"
        f"- Date: {time.strftime('%Y-%m-%d')}\n"
        f"- Machine: {_processor()}, {os.cpu_count()} cores; {torch.get_num_threads()} threads; "
        f"Python {platform.python_version()}, torch {torch.__version__}\n"
        f"- Load of the machine when it started: {os.getloadavg()[0]:.1f}\n"
    )


def milliseconds(call: Callable[[], object], repeats: int = 7) -> tuple[float, float]:
    """Best and median time of a call, after one that doesn't count."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1e3)
    return min(times), statistics.median(times)


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
