"""Cameras: rigs, paths, framing, words, and the files that others keep them in."""

from muybridge.camera.build import BUILT_IN, OPTIONS, build_cameras, facing_of, parse_spec
from muybridge.camera.framing import Framing, frame_points, ground_path
from muybridge.camera.geometry import look_at
from muybridge.camera.paths import Track
from muybridge.camera.types import Cameras

__all__ = [
    "BUILT_IN",
    "OPTIONS",
    "Cameras",
    "Framing",
    "Track",
    "build_cameras",
    "facing_of",
    "frame_points",
    "ground_path",
    "look_at",
    "parse_spec",
]
