"""What ReImagine is said to cost, against its networks' counted work."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffusers import FluxControlNetModel, FluxTransformer2DModel, WanTransformer3DModel
from torch.utils.flop_counter import FlopCounterMode

from muybridge.errors import InputError
from muybridge.methods.cost import Extent, Speed
from muybridge.methods.reimagine import cost as costs
from muybridge.methods.reimagine.config import CONFIGS
from muybridge.methods.reimagine.denoise import LookedAt, Text, velocity
from muybridge.methods.reimagine.spec import SPEC
from muybridge.methods.spec import resolve
from muybridge.sampling import PRESETS

SPEED = Speed(1e-3, 2.7e-7, 1e-8, 1.0, 1.0, 1 << 28)


def forecast(size, frames, views=2):
    return resolve(SPEC.cost_of(size))(Extent(views, frames, 128, 160), SPEED)


def counted(work) -> float:
    """Operations of some work on tensors without memory."""
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())


@pytest.mark.parametrize("size", CONFIGS)
def test_operations_are_those_of_the_networks(size):
    config = CONFIGS[size]
    with torch.device("meta"):
        flux = FluxTransformer2DModel(**config.transformer).requires_grad_(False)
        steering = FluxControlNetModel(**config.controlnet).requires_grad_(False)
    rows, columns = config.token_grid
    noise, behind = rows * columns, 2 * rows * (config.reference_columns or columns)
    width, words = config.token_channels, config.transformer["joint_attention_dim"]

    def call():
        text = Text(
            torch.empty(1, config.prompt.get("length", 512), words),
            torch.empty(1, config.transformer["pooled_projection_dim"]),
        )
        seen = LookedAt(torch.empty(1, behind, width), torch.empty(behind, 3))
        velocity(
            flux, steering, torch.empty(1, noise, width), torch.empty(noise, 3), torch.empty(1),
            text, reference=seen, control=torch.empty(1, noise, width),
        )

    assert costs._WORK[size].call == pytest.approx(counted(call), rel=0.02)
    weights = sum(p.numel() for m in (flux, steering) for p in m.parameters())
    assert costs._WORK[size].weights == pytest.approx(weights, rel=0.25)
    if not config.video:
        assert costs._WORK[size].video == 0
        return
    with torch.device("meta"):
        video = WanTransformer3DModel(**config.video).requires_grad_(False)
    place = (config.height // config.latent_patch, config.width // config.latent_patch)
    clip = (1, config.latent_channels, config.window, *place)
    found = counted(lambda: video(torch.empty(clip), torch.empty(1), torch.empty(1, 2, words)))
    found /= config.window - config.overlap
    assert costs._WORK[size].video == pytest.approx(found, rel=0.02)


def test_costs_grow_with_pictures(monkeypatch):
    monkeypatch.setattr(costs, "gpu_operations", lambda: 0.0)
    for size in CONFIGS:
        few, many = (forecast(size, frames) for frames in (8, 80))
        assert 3 < many.seconds / few.seconds <= 10 and many.bytes > few.bytes


@pytest.mark.parametrize("video", ["own", "hvg"])
def test_refinement_has_its_share_of_moving_pictures_only(monkeypatch, video):
    monkeypatch.setattr(costs, "gpu_operations", lambda: 0.0)
    config, work = replace(CONFIGS["nano"], refine_with=video), costs._WORK["nano"]
    monkeypatch.setitem(costs.CONFIGS, "nano", config)
    still, moving = forecast("nano", 1, views=8), forecast("nano", 8, views=1)
    extra = 8 * work.video * PRESETS[config.refine].steps / costs._PER_PIXEL * SPEED.pixel_seconds
    if video == "hvg":
        apart = costs.along_time(Extent(1, 8, 128, 160), SPEED, PRESETS["told"].steps)
        assert moving.bytes - still.bytes == apart.bytes
        normals = costs.Extent(1, 8, config.width, config.height)
        extra = apart.seconds + costs._FOLLOWED * costs.avatar_cost(normals, SPEED).seconds
    assert moving.seconds - still.seconds == pytest.approx(extra)


def test_the_real_size_wants_a_gpu(monkeypatch):
    monkeypatch.setattr(costs, "gpu_operations", lambda: 0.0)
    slow = forecast("paper", 1, views=4)
    monkeypatch.setattr(costs, "gpu_operations", lambda: 9e14)
    quick = forecast("paper", 1, views=4)
    assert slow.seconds > 3600 * 4 and 40 < quick.seconds < 90
    assert slow.bytes > 55e9 > quick.bytes > 27e9
    with pytest.raises(InputError, match="no size 'huge'"):
        SPEC.cost_of("huge")
