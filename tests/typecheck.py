"""How annotations are checked under pytest: an int will do for a float (PEP 484).

A function's checker is made when it is first called, as most never are where they are imported:
importing the whole package with its checks takes a quarter less by it. And what a test calls a
thousand times is checked the first times: see :data:`CALLS`.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any

from beartype import BeartypeConf, beartype

CALLS = 24
"""Of a function in each test that are checked."""
_MARK = "__no_type_check__"
"""What jaxtyping asks at every call (PEP 484's): it calls the function alone then."""
_strictly = beartype(conf=BeartypeConf(is_pep484_tower=True))
_resting: list[Any] = []
_test = 0


def begin() -> None:
    """A test begins: all functions are checked again."""
    global _test
    _test += 1
    while _resting:
        delattr(_resting.pop(), _MARK)


def check(function: Callable[..., Any]) -> Callable[..., Any]:
    """The checker that jaxtyping applies, to a function's arguments and to what it returns."""
    if isinstance(function, type):
        return _strictly(function)
    checked: Callable[..., Any] | None = None
    calls, when = 0, _test

    @functools.wraps(function)
    def first_made(*args: Any, **kwargs: Any) -> Any:
        nonlocal checked, calls, when
        if checked is None:
            checked = _strictly(function)
        calls, when = (calls + 1 if when == _test else 1), _test
        if calls == CALLS:
            _rest(function)
        return checked(*args, **kwargs)

    return first_made


def _rest(like: Callable[..., Any]) -> None:
    """Checks a function no more in this test.

    Args:
        like: has its names; jaxtyping has a checker check a function of its own making.
    """
    found: Any = sys.modules.get(like.__module__)
    for name in like.__qualname__.split("."):
        if found is None:
            return  # made within a function, or by something else
        found = inspect.getattr_static(found, name, None)
        found = getattr(found, "fget", None) or getattr(found, "__func__", found)
    if not callable(found):
        return
    plain = inspect.unwrap(found)
    if inspect.isfunction(plain) and not hasattr(plain, _MARK):
        setattr(plain, _MARK, True)
        _resting.append(plain)
