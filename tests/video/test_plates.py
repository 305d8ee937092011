"""Plates and grids."""

import tracemalloc

import numpy as np
import pytest
import torch
from PIL import Image

from muybridge.errors import InputError
from muybridge.video import Grid, PlateBuilder, plate, view_grid
from muybridge.video.plates import GROUND


def flat(views, frames, height=32, width=24):
    """Every view and frame in a colour of its own."""
    x = torch.zeros(views, frames, 3, height, width)
    x[:, :, 0] = torch.linspace(0.1, 0.9, views)[:, None, None, None]
    x[:, :, 1] = torch.linspace(0.1, 0.9, frames)[None, :, None, None]
    return x


def cells(image):
    """The distinct picture colours of a sheet, row by row."""
    x = np.asarray(image).astype(int)
    inside = x[..., 2] == 0
    rows = np.flatnonzero(inside.any(1))
    starts = rows[np.flatnonzero(np.diff(rows, prepend=-9) > 1)]
    out = []
    for r in starts:
        row = x[r + 5]
        cols = np.flatnonzero(inside[r + 5])
        begins = cols[np.flatnonzero(np.diff(cols, prepend=-9) > 1)]
        out.append([tuple(row[c + 5, :2]) for c in begins])
    return out


def test_rows_are_views_and_columns_are_moments():
    frames = flat(3, 5)
    found = cells(plate(frames, ["a", "b", "c"], fps=24))
    want = (frames[..., 10, 10] * 255).round().int()
    assert len(found) == 3 and all(len(r) == 5 for r in found)
    for v in range(3):
        for t in range(5):
            assert found[v][t] == (int(want[v, t, 0]), int(want[v, t, 1]))


def test_columns_are_spread_evenly():
    b = PlateBuilder(2, 240, 24, 32, columns=12)
    assert b.picked[0] == 0 and b.picked[-1] == 239 and len(b.picked) == 12
    assert set(np.diff(b.picked)) <= {21, 22}
    assert PlateBuilder(1, 1, 24, 32).picked == [0]
    assert PlateBuilder(1, 60, 24, 32, fps=24, columns=3).columns == ["0.00 s", "1.25 s", "2.46 s"]


@pytest.mark.parametrize(("views", "frames", "size"), [
    (8, 24, (512, 512)), (16, 100, (800, 1328)), (1, 60, (1920, 1080)), (60, 12, (300, 400)),
    (3, 3, (24, 32)),
])
def test_sheet_stays_small(views, frames, size):
    b = PlateBuilder(views, frames, *size, title="a title")
    image = b.image()
    assert image.width < 4000 and image.height < 8600
    assert b.thumb[0] <= size[0] and b.thumb[1] <= size[1]
    assert abs(b.thumb[0] / b.thumb[1] - size[0] / size[1]) < 0.05 * size[0] / size[1]


def test_chunks_in_any_order_give_the_same_sheet():
    frames = flat(2, 30, 64, 48)
    whole = plate(frames, fps=24)
    b = PlateBuilder(2, 30, 48, 64, fps=24)
    for start in (20, 0, 7):
        stop = {20: 30, 0: 7, 7: 20}[start]
        b.add(start, frames[:, start:stop])
    assert np.array_equal(np.asarray(b.image()), np.asarray(whole))
    with pytest.raises(ValueError, match="views"):
        b.add(0, frames[:1])


def test_memory_does_not_grow_with_frames():
    peaks = []
    for frames in (40, 400):
        tracemalloc.start()
        b = PlateBuilder(2, frames, 64, 64)
        for start in range(0, frames, 20):
            b.add(start, torch.zeros(2, 20, 3, 64, 64))
        b.image()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0] + 200_000


def test_labels_are_there_and_ground_is_calm():
    image = plate(flat(2, 3, 64, 64), ["front", "back"], title="walk")
    x = np.asarray(image)
    assert tuple(x[-1, -1]) == GROUND
    left = x[:, :40].min(-1)
    assert (left < 120).any()  # ink in the row labels
    long = plate(flat(1, 1), column_labels=["a very long label indeed"])
    assert long.width > 24 + 60


@pytest.mark.parametrize(("kw", "word"), [
    ({"row_labels": ["a"]}, "row_labels"), ({"column_labels": ["a"]}, "column_labels"),
    ({"columns": 0}, "size"),
])
def test_bad_plates(kw, word):
    with pytest.raises(InputError, match=word):
        plate(flat(2, 3), **kw)


def test_grid_places_views():
    frames = torch.rand(6, 3, 20, 30, generator=torch.manual_seed(0))
    g = Grid.of(6, 30, 20)
    x = view_grid(frames, g)
    assert x.shape == (3, g.rows * 20, g.columns * 30) == (3, g.size[1], g.size[0])
    for v in range(6):
        r, c = divmod(v, g.columns)
        assert torch.equal(x[:, r * 20:(r + 1) * 20, c * 30:(c + 1) * 30], frames[v])
    assert [(Grid.of(n, 512, 512).columns, Grid.of(n, 512, 512).rows) for n in (1, 2, 4, 8, 16)] \
        == [(1, 1), (2, 1), (2, 2), (4, 2), (4, 4)]
    five = view_grid(frames[:5])
    assert (five[:, -20:, -30:] == 1).all()
    big = Grid.of(16, 1024, 1024)
    assert max(big.size) <= 4096
    assert view_grid(torch.rand(2, 3, 40, 60), Grid.of(2, 60, 40, max_side=60)).shape[2] <= 60
    with pytest.raises(InputError):
        Grid.of(0, 5, 5)


def test_plate_is_a_pillow_image(tmp_path):
    image = plate(flat(2, 2))
    assert isinstance(image, Image.Image)
    image.save(tmp_path / "plate.png")
