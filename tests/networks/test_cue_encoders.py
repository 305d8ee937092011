from __future__ import annotations

import pytest
import torch
from gas_recorded import full_keys, recording, relative, weights

from muybridge.networks.cue_encoders import NeRFNet, PoseNet
from muybridge.networks.reference_token import ReferenceToken


@torch.no_grad()
@pytest.mark.parametrize(
    "kind, name, given", [(PoseNet, "pose_net", "smpl"), (NeRFNet, "nerf_net", "nerf_latents")]
)
def test_equal_the_recorded_networks(shared, kind, name, given):
    config, tensors = recording(shared)
    network = kind(out_channels=config["unet"]["block_out_channels"][0])
    network.load_state_dict(weights(tensors, name), strict=True)
    picture, recorded = tensors[f"net/{given}"], tensors[f"net/{name}_out"]
    # in float64, where no processor's order of summing matters: what is left (2e-7, 3.3e-7)
    # is the rounding of the recording, which was made in float32
    assert relative(network.double()(picture.double()), recorded) < 1e-6
    # in float32 sums are as inexact as the recording's: 0 where it was made, 1.2e-6 elsewhere
    assert relative(network.float()(picture), recorded) < 5e-6


@pytest.mark.parametrize("kind, file", [(PoseNet, "pose_net.pth"), (NeRFNet, "nerf_net.pth")])
def test_defaults_have_the_keys_and_shapes_of_the_release(shared, kind, file):
    assert {k: list(v.shape) for k, v in kind().state_dict().items()} == full_keys(shared)[file]


def test_start_by_adding_nothing_and_can_learn():
    network = PoseNet(4, (16, 32), (4, 1), 32)
    output = network(torch.rand(2, 3, 4, 32, 24))
    assert output.shape == (6, 32, 8, 6)
    assert not output.any()
    output.sum().backward()
    assert network.final_proj.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("strides, shape", [((1, 2, 2), (8, 6)), ((4,), (8, 6)), ((2,), (16, 12))])
def test_total_stride_is_exact(strides, shape):
    network = NeRFNet(20, (8,) * len(strides), strides, 16)
    assert network(torch.rand(2, 20, 32, 24)).shape == (2, 16, *shape)


@pytest.mark.parametrize(
    "channels, strides, problem",
    [((8, 8), (1,), "2 widths but 1 strides"), ((8,), (3,), "neither 1 nor even"),
     ((8,), (0,), "neither 1 nor even")],
)
def test_widths_and_strides_that_do_not_fit(channels, strides, problem):
    with pytest.raises(ValueError, match=problem):
        PoseNet(3, channels, strides, 8)


def test_saved_and_loaded_they_are_the_same(tmp_path):
    torch.manual_seed(0)
    for network, given in (
        (PoseNet(in_channels=4, channels=(16, 32), strides=(4, 1), out_channels=32),
         torch.rand(2, 4, 32, 24)),
        (ReferenceToken(cross_attention_dim=48), torch.rand(2, 4, 32, 24)),
    ):
        if isinstance(network, PoseNet):
            torch.nn.init.normal_(network.final_proj.weight)
        network.save_pretrained(tmp_path / type(network).__name__)
        back = type(network).from_pretrained(
            tmp_path / type(network).__name__, local_files_only=True
        )
        assert torch.equal(back(given), network(given))


def test_a_reference_token_tells_pictures_apart_at_any_size():
    torch.manual_seed(0)
    network = ReferenceToken()
    tokens = network(torch.rand(3, 4, 64, 48))
    assert tokens.shape == (3, 1, 64)
    assert (tokens[0] - tokens[1]).abs().max() > 1e-4
    assert network(torch.rand(1, 4, 32, 32)).shape == (1, 1, 64)
