"""Methods are found, loaded by name or path, and say what they lack."""

from __future__ import annotations

import subprocess
import sys

import pytest

from muybridge import methods
from muybridge.errors import InputError, MissingWeights
from muybridge.methods import registry
from muybridge.methods.overview import overview
from muybridge.methods.spec import MethodSpec, Size, Weights

SPEC = """
from muybridge.methods.spec import MethodSpec, Size, Weights
SPEC = MethodSpec(
    name="{name}", title="Mine", about="A method of somebody else.", paper="Me, 2026",
    reference=("front",), control=("motion", "cameras"),
    sizes=(
        Size("big", "", (Weights("big.safetensors", "MIT", "https://example.org", 7),)),
        Size("small", "needs none"),
    ),
    loader="mine.pipeline:load", cost="muybridge.methods.avatar.cost:cost",
    recognises="mine.pipeline:recognises",
)
"""
PIPELINE = """
def load(size_or_path="big", **options):
    return ("mine", size_or_path, options)
def recognises(folder):
    return (folder / "mine.json").exists()
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A package with a method, as pip would have installed it; gives its folder."""

    def install(name="mine", spec=SPEC):
        package = tmp_path / "mine"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "spec.py").write_text(spec.replace("{name}", name))
        (package / "pipeline.py").write_text(PIPELINE)
        info = tmp_path / "mine-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[muybridge.methods]\nmine = mine.spec:SPEC\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        registry.specs.cache_clear()
        return package

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("MUYBRIDGE_WEIGHTS", raising=False)
    yield install
    for module in [m for m in sys.modules if m == "mine" or m.startswith("mine.")]:
        del sys.modules[module]
    registry.specs.cache_clear()


def test_the_avatar_is_registered_and_nothing_is_pretended():
    assert list(methods.specs())[0] == "avatar"
    spec, size = methods.spec("avatar")
    assert size == spec.sizes[0].name
    assert methods.load("avatar").spec is spec
    assert methods.load("avatar-full").size == "full"


@pytest.mark.parametrize(
    "name, words", [
        ("avatr", "avatar"), ("avatar-huge", "full"), ("/nowhere/at/all", "neither"),
        ("", "neither"),
    ],
)
def test_unknown_names_are_refused_with_what_there_is(name, words):
    with pytest.raises(InputError, match=words):
        methods.load(name)


def test_options_that_a_method_lacks_are_refused():
    with pytest.raises(InputError, match="steps"):
        methods.load("avatar", steps=3)


def test_a_folder_that_no_method_knows_is_refused(tmp_path):
    with pytest.raises(InputError, match="no method recognises"):
        methods.load(tmp_path)


def test_a_package_brings_a_method(plugin):
    plugin()
    names = list(methods.specs())
    assert names[0] == "avatar" and names[-1] == "mine" and "gas" in names
    assert methods.load("mine-small", steps=2) == ("mine", "small", {"steps": 2})
    assert [m["name"] for m in overview()] == names


def test_a_folder_of_checkpoints_finds_its_method(plugin, tmp_path):
    plugin()
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    (folder / "mine.json").touch()
    assert methods.load(folder) == ("mine", str(folder), {})


def test_missing_weights_say_what_to_fetch_and_where_to_put_it(plugin, tmp_path):
    plugin()
    with pytest.raises(MissingWeights) as caught:
        methods.load("mine")
    place = tmp_path / "data" / "muybridge" / "weights" / "mine" / "big.safetensors"
    for part in ("mine-big", "big.safetensors", "7 MB", "MIT", "https://example.org", str(place)):
        assert part in str(caught.value)
    assert caught.value.exit_code == 3
    size = overview()[-1]["sizes"][0]
    assert not size["ready"] and size["weights"][0]["put_at"] == str(place)
    place.parent.mkdir(parents=True)
    place.touch()
    assert methods.load("mine") == ("mine", "big", {})
    assert overview()[-1]["sizes"][0]["ready"]


@pytest.mark.parametrize("by_environment", [True, False])
def test_weights_are_found_in_the_environments_folder_and_in_the_package(
    plugin, tmp_path, monkeypatch, by_environment
):
    package = plugin()
    if by_environment:
        monkeypatch.setenv("MUYBRIDGE_WEIGHTS", str(tmp_path / "w"))
        folder = tmp_path / "w" / "mine"
    else:
        folder = package / "weights"
    folder.mkdir(parents=True)
    (folder / "big.safetensors").touch()
    assert methods.load("mine-big") == ("mine", "big", {})


def test_a_package_can_not_take_a_name_that_is_taken(plugin):
    plugin(name="avatar")
    with pytest.raises(InputError, match="taken"):
        methods.specs()


@pytest.mark.parametrize("spec", ["SPEC = 3", "SPEC2 = 1", "import nothing_of_this_name"])
def test_a_broken_package_is_named(plugin, spec):
    plugin(spec=spec)
    with pytest.raises(InputError, match="mine"):
        methods.specs()


@pytest.mark.parametrize(
    "change", [{"name": "my-method"}, {"name": "Mine"}, {"sizes": ()}, {"control": ("mind",)},
               {"reference": ("behind",)}],
)
def test_a_spec_must_be_sound(change):
    sound = {
        "name": "mine", "title": "", "about": "", "paper": "", "reference": ("front",),
        "control": ("motion",), "sizes": (Size("a", ""),), "loader": "a:b", "cost": "a:b",
    }
    MethodSpec(**sound)
    with pytest.raises(InputError):
        MethodSpec(**{**sound, **change})


def test_optional_weights_are_not_missed(monkeypatch):
    optional = Weights("extra", "MIT", "there", 1.0, optional=True)
    spec = MethodSpec(
        "mine", "", "", "", ("front",), ("motion",), (Size("a", "", (optional,)),),
        loader="muybridge.methods.avatar.pipeline:load", cost="a:b",
    )
    assert spec.load("a").spec.name == "avatar"


def test_listing_methods_loads_no_torch():
    code = (
        "import sys; from muybridge.methods.overview import overview; overview();"
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
