"""Pictures of posed bodies: the rasteriser, textured rendering, and the maps that steer."""

from __future__ import annotations

from muybridge.render.alignment import ViewAlignment, align_views, common_zoom
from muybridge.render.bones import (
    BONES,
    Bone,
    BoneMaps,
    bone_colors,
    bone_ellipsoids,
    bone_map,
    bone_normal_colors,
)
from muybridge.render.ellipsoids import EllipsoidPixels, render_ellipsoids
from muybridge.render.fragments import Fragments, interpolate
from muybridge.render.maps import (
    NORMAL_FRAMES,
    PART_COLOURS,
    body_fragments,
    depth_map,
    depth_shades,
    normal_map,
    part_colors,
    part_map,
    uv_map,
)
from muybridge.render.rasterizer import project_points, rasterize, rasterize_pixels
from muybridge.render.registry import MAPS, Map
from muybridge.render.skeleton import skeleton_map
from muybridge.render.surface import sample_texture, vertex_normals
from muybridge.render.texture import Texture, atlas_coverage, plain_texture, prepare_texture
from muybridge.render.textured import Lighting, composite, render_textured

__all__ = [
    "BONES",
    "MAPS",
    "NORMAL_FRAMES",
    "PART_COLOURS",
    "Bone",
    "BoneMaps",
    "EllipsoidPixels",
    "Fragments",
    "Lighting",
    "Map",
    "Texture",
    "ViewAlignment",
    "align_views",
    "atlas_coverage",
    "body_fragments",
    "bone_colors",
    "bone_ellipsoids",
    "bone_map",
    "bone_normal_colors",
    "common_zoom",
    "composite",
    "depth_map",
    "depth_shades",
    "interpolate",
    "normal_map",
    "part_colors",
    "part_map",
    "plain_texture",
    "prepare_texture",
    "project_points",
    "rasterize",
    "rasterize_pixels",
    "render_ellipsoids",
    "render_textured",
    "sample_texture",
    "skeleton_map",
    "uv_map",
    "vertex_normals",
]
