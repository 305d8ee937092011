"""Reading photos: one, two, sheets, masks, transparency, bad input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from person.matte_scenes import drawn_person
from PIL import Image

from muybridge.errors import InputError
from muybridge.person.photo import find_seam, person_columns, read_mask, read_photo
from muybridge.video import read_image

PEOPLE = ("101812", "101936", "102510")


def _sheet(gap_tone: int = 4) -> tuple[np.ndarray, np.ndarray]:
    left, mask = drawn_person()
    right, _ = drawn_person(ground=(236 - gap_tone,) * 3, seed=1)
    return np.concatenate([left, right], 1), mask


@pytest.mark.parametrize("name", PEOPLE)
def test_real_sheets_split_at_their_seam(shared: Path, name: str) -> None:
    path = shared / "data" / "people" / f"{name}.png"
    front, back = read_photo(path)
    assert (front.name, back.name) == ("front", "back")
    assert front.box == (0, 0, 800, 1328) and back.box == (800, 0, 1600, 1328)
    assert front.image.shape == back.image.shape == (1328, 800, 3)
    assert front.alpha is None and front.source == str(path)
    assert front.sha256 == back.sha256 and len(front.sha256) == 64
    assert any("shows the face" in note for note in front.notes)


def test_swapped_sheet_finds_the_front_by_its_face(shared: Path) -> None:
    image = read_image(shared / "data" / "people" / "101936.png")
    front, back = read_photo(np.concatenate([image[:, 800:], image[:, :800]], 1))
    assert front.box[0] == 800 and back.box[0] == 0
    assert "right half is the front" in " ".join(front.notes)


def test_half_a_sheet_is_one_photo(shared: Path) -> None:
    image = read_image(shared / "data" / "people" / "102510.png")
    (photo,) = read_photo(np.ascontiguousarray(image[:, :800]))
    assert photo.name == "front" and photo.box == (0, 0, 800, 1328)


def test_sheet_of_drawings_and_forced_layouts() -> None:
    sheet, _ = _sheet()
    photos = read_photo(sheet)
    assert [p.box[0] for p in photos] == [0, 260]
    assert len(read_photo(sheet, layout="single")) == 1
    assert len(read_photo(sheet, layout="sheet")) == 2
    assert len(read_photo(drawn_person()[0])) == 1


def test_seam_or_middle() -> None:
    sheet, _ = _sheet()
    left, right = person_columns(sheet)
    assert find_seam(sheet, left[1], right[0]) == (260, True)
    plain = np.full((100, 200, 3), 230, np.uint8)
    assert find_seam(plain, 80, 140) == (110, False)


def test_front_and_back_files_with_masks(tmp_path: Path) -> None:
    image, mask = drawn_person()
    paths = {}
    for name, values in (("front", image), ("back", image[:, ::-1]), ("mask", mask * 255)):
        paths[name] = tmp_path / f"{name}.png"
        Image.fromarray(values.astype(np.uint8)).save(paths[name])
    front, back = read_photo(paths["front"], paths["back"], mask=paths["mask"])
    assert front.alpha is not None and back.alpha is None
    assert np.array_equal(front.alpha >= 0.5, mask)
    assert front.sha256 != back.sha256


def test_transparency_is_the_matte(tmp_path: Path) -> None:
    image, mask = drawn_person()
    path = tmp_path / "cut.png"
    Image.fromarray(np.dstack([image, mask * 255]).astype(np.uint8), "RGBA").save(path)
    (photo,) = read_photo(path)
    assert photo.alpha is not None
    assert np.array_equal(photo.alpha >= 0.5, mask)
    assert (photo.image[~mask] == 255).all()


def test_masks_of_a_sheet() -> None:
    sheet, mask = _sheet()
    whole = np.concatenate([mask, mask], 1)
    front, back = read_photo(sheet, mask=whole)
    assert np.array_equal(front.alpha >= 0.5, mask) and np.array_equal(back.alpha >= 0.5, mask)
    front, back = read_photo(sheet, mask=mask, back_mask=mask)
    assert front.alpha is not None and back.alpha is not None


@pytest.mark.parametrize(
    "values",
    [
        np.eye(64) > 0,
        np.eye(64, dtype=np.uint8) * 255,
        np.eye(64),
        np.repeat(np.eye(64)[..., None], 3, 2),
        np.dstack([np.zeros((64, 64, 3)), np.eye(64)]),
    ],
)
def test_mask_arrays(values: np.ndarray) -> None:
    alpha, source = read_mask(values)
    assert alpha.dtype == np.float32 and np.allclose(alpha, np.eye(64)) and source == "mask array"


_IMAGE, _MASK = drawn_person()
_GRAY = np.full((300, 200), 200, np.uint8)


@pytest.mark.parametrize(
    ("front", "options", "words"),
    [
        ("no/such/file.png", {}, "file.png"),
        (np.zeros((10, 10, 3), np.uint8), {}, "10x10"),
        (np.zeros((100, 100, 3), np.float32), {}, "uint8"),
        (np.zeros((100, 100, 2), np.uint8), {}, "RGB"),
        (np.zeros((100, 100, 4), np.uint8), {}, "no person"),
        (np.zeros((100,), np.uint8), {}, "uint8"),
        (_IMAGE, {"layout": "triptych"}, "layout"),
        (_IMAGE, {"layout": "sheet", "back": _IMAGE}, "layout"),
        (_IMAGE, {"mask": _MASK[:-1]}, "the photo is"),
        (_IMAGE, {"mask": np.zeros_like(_MASK)}, "no person"),
        (_IMAGE, {"mask": np.ones_like(_MASK)}, "whole picture"),
        (_IMAGE, {"mask": np.full(_MASK.shape, np.nan)}, "0..1"),
        (_IMAGE, {"mask": np.full(_MASK.shape, 7.0)}, "0..1"),
        (_IMAGE, {"mask": np.array(["a"])}, "shape"),
        (_IMAGE, {"back_mask": _MASK}, "no back photo"),
        (np.concatenate([_IMAGE] * 3, 1), {"layout": "sheet"}, "3 people"),
        (np.concatenate([_IMAGE] * 2, 1), {"mask": _MASK[1:]}, "size"),
    ],
)
def test_bad_input(front: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_photo(front, **options)


def test_gray_photo_is_read() -> None:
    (photo,) = read_photo(_GRAY)
    assert photo.image.shape == (300, 200, 3)
