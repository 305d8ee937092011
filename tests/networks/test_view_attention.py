from __future__ import annotations

import copy

import pytest
import torch
from diffusers import UNetSpatioTemporalConditionModel
from diffusers.models.resnet import SpatioTemporalResBlock
from gas_recorded import relative
from networks.small_unet import SMALL, inputs, randomised
from torch import nn

from muybridge.networks.video_blocks import TemporalConv, VideoResBlock
from muybridge.networks.video_init import temporal_parameters, zero_temporal_outputs
from muybridge.networks.video_unet import HumanVideoUNet
from muybridge.networks.view_attention import (
    ViewTransformer,
    is_view_parameter,
    use_view_attention,
    view_parameters,
    zero_view_outputs,
)

KINDS = ["2d", "3d"]


class StockResBlock(SpatioTemporalResBlock):
    """diffusers' own computation, told of the layout in its way."""

    def forward(self, hidden_states, temb=None, image_only_indicator=None):
        clips = len(hidden_states) // image_only_indicator.frames
        zeros = hidden_states.new_zeros(clips, image_only_indicator.frames)
        return super().forward(hidden_states, temb, zeros)


def with_diffusers_sums(network):
    """Let temporal convolutions add up in diffusers' order, as ours are quicker but not equal."""
    for module in network.modules():
        if type(module) is VideoResBlock:
            module.__class__ = StockResBlock
        elif type(module) is TemporalConv:
            module.__class__ = nn.Conv3d
    return network


def call(samples=2, views=3, **more):
    """Arguments for a network with views: every view's context is that of its sample."""
    given = inputs(batch=samples * views, **more)
    del given["class_labels"]
    given["encoder_hidden_states"] = given["encoder_hidden_states"][:samples].repeat_interleave(
        views, 0
    )
    return given | {"views": views}


def multiview(kind="2d", gate=None, seed=0, **more):
    torch.manual_seed(seed)
    network = randomised(HumanVideoUNet(**SMALL, view_attention=kind, **more)).eval()
    for module in network.modules():
        if isinstance(module, ViewTransformer):
            nn.init.constant_(module.view_gate, 0.0 if gate is None else gate)
    return network


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(8, 8), (7, 5)])
def test_made_from_svd_it_gives_svds_results_bit_by_bit(kind, size):
    torch.manual_seed(0)
    svd = randomised(UNetSpatioTemporalConditionModel(**SMALL)).eval()
    unet = HumanVideoUNet(**SMALL, view_attention=kind, camera_frequencies=6).eval()
    unet.init_from_svd(svd.state_dict())
    with_diffusers_sums(unet)
    given = call(height=size[0], width=size[1])
    del given["cues"]
    turned = torch.linalg.qr(torch.randn(6, 4, 3, 3))[0]
    seen = unet(**given, rotations=turned).sample
    del given["views"]
    assert torch.equal(seen, svd(**given).sample)


@torch.no_grad()
def test_quick_sums_are_diffusers_to_rounding():
    network = multiview(gate=0.7)
    given = call()
    assert relative(network(**given).sample, with_diffusers_sums(network)(**given).sample) < 1e-5


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("images", [False, True])
def test_a_view_changes_the_others_of_its_sample_and_nothing_else(kind, images):
    network, given = multiview(kind, gate=0.7), call()
    before = network(**given, images=images).sample
    moved = given["sample"].clone()
    moved[1] += 1  # the second view of the first sample
    after = network(**(given | {"sample": moved}), images=images).sample
    change = (after - before).abs().amax((2, 3, 4))
    assert (change[:3] > 1e-4).all() and (change[3:] == 0).all()


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_views_of_one_moment_see_that_moment_only(kind):
    network, given = multiview(kind, gate=0.7), call()
    before = network(**given, images=True).sample
    moved = given["sample"].clone()
    moved[1, 2] += 1
    change = (network(**(given | {"sample": moved}), images=True).sample - before).abs()
    change = change.amax((2, 3, 4))
    assert (change[:3, 2] > 1e-4).all()
    change[:3, 2] = 0
    assert (change == 0).all()


@torch.no_grad()
def test_in_2d_a_pixel_looks_at_the_same_pixel_and_in_3d_at_all():
    for kind, reaches in (("2d", False), ("3d", True)):
        network = multiview(kind, gate=0.7)
        transformer = next(m for m in network.modules() if isinstance(m, ViewTransformer))
        from muybridge.networks.video_blocks import Layout

        tokens, context = torch.randn(6, 20, 64), torch.randn(6, 1, 24)
        moved = tokens.clone()
        moved[2, 5] += 1  # second view, first frame, a pixel
        layout = Layout(views=3, frames=2)
        before = transformer._across_views(0, tokens, context, layout)
        change = (transformer._across_views(0, moved, context, layout) - before).abs().amax(-1) > 0
        others = [4, 0]  # the same frame of the other views
        assert change[others, 5].all()
        assert bool(change[others].all()) == reaches
        assert not change[[1, 3, 5]].any()


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_views_have_no_order(kind):
    network, given = multiview(kind, gate=0.7), call(samples=1)
    order = [2, 0, 1]
    mixed = {
        k: v[order] if isinstance(v, torch.Tensor) else v for k, v in given.items()
    }
    assert torch.allclose(
        network(**given).sample[order], network(**mixed).sample, rtol=1e-4, atol=1e-4
    )


@torch.no_grad()
@pytest.mark.parametrize("images", [False, True])
def test_one_view_is_no_views(images):
    network, given = multiview(gate=0.7), call(views=1)
    plain = HumanVideoUNet(**SMALL).eval()
    plain.load_state_dict(
        {k: v for k, v in network.state_dict().items() if not is_view_parameter(k)}, strict=True
    )
    del given["views"]
    assert torch.equal(
        network(**given, images=images).sample, plain(**given, images=images).sample
    )


@torch.no_grad()
def test_one_frame_in_image_mode_passes_temporal_layers_by():
    network, given = multiview(gate=0.7), call(frames=1)
    before = network(**given, images=True).sample
    with torch.no_grad():
        for name in temporal_parameters(network):
            network.get_parameter(name).normal_()
    assert torch.equal(network(**given, images=True).sample, before)
    assert relative(network(**given).sample, before) > 1e-3


def test_it_only_adds_and_both_kinds_have_the_same_weights():
    plain = HumanVideoUNet(**SMALL).state_dict()
    flat, full = (HumanVideoUNet(**SMALL, view_attention=k).state_dict() for k in KINDS)
    assert flat.keys() == full.keys()
    added = flat.keys() - plain.keys()
    assert added and all(is_view_parameter(name) for name in added)
    assert {k: v.shape for k, v in plain.items()}.items() <= {
        k: v.shape for k, v in flat.items()
    }.items()


def test_layers_are_copies_of_the_temporal_ones_behind_closed_gates():
    torch.manual_seed(0)
    svd = randomised(UNetSpatioTemporalConditionModel(**SMALL))
    unet = HumanVideoUNet(**SMALL, view_attention="2d", camera_frequencies=2)
    own = unet.init_from_svd(svd.state_dict())
    state = unet.state_dict()
    blocks = [name for name in own if ".view_transformer_blocks." in name]
    assert blocks and {n for n in own if n not in blocks} == {
        "camera_embedding.linear.weight", "camera_embedding.linear.bias",
        *(n for n in own if n.endswith(".view_gate")),
    }
    for name in own:
        twin = name.replace(".view_transformer", ".temporal_transformer")
        assert torch.equal(state[name], state[twin] if name in blocks else state[name] * 0)
    with torch.no_grad():  # copies, not the same
        unet.get_parameter(blocks[0]).add_(1)
    assert torch.equal(unet.state_dict()[blocks[0].replace(".view_", ".temporal_")],
                       svd.state_dict()[blocks[0].replace(".view_", ".temporal_")])


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_learns(kind):
    network = multiview(kind, gate=0.3, camera_frequencies=2).train()
    turned = torch.linalg.qr(torch.randn(6, 4, 3, 3))[0]

    def moved(**how):
        network.zero_grad()
        network(**call(**how), rotations=turned[:, :how.get("frames", 4)],
                images=how.get("frames") == 1).sample.square().mean().backward()
        return {n for n, p in network.named_parameters() if p.grad is not None}

    everything = {n for n, _ in network.named_parameters()}
    assert moved() == everything
    assert everything - moved(frames=1) == temporal_parameters(network)
    assert view_parameters(network) & temporal_parameters(network) == set()


@pytest.mark.parametrize("kind", KINDS)
def test_from_scratch_views_start_apart_and_learn_at_once(kind):
    """The same results as behind closed gates; the blocks, not only gates, have gradients."""
    closed, network, given = multiview(kind), multiview(kind), call()
    zero_view_outputs(network)
    assert torch.allclose(network(**given).sample, closed(**given).sample, atol=1e-5)
    network(**given).sample.square().sum().backward()
    last = [p.grad for n, p in network.named_parameters()
            if is_view_parameter(n) and n.endswith("attn1.to_out.0.weight")]
    assert last and all(float(g.abs().max()) > 0 for g in last)


def test_closed_gates_open():
    network = multiview(camera_frequencies=2)
    zero_temporal_outputs(network)  # as an image stage starts: this must not close views for good
    network(**call()).sample.square().mean().backward()
    gates = [p.grad for n, p in network.named_parameters() if n.endswith(".view_gate")]
    assert gates and all(float(g.abs()) > 0 for g in gates)


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_checkpointing_changes_no_gradient(kind):
    network = multiview(kind, gate=0.5).train()

    def gradient():
        network.zero_grad()
        network(**call()).sample.square().mean().backward()
        return [p.grad.clone() for n, p in network.named_parameters() if is_view_parameter(n)]

    plain = gradient()
    network.enable_gradient_checkpointing()
    for a, b in zip(gradient(), plain, strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-5)


@torch.no_grad()
def test_many_groups_go_through_in_parts(monkeypatch):
    network, given = multiview(gate=0.7), call()
    whole = network(**given).sample
    monkeypatch.setattr("muybridge.networks.view_attention._MOST_GROUPS", 7)
    assert relative(network(**given).sample, whole) < 1e-5


def test_saved_and_loaded_it_is_the_same(tmp_path):
    network = multiview("3d", gate=0.7, camera_frequencies=3)
    network.save_pretrained(tmp_path)
    back = HumanVideoUNet.from_pretrained(tmp_path, local_files_only=True)
    assert (back.config.view_attention, back.config.camera_frequencies) == ("3d", 3)
    with torch.no_grad():
        assert torch.equal(back(**call()).sample, network(**call()).sample)


@torch.no_grad()
def test_a_copy_is_its_own():
    network = multiview(gate=0.7)
    before = network(**call()).sample
    randomised(copy.deepcopy(network), seed=3)(**call())
    assert torch.equal(network(**call()).sample, before)


def test_what_does_not_fit_is_refused():
    network = multiview()
    with pytest.raises(ValueError, match="4 views of each sample do not divide 6 clips"):
        network(**(call() | {"views": 4}))
    with pytest.raises(ValueError, match="0 views"):
        network(**(call() | {"views": 0}))
    with pytest.raises(ValueError, match="camera_frequencies"):
        network(**call(), rotations=torch.eye(3).expand(6, 4, 3, 3))
    with pytest.raises(ValueError, match="no view attention '4d'"):
        use_view_attention(network, "4d")
