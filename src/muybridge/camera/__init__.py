"""Cameras: rigs, paths, framing, words, and the files that others keep them in."""

from muybridge.camera.build import BUILT_IN, OPTIONS, build_cameras, facing_of, parse_spec
from muybridge.camera.formats import load_cameras, save_cameras
from muybridge.camera.framing import Framing, frame_points, ground_path
from muybridge.camera.geometry import look_at
from muybridge.camera.lexicon import HELP as WORDS_HELP
from muybridge.camera.paths import Track
from muybridge.camera.script import Move, Script, Step
from muybridge.camera.types import Cameras
from muybridge.camera.words import describe, parse, view_labels

__all__ = [
    "BUILT_IN",
    "OPTIONS",
    "WORDS_HELP",
    "Cameras",
    "Framing",
    "Move",
    "Script",
    "Step",
    "Track",
    "build_cameras",
    "describe",
    "facing_of",
    "frame_points",
    "ground_path",
    "load_cameras",
    "look_at",
    "parse",
    "parse_spec",
    "save_cameras",
    "view_labels",
]
