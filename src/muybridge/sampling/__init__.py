"""The sampling engine: windows, guidance, noise, the loop, and the objectives it fits."""

from __future__ import annotations

from muybridge.sampling.denoise import denoise, predict
from muybridge.sampling.edm import EdmObjective
from muybridge.sampling.grid import (
    Pass,
    Plan,
    Prediction,
    Tile,
    WindowModel,
    alternating,
    combined,
)
from muybridge.sampling.guidance import ramp, triangular
from muybridge.sampling.noise import draw_noise, item_generator
from muybridge.sampling.objective import Noised, Objective
from muybridge.sampling.progressive import (
    Reach,
    equal_share,
    images_per_step,
    progressive,
    turns,
)
from muybridge.sampling.refine import PRESETS, Refinement, SpectralTemporalRefiner
from muybridge.sampling.residual_flow import ResidualFlow, ResidualFlowScheduler
from muybridge.sampling.spectral import blended, filtered, low_pass, with_detail
from muybridge.sampling.store import DiskGrids
from muybridge.sampling.video_model import AnyVideoModel, VideoModel
from muybridge.sampling.windows import (
    Windows,
    anchored_windows,
    looped_windows,
    open_windows,
    single_windows,
)

__all__ = [
    "PRESETS", "AnyVideoModel", "DiskGrids", "EdmObjective", "Noised", "Objective", "Pass",
    "Plan", "Prediction", "Reach", "Refinement", "ResidualFlow", "ResidualFlowScheduler",
    "SpectralTemporalRefiner", "Tile", "VideoModel", "WindowModel", "Windows", "alternating",
    "anchored_windows", "blended", "combined", "denoise", "draw_noise", "equal_share",
    "filtered", "images_per_step", "item_generator", "looped_windows", "low_pass",
    "open_windows", "predict", "progressive", "ramp", "single_windows", "triangular", "turns",
    "with_detail",
]
