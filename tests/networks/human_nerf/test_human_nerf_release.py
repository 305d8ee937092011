from __future__ import annotations

import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import released
import snapshots
import torch

from muybridge.body import load_body
from muybridge.errors import InputError
from muybridge.networks.human_nerf import HumanNeRF, canonical_skin
from muybridge.networks.human_nerf.release import load_released, our_name, our_weights
from muybridge.networks.human_nerf.snapshot import read_snapshot
from muybridge.networks.weights import check_keys, load_strictly

SMALL = {
    "token_dim": 4, "global_widths": (8, 8, 8, 16), "global_depths": (1, 1, 1, 1),
    "local_depth": 1, "plane_size": 8, "style_dim": 8, "synthesis_base": 64, "synthesis_most": 8,
    "fusion_heads": 2, "fusion_head_dim": 3, "fusion_hidden": 6, "decoder_width": 16,
    "body": "anny",
}
SMALL_SHAPES = released.shapes(4, (8, 8, 8, 16), 1, 8, 8, 64, 8, 6, 6, 16)


@pytest.fixture(scope="module")
def small() -> dict[str, torch.Tensor]:
    tensors = released.weights(SMALL_SHAPES)
    tensors["superresolution.block0.conv0.weight"] = torch.zeros(3, 3, 3, 3)
    return tensors


@pytest.fixture
def file(small, tmp_path) -> Path:
    snapshots.RAN.clear()
    return snapshots.write(tmp_path / "network-snapshot.pkl", snapshots.snapshot(small))


@pytest.fixture(scope="module")
def body():
    return canonical_skin(load_body(), 200)


def test_the_whole_release_fits_to_the_last_name():
    shapes = released.shapes()
    with torch.device("meta"):
        model = HumanNeRF()
        given = our_names(shapes)
    check_keys(model.state_dict(), given, "release")
    parts = {n: sum(p.numel() for p in m.parameters()) for n, m in model.named_children()}
    assert parts == {
        "global_encoder": 11_176_512,  # ResNet18 without its last layer
        "local_encoder": 157_504,
        "planes": 28_732_832,  # StyleGAN2, 256 x 256 x 96
        "vertex_projection": 3_104,
        "volume": 1_439_296,
        "volume_projection": 18_528,
        "fusion": 11_520,
        "decoder": 162_756,
    }


def our_names(shapes):
    """Empty tensors under our names, 1x1 convolutions as linear layers."""
    found = {}
    for name, shape in shapes.items():
        ours = our_name(name)
        if ours is not None:
            one = "projection" in name and name.endswith("weight")
            found[ours] = torch.empty(shape[:2] if one else shape)
    return found


def test_equals_the_recorded_release():
    """The whole forward pass of SHERF's own code, at full width, with the same weights."""
    with np.load(Path(__file__).parent / "sherf_recorded.npz") as recorded:
        rgb, alpha = torch.from_numpy(recorded["rgb"]), torch.from_numpy(recorded["alpha"])
        box = torch.from_numpy(recorded["box"])
    scene = released.scene()
    with torch.device("meta"):
        model = HumanNeRF(reference_size=(released.SIZE, released.SIZE))
    weights = our_weights(released.weights(released.shapes()), "drawn")
    load_strictly(model, weights, "drawn", assign=True)
    model.use_skin(scene.canonical)
    person = model.encode(
        scene.picture, scene.skins[0], scene.K[0], scene.T_cam_world[0], bake=False
    )
    ours, coverage, _ = model.render(
        person, scene.skins[1], scene.K[1:], scene.T_cam_world[1:], released.SIZE, released.SIZE
    )
    assert alpha.max() > 0.9 and rgb.std() > 0.1
    # where its rays meet the box; elsewhere it has none. It doesn't clamp -0.001..1.001
    for a, b in ((coverage[0], alpha), (ours[0], rgb.clamp(0, 1))):
        apart = (a - b).abs() * box
        # measured 1.1e-5; a point as near to one vertex as to another may go either way
        assert (apart > 1e-4).float().mean() < 2e-3 and apart.mean() < 1e-5
    assert not (ours[0] * ~box).any()


def test_a_snapshot_gives_its_tensors_and_runs_nothing(file, small):
    for name, plus in (("G", 0), ("G_ema", 1)):
        tensors = read_snapshot(file, name)
        assert set(tensors) == set(small)
        for key, tensor in small.items():
            assert torch.equal(tensors[key], tensor + (plus if tensor.is_floating_point() else 0))
    assert snapshots.RAN == []
    # the mark would be left: that is what unpickling does
    with snapshots.packages():
        pickle.loads(file.read_bytes())
    assert snapshots.RAN


def test_a_snapshot_becomes_a_network(file, body):
    model = load_released(file, body, settings=SMALL)
    drawn = released.weights(SMALL_SHAPES)
    assert torch.equal(
        model.volume.stages[2][1].conv.weight, drawn["renderer.encoder_3d.conv2.3.weight"]
    )
    assert torch.equal(
        model.fusion.projection.weight, drawn["renderer.conv1d_reprojection.weight"][..., 0]
    )
    last = "synthesis.b8.torgb.affine.bias"
    assert torch.equal(model.planes.get_parameter(last), drawn[f"backbone.{last}"])
    assert not any(p.requires_grad or p.is_meta for p in model.parameters())
    assert model.canonical is body


@pytest.mark.parametrize("change, told", [
    (lambda t: t.pop("decoder.rgb_linear.bias"), "1 missing: decoder.rgb_linear.bias"),
    (lambda t: t.update({"renderer.extra.weight": torch.zeros(2)}), "1 unknown: renderer.extra.w"),
    (lambda t: t.update({"decoder.rgb_linear.bias": torch.zeros(4)}),
     r"rgb_linear.bias \[4\] instead of \[3\]"),
    (lambda t: t["decoder.rgb_linear.bias"].fill_(float("nan")), "not finite"),
])
def test_every_difference_is_told(small, body, tmp_path, change, told):
    tensors = {name: tensor.clone() for name, tensor in small.items()}
    change(tensors)
    path = snapshots.write(tmp_path / "changed.pkl", snapshots.snapshot(tensors))
    with pytest.raises(InputError, match=told):
        load_released(path, body, settings=SMALL)


def test_full_size_is_not_a_small_one(file, body):
    with pytest.raises(InputError, match="of other shape"):
        load_released(file, body)


class Evil:
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


class EvilState:
    """Puts a state onto a function."""

    def __reduce__(self):
        return (print, (), {"a": 1})


def tensor_pickle(offset, size, stride) -> bytes:
    """A tensor over four numbers, with any bounds."""
    storage = torch.arange(4.0).untyped_storage()
    stream = io.BytesIO()
    typed = torch.storage.TypedStorage(wrap_storage=storage, dtype=torch.float32, _internal=True)
    torch.save(typed, stream, _use_new_zipfile_serialization=False)

    class Bounds:
        def __reduce__(self):
            return torch._utils._rebuild_tensor_v2, (Storage(), offset, size, stride, False, {})

    class Storage:
        def __reduce__(self):
            return torch.storage._load_from_bytes, (stream.getvalue(),)

    return pickle.dumps({"G": Bounds()})


HOSTILE = {
    "system": lambda: pickle.dumps({"G": Evil(os.system, "touch pwned")}),
    "eval": lambda: pickle.dumps({"G": Evil(eval, "open('pwned', 'w')")}),
    "getattr": lambda: pickle.dumps({"G": Evil(getattr, os.PathLike, "mro")}),
    "state": lambda: pickle.dumps({"G": EvilState()}),
    "storage": lambda: pickle.dumps(
        {"G": Evil(torch.storage._load_from_bytes, pickle.dumps(Evil(os.system, "touch pwned"), 2))}
    ),
    "beyond": lambda: tensor_pickle(2, (3,), (1,)),
    "before": lambda: tensor_pickle(-1, (3,), (1,)),
    "strides": lambda: tensor_pickle(0, (2, 2), (1,)),
    "huge": lambda: tensor_pickle(0, (1 << 40,), (0,)),
    "empty": lambda: b"",
    "text": lambda: b"not a pickle at all",
    "list": lambda: pickle.dumps([1, 2]),
    "other": lambda: pickle.dumps({"D": None}),
    "number": lambda: pickle.dumps({"G": 3}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_and_broken_files_are_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.pkl").write_bytes(HOSTILE[name]())
    with pytest.raises(InputError):
        read_snapshot(tmp_path / "bad.pkl")
    assert [p.name for p in tmp_path.iterdir()] == ["bad.pkl"]


def test_the_bounds_of_a_tensor_hold():
    from muybridge.networks.human_nerf.snapshot import _Storage, _tensor

    storage = _Storage(torch.arange(4.0))
    assert _tensor(storage, 1, (3,), (1,)).tolist() == [1, 2, 3]
    assert _tensor(storage, 0, (2, 2), (1, 2)).tolist() == [[0, 2], [1, 3]]
    assert _tensor(storage, 0, (0, 5), (5, 1)).shape == (0, 5)


def test_damage_is_told(file, tmp_path):
    data = file.read_bytes()
    for cut in (10, len(data) // 3, len(data) - 1):
        (tmp_path / "cut.pkl").write_bytes(data[:cut])
        with pytest.raises(InputError, match="damaged|no such network"):
            read_snapshot(tmp_path / "cut.pkl")
    with pytest.raises(InputError, match="can't be read"):
        read_snapshot(tmp_path / "nothing.pkl")
    with pytest.raises(InputError, match="no such network"):
        read_snapshot(file, "F")
    assert snapshots.RAN == []
