"""Asset pictures, the collage that they make, and the stage that trains their encoder."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from muybridge.data.people import assets, clip_of, references, sitter
from muybridge.errors import InputError
from muybridge.methods.latent import decode
from muybridge.methods.registry import spec
from muybridge.methods.reimagine.assets import (
    AssetPictures,
    assets_of_clip,
    canvas,
    canvas_size,
    cropped,
    cut_from_plain,
    read_assets,
)
from muybridge.methods.reimagine.assets_corpus import read_wearer, wearer_of, write_wearer
from muybridge.methods.reimagine.assets_recipe import assets_recipe
from muybridge.methods.reimagine.assets_training import (
    Wearers,
    assets_loss,
    assets_trainee,
    block_of,
    paint_wearer,
    validate_assets,
    worn_by,
)
from muybridge.methods.reimagine.checkpoints import load, save
from muybridge.methods.reimagine.collage import collage, split_pair, trunk_width
from muybridge.methods.reimagine.composition import ComposingNetworks, encoder_of
from muybridge.methods.reimagine.config import NANO, PAPER
from muybridge.methods.reimagine.networks import ReImagineNetworks
from muybridge.methods.reimagine.recipe import recipe
from muybridge.methods.sitters import Sitter
from muybridge.networks.linear_autoencoder import LinearAutoencoder
from muybridge.synthetic.capture import Setup
from muybridge.training import Context
from muybridge.training.draws import Draws

SMALL = {"num_attention_heads": 1, "attention_head_dim": 16, "axes_dims_rope": (4, 6, 6)}
CONFIG = replace(
    NANO, width=48, height=64, video={}, reference_columns=4,
    transformer={**NANO.transformer, **SMALL, "num_single_layers": 1},
    controlnet={**NANO.controlnet, **SMALL},
)


@pytest.fixture(scope="module")
def person() -> Sitter:
    """Somebody with assets, seen by three cameras."""
    who = sitter(7, "train", 128)
    setup = Setup("orbit", who.identity, None, 3, 1, "12", (48, 64), 0.77)
    clip = clip_of("train-0000007-orbit", who, who.take(setup), {})
    size = (96, 128)
    cut, _ = assets(who, size, 0.77)
    clip = replace(clip, assets=cut, references=references(who, size, 0.77))
    return Sitter("person", clip.references["front"], (clip,))


@pytest.fixture(scope="module")
def wearer(person):
    return wearer_of(person, CONFIG)


@pytest.fixture(scope="module")
def networks(wearer):
    shown = wearer.subject.blocks[0].truth.flatten(0, 1).float() / 127.5 - 1
    vae = LinearAutoencoder.fit(
        shown, CONFIG.autoencoder["patch"], CONFIG.autoencoder["latent_channels"]
    )
    made = ReImagineNetworks.new(CONFIG, vae, 3)
    made.condition_encoder = encoder_of(CONFIG, 1)
    return made.eval()


# ---------------------------------------------------------------- pictures


def plain(ground=(238, 236, 240), colour=(180, 40, 60)):
    """A shirt with a dark button on a plain ground, lit from the left."""
    light = np.linspace(1.0, 0.94, 80)[None, :, None]
    image = np.asarray(ground, float) * np.ones((90, 80, 1)) * light
    image[20:75, 25:55] = colour
    image[20:35, 10:70] = colour
    image[40:43, 38:41] = (20, 20, 20)
    return image.round().astype(np.uint8)


def test_an_asset_is_cut_from_a_plain_ground(tmp_path):
    image = plain()
    matte = cut_from_plain(image, "shirt")
    truth = np.zeros((90, 80), bool)
    truth[20:75, 25:55] = truth[20:35, 10:70] = True
    wrong = (matte > 127) != truth
    assert wrong.mean() < 0.01 and matte[41, 39] == 255  # the button belongs to it
    Image.fromarray(image).save(tmp_path / "a.png")
    both = read_assets({name: tmp_path / "a.png" for name in ("face", "upper", "lower")})
    assert both.pictures["upper"].shape[:2] == pytest.approx((55, 60), abs=2)


def test_transparency_is_taken_as_it_is(tmp_path):
    rgba = np.zeros((40, 40, 4), np.uint8)
    rgba[10:30, 5:35] = (9, 200, 9, 255)
    Image.fromarray(rgba).save(tmp_path / "dress.png")
    found = read_assets({"face": tmp_path / "dress.png", "full": tmp_path / "dress.png"})
    assert found.pictures["full"].shape == (20, 30, 4)


SOLID = np.full((32, 32, 4), 255, np.uint8)


@pytest.mark.parametrize(
    "pictures, field",
    [
        ({"hat": SOLID}, "hat"),
        ({"face": SOLID}, "upper"),
        ({"face": SOLID, "upper": SOLID}, "lower"),
        ({"upper": SOLID, "lower": SOLID}, "face"),
        ({"back": SOLID}, "face"),
        ({"face": SOLID, "full": SOLID, "upper": SOLID}, "full"),
        ({"front": SOLID[..., :3]}, "front"),
        ({"front": SOLID.astype(np.float32)}, "front"),
        ({"front": SOLID[:4, :4]}, "front"),
        ({"front": np.zeros_like(SOLID)}, "front"),
    ],
)
def test_what_makes_nobody_is_refused(pictures, field):
    with pytest.raises(InputError) as refused:
        AssetPictures(pictures).checked()
    assert refused.value.field == field


def test_pictures_that_cannot_be_cut_out_are_refused(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    with pytest.raises(InputError, match="not plain"):
        cut_from_plain(noise, "noise")
    with pytest.raises(InputError, match="nothing that differs"):
        cut_from_plain(np.full((64, 64, 3), 240, np.uint8), "nothing")
    (tmp_path / "x.png").write_bytes(b"no picture")
    with pytest.raises(InputError):
        read_assets({"front": tmp_path / "x.png"})


def test_canvases_hold_whole_tokens_and_the_whole_asset():
    for config in (NANO, PAPER, CONFIG):
        token = 2 * config.latent_patch
        for name in ("face", "upper", "lower", "full", "shoes"):
            width, height = canvas_size(config, name)
            assert width % token == 0 and height % token == 0 and min(width, height) >= token
        assert canvas_size(config, "front") == (config.width, config.height)
    shown = canvas(np.full((30, 60, 4), 255, np.uint8), 40, 48)
    assert float(shown[3].sum()) == 40 * 20 and float(shown[:, :14].max()) == 0


# ---------------------------------------------------------------- collage


def test_a_collage_is_near_the_person(person):
    known = assets_of_clip(person.clips[0])
    assert {"face", "shoes"} <= set(known.pictures) and known.behind
    for side, reference in person.clips[0].references.items():
        posed = person.body.pose(reference.pose)
        laid = collage(known, posed, reference.camera, side == "back")
        truth = torch.cat([reference.over_black, reference.matte])
        assert float((laid - truth).square().mean()) < 0.006  # 22 dB; nothing at all: 11 dB
        both = (laid[3] > 0.5) & (truth[3] > 0.5)
        either = (laid[3] > 0.5) | (truth[3] > 0.5)
        assert float(both.sum() / either.sum()) > 0.85
        assert bool((laid[:3] <= laid[3:] + 1e-5).all())  # premultiplied


def test_a_whole_picture_is_laid_as_it_is(person):
    clip = person.clips[0]
    front = clip.references["front"]
    laid = collage(
        AssetPictures({"front": front.rgba}), person.body.pose(front.pose), front.camera
    )
    truth = torch.cat([front.over_black, front.matte])
    # as tall as the naked body, so not quite where it was
    both, either = torch.minimum(laid[3], truth[3]), torch.maximum(laid[3], truth[3])
    assert float(both.sum() / either.sum()) > 0.75
    assert float((laid - truth).square().mean()) < 0.25 * float(truth.square().mean())


def test_a_pair_of_shoes_is_split_and_one_shoe_is_not():
    pair = np.zeros((20, 60, 4), np.uint8)
    pair[5:18, 2:25] = pair[6:19, 34:58] = (90, 10, 10, 255)
    left, right = split_pair(pair)
    assert left.shape[:2] == (13, 23) and right.shape[:2] == (13, 24)
    assert len(split_pair(cropped(left))) == 1


def test_sleeves_do_not_count_as_trunk():
    shirt = np.zeros((50, 60, 4), np.uint8)
    shirt[:, 20:40] = shirt[:30, 5:15] = shirt[:30, 45:55] = 255
    assert trunk_width(shirt, 0.1, 0.9, min) == 20


# ---------------------------------------------------------------- training


def test_a_wearer_s_file(wearer, tmp_path):
    path = tmp_path / "a.safetensors"
    write_wearer(wearer, path)
    again = read_wearer(path)
    assert again.subject.name == wearer.subject.name
    assert set(again.canvases) == set(wearer.canvases) >= {"face", "shoes"}
    assert torch.equal(again.subject.blocks[0].sides, wearer.subject.blocks[0].sides)
    path.write_bytes(b"damaged")
    with pytest.raises(InputError, match="training file"):
        read_wearer(path)


def test_who_has_no_assets_is_left_out(person):
    bare = replace(person, clips=(replace(person.clips[0], assets={}, source="elsewhere"),))
    assert wearer_of(bare, CONFIG) is None


def test_assets_are_cut_anew_where_a_clip_has_none(person, wearer):
    bare = replace(person, clips=(replace(person.clips[0], assets={}),))
    again = wearer_of(bare, CONFIG)
    assert again is not None and set(again.canvases) == set(wearer.canvases)
    for name, picture in again.canvases.items():  # from finer textures, so nearly the same
        assert float((picture.float() - wearer.canvases[name].float()).abs().mean()) < 6


def test_the_recipe_puts_the_encoder_beside_the_rest(networks, wearer, tmp_path):
    given = tmp_path / "given"
    save(replace_encoder(networks, None), given)
    context = Context(tmp_path / "run", "assets", init=given)
    for split in ("train", "validation"):
        write_wearer(wearer, context.folder("wearers") / split / "a.safetensors")
    made = assets_recipe(CONFIG)
    assert made.takes_init and made.needs_data
    trainee = made.stages[1].prepare(context)
    trainee.export(trainee.module, context.folder("assets"))
    made.finish(context, tmp_path / "out")
    found = load(tmp_path / "out")
    assert found.condition_encoder is not None
    assert torch.equal(found.transformer.proj_out.weight, networks.transformer.proj_out.weight)
    with pytest.raises(InputError, match="--init"):
        made.stages[1].prepare(Context(tmp_path / "run", "assets"))
    with pytest.raises(InputError, match="size"):
        assets_recipe(NANO).stages[1].prepare(context)
    assert recipe("nano", part="assets").takes_init
    assert spec("reimagine")[0].make_recipe("nano", part="assets").stages[1].name == "assets"
    for method, part in (("reimagine", "nose"), ("gas", "assets")):
        with pytest.raises(InputError, match="trained by itself"):
            spec(method)[0].make_recipe("nano", part=part)


def replace_encoder(networks, encoder):
    """The same networks with another encoder of assets."""
    return ReImagineNetworks(
        networks.config, networks.transformer, networks.controlnet, networks.prompt,
        networks.vae, networks.pose_adapter, networks.video, encoder,
    )


def test_collages_stand_where_the_true_sides_stand(wearer):
    block, back = wearer.subject.blocks[0], wearer.backs[0]
    apart = (block.sides[1].float() - back.float()).square().mean() / 255**2
    moved = (block.sides[1].roll(6, -1).float() - back.float()).square().mean() / 255**2
    assert float(apart) < 0.008 and float(moved) > 2 * float(apart)


def test_untrained_networks_give_the_collage(networks, wearer):
    composing = ComposingNetworks(networks)
    made = paint_wearer(composing, wearer, views=[0, 2])
    block, _ = block_of(wearer, views=[0, 2])
    sides = networks.encode(block.sides[block.side[:, 0].long()].float() / 255)
    assert torch.allclose(made, decode(networks, sides[:, None]), atol=2e-3)
    scores = validate_assets(composing, [wearer])
    assert scores.scores["psnr"] == pytest.approx(scores.scores["collage_psnr"], abs=1.5)
    assert scores.plate is not None


def test_the_true_back_is_taken_where_it_is_known(networks, wearer):
    block, known = block_of(wearer, 0, True)
    assert torch.equal(block.sides[1], wearer.backs[0]) and "back" in known
    composing = ComposingNetworks(networks)
    composing.assets = [known]
    reference = composing.reference(block.sides[None].float() / 255)
    rows, columns = CONFIG.token_grid
    assert reference.ids.shape == (2 * rows * 4, 3)  # the four columns in the middle
    assert set(reference.ids[: rows * 4, 2].tolist()) == {1, 2, 3, 4}
    assert float(reference.ids[rows * 4 :, 2].min()) == columns + 1
    # in another order, the tokens of the networks' own wide reference
    own = networks.reference(block.sides[None].float() / 255)
    assert {tuple(i) for i in own.ids.tolist()} == {tuple(i) for i in reference.ids.tolist()}
    composing.assets = [known, known]
    with pytest.raises(ValueError, match="sets of assets"):
        composing.reference(block.sides[None].float() / 255)


def test_only_the_encoder_learns(networks, wearer, tmp_path):
    trainee = assets_trainee(Context(tmp_path, "assets"), networks, [wearer], [wearer], 2)
    learning = {n for n, p in trainee.module.named_parameters() if p.requires_grad}
    assert learning and all(n.startswith("condition_encoder.") for n in learning)
    # a last layer that is not zero, so that the tokens matter
    torch.nn.init.normal_(networks.transformer.proj_out.weight, std=0.05)
    parameters = [p for p in trainee.module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=3e-3)
    losses = []
    for step in range(8):
        batch = trainee.sampler(0, [0, 1])
        loss, told = assets_loss(trainee.module, batch, Draws(0, "assets", 0, [0, 1]))
        loss.backward()
        if not step:
            assert all(p.grad is not None for p in parameters)
            assert any(bool(p.grad.any()) for p in parameters)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] and set(told) == {"error", "error_copied", "unlike"}
    trainee.export(trainee.module, tmp_path / "out")
    assert (tmp_path / "out/condition_encoder/config.json").is_file()


def test_the_sampler_is_a_function_of_its_step(wearer, tmp_path):
    context = Context(tmp_path, "assets", seed=5)
    sampler = Wearers([wearer], context, 4, with_back=0.5)
    first, again = sampler(3, [0, 1, 2, 3]), Wearers([wearer], context, 4, 0.5)(3, [2, 3])
    for name, value in again.items():
        assert torch.equal(value, first[name][2:]), name
    worn = worn_by(first)
    assert all({"face", "shoes"} <= set(w) for w in worn)
    backs = [k for k in range(16) if "back" in worn_by(sampler(k // 4, [k % 4]))[0]]
    assert 0 < len(backs) < 16


def test_networks_without_an_encoder_compose_nobody(networks):
    bare = ReImagineNetworks.new(CONFIG, networks.vae)
    with pytest.raises(InputError, match="condition_encoder"):
        ComposingNetworks(bare)
    with torch.device("meta"):
        assert encoder_of(PAPER).frontal_queries.shape[1] == 4096
