"""The errors a user can meet.

Everything that goes wrong because of what a user gave, lacks, or did is a
:class:`MuybridgeError`; the command line prints its text without a traceback.
Any other exception is a defect of muybridge.
"""

from __future__ import annotations

from os import PathLike


class MuybridgeError(Exception):
    """Base of every error that is told to the user as one readable text."""

    exit_code = 1


class InputError(MuybridgeError, ValueError):
    """An input can't be used.

    The text always reads ``SOURCE: FIELD: what is wrong; what to do``.

    Args:
        source: the file, option or argument that is at fault.
        field: the part of it at fault (a key, a line, an option); may be empty.
        problem: what is wrong, in words.
        remedy: what the user can do about it.
    """

    exit_code = 2

    def __init__(
        self, source: str | PathLike[str], field: str, problem: str, remedy: str
    ) -> None:
        self.source = str(source)
        self.field = field
        self.problem = problem
        self.remedy = remedy
        where = f"{self.source}: {field}" if field else self.source
        super().__init__(f"{where}: {problem}; {remedy}")

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str, str, str]]:
        return type(self), (self.source, self.field, self.problem, self.remedy)


class MissingWeights(MuybridgeError):
    """A method's weights are not on this machine; the text says how to get them."""

    exit_code = 3


class Interrupted(MuybridgeError):
    """A run was stopped before its end; the text says how to resume it."""

    exit_code = 130
