"""The 3DiMo method, as data."""

from __future__ import annotations

from muybridge.methods.spec import MethodSpec, Size, Weights

_NOBODY = (
    "nobody has released any, the authors neither: your own training, begun with "
    "muybridge.methods.threedimo.real_parts.with_motion (or motion=FOLDER)"
)

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
            "nano", "96 x 72 pixels, trains on two CPU cores",
            (Weights(
                "nano", "Apache-2.0",
                "shipped with muybridge", 24,
            ),),
        ),
        Size(
            "tiny", "192 x 144 pixels, for half an hour of one large GPU; not trained yet",
            (Weights(
                "tiny", "Apache-2.0",
                "your own training: muybridge train 3dimo --size tiny --budget 30m", 168,
            ),),
        ),
        Size(
            "paper",
            "480 x 832 pixels, on Wan 2.2's 5B model, for a GPU of 48 GB; nobody has trained it",
            (
                Weights(
                    "Wan2.2-TI2V-5B-Diffusers", "Apache-2.0",
                    "Wan-AI/Wan2.2-TI2V-5B-Diffusers on Hugging Face, all folders "
                    "(or wan=FOLDER)", 34000,
                ),
                Weights("motion-wan22", "that of whoever trains it", _NOBODY, 310),
            ),
            cost="muybridge.methods.threedimo.real_cost:paper_cost",
        ),
        Size(
            "paper-wan21",
            "480 x 832 pixels, on Wan 2.1's 14B model, for a GPU of 80 GB; nobody has trained it",
            (
                Weights(
                    "Wan2.1-I2V-14B-480P-Diffusers", "Apache-2.0",
                    "Wan-AI/Wan2.1-I2V-14B-480P-Diffusers on Hugging Face, all folders "
                    "(or wan=FOLDER)", 90000,
                ),
                Weights("motion-wan21", "that of whoever trains it", _NOBODY, 550),
            ),
            cost="muybridge.methods.threedimo.real_cost:wan21_cost",
        ),
    ),
    loader="muybridge.methods.threedimo.pipeline:load",
    cost="muybridge.methods.threedimo.cost:cost",
    recognises="muybridge.methods.threedimo.checkpoints:is_threedimo_folder",
    recipe="muybridge.methods.threedimo.recipe:recipe",
    brings=("wan", "motion"),
    ablation="muybridge.methods.threedimo.ablation:ABLATION",
)
