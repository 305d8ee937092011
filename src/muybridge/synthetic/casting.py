"""Casting: who somebody is, what they wear, in which light, all from whole numbers.

>>> cast(0, "test").identity
9
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from muybridge.errors import InputError
from muybridge.synthetic.dice import Dice
from muybridge.synthetic.figure import Figure
from muybridge.synthetic.light import Light
from muybridge.synthetic.looks import (
    Identity,
    canvas_of,
    hair_layers,
    hat,
    identity,
    skin_layers,
)
from muybridge.synthetic.splits import Split, number_in, split_of
from muybridge.synthetic.wardrobe import design, dress

Garment = tuple[str, int]
"""Kind and number of a garment."""
DESIGNS = 100_000
"""Designs of a kind that a split draws from."""
_OUTFITS: dict[str, dict[str, float]] = {
    "woman": {
        "t-shirt trousers": 2.0, "t-shirt shorts": 1.0, "t-shirt skirt": 1.2,
        "shirt trousers": 1.2, "shirt skirt": 1.0, "sweater trousers": 1.0, "sweater skirt": 0.8,
        "hoodie trousers": 0.7, "dress": 2.6, "dress jacket": 0.5, "t-shirt jacket trousers": 1.2,
        "shirt jacket trousers": 0.8, "sweater coat trousers": 0.7, "shirt coat skirt": 0.4,
        "t-shirt jacket skirt": 0.5, "dress coat": 0.3, "hoodie shorts": 0.3,
    },
    "man": {
        "t-shirt trousers": 3.0, "t-shirt shorts": 1.6, "shirt trousers": 2.2,
        "shirt shorts": 0.5, "sweater trousers": 1.4, "hoodie trousers": 1.2,
        "t-shirt jacket trousers": 1.6, "shirt jacket trousers": 1.6,
        "sweater coat trousers": 0.8, "shirt coat trousers": 0.6, "hoodie jacket trousers": 0.4,
        "hoodie shorts": 0.4,
    },
}
_SHOES: dict[str, dict[str, float]] = {
    "shorts": {"sneakers": 4.0, "shoes": 1.0, "boots": 0.3},
    "skirt": {"sneakers": 1.5, "shoes": 2.0, "boots": 1.5},
    "dress": {"sneakers": 1.0, "shoes": 2.5, "boots": 1.2},
    "trousers": {"sneakers": 3.0, "shoes": 2.0, "boots": 1.2},
}
_THICK = {"coat": 5.0, "jacket": 3.0, "hoodie": 2.0, "sweater": 1.5, "dress": 1.0}
"""Degrees by which a garment holds arms away from the body."""


@dataclass(frozen=True)
class Cast:
    """One person's whole appearance as numbers.

    Attributes:
        identity: body, face, skin, hair.
        garments: kind and number of each, the inner ones first, shoes last.
        hat: number of a hat, or ``None``.
        light: of the studio.
        split: that all of these numbers belong to.
    """

    identity: int
    garments: tuple[Garment, ...]
    hat: int | None
    light: int
    split: Split

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"garments": [list(g) for g in self.garments]}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Cast:
        """A cast that :meth:`to_dict` told.

        Raises:
            InputError: it is no cast, or its numbers are of different splits.
        """
        try:
            garments = tuple((str(kind), int(number)) for kind, number in data["garments"])
            head = data["hat"] if data["hat"] is None else int(data["hat"])
            made = Cast(int(data["identity"]), garments, head, int(data["light"]), data["split"])
        except (KeyError, TypeError, ValueError):
            raise InputError("cast", "", "is no cast", "give what muybridge people wrote") from None
        mixed = {split_of(number) for number in made.numbers()} - {made.split}
        if mixed or min(made.numbers()) < 0:
            raise InputError("cast", "split", f"is {made.split}, but numbers of other splits are "
                             "in it", "give what muybridge people wrote")
        return made

    def numbers(self) -> list[int]:
        """Everything that was drawn."""
        head = [] if self.hat is None else [self.hat]
        return [self.identity, self.light, *head, *(number for _, number in self.garments)]


def cast(number: int, split: Split) -> Cast:
    """The ``number``-th person of a split: identity, a believable outfit, a light.

    Args:
        number: from 0 on.
        split: that every number in the cast is taken from.

    Raises:
        InputError: an unknown split, or a negative number.
    """
    who = number_in(split, number)
    dice = Dice("casting", who)
    outfit = dice.weighted(_OUTFITS["woman" if identity(who).female else "man"]).split()
    kinds = [k for k in outfit if k not in ("jacket", "coat")]
    kinds += [k for k in outfit if k in ("jacket", "coat")]
    kinds.append(dice.weighted(_SHOES[next(k for k in kinds if k in _SHOES)]))

    def drawn() -> int:
        return number_in(split, dice.whole(0, DESIGNS - 1))

    garments = tuple((kind, drawn()) for kind in kinds)
    head = drawn() if dice.chance(0.16) else None
    return Cast(who, garments, head, drawn(), split)


def light_of(who: Cast) -> Light:
    """The light that a cast stands in."""
    return Light.of(who.light)


def arms_out(who: Cast) -> float:
    """Degrees by which this person's arms have to be held further from the body."""
    weight = identity(who.identity).shape.weight
    thick = max((_THICK.get(kind, 0.0) for kind, _ in who.garments), default=0.0)
    return thick + 18.0 * max(0.0, weight - 0.55)


def build_figure(who: Cast, detail: int = 1024) -> Figure:
    """The person of a cast, ready to be posed.

    Args:
        who: the cast.
        detail: most texels a side of a texture.
    """
    person: Identity = identity(who.identity)
    canvas = canvas_of(person)
    designs = [design(kind, number) for kind, number in who.garments]
    worn = None if who.hat is None else hat(who.hat)
    layers = [
        *skin_layers(canvas, person), *hair_layers(canvas, person, worn), *dress(canvas, designs),
    ]
    return Figure(canvas.body, layers, who.to_dict(), detail)
