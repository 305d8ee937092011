"""Methods: from a person, a motion and cameras to a multi-view video.

``registry`` and ``spec`` are plain data; the pipelines load torch at first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from muybridge.methods.registry import load, spec, specs
from muybridge.methods.spec import MethodSpec, Size, Weights

if TYPE_CHECKING:
    from muybridge.methods.background import Background as Background
    from muybridge.methods.pipeline import Chunk as Chunk
    from muybridge.methods.pipeline import HumanVideo as HumanVideo
    from muybridge.methods.pipeline import HumanVideoPipeline as HumanVideoPipeline

_LAZY = {
    "Background": "muybridge.methods.background",
    "Chunk": "muybridge.methods.pipeline",
    "HumanVideo": "muybridge.methods.pipeline",
    "HumanVideoPipeline": "muybridge.methods.pipeline",
}

__all__ = [
    "Background", "Chunk", "HumanVideo", "HumanVideoPipeline", "MethodSpec", "Size", "Weights",
    "load", "spec", "specs",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'muybridge.methods' has no attribute {name!r}")
