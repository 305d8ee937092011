"""The output folder: never somebody else's, never two runs at once."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from muybridge.errors import InputError
from muybridge.jobs import digest
from muybridge.jobs.files import RECORD, WORK, claim, discard, read_json, write_json


def test_new_empty_and_own_folders_are_taken(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / RECORD).write_text("{}")
    for name in ("new/deep", "empty", "own"):
        with claim(tmp_path / name) as work:
            assert work == tmp_path / name / WORK and work.is_dir()


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("three years of work")
    with pytest.raises(InputError, match="--force"), claim(tmp_path):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
    with claim(tmp_path, force=True):
        pass
    assert thesis.read_text() == "three years of work"


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file"), claim(tmp_path / "file"):
        pass
    with pytest.raises(InputError, match="can't be written"), claim(tmp_path / "file" / "below"):
        pass


def test_two_runs_do_not_write_into_one_folder(tmp_path):
    code = (
        "import sys; from pathlib import Path; from muybridge.jobs.files import claim\n"
        f"with claim(Path({str(tmp_path / 'out')!r})): pass"
    )
    with claim(tmp_path / "out"):
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert other.returncode != 0 and "another run is writing here" in other.stderr
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_json_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": [1, 2]})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert read_json(path) == {"a": [1, 2]}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", "\xff\xfe", "[" * 9999])
def test_what_is_no_record_is_refused(tmp_path, text):
    path = tmp_path / "run.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(InputError):
        read_json(path)
    with pytest.raises(InputError):
        read_json(tmp_path / "absent.json")


def test_digests_see_names_and_contents(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "sub" / "x").write_text("1")
    assert digest.of_path(tmp_path / "a") == digest.of_path(tmp_path / "b")
    (tmp_path / "b" / "sub" / "x").write_text("2")
    assert digest.of_path(tmp_path / "a") != digest.of_path(tmp_path / "b")
    (tmp_path / "b" / "sub" / "x").rename(tmp_path / "b" / "sub" / "y")
    (tmp_path / "b" / "sub" / "y").write_text("1")
    assert digest.of_path(tmp_path / "a") != digest.of_path(tmp_path / "b")
    assert digest.of_data({"a": 1, "b": 2}) == digest.of_data(json.loads('{"b": 2, "a": 1}'))


def test_discard_takes_files_folders_and_nothing(tmp_path):
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "d")
    discard(tmp_path / "link")
    assert (tmp_path / "d").is_dir()
    discard(tmp_path / "d")
    discard(tmp_path / "d")
    assert list(tmp_path.iterdir()) == []
