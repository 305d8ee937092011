"""Write docs/benchmark.md from what muybridge evaluate and ablate have left.

    python tools/benchmark_page.py evaluation/*/scores.json --ablation gas=ablation/gas/table.md
"""

from __future__ import annotations

import argparse
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from muybridge.jobs.benchmark_page import benchmark_page, read_scores
from muybridge.jobs.files import write_text


def main() -> None:
    """Reads, and writes the page."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("scores", type=Path, nargs="+")
    options.add_argument("--ablation", action="append", default=[], metavar="METHOD=TABLE")
    options.add_argument("--command", action="append", default=[])
    options.add_argument("-o", "--out", type=Path, default=Path("docs/benchmark.md"))
    asked = options.parse_args()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    several = [read_scores(path) for path in asked.scores]
    pairs = (text.partition("=")[::2] for text in asked.ablation)
    ablations = {name: Path(path).read_text(encoding="utf-8") for name, path in pairs}
    fast = " --fast" if several[0]["plates"]["name"] == "fast" else ""
    people = several[0]["plates"]["measured_people"]
    some = f" --people {people}" if people < several[0]["plates"]["people"] else ""
    commands = asked.command or [
        *(
            f"muybridge evaluate {told['method']['name']} --protocol "
            f"{','.join(told['protocols'])}{fast}{some}" for told in several
        ),
        *(f"muybridge ablate {name}{fast}{some}" for name in ablations),
    ]
    write_text(asked.out, benchmark_page(
        several, ablations, date=datetime.now(UTC).date().isoformat(), commit=commit,
        commands=commands,
    ))
    print(asked.out)


if __name__ == "__main__":
    main()
