"""Pages that are made from the code: the command line, the methods, the gallery of examples."""

from __future__ import annotations

import ast
import contextlib
import io
import os
from pathlib import Path

from muybridge.cli import VERBS, main, usage
from muybridge.methods.overview import overview


def write(docs: Path) -> None:
    """Write ``reference/cli.md``, ``reference/methods.md`` and ``guide/examples.md``."""
    for name, text in {
        "reference/cli.md": cli(),
        "reference/methods.md": methods(),
        "guide/examples.md": examples(docs.parent / "examples"),
    }.items():
        path = docs / name
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def cli() -> str:
    """Every verb with its options, as ``--help`` prints them."""
    os.environ["COLUMNS"] = "96"
    parts = ["# Command line", "", "```text", usage(), "```", ""]
    parts += [
        "Data goes to stdout, progress and errors to stderr; `--json` prints data for programs.",
        "", "| exit code | meaning |", "| --- | --- |", "| 0 | done |", "| 1 | failed |",
        "| 2 | an input can't be used; the text says which and what to do |",
        "| 3 | weights are missing; the text says how to get them |",
        "| 130 | stopped; the same command again goes on from there |", "",
    ]
    for verb, about in VERBS.items():
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
            main([verb, "--help"])
        parts += [f"## {verb}", "", f"{about[0].upper()}{about[1:]}.", "", "```text",
                  out.getvalue().strip(), "```", ""]
    return "\n".join(parts)


def methods() -> str:
    """A section per registered method."""
    parts = ["# Methods", "", "From the registry; `muybridge methods` prints the same.", ""]
    for method in overview():
        parts += [f"## {method['title']} (`{method['name']}`)", "", method["about"], ""]
        if method["paper"]:
            parts += [f"Paper: {method['paper']}", ""]
        parts += [
            f"- takes: {', '.join(method['reference'])}",
            f"- steered by: {', '.join(method['control'])}",
            f"- licence of the code: {method['licence']}", "",
            "| size | about | weights | licence | MB |", "| --- | --- | --- | --- | --- |",
        ]
        for size in method["sizes"]:
            name = f"`{method['name']}-{size['name']}`"
            rows = size["weights"] or [{"name": "none", "licence": "", "megabytes": ""}]
            for item in rows:
                parts.append(
                    f"| {name} | {size['about']} | {item['name']} | {item['licence']} "
                    f"| {item['megabytes']} |"
                )
        parts.append("")
    return "\n".join(parts)


def examples(folder: Path) -> str:
    """The numbered examples: what each shows, and its code."""
    parts = ["# Examples", "", "Each runs as it stands: `python examples/NAME.py`.", ""]
    for path in sorted(folder.glob("[0-9]*.py")):
        code = path.read_text()
        about = ast.get_docstring(ast.parse(code)) or path.stem
        title, _, rest = about.partition("\n")
        body = code.partition('"""\n')[2].strip() if '"""\n' in code else code
        parts += [f"## {title.rstrip('.')}", "", rest.strip(), "", f"`examples/{path.name}`", "",
                  "```python", body, "```", ""]
    return "\n".join(parts)
