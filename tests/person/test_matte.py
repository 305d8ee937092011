"""Mattes: real studio photos, white on white, other grounds, bad input."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from person.matte_scenes import drawn_person, overlap, upper_clothes, whitened

from muybridge.errors import InputError
from muybridge.person.ground_model import fit_ground, lab_distance, rgb_to_lab
from muybridge.person.matte import Matte, matte
from muybridge.person.matte_cut import compress, cut
from muybridge.video import read_image

PEOPLE = ("101812", "101936", "102510")


@pytest.fixture(scope="module")
def halves(shared: Path) -> dict[str, np.ndarray]:
    """Front and back of every real sheet."""
    pictures = {}
    for name in PEOPLE:
        sheet = read_image(shared / "data" / "people" / f"{name}.png")
        pictures[f"{name} front"] = np.ascontiguousarray(sheet[:, :800])
        pictures[f"{name} back"] = np.ascontiguousarray(sheet[:, 800:])
    return pictures


@pytest.fixture(scope="module")
def mattes(halves: dict[str, np.ndarray]) -> dict[str, Matte]:
    """Their mattes, made once."""
    return {name: matte(image) for name, image in halves.items()}


@pytest.fixture(scope="module")
def differences(halves: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Their distance from the ground, made once."""
    return {
        name: lab_distance(rgb_to_lab(image) - fit_ground(image).lab)
        for name, image in halves.items()
    }


def test_real_people_come_out_whole(mattes: dict[str, Matte]) -> None:
    for name, result in mattes.items():
        assert result.confidence > 0.9, name
        assert not result.notes, name
        count, _, stats, _ = cv2.connectedComponentsWithStats(result.mask.astype(np.uint8))
        assert stats[1:, cv2.CC_STAT_AREA].max() > 0.985 * result.mask.sum(), name
        rows = np.flatnonzero(result.mask.any(1))
        height = rows[-1] - rows[0] + 1
        assert 0.12 < result.mask.sum() / height**2 < 0.3, name
        assert count < 25, name


def test_ground_and_shadows_stay_out(
    differences: dict[str, np.ndarray], mattes: dict[str, Matte]
) -> None:
    for name, difference in differences.items():
        inside = cv2.erode(mattes[name].mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        # Only white prints, trims and laces of the person may look like the ground.
        assert (difference[inside] < 4).mean() < 0.02, name
        clear = cv2.erode((difference > 30).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        assert mattes[name].mask[clear].mean() > 0.995, name


def test_gaps_open_and_prints_filled(mattes: dict[str, Matte]) -> None:
    shirt = mattes["101812 front"].alpha[470:535, 310:470]
    assert shirt.min() > 0.99, "the white letters on the shirt belong to the person"
    for name, rows, columns in (
        ("101812 front", (960, 1090), (360, 385)),
        ("101936 front", (990, 1040), (318, 324)),
        ("102510 front", (940, 1040), (325, 331)),
        ("102510 back", (900, 1050), (396, 406)),
    ):
        gap = mattes[name].alpha[rows[0] : rows[1], columns[0] : columns[1]]
        assert gap.mean() < 0.05, f"{name}: the gap between the legs"


def test_hair_has_fractions(mattes: dict[str, Matte]) -> None:
    alpha = mattes["101936 back"].alpha[100:290, 280:490]
    assert ((alpha > 0.1) & (alpha < 0.9)).sum() > 400


def test_edge_is_tight(differences: dict[str, np.ndarray], mattes: dict[str, Matte]) -> None:
    """Just outside the mask the picture is the ground, just inside it is not."""
    for name, difference in differences.items():
        mask = mattes[name].mask.copy()
        rows = np.flatnonzero(mask.any(1))
        belt = np.zeros_like(mask)
        belt[rows[0] + 300 : rows[0] + 700] = True
        solid = mask.astype(np.uint8)
        ring = np.ones((3, 3), np.uint8)
        outer = (cv2.dilate(solid, ring, iterations=5) > 0) & ~(
            cv2.dilate(solid, ring, iterations=3) > 0
        )
        inner = (cv2.erode(solid, ring, iterations=2) > 0) & ~(
            cv2.erode(solid, ring, iterations=4) > 0
        )
        assert np.median(difference[outer & belt]) < 6, name
        assert np.percentile(difference[inner & belt], 10) > 12, name


@pytest.mark.parametrize(
    ("name", "paint"),
    [
        ("102510 back", {"base": 94.0, "contrast": 0.25, "rim": 1.0}),
        ("102510 front", {"base": 95.5, "contrast": 0.2, "rim": 0.5}),
        ("101812 back", {"base": 94.5, "contrast": 0.12, "rim": 0.3}),
    ],
)
def test_white_shirt_on_white_ground(
    halves: dict[str, np.ndarray],
    mattes: dict[str, Matte],
    name: str,
    paint: dict[str, float],
) -> None:
    truth = mattes[name]
    shirt = upper_clothes(halves[name], truth.alpha)
    assert shirt.sum() > 0.2 * truth.mask.sum()
    picture = whitened(halves[name], truth.alpha, shirt, **paint)
    result = matte(picture)
    assert overlap(result.mask, truth.mask) > 0.95
    assert result.confidence < 0.75
    assert any("colour" in note for note in result.notes)


def test_drawn_person_and_shadow() -> None:
    picture, truth = drawn_person()
    result = matte(picture)
    assert result.alpha.dtype == np.float32
    assert result.alpha.shape == picture.shape[:2]
    assert overlap(result.mask, truth) > 0.94
    assert result.mask[300, 130] == False  # noqa: E712  between the legs
    assert matte(picture).alpha.tobytes() == result.alpha.tobytes()


@pytest.mark.parametrize("ground", [(60, 170, 75), (120, 120, 125), (210, 190, 170)])
def test_other_plain_grounds(ground: tuple[int, int, int]) -> None:
    picture, truth = drawn_person(ground=ground, shirt=(170, 40, 45))
    result = matte(picture)
    assert overlap(result.mask, truth) > 0.93
    assert result.confidence > 0.7


def test_white_drawn_shirt_with_and_without_prior() -> None:
    picture, truth = drawn_person(shirt=(238, 238, 241), height=800, width=520)
    plain = matte(picture)
    assert overlap(plain.mask, truth) > 0.85
    prior = cv2.GaussianBlur(truth.astype(np.float32), (0, 0), 9)
    helped = matte(picture, prior=np.clip(prior, 0, 1))
    assert overlap(helped.mask, truth) >= overlap(plain.mask, truth) - 0.01
    assert overlap(helped.mask, truth) > 0.93


def test_busy_ground_is_said() -> None:
    rng = np.random.default_rng(0)
    coarse = rng.uniform(0, 255, (14, 9, 3)).astype(np.float32)
    picture, truth = drawn_person(shirt=(250, 230, 40))
    ground = cv2.resize(coarse, picture.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    busy = np.where(truth[..., None], picture, np.clip(ground, 0, 255)).astype(np.uint8)
    result = matte(busy)
    assert result.confidence <= 0.6
    assert any("mask= is recommended" in note for note in result.notes)
    prior = np.clip(cv2.GaussianBlur(truth.astype(np.float32), (0, 0), 5), 0, 1)
    assert overlap(matte(busy, prior=prior).mask, truth) > 0.85


def test_two_people_lower_the_confidence() -> None:
    picture, _ = drawn_person()
    result = matte(np.concatenate([picture, picture], 1))
    assert result.confidence <= 0.4
    assert any("more than one" in note for note in result.notes)


def test_person_cut_off_is_said() -> None:
    picture, _ = drawn_person()
    result = matte(np.ascontiguousarray(picture[:280]))
    assert result.confidence <= 0.7
    assert any("cut off at the bottom" in note for note in result.notes)


def test_large_and_small_pictures_keep_their_size() -> None:
    picture, truth = drawn_person(height=1500, width=700)
    result = matte(picture)
    assert result.alpha.shape == (1500, 700)
    assert overlap(result.mask, truth) > 0.95
    picture, _ = drawn_person(height=120, width=80)
    assert matte(picture).alpha.shape == (120, 80)


_FLAT = np.full((120, 90, 3), 240, np.uint8)
_NOISE = np.random.default_rng(1).integers(0, 255, (120, 90, 3), np.uint8)


@pytest.mark.parametrize(
    ("image", "options", "words"),
    [
        (_FLAT, {}, "no person"),
        (np.zeros((200, 100, 3), np.uint8), {}, "no person"),
        (np.zeros((20, 20, 3), np.uint8), {}, "20x20"),
        (np.zeros((100, 100), np.uint8), {}, "RGB"),
        (np.zeros((100, 100, 4), np.uint8), {}, "RGB"),
        (np.zeros((100, 100, 3), np.float32), {}, "uint8"),
        (_FLAT, {"prior": np.zeros((5, 5))}, "prior"),
        (_FLAT, {"prior": np.full((120, 90), np.nan)}, "prior"),
        (_FLAT, {"prior": np.full((120, 90), 3.0)}, "prior"),
        (_FLAT, {"backend": "magic"}, "backend"),
    ],
)
def test_bad_input(image: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        matte(image, **options)


def test_noise_never_passes_for_a_sure_person() -> None:
    try:
        result = matte(_NOISE)
    except InputError:
        return
    assert result.confidence < 0.6 and result.notes


def test_missing_rembg_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("rembg"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match="rembg is not installed"):
        matte(drawn_person()[0], backend="rembg")


def test_cut_follows_contrast() -> None:
    """The boundary lies where the contrast is, not where weak evidence changes sign."""
    evidence = np.full((60, 80), -0.02)
    evidence[20:40, 20:60] = 0.02
    step = np.zeros((60, 80), np.float32)
    step[18:42, 20:60] = 10
    person = np.zeros((60, 80), bool)
    person[30, 40] = True
    found = cut(evidence, (compress(step, 1.0),) * 2, person, np.zeros_like(person))
    assert found.sum() == 24 * 40
    assert not cut(evidence, (compress(step, 1.0),) * 2, person, ~np.zeros_like(person)).any()


def test_ground_follows_lamps_and_ignores_the_person() -> None:
    y, x = np.mgrid[0:300, 0:200].astype(np.float32)
    level = 225 + 20 * np.exp(-((x - 20) ** 2 + (y - 80) ** 2) / 8000) - 10 * y / 300
    picture = np.repeat(level[..., None], 3, 2)
    truth = rgb_to_lab((picture / 255).astype(np.float32))
    picture[60:280, 70:130] = (60, 50, 90)
    ground = fit_ground(picture.astype(np.uint8))
    assert ground.plainness > 0.95
    assert lab_distance(ground.lab - truth)[10:-10, 10:-10].max() < 2.5
    assert not ground.seen[100:240, 80:120].any()
