"""The 3DiMo method, as data."""

from __future__ import annotations

from muybridge.methods.spec import MethodSpec, Size, Weights

SPEC = MethodSpec(
    name="3dimo",
    title="3DiMo",
    about=(
        "A few motion tokens per frame, read off a driving video and blind to its camera, "
        "are looked at by a video transformer; the camera is steered by words."
    ),
    paper=(
        "3DiMo: 3D-Aware Implicit Motion Control for View-Adaptive Human Video Generation, "
        "arXiv 2602.03796"
    ),
    reference=("front", "driving video"),
    control=("motion", "cameras", "words"),
    sizes=(
        Size(
            "nano", "96 x 72 pixels, trains on two CPU cores; not trained yet",
            (Weights(
                "nano", "Apache-2.0",
                "your own training: muybridge train 3dimo --size nano --budget 3h", 12,
            ),),
        ),
        Size(
            "tiny", "192 x 144 pixels, for half an hour of one large GPU; not trained yet",
            (Weights(
                "tiny", "Apache-2.0",
                "your own training: muybridge train 3dimo --size tiny --budget 30m", 80,
            ),),
        ),
    ),
    loader="muybridge.methods.threedimo.pipeline:load",
    cost="muybridge.methods.threedimo.cost:cost",
    recognises="muybridge.methods.threedimo.checkpoints:is_threedimo_folder",
    recipe="muybridge.methods.threedimo.recipe:recipe",
    ablation="muybridge.methods.threedimo.ablation:ABLATION",
)
