"""Tiny random video models, as diffusers' pipelines and as their folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKLTemporalDecoder,
    AutoencoderKLWan,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    StableVideoDiffusionPipeline,
    UNetSpatioTemporalConditionModel,
    WanImageToVideoPipeline,
    WanPipeline,
    WanTransformer3DModel,
)
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    CLIPVisionModel,
    CLIPVisionModelWithProjection,
    PreTrainedTokenizerFast,
    UMT5Config,
    UMT5EncoderModel,
)

TEXT = 16
CLIP = dict(
    hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
    image_size=32, patch_size=16, projection_dim=24,
)


def wan_vae() -> AutoencoderKLWan:
    torch.manual_seed(1)
    return AutoencoderKLWan(
        base_dim=4, z_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1,
        temperal_downsample=[False, True, True], latents_mean=[0.1, -0.2, 0.0, 0.3],
        latents_std=[0.9, 1.1, 1.0, 0.7],
    ).eval()


def wan_transformer(channels: int = 4, image: int | None = None) -> WanTransformer3DModel:
    torch.manual_seed(2)
    return WanTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=channels,
        out_channels=4, text_dim=TEXT, freq_dim=16, ffn_dim=16, num_layers=1, image_dim=image,
        added_kv_proj_dim=None if image is None else 24, rope_max_seq_len=32,
    ).eval()


def words() -> PreTrainedTokenizerFast:
    """A tokenizer of few words."""
    known = {"<pad>": 0, "</s>": 1, "a": 2, "person": 3, "flicker": 4}
    made = Tokenizer(WordLevel(known, unk_token="</s>"))
    made.pre_tokenizer = Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", eos_token="</s>", unk_token="</s>"
    )


def text_encoder() -> UMT5EncoderModel:
    torch.manual_seed(3)
    return UMT5EncoderModel(UMT5Config(
        vocab_size=32, d_model=TEXT, d_kv=8, d_ff=16, num_layers=1, num_heads=2,
    )).eval()


def wan(kind: str) -> Any:
    """``t2v``, ``i2v`` (Wan 2.1: 12 channels for 36, CLIP), ``ti2v`` (5B) or ``two`` (14B)."""
    parts: dict[str, Any] = {
        "tokenizer": words(), "text_encoder": text_encoder(), "vae": wan_vae(),
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=3.0),
    }
    if kind == "t2v":
        return WanPipeline(transformer=wan_transformer(), **parts)
    if kind == "two":
        other = wan_transformer()
        with torch.no_grad():
            other.proj_out.weight.mul_(0.5)
        return WanPipeline(
            transformer=wan_transformer(), transformer_2=other, boundary_ratio=0.5, **parts
        )
    if kind == "ti2v":
        return WanImageToVideoPipeline(
            transformer=wan_transformer(), expand_timesteps=True, **parts
        )
    torch.manual_seed(4)
    return WanImageToVideoPipeline(
        transformer=wan_transformer(4 + 4 + 4, image=32),
        image_encoder=CLIPVisionModel(CLIPVisionConfig(**CLIP)).eval(),
        image_processor=CLIPImageProcessor(size=32, crop_size=32), **parts,
    )


def svd() -> StableVideoDiffusionPipeline:
    torch.manual_seed(5)
    return StableVideoDiffusionPipeline(
        vae=AutoencoderKLTemporalDecoder(
            in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(32, 32),
            down_block_types=("DownEncoderBlock2D",) * 2, layers_per_block=1,
        ).eval(),
        image_encoder=CLIPVisionModelWithProjection(CLIPVisionConfig(**CLIP)).eval(),
        unet=UNetSpatioTemporalConditionModel(
            sample_size=8, in_channels=8, out_channels=4, num_frames=4,
            down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
            up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
            block_out_channels=(32, 32), addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=24, layers_per_block=1,
            cross_attention_dim=24, num_attention_heads=2,
        ).eval(),
        scheduler=EulerDiscreteScheduler(
            prediction_type="v_prediction", use_karras_sigmas=True, sigma_max=700.0,
            sigma_min=0.002, timestep_type="continuous", timestep_spacing="leading",
        ),
        feature_extractor=CLIPImageProcessor(size=32, crop_size=32),
    )


def svd_folder(folder: Path) -> Path:
    """Written as diffusers writes it."""
    svd().save_pretrained(folder)
    return folder


def wan_folder(folder: Path, kind: str = "t2v") -> Path:
    """Written as diffusers writes it."""
    wan(kind).save_pretrained(folder)
    return folder
