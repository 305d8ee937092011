"""The avatar method, as data."""

from __future__ import annotations

from muybridge.methods.spec import MethodSpec, Size

SPEC = MethodSpec(
    name="avatar",
    title="Avatar",
    about=(
        "The textured, posed body of the person, rendered. No weights, no networks; "
        "the floor that every other method must beat, and a cue for those that take one."
    ),
    paper="",
    reference=("front", "front+back"),
    control=("motion", "cameras", "words"),
    sizes=(Size("full", "any picture size; nothing to download"),),
    loader="muybridge.methods.avatar.pipeline:load",
    cost="muybridge.methods.avatar.cost:cost",
)
