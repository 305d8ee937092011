"""3DiMo's ablation (paper, table 2), trained anew for each row, and a model driven by skeletons.

Scores of the paper are of the driving view; what the method is for shows across views. So each
row is measured where the cameras are others than the driver's, which looks from the front.
"""

from __future__ import annotations

from muybridge.methods.ablation import Ablation, Claim, Variant

_FULL = "3DiMo"
_ROWS = (
    Variant("SMPL control", "joint rotations, no pictures", changes={"control": "smpl"}),
    Variant("stage 1 only", "reconstruction of the driving view only", changes={"stages": 1}),
    Variant("stages 1 and 2", "without the last stage", changes={"stages": 2}),
    Variant("channel concat", "tokens beside the latents", changes={"inject": "concat"}),
    Variant(
        "w/o geometric supervision", "no joint rotations are learnt", changes={"geometry": False}
    ),
    Variant("w/o hand tokens", "one encoder, of the body", changes={"hands": False}),
)
_SKELETON = Variant(
    "2D skeleton", "drawn in the driving view, beside the latents", changes={"control": "skeleton"}
)

ABLATION = Ablation(
    (Variant(_FULL, "the method", changes={}), *_ROWS, _SKELETON),
    (
        *(
            Claim(_FULL, row.name, "novel-pose", metric, "table 2")
            for row in _ROWS[3:5] for metric in ("psnr", "ssim", "iou")
        ),
        *(Claim(_FULL, row.name, "novel-pose", "psnr", "table 2") for row in _ROWS[:3]),
        Claim(_FULL, _ROWS[5].name, "novel-pose", "psnr", "table 2"),
        *(
            Claim(row.name, _ROWS[4].name, "novel-pose", "psnr", "table 2")
            for row in (*_ROWS[:4], _ROWS[5])
        ),
        *(
            Claim(_FULL, _SKELETON.name, protocol, metric, "figure 4")
            for protocol in ("cross-view", "novel-pose") for metric in ("iou", "joint_shift")
        ),
    ),
    note="Networks of every row are trained from nothing, where the paper's begin trained.",
)
