"""The HVG method, as data."""

from __future__ import annotations

from muybridge.methods.spec import MethodSpec, Size, Weights

SPEC = MethodSpec(
    name="hvg",
    title="HVG",
    about=(
        "Maps of the bones, one ellipsoid each, steer a video diffusion network whose views and "
        "frames look at each other; long videos from many views are sampled in tiles that "
        "reach along time and around the person."
    ),
    paper=(
        "Wang et al., Human Video Generation from a Single Image with 3D Pose and View Control, "
        "arXiv 2602.21188"
    ),
    reference=("front",),
    control=("motion", "cameras", "words"),
    sizes=(
        Size(
            "nano", "128 x 96 pixels, trains on two CPU cores; larger results are enlarged",
            (Weights(
                "nano", "Apache-2.0",
                "shipped with muybridge", 11.5,
            ),),
        ),
        Size(
            "tiny", "256 x 192 pixels, for half an hour of one large GPU; not trained yet",
            (Weights(
                "tiny", "Apache-2.0",
                "your own training: muybridge train hvg --size tiny --budget 30m", 60,
            ),),
        ),
        Size(
            "paper",
            "576 x 576 pixels, SVD-xt's network with view attention; there are no released "
            "weights of it, so it has to be trained (the paper: 32 GPUs), and then needs a GPU "
            "of 24 GB or more",
            (Weights(
                "paper", "Stability AI Community License (begun from SVD-xt, gated)",
                "nobody has released any; a network to train begins from "
                "stabilityai/stable-video-diffusion-img2vid-xt-1-1 on Hugging Face with "
                "muybridge.methods.hvg.checkpoints.from_svd", 6400,
            ),),
        ),
    ),
    loader="muybridge.methods.hvg.pipeline:load",
    cost="muybridge.methods.hvg.cost:cost",
    recognises="muybridge.methods.hvg.checkpoints:is_hvg_folder",
    recipe="muybridge.methods.hvg.recipe:recipe",
    ablation="muybridge.methods.hvg.ablation:ABLATION",
)
