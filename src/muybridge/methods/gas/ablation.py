"""GAS's ablation (paper 4.4, tables 3 and 4), over the same weights.

The paper trains a network anew without each cue. Here the cue is withheld from the trained
one, which has met its absence in training now and then.
"""

from __future__ import annotations

from muybridge.methods.ablation import Ablation, Claim, Variant

_FULL, _NERF = "GAS", "before diffusion"
_NO_GEOMETRY, _NO_APPEARANCE = "w.o. geometry cue", "w.o. appearance cue"
_NO_REFERENCE = "w.o. reference"

ABLATION = Ablation(
    (
        Variant(_FULL, "as it ships"),
        Variant(_NO_GEOMETRY, "no normal maps", {"without": "geometry"}),
        Variant(_NO_APPEARANCE, "no cue of the human NeRF", {"without": "appearance"}),
        Variant(_NO_REFERENCE, "no reference latents and token", {"without": "reference"}),
        Variant(_NERF, "the human NeRF's renderings", method="nerf"),
    ),
    tuple(
        Claim(_FULL, worse, protocol, metric, source)
        for worse, source in (
            (_NO_GEOMETRY, "table 3"), (_NO_APPEARANCE, "table 3"), (_NERF, "table 4"),
        )
        for protocol in ("novel-view", "novel-pose")
        for metric in ("psnr", "ssim")
    ),
    note="Cues are withheld from one network, where the paper trains one without each.",
)
