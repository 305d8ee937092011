"""The house stands as DESIGN has it: floors, file lengths, no circles, everything documented."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "muybridge"
FLOORS: dict[str, int] = {
    "errors": 0,
    "body": 1, "motion": 1, "camera": 1,
    "render": 2, "video": 2,
    "person": 3, "synthetic": 3, "data": 3,
    "networks": 4,
    "training": 5, "evaluation": 5, "sampling": 5,
    "methods": 6,
    "jobs": 7,
    "cli": 8, "studio": 8, "comfy": 8,
}
BESIDE = {("motion", "body"), ("camera", "body"), ("data", "synthetic")}
"""Rooms of one floor that may import one another: (who, whom)."""
MOST_LINES = 450
FILES = sorted(SOURCE.rglob("*.py"))
NAMES = [path.relative_to(SOURCE).as_posix() for path in FILES]


def module_name(path: Path) -> str:
    parts = ("muybridge", *path.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


def imported(path: Path, inside_functions: bool) -> set[str]:
    """Modules of muybridge that a file imports (not under TYPE_CHECKING)."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not inside_functions:
            return
        if isinstance(node, ast.Import):
            found.update(a.name for a in node.names if a.name.startswith("muybridge"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("muybridge"):
            for alias in node.names:
                deeper = f"{node.module}.{alias.name}"
                found.add(deeper if deeper in MODULES else str(node.module))
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text()))
    return found


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_imports_point_down(path):
    own = room(module_name(path))
    if own in ("", "__main__"):  # the package's root names rooms lazily, on every floor
        return
    assert own in FLOORS, f"the room {own!r} stands on no floor"
    for module in imported(path, inside_functions=True):
        other = room(module)
        if other in ("", own):  # the root itself gives the version
            continue
        below = FLOORS[other] < FLOORS[own] or (own, other) in BESIDE
        assert below, f"{module_name(path)} (floor {FLOORS[own]}) imports {module}"


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_file_holds_one_idea(path):
    lines = path.read_text().count("\n")
    assert lines <= MOST_LINES, f"{lines} lines"


def test_no_module_imports_itself_through_others():
    graph = {
        name: {m for m in imported(path, inside_functions=False) if m in MODULES and m != name}
        for name, path in MODULES.items()
    }
    state: dict[str, int] = {}

    def walk(name: str, way: tuple[str, ...]) -> None:
        if state.get(name) == 2:
            return
        assert state.get(name) != 1, " -> ".join((*way, name))
        state[name] = 1
        for other in sorted(graph[name]):
            if other != "muybridge":  # the root imports nothing but errors at its top
                walk(other, (*way, name))
        state[name] = 2

    for name in graph:
        walk(name, ())


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_what_is_public_is_documented_and_typed(path):
    tree = ast.parse(path.read_text())
    if path.name != "__init__.py" or tree.body:
        assert ast.get_docstring(tree), "the module says nothing about itself"

    def check(node: ast.AST, within: str, protocol: bool = False) -> None:
        for item in getattr(node, "body", []):
            if isinstance(item, ast.ClassDef) and not item.name.startswith("_"):
                assert ast.get_docstring(item), f"{within}{item.name} has no docstring"
                bases = [ast.unparse(b) for b in item.bases]
                check(item, f"{item.name}.", any("Protocol" in b for b in bases))
            elif isinstance(item, ast.FunctionDef) and not item.name.startswith("_"):
                overload = any("overload" in ast.unparse(d) for d in item.decorator_list)
                if not protocol and not overload:
                    assert ast.get_docstring(item), f"{within}{item.name} has no docstring"
                assert item.returns is not None, f"{within}{item.name} does not say what it gives"

    check(tree, "")


def test_no_promises_in_the_code():
    promise = re.compile(r"#.*\b(TO[D]O|FIX[M]E)\b|raise NotImplemented[E]rror")
    for path in (*FILES, *(ROOT / "tests").rglob("*.py")):
        found = promise.search(path.read_text())
        assert not found, f"{path}: {found and found[0]}"


def test_tests_mirror_the_source():
    rooms = {p.name for p in SOURCE.iterdir() if p.is_dir() and (p / "__init__.py").exists()}
    for name in rooms & set(FLOORS):
        assert list((ROOT / "tests" / name).glob("test_*.py")), f"{name} has no tests"


def test_the_root_exports_what_it_names():
    import muybridge

    for name in muybridge.__all__:
        assert getattr(muybridge, name) is not None
    assert set(muybridge.__all__) <= set(dir(muybridge))
    with pytest.raises(AttributeError, match="no attribute 'Horse'"):
        muybridge.Horse  # noqa: B018
