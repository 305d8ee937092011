"""The ReImagine method, as data."""

from __future__ import annotations

from muybridge.methods.spec import MethodSpec, Size, Weights

SPEC = MethodSpec(
    name="reimagine",
    title="ReImagine",
    about=(
        "An image model paints every frame by itself, steered by the world's normals of the body "
        "and looking at the person's front and back; a video model then calms the sequence, "
        "without any training for it."
    ),
    paper="Sun et al., ReImagine, arXiv 2604.19720",
    reference=("front+back", "front", "assets"),
    control=("motion", "cameras", "words"),
    sizes=(
        Size(
            "nano", "128 x 96 pixels, trains on a CPU core in an hour; larger results are enlarged",
            (Weights(
                "nano", "Apache-2.0", "shipped with muybridge", 14,
            ),),
        ),
        Size(
            "tiny", "256 x 192 pixels, for half an hour of one large GPU; not trained yet",
            (Weights(
                "tiny", "Apache-2.0",
                "your own training: muybridge train reimagine --size tiny --budget 30m", 100,
            ),),
            cost="muybridge.methods.reimagine.cost:tiny_cost",
        ),
        Size(
            "paper",
            "800 x 1328 pixels, FLUX.1-Kontext with the release's LoRA; a GPU of 48 GB, or of "
            "16 GB with quantize=nf4 and offload=true",
            (
                Weights(
                    "FLUX.1-Kontext-dev", "FLUX.1 [dev] Non-Commercial License (gated)",
                    "black-forest-labs/FLUX.1-Kontext-dev on Hugging Face, all folders "
                    "(or kontext=FOLDER)", 33900,
                ),
                Weights(
                    "Flux.1-dev-Controlnet-Surface-Normals",
                    "FLUX.1 [dev] Non-Commercial License",
                    "jasperai/Flux.1-dev-Controlnet-Surface-Normals on Hugging Face "
                    "(or controlnet=FOLDER)", 3580,
                ),
                Weights(
                    "kontext-wo_smplx-lora.safetensors",
                    "Apache-2.0, for weights that are non-commercial",
                    "the page that the README of Taited/ReImagine on GitHub links "
                    "(or lora=FILE)", 1230,
                ),
            ),
            cost="muybridge.methods.reimagine.cost:paper_cost",
        ),
    ),
    loader="muybridge.methods.reimagine.pipeline:load",
    cost="muybridge.methods.reimagine.cost:cost",
    recognises="muybridge.methods.reimagine.checkpoints:is_reimagine_folder",
    recipe="muybridge.methods.reimagine.recipe:recipe",
    parts=("assets",),
    brings=("kontext", "controlnet"),
    ablation="muybridge.methods.reimagine.ablation:ABLATION",
)
