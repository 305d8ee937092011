"""Refinement of pictures window by window."""

from __future__ import annotations

import pytest
import torch
from sampling.video_small import wan

from muybridge.errors import InputError
from muybridge.sampling import Prediction, Refinement
from muybridge.sampling.refine_frames import refine_in_turn, refine_pictures, spans
from muybridge.sampling.video_models import WanTools


class Half:
    """Tools whose latents are means of 2 x 2 pixels, and whose model darkens."""

    name, frames, compression, channels = "half", 4, 1, 3

    def __init__(self, darker: float = 0.9) -> None:
        self.darker = darker
        self.begun: list[torch.Tensor] = []

    def size_for(self, height: int, width: int) -> tuple[int, int]:
        return height // 2 * 2, width // 2 * 2

    def encode(self, pictures):
        return torch.nn.functional.avg_pool2d(pictures, 2) * 2 - 1

    def decode(self, latents):
        return torch.nn.functional.interpolate(latents / 2 + 0.5, scale_factor=2.0)

    def model(self, pictures):
        self.begun.append(pictures[0])
        tools = self

        class Dark:
            frames = 4

            def __call__(self, latents, timestep, tiles, guided):
                return Prediction(tools.encoded * tools.darker)

        self.encoded = self.encode(pictures)[None]
        return Dark()


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    return torch.rand(10, 3, 9, 8, generator=torch.Generator().manual_seed(0)) * 0.6 + 0.2


def run(tools, pictures, settings=None, **options):
    settings = settings or Refinement.of("faithful", steps=2, amount=0.0, anchor=0.0)
    return list(refine_in_turn(
        tools, settings, lambda first, stop: pictures[first:stop], len(pictures), **options
    ))


def test_all_pictures_come_out_once_and_in_order(pictures):
    tools = Half()
    pieces = run(tools, pictures)
    assert [piece.first for piece in pieces] == [0, 3, 6]
    assert [len(piece.pictures) for piece in pieces] == [3, 3, 4]
    assert [len(piece.held) for piece in pieces] == [1, 1, 0]
    made = torch.cat([piece.pictures for piece in pieces])
    assert made.shape == pictures.shape
    assert (made - pictures).abs().max() > 0.01


def test_a_window_begins_with_what_was_refined(pictures):
    tools = Half()
    pieces = run(tools, pictures)
    for piece, begun in zip(pieces[:-1], tools.begun[1:], strict=True):
        small = torch.nn.functional.interpolate(
            piece.held[:1], (8, 8), mode="bicubic", antialias=True, align_corners=False
        )[0]
        assert torch.allclose(begun, small.clamp(0, 1), atol=1e-6)
    assert torch.equal(pieces[1].pictures[0], pieces[0].held[0])


def test_who_goes_on_later_goes_on_alike(pictures):
    whole = run(Half(), pictures, seed=3)
    rest = run(Half(), pictures, seed=3, begin=1, held=whole[0].held)
    assert [piece.number for piece in rest] == [1, 2]
    for a, b in zip(whole[1:], rest, strict=True):
        assert torch.equal(a.pictures, b.pictures)
        assert torch.equal(a.held, b.held)


def test_a_model_that_changes_nothing_changes_nothing(pictures):
    """Whatever the autoencoder loses comes back; without detail it is lost."""
    for piece in run(Half(1.0), pictures):
        given = pictures[piece.first:piece.first + len(piece.pictures)]
        assert (piece.pictures - given).abs().max() < 0.003  # held ones are bytes
    soft = torch.cat([piece.pictures for piece in run(Half(1.0), pictures, detail=0.0)])
    assert soft.var() < 0.8 * pictures.var()


def test_strength_zero_is_the_identity(pictures):
    settings = Refinement.of("faithful", strength=0.0)
    made = refine_pictures(Half(), settings, pictures[:4])
    assert torch.equal(made, pictures[:4])


def test_progress_is_told(pictures):
    heard: list[float] = []
    run(Half(), pictures, tell=heard.append)
    assert heard == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1.0])


def test_spans_count_latent_frames():
    def of(frames: int, most: int = 4, each: int = 1, **settings):
        return spans(frames, most, each, Refinement.of("faithful", **settings))

    assert of(3) == [(0, 3)]
    assert of(6, overlap=2) == of(6, overlap=0) == [(0, 4), (2, 6)]
    assert of(8, overlap=0) == [(0, 4), (4, 8)]
    assert of(200, 81, 4)[:2] == [(0, 81), (64, 145)]
    assert of(30, 81, 4, window=4) == [(0, 13), (12, 25), (17, 30)]
    with pytest.raises(InputError, match="overlap"):
        of(30, 81, 4, overlap=30)


def test_wan_refines_pictures_of_any_size_and_number():
    tools = WanTools(wan("i2v"), torch.randn(1, 4, 16), frames=9)
    pictures = torch.rand(11, 3, 34, 50)
    settings = Refinement.of("faithful", steps=2, cut_time=0.1)
    pieces = run(tools, pictures, settings)
    made = torch.cat([piece.pictures for piece in pieces])
    assert made.shape == pictures.shape
    assert (made[0] - pictures[0]).abs().max() < 0.5  # its latents are held; the decoder looks back
    assert (made[1:] - pictures[1:]).abs().mean() > 1e-4
    kept = run(tools, pictures, Refinement.of("faithful", steps=2, cut_time=float("inf")))
    again = torch.cat([piece.pictures for piece in kept])
    assert (again - pictures).abs().max() < 0.003
