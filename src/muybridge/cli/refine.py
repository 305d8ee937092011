"""``muybridge refine``: frames that flicker -> calmer ones."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

import tyro

from muybridge.cli.common import (
    Json,
    MaybeFile,
    MaybeNumber,
    Out,
    read,
    show,
    stop_on_terminate,
    table,
    use_threads,
)


@dataclass
class Refine:
    """Calm a video, frame by frame painted, with a video model.

    Noise is added to the frames and taken away again by the model, while what is slow in them is
    kept; nothing is trained. Writes video.mp4 (or views/NN.mp4 for a run of muybridge, and
    frames/ for a folder of pictures). The same command goes on where a run was stopped.

    Attributes:
        source: a video, a folder of pictures, or a run's folder.
        out: the output folder.
        model: a size of reimagine, or a folder: of reimagine, or in diffusers' layout of Wan
            (text to video or image to video) or Stable Video Diffusion.
        preset: faithful keeps what is slow, in every step; paper has ReImagine's numbers; strong
            lets the model repaint.
        strength: 0 changes nothing, 1 begins with noise alone; the preset's own by default.
        steps: of the model.
        set: more of the refinement, NAME=VALUE: guidance, shift, fraction, amount, fade,
            cut_time, cut_space, kind, anchor, still_noise, window, overlap.
        detail: how much of the detail that the model can't have is returned, 0 to 1.
        fps: frames per second of a folder of pictures; 25 by default.
        matte: video of the person's share of each pixel, for reimagine; found by itself if absent.
        prompt: what is shown, for Wan.
        negative_prompt: what is not to be shown, for Wan.
        seed: of the noise.
        device: cpu or cuda; a GPU where there is one.
        dtype: of the model's weights, such as bfloat16.
        offload: keep in the GPU's memory only what is computing.
        lossless: also write FFV1.
        compare: also write before beside after.
        force: take a folder that holds other things.
        dry_run: only say how much there is to do.
        threads: to compute with; all cores unless given.
        quiet: no progress.
        json_: print the result for a program.
    """

    source: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")] = None
    out: Out = Path("refined")
    model: str = "nano"
    preset: Literal["faithful", "steady", "paper", "strong"] = "faithful"
    strength: Annotated[float | None, tyro.conf.arg(metavar="0..1")] = None
    steps: MaybeNumber = None
    set: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE")] = ()
    detail: float = 1.0
    fps: str = ""
    matte: MaybeFile = None
    prompt: str = ""
    negative_prompt: str = ""
    seed: int = 0
    device: str = ""
    dtype: str = ""
    offload: bool = False
    lossless: bool = False
    compare: bool = False
    force: bool = False
    dry_run: bool = False
    threads: MaybeNumber = None
    quiet: bool = False
    json_: Json = False


def main(argv: list[str]) -> int:
    """Run the verb; returns the exit code."""
    asked = read(Refine, "refine", argv)
    use_threads(asked.threads)
    stop_on_terminate()
    from muybridge.cli.request import options
    from muybridge.errors import InputError
    from muybridge.jobs import parse_fps
    from muybridge.jobs.progress import listening
    from muybridge.jobs.refine import Request, forecast, refine

    if asked.source is None:
        raise InputError("refine", "SOURCE", "is missing", "name a video or a folder")
    settings = options(asked.set)
    for name in ("strength", "steps"):
        value = getattr(asked, name)
        if value is not None:
            settings[name] = value
    fps: Fraction | None = parse_fps(asked.fps) if asked.fps else None
    request = Request(
        asked.source, asked.model, asked.preset, settings, asked.detail, asked.seed, fps,
        Path(asked.matte) if asked.matte else None, asked.prompt, asked.negative_prompt,
        asked.device or None, asked.dtype or None, asked.offload, asked.lossless, asked.compare,
    )
    request.refinement()
    if asked.dry_run:
        cost = forecast(request)
        show(cost, asked.json_, table([(name, str(value)) for name, value in cost.items()]))
        return 0
    with listening(asked.quiet) as listener:
        made = refine(request, asked.out, listener=listener, force=asked.force)
    show(made.record, asked.json_, str(made.folder))
    return 0
