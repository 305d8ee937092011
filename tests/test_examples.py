"""The examples run as they stand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def example(name, *arguments):
    ran = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *map(str, arguments)],
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_maps_without_a_photo(tmp_path):
    assert Path(example("02_bodies_motions_cameras.py", tmp_path).strip()).is_file()


def test_frames_as_they_come(painted_folder):
    lines = example("03_stream_frames.py", painted_folder).splitlines()
    assert len(lines) == 48 and lines[0].startswith("frame   0: ")


def test_every_example_is_numbered_and_explained():
    import ast

    paths = sorted((ROOT / "examples").glob("*.py"))
    assert [p.name[:2] for p in paths] == [f"{k:02d}" for k in range(1, len(paths) + 1)]
    for path in paths:
        about = ast.get_docstring(ast.parse(path.read_text()))
        assert about and about.partition("\n")[0].endswith(".")
