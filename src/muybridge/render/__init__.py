"""Pictures of posed bodies: the rasteriser, textured rendering, and the maps that steer."""

from __future__ import annotations

from muybridge.render.fragments import Fragments, interpolate
from muybridge.render.rasterizer import project_points, rasterize, rasterize_pixels
from muybridge.render.surface import sample_texture, vertex_normals

__all__ = [
    "Fragments",
    "interpolate",
    "project_points",
    "rasterize",
    "rasterize_pixels",
    "sample_texture",
    "vertex_normals",
]
