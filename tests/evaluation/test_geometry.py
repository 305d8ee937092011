"""Correspondences of clips and of selections of them, kept and made again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from samples import truth_of

from muybridge.data.pictures import HeldPictures
from muybridge.errors import InputError
from muybridge.evaluation import geometry
from muybridge.evaluation.geometry import Geometry, Matches, evenly, frames_of, geometry_of


def points_of(matches: Matches, pair) -> tuple[torch.Tensor, torch.Tensor]:
    own = matches.pair == matches.pairs.index(pair)
    return matches.pixel[own], matches.place[own]


@given(st.floats(0.5, 6.5), st.floats(0.5, 4.5), st.floats(-1, 1), st.floats(-1, 1))
def test_points_between_pixels_are_read_between_them(x, y, across, down):
    column, row = torch.meshgrid(torch.arange(7) + 0.5, torch.arange(5) + 0.5, indexing="xy")
    ramp = (across * column + down * row).expand(1, 2, 3, 5, 7).clone()
    ramp[:, :, 1] += 1
    ramp[0, 0] = 7
    place = torch.tensor([[x, y]])
    matches = Matches((((0, 0), (0, 1)),), torch.tensor([0]), torch.tensor([0]), place)
    expected = across * x + down * y
    assert matches.at_second(ramp)[:, 0].tolist() == pytest.approx(
        [expected, expected + 1, expected], abs=1e-4
    )
    assert matches.at_first(ramp)[:, 0].tolist() == [7, 7, 7]


@given(st.integers(1, 400), st.integers(1, 50))
def test_pairs_are_taken_evenly(count, most):
    pairs = [((0, k), (0, k + 1)) for k in range(count)]
    taken = [pair[0][1] for pair in evenly(pairs, most)]
    assert len(taken) == min(count, most)
    assert taken == sorted(set(taken)) and taken[-1] < count
    gaps = [b - a for a, b in zip(taken, taken[1:], strict=False)]
    assert max(gaps, default=0) <= 2 * count / most + 1


def test_no_view_is_always_passed_over():
    pairs = [((v, t), (v, t + 1)) for t in range(48) for v in range(8)]
    assert {pair[0][0] for pair in evenly(pairs, 192)} == set(range(8))


def test_points_look_alike_in_both_pictures(grid):
    known = Geometry(grid)
    assert known.kind == "exact" and known.label == ""
    truth = truth_of(grid)
    for matches, pairs in ((known.over_time, 8 * 7), (known.between_views, 8 * 8)):
        assert len(matches.pairs) == pairs
        apart = (matches.at_second(truth) - matches.at_first(truth)).abs().mean()
        rolled = (matches.at_second(truth.roll(5, -1)) - matches.at_first(truth)).abs().mean()
        assert float(apart) < 0.05 and float(apart) < 0.4 * float(rolled)


def test_a_selection_keeps_its_points(grid):
    whole = Geometry(grid)
    part = Geometry(grid.select([5, 4, 6], [3, 4, 6]))
    own = points_of(part.over_time, ((1, 0), (1, 1)))
    for a, b in zip(own, points_of(whole.over_time, ((4, 3), (4, 4))), strict=True):
        assert torch.equal(a, b)
    assert ((0, 1), (0, 2)) in part.over_time.pairs  # frames 4 and 6 of the whole
    ring = {frozenset((a, b)) for (a, _), (b, _) in part.between_views.pairs}
    assert ring == {frozenset((0, 1)), frozenset((0, 2))}


def test_views_far_apart_are_no_neighbours(grid):
    orbit = grid.select([0, 2, 4, 6], [0])  # a quarter of a circle
    assert Geometry(orbit).between_views.pairs == ()
    assert len(Geometry(orbit).between_views.pixel) == 0
    assert Geometry(orbit).over_time.pairs == ()
    two = Geometry(grid.select([2, 3], [0]))
    assert len(two.between_views.pairs) == 1


def test_frames_are_known_by_how_the_body_stands(grid):
    motion = grid.motion
    assert frames_of(grid.select(None, [7, 2, 2, 3]), motion) == [7, 2, 2, 3]
    still = replace(
        motion, R_parent_joint=motion.R_parent_joint[[0] * 8],
        root_position=motion.root_position[[0] * 8],
    )
    assert frames_of(replace(grid, motion=still), still) == list(range(8))
    moved = replace(motion, root_position=motion.root_position + 0.1)
    with pytest.raises(InputError, match="frame 0 as its parameters never do"):
        frames_of(replace(grid, motion=moved), motion)


def test_somebody_else_than_the_pictures_show_is_refused(grid):
    rgb, matte = grid.raw()
    aside = replace(grid, pictures=HeldPictures(rgb, np.roll(matte, 12, -1)))
    with pytest.raises(InputError, match="somebody else than the pictures show"):
        _ = Geometry(aside).over_time


def test_correspondences_are_kept_and_a_damaged_file_is_made_again(grid, tmp_path):
    clip = replace(grid.select([0, 1], [0, 1]), name="a/clip of ours")
    first = Geometry(clip, folder=tmp_path)
    made = first.over_time
    (file,) = tmp_path.iterdir()
    again = Geometry(clip, folder=tmp_path)
    for a, b in zip(vars(made).values(), vars(again.over_time).values(), strict=True):
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
    assert "_posed" in vars(first) and "_posed" not in vars(again)
    file.write_bytes(file.read_bytes()[:50])
    healed = Geometry(clip, folder=tmp_path)
    assert torch.equal(healed.over_time.place, made.place) and "_posed" in vars(healed)
    other = Geometry(grid.select([0, 1], [1, 2]), folder=tmp_path)
    _ = other.over_time
    assert len(list(tmp_path.iterdir())) == 2


def test_clips_of_others_have_the_bodys_surface(grid):
    clip = replace(grid, source="a data set")
    known = Geometry(clip.select([0], [0, 1]))
    assert known.kind == "body" and known.label == "[body]"
    exact = Geometry(grid.select([0], [0, 1]))
    bodys, own = known.over_time, exact.over_time
    common = set(bodys.pixel.tolist()) & set(own.pixel.tolist())
    assert len(common) > 0.5 * len(own.pixel)
    flow = [
        {int(p): at for p, at in zip(m.pixel, m.place, strict=True)} for m in (bodys, own)
    ]
    apart = torch.stack([flow[0][p] - flow[1][p] for p in common]).norm(dim=1)
    assert float(apart.median()) < 0.5
    licensed = Geometry(replace(clip, body="smplx"))
    assert licensed.kind == "none"
    with pytest.raises(InputError, match="smplx"):
        _ = licensed.over_time


def test_the_last_geometries_are_remembered(grid, monkeypatch):
    monkeypatch.setattr(geometry, "_remembered", type(geometry._remembered)())
    parts = [grid.select([0], [t, t + 1]) for t in range(3)]
    first = geometry_of(parts[0])
    assert geometry_of(parts[0]) is first
    assert geometry_of(parts[1]) is not first
    assert geometry_of(grid.select([0], [0, 1])) is first
    geometry_of(parts[2])
    assert len(geometry._remembered) == 2
    assert geometry_of(parts[0]) is first
