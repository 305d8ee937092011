from __future__ import annotations

import pytest
import torch
from diffusers import UNetSpatioTemporalConditionModel
from gas_recorded import full_keys
from networks.small_unet import SMALL, inputs, randomised

from muybridge.errors import InputError
from muybridge.methods.hvg.config import PAPER
from muybridge.networks.reference_net import image_unet
from muybridge.networks.svd_names import (
    ORIGINAL_PREFIX,
    from_original,
    image_unet_weights,
    original_name,
    original_names,
)
from muybridge.networks.video_unet import HumanVideoUNet
from muybridge.networks.view_attention import is_view_parameter

DEEP = SMALL | dict(
    down_block_types=("CrossAttnDownBlockSpatioTemporal",) * 2 + ("DownBlockSpatioTemporal",),
    up_block_types=("UpBlockSpatioTemporal",) + ("CrossAttnUpBlockSpatioTemporal",) * 2,
    block_out_channels=(32, 64, 64), num_attention_heads=(1, 2, 2), layers_per_block=2,
)
STOCK = {k: v for k, v in PAPER.unet.items() if k not in ("view_attention", "camera_frequencies")}


@pytest.fixture(scope="module")
def svd_keys():
    """SVD-xt's own names and shapes, from diffusers' config."""
    with torch.device("meta"):
        return {
            k: tuple(v.shape)
            for k, v in UNetSpatioTemporalConditionModel(**STOCK).state_dict().items()
        }


@pytest.fixture(scope="module")
def full():
    """HVG's UNet at full size, without memory."""
    with torch.device("meta"):
        return HumanVideoUNet(**PAPER.unet)


def test_full_size_is_svd_and_what_hvg_adds(svd_keys, full):
    ours = {k: tuple(v.shape) for k, v in full.state_dict().items()}
    assert svd_keys.items() <= ours.items()
    added = ours.keys() - svd_keys.keys()
    camera = {"camera_embedding.linear.weight", "camera_embedding.linear.bias"}
    assert camera <= added and all(is_view_parameter(name) for name in added - camera)
    twins = {k for k in svd_keys if ".temporal_transformer_blocks." in k}
    blocks = {k for k in added if ".view_transformer_blocks." in k}
    assert {k.replace(".view_", ".temporal_") for k in blocks} == twins
    assert len(added - camera - blocks) == 16  # a gate per transformer
    state = full.state_dict()
    assert sum(state[k].numel() for k in svd_keys) == 1_524_623_082
    assert round(sum(state[k].numel() for k in blocks) / 1e6, 1) == 397.6


def test_full_size_names_are_those_of_the_release_that_was_looked_at(shared, svd_keys):
    keys = full_keys(shared)
    theirs = {
        k: tuple(v) for k, v in keys["unet.pth"].items() if k not in keys["_unet_extra_vs_svd"]
    }
    assert theirs == svd_keys


def test_full_size_image_unet_has_686_names(svd_keys):
    meta = {k: torch.empty(v, device="meta") for k, v in svd_keys.items()}
    given = {k: tuple(v.shape) for k, v in image_unet_weights(meta, 4).items()}
    arguments = {k: v for k, v in PAPER.reference_net.items() if k != "fusion"}
    with torch.device("meta"):
        whole = {k: tuple(v.shape) for k, v in image_unet(**arguments).state_dict().items()}
    assert given == whole and len(given) == 686


# names of the original, as its code makes them at full size
KNOWN = {
    "conv_in.weight": "input_blocks.0.0.weight",
    "time_embedding.linear_2.bias": "time_embed.2.bias",
    "add_embedding.linear_1.weight": "label_emb.0.0.weight",
    "down_blocks.0.resnets.1.spatial_res_block.conv2.weight":
        "input_blocks.2.0.out_layers.3.weight",
    "down_blocks.0.downsamplers.0.conv.bias": "input_blocks.3.0.op.bias",
    "down_blocks.1.resnets.0.spatial_res_block.conv_shortcut.weight":
        "input_blocks.4.0.skip_connection.weight",
    "down_blocks.2.attentions.1.temporal_transformer_blocks.0.ff_in.net.0.proj.weight":
        "input_blocks.8.1.time_stack.0.ff_in.net.0.proj.weight",
    "down_blocks.3.resnets.1.temporal_res_block.time_emb_proj.bias":
        "input_blocks.11.0.time_stack.emb_layers.1.bias",
    "mid_block.resnets.1.time_mixer.mix_factor": "middle_block.2.time_mixer.mix_factor",
    "mid_block.attentions.0.time_pos_embed.linear_2.weight":
        "middle_block.1.time_pos_embed.2.weight",
    "up_blocks.0.upsamplers.0.conv.weight": "output_blocks.2.1.conv.weight",
    "up_blocks.1.upsamplers.0.conv.weight": "output_blocks.5.2.conv.weight",
    "up_blocks.3.attentions.2.transformer_blocks.0.attn1.to_q.weight":
        "output_blocks.11.1.transformer_blocks.0.attn1.to_q.weight",
    "up_blocks.3.attentions.2.proj_out.bias": "output_blocks.11.1.proj_out.bias",
    "conv_norm_out.weight": "out.0.weight",
    "conv_out.bias": "out.2.bias",
}


def test_names_of_the_original(svd_keys):
    names = original_names(svd_keys, STOCK)
    assert {k: names[k] for k in KNOWN} == KNOWN
    assert len(set(names.values())) == len(names) == 1428
    assert {n.split(".")[1] for n in names.values() if n.startswith("input_blocks")} == {
        str(k) for k in range(12)
    }


@torch.no_grad()
@pytest.mark.parametrize("config", [SMALL, DEEP])
def test_there_and_back_is_the_same_network(config):
    torch.manual_seed(0)
    svd = randomised(UNetSpatioTemporalConditionModel(**config)).eval()
    names = original_names(svd.state_dict(), config)
    file = {ORIGINAL_PREFIX + names[k]: v for k, v in svd.state_dict().items()}
    file["first_stage_model.encoder.conv_in.weight"] = torch.zeros(1)
    back = from_original(file, svd.state_dict(), config, "svd.safetensors")
    unet = HumanVideoUNet(**config, view_attention="2d").eval()
    unet.init_from_svd(back)
    direct = HumanVideoUNet(**config, view_attention="2d").eval()
    direct.init_from_svd(svd.state_dict())
    given = inputs()
    del given["class_labels"], given["cues"]
    assert torch.equal(unet(**given).sample, direct(**given).sample)


def test_files_that_do_not_fit_are_refused_by_their_own_names():
    svd = UNetSpatioTemporalConditionModel(**SMALL).state_dict()
    names = original_names(svd, SMALL)
    file = {ORIGINAL_PREFIX + names[k]: v for k, v in svd.items()}
    with pytest.raises(InputError, match=r"no names that begin with model\.diffusion_model"):
        from_original(svd, svd, SMALL, "x")
    with pytest.raises(InputError, match=r"1 missing: input_blocks\.0\.0\.bias; 1 unknown: horse"):
        from_original(
            {k: v for k, v in file.items() if not k.endswith("input_blocks.0.0.bias")}
            | {ORIGINAL_PREFIX + "horse": torch.zeros(1)}, svd, SMALL, "x",
        )
    with pytest.raises(InputError, match=r"out\.2\.bias \[3\] instead of \[4\]"):
        from_original(file | {ORIGINAL_PREFIX + "out.2.bias": torch.zeros(3)}, svd, SMALL, "x")


@pytest.mark.parametrize("name", [
    "class_embedding.linear_1.weight", "horse", "mid_block.horses.0.weight",
    "down_blocks.0.resnets.0.conv1.weight",
])
def test_names_that_are_not_svds(name):
    with pytest.raises(ValueError, match="no weight of SVD"):
        original_name(name, 2, (True, True))
