"""``muybridge doctor``: is everything installed as it should be?"""

from __future__ import annotations

from dataclasses import dataclass

from muybridge.cli.common import Json, read, show


@dataclass
class Doctor:
    """Check the installation: versions, threads, memory, codecs, numba, the body's data.

    Exit code 1 where something is at fault.

    Attributes:
        json_: print for a program.
    """

    json_: Json = False


def main(argv: list[str]) -> int:
    """Run the verb; returns the exit code."""
    asked = read(Doctor, "doctor", argv)
    from muybridge.jobs.doctor import examine, report

    findings = examine()
    facts = report(findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.state:5}  {finding.name}: {finding.text}")
        if finding.remedy:
            lines.append(f"       -> {finding.remedy}")
    show(facts, asked.json_, "\n".join(lines))
    return 0 if facts["healthy"] else 1
