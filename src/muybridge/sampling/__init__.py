"""The sampling engine: windows, guidance, noise, the loop, and the objectives it fits."""

from __future__ import annotations

from muybridge.sampling.denoise import denoise, predict
from muybridge.sampling.edm import EdmObjective
from muybridge.sampling.grid import (
    Pass,
    Plan,
    Prediction,
    Strip,
    WindowModel,
    alternating,
    combined,
)
from muybridge.sampling.guidance import ramp, triangular
from muybridge.sampling.noise import draw_noise, item_generator
from muybridge.sampling.objective import Noised, Objective
from muybridge.sampling.residual_flow import ResidualFlow, ResidualFlowScheduler
from muybridge.sampling.store import DiskGrids
from muybridge.sampling.windows import (
    Windows,
    anchored_windows,
    looped_windows,
    open_windows,
)

__all__ = [
    "DiskGrids", "EdmObjective", "Noised", "Objective", "Pass", "Plan", "Prediction",
    "ResidualFlow",
    "ResidualFlowScheduler", "Strip", "WindowModel", "Windows", "alternating",
    "anchored_windows", "combined", "denoise", "draw_noise", "item_generator", "looped_windows",
    "open_windows", "predict", "ramp", "triangular",
]
