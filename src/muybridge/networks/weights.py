"""State dicts that fit a network to the last key, or are refused whole."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from os import PathLike

from torch import Tensor, nn

from muybridge.errors import InputError

_TOLD = 12


def check_keys(
    expected: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
    source: str | PathLike[str],
    may_lack: Collection[str] = (),
) -> None:
    """Refuse weights whose names or shapes are not exactly the expected ones.

    Args:
        expected: the network's ``state_dict()``, on any device.
        given: what was read.
        source: where from, for the error.
        may_lack: names that need not be there.

    Raises:
        InputError: names missing, names too many, or shapes that differ; all are named.
    """
    missing = [k for k in expected if k not in given and k not in may_lack]
    extra = [k for k in given if k not in expected]
    shapes = [
        f"{k} {list(given[k].shape)} instead of {list(expected[k].shape)}"
        for k in expected if k in given and given[k].shape != expected[k].shape
    ]
    problems = [
        f"{len(names)} {what}: {', '.join(names[:_TOLD])}"
        + (f" and {len(names) - _TOLD} more" if len(names) > _TOLD else "")
        for what, names in (("missing", missing), ("unknown", extra), ("of other shape", shapes))
        if names
    ]
    if problems:
        raise InputError(
            source, "weights", "; ".join(problems), "give the file made for this network"
        )


def load_strictly(
    network: nn.Module,
    given: Mapping[str, Tensor],
    source: str | PathLike[str],
    may_lack: Collection[str] = (),
    assign: bool = False,
) -> None:
    """Load weights that fit exactly; otherwise leave the network as it was.

    Args:
        network: of any device; on ``meta`` with ``assign``.
        given: the weights. source: where from. may_lack: see :func:`check_keys`.
        assign: take the tensors themselves instead of copying them.

    Raises:
        InputError: see :func:`check_keys`.
    """
    check_keys(network.state_dict(), given, source, may_lack)
    network.load_state_dict(dict(given), strict=not may_lack, assign=assign)
