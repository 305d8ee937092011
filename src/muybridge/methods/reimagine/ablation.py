"""ReImagine's ablation, over the same weights: what each part of the per-frame stage gives, and
what refinement does to the sequence.

The paper shows the temporal stage by point tracks (figure 7); its table has the asset variant and
baselines. The other parts that are taken away here are ours.
"""

from __future__ import annotations

from muybridge.methods.ablation import Ablation, Claim, Variant

_FULL = "ReImagine"
_ONE = Variant("one reference", "the front alone; training met that too", {"references": 1})
_NO_CONTROL = Variant(
    "w/o normals", "the ControlNet is silent", {"controlnet_conditioning_scale": 0.0}
)
_NO_LORA = Variant("w/o LoRA", "the base alone", {"lora": False})
_NO_REFINEMENT = Variant(
    "w/o refinement", "pictures as the per-frame stage paints them", {"refine": "none"}
)
_NO_FOLLOWING = Variant(
    "w/o following", "as the video model leaves it, not followed along the surface", {"follow": 0}
)
_COPY = Variant("reference copied", "the front picture where the body is", method="copy")

ABLATION = Ablation(
    (
        Variant(_FULL, "front and back, refined, as it ships"), _NO_REFINEMENT, _NO_FOLLOWING,
        _ONE, _NO_CONTROL, _NO_LORA, _COPY,
    ),
    (
        Claim(_FULL, _NO_REFINEMENT.name, "novel-pose", "flicker", "figure 7"),
        Claim(_FULL, _NO_REFINEMENT.name, "view-pose", "flicker", "figure 7"),
        Claim(_FULL, _NO_FOLLOWING.name, "novel-pose", "flicker", "ours"),
        *(
            Claim(_FULL, worse.name, protocol, metric, "ours")
            for worse in (_ONE, _NO_CONTROL, _NO_LORA, _COPY)
            for protocol in ("novel-view", "novel-pose")
            for metric in ("psnr", "ssim")
        ),
    ),
    note="Parts are withheld from one network; nothing is trained anew.",
    people={"view-pose": 1},
)
