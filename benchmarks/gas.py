"""GAS's time: encoding the reference, a cue, a step, a finished frame, and a whole animation.

    python benchmarks/gas.py PERSON --views 8 --frames 24 --steps 8 --size 512
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from machine import header

import muybridge as mb
from muybridge.camera import build_cameras
from muybridge.jobs.prepare import frame_points
from muybridge.motion import clips, retarget
from muybridge.person import Person


class Watch:
    """Sums the wall-clock seconds of calls by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}

    def on(self, owner: object, name: str, label: str) -> None:
        """Time every call of ``owner.name``."""
        inner = getattr(owner, name)

        def timed(*args: object, **kwargs: object) -> object:
            start = time.perf_counter()
            try:
                return inner(*args, **kwargs)
            finally:
                spent = time.perf_counter() - start
                self.seconds[label] = self.seconds.get(label, 0.0) + spent
                self.calls[label] = self.calls.get(label, 0) + 1

        setattr(owner, name, timed)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("person", type=Path)
    options.add_argument("--method", default="gas-nano")
    options.add_argument("--cue", default="nerf")
    options.add_argument("--views", type=int, default=8)
    options.add_argument("--frames", type=int, default=24)
    options.add_argument("--steps", type=int, default=8)
    options.add_argument("--size", type=int, default=512)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--write", type=Path)
    asked = options.parse_args()
    torch.set_num_threads(asked.threads)
    person = Person.load(asked.person)
    motion = retarget(clips.make("walk", asked.frames), person.rest_joints)
    cameras = build_cameras(
        f"orbit:{asked.views}", frame_points(person, motion), frames=asked.frames,
        width=asked.size, height=asked.size,
    )
    start = time.perf_counter()
    pipe = mb.load(asked.method, cue=asked.cue, num_inference_steps=asked.steps)
    loading = time.perf_counter() - start
    watch = Watch()
    watch.on(pipe, "_plan", "reference encoded, crops, texture")
    watch.on(pipe, "_latents", "cues, normals and all steps")
    watch.on(pipe.networks, "forward", "network calls")
    watch.on(pipe, "_finished", "a frame of all views pasted, detailed, on its ground")
    start = time.perf_counter()
    for _ in pipe.stream(person, motion, cameras):
        pass
    whole = time.perf_counter() - start
    pictures = asked.views * asked.frames
    s = watch.seconds
    network, prepared = s["network calls"], s["cues, normals and all steps"]
    rows = [
        ("loading the networks", loading, ""),
        ("reference encoded, crops, texture; once a job",
         s["reference encoded, crops, texture"], ""),
        ("cue and normals", prepared - network, f"{1e3 * (prepared - network) / pictures:.0f}"),
        (f"{asked.steps} steps", network, f"{1e3 * network / pictures:.0f}"),
        ("one step", network / asked.steps, f"{1e3 * network / asked.steps / pictures:.1f}"),
        ("pasted, detailed, on the ground",
         s["a frame of all views pasted, detailed, on its ground"],
         f"{1e3 * s['a frame of all views pasted, detailed, on its ground'] / pictures:.0f}"),
        ("all frames, without encoding videos", whole, f"{1e3 * whole / pictures:.0f}"),
    ]
    lines = [
        f"{asked.views} views x {asked.frames} frames of {asked.size} x {asked.size} pixels, cue "
        f"{asked.cue}, {asked.steps} steps.\n",
        "| what | seconds | ms per picture |", "| --- | --- | --- |",
        *(f"| {name} | {seconds:.1f} | {each} |" for name, seconds, each in rows),
    ]
    text = header("GAS: time") + "\n" + "\n".join(lines) + "\n"
    print(text)
    if asked.write:
        asked.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
