"""How long an animation takes, and how near the forecast comes.

    python benchmarks/animate.py PERSON_FOLDER

Each row is a run in a process of its own, so the memory is its own too.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import header

ROWS = (
    ("orbit:8", 24, "512"), ("orbit:8", 48, "512"), ("orbit:4", 48, "256"),
    ("orbit:2", 12, "768"), ("arc:90", 24, "512"), ("orbit:16", 24, "512"),
)


def call(*arguments: str) -> dict:
    """The JSON that a command prints."""
    command = [sys.executable, "-m", "muybridge", *arguments, "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    person = sys.argv[1]
    print(header("Animation, after the fit"))
    print("| views | frames | size | render s | encode s | whole s | forecast s | ratio "
          "| memory GB | forecast GB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    call("plan", person, "--measure")
    for camera, frames, size in ROWS:
        asked = (
            person, "--motion", "dance", "--camera", camera, "--frames", str(frames), "--size", size
        )
        forecast = call("plan", *asked)
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            record = call("animate", *asked, "-o", str(Path(folder) / "out"), "--quiet")
            whole = time.perf_counter() - began
        planned = forecast["seconds"]["total"]
        print(
            f"| {forecast['views']} | {frames} | {size} | {record['timings']['render']:.1f} "
            f"| {record['timings']['encode']:.1f} | {whole:.1f} | {planned:.1f} "
            f"| {planned / whole:.2f} | {record['peak_memory_bytes'] / 1e9:.2f} "
            f"| {forecast['memory_bytes'] / 1e9:.2f} |"
        )


if __name__ == "__main__":
    main()
