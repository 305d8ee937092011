from __future__ import annotations

import pytest
import torch
from nerf_scene import Scene, tiny_nerf

from muybridge.body import load_body
from muybridge.errors import InputError
from muybridge.networks.human_nerf import NANO, BakedReference, HumanNeRF, canonical_skin
from muybridge.networks.human_nerf import model as model_module
from muybridge.networks.human_nerf.features import (
    clothing_colours,
    look_up,
    project,
    visibility,
)
from muybridge.networks.human_nerf.stylegan import StyleConv, double
from muybridge.networks.human_nerf.tokens import TokenAttention, waves


@pytest.fixture(scope="module")
def model() -> HumanNeRF:
    return tiny_nerf().eval()


def test_nano_is_small():
    with torch.device("meta"):
        parameters = sum(p.numel() for p in HumanNeRF(**NANO).parameters())
    assert parameters < 1_000_000  # 2 MB in half precision


def test_settings_and_weights_survive_a_file(model, tmp_path):
    model.save_pretrained(tmp_path)
    again = HumanNeRF.from_pretrained(tmp_path)
    assert again.config["radius"] == model.config["radius"]
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])


def test_baked_looks_as_unbaked(model, scene: Scene):
    """A grid of 2 cm blurs an untrained field, which waves at 10 cm: within 0.02 on average."""
    skin = scene.skin(model)
    reference, _, K, T = scene.shot(0, 0)
    baked = model.encode(reference[0], skin.select([0]), K[0], T[0])
    seen = model.encode(reference[0], skin.select([0]), K[0], T[0], bake=False)
    shots = [scene.shot(v, 1) for v in (0, 2)]
    Ks, Ts = torch.cat([s[2] for s in shots]), torch.cat([s[3] for s in shots])
    a, b = (model.render(x, skin.select([1]), Ks, Ts, 96, 72) for x in (baked, seen))
    covered = b[1] > 0.5
    assert covered.float().mean() > 0.05
    assert (a[0] - b[0]).abs().mean() < 0.005
    assert (a[1] - b[1]).abs().mean() < 0.005
    both = covered & (a[1] > 0.5)
    assert (a[2] - b[2])[both].abs().median() < 0.01


def test_a_finer_grid_is_closer(scene: Scene):
    errors = []
    for step in (0.06, 0.04, 0.025):
        model = tiny_nerf(bake_step=step)
        skin = scene.skin(model).select([0])
        reference, _, K, T = scene.shot(1, 0)
        features = model.features(reference, skin, K, T)
        baked = BakedReference.of(model, features)
        g = torch.Generator().manual_seed(0)
        vertices = model.canonical.vertices
        points = vertices[torch.randint(len(vertices), (2000,), generator=g)]
        points = points + 0.03 * torch.randn(2000, 3, generator=g)
        with torch.no_grad():
            raw, hidden = model.place(features, points)
            ours, later = baked.look(points)
            errors.append(float((later(torch.arange(2000)) - hidden).abs().mean()))
        # at the nodes themselves nothing is lost
        nodes = baked.shell.nodes[::50]
        assert torch.allclose(baked.look(nodes)[0], baked.raw[::50], atol=1e-4)
    assert errors[0] > 1.3 * errors[1] > 1.3 * errors[2]


def test_baked_references_are_kept_in_files(model, scene: Scene, tmp_path):
    skin = scene.skin(model).select([0])
    reference, _, K, T = scene.shot(0, 0)
    person = model.encode(reference[0], skin, K[0], T[0])
    person.save(tmp_path / "me.safetensors")
    again = BakedReference.load(tmp_path / "me.safetensors", model)
    a, b = (model.render(p, skin, K, T, 96, 72)[0] for p in (person, again))
    assert (a - b).abs().max() < 0.01  # half precision
    assert torch.equal(
        model.encode(reference[0], skin, K[0], T[0]).hidden, person.hidden
    )

    with pytest.raises(InputError, match="another network"):
        BakedReference.load(tmp_path / "me.safetensors", tiny_nerf(seed=1))
    data = (tmp_path / "me.safetensors").read_bytes()
    for name, content in (("cut", data[:5000]), ("empty", b""), ("other", b"\x80\x04." * 9)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match="can't be read"):
            BakedReference.load(tmp_path / name, model)
    with pytest.raises(InputError, match="can't be read"):
        BakedReference.load(tmp_path / "nothing", model)


def test_features_of_a_person_are_their_own(model, scene: Scene):
    skin = scene.skin(model)
    shots = [scene.shot(v, v) for v in range(3)]
    pictures, Ks, Ts = (torch.cat([s[k] for s in shots]) for k in (0, 2, 3))
    with torch.no_grad():
        together = model.features(pictures, skin.select([0, 1, 2]), Ks, Ts).person(1)
        alone = model.features(pictures[1:2], skin.select([1]), Ks[1:2], Ts[1:2])
        points = model.canonical.vertices[:100] + 0.01
        a, b = model.place(together, points), model.place(alone, points)
    assert torch.allclose(a[0], b[0], atol=1e-4) and torch.allclose(a[1], b[1], atol=1e-4)


def test_points_do_not_depend_on_blocks(model, scene: Scene, monkeypatch):
    skin = scene.skin(model).select([0])
    reference, _, K, T = scene.shot(0, 0)
    points = model.canonical.vertices[:300] + 0.01
    with torch.no_grad():
        features = model.features(reference, skin, K, T)
        whole = model.place(features, points)
        monkeypatch.setattr(model_module, "_BLOCK", 77)
        parts = model.place(features, points)
    assert torch.allclose(whole[0], parts[0], atol=1e-5)


def test_references_of_any_size_are_seen_alike(model, scene: Scene):
    skin = scene.skin(model).select([0])
    reference, _, K, T = scene.shot(0, 0)
    double_size = torch.nn.functional.interpolate(reference, scale_factor=2, mode="bilinear")
    K2 = torch.diag(torch.tensor([2.0, 2.0, 1.0])) @ K
    points = model.canonical.vertices[:200]
    with torch.no_grad():
        a = model.place(model.features(reference, skin, K, T), points)[1]
        b = model.place(model.features(double_size, skin, K2, T), points)[1]
        wrong = model.place(model.features(double_size, skin, K, T), points)[1]
    assert (a - b).abs().mean() < 0.4 * (a - wrong).abs().mean()


def test_the_camera_sees_the_front_and_not_the_back(scene: Scene):
    model = tiny_nerf()
    skin = scene.skin(model).select([0])
    _, _, K, T = scene.shot(0, 0)  # from the front
    seen = visibility(skin, K, T, False)[0]
    released = visibility(skin, K, T, True)[0]
    towards = skin.normals[0, :, 2]
    assert (seen[towards < -0.4] == 0).all()  # the camera looks down a little, in perspective
    assert (seen[towards > 0.5] > 0.3).float().mean() > 0.85
    assert ((released == 1) | (released == 0)).all() and (released[seen > 0] == 1).all()
    # from the side, one arm or leg hides behind the body though it faces the camera
    _, _, K, T = scene.shot(2, 0)
    assert (visibility(skin, K, T, True)[0] > visibility(skin, K, T, False)[0].gt(0)).sum() > 30


def test_look_up_finds_pixel_centres():
    picture = torch.arange(12.0).view(1, 1, 3, 4)
    centre = torch.tensor([[[2.5, 1.5], [0.5, 0.5], [-3, 1]]])
    found = look_up(picture, centre, (3, 4), False)[0, :, 0]
    assert found.tolist() == pytest.approx([6, 0, 0], abs=1e-5)
    # the release: pixel 2 of 4 lies at 2 / 4 of the way from the first to the last
    assert look_up(picture, centre, (3, 4), True)[0, 0, 0] == pytest.approx(4 * 2 / 3 + 1.5)


def test_waves_are_sines_then_cosines_of_each_frequency():
    x = torch.tensor([[0.1, -0.2, 0.3]])
    truth = torch.cat([x, x.sin(), x.cos(), (2 * x).sin(), (2 * x).cos()], 1)
    assert torch.allclose(waves(x, 2), truth, atol=1e-6)


def test_attention_is_attention():
    torch.manual_seed(0)
    layer = TokenAttention(8, 2, 6)
    x = torch.randn(5, 3, 8)
    q, k, v = layer.to_qkv(x).view(5, 3, 3, 2, 6).permute(2, 0, 3, 1, 4)
    mixed = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    truth = layer.to_out(mixed.transpose(1, 2).reshape(5, 3, 12))
    assert torch.allclose(layer(x), truth, atol=1e-6)


def test_style_convolution_modulates_demodulates_and_doubles():
    """Against the formulas of the paper, one sample at a time."""
    torch.manual_seed(0)
    layer, x, style = StyleConv(4, 5, 8, up=True), torch.randn(2, 4, 6, 6), torch.randn(2, 8)
    taps = torch.tensor([1.0, 3, 3, 1])
    kernel = taps[:, None] * taps / 16
    out = layer(x, style)
    for b in range(2):
        scaled = layer.weight * layer.affine(style)[b, None, :, None, None]
        scaled = scaled * (scaled.square().sum((1, 2, 3), keepdim=True) + 1e-8).rsqrt()
        apart = torch.zeros(1, 4, 12, 12)
        apart[..., ::2, ::2] = x[b]
        apart = torch.nn.functional.pad(apart, (3, 2, 3, 2))
        smooth = torch.nn.functional.conv2d(apart, kernel.expand(4, 1, 4, 4), groups=4)
        truth = torch.nn.functional.conv2d(smooth, scaled.flip(2, 3))[0]
        truth = torch.nn.functional.leaky_relu(truth, 0.2) * 2**0.5
        assert torch.allclose(out[b], truth, atol=1e-5)
    assert torch.allclose(double(torch.ones(1, 1, 4, 4))[0, 0, 2:6, 2:6], torch.ones(4, 4))


def test_another_body_is_refused():
    with pytest.raises(InputError, match="needs the SMPL body"):
        HumanNeRF(**{**NANO, "body": "smpl"}).canonical  # noqa: B018
    with pytest.raises(InputError, match="is anny, where smpl is needed"):
        HumanNeRF(**{**NANO, "body": "smpl"}).use_skin(canonical_skin(load_body(), 100))


def test_clothing_colours_go_on_past_the_outline():
    picture = torch.zeros(1, 3, 48, 36)
    picture[:, 0, 12:36, 12:24] = 0.8  # somebody in red
    colours = clothing_colours(picture)
    assert torch.equal(colours[:, :3, 12:36, 12:24], picture[:, :, 12:36, 12:24])
    outside = colours[0, :3, 20, 25]  # one pixel off the outline
    assert torch.allclose(outside, torch.tensor([0.8, 0.0, 0.0]), atol=1e-5)
    assert torch.allclose(colours[0, 3:, 24, 18], torch.tensor([0.8, 0.0, 0.0]), atol=1e-5)
    assert colours[:, :, 0, 0].abs().max() == 0  # far from anybody


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_shares_decide_whose_colour_a_place_has(scene: Scene, taken):
    model = tiny_nerf()
    skin = scene.skin(model).select([0])
    reference, _, K, T = scene.shot(0, 0)
    points = model.canonical.vertices[:200]
    direction = torch.nn.functional.normalize(torch.ones(200, 3), dim=1)
    with torch.no_grad():
        model.decoder.shares.weight.zero_()
        model.decoder.shares.bias.copy_(torch.eye(3)[taken] * 50)
        features = model.features(reference, skin, K, T)
        colour = model.colour(model.place(features, points)[1], direction)
        pixels, _ = project(skin.vertices[0, :200], K[0], T[0])
        size = features.picture.shape[-2:]
        given = look_up(
            features.colours, pixels[None] * size[0] / reference.shape[-2], tuple(size), False
        )[0]
    if taken:
        assert torch.allclose(colour, given[:, 3 * taken - 3 : 3 * taken], atol=2e-3)
    else:
        assert (colour - given[:, :3]).abs().mean() > 0.05
