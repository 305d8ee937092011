"""The copied reference, as data."""

from __future__ import annotations

from muybridge.methods.spec import MethodSpec, Size

SPEC = MethodSpec(
    name="copy",
    title="Reference copied",
    about=(
        "A baseline: the reference picture itself, moved and scaled to where the body is. It "
        "neither turns nor moves; what does not beat it has learned nothing."
    ),
    paper="",
    reference=("front",),
    control=("motion", "cameras", "words"),
    sizes=(Size("full", "any picture size; nothing to download"),),
    loader="muybridge.methods.copy.pipeline:load",
    cost="muybridge.methods.copy.cost:cost",
)
