"""Refine any frames with a video model, in a folder; stop it anywhere, and it goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

import muybridge
from muybridge.errors import InputError, Interrupted
from muybridge.jobs import digest
from muybridge.jobs.files import OURS, RECORD, WORK, claim, discard, read_json, write_json
from muybridge.jobs.frames import FrameStore
from muybridge.jobs.progress import Listener, Progress
from muybridge.jobs.refine_source import Clip, Frames, clips_of
from muybridge.jobs.versions import versions
from muybridge.methods.loading import chosen_device, chosen_dtype
from muybridge.methods.pipeline import Chunk
from muybridge.sampling import Refinement
from muybridge.sampling.refine_frames import Piece, refine_in_turn, spans
from muybridge.sampling.video_models import VideoTools, is_video_folder, load_tools
from muybridge.sampling.video_models.folder import NEGATIVE, PROMPT
from muybridge.video import VideoWriter, write_image

_REACH = 0.02
"""How far around a person changes go, in heights of the picture."""
_STATE, _FRAMES, _HELD = "state.json", "frames", "held.npz"


@dataclass(frozen=True)
class Request:
    """What is to be refined, and how.

    Attributes:
        source: a video, a folder of pictures, or a run's folder.
        model: a size of reimagine, a folder of it, or a folder of Wan or Stable Video Diffusion
            in diffusers' layout.
        preset: of the refinement.
        settings: of it that differ, by name.
        detail: how much of the detail that the model can't have is returned, 0..1.
        seed: of the noise.
        fps: of a folder of pictures.
        matte: video of the person's share of each pixel.
        prompt, negative_prompt: for Wan; its usual ones where empty.
        device, dtype: where and in which numbers the model computes; the best by default.
        offload: keep in the GPU's memory only what is computing.
        lossless: write FFV1 too. compare: and a video of before beside after.
    """

    source: Path
    model: str = "nano"
    preset: str = "faithful"
    settings: Mapping[str, Any] = field(default_factory=dict)
    detail: float = 1.0
    seed: int = 0
    fps: Fraction | None = None
    matte: Path | None = None
    prompt: str = ""
    negative_prompt: str = ""
    device: str | None = None
    dtype: str | None = None
    offload: bool = False
    lossless: bool = False
    compare: bool = False

    def refinement(self) -> Refinement:
        """The settings.

        Raises:
            InputError: there is no such preset or setting, or it is out of range.
        """
        if not 0 <= self.detail <= 1:
            raise InputError("--detail", "", f"is {self.detail}", "give 0 to 1")
        values = {name: float(value) if value in ("inf", "Infinity") else value
                  for name, value in self.settings.items()}
        return Refinement.of(self.preset, **values)

    def clips(self) -> list[Clip]:
        """What there is to refine.

        Raises:
            InputError: it can't be read.
        """
        return clips_of(self.source, self.fps, self.matte)

    def tools(self, fps: Fraction) -> VideoTools:
        """The video model.

        Raises:
            InputError: it can't be read.
            MissingWeights: it is not on this machine.
        """
        device, dtype = chosen_device(self.device), chosen_dtype(self.dtype)
        folder = Path(self.model)
        if is_video_folder(folder) or (folder / "model_index.json").exists():
            usual = torch.float32 if device.type == "cpu" else torch.bfloat16
            return load_tools(
                folder, device=device, dtype=dtype or usual, prompt=self.prompt or PROMPT,
                negative_prompt=self.negative_prompt or NEGATIVE, fps=float(fps),
                offload=self.offload,
            )
        from muybridge.methods.registry import spec
        from muybridge.methods.reimagine.small_video import SmallTools

        options = {"device": self.device, "dtype": self.dtype}
        return SmallTools(spec("reimagine")[0].load(self.model, **options).networks)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; what decides on the frames."""
        values = {**asdict(self), "source": str(self.source.resolve()), "fps": str(self.fps or ""),
                  "matte": str(self.matte or ""), "settings": dict(self.settings)}
        for name in ("lossless", "compare", "offload"):
            values.pop(name)
        return values


def forecast(asked: Request) -> dict[str, Any]:
    """How much there is to do; nothing is computed, but the model is read.

    Raises:
        InputError, MissingWeights: as for :func:`refine`.
    """
    how, clips = asked.refinement(), asked.clips()
    tools = asked.tools(clips[0].fps)
    counts = [len(spans(c.frames, tools.frames, tools.compression, how)) for c in clips]
    height, width = tools.size_for(clips[0].height, clips[0].width)
    each = how.steps * (2 if how.guidance != 1 else 1)
    return {
        "model": tools.name, "videos": len(clips), "frames": sum(c.frames for c in clips),
        "size": f"{clips[0].width}x{clips[0].height}", "seen_as": f"{width}x{height}",
        "windows": sum(counts), "calls": sum(counts) * each if how.strength else 0,
    }


@dataclass(frozen=True)
class Refined:
    """Where the refined frames lie, and the record (the contents of ``run.json``)."""

    folder: Path
    record: dict[str, Any]


def refine(
    asked: Request, out: Path, *, listener: Listener | None = None, force: bool = False
) -> Refined:
    """Refine a source into a folder, or go on where a stopped run of it left off.

    The folder gets ``video.mp4``, or for a run's views ``views/NN.mp4``; for a folder of pictures
    ``frames/*.png`` too, of the same names.

    Args:
        asked: what, and how.
        out: new, empty, or an earlier run's, which is replaced.
        listener: told of progress.
        force: also take a folder that holds other things.

    Raises:
        InputError: something that the user gave can't be used.
        MissingWeights: the model is not on this machine.
        Interrupted: stopped; the same call goes on from there.
    """
    if out.resolve() == asked.source.resolve():
        raise InputError("-o", "", f"{out} is what is to be refined", "name another folder")
    fresh = not out.exists()
    try:
        how, clips = asked.refinement(), asked.clips()
        progress = Progress({"load": 5.0, "refine": 60.0, "encode": 4.0}, listener)
        with claim(out, force) as work:
            try:
                return _Run(asked, how, clips, out, work, progress).go()
            except (InputError, KeyboardInterrupt):
                if fresh and not (work / _FRAMES).is_dir():
                    shutil.rmtree(out, ignore_errors=True)
                raise
    except KeyboardInterrupt:
        kept = (out / WORK).is_dir()
        raise Interrupted(
            f"stopped; the frames so far are kept in {out}. The same command again goes on "
            "from there" if kept else "stopped; nothing was written"
        ) from None


class _Run:
    """One run; what its stages share."""

    def __init__(
        self, asked: Request, how: Refinement, clips: list[Clip], out: Path, work: Path,
        progress: Progress,
    ) -> None:
        self.asked, self.how, self.clips = asked, how, clips
        self.out, self.work, self.progress = out, work, progress

    def go(self) -> Refined:
        """All stages."""
        with self.progress.stage("load", f"video model {self.asked.model}"):
            state = {
                "refine": self.asked.to_dict(), "version": muybridge.__version__,
                "threads": torch.get_num_threads(),
                "inputs": digest.of_data([
                    [digest.of_file(path) for path in clip.files()] for clip in self.clips
                ]),
            }
            again = (self.work / _STATE).is_file() and read_json(self.work / _STATE) == state
            tools = self.asked.tools(self.clips[0].fps)
        if not again:
            for name in OURS:
                if name != WORK:
                    discard(self.out / name)
            for name in (_FRAMES, _STATE):
                discard(self.work / name)
            write_json(self.work / _STATE, state)
        total = sum(clip.frames for clip in self.clips)
        with self.progress.stage("refine", f"{total} frames with {tools.name}") as step:
            before = 0
            for view, clip in enumerate(self.clips):

                def told(done: float, before: int = before, clip: Clip = clip) -> None:
                    step((before + done * clip.frames) / total)

                self._refine(tools, view, clip, told)
                before += clip.frames
        with self.progress.stage("encode"):
            for view, clip in enumerate(self.clips):
                self._encode(view, clip)
        record = {
            "muybridge": muybridge.__version__, "refine": state["refine"],
            "settings": asdict(self.how), "model": tools.name,
            "inputs_sha256": state["inputs"], "threads": state["threads"],
            "videos": [{"name": c.name, "frames": c.frames, "width": c.width,
                        "height": c.height, "fps": str(c.fps)} for c in self.clips],
            "timings": {name: round(s, 3) for name, s in self.progress.seconds.items()},
            "versions": versions(),
        }
        write_json(self.out / RECORD, record)
        discard(self.work)
        return Refined(self.out, record)

    def _store(self, view: int, clip: Clip) -> FrameStore:
        return FrameStore(self.work / _FRAMES / f"{view:03d}", 1, clip.frames)

    def _refine(self, tools: VideoTools, view: int, clip: Clip, told: Any) -> None:
        """Frames of one video that are not there yet."""
        store = self._store(view, clip)
        done = store.held()
        if done == clip.frames:
            return
        begin, held = _read_held(store.folder / _HELD)
        windows = spans(clip.frames, tools.frames, tools.compression, self.how)
        if held is None or begin >= len(windows) or windows[begin][0] > done:
            begin, held = 0, None
        frames = Frames(clip, tools.channels)
        for piece in refine_in_turn(
            tools, self.how, frames.seen, clip.frames, seed=self.asked.seed, view=view,
            detail=self.asked.detail, begin=begin, held=held, tell=told,
        ):
            stop = piece.first + len(piece.pictures)
            rgb = piece.pictures[:, :3]
            if tools.channels == 4:
                seen = frames.seen(piece.first, stop)
                changed = (rgb - seen[:, :3]) * _near(seen[:, 3:])
                rgb = (frames.whole(piece.first, stop) + changed).clamp(0, 1)
            matte = torch.ones_like(rgb[:, :1])
            store.put(Chunk(piece.first, rgb[None], matte[None]))
            _write_held(store.folder / _HELD, piece)

    def _encode(self, view: int, clip: Clip) -> None:
        """The videos, and pictures where the source had pictures."""
        store = self._store(view, clip)
        size = (clip.width, clip.height)
        path = self.out / f"{clip.name}.mp4"
        with VideoWriter(path, clip.fps, *size) as video:
            for t in range(clip.frames):
                video.write(np.ascontiguousarray(store.get(0, t)[..., :3]))
        if self.asked.lossless:
            exact = path.with_suffix(".mkv")
            with VideoWriter(exact, clip.fps, *size, codec="ffv1") as video:
                for t in range(clip.frames):
                    video.write(np.ascontiguousarray(store.get(0, t)[..., :3]))
        if clip.path.is_dir():
            for t, source in enumerate(clip.files()[: clip.frames]):
                picture = np.ascontiguousarray(store.get(0, t)[..., :3])
                write_image(self.out / "frames" / f"{source.stem}.png", picture)
        if self.asked.compare:
            self._compare(store, clip)

    def _compare(self, store: FrameStore, clip: Clip) -> None:
        """Before beside after."""
        frames = Frames(clip, 3)
        name = clip.name.replace("views/", "views/compare_").replace("video", "compare")
        with VideoWriter(
            self.out / f"{name}.mp4", clip.fps, 2 * clip.width, clip.height
        ) as video:
            for t in range(clip.frames):
                before = (frames.whole(t, t + 1)[0] * 255).round().byte().permute(1, 2, 0).numpy()
                video.write(np.concatenate([before, store.get(0, t)[..., :3]], 1))


def _near(matte: Float[Tensor, "T 1 H W"]) -> Float[Tensor, "T 1 H W"]:
    """Where the person is, and a little around: the ground stays as it is."""
    reach = max(1, round(_REACH * matte.shape[-2]))
    return F.max_pool2d(matte, 2 * reach + 1, 1, reach)


def _write_held(path: Path, piece: Piece) -> None:
    """What the next window begins with; written whole, after the frames before it."""
    part = path.with_name(f".{path.stem}.{os.getpid()}.part.npz")
    pictures = (piece.held * 255).round().to(torch.uint8).cpu().numpy()
    np.savez(part, following=np.int64(piece.number + 1), pictures=pictures)
    os.replace(part, path)


def _read_held(path: Path) -> tuple[int, Float[Tensor, "o C H W"] | None]:
    """Number of the window to go on with, and what it begins with."""
    try:
        with np.load(path, allow_pickle=False) as file:
            pictures = torch.from_numpy(file["pictures"])
            return int(file["following"]), pictures.float() / 255
    except (OSError, ValueError, KeyError):
        return 0, None
