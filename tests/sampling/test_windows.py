from __future__ import annotations

import random
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from muybridge.errors import InputError
from muybridge.sampling import (
    Windows,
    anchored_windows,
    looped_windows,
    open_windows,
    single_windows,
)

KINDS = (open_windows, looped_windows, anchored_windows)
RAMPS = (partial(open_windows, profile="ramp"), partial(looped_windows, profile="ramp"))


@given(st.sampled_from(KINDS + RAMPS), st.integers(1, 60), st.integers(2, 24), st.data())
def test_every_item_is_covered_with_weights_that_sum_to_one(kind, length, size, data):
    windows = kind(length, size, data.draw(st.integers(1, size - 1)))
    assert windows.size == min(size, length)
    assert windows.weights.shape == (len(windows.items), windows.size)
    total = torch.zeros(length)
    for items, weights in zip(windows.items, windows.weights, strict=True):
        assert len(set(items)) == len(items)
        total[list(items)] += weights
    assert bool((windows.weights > 0).all())
    assert torch.allclose(total, torch.ones(length), atol=1e-5)


@given(st.integers(2, 60), st.integers(2, 24), st.data())
def test_order_of_windows_does_not_matter(length, size, data):
    windows = looped_windows(length, size, data.draw(st.integers(0, size - 1)))
    shuffled = list(windows.items)
    random.Random(length).shuffle(shuffled)
    again = Windows.of(length, shuffled)
    assert again.items == windows.items
    assert torch.equal(again.weights, windows.weights)


@pytest.mark.parametrize(
    "kind, given, items",
    [
        (open_windows, (10, 4, 1), [(0, 1, 2, 3), (3, 4, 5, 6), (6, 7, 8, 9)]),
        (open_windows, (9, 4, 1), [(0, 1, 2, 3), (3, 4, 5, 6), (5, 6, 7, 8)]),
        (open_windows, (3, 8, 2), [(0, 1, 2)]),
        (open_windows, (1, 8, 2), [(0,)]),
        (looped_windows, (6, 4, 1), [(0, 1, 2, 3), (3, 4, 5, 0)]),
        (looped_windows, (4, 4, 3), [(0, 1, 2, 3)]),
        (looped_windows, (6, 4, 1, 5), [(2, 3, 4, 5), (5, 0, 1, 2)]),
        # the release's tiles of its recorded run: 8 frames, tiles of 6, overlap 2
        (anchored_windows, (8, 6, 2), [(0, 1, 2, 3, 4, 5), (0, 3, 4, 5, 6, 7)]),
        (anchored_windows, (9, 5, 1), [(0, 1, 2, 3, 4), (0, 5, 6, 7, 8)]),
        (anchored_windows, (20, 20, 6), [tuple(range(20))]),
    ],
)
def test_windows(kind, given, items):
    assert kind(*given).items == tuple(items)


def test_weights_are_triangular():
    windows = open_windows(6, 4, 2)
    # profile .25 .75 .75 .25; frames 2 and 3 are shared
    assert torch.allclose(
        windows.weights,
        torch.tensor([[1, 1, 0.75, 0.25], [0.25, 0.75, 1, 1]]),
    )


def test_a_ramp_fades_one_window_into_the_next():
    third = torch.tensor(1 / 3)
    windows = open_windows(10, 6, 2, "ramp")
    assert windows.items == ((0, 1, 2, 3, 4, 5), (4, 5, 6, 7, 8, 9))
    assert torch.allclose(windows.weights[0], torch.tensor([1, 1, 1, 1, 2 * third, third]))
    assert torch.allclose(windows.weights[1], windows.weights[0].flip(0))
    around = looped_windows(8, 6, 2, 0, "ramp")
    assert around.items == ((0, 1, 2, 3, 4, 5), (4, 5, 6, 7, 0, 1))
    both = torch.tensor([third, 2 * third, 1, 1, 2 * third, third])
    assert torch.allclose(around.weights, both.expand(2, 6))


@given(st.integers(1, 60), st.integers(2, 24), st.data())
def test_ramps_are_those_of_the_paper(length, size, data):
    """Item j of C shared ones has weight j / (C + 1) in the later window, whatever C is."""
    overlap = data.draw(st.integers(0, size // 2))
    windows = open_windows(length, size, overlap, "ramp")
    seen = torch.zeros(length)
    for items in windows.items:
        seen[list(items)] += 1
    for k in range(1, len(windows.items)):
        shared = [i for i in windows.items[k] if i in windows.items[k - 1]]
        if float(seen[shared].max() if shared else 0) > 2:
            continue  # the last window, moved back, may lie over two others
        expected = torch.arange(1, len(shared) + 1) / (len(shared) + 1)
        assert torch.allclose(windows.weights[k, : len(shared)], expected, atol=1e-6)
        assert torch.allclose(
            windows.weights[k - 1, size - len(shared):], 1 - expected, atol=1e-6
        )


@given(st.integers(2, 40), st.integers(1, 12), st.integers(-50, 50), st.data())
def test_a_shift_turns_a_ring(length, size, shift, data):
    overlap = data.draw(st.integers(0, size - 1))
    there = looped_windows(length, size, overlap, 0, "ramp")
    turned = looped_windows(length, size, overlap, shift, "ramp")
    again = there.renumbered([(i + shift) % length for i in range(length)])
    assert turned.items == again.items or turned.size == length
    assert torch.allclose(turned.weights, again.weights, atol=1e-6)


def test_renumbered_windows_hold_other_items_with_the_same_weights():
    windows = open_windows(5, 3, 1, "ramp")
    assert windows.items == ((0, 1, 2), (2, 3, 4))
    other = windows.renumbered([3, 1, 4, 0, 2])
    assert other.items == ((3, 1, 4), (4, 0, 2))
    assert torch.equal(other.weights, windows.weights)
    with pytest.raises(InputError, match=r"order: does not hold each of 0..4 once"):
        windows.renumbered([0, 1, 2, 3, 3])


def test_single_windows_hold_one_item_each():
    windows = single_windows(3)
    assert windows.items == ((0,), (1,), (2,))
    assert windows.weights.tolist() == [[1.0], [1.0], [1.0]]


def test_a_profile_of_ones_own():
    windows = Windows.of(3, [[1, 2], [0, 1]], torch.tensor([[3.0, 5], [1, 1]]))
    assert windows.items == ((0, 1), (1, 2))
    assert windows.weights.tolist() == [[1, 0.25], [0.75, 1]]
    for bad in (torch.zeros(2, 2), torch.ones(2, 3), torch.full((2, 2), torch.nan)):
        with pytest.raises(InputError, match="profile"):
            Windows.of(3, [[1, 2], [0, 1]], bad)


def test_a_thousand_frames_are_cut_evenly():
    for kind in KINDS:
        windows = kind(1000, 20, 6)
        assert 70 <= len(windows.items) <= 72
        assert {i for items in windows.items for i in items} == set(range(1000))


@pytest.mark.parametrize(
    "kind, given, problem",
    [
        (open_windows, (0, 4, 1), "length: is 0"),
        (open_windows, (9, 0, 0), "size: is 0"),
        (open_windows, (9, 4, 4), "overlap: 4 with windows of 4; give 0 to 3"),
        (looped_windows, (9, 4, -1), "overlap: -1"),
        (anchored_windows, (9, 4, 0), "overlap: 0 with windows of 4; give 1 to 3"),
        (anchored_windows, (9, 1, 0), "overlap: 0 with windows of 1"),
    ],
)
def test_numbers_out_of_range(kind, given, problem):
    with pytest.raises(InputError, match=problem):
        kind(*given)


@pytest.mark.parametrize(
    "items, problem",
    [
        ([[0, 1], [1, 2, 3]], "not the same"),
        ([], "not the same"),
        ([[]], "are not numbers"),
        ([[0, 1], [2, 4]], "are not numbers of 0..3"),
        ([[0, 1], [2, 2]], "twice"),
        ([[0, 1], [1, 2]], "number 3 is in no window"),
    ],
)
def test_windows_of_ones_own_that_do_not_fit(items, problem):
    with pytest.raises(InputError, match=problem):
        Windows.of(4, items)
