"""``muybridge compose``: pictures of parts become a person whom methods can animate."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from muybridge.cli import main
from muybridge.errors import InputError
from muybridge.jobs.compose import Composition, compose
from muybridge.jobs.compose import _read as read_lent
from muybridge.methods.reimagine.assets import AssetPictures
from muybridge.methods.reimagine.assets_of_person import assets_of_person
from muybridge.methods.reimagine.collage import collage
from muybridge.methods.reimagine.compose import compose as put_together
from muybridge.methods.reimagine.compose import shape_of, stand
from muybridge.motion import clips
from muybridge.person import Person


def picture(shape, colour, holes=()):
    """A rectangle with others cut out of it, RGBA."""
    rgba = np.zeros((*shape, 4), np.uint8)
    rgba[...] = (*colour, 255)
    for rows, columns in holes:
        rgba[rows, columns] = 0
    return rgba


PARTS = {
    "face": picture((60, 48), (200, 150, 120)),
    "upper": picture((60, 70), (200, 30, 30), [(slice(25, 60), slice(0, 17)),
                                               (slice(25, 60), slice(53, 70))]),
    "lower": picture((90, 40), (30, 30, 200), [(slice(25, 90), slice(18, 22))]),
    "shoes": picture((16, 60), (20, 120, 20), [(slice(0, 16), slice(26, 34))]),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    for name, rgba in PARTS.items():
        room = np.pad(rgba, ((4, 4), (4, 4), (0, 0)))
        Image.fromarray(room).save(folder / f"{name}.png")
    return {name: str(folder / f"{name}.png") for name in PARTS}


@pytest.fixture(scope="module")
def made(files, small_textures, tmp_path_factory):
    """What the command writes."""
    out = tmp_path_factory.mktemp("made") / "person"
    arguments = [word for name, path in files.items() for word in (f"--{name}", path)]
    assert main(["compose", *arguments, "--weights", "none", "--body", "gender=1", "--size",
                 "144x192", "-o", str(out), "--quiet", "--json"]) == 0
    return out


def colour_at(image, part):
    """The mean colour of a share of rows, in the middle third."""
    rows, columns = image.shape[:2]
    some = image[round(part[0] * rows) : round(part[1] * rows), columns // 3 : -(columns // 3)]
    body = some[some.min(-1) < 235]
    return body.mean(0)


def test_a_person_is_put_together(made):
    person = Person.load(made)
    assert person.shape.gender == 1 and len(person.photos) == 2
    for side in ("front", "back"):
        image = np.asarray(Image.open(made / f"{side}.collage.png"))
        assert image.shape == (192, 144, 3)
        chest, legs = colour_at(image, (0.28, 0.4)), colour_at(image, (0.6, 0.75))
        assert chest[0] > 120 > chest[2] and legs[2] > 120 > legs[0]
    posed = person.posed(clips.walk(2, 8))
    assert bool(torch.isfinite(posed.vertices).all())
    texture = person.texture.reshape(-1, 3).astype(int)
    red = (texture[:, 0] > 150) & (texture[:, 2] < 80)
    blue = (texture[:, 2] > 150) & (texture[:, 0] < 80)
    assert red.mean() > 0.02 and blue.mean() > 0.02


def test_people_lend_what_they_wear(made, tmp_path):
    person = Person.load(made)
    lent = assets_of_person(person)
    assert {"face", "upper", "lower", "shoes"} <= set(lent.pictures)
    for name, channel in (("upper", 0), ("lower", 2), ("shoes", 1)):
        for pictures in (lent.pictures, lent.behind):
            rgba = pictures[name]
            mean = rgba[rgba[..., 3] > 200][:, :3].mean(0)
            assert mean.argmax() == channel and mean[channel] > 80, name
    skin = lent.pictures["face"]
    assert skin[skin[..., 3] > 200][:, 0].mean() > 130
    assert set(lent.anchors) == {"upper", "upper-back", "lower", "lower-back"}
    # on the same body in another pose garments have the same size
    _, _, cameras = stand(person.shape, (144, 192))
    again = collage(lent, stand(person.shape, (144, 192))[0], cameras.select([0]))
    first = torch.from_numpy(np.array(Image.open(made / "front.collage.png"))).float() / 255
    over = again[:3] + 1 - again[3:]
    assert float((over.permute(1, 2, 0) - first).abs().mean()) < 0.03
    asked = Composition({name: str(made) for name in ("face", "upper", "lower")}, weights="none")
    assert set(read_lent(asked).pictures) == {"face", "upper", "lower"}
    with pytest.raises(InputError, match="not seen on this person"):
        read_lent(Composition({"full": str(made)}, weights="none"))
    with pytest.raises(InputError, match="no front"):
        assets_of_person(replace(person, photos=()))


def test_the_body_stands_before_two_cameras():
    posed, motion, cameras = stand(shape_of("weight=0.8"), (96, 128))
    assert (cameras.views, cameras.frames, motion.frames) == (2, 1, 1)
    centers = cameras.centers[:, 0]
    assert float(centers[0, 2]) > 1 and float(centers[1, 2]) < -1
    pixel, depth = cameras.project(posed.vertices)
    assert bool((depth > 0).all())
    low, high = pixel.amin((0, 1, 2)), pixel.amax((0, 1, 2))
    assert float(low.min()) > 0 and float(high[0]) < 96 and float(high[1]) < 128


def test_networks_paint_over_the_collage():
    from methods.test_reimagine_assets import CONFIG

    from muybridge.methods.reimagine.composition import encoder_of
    from muybridge.methods.reimagine.networks import ReImagineNetworks
    from muybridge.networks.linear_autoencoder import LinearAutoencoder

    plain = put_together(AssetPictures(PARTS), size=(96, 128))
    shown = torch.nn.functional.avg_pool2d(plain.collages, 2) * 2 - 1
    settings = CONFIG.autoencoder
    vae = LinearAutoencoder.fit(shown, settings["patch"], settings["latent_channels"])
    networks = ReImagineNetworks.new(CONFIG, vae)
    networks.condition_encoder = encoder_of(CONFIG)
    painted = put_together(AssetPictures(PARTS), networks.eval(), size=(96, 128))
    assert torch.equal(painted.collages, plain.collages)
    for side in ("front", "back"):
        a, b = getattr(plain, side).rgba, getattr(painted, side).rgba
        inside = (a[..., 3] > 250) & (b[..., 3] > 250)
        assert inside.mean() > 0.1  # untrained networks give the collage back, enlarged
        assert np.abs(a[inside][:, :3].astype(int) - b[inside][:, :3]).mean() < 12


@pytest.mark.parametrize("words", ["gender=2", "gender=x", "size=1", "gender", "gender=nan"])
def test_shapes_that_are_none_are_refused(words):
    with pytest.raises(InputError, match="shape"):
        shape_of(words)
    assert shape_of("").weight == 0.5 and shape_of(" weight=0.25 ,age=1").age == 1


def test_a_folder_of_other_things_is_left_alone(files, tmp_path):
    (tmp_path / "diary.txt").write_text("dear")
    with pytest.raises(InputError, match="not a person's"):
        compose(Composition(files, weights="none"), tmp_path)
    with pytest.raises(InputError, match="is a file"):
        compose(Composition(files, weights="none"), tmp_path / "diary.txt")
    with pytest.raises(InputError, match="lower"):
        some = {name: files[name] for name in ("face", "upper")}
        compose(Composition(some, weights="none"), tmp_path / "new")
    with pytest.raises(InputError, match="--size"):
        compose(Composition(files, weights="none", size=(500, 100)), tmp_path / "new")
    assert [p.name for p in tmp_path.iterdir()] == ["diary.txt"]


def test_a_dry_run_says_how_long_it_takes(files, capsys, tmp_path):
    asked = ["compose", "--face", files["face"], "--full", files["upper"], "--dry-run", "--json",
             "-o", str(tmp_path / "out")]
    assert main(asked) == 0
    assert json.loads(capsys.readouterr().out)["seconds"] > 10
    assert not (tmp_path / "out").exists()


def test_the_weights_that_ship_paint_both_sides(files, small_textures, tmp_path):
    out = tmp_path / "person"
    made = compose(Composition(files, body="gender=1", size=(144, 192)), out)
    assert made.folder == out and len(Person.load(out).photos) == 2
    for side in ("front", "back"):
        rgba = np.asarray(Image.open(out / f"{side}.composed.png")).astype(float)
        share = rgba[..., 3:] / 255
        painted = share * rgba[..., :3] + (1 - share) * 255
        laid = np.asarray(Image.open(out / f"{side}.collage.png")).astype(float)
        assert painted.shape == laid.shape == (192, 144, 3)
        assert 0.5 < np.abs(painted - laid).mean() < 40  # painted anew, of the same clothes
        chest, legs = colour_at(painted, (0.28, 0.4)), colour_at(painted, (0.6, 0.75))
        assert chest.argmax() == 0 and legs.argmax() == 2
