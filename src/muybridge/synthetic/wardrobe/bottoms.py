"""Designs of skirts, trousers, shorts and shoes."""

from __future__ import annotations

from dataclasses import replace

from muybridge.synthetic.dice import Dice
from muybridge.synthetic.wardrobe.design import Design, plain_design
from muybridge.synthetic.wardrobe.palette import (
    DARKS,
    LEATHER,
    SOLES,
    WHITES,
    contrasting,
    denim,
    muted,
)


def draw_skirt(dice: Dice, kind: str, number: int) -> Design:
    """Skirts, from mini to maxi."""
    base = plain_design(dice, kind, number)
    style = dice.one_of(("pencil", "a-line", "pleated", "circle", "maxi", "mini"))
    flare = {
        "pencil": (-0.02, 0.04), "a-line": (0.2, 0.4), "pleated": (0.25, 0.45),
        "circle": (0.4, 0.65), "maxi": (0.1, 0.3), "mini": (0.1, 0.35),
    }[style]
    reach = {"maxi": (0.78, 0.92), "mini": (0.32, 0.4), "pencil": (0.45, 0.6)}
    washed = style in ("mini", "a-line") and dice.chance(0.35)
    ground = denim(dice) if washed else base.colours[0]
    pattern = dice.weighted({
        "plain": 4, "plaid": 1.6, "flowers": 1, "dots": 0.7, "stripes": 0.7, "check": 0.5,
    })
    fabric = dice.one_of(("woven", "wool", "satin"))
    return replace(
        base, style=style, flare=dice.between(*flare), fabric="denim" if washed else fabric,
        pattern="plain" if washed else pattern, waist=dice.between(0.1, 0.15),
        length=dice.between(*reach.get(style, (0.42, 0.66))),
        colours=(ground, contrasting(dice, ground), base.colours[2]), buttons=washed,
    )


def draw_trousers(dice: Dice, kind: str, number: int) -> Design:
    """Jeans, chinos, suit trousers, joggers, leggings, cargo, corduroy, wide and track."""
    base = plain_design(dice, kind, number)
    style = dice.weighted({
        "jeans": 3.5, "chinos": 2, "suit": 1, "joggers": 1.2, "leggings": 1, "cargo": 0.8,
        "corduroy": 0.6, "wide": 1, "track": 0.8,
    })
    dark, dyed = muted(dice), base.colours[0]
    ground = {
        "jeans": denim(dice), "leggings": dice.one_of((dark, dyed, dark)), "track": dyed,
        "wide": dice.one_of((dark, dyed)),
    }.get(style, dark)
    fabric = {
        "jeans": "denim", "suit": "wool", "joggers": "fleece", "leggings": "jersey",
        "corduroy": "corduroy", "track": "satin",
    }.get(style, "canvas")
    patterns: dict[str, dict[str, float]] = {
        "suit": {"plain": 4, "pinstripes": 1, "plaid": 0.6}, "track": {"side": 1},
        "cargo": {"plain": 3, "camouflage": 1},
        "wide": {"plain": 4, "pinstripes": 0.6, "plaid": 0.6},
        "leggings": {"plain": 6, "side": 1, "dots": 0.4, "camouflage": 0.4},
    }
    ease = {
        "leggings": 0.0, "wide": dice.between(0.85, 1.0), "suit": dice.between(0.3, 0.6),
        "joggers": dice.between(0.4, 0.7),
    }.get(style, dice.between(0.08, 0.8))
    cut = {"tapered": -0.6, "slim": -0.3, "straight": 0.0, "bootcut": 0.5}
    flare = cut[dice.weighted({"tapered": 1.2, "slim": 1.5, "straight": 1.5, "bootcut": 0.5})]
    flare = {"wide": dice.between(0.0, 0.5), "joggers": -0.8, "leggings": -1.0}.get(style, flare)
    short = style in ("leggings", "joggers")
    return replace(
        base, style=style, fabric=fabric, ease=ease, flare=flare,
        pattern=dice.weighted(patterns.get(style, {"plain": 1})),
        length=dice.between(1.86, 2.0) if short else dice.between(1.96, 2.09),
        waist=dice.between(0.075, 0.125),
        colours=(ground, contrasting(dice, ground), base.colours[2]),
        pockets=style != "leggings", buttons=style in ("jeans", "chinos", "suit"),
    )


def draw_shorts(dice: Dice, kind: str, number: int) -> Design:
    """Shorts, of denim, of cotton, for sport."""
    base = plain_design(dice, kind, number)
    style = dice.weighted({"denim": 1.5, "chino": 2, "sport": 1.5, "cargo": 0.8, "hot": 0.7})
    plain, washed = muted(dice), denim(dice)
    ground = {"denim": washed, "hot": washed, "chino": plain, "cargo": plain}.get(
        style, base.colours[0]
    )
    patterns: dict[str, dict[str, float]] = {
        "sport": {"side": 1, "plain": 1, "blocks": 1},
        "chino": {"plain": 4, "check": 0.7, "flowers": 0.7},
        "cargo": {"plain": 1, "camouflage": 1},
    }
    return replace(
        base, style=style, pockets=True, buttons=style != "sport", flare=0.2,
        fabric={"denim": "denim", "hot": "denim", "sport": "satin"}.get(style, "canvas"),
        pattern=dice.weighted(patterns.get(style, {"plain": 1})),
        length=dice.between(0.3, 0.42) if style == "hot" else dice.between(0.55, 1.02),
        ease=0.2 + 0.7 * base.ease, waist=dice.between(0.075, 0.125),
        colours=(ground, contrasting(dice, ground), base.colours[2]),
    )


def draw_footwear(dice: Dice, kind: str, number: int) -> Design:
    """Sneakers, leather shoes, boots."""
    base = plain_design(dice, kind, number)
    styles: dict[str, dict[str, float]] = {
        "sneakers": {"low": 1, "runner": 1, "high": 1},
        "shoes": {"derby": 1.5, "loafer": 1, "flat": 1},
        "boots": {"ankle": 1.5, "work": 1, "tall": 0.8},
    }
    style = dice.weighted(styles[kind])
    hide, dyed = dice.one_of(LEATHER), base.colours[0]
    if kind == "sneakers":
        ground = dice.one_of((WHITES[0], WHITES[0], DARKS[0], dyed, dyed))
        fabric = dice.one_of(("canvas", "leather", "knit"))
        pattern = dice.one_of(("plain", "side", "blocks"))
    else:
        ground = dice.one_of((dyed, hide)) if style == "flat" else hide
        fabric, pattern = "leather", "plain"
    sock = {"sneakers": 0.6, "boots": 0.35}.get(kind, 0.0)
    sock = dice.between(0.03, 0.17) if dice.chance(sock) else 0.0
    if style == "derby" and dice.chance(0.7):
        sock = dice.between(0.08, 0.14)
    return replace(
        base, style=style, fabric=fabric, pattern=pattern,
        sleeve=0.0 if style == "tall" else sock,
        length={"high": 0.055, "ankle": 0.07, "work": 0.11, "tall": 0.26}.get(style, 0.0),
        colours=(ground, contrasting(dice, ground),
                 dice.one_of(SOLES[:2] if kind == "sneakers" else SOLES)),
    )
