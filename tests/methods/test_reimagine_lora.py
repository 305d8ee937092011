"""LoRAs in every form against what the official loader gave, and on a transformer of other size."""

from __future__ import annotations

import pytest
import torch
from diffusers import FluxTransformer2DModel
from reimagine_recorded import flux_parts, part, recording, relative
from safetensors.torch import save_file

from muybridge.errors import InputError
from muybridge.methods.reimagine.denoise import LookedAt, Text, velocity
from muybridge.methods.reimagine.lora import (
    add_lora_adapter,
    convert_lora,
    lora_form,
    merge_lora,
    read_lora,
)

FORMS = {
    "native": "native", "kohya": "kohya", "kohya_alpha2": "kohya", "diffusers": "diffusers",
    "diffusers_distinct": "diffusers",
}


@pytest.fixture(scope="module")
def known(shared):
    _, networks = recording(shared, "kontext_controlnet")
    _, expected = recording(shared, "lora_expected")
    flux = flux_parts(shared)
    clean = {k: v.clone() for k, v in flux["transformer"].state_dict().items()}
    return flux, clean, part(networks, "io."), expected


def told(flux, io):
    return velocity(
        flux["transformer"], flux["controlnet"], io["noise_tokens"], io["noise_ids"][0],
        torch.tensor([0.7]), Text(io["prompt_embeds"], io["pooled_prompt_embeds"]),
        reference=LookedAt(io["reference_tokens"], io["reference_ids"][0]),
        control=io["control_tokens"],
    )


@pytest.mark.parametrize("name", FORMS)
@torch.no_grad()
def test_each_form_gives_the_recorded_velocity(shared, known, name):
    flux, clean, io, expected = known
    lora = read_lora(shared / f"fixtures/reimagine/lora_{name}.safetensors", flux["transformer"])
    assert lora.form == FORMS[name] and len(lora.matrices) == 494
    tried = 0
    for scale, tag in ((1.0, name), (0.5, f"{name}_alpha0.5")):
        if f"velocity.{tag}" in expected:
            tried += 1
            try:
                merge_lora(flux["transformer"], lora, scale)
                assert relative(told(flux, io), expected[f"velocity.{tag}"]) < 2e-5
            finally:
                flux["transformer"].load_state_dict(clean)
    assert tried


@torch.no_grad()
def test_beside_the_weights_it_gives_the_same_and_can_be_scaled(shared, known):
    flux, _, io, expected = known
    alone = told(flux, io)
    file = shared / "fixtures/reimagine/lora_native.safetensors"
    try:
        add_lora_adapter(flux["transformer"], file)
        assert relative(told(flux, io), expected["velocity.native"]) < 2e-5
        flux["transformer"].set_adapters(["reimagine"], weights=[0.5])
        assert relative(told(flux, io), expected["velocity.native_alpha0.5"]) < 2e-5
    finally:
        flux["transformer"].unload_lora()
    assert torch.equal(told(flux, io), alone)


# ------------------------------------------------------------------ without recordings


def small():
    torch.manual_seed(0)
    return FluxTransformer2DModel(
        in_channels=16, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=8,
        pooled_projection_dim=8, axes_dims_rope=(4, 6, 6), num_layers=1, num_single_layers=2,
    ).eval()


def matrices(first, second, width=32, rows=96):
    """A fused layer's two matrices of rank 2 under these names."""
    torch.manual_seed(5)
    return {first: torch.randn(2, width), second: torch.randn(rows, 2)}


NATIVE = matrices("blocks.0.attn.a_to_qkv.lora_A.weight", "blocks.0.attn.a_to_qkv.lora_B.weight")
KOHYA = {
    **matrices(*(f"lora_unet_double_blocks_0_img_attn_qkv.lora_{s}.weight" for s in
                 ("down", "up"))),
    "lora_unet_double_blocks_0_img_attn_qkv.alpha": torch.tensor(1.0),
}


def test_fused_layers_are_cut_into_those_of_diffusers():
    transformer = small()
    made = convert_lora(NATIVE, transformer)
    assert made.form == "native" and len(made.matrices) == 3
    whole = torch.cat([up @ down for down, up in made.matrices.values()])
    a, b = NATIVE.values()
    assert torch.allclose(whole, b @ a)
    single = matrices(
        "pipe.dit.single_blocks.1.to_qkv_mlp.lora_A.default.weight",
        "pipe.dit.single_blocks.1.to_qkv_mlp.lora_B.default.weight", rows=96 + 128,
    )
    parts = convert_lora(single, transformer).matrices
    assert [len(up) for _, up in parts.values()] == [32, 32, 32, 128]
    before = transformer.single_transformer_blocks[1].proj_mlp.weight.clone()
    merge_lora(transformer, convert_lora(single, transformer), 0.5)
    a, b = single.values()
    after = transformer.single_transformer_blocks[1].proj_mlp.weight
    assert torch.allclose(after - before, 0.5 * b[96:] @ a, atol=1e-5)


def test_alpha_and_the_form_of_diffusers():
    transformer = small()
    native, kohya = (convert_lora(each, transformer) for each in (NATIVE, KOHYA))
    again = convert_lora(native.state_dict(), transformer)
    assert (kohya.form, again.form) == ("kohya", "diffusers")
    for layer, (down, up) in native.matrices.items():
        assert torch.allclose(kohya.matrices[layer][1] @ down, 0.5 * up @ down)  # alpha 1, rank 2
        assert torch.equal(again.matrices[layer][1], up)


def test_forms_are_told_by_names():
    assert lora_form({"blocks.0.attn.a_to_qkv.lora_A.default.weight": 0}) == "native"
    assert lora_form({"blocks.0.attn.a_to_qkv.weight": 0}) is None
    assert lora_form({"base_model.model.transformer_blocks.0.ff.net.2.lora_A.weight": 0}) == (
        "diffusers"
    )


@pytest.mark.parametrize("tensors, said", [
    ({"unet.conv.lora_A.weight": torch.zeros(2, 2)}, "no form"),
    ({**NATIVE, "blocks.7.attn.a_to_qkv.lora_A.weight": torch.zeros(2, 32)}, "no layers.*7"),
    ({**NATIVE, "blocks.0.attn.other.lora_A.weight": torch.zeros(2, 32)}, "no layers.*other"),
    ({**NATIVE, "text_model.x": torch.zeros(2)}, "no layers.*text_model"),
    ({**KOHYA, "lora_unet_single_blocks_0_odd.lora_up.weight": torch.zeros(2, 2)}, "odd"),
    (dict([*NATIVE.items()][:1]), "lacks"),
    (matrices(*NATIVE, rows=95), r"\[95, 2\]"),
    (matrices(*NATIVE, width=31), r"\[2, 31\]"),
    ({k: v[None] for k, v in NATIVE.items()}, r"\[1, 96, 2\]"),
])
def test_what_does_not_fit_is_refused(tensors, said, tmp_path):
    save_file(tensors, tmp_path / "lora.safetensors")
    with pytest.raises(InputError, match=said):
        read_lora(tmp_path / "lora.safetensors", small())
