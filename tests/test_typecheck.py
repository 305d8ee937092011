"""The checks of annotations that every other test runs under."""

from __future__ import annotations

import pytest
import torch
import typecheck
from jaxtyping import Float, TypeCheckError, jaxtyped
from torch import Tensor


@jaxtyped(typechecker=typecheck.check)
def scaled(values: Float[Tensor, "N 3"], by: float) -> Float[Tensor, "N 3"]:
    return values.flatten()[:3][None] * by


def test_wrong_shapes_and_types_are_caught_at_every_call_and_ints_are_floats() -> None:
    one, two = torch.ones(1, 3), torch.ones(2, 3)
    for _ in range(2):
        assert torch.equal(scaled(one, 2), 2 * one)
        with pytest.raises(TypeCheckError, match="values"):
            scaled(torch.ones(1, 4), 2.0)
        with pytest.raises(TypeCheckError, match="by"):
            scaled(one, "2")
        with pytest.raises(TypeCheckError, match="return"):
            scaled(two, 2.0)


class Scales:
    @staticmethod
    @jaxtyped(typechecker=typecheck.check)
    def twice(values: Float[Tensor, "N 3"]) -> Float[Tensor, "N 3"]:
        return 2 * values


def test_what_is_called_often_is_checked_at_first_and_in_the_next_test_again() -> None:
    good, bad = torch.ones(1, 3), torch.ones(1, 4)
    for _ in range(2):
        typecheck.begin()
        for function in (lambda x: scaled(x, 1.0), Scales.twice):
            with pytest.raises(TypeCheckError):
                function(bad)
            for _ in range(typecheck.CALLS):
                function(good)
            function(bad)  # nobody looks any more
