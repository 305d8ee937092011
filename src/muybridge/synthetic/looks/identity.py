"""Who somebody is: body, face, skin, hair and beard, all drawn from one number."""

from __future__ import annotations

from dataclasses import dataclass, fields

from muybridge.body import Shape
from muybridge.synthetic.dice import Dice
from muybridge.synthetic.looks.palette import EYES, HAIR, Colour, mixed, scaled, skin_colour

STYLES: tuple[str, ...] = (
    "bald", "buzz", "short", "side-parted", "curly", "afro",
    "bob", "long", "ponytail", "bun", "braids",
)
"""How hair can be worn."""
BEARDS: tuple[str, ...] = ("none", "stubble", "moustache", "goatee", "full")
"""How a beard can be worn."""


@dataclass(frozen=True)
class FaceForm:
    """A face's departures from the built-in body's. All but the first three are -1..1.

    Attributes:
        ancestry: shares of Anny's three families of faces, which sum to 1.
        kin: phenotypes (order of :data:`muybridge.body.anny.PHENOTYPES`) of the body
            whose face is borrowed. kin_share: how much of it.
        smile, squint: of the resting face, 0..1 of a little smile and of narrowed eyes.
    """

    ancestry: tuple[float, float, float]
    kin: tuple[float, float, float, float, float, float]
    kin_share: float
    smile: float = 0.0
    squint: float = 0.0
    head_width: float = 0.0
    head_length: float = 0.0
    forehead: float = 0.0
    jaw_width: float = 0.0
    chin_length: float = 0.0
    chin_width: float = 0.0
    chin_forward: float = 0.0
    cheekbones: float = 0.0
    cheeks: float = 0.0
    nose_length: float = 0.0
    nose_width: float = 0.0
    nose_bridge: float = 0.0
    nose_tip: float = 0.0
    lips: float = 0.0
    mouth_width: float = 0.0
    mouth_height: float = 0.0
    eye_size: float = 0.0
    eye_spacing: float = 0.0
    eye_tilt: float = 0.0
    brow_ridge: float = 0.0
    brow_height: float = 0.0
    ear_size: float = 0.0
    ear_out: float = 0.0
    lopsided: float = 0.0


@dataclass(frozen=True)
class SkinLook:
    """How skin looks.

    Attributes:
        colour: sRGB. tone: 0 lightest .. 1 darkest.
        blush, freckles, moles, wrinkles: 0 none .. 1 strong.
        lips: sRGB. shine: 0 matt .. 1 oily.
        eyeliner: 0 none .. 1 strong.
        seed: of spots and unevenness.
    """

    colour: Colour
    tone: float
    blush: float
    freckles: float
    moles: float
    wrinkles: float
    lips: Colour
    shine: float
    eyeliner: float
    seed: int


@dataclass(frozen=True)
class HairLook:
    """How hair is worn.

    Attributes:
        style: one of :data:`STYLES`.
        colour: sRGB. grey: share of grey strands, 0..1. tips: colour of the tips.
        length: 0 shortest .. 1 longest of its style.
        volume, curl: 0..1.
        fringe: 0 none .. 1 down to the brows.
        parting: -1 the person's right .. 1 left; 0 the middle.
        receding: how far the hairline has gone back, 0..1.
        thinning: how bald the crown is, 0..1.
        seed: of strands and edges.
    """

    style: str
    colour: Colour
    tips: Colour
    grey: float
    length: float
    volume: float
    curl: float
    fringe: float
    parting: float
    receding: float
    thinning: float
    seed: int


@dataclass(frozen=True)
class BrowLook:
    """Brows: ``thickness``, ``arch`` and ``density`` 0..1, ``colour`` sRGB."""

    colour: Colour
    thickness: float
    arch: float
    density: float


@dataclass(frozen=True)
class BeardLook:
    """A beard: ``style`` is one of :data:`BEARDS`; ``density`` and ``length`` are 0..1."""

    style: str
    colour: Colour
    density: float
    length: float


@dataclass(frozen=True)
class Identity:
    """Somebody, without clothes. Plain numbers and words throughout (JSON through ``asdict``).

    Attributes:
        number: that everything was drawn from.
        shape: of the body; with a motion it gives the naked body that models are steered by.
        iris: sRGB.
    """

    number: int
    shape: Shape
    face: FaceForm
    skin: SkinLook
    iris: Colour
    brows: BrowLook
    hair: HairLook
    beard: BeardLook

    @property
    def female(self) -> bool:
        """Whether the body is more a woman's than a man's."""
        return self.shape.gender > 0.5

    @property
    def elderly(self) -> float:
        """0 up to about 40 years .. 1 old."""
        return min(max((self.shape.age - 0.74) / 0.26, 0.0), 1.0)


def identity(number: int) -> Identity:
    """The person of a number; the same number is the same person everywhere."""
    shape = _shape(Dice("looks/shape", number))
    elderly = min(max((shape.age - 0.74) / 0.26, 0.0), 1.0)
    female = shape.gender > 0.5
    roots = _roots(Dice("looks/roots", number))
    tone = _tone(Dice("looks/tone", number), roots)
    hair = _hair(Dice("looks/hair", number), female, shape.age, elderly, tone, roots)
    skin = _skin(Dice("looks/skin", number), female, elderly, tone)
    return Identity(
        number=number,
        shape=shape,
        face=_face(Dice("looks/face", number), shape, roots),
        skin=skin,
        iris=_iris(Dice("looks/iris", number), tone),
        brows=_brows(Dice("looks/brows", number), hair, female),
        hair=hair,
        beard=_beard(Dice("looks/beard", number), hair, female, shape.age, elderly),
    )


def _near(dice: Dice, middle: float, reach: float, low: float, high: float) -> float:
    return round(min(max(dice.near(middle, reach), low), high), 4)


def _share(dice: Dice, low: float = 0.0, high: float = 1.0) -> float:
    return round(dice.between(low, high), 4)


def _shape(dice: Dice) -> Shape:
    female = dice.chance(0.5)
    away = _share(dice, 0.0, 0.3 if dice.chance(0.12) else 0.12)
    kind = dice.weighted({"teen": 0.08, "adult": 0.70, "old": 0.22})
    low, high = {"teen": (0.52, 0.60), "adult": (0.62, 0.82), "old": (0.82, 1.0)}[kind]
    return Shape(
        gender=round(1 - away if female else away, 4),
        age=_share(dice, low, high),
        height=_near(dice, 0.42, 0.36, 0.06, 0.85),
        weight=_near(dice, 0.50, 0.48, 0.06, 0.97),
        muscle=_near(dice, 0.50, 0.42, 0.10, 0.95),
        proportions=_near(dice, 0.55, 0.42, 0.10, 0.95),
    )


def _roots(dice: Dice) -> str:
    """Where somebody's ancestors come from, roughly; sways face, skin and hair."""
    return dice.weighted({"african": 0.25, "east": 0.22, "south": 0.22, "north": 0.31})


def _tone(dice: Dice, roots: str) -> float:
    low, high = {
        "african": (0.58, 1.0), "east": (0.05, 0.42), "south": (0.25, 0.72), "north": (0.0, 0.3),
    }[roots]
    return _share(dice, low, high)


def _face(dice: Dice, shape: Shape, roots: str) -> FaceForm:
    main = {"african": 0, "east": 1, "north": 2, "south": 2}[roots]
    shares = [_share(dice, 0.0, 0.45) for _ in range(3)]
    shares[main] += 1.2
    total = sum(shares)
    a, b = round(shares[0] / total, 4), round(shares[1] / total, 4)
    gender = min(max(shape.gender + dice.near(0.0, 0.35), 0.0), 1.0)
    kin = (
        round(gender, 4), round(min(max(shape.age + dice.near(0.0, 0.12), 0.56), 1.0), 4),
        _share(dice, 0.1, 0.9), _near(dice, shape.weight, 0.5, 0.02, 0.98),
        _share(dice, 0.1, 0.9), _share(dice),
    )
    free = [f.name for f in fields(FaceForm)][5:]
    drawn = {name: _near(dice, 0.0, 1.25, -1.0, 1.0) for name in free}
    return FaceForm(
        ancestry=(a, b, round(1 - a - b, 4)), kin=kin, kin_share=_share(dice, 0.7, 1.3),
        smile=_near(dice, 0.15, 0.35, 0.0, 0.45), squint=_near(dice, 0.0, 0.3, 0.0, 0.25), **drawn,
    )


def _skin(dice: Dice, female: bool, elderly: float, tone: float) -> SkinLook:
    colour = skin_colour(tone, dice.near(0.0, 1.0))
    lips = mixed(scaled(colour, 0.86 - 0.1 * tone), (0.62, 0.28, 0.28), 0.42 - 0.14 * tone)
    if female and dice.chance(0.4):
        paint = dice.one_of(((0.66, 0.12, 0.16), (0.72, 0.28, 0.34), (0.48, 0.13, 0.2)))
        lips = mixed(lips, paint, dice.between(0.3, 0.85))
    freckled = dice.chance(0.3) and tone < 0.35
    return SkinLook(
        colour=colour, tone=tone, blush=_share(dice, 0.15, 1.0),
        freckles=_share(dice, 0.3, 1.0) if freckled else 0.0,
        moles=_share(dice) if dice.chance(0.5) else 0.0,
        wrinkles=round(min(1.0, 0.12 * dice.between(0, 1) + elderly * dice.between(0.7, 1.1)), 4),
        lips=lips, shine=_share(dice, 0.2, 0.8),
        eyeliner=_share(dice, 0.3, 1.0) if female and dice.chance(0.6) else 0.0,
        seed=dice.whole(0, 1 << 30),
    )


def _iris(dice: Dice, tone: float) -> Colour:
    light = max(0.0, 1 - tone / 0.35)
    name = dice.weighted({
        "dark brown": 2.0 + 3 * tone, "brown": 1.5, "amber": 0.12 + 0.3 * light,
        "hazel": 0.05 + 0.9 * light, "green": 0.7 * light, "blue": 1.6 * light,
        "grey": 0.6 * light,
    })
    return scaled(EYES[name], dice.between(0.8, 1.2))


def _style(dice: Dice, female: bool, age: float, elderly: float, tone: float) -> str:
    if female:
        weights = {
            "bald": 0.1, "buzz": 0.3, "short": 1.0 + 2.0 * elderly, "side-parted": 0.6,
            "curly": 1.4, "afro": 0.3 + 1.4 * tone, "bob": 2.0, "long": 3.2 - 1.6 * elderly,
            "ponytail": 2.0 - elderly, "bun": 1.3 + 0.6 * elderly,
            "braids": (1.1 if age < 0.8 else 0.3) + 0.8 * tone,
        }
    else:
        weights = {
            "bald": 0.5 + 1.6 * elderly, "buzz": 1.5 + 0.8 * tone, "short": 3.4,
            "side-parted": 2.4, "curly": 1.3, "afro": 0.2 + 1.1 * tone, "bob": 0.25,
            "long": 0.35, "ponytail": 0.2, "bun": 0.3, "braids": 0.25 * tone,
        }
    return dice.weighted(weights)


def _colour(dice: Dice, roots: str, elderly: float) -> Colour:
    if dice.chance(0.05 * (1 - elderly)):
        return HAIR[dice.one_of(("pink", "blue", "green", "violet", "platinum"))]
    light = {"north": 1.0, "south": 0.12, "east": 0.05, "african": 0.04}[roots]
    name = dice.weighted({
        "black": 1.9 - 1.7 * light, "soft black": 1.5 - 1.1 * light, "dark brown": 1.2,
        "brown": 0.3 + 0.9 * light, "light brown": 0.05 + 0.9 * light, "dark blond": light,
        "blond": 0.06 + 0.9 * light, "platinum": 0.25 * light, "auburn": 0.08 + 0.3 * light,
        "red": 0.55 * light,
    })
    return scaled(HAIR[name], dice.between(0.85, 1.15))


def _hair(
    dice: Dice, female: bool, age: float, elderly: float, tone: float, roots: str
) -> HairLook:
    style = _style(dice, female, age, elderly, tone)
    base = _colour(dice, roots, elderly)
    old = max(0.0, (age - 0.78) / 0.22)
    grey = round(min(1.0, old * dice.between(0.3, 1.35)), 4) if dice.chance(0.8) else 0.0
    silver = mixed(HAIR["grey"], HAIR["white"], dice.between(0, 1))
    colour = mixed(base, silver, grey * grey)
    tips = mixed(colour, HAIR["blond"], dice.between(0.2, 0.6)) if dice.chance(0.12) else colour
    receding = 0.0 if female else min(1.0, 0.15 * dice.between(0, 1) + old * dice.between(0, 1.1))
    curl = {"north": 0.2, "south": 0.35, "east": 0.1, "african": 0.7}[roots]
    return HairLook(
        style=style, colour=colour, tips=tips, grey=grey, length=_share(dice),
        volume=_share(dice), curl=_near(dice, curl, 0.35, 0.0, 1.0),
        fringe=_share(dice, 0.4, 1.0) if dice.chance(0.4 if female else 0.3) else 0.0,
        parting=dice.one_of((-1.0, -0.6, 0.0, 0.6, 1.0)), receding=round(receding, 4),
        thinning=round(max(0.0, receding - 0.45) * dice.between(0, 1.8), 4),
        seed=dice.whole(0, 1 << 30),
    )


def _brows(dice: Dice, hair: HairLook, female: bool) -> BrowLook:
    level = max(hair.colour)
    darker = 0.8 if level < 0.3 else 0.62
    return BrowLook(
        colour=scaled(mixed(hair.colour, HAIR["dark brown"], 0.25), darker),
        thickness=_share(dice, 0.15, 0.7) if female else _share(dice, 0.4, 1.0),
        arch=_share(dice), density=_share(dice, 0.5, 1.0),
    )


def _beard(dice: Dice, hair: HairLook, female: bool, age: float, elderly: float) -> BeardLook:
    style = "none"
    if not female and age > 0.6:
        weights = {"none": 3.6, "stubble": 2.2, "moustache": 0.5, "goatee": 0.8, "full": 1.8}
        style = dice.weighted(weights)
    natural = mixed(hair.colour, HAIR["dark brown"], 0.3 * (1 - elderly))
    colour = mixed(natural, HAIR["white"], 0.5 * hair.grey * dice.between(0, 1))
    return BeardLook(style, colour, _share(dice, 0.5, 1.0), _share(dice))
