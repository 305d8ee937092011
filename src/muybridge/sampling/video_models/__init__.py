"""Video models that can refine: Wan and Stable Video Diffusion, with their autoencoders."""

from muybridge.sampling.video_models.folder import is_video_folder, load_tools
from muybridge.sampling.video_models.svd import SvdTools, SvdVideo
from muybridge.sampling.video_models.tools import VideoTools, fitted, latent_frames, lengthened
from muybridge.sampling.video_models.wan import WanTools, WanVideo

__all__ = [
    "SvdTools", "SvdVideo", "VideoTools", "WanTools", "WanVideo", "fitted", "is_video_folder",
    "latent_frames", "lengthened", "load_tools",
]
