"""``muybridge ablate``: verdicts by hand, and a run over one person."""

from __future__ import annotations

import json

import pytest

from muybridge.cli import main
from muybridge.errors import InputError
from muybridge.evaluation.plates import Plates, RingProgramme
from muybridge.jobs import ablate as job
from muybridge.jobs.plates import make_plates
from muybridge.methods.ablation import Ablation, Claim, Variant
from muybridge.methods.gas.ablation import ABLATION
from muybridge.video import read_image

TINY = Plates("tiny", 1, RingProgramme(
    views=2, motions=0, frames=1, fps="12", grid=0, size=(48, 64), tight=False,
))
CLAIM = Claim("all", "less", "novel-view", "psnr", "table 1")


def scores(*values: float, metric: str = "psnr") -> dict:
    return {"items": {
        f"i{k}": {"protocol": "novel-view", "scores": {metric: value}}
        for k, value in enumerate(values)
    }}


def test_a_verdict_by_hand():
    found = {"all": scores(20, 21, 22, 19), "less": scores(19, 20, 21, 20)}
    verdict = job.verdict(CLAIM, found)
    assert verdict.holds and (verdict.wins, verdict.items) == (3, 4)
    assert (verdict.better, verdict.worse) == (20.5, 20.0)
    assert verdict.chance == pytest.approx(5 / 16)  # three or four heads of four
    other = job.verdict(CLAIM, {"all": found["less"], "less": found["all"]})
    assert not other.holds and other.text.startswith("DOES NOT HOLD")


def test_lower_is_better_for_errors():
    claim = Claim("all", "less", "novel-view", "flicker", "table 1")
    found = {"all": scores(1.0, metric="flicker"), "less": scores(2.0, metric="flicker")}
    assert job.verdict(claim, found).holds


def test_items_that_only_one_has_do_not_count():
    verdict = job.verdict(CLAIM, {"all": scores(20, 21), "less": scores(19)})
    assert verdict.items == 1
    with pytest.raises(InputError, match="on no item of novel-view"):
        job.verdict(CLAIM, {"all": scores(20), "less": scores(1.0, metric="ssim")})


def test_claims_name_variants():
    with pytest.raises(InputError, match="variants"):
        Ablation((Variant("all", "as it is"),), (CLAIM,))
    assert {v.name for v in ABLATION.variants} >= {c.worse for c in ABLATION.claims}
    assert len({v.slug for v in ABLATION.variants}) == len(ABLATION.variants)


def test_a_method_without_an_ablation(tmp_path):
    with pytest.raises(InputError, match="the method has none"):
        job.ablate(job.AblationRequest("avatar"), tmp_path)


def test_gas_on_one_person(small_textures, tmp_path, monkeypatch, capsys):
    full, blind = ABLATION.variants[0], ABLATION.variants[2]
    some = Ablation(
        (full, blind), (Claim(full.name, blind.name, "novel-view", "psnr", "table 3"),), "A note."
    )
    monkeypatch.setattr("muybridge.methods.gas.ablation.ABLATION", some)
    plates = make_plates(TINY, tmp_path / "plates", workers=1)
    out = tmp_path / "out"
    told = job.ablate(
        job.AblationRequest("gas", TINY), out, plates_folder=plates, workers=1
    )
    assert json.loads((out / "ablation.json").read_text())["holds"] == told["holds"]
    (verdict,) = told["verdicts"]
    assert verdict["better"] != verdict["worse"]  # without its cue it paints something else
    assert (out / "gas" / "novel-view" / "scores.json").is_file()
    assert (out / "w-o-appearance-cue" / "novel-view" / "scores.json").is_file()
    assert read_image(out / "novel-view.png").shape[0] > 3 * 64  # truth and two variants
    item = out / "gas" / "novel-view" / "items" / "novel-view" / "00-orbit.json"
    began = item.stat().st_mtime_ns
    monkeypatch.setattr("muybridge.evaluation.plates.FAST", TINY)
    code = main(["ablate", "gas", "--fast", "--plates", str(plates), "-o", str(out),
                 "--workers", "1", "--quiet"])
    page = capsys.readouterr().out
    assert code == 0 and "The paper's order" in page and "A note." in page
    assert item.stat().st_mtime_ns == began  # nothing is measured twice
