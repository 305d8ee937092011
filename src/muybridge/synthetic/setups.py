"""Where the cameras stand, by number: orbits, fixed cameras, grids, paths, the 16-camera rig.

People are framed by the rule that a user's own cameras are framed by
(:func:`muybridge.camera.build_cameras`), so that what is learnt here is what is met there.
Lenses and distances vary with the number.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.camera import Cameras, build_cameras
from muybridge.camera.script import Move, Script, Step
from muybridge.synthetic.dice import Dice

Size = tuple[int, int]
"""Width and height of pictures, pixels."""


def _lens(dice: Dice) -> str:
    """Field of view, elevation and margin as options of a camera spec."""
    fov = dice.between(12, 48)
    elevation = dice.between(-6, 24) if dice.chance(0.6) else dice.between(2, 8)
    return f"fov={fov:.3f},elevation={elevation:.3f},margin={dice.between(0.04, 0.12):.4f}"


def orbit(
    number: int, points: Float[Tensor, "T 55 3"], views: int, size: Size,
    fps: Fraction | int = 24,
) -> Cameras:
    """Still cameras evenly on a circle, the first before the person's front.

    Args:
        number: of the set-up.
        points: the person's joints in the world, metres.
        views: how many cameras; GAS has 20.
        size: of the pictures.
        fps: of the motion.
    """
    return _built(f"orbit:{views},{_lens(Dice('orbit', number))}", points, size, fps)


def fixed(
    number: int, points: Float[Tensor, "T 55 3"], size: Size, fps: Fraction | int = 24
) -> Cameras:
    """One camera somewhere around the person, which follows a long way as a user's does."""
    dice = Dice("fixed camera", number)
    ahead = dice.near(0, 60) if dice.chance(0.5) else dice.between(0, 360)
    return _built(f"static:{ahead % 360:.3f},{_lens(dice)}", points, size, fps)


def grid(
    number: int, points: Float[Tensor, "T 55 3"], views: int, size: Size,
    fps: Fraction | int = 24,
) -> Cameras:
    """Cameras evenly on a circle around a motion, the first one anywhere."""
    dice = Dice("camera grid", number)
    start = dice.between(0, 360)
    return _built(f"orbit:{views},start={start:.3f},{_lens(dice)}", points, size, fps)


def paths(
    number: int, points: Float[Tensor, "T 55 3"], views: int, size: Size,
    fps: Fraction | int = 24,
) -> Cameras:
    """Cameras around a motion of which every second one travels, the first one stands still.

    Args:
        number: of the set-up.
        points: the person's joints in the world, metres.
        views: how many cameras.
        size: of the pictures.
        fps: of the motion.
    """
    lens, scripts = _planned(number, views)
    made = [
        build_cameras(
            script.text(), points, width=size[0], height=size[1], fps=fps, fov=lens, margin=0.06,
            facing="auto",
        )
        for script in scripts
    ]
    return replace(
        made[0], K=torch.cat([c.K for c in made]),
        T_cam_world=torch.cat([c.T_cam_world for c in made]),
    )


def path_scripts(number: int, views: int) -> list[Script]:
    """What each camera of :func:`paths` does; azimuths are from where the person looks first."""
    return _planned(number, views)[1]


def _planned(number: int, views: int) -> tuple[float, list[Script]]:
    """Field of view of a set-up of paths, degrees, and what its cameras do."""
    dice = Dice("camera paths", number)
    start, lens = dice.between(0, 360), dice.between(14, 40)
    scripts = []
    for view in range(views):
        azimuth = (start + 360 * view / views + dice.near(0, 20)) % 360
        step = (Step(travel(dice)),) if view % 2 else ()
        scripts.append(Script(round(azimuth, 2), round(dice.between(-4, 18), 2), step))
    return lens, scripts


def travel(dice: Dice) -> tuple[Move, ...]:
    """What a camera does at the same time: it goes around, comes nearer, rises, or two of these."""

    def sign() -> int:
        return 1 if dice.chance(0.5) else -1

    def arc() -> Move:
        return Move("arc", sign(), round(dice.between(20, 120), 1))

    def nearer() -> Move:
        kind = "zoom" if dice.chance(0.5) else "dolly"
        return Move(kind, sign(), round(dice.between(1.2, 1.8), 2))

    def rise() -> Move:
        return Move("crane", sign(), round(dice.between(0.4, 1.6), 2))

    which = dice.between(0, 1)
    if which < 0.45:
        return (arc(),)
    if which < 0.70:
        return (nearer(),)
    if which < 0.85:
        return (rise(),)
    return (arc(), nearer())


def sentence(dice: Dice) -> Script:
    """Any camera that words can tell of: one that stays, one that travels as those of
    :func:`paths` do, one that goes around as far as all the way, or moves of every other kind
    beside or behind each other."""
    start = round(dice.between(0, 360), 2), round(dice.between(-10, 25), 2)
    which = dice.between(0, 1)
    if which < 0.15:
        return Script(*start, ())
    if which < 0.55:
        return Script(*start, (Step(travel(dice)),))
    if which < 0.75:
        return Script(*start, (Step((_any_move(dice, "arc"),)),))
    if which < 0.88:
        return Script(*start, (Step((_any_move(dice),)),))
    if which < 0.94:
        return Script(*start, (Step((_any_move(dice, "arc"), _any_move(dice))),))
    return Script(*start, (Step((_any_move(dice),)), Step((_any_move(dice),))))


_MOST: dict[str, tuple[float, float]] = {
    "arc": (10, 360), "zoom": (1.1, 1.9), "dolly": (1.1, 1.9), "vertigo": (1.1, 1.8),
    "crane": (0.2, 1.8), "truck": (0.1, 0.8), "pan": (2, 12), "tilt": (2, 10), "roll": (3, 25),
}
"""The least and most of each move in a sentence."""


def _any_move(dice: Dice, kind: str = "") -> Move:
    kind = kind or dice.one_of(sorted(_MOST))
    low, high = _MOST[kind]
    return Move(kind, 1 if dice.chance(0.5) else -1, round(dice.between(low, high), 2))


def rig16(
    points: Float[Tensor, "T 55 3"], size: Size, fps: Fraction | int = 24
) -> Cameras:
    """The 16 cameras of ReImagine's people, enlarged only where somebody would be cut off."""
    return _built("rig16", points, size, fps)


def front_and_back(
    number: int, points: Float[Tensor, "1 55 3"], size: Size
) -> Cameras:
    """The two cameras of a person's reference pictures, V = 2: before and behind them.

    Args:
        number: of the identity; lens, height and margin vary with it.
        points: the standing person's joints, metres.
        size: of the pictures.
    """
    dice = Dice("reference camera", number)
    lens = (f"fov={dice.between(14, 36):.3f},elevation={dice.near(3, 6):.3f},"
            f"margin={dice.between(0.05, 0.1):.4f}")
    return _built(f"static:0,180,{lens}", points, size, 24)


def _built(
    spec: str, points: Float[Tensor, "T 55 3"], size: Size, fps: Fraction | int
) -> Cameras:
    return build_cameras(spec, points, width=size[0], height=size[1], fps=fps)
