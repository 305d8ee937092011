"""Finds a body model by name or by file."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path
from typing import Any

from muybridge.body.types import Body
from muybridge.errors import InputError

BODIES: tuple[str, ...] = ("anny",)
"""Names of the bodies that need no file."""

_SUFFIXES = (".npz", ".pkl", ".pickle")


def load_body(name_or_path: str | PathLike[str] = "anny", **options: Any) -> Body:
    """The built-in body, or SMPL-X or SMPL from the user's own model file.

    Args:
        name_or_path: ``anny``, or a model file such as ``SMPLX_NEUTRAL.npz`` or
            ``basicmodel_m_lbs_10_207_0_v1.0.0.pkl`` (never unpickled: arrays only).
        options: for a model file, those of :func:`muybridge.body.smplx.load_smplx`.

    Raises:
        InputError: no such body, or the file is missing, damaged or no body model.
    """
    text = fspath(name_or_path)
    if text in BODIES:
        if options:
            raise InputError(
                "body", next(iter(options)), "is no option of the built-in body", "leave it out"
            )
        from muybridge.body.anny import load_anny

        return load_anny()
    if Path(text).suffix.lower() not in _SUFFIXES and not Path(text).exists():
        raise InputError(
            "body", text, "is no body that muybridge knows",
            f"give {', '.join(BODIES)} or the path of an SMPL-X or SMPL model file (.npz, .pkl)",
        )
    from muybridge.body.smplx import load_smplx

    return load_smplx(text, **options)
