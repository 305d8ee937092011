"""A stop that can't get lost.

Python turns Ctrl-C into an exception wherever the program happens to be. In a callback
from compiled code it is printed and forgotten, and the run would go on. So the signal is
also written down here, and a run looks at it between its steps.
"""

from __future__ import annotations

_asked = False


def ask() -> None:
    """Note that the run is to stop."""
    global _asked
    _asked = True


def forget() -> None:
    """A new run begins; earlier wishes don't concern it."""
    global _asked
    _asked = False


def check() -> None:
    """Stop here if that was asked for.

    Raises:
        KeyboardInterrupt: it was.
    """
    if _asked:
        forget()
        raise KeyboardInterrupt
