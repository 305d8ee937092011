"""What scores say together, and the tables."""

from __future__ import annotations

import math

import pytest
import torch

from muybridge.evaluation.frames import Made, rounded
from muybridge.evaluation.metric import Metric
from muybridge.evaluation.metrics import metric_of, metrics, scores_of, with_lpips
from muybridge.evaluation.sample import GROUND, Sample
from muybridge.evaluation.summary import (
    Result,
    badness,
    comparison,
    heading,
    markdown,
    number,
    rows_of,
    summarise,
)

RESULTS = [
    Result("p/0", "p", 4, {"psnr": 20.0, "l1": 0.1, "flicker_ratio": 0.5}, 2.0, 0, 0.1),
    Result("p/1", "p", 4, {"psnr": 24.0, "l1": 0.3, "flicker_ratio": 1.5}, 4.0, 0, 0.1),
    Result("p/2", "p", 4, {"psnr": 22.0, "l1": 0.2}, 3.0, 0, 0.1),
]


def test_means_spreads_and_the_worst():
    found = summarise(RESULTS)
    assert (found["items"], found["pictures"]) == (3, 12)
    assert found["scores"]["psnr"] == {
        "mean": 22.0, "std": 2.0, "n": 3, "worst": {"item": "p/0", "value": 20.0}
    }
    assert found["scores"]["l1"]["worst"]["item"] == "p/1"  # lower is better
    ratio = found["scores"]["flicker_ratio"]
    assert ratio["n"] == 2 and ratio["worst"]["item"] == "p/0"  # half is further from 1
    assert found["seconds"] == 0.75 and found["cost"] == pytest.approx(7.5)


def test_one_item_has_no_spread_and_no_time_no_cost():
    found = summarise([Result("p/0", "p", 4, {"psnr": 20.0})])
    assert found["scores"]["psnr"]["std"] == 0 and found["cost"] == found["seconds"] == 0


def told(label: str, psnr: float) -> dict:
    part = summarise([Result("p/0", "p", 1, {"psnr": psnr, "flicker/pairs": 7}, 1.0, 0, 0.5)])
    part["sets"] = {"kd[nano]": {"text": "0.5 ± 0.1"}}
    return {"label": label, "protocols": {"p": part}}


def test_tables():
    head, rows = rows_of(told("one", 20.0))
    assert head == ["", "p"] and ["psnr, dB ↑", "20.00"] in rows
    assert ["kd[nano] ↓", "0.5 ± 0.1"] in rows and ["times the avatar's", "2.000"] in rows
    both = {"protocols": {"p": summarise(RESULTS) | {"sets": {}}}}
    assert ["psnr, dB ↑", "22.00 ±2.0"] in rows_of(both)[1]
    assert not any("pairs" in row[0] for row in rows)  # a count is no score
    several = [told("one", 20.0), told("two", 21.0), {"label": "none", "protocols": {}}]
    head, rows = comparison(several, "p", ["psnr", "kd[nano]"])
    assert head == ["", "psnr, dB ↑", "kd[nano] ↓", "seconds", "times avatar"]
    assert [row[:3] for row in rows] == [
        ["one", "20.00", "0.5 ± 0.1"], ["two", "21.00", "0.5 ± 0.1"]
    ]
    assert markdown(["", "a"], [["x", "1"]]) == "|  | a |\n| --- | --- |\n| x | 1 |"


@pytest.mark.parametrize("value, text", [
    (0.0, "0"), (22.1349, "22.13"), (0.91234, "0.9123"), (0.00012345, "0.00012"),
    (1234.56, "1235"), (123456.0, "1.235e+05"), (-2.4731, "-2.473"),
])
def test_numbers(value, text):
    assert number(value) == text


def test_which_way_is_worse():
    assert badness("psnr/frame", 20) > badness("psnr", 21)
    assert badness("flicker[body]", 0.2) > badness("flicker", 0.1)
    assert badness("flicker_ratio", 0.25) > badness("flicker_ratio", 3.0)
    assert badness("unheard of", 2) > badness("unheard of", 1)
    assert heading("psnr/frame") == "psnr/frame, dB ↑" and heading("flicker_ratio")[-2:] == "→1"


def test_every_metric_has_a_name_of_its_own():
    names = [metric.name for metric in metrics()]
    assert len(set(names)) == len(names) and {"psnr", "iou", "flicker", "view_error"} <= set(names)
    assert all(metric.better in ("higher", "lower", "one") and metric.about for metric in metrics())
    assert with_lpips(()) == metrics() and metric_of("nothing") is None


def test_scores_that_are_no_numbers_are_left_out(orbit):
    shot = orbit.read()
    same = shot.frames + GROUND * (1 - shot.matte)
    sample = Sample(same, same, shot.matte, orbit)
    odd = Metric("odd", "", "lower", "", lambda s: {"odd": math.nan, "odd/b": 1, "odd/c": math.inf})
    assert scores_of(sample, [odd]) == {"odd/b": 1.0}


def test_frames_are_rounded_as_files_hold_them():
    colour, matte = torch.rand(1, 2, 3, 8, 8), torch.rand(1, 2, 1, 8, 8)
    made = Made.of(colour, matte)
    assert torch.equal(made.frames * 255, (made.frames * 255).round())
    assert (made.frames - colour).abs().max() <= 0.5 / 255 + 1e-6
    assert torch.equal(rounded(made.on_ground), made.on_ground)
    assert torch.equal(Made(colour, None).on_ground, colour)
    assert torch.equal(
        Made.of(colour, torch.zeros_like(matte)).on_ground,
        torch.full_like(colour, GROUND * 255).round() / 255,
    )
