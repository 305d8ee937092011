"""Refinement of pictures, however many: windows one after the other.

A window's first pictures are the last ones of the window before, refined already: they are held,
the more firmly the earlier they are, and an image-to-video model is told of the first of them.
So what was decided once is carried on, and memory is that of a window. Where windows overlap, one
fades into the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError
from muybridge.sampling.refine import Refinement, SpectralTemporalRefiner
from muybridge.sampling.spectral import resized, with_detail
from muybridge.sampling.video_models.tools import VideoTools, latent_frames
from muybridge.sampling.windows import open_windows

Reader = Callable[[int, int], Float[Tensor, "T C H W"]]
"""Called as ``read(first, stop)``; gives pictures in [0, 1]."""
Tell = Callable[[float], None]
"""Told how much is done, 0..1."""


@dataclass(frozen=True)
class Piece:
    """What a window has made.

    Attributes:
        number: of the window.
        first: number of the first picture.
        pictures: that are done; the next piece goes on behind them.
        held: pictures behind these that the next window begins with; none behind the last.
    """

    number: int
    first: int
    pictures: Float[Tensor, "n C H W"]
    held: Float[Tensor, "o C H W"]


def spans(
    frames: int, most: int, compression: int, settings: Refinement
) -> list[tuple[int, int]]:
    """First picture and stop of each window.

    Args:
        frames: of the video.
        most: pictures that go through the model together.
        compression: pictures of a latent frame.
        settings: their ``window`` and ``overlap`` count latent frames.

    Raises:
        InputError: windows overlap by more than they hold.
    """
    each, size = compression, most
    if settings.window is not None:
        size = min(size, (settings.window - 1) * each + 1)
    latents = settings.overlap
    if latents is None:
        latents = max(1, latent_frames(size, each) // 4)
    overlap = (latents - 1) * each + 1 if latents else 0
    if overlap >= size > 1:
        raise InputError(
            "refine", "overlap", f"{overlap} pictures with windows of {size}", "give less"
        )
    made = open_windows(frames, size, min(overlap, size - 1))
    return [(window[0], window[-1] + 1) for window in made.items]


def refine_in_turn(
    tools: VideoTools,
    settings: Refinement,
    read: Reader,
    frames: int,
    *,
    seed: int = 0,
    view: int = 0,
    detail: float = 1.0,
    begin: int = 0,
    held: Float[Tensor, "o C H W"] | None = None,
    tell: Tell | None = None,
) -> Iterator[Piece]:
    """Refine a video window by window.

    Args:
        tools: the video model with its autoencoder.
        settings: how.
        read: gives pictures, with the tools' channels.
        frames: how many there are.
        seed: of the noise, which belongs to each (view, latent frame).
        view: number of the video among several.
        detail: how much of the detail that the model can't have is returned, 0..1.
        begin: number of the window to begin with. ``held``: what the piece before gave for it.
        tell: told of progress.
    """
    windows = spans(frames, tools.frames, tools.compression, settings)
    for number in range(begin, len(windows)):
        start, stop = windows[number]
        given = read(start, stop)
        pull = torch.zeros(stop - start)
        if held is not None and len(held):
            given = torch.cat([held.to(given), given[len(held):]])
            pull[: len(held)] = _falling(len(held))

        def stepped(done: int, of: int, number: int = number) -> None:
            if tell is not None:
                tell((number + done / of) / len(windows))

        made = refine_pictures(
            tools, settings, given, seed=seed, first=(view, start), pull=pull, detail=detail,
            callback=stepped,
        )
        mixed = pull[:, None, None, None].to(made)
        made = made + mixed * (given - made)
        following = windows[number + 1][0] if number + 1 < len(windows) else stop
        keep = following - start
        held = _in_bytes(made[keep:])
        yield Piece(number, start, made[:keep], held)


@torch.no_grad()
def refine_pictures(
    tools: VideoTools,
    settings: Refinement,
    pictures: Float[Tensor, "T C H W"],
    *,
    seed: int = 0,
    first: tuple[int, int] = (0, 0),
    pull: Float[Tensor, "T"] | None = None,
    detail: float = 1.0,
    callback: Callable[[int, int], None] | None = None,
) -> Float[Tensor, "T C H W"]:
    """Refine as many pictures as go through the model together.

    Args:
        tools, settings, seed, detail: as for :func:`refine_in_turn`.
        pictures: consecutive ones.
        first: numbers of the view and of the first picture, for the noise.
        pull: how firmly each picture is held to what it is, 0..1.
        callback: told of (steps done, steps).
    """
    if settings.strength == 0:
        return pictures.clone()
    count, each = len(pictures), tools.compression
    size = tools.size_for(int(pictures.shape[-2]), int(pictures.shape[-1]))
    small = resized(pictures, size).clamp(0, 1)
    latents = tools.encode(small)
    held = None if pull is None else _of_latents(pull, each)
    refiner = SpectralTemporalRefiner(tools.model(small), settings)
    refined = refiner(
        latents[None], seed=seed, first=(first[0], latent_frames(first[1] + 1, each) - 1),
        windows=open_windows(len(latents), len(latents), 0), pull=held, callback=callback,
    )[0]
    before, after = (tools.decode(each_of)[:count] for each_of in (latents, refined))
    return with_detail(after, before, pictures, detail)


def _of_latents(pull: Float[Tensor, "T"], compression: int) -> Float[Tensor, "t"]:
    """How firmly latent frames are held: as their loosest picture."""
    count = latent_frames(len(pull), compression)
    missing = (count - 1) * compression + 1 - len(pull)
    rest = torch.cat([pull[1:], torch.ones(missing)])
    return torch.cat([pull[:1], rest.reshape(-1, compression).amin(1)])


def _falling(count: int) -> Float[Tensor, "o"]:
    """From 1 for the first of some pictures towards 0 for the one behind them."""
    return 1 - torch.arange(count) / count


def _in_bytes(pictures: Float[Tensor, "T C H W"]) -> Float[Tensor, "T C H W"]:
    """Pictures as a file keeps them, so that who goes on later goes on alike."""
    return (pictures * 255).round().clamp(0, 255) / 255
