"""``muybridge weights``: what is on disk, and how to get what is not."""

from __future__ import annotations

from dataclasses import dataclass

import tyro

from muybridge.cli.common import Json, read, show
from muybridge.errors import InputError


@dataclass
class Weights:
    """List the weights of the methods: licence, size, where they are or how to get them.

    Attributes:
        method: only this one.
        json_: print for a program.
    """

    method: tyro.conf.Positional[str | None] = None
    json_: Json = False


def main(argv: list[str]) -> int:
    """Run the verb; returns the exit code."""
    asked = read(Weights, "weights", argv)
    from muybridge.methods.overview import overview

    methods = overview()
    if asked.method is not None:
        names = [method["name"] for method in methods]
        if asked.method not in names:
            raise InputError(
                "weights", "", f"there is no method {asked.method!r}", "use " + ", ".join(names)
            )
        methods = [method for method in methods if method["name"] == asked.method]
    lines: list[str] = []
    for method in methods:
        for size in method["sizes"]:
            name = f"{method['name']}-{size['name']}"
            if not size["weights"]:
                lines.append(f"{name}: needs none")
            for item in size["weights"]:
                lines.append(f"{name}: {item['name']}, {item['megabytes']:g} MB, {item['licence']}")
                if item["path"]:
                    lines.append(f"  here: {item['path']}")
                else:
                    need = "optional" if item["optional"] else "missing"
                    lines.append(f"  {need}; from {item['source']}\n  put it at {item['put_at']}")
    show(
        [{"name": m["name"], "sizes": m["sizes"]} for m in methods], asked.json_, "\n".join(lines)
    )
    return 0
