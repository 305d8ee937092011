"""The GAS method, as data."""

from __future__ import annotations

from muybridge.methods.spec import MethodSpec, Size, Weights

_RELEASE = "the authors' repository yixinglu/GAS on Hugging Face"

SPEC = MethodSpec(
    name="gas",
    title="GAS",
    about=(
        "A human NeRF made from the reference paints a dense appearance cue; with the body's "
        "normal maps it steers a video diffusion network, which knows novel views from novel "
        "poses by a switch."
    ),
    paper=(
        "Lu et al., GAS: Generative Avatar Synthesis from a Single Image, ICCV 2025, "
        "arXiv 2502.06957"
    ),
    reference=("front",),
    control=("motion", "cameras", "words"),
    sizes=(
        Size(
            "nano", "128 x 96 pixels, trained on two CPU cores; larger results are enlarged",
            (Weights("nano", "Apache-2.0", "shipped with muybridge", 13.5),),
        ),
        Size(
            "tiny", "256 x 192 pixels, for half an hour of one large GPU; not trained yet",
            (Weights(
                "tiny", "Apache-2.0",
                "your own training: muybridge train gas --size tiny --budget 30m", 46,
            ),),
        ),
        Size(
            "paper", "512 x 512 pixels, the released weights; a GPU of 20 GB or more",
            (
                Weights("GAS/unet.pth", "CC BY-NC 4.0", _RELEASE, 6108),
                Weights("GAS/pose_net.pth", "CC BY-NC 4.0", _RELEASE, 1),
                Weights("GAS/nerf_net.pth", "CC BY-NC 4.0", _RELEASE, 1),
                Weights(
                    "stable-video-diffusion-img2vid-xt-1-1",
                    "Stability AI Community License (gated)",
                    "stabilityai/stable-video-diffusion-img2vid-xt-1-1 on Hugging Face "
                    "(the folders vae and image_encoder)", 2920,
                ),
                Weights(
                    "sherf/network-snapshot.pkl", "CC BY-NC 4.0 and S-Lab 1.0 (non-commercial)",
                    _RELEASE, 215, optional=True,
                ),
            ),
        ),
    ),
    loader="muybridge.methods.gas.pipeline:load",
    cost="muybridge.methods.gas.cost:cost",
    recognises="muybridge.methods.gas.checkpoints:is_gas_folder",
    recipe="muybridge.methods.gas.recipe:recipe",
    ablation="muybridge.methods.gas.ablation:ABLATION",
)
