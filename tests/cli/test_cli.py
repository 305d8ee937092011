"""The command line: quick to start, plain in its errors, data on stdout."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import muybridge
from muybridge.cli import VERBS, main


def call(capsys, *argv):
    """Exit code, stdout, stderr."""
    try:
        code = main([str(a) for a in argv])
    except SystemExit as leaving:  # what tyro does for --help and bad options
        code = leaving.code or 0
    out, err = capsys.readouterr()
    return code, out, err


HEAVY = ("torch", "numpy", "rich", "tyro", "cv2", "av", "scipy", "PIL")


@pytest.mark.parametrize(
    "code",
    [
        "import muybridge",
        "from muybridge.cli import main; main(['--help'])",
        "from muybridge.cli import main; main(['--version'])",
        "from muybridge.cli import main; assert main(['dance']) == 2",
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_used(code):
    check = f"{code}\nimport sys\nsys.exit([m for m in {HEAVY!r} if m in sys.modules] or 0)"
    ran = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def processor_seconds(code):
    """Least processor time of a few runs, the interpreter's own start taken off."""
    timed = f"import time\nb = time.process_time()\n{code}\nprint(time.process_time() - b)"
    runs = [
        subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True)
        for _ in range(3)
    ]
    return min(float(run.stdout.split()[-1]) for run in runs)


def test_help_takes_a_third_of_a_second_and_import_a_fifth():
    assert processor_seconds("import muybridge") < 0.2
    assert processor_seconds("from muybridge.cli import main; main(['--help'])") < 0.3


def test_help_names_every_verb_and_every_verb_has_its_module(capsys):
    code, out, _ = call(capsys, "--help")
    assert code == 0
    modules = {p.stem for p in (Path(muybridge.__file__).parent / "cli").glob("*.py")}
    for verb in VERBS:
        assert f"  {verb} " in out and verb in modules
    assert modules - set(VERBS) == {"__init__", "__main__", "common", "request"}
    assert call(capsys)[0] == 2
    assert call(capsys, "--version")[1].strip() == f"muybridge {muybridge.__version__}"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(capsys, verb):
    code, out, err = call(capsys, verb, "--help")
    assert code == 0 and f"usage: muybridge {verb}" in out and err == ""
    assert "--json" in out


@pytest.mark.parametrize("verb", VERBS)
def test_unknown_options_are_refused_with_code_2(capsys, verb):
    named = ("animate", "compare", "fit", "plan", "train", "ablate")
    person = ("me.jpg",) if verb in named else ()
    person = ("3",) if verb == "people" else person
    code, out, err = call(capsys, verb, *person, "--colour", "red")
    assert code == 2 and out == "" and "--colour" in err


BAD = [
    ("dance",),
    ("animate",),
    ("animate", "me.jpg", "--from", "run.json"),
    ("animate", "/nowhere/me.jpg", "-o", "OUT"),
    ("animate", "PERSON", "--motion", "moonwalk", "-o", "OUT"),
    ("animate", "PERSON", "--camera", "spin it like a record", "-o", "OUT"),
    ("animate", "PERSON", "--size", "huge", "-o", "OUT"),
    ("animate", "PERSON", "--size", "8", "-o", "OUT"),
    ("animate", "PERSON", "--fps", "0", "-o", "OUT"),
    ("animate", "PERSON", "--frames", "0", "-o", "OUT"),
    ("animate", "PERSON", "--method", "magic", "-o", "OUT"),
    ("animate", "PERSON", "--set", "steps", "-o", "OUT"),
    ("animate", "PERSON", "--set", "steps=4", "-o", "OUT"),
    ("animate", "PERSON", "--threads", "0", "-o", "OUT"),
    ("animate", "PERSON", "--layout", "sideways", "-o", "OUT"),
    ("animate", "--from", "/nowhere/run.json", "-o", "OUT"),
    ("animate", "PERSON", "-o", "PERSON"),
    ("compare", "PERSON", "--methods", "avatar,avatar", "-o", "OUT"),
    ("compare", "PERSON", "--methods", ",", "-o", "OUT"),
    ("compare", "PERSON", "--methods", "magic", "-o", "OUT"),
    ("guide", "--maps", "heat", "-o", "OUT"),
    ("guide", "--motion", "moonwalk", "-o", "OUT"),
    ("fit", "/nowhere/me.jpg", "-o", "OUT"),
    ("fit", "TEXT", "-o", "OUT"),
    ("fit", "TEXT", "--layout", "sideways", "-o", "OUT"),
    ("plan", "/nowhere/me.jpg"),
    ("plan", "PERSON", "--frames", "-1"),
    ("plan", "PERSON", "--start", "soon"),
    ("animate", "PERSON", "--start", "-1", "-o", "OUT"),
    ("motions", "moonwalk"),
    ("motions", "TEXT"),
    ("cameras", "spin it like a record"),
    ("weights", "magic"),
]


@pytest.mark.parametrize("argv", BAD, ids=[" ".join(b) for b in BAD])
def test_bad_input_gets_one_readable_text_and_code_2(capsys, painted_folder, tmp_path, argv):
    text = tmp_path / "notes.jpg"
    text.write_text("not a picture")
    places = {"PERSON": painted_folder, "OUT": tmp_path / "out", "TEXT": text}
    code, out, err = call(capsys, *[places.get(a, a) for a in argv])
    assert code == 2 and out == ""
    last = err.strip().splitlines()[-1]
    assert last.startswith("muybridge: ") and "; " in last and "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_animate_prints_where_the_plate_is(capsys, painted_folder, tmp_path):
    argv = (
        "animate", painted_folder, "--motion", "wave", "--camera", "orbit:2", "--frames", "3",
        "--size", "64x48", "-o", tmp_path / "out",
    )
    code, out, err = call(capsys, *argv)
    assert code == 0 and Path(out.strip()) == tmp_path / "out" / "plate.png"
    assert "render: 2 views x 3 frames" in err and "encode: done" in err
    code, out, err = call(capsys, *argv, "--quiet", "--json")
    assert code == 0 and err == ""
    assert json.loads(out)["cameras"] == {
        "name": "orbit:2", "views": 2, "frames": 3, "width": 64, "height": 48,
    }
    record = tmp_path / "out" / "run.json"
    code, out, _ = call(capsys, "animate", "--from", record, "-o", tmp_path / "again", "--json")
    assert code == 0 and json.loads(out)["job"]["motion"] == "wave"


def test_compare_and_guide_print_where_the_plate_is(capsys, painted_folder, tmp_path):
    small = ("--frames", "2", "--size", "48", "--camera", "static:0")
    code, out, _ = call(
        capsys, "compare", painted_folder, *small, "--methods", "avatar", "-o", tmp_path / "c"
    )
    assert code == 0 and Path(out.strip()).is_file()
    code, out, _ = call(
        capsys, "guide", *small, "--maps", "depth", "-o", tmp_path / "g", "--json", "--quiet"
    )
    assert code == 0 and list(json.loads(out)["maps"]) == ["depth"]


def test_listings_are_json_where_asked(capsys):
    for argv in (("methods",), ("weights",), ("motions",), ("cameras",), ("guide", "--list"),
                 ("doctor",), ("motions", "walk"), ("cameras", "orbit:3")):
        code, text, _ = call(capsys, *argv)
        assert code == 0 and text.strip()
        code, out, _ = call(capsys, *argv, "--json")
        assert code == 0 and json.loads(out)


def test_what_a_motion_and_a_camera_mean(capsys):
    facts = json.loads(call(capsys, "motions", "walk", "--json")[1])
    assert facts["frames"] > 10 and facts["fps"] == "24" and facts["travels_metres"] > 0.5
    facts = json.loads(call(capsys, "cameras", "orbit:3", "--frames", "2", "--json")[1])
    assert facts["views"] == 3 and len(facts["words"]) == 3
    assert len(facts["K"]) == 3 and len(facts["K"][0]) == 2


def test_plan_prints_a_forecast(capsys, painted_folder, tmp_path, monkeypatch):
    from muybridge.jobs import speed
    from muybridge.methods.cost import Speed

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(speed, "measure", lambda: Speed(0.01, 1e-8, 1e-8, 40.0, 4.0, 1 << 29))
    code, out, _ = call(capsys, "plan", painted_folder, "--frames", "10")
    assert code == 0 and "8 views x 10 frames at 512x512" in out and "total" in out
    facts = json.loads(call(capsys, "plan", painted_folder, "--frames", "10", "--json")[1])
    assert facts["seconds"]["total"] > facts["seconds"]["render"] > 0


def test_a_closed_pipe_is_no_crash():
    ran = subprocess.run(
        f"{sys.executable} -m muybridge motions | head -1", shell=True, capture_output=True,
        text=True, timeout=600,  # it does not hang
    )
    assert "Traceback" not in ran.stderr
