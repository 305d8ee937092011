"""ReImagine's small networks: tokens, references, and what reaches the transformer."""

from __future__ import annotations

import json

import pytest
import torch
from diffusers import FluxPipeline
from methods.gas_small import pictures
from methods.reimagine_small import awake, small_config, small_networks

from muybridge.errors import InputError
from muybridge.methods.reimagine.checkpoints import (
    LORA,
    add_lora,
    is_reimagine_folder,
    load,
    save,
    save_lora,
)
from muybridge.methods.reimagine.config import CONFIGS, NANO, PAPER, ReImagineConfig
from muybridge.methods.reimagine.lora import merge_lora
from muybridge.methods.reimagine.networks import packed, unpacked


@pytest.fixture(scope="module")
def networks():
    return awake(small_networks())


def inputs(networks, batch=2, seed=0):
    """Noisy latents, shares of noise, a reference and control for so many pictures."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        reference = networks.reference(
            pictures(batch, 2, seed=seed), pictures(batch, 2, seed=seed + 1)
        )
        control = networks.control(pictures(batch, seed=seed + 2))
    noisy = torch.randn(batch, 8, 8, 6, generator=generator)
    return noisy, torch.linspace(0.3, 0.9, batch), reference, control


def test_tokens_are_packed_as_flux_packs_them():
    latents = torch.randn(2, 8, 8, 6)
    theirs = FluxPipeline._pack_latents(latents, 2, 8, 8, 6)
    assert torch.equal(packed(latents), theirs)
    assert torch.equal(unpacked(theirs, (4, 3)), latents)


def test_the_reference_stands_front_beside_back(networks):
    _, _, reference, _ = inputs(networks)
    assert reference.tokens.shape == (2, 4 * 2 * 2, 32)
    kinds, rows, columns = reference.ids.T
    assert kinds.eq(1).all() and rows.max() == 3
    assert sorted(set(columns.tolist())) == [0, 1, 3, 4]  # the middle two of three, of each side
    front = reference.base(torch.tensor([0, 0]))
    back = reference.base(torch.tensor([1, 1]))
    mixed = reference.base(torch.tensor([0, 1]))
    assert torch.equal(mixed[0], front[0]) and torch.equal(mixed[1], back[1])


def test_all_columns_can_be_looked_at():
    whole = small_networks(reference_columns=0)
    _, _, reference, _ = inputs(whole)
    assert reference.tokens.shape[1] == 4 * 6
    wide = torch.cat([reference.sides[:, 0], reference.sides[:, 1]], -1)
    near = (reference.tokens - packed(wide)).abs().max()
    assert float(near) < 0.1  # an untrained pose adapter adds next to nothing


def test_untrained_networks_give_back_the_base():
    networks = small_networks()
    noisy, t, reference, control = inputs(networks)
    with torch.no_grad():
        output = networks(noisy, t, reference, control)
    base = reference.base(torch.tensor([0, 1]))
    assert torch.equal(networks.estimate(output, noisy, t, base), base)


def test_the_flow_objective_reads_a_velocity():
    networks = small_networks(objective="flow")
    noisy, noise, t = torch.randn(2, 8, 8, 6), torch.randn(2, 8, 8, 6), torch.tensor([0.2, 0.7])
    clean = (noisy - t[:, None, None, None] * noise) / (1 - t[:, None, None, None])
    found = networks.estimate(noise - clean, noisy, t, noisy)
    assert torch.allclose(found, clean, atol=1e-5)


def test_rows_of_a_batch_do_not_see_each_other(networks):
    noisy, t, reference, control = inputs(networks)
    with torch.no_grad():
        both = networks(noisy, t, reference, control)
        again = inputs(networks, seed=0)
        other = networks(
            torch.cat([noisy[:1], again[0][1:] + 1]), t, reference, control
        )
    assert torch.allclose(both[0], other[0], atol=1e-5)
    assert not torch.allclose(both[1], other[1], atol=1e-3)


def test_normals_steer_and_the_references_are_seen(networks):
    noisy, t, reference, control = inputs(networks)
    with torch.no_grad():
        plain = networks(noisy, t, reference, control)
        turned = networks(noisy, t, reference, control.flip(0))
        unsteered = [networks(noisy, t, reference, c, scale=0.0) for c in (control, -control)]
        stranger = networks(noisy, t, inputs(networks, seed=9)[2], control)
    assert float((plain - turned).abs().max()) > 1e-3
    assert torch.equal(*unsteered)
    assert float((plain - stranger).abs().max()) > 1e-3


def test_a_missing_back_is_nothing(networks):
    front = pictures(1, 1, seed=3)
    nothing = torch.cat([front, torch.zeros_like(front)], 1)
    with torch.no_grad():
        one, two = (networks.reference(p, p) for p in (front, nothing))
    assert torch.equal(one.tokens, two.tokens) and torch.equal(one.sides, two.sides)


def test_pictures_come_back(networks):
    shown = pictures(3, seed=5)
    latents = networks.encode(shown)
    assert torch.allclose(networks.encode(networks.decode(latents)), latents, atol=0.3)
    assert latents.shape == (3, 8, 8, 6)


def test_folders_come_back(networks, tmp_path):
    save(networks, tmp_path / "kept")
    assert is_reimagine_folder(tmp_path / "kept") and not is_reimagine_folder(tmp_path)
    again = load(tmp_path / "kept")
    ours, theirs = networks.state_dict(), again.state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[k], theirs[k]) for k in ours)
    clip, text = torch.randn(1, 8, 4, 8, 6), networks.prompt(1)[0]
    with torch.no_grad():
        videos = [
            n.video(clip, torch.tensor([300.0]), text, return_dict=False)[0]
            for n in (networks, again)
        ]
    assert torch.allclose(*videos, atol=1e-5)  # its tables are there, too


def test_a_lora_is_merged_when_it_is_read(tmp_path):
    networks = awake(small_networks())
    save(networks, tmp_path)
    noisy, t, reference, control = inputs(networks)
    with torch.no_grad():
        before = networks(noisy, t, reference, control)
    add_lora(networks.transformer, 2)
    trained = [n for n, p in networks.transformer.named_parameters() if "lora_" in n]
    assert len(trained) == 2 * (14 + 6)  # a double block and a single one
    assert not any(n.startswith(("proj_out", "norm_out", "x_embedder")) for n in trained)
    with torch.no_grad():
        for name, parameter in networks.transformer.named_parameters():
            if "lora_" in name:
                parameter.add_(0.1 * torch.randn(parameter.shape))
        adapted = networks(noisy, t, reference, control)
    assert float((adapted - before).abs().max()) > 1e-2
    save_lora(networks.transformer, tmp_path / "lora")
    with_lora, without = load(tmp_path), load(tmp_path, lora=False)
    with torch.no_grad():
        assert torch.allclose(with_lora(noisy, t, reference, control), adapted, atol=1e-4)
        assert torch.allclose(without(noisy, t, reference, control), before, atol=1e-6)
    assert list(with_lora.state_dict()) == list(without.state_dict())


def test_a_lora_of_something_else_is_refused(networks, tmp_path):
    from safetensors.torch import save_file

    for name in ("transformer.blocks.9.lora_A.weight", "blocks.0.attn.lora_A.weight"):
        save_file({name: torch.zeros(2, 4)}, tmp_path / LORA)
        with pytest.raises(InputError, match="no layers of this transformer"):
            merge_lora(networks.transformer, tmp_path / LORA)
    with pytest.raises(InputError, match="is not there"):
        merge_lora(networks.transformer, tmp_path / "no.safetensors")


def test_parts_of_two_trainings_are_refused(networks, tmp_path):
    save(networks, tmp_path / "a")
    wider = small_networks(prompt={"length": 1, "width": 32, "pooled_width": 64})
    save(wider, tmp_path / "b")
    with pytest.raises(InputError, match="prompt width"):
        load(tmp_path / "b")


def test_configs_come_back():
    for config in (*CONFIGS.values(), small_config()):
        values = json.loads(json.dumps(config.to_json()))
        assert ReImagineConfig.from_json(values, "x") == config
    assert NANO.token_grid == (16, 12) and PAPER.token_grid == (83, 50)
    assert NANO.latent_channels == 32 and PAPER.latent_channels == 16


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"objective": "edm"}, "objective"), ({"overlap": 8}, "overlap"), ({"width": 100}, "width"),
        ({"steps": 0}, "steps"), ({"size": None}, "size"), ({"strange": 1}, "strange"),
        ({"transformer": {"in_channels": 30}}, "transformer"),
    ],
)
def test_bad_configs_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        ReImagineConfig.from_json({**NANO.to_json(), **change}, "x")
