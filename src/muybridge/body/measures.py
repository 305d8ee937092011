"""Shapes by real-world measures."""

from __future__ import annotations

from dataclasses import replace

from muybridge.body.types import Body, Shape
from muybridge.errors import InputError


def shape_with_height(body: Body, shape: Shape, metres: float) -> Shape:
    """The shape, made as tall as asked by its ``height`` alone.

    Args:
        body: a body whose stature follows ``Shape.height``, such as the built-in one.
        shape: everything else about the person.
        metres: stature in the zero pose; met within half a millimetre.

    Raises:
        InputError: nobody of this age, gender and build is so tall or so short.
    """
    low, high = 0.0, 1.0
    shortest, tallest = (body.with_shape(replace(shape, height=h)).height for h in (low, high))
    if not shortest < tallest:
        raise InputError(
            "shape", "height", f"the {body.name} body's stature does not follow it", "give betas"
        )
    if not shortest <= metres <= tallest:
        raise InputError(
            "shape", "height", f"{metres} m is out of reach for this age, gender and build",
            f"give {shortest:.2f} to {tallest:.2f} m, or another age",
        )
    while True:
        middle = (low + high) / 2
        found = replace(shape, height=middle)
        stature = body.with_shape(found).height
        if abs(stature - metres) < 5e-4 or high - low < 1e-6:
            return found
        low, high = (middle, high) if stature < metres else (low, middle)
