"""``muybridge methods``: what can make the video."""

from __future__ import annotations

from dataclasses import dataclass

from muybridge.cli.common import Json, read, show


@dataclass
class Methods:
    """List the methods: what each takes, its sizes, and whether its weights are here.

    Attributes:
        json_: print for a program.
    """

    json_: Json = False


def main(argv: list[str]) -> int:
    """Run the verb; returns the exit code."""
    asked = read(Methods, "methods", argv)
    from muybridge.methods.overview import overview

    methods = overview()
    lines: list[str] = []
    for method in methods:
        lines.append(f"{method['name']}: {method['title']}")
        lines.append(f"  {method['about']}")
        if method["paper"]:
            lines.append(f"  paper: {method['paper']}")
        lines.append(f"  takes: {', '.join(method['reference'])}; {', '.join(method['control'])}")
        for size in method["sizes"]:
            ready = "ready" if size["ready"] else "weights missing: muybridge weights"
            lines.append(f"  size {size['name']}: {size['about']} ({ready})")
    show(methods, asked.json_, "\n".join(lines))
    return 0
