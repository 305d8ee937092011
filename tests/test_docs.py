"""The documentation builds, from the code as it is, without a warning and offline."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_the_documentation_builds(tmp_path):
    pytest.importorskip("sphinx", reason="needs the extra 'docs'")
    for name in ("docs", "examples", "benchmarks/results"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("_build"))
    built = tmp_path / "html"
    ran = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "docs", str(built)],
        cwd=tmp_path, capture_output=True, text=True,
    )
    assert ran.returncode == 0, ran.stderr
    cli = (built / "reference" / "cli.html").read_text()
    assert "muybridge animate" in cli and "--from RUN.JSON" in cli
    assert "avatar-full" in (built / "reference" / "methods.html").read_text()
    api = (built / "reference" / "api.html").read_text()
    for name in ("from_photo", "build_cameras", "retarget", "rasterize", "HumanVideoPipeline"):
        assert name in api
    assert "01_photo_to_plate.py" in (built / "guide" / "examples.html").read_text()


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", *(
        p.relative_to(ROOT).as_posix() for p in sorted((ROOT / "docs").rglob("*.md"))
        if "_build" not in p.parts
    )],
)
def test_links_between_pages_lead_somewhere(page):
    import re

    path = ROOT / page
    for target in re.findall(r"\]\(([^)#\s]+)\)", path.read_text()):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{page}: {target}"
