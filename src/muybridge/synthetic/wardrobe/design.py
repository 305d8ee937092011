"""What a garment is before anybody wears it."""

from __future__ import annotations

from dataclasses import dataclass

from muybridge.synthetic.dice import Dice
from muybridge.synthetic.layers import Role
from muybridge.synthetic.wardrobe.palette import RGB, contrasting, lively

ROLES: dict[str, Role] = {
    "t-shirt": "upper", "shirt": "upper", "sweater": "upper", "hoodie": "upper",
    "jacket": "upper", "coat": "upper", "dress": "full", "skirt": "lower",
    "trousers": "lower", "shorts": "lower", "sneakers": "shoes", "shoes": "shoes",
    "boots": "shoes",
}
"""What each kind of garment is to a wardrobe."""
KINDS: tuple[str, ...] = tuple(ROLES)
"""Kinds of garments."""
WORDS = (
    "ROW", "NYC", "LAB", "RUN", "SUN", "OSLO", "KYOTO", "LIMA", "1998", "84", "07", "23", "MUSE",
    "NOVA", "PLATE", "TEAM", "WEST", "ECHO", "HALO", "RIO", "UNO", "MOTO", "ATLAS", "BLUE",
)
"""What is printed on clothes."""
EMBLEMS = ("disc", "star", "heart", "bolt", "mountain", "ring", "cross", "wave")
"""Pictures that are printed on clothes."""
_LETTERS = "ABCDEFGHJKLMNPRSTUVXYZ"


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
        sleeve: 0 without, 1 to the elbow, 2 to the wrist; for shoes how far a sock shows.
        neck: ``round``, ``scoop``, ``boat``, ``v``, ``collar``, ``turtle``, ``stand``,
            ``hood``, ``lapel``; empty for what has none.
        opening: half of the width by which the front gapes at the hem; 0 is closed.
        flare: how much wider per metre it becomes below the waist; of trouser legs below the
            knee, -1 (to the ankle) .. 1.
        tucked: worn inside trousers or skirt.
        fabric: ``jersey``, ``woven``, ``denim``, ``knit``, ``cable``, ``corduroy``, ``leather``,
            ``wool``, ``quilt``, ``satin``, ``fleece``, ``canvas``.
        pattern: ``plain``, ``stripes``, ``pinstripes``, ``plaid``, ``check``, ``dots``,
            ``flowers``, ``blocks``, ``camouflage``, ``sleeves``, ``gradient``, ``yoke``,
            ``argyle``, ``side``.
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


def plain_design(dice: Dice, kind: str, number: int) -> Design:
    """A plain garment of a kind, its colours and ease already drawn."""
    ground = lively(dice)
    second = contrasting(dice, ground)
    return Design(
        kind=kind, number=number, role=ROLES[kind], style="plain", ease=dice.between(0, 1),
        length=0.0, sleeve=0.0, neck="", opening=0.0, flare=0.0, tucked=False, fabric="jersey",
        pattern="plain", size=dice.between(0.02, 0.09), print="", print_back=False,
        colours=(ground, second, contrasting(dice, ground)), pockets=dice.chance(0.5),
        buttons=False, waist=0.1,
    )


def drawn_print(dice: Dice, share: float) -> str:
    """Something to print on a chest, in that share of cases."""
    if not dice.chance(share):
        return ""
    style = dice.weighted({"word": 45, "letters": 15, "number": 10, "emblem": 30})
    if style == "word":
        return dice.one_of(WORDS)
    if style == "letters":
        return dice.one_of(_LETTERS) + dice.one_of(_LETTERS)
    return str(dice.whole(1, 99)) if style == "number" else dice.one_of(EMBLEMS)
