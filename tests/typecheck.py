"""How annotations are checked under pytest: an int will do for a float (PEP 484).

Each function's first calls are looked at, in each process; then it is left alone, as if marked
``typing.no_type_check``. Checks at every call would be a fifth of the suite's time, nearly all of
it in a few small functions that are called thousands of times.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, no_type_check

from beartype import BeartypeConf, beartype

CALLS = 100
"""Looked at of each function; those that have no place in a module, such as closures, always."""

_strictly = beartype(conf=BeartypeConf(is_pep484_tower=True))


def check(function: Callable[..., Any]) -> Callable[..., Any]:
    """The checker that jaxtyping applies, to a function's arguments and to what it returns."""
    if isinstance(function, type):
        return _strictly(function)
    checked: Callable[..., Any] | None = None
    left = CALLS

    @functools.wraps(function)
    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal checked, left
        if checked is None:  # most functions are never called where they are imported
            checked = _strictly(function)
        left -= 1
        if left == 0:
            _leave(function.__module__, function.__qualname__)
        return checked(*args, **kwargs)

    return counted


def _leave(module: str, name: str) -> None:
    """Check a function no longer."""
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = vars(found).get(part) if hasattr(found, "__dict__") else None
    found = getattr(found, "__func__", found)  # of a class or static method
    while callable(found) and not isinstance(found, type):
        no_type_check(found)
        found = getattr(found, "__wrapped__", None)  # behind decorators
