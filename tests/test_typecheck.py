"""The checks of annotations that every other test runs under."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
import torch
import typecheck
from jaxtyping import Float, TypeCheckError, jaxtyped
from torch import Tensor


def total(values: Float[Tensor, "N 3"]) -> Float[Tensor, ""]:
    return values.sum()


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch):
    module = ModuleType("checked_module")
    module.total = jaxtyped(typechecker=typecheck.check)(total)
    monkeypatch.setitem(sys.modules, __name__, module)  # where the function says it lives
    return module.total


def test_wrong_shapes_are_caught_and_ints_are_floats(checked) -> None:
    with pytest.raises(TypeCheckError, match="values"):
        checked(torch.zeros(2, 4))
    assert float(checked(torch.ones(2, 3))) == 6


def test_a_function_is_left_alone_after_its_first_calls(checked) -> None:
    for _ in range(typecheck.CALLS):
        checked(torch.ones(2, 3))
    assert float(checked(torch.ones(2, 4))) == 8
