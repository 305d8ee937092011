import math

import pytest
import torch
import torch.nn.functional as F

from muybridge.errors import InputError
from muybridge.evaluation.extractors import extractor
from muybridge.evaluation.extractors.inception import Inception2015

FINE = """branch1x1 {i} 64 1 1|branch5x5_1 {i} 48 1 1|branch5x5_2 48 64 5 5|
branch3x3dbl_1 {i} 64 1 1|branch3x3dbl_2 64 96 3 3|branch3x3dbl_3 96 96 3 3|
branch_pool {i} {o} 1 1"""
MIDDLE = """branch1x1 768 192 1 1|branch7x7_1 768 {o} 1 1|branch7x7_2 {o} {o} 1 7|
branch7x7_3 {o} 192 7 1|branch7x7dbl_1 768 {o} 1 1|branch7x7dbl_2 {o} {o} 7 1|
branch7x7dbl_3 {o} {o} 1 7|branch7x7dbl_4 {o} {o} 7 1|branch7x7dbl_5 {o} 192 1 7|
branch_pool 768 192 1 1"""
COARSE = """branch1x1 {i} 320 1 1|branch3x3_1 {i} 384 1 1|branch3x3_2a 384 384 1 3|
branch3x3_2b 384 384 3 1|branch3x3dbl_1 {i} 448 1 1|branch3x3dbl_2 448 384 3 3|
branch3x3dbl_3a 384 384 1 3|branch3x3dbl_3b 384 384 3 1|branch_pool {i} 192 1 1"""
TABLE = {
    "": "Conv2d_1a_3x3 3 32 3 3|Conv2d_2a_3x3 32 32 3 3|Conv2d_2b_3x3 32 64 3 3|"
        "Conv2d_3b_1x1 64 80 1 1|Conv2d_4a_3x3 80 192 3 3",
    "Mixed_5b.": FINE.format(i=192, o=32), "Mixed_5c.": FINE.format(i=256, o=64),
    "Mixed_5d.": FINE.format(i=288, o=64),
    "Mixed_6a.": "branch3x3 288 384 3 3|branch3x3dbl_1 288 64 1 1|branch3x3dbl_2 64 96 3 3|"
                 "branch3x3dbl_3 96 96 3 3",
    "Mixed_6b.": MIDDLE.format(o=128), "Mixed_6c.": MIDDLE.format(o=160),
    "Mixed_6d.": MIDDLE.format(o=160), "Mixed_6e.": MIDDLE.format(o=192),
    "Mixed_7a.": "branch3x3_1 768 192 1 1|branch3x3_2 192 320 3 3|branch7x7x3_1 768 192 1 1|"
                 "branch7x7x3_2 192 192 1 7|branch7x7x3_3 192 192 7 1|branch7x7x3_4 192 192 3 3",
    "Mixed_7b.": COARSE.format(i=1280), "Mixed_7c.": COARSE.format(i=2048),
}
"""Names in the file: input, output, height and width of every kernel."""


def expected_shapes():
    shapes = {"fc.weight": (1008, 2048), "fc.bias": (1008,)}
    for block, lines in TABLE.items():
        for line in lines.replace("\n", "").split("|"):
            name, *sizes = line.split()
            take, give, height, width = map(int, sizes)
            shapes[f"{block}{name}.conv.weight"] = (give, take, height, width)
            for part in ("weight", "bias", "running_mean", "running_var"):
                shapes[f"{block}{name}.bn.{part}"] = (give,)
    return shapes


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    made = Inception2015().eval()
    for module in made.modules():  # numbers that show an order or a place that is mixed up
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.1)
        elif isinstance(module, torch.nn.Conv2d):
            fan = module.weight[0].numel()
            module.weight.data.normal_(0, (2 / fan) ** 0.5)
    return made.requires_grad_(False)


@pytest.fixture(scope="module")
def file(network, tmp_path_factory):
    """As the release has it: without counts of batches."""
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    kept = {k: v for k, v in network.state_dict().items() if "num_batches" not in k}
    torch.save(kept, path)
    return path


def test_names_and_shapes(network):
    found = {k: tuple(v.shape) for k, v in network.state_dict().items() if "num_batches" not in k}
    assert found == expected_shapes()
    # of Inception v3 with 1000 classes and no auxiliary ones, and eight classes more
    assert sum(math.prod(p.shape) for p in network.parameters()) == 23_834_568 + 8 * 2049


def by_hand(weights, block):
    """What a convolution of the block does, from its numbers alone."""
    def convolve(name, x, stride=1, pad=None):
        w, *bn = (weights[f"{block}.{name}.{part}"] for part in (
            "conv.weight", "bn.running_mean", "bn.running_var", "bn.weight", "bn.bias"))
        around = tuple(k // 2 for k in w.shape[2:]) if pad is None else pad
        y = F.conv2d(x, w, stride=stride, padding=around)
        mean, variance, scale, bias = (v.view(-1, 1, 1) for v in bn)
        return ((y - mean) / (variance + 0.001).sqrt() * scale + bias).clamp(min=0)
    return convolve


def average_without_rim(x):
    ones = torch.ones_like(x[:1, :1])
    kernel = torch.ones(1, 1, 3, 3)
    sums = F.conv2d(x.flatten(0, 1)[:, None], kernel, padding=1).view_as(x)
    return sums / F.conv2d(ones, kernel, padding=1)


def test_a_fine_block_by_hand(network):
    c = by_hand(network.state_dict(), "Mixed_5b")
    x = torch.randn(2, 192, 6, 5)
    expected = torch.cat([
        c("branch1x1", x), c("branch5x5_2", c("branch5x5_1", x)),
        c("branch3x3dbl_3", c("branch3x3dbl_2", c("branch3x3dbl_1", x))),
        c("branch_pool", average_without_rim(x)),
    ], 1)
    torch.testing.assert_close(network.Mixed_5b(x), expected, rtol=1e-4, atol=1e-4)


def test_a_middle_block_by_hand(network):
    c = by_hand(network.state_dict(), "Mixed_6c")
    x = torch.randn(1, 768, 8, 9)
    double = x
    for k in range(1, 6):
        double = c(f"branch7x7dbl_{k}", double)
    expected = torch.cat([
        c("branch1x1", x), c("branch7x7_3", c("branch7x7_2", c("branch7x7_1", x))), double,
        c("branch_pool", average_without_rim(x)),
    ], 1)
    torch.testing.assert_close(network.Mixed_6c(x), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("name", "take"), [("Mixed_7b", 1280), ("Mixed_7c", 2048)])
def test_the_last_blocks_by_hand(network, name, take):
    """The very last takes a maximum where the one before averages."""
    c = by_hand(network.state_dict(), name)
    x = torch.randn(1, take, 4, 5)
    single = c("branch3x3_1", x)
    double = c("branch3x3dbl_2", c("branch3x3dbl_1", x))
    padded = F.pad(x, (1, 1, 1, 1), value=-math.inf)
    most = padded.unfold(2, 3, 1).unfold(3, 3, 1).amax((-1, -2))
    pooled = most if name == "Mixed_7c" else average_without_rim(x)
    expected = torch.cat([
        c("branch1x1", x), c("branch3x3_2a", single), c("branch3x3_2b", single),
        c("branch3x3dbl_3a", double), c("branch3x3dbl_3b", double), c("branch_pool", pooled),
    ], 1)
    torch.testing.assert_close(getattr(network, name)(x), expected, rtol=1e-4, atol=1e-4)


def test_blocks_between_by_hand(network):
    weights = network.state_dict()
    c = by_hand(weights, "Mixed_6a")
    x = torch.randn(1, 288, 9, 7)
    expected = torch.cat([
        c("branch3x3", x, 2, 0),
        c("branch3x3dbl_3", c("branch3x3dbl_2", c("branch3x3dbl_1", x)), 2, 0),
        x.unfold(2, 3, 2).unfold(3, 3, 2).amax((-1, -2)),
    ], 1)
    torch.testing.assert_close(network.Mixed_6a(x), expected, rtol=1e-4, atol=1e-4)
    c = by_hand(weights, "Mixed_7a")
    x = torch.randn(1, 768, 9, 7)
    long = c("branch7x7x3_3", c("branch7x7x3_2", c("branch7x7x3_1", x)))
    expected = torch.cat([
        c("branch3x3_2", c("branch3x3_1", x), 2, 0), c("branch7x7x3_4", long, 2, 0),
        x.unfold(2, 3, 2).unfold(3, 3, 2).amax((-1, -2)),
    ], 1)
    torch.testing.assert_close(network.Mixed_7a(x), expected, rtol=1e-4, atol=1e-4)


def test_from_a_file(network, file):
    """At 299 pixels the blocks see 35, 17 and 8, and values are those of [-1, 1]."""
    seen = {}
    hooks = [
        getattr(network, name).register_forward_hook(
            lambda _, __, out, name=name: seen.update({name: tuple(out.shape[1:])}))
        for name in ("Mixed_5d", "Mixed_6e", "Mixed_7c")
    ]
    pictures = torch.rand(1, 1, 3, 90, 61)
    taken = extractor("fid[inception-2015]", file)
    found = taken.features(pictures)
    resized = F.interpolate(pictures[:, 0], (299, 299), mode="bilinear")
    torch.testing.assert_close(found, network(resized * 2 - 1), rtol=1e-4, atol=1e-4)
    assert seen == {"Mixed_5d": (288, 35, 35), "Mixed_6e": (768, 17, 17), "Mixed_7c": (2048, 8, 8)}
    assert (taken.label, taken.kind, taken.length) == ("fid[inception-2015]", "picture", 1)
    assert "not antialiased" in taken.resize
    for hook in hooks:
        hook.remove()


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "other.pth"
    for table, text in (
        ({"fc.weight": torch.zeros(1008, 2048)}, "471 missing: Conv2d_1a_3x3.conv.weight, .* more"),
        ({"AuxLogits.fc.weight": torch.zeros(2)}, "1 unknown: AuxLogits.fc.weight"),
        ({"fc.bias": torch.zeros(1000)}, r"of other shape: fc.bias \[1000\] instead of \[1008\]"),
    ):
        torch.save(table, path)
        with pytest.raises(InputError, match=text):
            extractor("inception-2015", path)
    (tmp_path / "empty.pth").write_bytes(b"")
    with pytest.raises(InputError, match="can't be read"):
        extractor("inception-2015", tmp_path / "empty.pth")
    with pytest.raises(InputError, match="is not there"):
        extractor("inception-2015", tmp_path / "absent.pth")
