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
