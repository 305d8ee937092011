"""Pictures of posed bodies: the rasteriser, textured rendering, and the maps that steer."""

from __future__ import annotations

from muybridge.render.fragments import Fragments, interpolate
from muybridge.render.rasterizer import project_points, rasterize, rasterize_pixels
from muybridge.render.surface import sample_texture, vertex_normals
from muybridge.render.texture import Texture, atlas_coverage, plain_texture, prepare_texture
from muybridge.render.textured import Lighting, composite, render_textured

__all__ = [
    "Fragments",
    "Lighting",
    "Texture",
    "atlas_coverage",
    "composite",
    "interpolate",
    "plain_texture",
    "prepare_texture",
    "project_points",
    "rasterize",
    "rasterize_pixels",
    "render_textured",
    "sample_texture",
    "vertex_normals",
]
