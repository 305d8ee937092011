"""A method's config from plain values: every one there, of the right type, none else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from muybridge.errors import InputError

REMEDY = "use the file as it was written"
Range = tuple[str, float, float]
"""Name, least and most."""


def checked_settings(
    values: Mapping[str, Any],
    like: Mapping[str, Any],
    ranges: Iterable[Range],
    source: str | Path,
    method: str,
) -> dict[str, Any]:
    """Values read from a file as arguments of a config, with tuples for JSON's lists.

    Args:
        values: as read.
        like: a config's plain values; types are compared with these.
        ranges: of numbers.
        source: the file, for the error.
        method: whose settings they are.

    Raises:
        InputError: a value is missing, unknown, of another type or out of range.
    """
    for name in values:
        if name not in like:
            raise InputError(source, str(name), f"is no setting of {method}", REMEDY)
    for name, wanted in like.items():
        if name not in values:
            raise InputError(source, name, "is missing", REMEDY)
        if not _fits(values[name], wanted):
            raise InputError(source, name, f"can't be {values[name]!r}"[:200], REMEDY)
    for name, low, high in ranges:
        numbers = values[name] if isinstance(values[name], list | tuple) else [values[name]]
        for number in numbers:
            if not low <= number <= high:
                raise InputError(source, name, f"{number} is not in {low}..{high}", REMEDY)
    return {name: tupled(value) for name, value in values.items()}


def check_denoiser(values: Mapping[str, Any], source: str | Path) -> None:
    """Refuse a config whose objective or UNet can't be.

    Args:
        values: from :func:`checked_settings`, with ``objective`` and ``unet``.
        source: the file, for the error.

    Raises:
        InputError: saying which.
    """
    if values["objective"] not in ("residual", "edm"):
        raise InputError(source, "objective", f"there is no {values['objective']!r}", REMEDY)
    if not isinstance(values["unet"].get("out_channels"), int):
        raise InputError(source, "unet", "has no number out_channels", REMEDY)


def tupled(value: Any) -> Any:
    """Plain values with tuples for JSON's lists."""
    if isinstance(value, Mapping):
        return {k: tupled(v) for k, v in value.items()}
    return tuple(tupled(v) for v in value) if isinstance(value, list) else value


def _fits(given: Any, wanted: Any) -> bool:
    """Whether a value read from JSON has the type of a setting."""
    if isinstance(wanted, bool) or isinstance(given, bool):
        return isinstance(given, bool) and isinstance(wanted, bool)
    if isinstance(wanted, tuple):
        return isinstance(given, list | tuple) and len(given) == len(wanted) and all(
            _fits(g, w) for g, w in zip(given, wanted, strict=True)
        )
    if isinstance(wanted, float):
        return isinstance(given, int | float) and abs(given) < 1e6
    return isinstance(given, Mapping if isinstance(wanted, Mapping) else type(wanted))
