"""Assets become reference tokens as the official encoder made them, under the release's names."""

from __future__ import annotations

import pytest
import torch
from diffusers import FluxControlNetModel, FluxTransformer2DModel
from reimagine_recorded import part, recording, relative
from torch.nn.functional import pad

from muybridge.errors import InputError
from muybridge.methods.reimagine.condition_encoder import (
    ConditionEncoder,
    PoseAdapter,
    token_ids,
)
from muybridge.networks.weights import load_strictly, on_meta

CASES = (
    "face_upper_lower_shoes", "face_full_shoes", "front", "front_back", "face_full_shoes_back",
)


@pytest.fixture(scope="module")
def recorded(shared):
    said, tensors = recording(shared, "condition_encoder")
    encoder = ConditionEncoder(**said["config"])
    load_strictly(encoder, part(tensors, "weights."), "recording")
    return said, tensors, encoder.eval().requires_grad_(False)


def given(recorded, names):
    said, tensors, _ = recorded
    tokens = {name: tensors[f"input.{name}"] for name in names}
    return tokens, {name: token_ids(said["token_grids"][name]) for name in names}


@pytest.mark.parametrize("case", CASES)
def test_output_equals_the_recorded_one(recorded, case):
    said, tensors, encoder = recorded
    tokens, ids = given(recorded, said["cases"][case])
    for name in tokens:
        assert torch.equal(ids[name], tensors[f"input_ids.{name}"][0])
        projected = encoder.project(name, tokens[name], ids[name])
        assert relative(projected, tensors[f"mid.projected.{name}"]) < 2e-5
    made, places = encoder(tokens, ids)
    assert relative(made, tensors[f"output.{case}"]) < 2e-5
    assert torch.equal(places, tensors[f"output_ids.{case}"][0])


@pytest.fixture(scope="module")
def flux(shared):
    said, tensors = recording(shared, "kontext_controlnet")
    networks = []
    kinds = {"transformer": FluxTransformer2DModel, "controlnet": FluxControlNetModel}
    for name, kind in kinds.items():
        network = on_meta(kind, said[f"{name}_config"], "recording")
        load_strictly(network, part(tensors, f"diffusers.{name}."), "recording", assign=True)
        networks.append(network.eval())
    return *networks, part(tensors, "io.")


@torch.no_grad()
def velocity(flux, noise, reference, ids, controlled):
    transformer, controlnet, io = flux
    common = {
        "timestep": torch.tensor([0.7]), "guidance": torch.tensor([3.5]),
        "pooled_projections": io["pooled_prompt_embeds"],
        "encoder_hidden_states": io["prompt_embeds"],
        "txt_ids": io["text_ids"][0], "return_dict": False,
    }
    steer = None
    if controlled:
        steer, _ = controlnet(
            hidden_states=noise, controlnet_cond=io["control_tokens"],
            img_ids=io["noise_ids"][0], **common,
        )
        steer = [pad(s, (0, 0, 0, reference.shape[1])) for s in steer]
    return transformer(
        hidden_states=torch.cat([noise, reference], 1), controlnet_block_samples=steer,
        img_ids=torch.cat([io["noise_ids"][0], ids]), **common,
    )[0][:, : noise.shape[1]]


@pytest.mark.parametrize("case", ["face_upper_lower_shoes", "front_back"])
def test_velocity_with_assets_equals_the_recorded_one(recorded, flux, case):
    said, tensors, encoder = recorded
    made, places = encoder(*given(recorded, said["cases"][case]))
    got = velocity(flux, flux[2]["noise_tokens"], made, places, controlled=True)
    assert relative(got, tensors[f"velocity.{case}"]) < 2e-5


def test_pose_adapter_equals_the_recorded_one(recorded, flux):
    _, tensors, _ = recorded
    adapter = PoseAdapter()
    load_strictly(adapter, part(tensors, "pose_adapter.weights."), "recording")
    adapter.requires_grad_(False)
    assert relative(adapter(tensors["pose_adapter.input"]), tensors["pose_adapter.output"]) < 2e-5
    io = flux[2]
    got = velocity(
        flux, io["noise_tokens"] + adapter(tensors["pose_adapter.pose_tokens"]),
        io["reference_tokens"] + adapter(tensors["pose_adapter.reference_pose_tokens"]),
        io["reference_ids"][0], controlled=False,
    )
    assert relative(got, tensors["velocity.pose_adapter"]) < 2e-5


def small(**changes):
    torch.manual_seed(0)
    settings = {
        "input_dim": 16, "model_dim": 16, "num_heads": 2, "num_frontal_queries": 12,
        "back_view_length": 12,
    }
    return ConditionEncoder(**(settings | changes)).eval().requires_grad_(False)


def test_full_size_has_the_release_lengths():
    with torch.device("meta"):
        encoder = ConditionEncoder()
    assert encoder.frontal_queries.shape == (1, 4096, 64)
    assert encoder.missing_back_embedding.shape == (1, 83 * 50, 64)  # of 800 x 1328


def test_columns_count_only_where_they_are_asked_for():
    torch.manual_seed(1)
    tokens = {"upper": torch.randn(1, 6, 16)}
    ids = {"upper": token_ids((2, 3))}
    moved = {"upper": ids["upper"] + torch.tensor([0.0, 0.0, 5.0])}
    release, ours = small(), small(rope_axes=(1, 2), query_grid=(4, 3), back_grid=(3, 4))
    assert torch.equal(release(tokens, ids)[0], release(tokens, moved)[0])
    assert not torch.allclose(ours(tokens, ids)[0], ours(tokens, moved)[0])
    places = ours(tokens, ids)[1]
    assert torch.equal(places, torch.cat([token_ids((4, 3)), token_ids((3, 4))]))


def test_a_batch_gives_what_each_gives_alone():
    torch.manual_seed(2)
    encoder, tokens = small(), {"face": torch.randn(2, 4, 16), "back": torch.randn(2, 6, 16)}
    ids = {"face": token_ids((2, 2)), "back": token_ids((3, 2))}
    together, _ = encoder(tokens, ids)
    alone = [encoder({k: v[n : n + 1] for k, v in tokens.items()}, ids)[0] for n in (0, 1)]
    assert torch.allclose(together, torch.cat(alone), atol=1e-6)


def test_it_is_saved_as_other_models_are(tmp_path):
    encoder = small(query_grid=(4, 3))
    encoder.save_pretrained(tmp_path)
    again = ConditionEncoder.from_pretrained(tmp_path)
    tokens, ids = {"full": torch.randn(1, 6, 16)}, {"full": token_ids((3, 2))}
    assert all(
        torch.equal(a, b) for a, b in zip(encoder(tokens, ids), again(tokens, ids), strict=True)
    )


@pytest.mark.parametrize(
    "tokens, ids, field",
    [
        ({}, {}, ""),
        ({"back": (1, 4, 16)}, {"back": (2, 2)}, ""),
        ({"hat": (1, 4, 16)}, {"hat": (2, 2)}, "hat"),
        ({"face": (1, 4, 16)}, {}, "face"),
        ({"face": (1, 4, 16)}, {"face": (2, 3)}, "face"),
    ],
)
def test_assets_that_cannot_be_are_refused(tokens, ids, field):
    with pytest.raises(InputError) as refused:
        small()(
            {k: torch.zeros(v) for k, v in tokens.items()},
            {k: token_ids(v) for k, v in ids.items()},
        )
    assert refused.value.field == field


@pytest.mark.parametrize(
    "changes",
    [{"model_dim": 32}, {"num_heads": 3}, {"query_grid": (5, 5)}, {"rope_axes": (0, 3)}],
)
def test_settings_that_cannot_be_are_refused(changes):
    with pytest.raises(ValueError, match="channels|axes|tokens"):
        small(**changes)
