"""All designs there are: one for every kind of garment and every number."""

from __future__ import annotations

from collections.abc import Callable

from muybridge.errors import InputError
from muybridge.synthetic.dice import Dice
from muybridge.synthetic.wardrobe import bottoms, tops
from muybridge.synthetic.wardrobe.design import KINDS, Design

_DRAW: dict[str, Callable[[Dice, str, int], Design]] = {
    "t-shirt": tops.draw_t_shirt, "shirt": tops.draw_shirt, "sweater": tops.draw_sweater,
    "hoodie": tops.draw_hoodie, "jacket": tops.draw_jacket, "coat": tops.draw_coat,
    "dress": tops.draw_dress, "skirt": bottoms.draw_skirt, "trousers": bottoms.draw_trousers,
    "shorts": bottoms.draw_shorts, "sneakers": bottoms.draw_footwear,
    "shoes": bottoms.draw_footwear, "boots": bottoms.draw_footwear,
}


def design(kind: str, number: int) -> Design:
    """The garment of a kind and a number; the same always, everywhere.

    Args:
        kind: one of :data:`KINDS`.
        number: 0 or more; numbers that end in 8 and 9 are kept from training.

    Raises:
        InputError: an unknown kind, or a negative number.
    """
    if kind not in _DRAW:
        raise InputError("garment", kind, "is no kind of garment", "use one of " + ", ".join(KINDS))
    if number < 0:
        raise InputError("garment", kind, f"has the number {number}", "give 0 or more")
    return _DRAW[kind](Dice(f"garment/{kind}", number), kind, number)
