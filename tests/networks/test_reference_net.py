from __future__ import annotations

import copy

import pytest
import torch
from diffusers import UNetSpatioTemporalConditionModel
from diffusers.models.attention_processor import AttnProcessor2_0
from gas_recorded import relative
from networks.small_unet import SMALL, inputs, randomised

from muybridge.networks.reference_attention import ReferenceAttention, attentions, places
from muybridge.networks.reference_net import ReferenceNet, image_unet
from muybridge.networks.svd_names import image_unet_weights
from muybridge.networks.video_unet import HumanVideoUNet

LIKE = dict(
    in_channels=4, block_out_channels=(32, 64), crossed=(False, True), layers_per_block=1,
    cross_attention_dim=24, num_attention_heads=(1, 2),
)
FUSIONS = ["downmid", "midup", "full"]


def reference_net(fusion="downmid"):
    torch.manual_seed(3)
    return randomised(ReferenceNet(**LIKE, fusion=fusion), seed=4).eval()


def video_unet(**more):
    torch.manual_seed(0)
    return randomised(HumanVideoUNet(**SMALL, **more)).eval()


def given(batch=2, **more):
    made = inputs(batch=batch, **more)
    del made["class_labels"]
    return made


def bank_of(net, references=2, seed=5, size=(8, 8)):
    generator = torch.Generator().manual_seed(seed)
    latents = torch.randn(references, 4, *size, generator=generator)
    return net(latents, torch.randn(references, 1, 24, generator=generator))


@torch.no_grad()
@pytest.mark.parametrize("fusion", FUSIONS)
def test_states_are_what_svds_attentions_get_in_image_mode(fusion):
    """Weights of SVD's spatial layers give SVD's own states, so the conversion is whole."""
    torch.manual_seed(0)
    svd = randomised(UNetSpatioTemporalConditionModel(**SMALL)).eval()
    weights = svd.state_dict()
    for part in ("weight", "bias"):  # what a clip is told about fps and motion has no place here
        weights[f"add_embedding.linear_2.{part}"].zero_()
    given = image_unet_weights(weights, 4)
    net = ReferenceNet(**LIKE, fusion=fusion).eval()
    net.load_state_dict({k: given[k] for k in net.state_dict()}, strict=True)

    unet = HumanVideoUNet(**SMALL).eval()
    unet.load_state_dict(weights, strict=True)
    states = {}
    for name, layer in attentions(unet).items():
        layer.register_forward_pre_hook(
            lambda _, got, name=name: states.__setitem__(name, got[0])
        )
    latents, token = torch.randn(2, 4, 7, 5), torch.randn(2, 1, 24)
    both = torch.cat([torch.zeros_like(latents), latents], 1)[:, None]
    unet(both, torch.tensor(0.0), token, torch.zeros(2, 3), images=True)
    bank = net(latents, token)
    assert tuple(bank) == net.places == places(unet, fusion)
    for name, state in bank.items():
        assert relative(state, states[name]) < 1e-5


def test_the_weights_are_an_image_unets():
    whole = image_unet(**LIKE).state_dict()
    for fusion in FUSIONS:
        kept = ReferenceNet(**LIKE, fusion=fusion).state_dict()
        assert {k: v.shape for k, v in kept.items()}.items() <= {
            k: v.shape for k, v in whole.items()
        }.items()
    assert not any(k.startswith("up_") for k in ReferenceNet(**LIKE).state_dict())


@torch.no_grad()
def test_an_empty_bank_changes_no_bit():
    unet, arguments = video_unet(), given()
    before = unet(**arguments).sample
    assert torch.equal(unet(**arguments, bank={}).sample, before)
    theirs = copy.deepcopy(unet)
    for layer in attentions(theirs).values():
        assert type(layer.processor) is ReferenceAttention
        layer.set_processor(AttnProcessor2_0())
    assert torch.equal(theirs(**arguments).sample, before)


@torch.no_grad()
def test_attention_is_that_over_both_sets_of_keys():
    layer = next(iter(attentions(video_unet()).values()))
    own, seen = torch.randn(6, 10, 64), torch.randn(2, 7, 64)
    mixed = layer(own, ip_hidden_states=seen)
    longer = torch.cat([own, seen.repeat_interleave(3, 0)], 1)
    plain = layer.to_out[0](
        torch.nn.functional.scaled_dot_product_attention(*(
            part.unflatten(2, (2, 32)).transpose(1, 2)
            for part in (layer.to_q(own), layer.to_k(longer), layer.to_v(longer))
        )).transpose(1, 2).flatten(2)
    )
    assert relative(mixed, plain) < 1e-5


@torch.no_grad()
@pytest.mark.parametrize("fusion", FUSIONS)
def test_each_sample_looks_at_its_own_reference(fusion):
    unet, net = video_unet(view_attention="2d"), reference_net(fusion)
    arguments = given(batch=4) | {"views": 2}
    bank = bank_of(net)
    before = unet(**arguments, bank=bank).sample
    assert relative(before, unet(**arguments).sample) > 1e-3
    other = {k: torch.stack([v[0], v[1] + 1]) for k, v in bank.items()}
    change = (unet(**arguments, bank=other).sample - before).abs().amax((1, 2, 3, 4))
    assert (change[:2] == 0).all() and (change[2:] > 1e-4).all()


@torch.no_grad()
def test_every_place_is_read():
    unet, bank = video_unet(), bank_of(reference_net("full"))
    arguments = given()
    before = unet(**arguments, bank=bank).sample
    for name in bank:
        some = {k: v + (k == name) for k, v in bank.items()}
        assert relative(unet(**arguments, bank=some).sample, before) > 1e-5


@torch.no_grad()
def test_one_reference_serves_all_and_a_part_of_a_video_needs_no_new_one():
    unet, net, arguments = video_unet(), reference_net(), given()
    bank = bank_of(net, references=1)
    twice = {k: v.expand(2, -1, -1) for k, v in bank.items()}
    together = unet(**arguments, bank=bank, images=True).sample
    assert torch.equal(unet(**arguments, bank=twice, images=True).sample, together)
    part = {k: v[:, 1:3] if k in ("sample", "cues") else v for k, v in arguments.items()}
    assert torch.allclose(
        unet(**part, bank=bank, images=True).sample, together[:, 1:3], rtol=1e-4, atol=1e-4
    )


def test_every_weight_learns_through_the_video_unet():
    unet = video_unet().train()
    for fusion in FUSIONS:
        net = reference_net(fusion).train()
        unet(**given(), bank=bank_of(net)).sample.square().mean().backward()
        still = {n for n, p in net.named_parameters() if p.grad is None}
        assert still == set()
        # over one token, attention has nothing to choose between: those gradients are zero
        flat = {n for n, p in net.named_parameters() if p.grad.abs().sum() == 0}
        assert all(".attn2.to_q." in n or ".attn2.to_k." in n or ".norm2." in n for n in flat)


def test_gradient_checkpointing_changes_no_gradient():
    def gradient(on):
        unet, net = video_unet().train(), reference_net("full").train()
        if on:
            unet.enable_gradient_checkpointing()
            net.enable_gradient_checkpointing()
        unet(**given(), bank=bank_of(net)).sample.square().mean().backward()
        return net.conv_in.weight.grad

    assert torch.allclose(gradient(True), gradient(False), rtol=1e-3, atol=1e-6)


def test_saved_and_loaded_it_is_the_same(tmp_path):
    for fusion in FUSIONS:
        net = reference_net(fusion)
        net.save_pretrained(tmp_path / fusion)
        back = ReferenceNet.from_pretrained(tmp_path / fusion, local_files_only=True)
        with torch.no_grad():
            for name, state in bank_of(net).items():
                assert torch.equal(bank_of(back)[name], state)


def test_what_does_not_fit_is_refused():
    unet, net = video_unet(), reference_net()
    with pytest.raises(ValueError, match="a bank of 3 references for 8 pictures"):
        unet(**given(), bank=bank_of(net, references=3))
    with pytest.raises(ValueError, match=r"states for horse\.attn1: no attention here"):
        unet(**given(), bank={"horse.attn1": torch.zeros(1, 3, 64)})
    with pytest.raises(ValueError, match="no fusion 'sideways'"):
        ReferenceNet(**LIKE, fusion="sideways")
    with pytest.raises(ValueError, match="no attention for the fusion"):
        places(torch.nn.Linear(1, 1), "full")
