"""Designs of what hangs from the shoulders."""

from __future__ import annotations

from dataclasses import replace

from muybridge.synthetic.dice import Dice
from muybridge.synthetic.wardrobe.design import Design, drawn_print, plain_design
from muybridge.synthetic.wardrobe.palette import RGB, contrasting, denim, leather, muted

_PALE: tuple[RGB, ...] = ((0.93, 0.93, 0.92), (0.72, 0.81, 0.92), (0.90, 0.83, 0.84))


def draw_t_shirt(dice: Dice, kind: str, number: int) -> Design:
    """Tees, polos, long sleeves, tank tops, cropped tops."""
    base = plain_design(dice, kind, number)
    style = dice.weighted({"tee": 5, "polo": 1.3, "long": 1.5, "tank": 1, "crop": 0.6})
    pattern = dice.weighted({
        "plain": 6, "stripes": 2.5, "blocks": 0.8, "sleeves": 1, "dots": 0.5, "gradient": 0.5,
        "yoke": 0.6, "flowers": 0.5,
    })
    prints = drawn_print(dice, 0.55 if pattern in ("plain", "sleeves", "gradient") else 0.0)
    neck = dice.weighted({"round": 5, "v": 1.5, "scoop": 1.2, "boat": 0.5})
    short, long = dice.between(0.55, 0.95), dice.between(1.7, 1.97)
    length = dice.between(-0.14, -0.1) if style == "crop" else dice.between(-0.02, 0.09)
    return replace(
        base, style=style, sleeve={"long": long, "tank": 0.0}.get(style, short),
        neck={"polo": "collar", "tank": "scoop"}.get(style, neck), length=length,
        ease=base.ease * (0.6 if style in ("tank", "long") else 1.0), pattern=pattern,
        print="" if style == "polo" else prints, print_back=dice.chance(0.15),
        tucked=style != "crop" and dice.chance(0.22), buttons=style == "polo",
        pockets=base.pockets and not prints and style in ("tee", "polo"),
    )


def draw_shirt(dice: Dice, kind: str, number: int) -> Design:
    """Dress shirts, casual shirts, blouses, holiday shirts."""
    base = plain_design(dice, kind, number)
    style = dice.weighted({"dress shirt": 2, "casual": 3, "blouse": 1.2, "hawaii": 0.8})
    patterns: dict[str, dict[str, float]] = {
        "dress shirt": {"plain": 2, "pinstripes": 1, "check": 1},
        "casual": {"plaid": 2, "check": 1, "plain": 1, "stripes": 1, "dots": 0.7},
        "blouse": {"plain": 1, "dots": 1, "flowers": 1, "pinstripes": 1},
        "hawaii": {"flowers": 2, "camouflage": 1, "blocks": 1},
    }
    ground = dice.one_of(_PALE) if style == "dress shirt" and dice.chance(0.7) else base.colours[0]
    if style == "casual" and dice.chance(0.2):
        ground = denim(dice)
    long = {"hawaii": 0.0, "casual": 0.75, "blouse": 0.6}.get(style, 0.9)
    sleeve = dice.between(1.75, 1.97) if dice.chance(long) else dice.between(0.6, 0.95)
    neck = dice.one_of(("v", "collar")) if style == "blouse" else "collar"
    return replace(
        base, style=style, neck=neck, pattern=dice.weighted(patterns[style]), sleeve=sleeve,
        length=dice.between(0.0, 0.09), ease=0.2 + 0.6 * base.ease,
        colours=(ground, contrasting(dice, ground), base.colours[2]), buttons=True,
        fabric="woven", tucked=dice.chance(0.6 if style == "dress shirt" else 0.25),
    )


def draw_sweater(dice: Dice, kind: str, number: int) -> Design:
    """Pullovers, knitted or of fleece."""
    base = plain_design(dice, kind, number)
    pattern = dice.weighted({
        "plain": 4, "stripes": 2, "blocks": 0.8, "yoke": 0.8, "argyle": 0.7, "dots": 0.4,
    })
    return replace(
        base, style="pullover", pattern=pattern, pockets=False,
        fabric=dice.weighted({"knit": 3, "cable": 1.2, "fleece": 0.8, "jersey": 0.8}),
        neck=dice.weighted({"round": 4, "v": 1.5, "turtle": 1.6, "boat": 0.5}),
        sleeve=dice.between(1.88, 2.0), length=dice.between(-0.02, 0.08),
        ease=0.15 + 0.75 * base.ease, size=dice.between(0.04, 0.12),
        print=drawn_print(dice, 0.12 if pattern == "plain" else 0.0),
    )


def draw_hoodie(dice: Dice, kind: str, number: int) -> Design:
    """Hoodies with and without a zip."""
    base = plain_design(dice, kind, number)
    zipped = dice.chance(0.4)
    gape = dice.between(0.02, 0.07) if zipped and dice.chance(0.5) else 0.0
    return replace(
        base, style="zipped" if zipped else "pullover", neck="hood", fabric="fleece",
        sleeve=dice.between(1.9, 2.0), length=dice.between(0.0, 0.07), opening=gape,
        ease=0.35 + 0.6 * base.ease, pockets=True, print_back=dice.chance(0.15),
        pattern=dice.weighted({"plain": 6, "sleeves": 1, "blocks": 1, "yoke": 0.6}),
        print=drawn_print(dice, 0.0 if zipped else 0.5),
    )


def draw_jacket(dice: Dice, kind: str, number: int) -> Design:
    """Blazers, jackets of denim and leather, bombers, puffers, track tops, cardigans."""
    base = plain_design(dice, kind, number)
    style = dice.weighted({
        "blazer": 1.6, "denim": 1.2, "bomber": 1.2, "leather": 1.2, "puffer": 1.1, "track": 1,
        "cardigan": 1.2,
    })
    plain, dyed = muted(dice), base.colours[0]
    washed, skin = denim(dice), leather(dice)
    fabric, neck, ground = {
        "blazer": ("wool", "lapel", plain), "denim": ("denim", "collar", washed),
        "bomber": ("satin", "stand", dyed), "leather": ("leather", "lapel", skin),
        "puffer": ("quilt", "stand", dyed), "track": ("jersey", "stand", dyed),
        "cardigan": ("knit", "v", dyed),
    }[style]
    patterns: dict[str, dict[str, float]] = {
        "blazer": {"plain": 4, "pinstripes": 0.8, "plaid": 0.8},
        "track": {"sleeves": 1, "blocks": 1, "yoke": 1, "plain": 1},
        "bomber": {"plain": 4, "sleeves": 1.5, "camouflage": 0.6},
    }
    is_open = dice.chance(0.5)
    return replace(
        base, style=style, fabric=fabric, neck=neck,
        pattern=dice.weighted(patterns.get(style, {"plain": 1})),
        colours=(ground, contrasting(dice, ground), base.colours[2]),
        sleeve=dice.between(1.92, 2.0), ease=0.2 + 0.5 * base.ease + 0.25 * (style == "puffer"),
        length=dice.between(0.06, 0.12) if style == "blazer" else dice.between(-0.02, 0.06),
        opening=dice.between(0.02, 0.08) if is_open else 0.0, pockets=True,
        buttons=style in ("blazer", "denim", "cardigan"), print_back=style == "bomber",
        print=drawn_print(dice, 0.4 if style == "bomber" else 0.0),
    )


def draw_coat(dice: Dice, kind: str, number: int) -> Design:
    """Overcoats, trench coats, parkas."""
    base = plain_design(dice, kind, number)
    style = dice.weighted({"overcoat": 2, "trench": 1, "parka": 1})
    ground = muted(dice) if dice.chance(0.75) else base.colours[0]
    pattern = dice.weighted({"plain": 5, "plaid": 1}) if style == "overcoat" else "plain"
    return replace(
        base, style=style, fabric="wool" if style == "overcoat" else "canvas",
        neck="hood" if style == "parka" else "lapel", sleeve=dice.between(1.95, 2.0),
        length=dice.between(0.25, 0.36) if style == "parka" else dice.between(0.32, 0.62),
        opening=dice.between(0.03, 0.09) if dice.chance(0.45) else 0.0, pattern=pattern,
        flare=dice.between(0.02, 0.14), colours=(ground, contrasting(dice, ground), ground),
        ease=0.3 + 0.4 * base.ease, pockets=True, buttons=True, size=dice.between(0.06, 0.12),
    )


def draw_dress(dice: Dice, kind: str, number: int) -> Design:
    """Dresses, from sheath to maxi."""
    base = plain_design(dice, kind, number)
    style = dice.one_of(("sheath", "a-line", "sun", "shirt dress", "maxi"))
    flare = {
        "sheath": (0.0, 0.06), "a-line": (0.2, 0.42), "sun": (0.25, 0.5),
        "shirt dress": (0.08, 0.25), "maxi": (0.08, 0.25),
    }[style]
    sleeve = dice.one_of((0.0, 0.35, 0.8, 1.4, 1.95))
    sleeve = {"sun": 0.0, "shirt dress": dice.one_of((0.8, 1.9))}.get(style, sleeve)
    neck = dice.one_of(("round", "v", "scoop", "boat"))
    return replace(
        base, style=style, flare=dice.between(*flare), sleeve=sleeve, pockets=False,
        pattern=dice.weighted({
            "plain": 4, "flowers": 2.5, "dots": 1.2, "stripes": 1.2, "plaid": 0.6, "blocks": 0.6,
            "gradient": 0.6,
        }),
        neck="collar" if style == "shirt dress" else neck, ease=0.1 + 0.4 * base.ease,
        length=dice.between(0.72, 0.86) if style == "maxi" else dice.between(0.3, 0.55),
        fabric=dice.one_of(("woven", "satin", "jersey")), buttons=style == "shirt dress",
    )
