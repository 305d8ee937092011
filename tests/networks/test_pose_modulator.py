from __future__ import annotations

import pytest
import torch
from torch import nn

from muybridge.networks.pose_modulator import MAP_CHANNELS, PoseModulator


def small(maps=("normal", "depth"), **more):
    torch.manual_seed(0)
    made = PoseModulator(
        **{"maps": maps, "channels": (8, 16), "strides": (2, 2), "heads": 2, "out_channels": 12}
        | more
    )
    return made


def opened(network):
    """The last layer away from zero, so that what comes before shows."""
    nn.init.normal_(network.final_proj.weight)
    return network


def test_the_papers_size():
    with torch.device("meta"):
        network = PoseModulator()
        out = network(torch.rand(1, 2, 4, 576, 576))
    assert out.shape == (2, 320, 72, 72)
    kernels = [m.kernel_size[0] for m in network.guiders["normal"] if isinstance(m, nn.Conv2d)]
    widths = [m.out_channels for m in network.guiders["normal"] if isinstance(m, nn.Conv2d)]
    assert kernels == [4, 4, 4, 3] and widths == [16, 32, 64, 128]


def test_it_starts_at_zero():
    out = small()(torch.rand(2, 3, 4, 16, 12))
    assert out.shape == (6, 12, 4, 3) and (out == 0).all()


@torch.no_grad()
@pytest.mark.parametrize(
    "maps", [("normal", "depth"), ("normal",), ("depth",), ("skeleton",), ("body_normal",)]
)
def test_every_map_counts_and_every_picture_for_itself(maps):
    network = opened(small(maps))
    channels = sum(MAP_CHANNELS[name] for name in maps)
    pose = torch.rand(3, channels, 16, 12)
    before = network(pose)
    for channel in range(channels):
        moved = pose.clone()
        moved[1, channel] = 1 - moved[1, channel]
        change = (network(moved) - before).abs().amax((1, 2, 3))
        assert change[1] > 1e-4 and change[0] == change[2] == 0


@torch.no_grad()
def test_attention_reaches_over_the_whole_picture():
    network = opened(small())
    pose = torch.rand(1, 4, 32, 32)
    moved = pose.clone()
    moved[0, 3, :4, :4] = 1 - moved[0, 3, :4, :4]  # depth in a corner
    change = (network(moved) - network(pose)).abs().amax(1)[0]
    assert (change[-3:, -3:] > 0).all()  # farther than convolutions see


def test_every_weight_learns():
    network = opened(small())
    network(torch.rand(2, 4, 16, 12)).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_one_map_has_the_layers_of_two():
    two, one = small(), small(("depth",))
    shared = {k for k in two.state_dict() if ".normal." not in k}
    assert shared == set(one.state_dict())


@pytest.mark.parametrize(
    "change, problem",
    [
        ({"maps": ("horse",)}, "no map 'horse'"),
        ({"maps": ()}, "not none"),
        ({"maps": ("normal", "depth", "skeleton")}, "one or two"),
        ({"maps": ("depth", "depth")}, "one or two different"),
        ({"heads": 3}, "3 heads do not divide 16"),
        ({"strides": (2, 3)}, "neither 1 nor even"),
        ({"strides": (2,)}, "2 widths but 1 strides"),
    ],
)
def test_settings_that_are_none(change, problem):
    with pytest.raises(ValueError, match=problem):
        small(**change)


def test_saved_and_loaded_it_is_the_same(tmp_path):
    network = opened(small())
    network.save_pretrained(tmp_path)
    back = PoseModulator.from_pretrained(tmp_path, local_files_only=True)
    pose = torch.rand(2, 4, 16, 12)
    with torch.no_grad():
        assert torch.equal(back(pose), network(pose))
