"""Where a coloured limb ends before the trunk."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from muybridge.person.limb_cut import cut_limb
from muybridge.person.observation import observe

SKIN, SHIRT, TROUSERS = (205, 160, 135), (60, 80, 150), (50, 50, 60)
HEIGHT, WIDTH = 480, 260


def capsule(start, end, radius) -> np.ndarray:
    out = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.line(out, start, end, 1, 2 * radius)
    return out > 0


def scene(arm_colour, shift: int, skin=None):
    """A trunk with an arm before it, drawn ``shift`` pixels beside where it is."""
    trunk = np.zeros((HEIGHT, WIDTH), bool)
    trunk[20:460, 70:190] = True
    true = capsule((90, 130), (96, 290), 9)
    drawn = capsule((90 + shift, 130), (96 + shift, 290), 9)
    dice = np.random.default_rng(6)
    image = np.full((HEIGHT, WIDTH, 3), 235.0)
    image[trunk] = SHIRT
    image[trunk & (np.arange(HEIGHT)[:, None] > 250)] = TROUSERS
    image[true] = arm_colour
    image += dice.normal(0, 4, image.shape)
    alpha = (trunk | true).astype(np.float32)
    o = observe(
        "front", np.clip(image, 0, 255).astype(np.uint8), alpha,
        skin=None if skin is None else skin * true.astype(np.float32),
    )
    return o, true, drawn, trunk & ~drawn


def overlap(a, b) -> float:
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize("shift", [-4, 0, 5])
@pytest.mark.parametrize("skin", [None, 0.9])
def test_a_bare_arm_before_a_shirt_is_found(shift, skin):
    o, true, drawn, rest = scene(SKIN, shift, skin)
    found = cut_limb(o, drawn, rest)
    assert found is not None and found.shape == true.shape and found.dtype == bool
    assert overlap(found, true) > 0.93
    assert overlap(found, true) >= overlap(drawn, true) - 0.05
    assert not (found & ~o.mask).any()


def test_an_arm_of_the_shirts_own_colour_is_left_to_the_outline():
    o, _, drawn, rest = scene(SHIRT, 4)
    half = rest & (np.arange(HEIGHT)[:, None] < 250)
    assert cut_limb(o, drawn & (np.arange(HEIGHT)[:, None] < 240), half) is None


def test_specks_and_far_limbs_are_not_believed():
    o, _, drawn, rest = scene(SKIN, 0)
    assert cut_limb(o, np.zeros_like(drawn), rest) is None
    assert cut_limb(o, drawn & (np.arange(HEIGHT)[:, None] > 296), rest) is None
    beside = capsule((180, 130), (180, 240), 9)  # shirt on shirt: nothing tells it apart
    assert cut_limb(o, beside, rest & ~beside) is None


def test_nothing_behind_the_limb_gives_no_border():
    o, true, drawn, _ = scene(SKIN, 0)
    assert cut_limb(o, drawn, np.zeros_like(drawn)) is None
    assert true.any()
