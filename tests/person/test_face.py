"""Faces are found in front views and not in back views; skin is learned from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from person.matte_scenes import drawn_person

from muybridge.person.face_detect import Face, find_face, head_skin_share, skin_model
from muybridge.person.ground_model import fit_ground
from muybridge.person.matte_evidence import certain_difference
from muybridge.person.skin import general_skin
from muybridge.video import read_image

# Where a viewer sees the eyes (x, y), in pixels of the sheet.
EYES = {
    "101812": ((385, 219), (434, 219)),
    "101936": ((348, 350), (396, 353)),
    "102510": ((346, 317), (388, 317)),
}


@pytest.mark.parametrize("name", sorted(EYES))
def test_front_has_a_face_and_back_has_none(shared: Path, name: str) -> None:
    sheet = read_image(shared / "data" / "people" / f"{name}.png")
    front, back = (np.ascontiguousarray(h) for h in (sheet[:, :800], sheet[:, 800:]))
    mask = certain_difference(front, fit_ground(front))
    face = find_face(front, mask)
    assert face is not None and face.score > 0.6
    x0, y0, x1, y1 = face.box
    for (x, y), found in zip(EYES[name], face.eyes or EYES[name], strict=True):
        assert x0 < x < x1 and y0 < y < y1
        assert np.hypot(found[0] - x, found[1] - y) < 0.1 * (x1 - x0)

    back_mask = certain_difference(back, fit_ground(back))
    assert find_face(back, back_mask) is None
    assert head_skin_share(front, mask) > head_skin_share(back, back_mask) + 0.1

    skin = skin_model(front, mask, face)
    assert skin.samples > 1000
    likely = skin.likelihood(front)
    assert likely.shape == mask.shape and likely.dtype == np.float32
    cheek = likely[y0 + 6 * (y1 - y0) // 10 : y0 + 7 * (y1 - y0) // 10, (x0 + x1) // 2]
    assert cheek.mean() > 0.3
    assert likely[~mask].mean() < 0.02
    behind = skin_model(back, back_mask, None, reference=skin, light=np.array([-1.0, 0, 0]))
    assert 25 < behind.mean[0] < 90 and behind.mean[1] > 4


def test_no_face_where_there_is_none() -> None:
    picture, mask = drawn_person()
    assert find_face(picture, mask) is None
    assert find_face(picture, np.zeros_like(mask)) is None
    assert find_face(np.zeros((40, 40, 3), np.uint8), np.ones((40, 40), bool)) is None
    assert head_skin_share(picture, np.zeros_like(mask)) == 0.0


def test_skin_without_any_skin_is_the_reference() -> None:
    picture = np.full((200, 100, 3), (20, 60, 200), np.uint8)
    mask = np.ones((200, 100), bool)
    assert skin_model(picture, mask, None).samples == 0
    reference = general_skin()
    shifted = skin_model(picture, mask, None, reference=reference, light=np.array([5.0, 0, 0]))
    assert np.allclose(shifted.mean - reference.mean, [5, 0, 0])
    assert shifted.likelihood(picture).max() < 0.01


def test_skin_is_found_on_a_drawing() -> None:
    picture, mask = drawn_person()
    skin = skin_model(picture, mask, Face((113, 22, 147, 66), None, 1.0))
    likely = skin.likelihood(picture)
    assert likely[45, 130] > 0.5 and likely[120, 130] < 0.05 and likely[10, 10] < 0.05
