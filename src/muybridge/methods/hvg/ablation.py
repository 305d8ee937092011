"""HVG's ablation (paper 4.3, table 3 and figure 8), trained anew for each row.

Rows of the table change the maps that steer; ours beside them change the attention across
views, and how a long video is sampled. The last two sample with the full network.
"""

from __future__ import annotations

from muybridge.methods.ablation import Ablation, Claim, Variant

_FULL = "HVG"
_MAPS = (
    Variant("w/o normal map", "depth of the bones only", changes={"maps": ("depth",)}),
    Variant("w/o depth map", "normals of the bones only", changes={"maps": ("normal",)}),
    Variant("w/ skeleton map", "a drawn skeleton only", changes={"maps": ("skeleton",)}),
    Variant(
        "w/ SMPL body normal map", "normals of the body's surface only",
        changes={"maps": ("body_normal",)},
    ),
)
_NO_VIEWS = Variant(
    "w/o view attention", "views do not look at each other", changes={"view_attention": "none"}
)
_WIDE_VIEWS = Variant(
    "w/ 3D view attention", "every pixel looks at all pixels of all views",
    changes={"view_attention": "3d"},
)
_TIME = Variant(
    "temporal windows only", "every step looks along time", {"looks": "time"}, changes={}
)
_AROUND = Variant(
    "view windows only", "every step looks around the person", {"looks": "around"}, changes={}
)

ABLATION = Ablation(
    (
        Variant(_FULL, "normals and depth of the bones", changes={}), *_MAPS, _NO_VIEWS,
        _WIDE_VIEWS, _TIME, _AROUND,
    ),
    (
        *(
            Claim(_FULL, row.name, "novel-view", metric, "table 3")
            for row in _MAPS for metric in ("psnr", "ssim")
        ),
        Claim(_FULL, _NO_VIEWS.name, "novel-view", "view_error", "3.2"),
        Claim(_FULL, _WIDE_VIEWS.name, "novel-view", "psnr", "3.2"),
        Claim(_FULL, _TIME.name, "view-pose", "view_error", "figure 8"),
        Claim(_FULL, _AROUND.name, "view-pose", "flicker", "figure 8"),
    ),
    note=(
        "Networks of every row are trained from nothing, where the paper's begin from SVD-xt. "
        "The last two rows sample with the full network."
    ),
    people={"view-pose": 1},
)
