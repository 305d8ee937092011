"""Designs of garments: every parameter of a garment, drawn from its number alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from muybridge.errors import InputError
from muybridge.synthetic.dice import Dice
from muybridge.synthetic.layers import Role
from muybridge.synthetic.wardrobe.palette import (
    LEATHER, RGB, SOLES, contrasting, denim, leather, lively, muted,
)

T = TypeVar("T")
ROLES: dict[str, Role] = {
    "t-shirt": "upper", "shirt": "upper", "sweater": "upper", "hoodie": "upper",
    "jacket": "upper", "coat": "upper", "dress": "full", "skirt": "lower",
    "trousers": "lower", "shorts": "lower", "sneakers": "shoes", "shoes": "shoes",
    "boots": "shoes",
}
"""What each kind of garment is to a wardrobe."""
KINDS: tuple[str, ...] = tuple(ROLES)
"""Kinds of garments."""
LETTERS = "ABCDEFGHJKLMNPRSTUVXYZ"
WORDS = (
    "ROW", "NYC", "LAB", "RUN", "SUN", "OSLO", "KYOTO", "LIMA", "1998", "84", "07", "23", "MUSE",
    "NOVA", "PLATE", "TEAM", "WEST", "ECHO", "HALO", "RIO", "UNO", "MOTO", "ATLAS", "BLUE",
)
EMBLEMS = ("disc", "star", "heart", "bolt", "mountain", "ring", "cross", "wave")


@dataclass(frozen=True)
class Design:
    """A garment, before anybody wears it. Lengths in metres for a person of 1.75 m.

    Attributes:
        kind: one of :data:`KINDS`. ``number``: what it was drawn from. ``role``: of the layer.
        style: cut within the kind, such as ``"polo"`` or ``"denim"``.
        ease: 0 tight .. 1 very loose.
        length: of the garment: below the hip joint for what hangs from the shoulders (negative
            above it), below the waist for skirts; for legs 1 is the knee, 2 the ankle; for
            shoes the height of the shaft.
        sleeve: 0 without, 1 to the elbow, 2 to the wrist.
        neck: ``round``, ``scoop``, ``boat``, ``v``, ``collar``, ``turtle``, ``stand``,
            ``hood``, ``lapel``; empty for what has none.
        opening: half of the width by which the front gapes at the hem; 0 is closed.
        flare: how much wider per metre it becomes below the waist.
        tucked: worn inside trousers or skirt.
        fabric: ``jersey``, ``woven``, ``denim``, ``knit``, ``cable``, ``corduroy``, ``leather``,
            ``wool``, ``quilt``, ``satin``, ``fleece``, ``canvas``.
        pattern: ``plain``, ``stripes``, ``pinstripes``, ``plaid``, ``check``, ``dots``,
            ``flowers``, ``blocks``, ``camouflage``, ``sleeves``, ``gradient``, ``yoke``.
        size: of the pattern's repeat.
        print: letters or the name of an emblem; empty for none. ``print_back``: on the back.
        colours: ground, pattern, trim; sRGB 0..1.
        pockets, buttons: whether there are any.
        waist: height of the waistband over the hip joint, for what hangs from the waist.
    """

    kind: str
    number: int
    role: Role
    style: str
    ease: float
    length: float
    sleeve: float
    neck: str
    opening: float
    flare: float
    tucked: bool
    fabric: str
    pattern: str
    size: float
    print: str
    print_back: bool
    colours: tuple[RGB, RGB, RGB]
    pockets: bool
    buttons: bool
    waist: float


def design(kind: str, number: int) -> Design:
    """The garment of a kind and a number; the same always, everywhere.

    Args:
        kind: one of :data:`KINDS`.
        number: 0 or more; ``number % 10`` of 8 and 9 are kept from training.

    Raises:
        InputError: an unknown kind, or a negative number.
    """
    if kind not in ROLES:
        raise InputError("garment", kind, "is no kind of garment", "use one of " + ", ".join(KINDS))
    if number < 0:
        raise InputError("garment", kind, f"has the number {number}", "give 0 or more")
    return _MAKERS[kind](Dice(f"garment/{kind}", number), kind, number)


def _odds(dice: Dice, options: Sequence[T], odds: Sequence[float]) -> T:
    """One of the options, by their odds."""
    place = dice.between(0, sum(odds))
    for option, share in zip(options, odds, strict=True):
        place -= share
        if place < 0:
            return option
    return options[-1]


def _base(dice: Dice, kind: str, number: int) -> Design:
    """A plain garment whose colours are already drawn."""
    ground = lively(dice)
    second = contrasting(dice, ground)
    return Design(
        kind=kind, number=number, role=ROLES[kind], style="plain", ease=dice.between(0, 1),
        length=0.0, sleeve=0.0, neck="", opening=0.0, flare=0.0, tucked=False, fabric="jersey",
        pattern="plain", size=dice.between(0.02, 0.09), print="", print_back=False,
        colours=(ground, second, contrasting(dice, ground)), pockets=dice.chance(0.5),
        buttons=False, waist=0.1,
    )


def _printed(dice: Dice, share: float) -> str:
    if not dice.chance(share):
        return ""
    style = dice.between(0, 1)
    if style < 0.45:
        return dice.one_of(WORDS)
    if style < 0.6:
        return "".join(dice.one_of(tuple(LETTERS)) for _ in range(2))
    if style < 0.7:
        return str(int(dice.between(1, 100)))
    return dice.one_of(EMBLEMS)


def _t_shirt(dice: Dice, kind: str, number: int) -> Design:
    base = _base(dice, kind, number)
    style = _odds(dice, ("tee", "polo", "long", "tank", "crop"), (5.0, 1.3, 1.5, 1.0, 0.6))
    pattern = _odds(dice, ("plain", "stripes", "blocks", "sleeves", "dots", "gradient", "yoke", "flowers"), (6.0, 2.5, 0.8, 1.0, 0.5, 0.5, 0.6, 0.5))
    prints = _printed(dice, 0.55 if pattern in ("plain", "sleeves", "gradient") else 0.0)
    sleeve = {"long": dice.between(1.7, 1.97), "tank": 0.0}.get(style, dice.between(0.55, 0.95))
    neck = _odds(dice, ("round", "v", "scoop", "boat"), (5.0, 1.5, 1.2, 0.5))
    neck = {"polo": "collar", "tank": "scoop"}.get(style, neck)
    ease = base.ease * (0.6 if style in ("tank", "long") else 1.0)
    length = dice.between(-0.14, -0.1) if style == "crop" else dice.between(-0.02, 0.09)
    return replace(
        base, style=style, sleeve=sleeve, neck=neck, length=length, ease=ease, pattern=pattern,
        print=prints if style != "polo" else "", print_back=dice.chance(0.15),
        tucked=style != "crop" and dice.chance(0.22), buttons=style == "polo",
    )


def _shirt(dice: Dice, kind: str, number: int) -> Design:
    base = _base(dice, kind, number)
    style = _odds(dice, ("dress shirt", "casual", "blouse", "hawaii"), (2.0, 3.0, 1.2, 0.8))
    options: dict[str, tuple[str, ...]] = {
        "dress shirt": ("plain", "pinstripes", "plain", "check"),
        "casual": ("plaid", "plaid", "check", "plain", "stripes", "dots"),
        "blouse": ("plain", "dots", "flowers", "pinstripes"),
        "hawaii": ("flowers", "camouflage", "blocks"),
    }
    pale = style == "dress shirt" and dice.chance(0.7)
    ground = dice.one_of(((0.93, 0.93, 0.92), (0.72, 0.81, 0.92), (0.90, 0.83, 0.84)))
    colours = (ground if pale else base.colours[0], *base.colours[1:])
    if style == "casual" and dice.chance(0.2):
        colours = (denim(dice), base.colours[1], base.colours[2])
    long = {"hawaii": 0.0, "casual": 0.75, "blouse": 0.6}.get(style, 0.9)
    sleeve = dice.between(1.75, 1.97) if dice.chance(long) else dice.between(0.6, 0.95)
    return replace(
        base, style=style, neck="collar" if style != "blouse" else dice.one_of(("v", "collar")),
        pattern=dice.one_of(options[style]), sleeve=sleeve, length=dice.between(0.0, 0.09),
        ease=0.2 + 0.6 * base.ease, colours=colours, buttons=True, fabric="woven",
        tucked=dice.chance(0.6 if style == "dress shirt" else 0.25),
        pockets=dice.chance(0.5), opening=0.0,
    )


def _sweater(dice: Dice, kind: str, number: int) -> Design:
    base = _base(dice, kind, number)
    fabric = _odds(dice, ("knit", "cable", "fleece", "jersey"), (3.0, 1.2, 0.8, 0.8))
    pattern = _odds(dice, ("plain", "stripes", "blocks", "yoke", "argyle", "dots"), (4.0, 2.0, 0.8, 0.8, 0.7, 0.4))
    neck = _odds(dice, ("round", "v", "turtle", "boat"), (4.0, 1.5, 1.6, 0.5))
    return replace(
        base, style="pullover", fabric=fabric, pattern=pattern, neck=neck,
        sleeve=dice.between(1.88, 2.0), length=dice.between(-0.02, 0.08),
        ease=0.25 + 0.75 * base.ease, size=dice.between(0.04, 0.12),
        print=_printed(dice, 0.12 if pattern == "plain" else 0.0), pockets=False,
    )


def _hoodie(dice: Dice, kind: str, number: int) -> Design:
    base = _base(dice, kind, number)
    zipped = dice.chance(0.4)
    pattern = _odds(dice, ("plain", "sleeves", "blocks", "yoke"), (6.0, 1.0, 1.0, 0.6))
    gape = dice.between(0.02, 0.07) if zipped and dice.chance(0.5) else 0.0
    return replace(
        base, style="zipped" if zipped else "pullover", neck="hood", fabric="fleece",
        sleeve=dice.between(1.9, 2.0), length=dice.between(0.0, 0.07), opening=gape,
        ease=0.4 + 0.6 * base.ease, pattern=pattern, pockets=True,
        print=_printed(dice, 0.0 if zipped else 0.5), print_back=dice.chance(0.15),
    )


def _jacket(dice: Dice, kind: str, number: int) -> Design:
    base = _base(dice, kind, number)
    style = _odds(dice, ("blazer", "denim", "bomber", "leather", "puffer", "track", "cardigan"), (1.6, 1.2, 1.2, 1.2, 1.1, 1.0, 1.2))
    ground = {
        "blazer": muted(dice), "denim": denim(dice), "leather": leather(dice),
    }.get(style, base.colours[0])
    fabric = {
        "blazer": "wool", "denim": "denim", "bomber": "satin", "leather": "leather",
        "puffer": "quilt", "track": "jersey", "cardigan": "knit",
    }[style]
    neck = {
        "blazer": "lapel", "denim": "collar", "bomber": "stand", "leather": "lapel",
        "puffer": "stand", "track": "stand", "cardigan": "v",
    }[style]
    is_open = dice.chance(0.5)
    pattern = {
        "blazer": _odds(dice, ("plain", "pinstripes", "plaid"), (4.0, 0.8, 0.8)),
        "track": dice.one_of(("sleeves", "blocks", "yoke", "plain")),
        "bomber": _odds(dice, ("plain", "sleeves", "camouflage"), (4.0, 1.5, 0.6)),
    }.get(style, "plain")
    return replace(
        base, style=style, fabric=fabric, neck=neck, pattern=pattern,
        colours=(ground, contrasting(dice, ground), base.colours[2]),
        sleeve=dice.between(1.92, 2.0), ease=0.25 + 0.5 * base.ease + 0.25 * (style == "puffer"),
        length=dice.between(0.06, 0.12) if style == "blazer" else dice.between(-0.02, 0.06),
        opening=dice.between(0.02, 0.08) if is_open else 0.0, pockets=True,
        buttons=style in ("blazer", "denim", "cardigan"),
        print_back=style == "bomber", print=_printed(dice, 0.4 if style == "bomber" else 0.0),
    )


def _coat(dice: Dice, kind: str, number: int) -> Design:
    base = _base(dice, kind, number)
    style = _odds(dice, ("overcoat", "trench", "parka"), (2.0, 1.0, 1.0))
    ground = muted(dice) if dice.chance(0.75) else base.colours[0]
    return replace(
        base, style=style, fabric="wool" if style == "overcoat" else "canvas",
        neck="hood" if style == "parka" else "lapel", sleeve=dice.between(1.95, 2.0),
        pattern=_odds(dice, ("plain", "plaid"), (5.0, 1.0)) if style == "overcoat" else "plain",
        length=dice.between(0.25, 0.36) if style == "parka" else dice.between(0.32, 0.62),
        opening=dice.between(0.03, 0.09) if dice.chance(0.45) else 0.0,
        flare=dice.between(0.02, 0.14), colours=(ground, contrasting(dice, ground), ground),
        ease=0.35 + 0.4 * base.ease, pockets=True, buttons=True, size=dice.between(0.06, 0.12),
    )


def _dress(dice: Dice, kind: str, number: int) -> Design:
    base = _base(dice, kind, number)
    style = dice.one_of(("sheath", "a-line", "sun", "shirt dress", "maxi"))
    pattern = _odds(dice, ("plain", "flowers", "dots", "stripes", "plaid", "blocks", "gradient"), (4.0, 2.5, 1.2, 1.2, 0.6, 0.6, 0.6))
    flare = {"sheath": (0.0, 0.06), "a-line": (0.2, 0.42), "sun": (0.25, 0.5),
             "shirt dress": (0.08, 0.25), "maxi": (0.08, 0.25)}[style]
    sleeve = {
        "sun": 0.0, "shirt dress": dice.one_of((0.8, 1.9)),
    }.get(style, dice.one_of((0.0, 0.35, 0.8, 1.4, 1.95)))
    neck = dice.one_of(("round", "v", "scoop", "boat"))
    return replace(
        base, style=style, pattern=pattern, flare=dice.between(*flare), sleeve=sleeve,
        neck="collar" if style == "shirt dress" else neck, ease=0.1 + 0.4 * base.ease,
        length=dice.between(0.72, 0.86) if style == "maxi" else dice.between(0.3, 0.55),
        fabric=dice.one_of(("woven", "satin", "jersey")), buttons=style == "shirt dress",
        pockets=False,
    )


def _skirt(dice: Dice, kind: str, number: int) -> Design:
    base = _base(dice, kind, number)
    style = dice.one_of(("pencil", "a-line", "pleated", "circle", "maxi", "mini"))
    pattern = _odds(dice, ("plain", "plaid", "flowers", "dots", "stripes", "check"), (4.0, 1.6, 1.0, 0.7, 0.7, 0.5))
    flare = {"pencil": (-0.02, 0.04), "a-line": (0.2, 0.4), "pleated": (0.25, 0.45),
             "circle": (0.4, 0.65), "maxi": (0.1, 0.3), "mini": (0.1, 0.35)}[style]
    length = {"maxi": (0.78, 0.92), "mini": (0.32, 0.4), "pencil": (0.45, 0.6)}
    ground = denim(dice) if style in ("mini", "a-line") and dice.chance(0.35) else base.colours[0]
    fabric = "denim" if ground != base.colours[0] else dice.one_of(("woven", "wool", "satin"))
    return replace(
        base, style=style, flare=dice.between(*flare), fabric=fabric,
        pattern="plain" if fabric == "denim" else pattern,
        length=dice.between(*length.get(style, (0.42, 0.66))), waist=dice.between(0.1, 0.15),
        colours=(ground, contrasting(dice, ground), base.colours[2]), buttons=fabric == "denim",
    )


def _trousers(dice: Dice, kind: str, number: int) -> Design:
    base = _base(dice, kind, number)
    style = _odds(dice, ("jeans", "chinos", "suit", "joggers", "leggings", "cargo", "corduroy", "wide", "track"), (3.5, 2.0, 1.0, 1.2, 1.0, 0.8, 0.6, 1.0, 0.8))
    dark = muted(dice)
    ground = {"jeans": denim(dice), "leggings": dice.one_of((dark, base.colours[0], dark)),
              "track": base.colours[0], "wide": dice.one_of((dark, base.colours[0]))}.get(style, dark)
    fabric = {"jeans": "denim", "suit": "wool", "joggers": "fleece", "leggings": "jersey",
              "corduroy": "corduroy", "track": "satin"}.get(style, "canvas")
    pattern = {"suit": _odds(dice, ("plain", "pinstripes", "plaid"), (4.0, 1.0, 0.6)),
               "track": "side", "cargo": _odds(dice, ("plain", "camouflage"), (3.0, 1.0)),
               "wide": _odds(dice, ("plain", "pinstripes", "plaid"), (4.0, 0.6, 0.6)),
               "leggings": _odds(dice, ("plain", "side", "dots", "camouflage"), (6.0, 1.0, 0.4, 0.4))}.get(style, "plain")
    ease = {"leggings": 0.0, "wide": dice.between(0.85, 1.0), "suit": dice.between(0.3, 0.6),
            "joggers": dice.between(0.4, 0.7)}.get(style, dice.between(0.08, 0.8))
    flare = {"wide": dice.between(0.0, 0.5), "joggers": -0.8, "leggings": -1.0}.get(
        style, _odds(dice, (-0.6, -0.3, 0.0, 0.5), (1.2, 1.5, 1.5, 0.5))
    )
    return replace(
        base, style=style, fabric=fabric, pattern=pattern, ease=ease, flare=flare,
        length=dice.between(1.86, 2.0) if style in ("leggings", "joggers") else
        dice.between(1.96, 2.09), waist=dice.between(0.075, 0.125),
        colours=(ground, contrasting(dice, ground), base.colours[2]),
        pockets=style != "leggings", buttons=style in ("jeans", "chinos", "suit"),
    )


def _shorts(dice: Dice, kind: str, number: int) -> Design:
    base = _base(dice, kind, number)
    style = _odds(dice, ("denim", "chino", "sport", "cargo", "hot"), (1.5, 2.0, 1.5, 0.8, 0.7))
    ground = {"denim": denim(dice), "chino": muted(dice), "cargo": muted(dice)}.get(
        style, base.colours[0]
    )
    fabric = {"denim": "denim", "hot": "denim", "sport": "satin"}.get(style, "canvas")
    pattern = {"sport": dice.one_of(("side", "plain", "blocks")),
               "chino": _odds(dice, ("plain", "check", "flowers"), (4.0, 0.7, 0.7)),
               "cargo": dice.one_of(("plain", "camouflage"))}.get(style, "plain")
    length = dice.between(0.3, 0.42) if style == "hot" else dice.between(0.55, 1.02)
    return replace(
        base, style=style, fabric=fabric, pattern=pattern, length=length,
        ease=0.2 + 0.7 * base.ease, flare=0.2, waist=dice.between(0.075, 0.125),
        colours=(ground, contrasting(dice, ground), base.colours[2]), pockets=True,
        buttons=style != "sport",
    )


def _footwear(dice: Dice, kind: str, number: int) -> Design:
    base = _base(dice, kind, number)
    style, shaft = {
        "sneakers": (dice.one_of(("low", "runner", "high")), 0.0),
        "shoes": (_odds(dice, ("derby", "loafer", "flat"), (1.5, 1.0, 1.0)), 0.0),
        "boots": (_odds(dice, ("ankle", "work", "tall"), (1.5, 1.0, 0.8)), 0.0),
    }[kind]
    shaft = {"high": 0.055, "ankle": 0.07, "work": 0.11, "tall": 0.26}.get(style, 0.0)
    if kind == "sneakers":
        ground = _odds(dice, ((0.93, 0.93, 0.92), (0.1, 0.1, 0.11), base.colours[0]), (1.5, 1.0, 2.0))
        fabric = dice.one_of(("canvas", "leather", "knit"))
    else:
        ground, fabric = dice.one_of(LEATHER), "leather"
        if style == "flat":
            ground = dice.one_of((base.colours[0], ground))
    sole = dice.one_of(SOLES[:2] if kind == "sneakers" else SOLES)
    return replace(
        base, style=style, fabric=fabric, length=shaft, ease=base.ease,
        colours=(ground, contrasting(dice, ground), sole),
        pattern=dice.one_of(("plain", "side", "blocks")) if kind == "sneakers" else "plain",
    )


_MAKERS: dict[str, Callable[[Dice, str, int], Design]] = {
    "t-shirt": _t_shirt, "shirt": _shirt, "sweater": _sweater, "hoodie": _hoodie,
    "jacket": _jacket, "coat": _coat, "dress": _dress, "skirt": _skirt, "trousers": _trousers,
    "shorts": _shorts, "sneakers": _footwear, "shoes": _footwear, "boots": _footwear,
}
