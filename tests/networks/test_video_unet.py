from __future__ import annotations

import copy

import pytest
import torch
from diffusers import UNetSpatioTemporalConditionModel
from gas_recorded import full_keys, recording, relative, weights
from networks.small_unet import SMALL, inputs, randomised
from torch import nn

from muybridge.errors import InputError
from muybridge.networks.video_blocks import TemporalConv
from muybridge.networks.video_init import temporal_parameters, zero_temporal_outputs
from muybridge.networks.video_unet import HumanVideoUNet


@pytest.fixture
def small_unet():
    torch.manual_seed(0)
    return HumanVideoUNet(**SMALL, task_embed_input_dim=32).eval()


@torch.no_grad()
def test_equals_the_recorded_network(shared):
    config, tensors = recording(shared)
    unet = HumanVideoUNet(**config["unet"]).eval()
    unet.load_state_dict(weights(tensors, "unet"), strict=True)
    cues = tensors["net/pose_net_out"] + tensors["net/nerf_net_out"]
    given = [tensors[f"net/{n}"] for n in ("sample", "timestep", "context", "added_time_ids")]
    for mode in ("view", "pose"):
        label = tensors[f"net/label_{mode}"]
        output = unet(*given, class_labels=label, cues=cues).sample
        assert relative(output, tensors[f"net/unet_{mode}"]) < 1e-5
        # the wrong mode would show: it moves the output a thousand times further
        other = tensors[f"net/unet_{'pose' if mode == 'view' else 'view'}"]
        assert relative(output, other) > 1e-3
    bare = unet(*given, class_labels=tensors["net/label_view"]).sample
    assert relative(bare, tensors["net/unet_nocond"]) < 1e-5


def test_full_size_has_the_keys_and_shapes_of_the_release(shared):
    keys = full_keys(shared)
    with torch.device("meta"):
        unet = HumanVideoUNet(**keys["_full_config"], task_embed_input_dim=512)
    assert {k: list(v.shape) for k, v in unet.state_dict().items()} == keys["unet.pth"]
    assert sum(p.numel() for p in unet.parameters()) == keys["_params"]["unet.pth"]


@torch.no_grad()
@pytest.mark.parametrize("size", [(8, 8), (7, 5)])
def test_without_switch_and_cues_it_is_diffusers_network(size):
    torch.manual_seed(0)
    theirs = randomised(UNetSpatioTemporalConditionModel(**SMALL)).eval()
    ours = HumanVideoUNet(**SMALL).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    given = inputs(height=size[0], width=size[1])
    del given["class_labels"], given["cues"]
    # sums run in another order: float32 rounding
    assert relative(ours(**given).sample, theirs(**given).sample) < 1e-5


@torch.no_grad()
def test_a_temporal_convolution_equals_the_3d_one():
    torch.manual_seed(0)
    plain = nn.Conv3d(6, 5, (3, 1, 1), padding=(1, 0, 0))
    quick = copy.deepcopy(plain)
    quick.__class__ = TemporalConv
    clip = torch.randn(2, 6, 7, 4, 3)
    assert torch.allclose(quick(clip), plain(clip), atol=1e-6)
    assert quick.state_dict().keys() == plain.state_dict().keys()


@torch.no_grad()
def test_image_mode_treats_frames_alone(small_unet):
    unet, given = randomised(small_unet), inputs(batch=1)
    together = unet(**given, images=True).sample
    for frame in range(4):
        one = dict(given, sample=given["sample"][:, frame:frame + 1],
                   cues=given["cues"][:, frame:frame + 1])
        assert torch.allclose(unet(**one, images=True).sample, together[:, frame:frame + 1],
                              atol=1e-5)
    assert relative(unet(**given).sample, together) > 1e-3  # time matters in video mode


@torch.no_grad()
def test_zeroed_temporal_layers_lose_nothing_of_an_image_stage(small_unet):
    unet = randomised(small_unet)
    zero_temporal_outputs(unet)
    given = inputs()
    # s*x + (1-s)*x is x to rounding
    assert relative(unet(**given).sample, unet(**given, images=True).sample) < 1e-5


def test_every_weight_learns_in_video_mode_and_spatial_ones_in_image_mode(small_unet):
    unet = randomised(small_unet).train()

    def moved(images):
        unet.zero_grad()
        unet(**inputs(), images=images).sample.square().mean().backward()
        return {n for n, p in unet.named_parameters() if p.grad is not None}

    everything = {n for n, _ in unet.named_parameters()}
    assert moved(False) == everything
    still = everything - moved(True)
    assert still and still == temporal_parameters(unet)


@torch.no_grad()
def test_copies_and_two_networks_do_not_disturb_one_another(small_unet):
    unet, given = randomised(small_unet), inputs()
    before = unet(**given).sample
    other = randomised(copy.deepcopy(unet), seed=2)
    other(**given, images=True)
    assert torch.equal(unet(**given).sample, before)
    assert relative(other(**given).sample, before) > 1e-3


def test_gradient_checkpointing_changes_no_gradient(small_unet):
    unet = randomised(small_unet).train()

    def gradient(images):
        unet.zero_grad()
        unet(**inputs(), images=images).sample.square().mean().backward()
        return unet.conv_in.weight.grad.clone()

    plain = [gradient(images) for images in (False, True)]
    unet.enable_gradient_checkpointing()
    for one, images in zip(plain, (False, True), strict=True):
        assert torch.allclose(gradient(images), one, rtol=1e-4, atol=1e-6)


@torch.no_grad()
def test_from_svd_gives_svds_results_whatever_the_label():
    torch.manual_seed(0)
    svd = randomised(UNetSpatioTemporalConditionModel(**SMALL)).eval()
    unet = HumanVideoUNet(**SMALL, task_embed_input_dim=32).eval()
    own = unet.init_from_svd(svd.state_dict())
    assert own == tuple(
        f"class_embedding.linear_{i}.{part}" for i in (1, 2) for part in ("weight", "bias")
    )
    given = inputs()
    del given["cues"]
    labelled = unet(**given).sample
    del given["class_labels"]
    assert torch.equal(labelled, unet(**given).sample)
    assert relative(labelled, svd(**given).sample) < 1e-5
    assert unet.class_embedding.linear_1.weight.std() > 0.01  # or it could never learn


def test_svd_weights_that_do_not_fit_are_refused_whole(small_unet):
    before = copy.deepcopy(small_unet.state_dict())
    given = UNetSpatioTemporalConditionModel(**SMALL).state_dict()
    short = {k: v for k, v in given.items() if k != "conv_in.bias"}
    with pytest.raises(InputError, match=r"SVD's UNet: weights: 1 missing: conv_in\.bias"):
        small_unet.init_from_svd(short)
    with pytest.raises(InputError, match="1 unknown: horse"):
        small_unet.init_from_svd(given | {"horse": torch.zeros(1)})
    with pytest.raises(InputError, match=r"conv_in\.bias \[3\] instead of \[32\]"):
        small_unet.init_from_svd(given | {"conv_in.bias": torch.zeros(3)})
    after = small_unet.state_dict()
    assert all(torch.equal(after[k], before[k]) for k in before)


def test_saved_and_loaded_it_is_the_same(small_unet, tmp_path):
    unet = randomised(small_unet)
    unet.save_pretrained(tmp_path)
    back = HumanVideoUNet.from_pretrained(tmp_path, local_files_only=True)
    assert back.config.task_embed_input_dim == 32
    assert list(back.config.block_out_channels) == [32, 64]
    with torch.no_grad():
        assert torch.equal(back(**inputs()).sample, unet(**inputs()).sample)


def test_labels_need_the_switch():
    with pytest.raises(ValueError, match="task_embed_input_dim"):
        HumanVideoUNet(**SMALL)(**inputs())
