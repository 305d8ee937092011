import json
import math

import pytest
import torch
import torch.nn.functional as F

from muybridge.errors import InputError
from muybridge.evaluation.extractors import cut, extractor
from muybridge.evaluation.extractors.resnet3d import MEAN, Bottleneck, ResNet3D


def clip(frames=16, height=20, width=14, seed=0):
    return torch.rand(1, frames, 3, height, width, generator=torch.Generator().manual_seed(seed))


# ------------------------------------------------------------------------- 3D ResNet-50


def expected_shapes():
    shapes = {"conv1.weight": (64, 3, 7, 7, 7), "fc.weight": (400, 2048), "fc.bias": (400,)}

    def norm(name, width):
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{part}"] = (width,)

    norm("bn1", 64)
    for layer, blocks, inner, before in ((1, 3, 64, 64), (2, 4, 128, 256), (3, 6, 256, 512),
                                         (4, 3, 512, 1024)):
        for block in range(blocks):
            name = f"layer{layer}.{block}"
            take = before if block == 0 else 4 * inner
            shapes[f"{name}.conv1.weight"] = (inner, take, 1, 1, 1)
            shapes[f"{name}.conv2.weight"] = (inner, inner, 3, 3, 3)
            shapes[f"{name}.conv3.weight"] = (4 * inner, inner, 1, 1, 1)
            for number, width in ((1, inner), (2, inner), (3, 4 * inner)):
                norm(f"{name}.bn{number}", width)
        shapes[f"layer{layer}.0.downsample.0.weight"] = (4 * inner, before, 1, 1, 1)
        norm(f"layer{layer}.0.downsample.1", 4 * inner)
    return shapes


@pytest.fixture(scope="module")
def resnet_file(tmp_path_factory):
    """As the release has it: under ``state_dict``, from a parallel run, without counts."""
    torch.manual_seed(0)
    network = ResNet3D().eval()
    weights = {f"module.{k}": v for k, v in network.state_dict().items() if "num_b" not in k}
    path = tmp_path_factory.mktemp("weights") / "resnet-50-kinetics.pth"
    torch.save({"epoch": 3, "arch": "resnet-50", "state_dict": weights}, path)
    return path, network


def test_resnet_names_and_shapes(resnet_file):
    found = {k: tuple(v.shape) for k, v in resnet_file[1].state_dict().items() if "num_b" not in k}
    assert found == expected_shapes()


def test_a_bottleneck_by_hand():
    torch.manual_seed(1)
    block = Bottleneck(6, 3, 2).eval().requires_grad_(False)
    for name, value in block.state_dict().items():
        if "running_var" in name or name.endswith("weight") and value.dim() == 1:
            value.uniform_(0.5, 1.5)
        elif "running_mean" in name or name.endswith("bias"):
            value.normal_()
    w = block.state_dict()

    def norm(x, name):
        mean, variance, scale, bias = (
            w[f"{name}.{k}"].view(-1, 1, 1, 1)
            for k in ("running_mean", "running_var", "weight", "bias"))
        return (x - mean) / (variance + 1e-5).sqrt() * scale + bias

    x = torch.randn(2, 6, 5, 6, 7)
    y = norm(F.conv3d(x, w["conv1.weight"]), "bn1").clamp(min=0)
    y = norm(F.conv3d(y, w["conv2.weight"], stride=2, padding=1), "bn2").clamp(min=0)
    y = norm(F.conv3d(y, w["conv3.weight"]), "bn3")
    short = norm(F.conv3d(x[:, :, ::2, ::2, ::2], w["downsample.0.weight"]), "downsample.1")
    torch.testing.assert_close(block(x), (y + short).clamp(min=0), rtol=1e-4, atol=1e-4)


def test_resnet_from_a_file(resnet_file):
    path, network = resnet_file
    taken = extractor("fid-vid[resnet3d-50]", path)
    frames = clip(height=112, width=112)
    seen = []
    hook = network.layer4.register_forward_hook(lambda _, __, out: seen.append(tuple(out.shape)))
    with torch.no_grad():
        expected = network((frames * 255 - torch.tensor(MEAN).view(3, 1, 1)).transpose(1, 2))
    hook.remove()
    torch.testing.assert_close(taken.features(frames), expected, rtol=1e-3, atol=1e-3)
    assert seen == [(1, 2048, 1, 4, 4)]
    assert (taken.length, taken.stride, taken.size) == (16, 8, 112)


def test_resnet_files_refused(tmp_path, resnet_file):
    path = tmp_path / "w.pth"
    for table, text in (
        ({"state_dict": {"module.conv1.weight": torch.zeros(1)}}, "missing"),
        ({"state_dict": []}, "no table of tensors"),
        ([torch.zeros(1)], "no table of tensors"),
        ({"state_dict": {"module.fc.bias": torch.tensor([float("nan")])}}, "not finite"),
        ({"state_dict": {"code": pytest.raises}}, "could be code"),
    ):
        torch.save(table, path)
        with pytest.raises(InputError, match=text):
            extractor("resnet3d-50", path)
    with resnet_file[0].open("rb") as whole:
        path.write_bytes(whole.read(1000))
    with pytest.raises(InputError, match="can't be read"):
        extractor("resnet3d-50", path)
    with pytest.raises(InputError, match="is not there"):
        extractor("resnet3d-50", tmp_path / "absent.pth")


# ---------------------------------------------------------------------------------- I3D


class Detector(torch.nn.Module):
    """Takes what the circulating file takes, and gives what went in, over and over."""

    def forward(
        self, x: torch.Tensor, rescale: bool = True, resize: bool = True,
        return_features: bool = False,
    ) -> torch.Tensor:
        flags = torch.tensor([float(rescale), float(resize), float(return_features)])
        told = torch.cat([
            flags.expand(x.shape[0], 3), x.amin(dim=[2, 3, 4]), x.amax(dim=[2, 3, 4]),
            x[:, 0, :, 100, 50], torch.tensor(x.shape[1:]).float().expand(x.shape[0], 4),
        ], 1)
        return F.pad(told, [0, 400 - told.shape[1]])


def test_i3d_from_torchscript(tmp_path):
    path = tmp_path / "i3d_torchscript.pt"
    torch.jit.script(Detector()).save(str(path))
    taken = extractor("fvd[i3d]", path, stride=16)
    frames = clip(height=224, width=224).clamp(0.1, 0.9)
    found = taken.features(frames)[0]
    assert found[:3].tolist() == [0, 0, 1]
    torch.testing.assert_close(found[3:6], torch.full((3,), -0.8))
    torch.testing.assert_close(found[6:9], torch.full((3,), 0.8))
    torch.testing.assert_close(found[9:25], frames[0, :, 0, 100, 50] * 2 - 1)
    assert found[25:29].tolist() == [3, 16, 224, 224]
    assert (taken.dimension, taken.stride) == (400, 16)
    small = taken.features(clip(height=30, width=20))
    assert small[0, 25:29].tolist() == [3, 16, 224, 224]


class Stranger(torch.nn.Module):
    """Some other program."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean([2, 3, 4])


class Narrow(Detector):
    """Gives too few numbers."""

    def forward(
        self, x: torch.Tensor, rescale: bool = True, resize: bool = True,
        return_features: bool = False,
    ) -> torch.Tensor:
        return x.mean([2, 3, 4])


def test_i3d_files_refused(tmp_path):
    path = tmp_path / "i3d.pt"
    with pytest.raises(InputError, match="can't be read"):
        extractor("i3d", path)
    path.write_bytes(b"no program")
    with pytest.raises(InputError, match="is no TorchScript file"):
        extractor("i3d", path)
    for network, text in ((Stranger(), "can't be run on clips"),
                          (Narrow(), r"give \[1, 3\] for 1 items instead of \[1, 400\]")):
        torch.jit.script(network).save(str(path))
        with pytest.raises(InputError, match=text):
            extractor("i3d", path).features(clip())


# -------------------------------------------------------------------------- transformers


def make_videomae(folder):
    from transformers import VideoMAEConfig, VideoMAEModel

    config = VideoMAEConfig(image_size=32, num_frames=8, hidden_size=24, num_hidden_layers=2,
                            num_attention_heads=2, intermediate_size=32)
    torch.manual_seed(0)
    VideoMAEModel(config).eval().save_pretrained(folder)


def make_vjepa2(folder):
    from transformers import VJEPA2Config, VJEPA2Model

    config = VJEPA2Config(crop_size=32, frames_per_clip=8, hidden_size=24, num_hidden_layers=2,
                          num_attention_heads=2, mlp_ratio=2, pred_hidden_size=24,
                          pred_num_attention_heads=2, pred_num_hidden_layers=1)
    torch.manual_seed(0)
    VJEPA2Model(config).eval().save_pretrained(folder)


MAKERS = {"videomae": make_videomae, "vjepa2": make_vjepa2}
LENGTHS = {"videomae": 8, "vjepa2": 16}


@pytest.fixture(scope="module", params=MAKERS)
def folder(request, tmp_path_factory):
    path = tmp_path_factory.mktemp(request.param)
    MAKERS[request.param](path)
    return request.param, path


def test_transformers_from_a_folder(folder):
    from transformers import AutoModel

    name, path = folder
    taken = extractor(f"fvd[{name}]", path)
    assert (taken.dimension, taken.length, taken.size) == (24, LENGTHS[name], 32)
    frames = clip(taken.length, 32, 32)
    mean, spread = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    pixels = (frames - mean.view(3, 1, 1)) / spread.view(3, 1, 1)
    with torch.no_grad():
        tokens = AutoModel.from_pretrained(path).eval()(pixels).last_hidden_state
    assert tokens.shape == (1, taken.length // 2 * 4, 24)
    torch.testing.assert_close(taken.features(frames), tokens.mean(1), rtol=1e-3, atol=1e-4)
    video = torch.rand(2, 24, 3, 20, 14)
    assert taken.features(cut(video, taken)).shape == (2 * len(range(0, 25 - taken.length, 8)), 24)


def test_order_of_frames_counts(folder):
    name, path = folder
    taken = extractor(name, path)
    frames = clip(taken.length)
    forth, back = taken.features(torch.cat([frames, frames.flip(1)]))
    assert not torch.allclose(forth, back, atol=1e-4)


def test_folders_refused(folder, tmp_path):
    name, path = folder
    config = json.loads((path / "config.json").read_text())

    def refused(text):
        with pytest.raises(InputError, match=text):
            extractor(name, tmp_path)

    refused("config.json: can't be read")
    (tmp_path / "config.json").write_text("{")
    refused("is no JSON")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    refused(f"model_type: is bert, not {name}")
    (tmp_path / "config.json").write_text(json.dumps(config))
    refused("weights: are not there")
    weights = (path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(weights[:500])
    refused("weights: can't be read")
    (tmp_path / "model.safetensors").write_bytes(weights)
    (tmp_path / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))
    refused(r"weights: lack \d+ such as encoder.layer.2")
    (tmp_path / "config.json").write_text(json.dumps({**config, "hidden_size": 48}))
    refused("weights: can't be read")
    assert math.isfinite(float(extractor(name, path).features(clip(LENGTHS[name])).sum()))
