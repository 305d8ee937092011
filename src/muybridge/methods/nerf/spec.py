"""The human NeRF alone, as data."""

from __future__ import annotations

from muybridge.methods.gas.spec import SPEC as GAS
from muybridge.methods.spec import MethodSpec, Size

SPEC = MethodSpec(
    name="nerf",
    title="Human NeRF alone",
    about=(
        "A baseline: what GAS's first stage renders, its appearance cue, without the video network "
        "behind it. It comes with GAS's weights."
    ),
    paper="Hu et al., SHERF: Generalizable Human NeRF from a Single Image, ICCV 2023",
    reference=("front",),
    control=("motion", "cameras", "words"),
    sizes=(
        Size(
            "nano", "128 x 96 pixels, enlarged; the weights of gas-nano", GAS.size("nano").weights
        ),
    ),
    loader="muybridge.methods.nerf.pipeline:load",
    weights_from="muybridge.methods.gas.spec:SPEC",
    cost="muybridge.methods.nerf.cost:cost",
)
