"""The page of the benchmark, from scores made up here."""

from __future__ import annotations

import json

import pytest

from muybridge.errors import InputError
from muybridge.evaluation.protocols import PROTOCOLS
from muybridge.evaluation.published import PUBLISHED
from muybridge.jobs.benchmark_page import benchmark_page, read_scores


def scores(label: str, psnr: float, **changes) -> dict:
    told = {
        "muybridge_scores": 1, "label": label, "body": "exact", "reference": "front",
        "metrics": ["psnr"], "method": {"name": label},
        "plates": {"name": "full", "version": 1, "people": 24, "measured_people": 4,
                   "size": [192, 256], "truth": "byte-identical"},
        "protocols": {"novel-view": {
            "items": 4, "pictures": 80, "seconds": 0.1, "cost": 2.0, "sets": {},
            "scores": {"psnr": {"mean": psnr, "std": 1.0, "n": 4, "worst": {}}},
        }},
        "run": {"date": "2026-01-31", "code": "abc", "codes": ["abc"], "workers": 1, "threads": 1,
                "seconds": 3.0, "machine": {"processor": "some"},
                "versions": {"muybridge": "0.1.0"}},
    }
    return told | changes


def page(several, ablations=None) -> str:
    return benchmark_page(
        several, ablations or {}, date="2026-01-31", commit="1234abc",
        commands=["muybridge evaluate copy"],
    )


def test_our_table_stands_before_the_papers():
    text = page([scores("copy", 12.5), scores("gas", 21.25)], {"gas": "rows\n\n## novel-view\n"})
    assert text.index("| copy | 12.50 |") < text.index("| gas | 21.25 |")
    assert text.index("| gas | 21.25 |") < text.index("| LHM | 81.6 |")
    assert "**other data**" in text and "commit 1234abc" in text
    assert "muybridge evaluate copy" in text
    assert "## view-pose" not in text  # nobody was measured by it
    assert "## Ablation of gas" in text and "### novel-view" in text


def test_what_cannot_stand_in_one_table_is_refused():
    for changes in ({"body": "fitted"}, {"metrics": ["psnr", "ssim"]}):
        with pytest.raises(InputError, match="differs from that of copy"):
            page([scores("copy", 12), scores("gas", 21, **changes)])
    fewer = scores("gas", 21)
    fewer["plates"]["measured_people"] = 2
    with pytest.raises(InputError, match="plates"):
        page([scores("copy", 12), fewer])
    other = scores("gas", 21)
    other["plates"]["truth"] = "equal within 1 level in the mean, another CPU"
    assert "gas" in page([scores("copy", 12), other])
    with pytest.raises(InputError, match="no scores"):
        page([])


def test_only_scores_are_read(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(scores("copy", 12)))
    assert read_scores(tmp_path / "a.json")["label"] == "copy"
    (tmp_path / "b.json").write_text("{}")
    with pytest.raises(InputError, match="give a scores.json"):
        read_scores(tmp_path / "b.json")


def test_published_tables_are_whole():
    for table in PUBLISHED:
        assert table.protocol in PROTOCOLS
        assert all(len(values) == len(table.metrics) for _, values in table.rows)
