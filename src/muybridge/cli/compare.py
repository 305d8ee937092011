"""``muybridge compare``: the same input through several methods."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from muybridge.cli.common import (
    Json,
    MaybeNumber,
    Out,
    listed,
    read,
    show,
    stop_on_terminate,
    use_threads,
)
from muybridge.cli.request import Request


@dataclass(kw_only=True)
class Compare(Request):
    """Animate the same person with several methods and print one plate of all.

    Writes a run per method and plate.png: for a few views every method, one above the other.

    Attributes:
        out: the output folder.
        methods: names, as in avatar,gas.
        force: write into folders that hold other things.
        threads: to compute with; all cores unless given.
        quiet: no progress.
        json_: print the records of the runs.
    """

    out: Out = Path("out")
    methods: str = "avatar"
    force: bool = False
    threads: MaybeNumber = None
    quiet: bool = False
    json_: Json = False


def main(argv: list[str]) -> int:
    """Run the verb; returns the exit code."""
    asked = read(Compare, "compare", argv)
    names = listed(asked.methods, "--methods")
    job = asked.job(names[0])
    use_threads(asked.threads)
    stop_on_terminate()
    from muybridge.jobs.compare import compare
    from muybridge.jobs.progress import listening

    with listening(asked.quiet) as listener:
        result = compare(job, names, asked.out, listener=listener, force=asked.force)
    show(result.to_dict(), asked.json_, str(result.folder / "plate.png"))
    return 0
