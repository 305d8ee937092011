"""Sizes of the human NeRF: the released checkpoint's, and nano's."""

from __future__ import annotations

from typing import Any

PAPER: dict[str, Any] = {}
"""The released checkpoint's size: the defaults of
:class:`~muybridge.networks.human_nerf.HumanNeRF`."""

NANO: dict[str, Any] = {
    "body": "anny",
    "vertices": 3072,
    "reference_size": (256, 192),
    "token_dim": 16,
    "global_widths": (16, 24, 32, 64),
    "global_depths": (1, 1, 1, 1),
    "local_depth": 1,
    "plane_size": 64,
    "plane_margin": (0.12, 0.12, 0.12),
    "style_dim": 64,
    "synthesis_base": 1024,
    "synthesis_most": 64,
    "voxel": 0.03,
    "fusion_heads": 2,
    "fusion_head_dim": 4,
    "fusion_hidden": 16,
    "decoder_width": 64,
    "decoder_depth": 4,
    "decoder_skip": 1,
    "samples": 24,
    "training_samples": 16,
    "least_step": 0.02,
    "sigma_noise": 0.0,
    "radius": 0.10,
    "norm": "group",
    "as_released": False,
    "surface_cues": True,
    "picture_colours": True,
    "density_scale": 50.0,
    "bake_step": 0.015,
}
"""128 x 96 pixels on a CPU. It departs from the release in this, because it trains faster
or better so (each is a setting of :class:`~muybridge.networks.human_nerf.HumanNeRF`):

- GroupNorm in place of BatchNorm with the statistics at hand.
- ``as_released=False``: pictures are looked up at pixel centres and voxels at their own
  places; samples are spread over the stretch near the skin, not over the whole box, and
  the last one isn't made infinitely long; directions have length 1. In training there are
  fewer samples, at random places within their steps, and no noise on the densities.
- Surface cues: how far a point lies off the nearest vertex, along its normal, and how squarely
  the reference camera sees that vertex (0 where it is hidden), join the features.
- A place may take over the colour that the picture has where it is projected, or the mean
  around there, in shares that the network gives; the rest is its own colour. Colours need not
  be learnt to pass through the whole network, and hidden places learn to take less.
- Density is measured in fiftieths of a metre, so that the network need not learn large numbers.
- Samples up to 10 cm off the skin count, for skirts, coats and hair (release: 5 cm).
"""
