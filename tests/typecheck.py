"""How annotations are checked at every call under pytest: an int will do for a float (PEP 484).

A function's checker is made when it is first called, as most never are where they are imported:
importing the whole package with its checks takes a quarter less by it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from beartype import BeartypeConf, beartype

_strictly = beartype(conf=BeartypeConf(is_pep484_tower=True))


def check(function: Callable[..., Any]) -> Callable[..., Any]:
    """The checker that jaxtyping applies, to a function's arguments and to what it returns."""
    if isinstance(function, type):
        return _strictly(function)
    checked: Callable[..., Any] | None = None

    @functools.wraps(function)
    def first_made(*args: Any, **kwargs: Any) -> Any:
        nonlocal checked
        if checked is None:
            checked = _strictly(function)
        return checked(*args, **kwargs)

    return first_made
