from __future__ import annotations

import pickle
import sys

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from samples import sample_of, truth_of

from muybridge.errors import InputError, MissingWeights
from muybridge.evaluation.backbones import KINDS, load_backbone
from muybridge.evaluation.lpips import Lpips, lpips_metric, lpips_metrics, read_heads
from muybridge.training import generator_of

pytest.importorskip("torchmetrics", reason="needs the extra 'eval'")
NETS = list(KINDS)


def random_backbone(net: str):
    """Untrained, but with features of the size that trained ones have in every layer."""
    backbone = KINDS[net].make()
    generator = generator_of("backbone", net)
    for value in backbone.parameters():
        width = value[0].numel() if value.ndim > 1 else 400.0
        value.data = torch.randn(value.shape, generator=generator) * (2 / width) ** 0.5
    return backbone.eval()


@pytest.fixture(scope="module")
def distances() -> dict[str, Lpips]:
    return {net: Lpips(net, random_backbone(net), read_heads(net)) for net in NETS}


@pytest.fixture(scope="module")
def squeeze(distances) -> Lpips:
    return distances["squeeze"]


def pictures(n: int = 2, height: int = 40, width: int = 36) -> torch.Tensor:
    made = torch.rand(n, 3, height, width, generator=generator_of("pictures"))
    return F.avg_pool2d(made, 5, 1, 2)


def noise(like: torch.Tensor) -> torch.Tensor:
    return torch.randn(like.shape, generator=generator_of("noise"))


# ------------------------------------------------------------------ the networks


def conv(x, weights, number, **how):
    return F.conv2d(x, weights[f"features.{number}.weight"], weights[f"features.{number}.bias"],
                    **how).relu()


def fire(x, weights, number):
    def one(x, name, **how):
        key = f"features.{number}.{name}"
        return F.conv2d(x, weights[f"{key}.weight"], weights[f"{key}.bias"], **how).relu()

    x = one(x, "squeeze")
    return torch.cat([one(x, "expand1x1"), one(x, "expand3x3", padding=1)], 1)


def alex_by_hand(x, w):
    x = a = conv(x, w, 0, stride=4, padding=2)
    x = b = conv(F.max_pool2d(x, 3, 2), w, 3, padding=2)
    x = c = conv(F.max_pool2d(x, 3, 2), w, 6, padding=1)
    x = d = conv(x, w, 8, padding=1)
    return [a, b, c, d, conv(x, w, 10, padding=1)]


def vgg_by_hand(x, w):
    found = []
    for block in ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28)):
        if found:
            x = F.max_pool2d(x, 2, 2)
        for number in block:
            x = conv(x, w, number, padding=1)
        found.append(x)
    return found


def squeeze_by_hand(x, w):
    def pool(x):
        return F.max_pool2d(x, 3, 2, ceil_mode=True)

    a = conv(x, w, 0, stride=2)
    b = fire(fire(pool(a), w, 3), w, 4)
    c = fire(fire(pool(b), w, 6), w, 7)
    d = fire(pool(c), w, 9)
    e = fire(d, w, 10)
    f = fire(e, w, 11)
    return [a, b, c, d, e, f, fire(f, w, 12)]


BY_HAND = {"alex": alex_by_hand, "vgg": vgg_by_hand, "squeeze": squeeze_by_hand}


@torch.no_grad()
@pytest.mark.parametrize("size", [(40, 36), (51, 33)])
@pytest.mark.parametrize("net", NETS)
def test_features_are_those_of_the_papers_layers(distances, net, size):
    backbone = distances[net].backbone
    x = torch.randn(1, 3, *size, generator=generator_of("x"))
    found, expected = backbone(x), BY_HAND[net](x, backbone.state_dict())
    assert [f.shape[1] for f in found] == list(KINDS[net].channels)
    for a, b in zip(found, expected, strict=True):
        assert torch.allclose(a, b, atol=1e-5 * float(b.abs().max()))


@pytest.mark.parametrize(
    "net, count", [("alex", 2_469_696), ("vgg", 14_714_688), ("squeeze", 722_496)]
)
def test_as_many_numbers_as_the_published_networks(net, count):
    # 61,100,840, 138,357,544 and 1,235,496 less those of the classifiers
    assert sum(p.numel() for p in KINDS[net].make().parameters()) == count


# ------------------------------------------------------------------ the distance


def by_loops(lpips: Lpips, a: torch.Tensor, b: torch.Tensor) -> float:
    """The paper's formula, place by place."""
    weights = lpips.backbone.state_dict()
    shift, scale = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)

    def features(picture):
        x = torch.stack(
            [(2 * picture[c] - 1 - shift[c]) / scale[c] for c in range(3)]
        )[None]
        return BY_HAND[lpips.net](x, weights)

    total = 0.0
    for first, second, head in zip(features(a), features(b), read_heads(lpips.net), strict=True):
        _, _, height, width = first.shape
        layer = 0.0
        for y in range(height):
            for x in range(width):
                u, v = first[0, :, y, x].double(), second[0, :, y, x].double()
                u, v = u / max(float(u.norm()), 1e-10), v / max(float(v.norm()), 1e-10)
                layer += float((head.flatten().double() * (u - v) ** 2).sum())
        total += layer / (height * width)
    return total


@torch.no_grad()
@pytest.mark.parametrize("net", NETS)
def test_the_papers_formula(distances, net):
    a = pictures(1, 33, 34)
    b = (a + 0.2 * noise(a)).clamp(0, 1)
    assert float(distances[net](a, b)) == pytest.approx(
        by_loops(distances[net], a[0], b[0]), rel=1e-4
    )


@torch.no_grad()
@pytest.mark.parametrize("net", NETS)
def test_what_torchmetrics_finds_with_the_same_features(distances, net, monkeypatch):
    from torchmetrics.functional.image import lpips as theirs

    monkeypatch.setattr(
        theirs, "_get_tv_model_features", lambda *_, **__: distances[net].backbone.features
    )
    reference = theirs._LPIPS(net=net)
    spatial = theirs._LPIPS(net=net, spatial=True)
    a = pictures()
    b = (a + 0.2 * noise(a)).clamp(0, 1)
    assert torch.allclose(
        distances[net](a, b), reference(a, b, normalize=True).flatten(), rtol=1e-4
    )
    assert torch.allclose(
        distances[net].image(a, b), spatial(a, b, normalize=True), rtol=1e-3, atol=1e-5
    )


@torch.no_grad()
@pytest.mark.parametrize("net", NETS)
def test_a_distance(distances, net):
    a = pictures()
    lpips = distances[net]
    assert torch.equal(lpips(a, a), torch.zeros(2))
    little, more, most = (lpips(a, (a + s * noise(a)).clamp(0, 1)) for s in (0.02, 0.1, 0.4))
    assert (little > 0).all() and (more > little).all() and (most > more).all()
    assert torch.allclose(lpips(a, a.flip(0)), lpips(a.flip(0), a))


@torch.no_grad()
def test_the_mean_over_a_mask(squeeze):
    a = pictures(3)
    b = a.clone()
    b[..., :12] = 1 - a[..., :12]
    mask = torch.zeros(3, 1, 40, 36, dtype=torch.bool)
    mask[0, ..., :12] = True
    mask[1] = True
    whole, inside = squeeze.both(a, b, mask)
    image = squeeze.image(a, b)
    assert torch.allclose(whole, squeeze(a, b))
    assert inside[0] == pytest.approx(float(image[0, ..., :12].mean()), rel=1e-5)
    assert inside[1] == pytest.approx(float(image[1].mean()), rel=1e-5)
    assert inside[2].isnan() and inside[0] > 1.5 * inside[1]


@pytest.mark.parametrize("net", NETS)
def test_it_can_be_a_loss(distances, net):
    truth = pictures(1, 32, 32)
    made = truth.clone()
    made[..., :16] = 0.0  # all features of a black field may be 0
    made.requires_grad_()
    distance = distances[net](made, truth).mean()
    distance.backward()
    assert bool(made.grad.isfinite().all()) and float(made.grad.abs().sum()) > 0
    with torch.no_grad():
        step = made - 0.05 * made.grad / made.grad.abs().max()
        assert distances[net](step, truth).mean() < distance
    assert not any(p.requires_grad for p in distances[net].parameters())


@torch.no_grad()
@pytest.mark.parametrize("net", NETS)
def test_the_least_size(distances, net):
    least = KINDS[net].least
    small = pictures(1, least, least)
    assert distances[net](small, small) == 0
    with pytest.raises(InputError, match=f"at least {least} a side"):
        distances[net](small[..., 1:], small[..., 1:])
    with pytest.raises(RuntimeError):  # the bound is tight
        distances[net].backbone(small[..., 1:])


# ------------------------------------------------------------------ weights


def written(folder, net: str, kind: str, change=lambda weights: None):
    weights = random_backbone(net).state_dict()
    weights["classifier.1.weight"] = torch.zeros(10, 5, 1, 1)
    weights["classifier.1.bias"] = torch.zeros(10)
    change(weights)
    path = folder / f"{net}.{kind}"
    if kind == "safetensors":
        save_file({k: v.contiguous() for k, v in weights.items()}, path)
    else:
        torch.save(weights, path)
    return path


@pytest.mark.parametrize("kind", ["pth", "safetensors"])
@pytest.mark.parametrize("net", ["alex", "squeeze"])
def test_files_load_with_or_without_their_classifier(tmp_path, distances, net, kind):
    a = pictures(1)
    b = a.flip(-1)
    for change in (lambda w: None, lambda w: [w.pop(k) for k in list(w) if "classifier" in k]):
        loaded = Lpips.load(net, written(tmp_path, net, kind, change))
        assert torch.equal(loaded(a, b), distances[net](a, b))


def drop(weights):
    del weights["features.3.squeeze.weight"]


def rename(weights):
    weights["features.99.weight"] = torch.zeros(3)


def reshape(weights):
    weights["features.0.weight"] = torch.zeros(64, 3, 7, 7)


def spoil(weights):
    weights["features.0.bias"][0] = torch.nan


@pytest.mark.parametrize(
    "change, problem",
    [(drop, "1 missing: features.3.squeeze.weight"),
     (rename, "1 unknown: features.99.weight"),
     (reshape, r"features.0.weight \[64, 3, 7, 7\] instead of \[64, 3, 3, 3\]"),
     (spoil, "features.0.bias: holds a number that is not finite"),
     (lambda w: w.clear(), "is no table of tensors")],
)
def test_weights_that_do_not_fit(tmp_path, change, problem):
    with pytest.raises(InputError, match=problem):
        load_backbone("squeeze", written(tmp_path, "squeeze", "pth", change))


def test_another_networks_weights(tmp_path):
    with pytest.raises(InputError, match="missing"):
        Lpips.load("alex", written(tmp_path, "squeeze", "pth"))


def test_files_that_are_none(tmp_path):
    with pytest.raises(InputError, match="is not there"):
        Lpips.load("alex", tmp_path / "nothing.pth")
    for name, content in (("empty.pth", b""), ("text.pth", b"weights"),
                          ("code.pth", pickle.dumps(print, 2)), ("short.safetensors", b"\0" * 9)):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InputError, match=name):
            Lpips.load("squeeze", path)
    whole = written(tmp_path, "squeeze", "pth").read_bytes()
    (tmp_path / "half.pth").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="half.pth"):
        Lpips.load("squeeze", tmp_path / "half.pth")


@pytest.mark.parametrize(
    "net, file", [("squeeze", "squeezenet1_1"), ("alex", "alexnet"), ("vgg", "vgg16")]
)
def test_without_weights_it_says_what_to_get(net, file):
    with pytest.raises(MissingWeights, match=rf"(?s){file}.*MB.*BSD-3-Clause"):
        Lpips.load(net, None)


def test_an_unknown_network():
    with pytest.raises(InputError, match="one of squeeze, alex, vgg"):
        Lpips.load("resnet", None)


def test_without_torchmetrics_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchmetrics", None)
    with pytest.raises(InputError, match=r"muybridge\[eval\]"):
        read_heads("alex")


# ------------------------------------------------------------------ of real items


def test_of_real_people(orbit, other, squeeze, tmp_path):
    metric, = lpips_metrics({"squeeze": written(tmp_path, "squeeze", "pth")})
    truth, matte = truth_of(orbit), orbit.read().matte
    assert metric.function(sample_of(orbit)) == {"lpips[squeeze]": 0, "lpips[squeeze]/frame": 0}
    made = {
        "noise": (truth + 0.02 * noise(truth)).clamp(0, 1),
        "noisier": (truth + 0.1 * noise(truth)).clamp(0, 1),
        "other": truth_of(other), "view": truth.roll(1, 0),
    }
    found = {k: metric.function(sample_of(orbit, v, matte)) for k, v in made.items()}
    for name in ("lpips[squeeze]", "lpips[squeeze]/frame"):
        assert 0 < found["noise"][name] < found["noisier"][name]
    name = "lpips[squeeze]"
    assert found["noise"][name] < min(found["other"][name], found["view"][name])
    assert found["view"][name] > found["view"][f"{name}/frame"]


def test_pictures_that_are_too_small_have_no_score(orbit, squeeze, monkeypatch):
    monkeypatch.setattr(type(squeeze), "both", None)
    large = Lpips("alex", random_backbone("alex"), read_heads("alex"))
    sample = sample_of(orbit)
    object.__setattr__(sample, "made", sample.made[..., :20])
    assert lpips_metric(large).function(sample) == {}
