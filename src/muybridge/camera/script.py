"""A camera move as data: where it starts, what it does, how fast.

Between a sentence and a path: :mod:`muybridge.camera.words` makes scripts of
sentences, :meth:`Script.text` sentences of scripts, :meth:`Script.cameras`
cameras of scripts. The vocabulary is that of 3DiMo's camera texts (paper,
supplement C): a viewpoint of the first frame, then moves with speed adverbs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from muybridge.camera.framing import Framing
from muybridge.camera.geometry import Array, ease, fractions
from muybridge.camera.paths import Track
from muybridge.camera.types import Cameras, Number

SPEEDS = ("slow", "normal", "quick")
SHARE = {"slow": 1.5, "normal": 1.0, "quick": 0.6}
"""How much of the clip a step takes, relative to the other steps."""

AMOUNTS: dict[str, tuple[float, float, float]] = {
    "arc": (30.0, 45.0, 90.0),
    "dolly": (1.25, 1.5, 2.2),
    "truck": (0.2, 0.35, 0.6),
    "crane": (0.4, 0.8, 1.5),
    "zoom": (1.25, 1.5, 2.2),
    "pan": (4.0, 7.0, 12.0),
    "tilt": (3.0, 6.0, 10.0),
    "roll": (5.0, 10.0, 20.0),
    "vertigo": (1.3, 1.6, 2.2),
}
"""What a move amounts to where no number is said: slowly, at a normal speed, quickly."""

UNITS = {
    "arc": "degrees", "pan": "degrees", "tilt": "degrees", "roll": "degrees",
    "truck": "metres", "crane": "metres", "dolly": "times", "zoom": "times", "vertigo": "times",
}
LIMITS = {"degrees": (0.1, 3600.0), "metres": (0.001, 100.0), "times": (1.001, 20.0)}

FINITE = {  # finite verb, participle, what sign +1 and -1 are called
    "arc": ("arcs", "arcing", "left", "right"),
    "dolly": ("moves", "moving", "forward", "backward"),
    "truck": ("moves", "moving", "right", "left"),
    "crane": ("moves", "moving", "up", "down"),
    "zoom": ("zooms", "zooming", "in", "out"),
    "pan": ("pans", "panning", "right", "left"),
    "tilt": ("tilts", "tilting", "up", "down"),
    "roll": ("rolls", "rolling", "clockwise", "counterclockwise"),
    "vertigo": ("does a vertigo", "doing a vertigo", "in", "out"),
}
ADVERB = {"slow": "slowly", "normal": "", "quick": "quickly"}

VIEWS: tuple[tuple[float, str], ...] = (
    (0.0, "front"), (45.0, "front-right"), (90.0, "right side"), (135.0, "back-right"),
    (180.0, "back"), (-135.0, "back-left"), (-90.0, "left side"), (-45.0, "front-left"),
)


def view_name(azimuth: Number) -> str:
    """The nearest of eight names; left and right are the subject's own sides."""
    return min(VIEWS, key=lambda v: abs((azimuth - v[0] + 180) % 360 - 180))[1]


@dataclass(frozen=True)
class Move:
    """One thing that the camera does.

    Attributes:
        kind: ``static`` or one of :data:`AMOUNTS`.
        sign: +1 is left for arc, forward for dolly, right for truck, pan and
            roll, up for crane and tilt, in for zoom and vertigo.
        amount: degrees, metres, or the factor between near and far; ``None``
            for what :data:`AMOUNTS` gives its speed.
        speed: ``slow``, ``normal`` or ``quick``.
        metres: for a dolly, whether its amount is metres and no factor.
    """

    kind: str
    sign: int = 1
    amount: float | None = None
    speed: str = "normal"
    metres: bool = False

    @property
    def size(self) -> float:
        """The amount, whether said or not."""
        if self.kind == "static":
            return 0.0
        if self.amount is not None:
            return self.amount
        return AMOUNTS[self.kind][SPEEDS.index(self.speed)]

    def phrase(self, participle: bool = False, amounts: bool = True) -> str:
        """As a part of a sentence: ``arcs left by 30 degrees slowly``."""
        if self.kind == "static":
            return "remaining static" if participle else "remains static"
        verb, ing, plus, minus = FINITE[self.kind]
        words = [ing if participle else verb, plus if self.sign > 0 else minus]
        if self.amount is not None and amounts:
            unit = "metres" if self.metres else UNITS[self.kind]
            number = f"{self.amount:.10g}"
            unit = unit.removesuffix("s") if number == "1" else unit
            words.append(f"by a factor of {number}" if unit == "times" else f"by {number} {unit}")
        return " ".join([*words, ADVERB[self.speed]]).strip()


@dataclass(frozen=True)
class Step:
    """What the camera does at the same time."""

    moves: tuple[Move, ...]

    @property
    def share(self) -> float:
        """Its part of the clip, relative to other steps."""
        return max(SHARE[m.speed] for m in self.moves)


@dataclass(frozen=True)
class Script:
    """Where the camera starts and the steps that it takes, one after the other.

    Attributes:
        azimuth: of the first frame, degrees; 0 front, 90 the subject's right side.
        elevation: of the first frame, degrees; ``None`` where nothing was said.
        steps: may be empty: the camera stays.
        handheld: whether it trembles.
    """

    azimuth: float = 0.0
    elevation: float | None = None
    steps: tuple[Step, ...] = field(default=())
    handheld: bool = False

    def elevation_or(self, default: Number) -> float:
        """The elevation said, or the default."""
        return float(default) if self.elevation is None else self.elevation

    def azimuths(self) -> list[float]:
        """Azimuths that the camera passes, degrees, at most 5 degrees or 1/64 of a move apart."""
        out, at = [self.azimuth], self.azimuth
        for step in self.steps:
            turn = sum(m.sign * m.size for m in step.moves if m.kind == "arc")
            n = min(64, int(abs(turn) / 5) + 1) if turn else 0
            out += [at + turn * (i + 1) / n for i in range(n)]
            at += turn
        return out

    def text(self, amounts: bool = True) -> str:
        """The script as a sentence that :func:`muybridge.camera.words.parse` reads back.

        With ``amounts=False`` numbers are left out and large arcs say where
        they end, as 3DiMo's texts do.
        """
        start = (self.azimuth + 180) % 360 - 180
        name = view_name(start)
        exact = abs((dict((n, a) for a, n in VIEWS)[name] - start + 180) % 360 - 180) < 1e-6
        view = f"{name.capitalize()} view"
        if not exact and amounts:
            view = f"View from an azimuth of {start:.10g} degrees"
        if self.elevation is not None:
            view += f" at an elevation of {self.elevation:.10g} degrees" if amounts else (
                ", high angle" if self.elevation > 20 else
                ", low angle" if self.elevation < -10 else "")
        subject = "handheld camera" if self.handheld else "camera"
        said = list(self._phrases(amounts)) or ["remains static"]
        return f"{view}. The {subject} {', then '.join(said)}."

    def _phrases(self, amounts: bool) -> Iterator[str]:
        at = self.azimuth
        where = {name: azimuth for azimuth, name in VIEWS}
        heard = where[view_name(at)]  # where a reader who is told no numbers takes it to be
        for step in self.steps:
            parts = []
            for i, move in enumerate(step.moves):
                text = move.phrase(i > 0, amounts)
                if move.kind == "arc" and not amounts:
                    at += move.sign * move.size
                    end = view_name(at)
                    near = abs((at - where[end] + 180) % 360 - 180) <= 10
                    way = move.sign * (where[end] - heard) % 360
                    turn = replace(move, amount=None).size
                    more = ""
                    if move.size >= 300:
                        turn, more = 360.0, "all the way around"
                    elif 80 <= move.size <= 180 and near and 1 < way <= 180:
                        # an end beyond half way around would be read as the other direction
                        turn, more = way, f"to the {end}"
                    heard += move.sign * turn
                    adverb = ADVERB[move.speed]
                    text = f"{text.removesuffix(adverb).strip()} {more}".strip() + f" {adverb}"
                parts.append(text.strip())
            yield " while ".join(parts)

    def track(self, framing: Framing, frames: int, turn: Number = 0.0, fps: Number = 24) -> Track:
        """The script as a path around the framing's centre; ``turn`` is added to azimuths."""
        u = fractions(frames)
        shares = np.array([s.share for s in self.steps] or [1.0])
        ends = np.cumsum(shares) / shares.sum()
        still = Track.still([self.azimuth + turn], frames, framing.distance, framing.elevation)
        state = {k: v[0].copy() for k, v in vars(still).items()}
        for step, end, share in zip(self.steps, ends, shares / shares.sum(), strict=False):
            e = ease((u - (end - share)) / share)
            for move in step.moves:
                _apply(state, move, e)
        if self.handheld:
            _shake(state, np.arange(frames) / float(fps))
        return Track(**{k: v[None] for k, v in state.items()})

    def cameras(self, framing: Framing, frames: int, size: tuple[int, int],
                turn: Number = 0.0, name: str = "words", fps: Number = 24) -> Cameras:
        """The one camera that follows the script; ``size`` is width, height in pixels."""
        track = self.track(framing, frames, turn, fps)
        return track.cameras(framing.center, size, framing.fov, name, framing.path)


def _apply(state: dict[str, Array], move: Move, e: Array) -> None:
    """Add a move to the state; ``e`` rises from 0 to 1 while it happens."""
    s, size = move.sign, move.size
    if move.kind == "arc":
        state["azimuth"] += s * size * e
    elif move.kind in ("dolly", "vertigo"):
        nearer = size ** (-s * e)
        if move.metres:
            far = np.hypot(state["radius"], state["height"])[max(int((e > 0).argmax()) - 1, 0)]
            nearer = np.maximum(1 - s * size * e / far, 0.1)
        state["radius"] *= nearer
        state["height"] *= nearer
        if move.kind == "vertigo":
            state["zoom"] *= nearer
    elif move.kind == "zoom":
        state["zoom"] *= size ** (s * e)
    elif move.kind == "crane":
        state["height"] += s * size * e
    elif move.kind in ("truck", "pan", "tilt", "roll"):
        state[move.kind] += s * size * e


def _shake(state: dict[str, Array], seconds: Array) -> None:
    """The tremble of a hand: a few incommensurate waves, nothing in the first frame."""

    def wave(*tones: tuple[float, float, float]) -> Array:
        x = sum((a * np.sin(2 * np.pi * f * seconds + p) for a, f, p in tones), np.zeros(1))
        return x - x[:1]

    state["pan"] += wave((0.30, 0.71, 0.3), (0.14, 1.9, 1.1), (0.05, 4.3, 2.0))
    state["tilt"] += wave((0.26, 0.83, 1.7), (0.13, 2.2, 0.2), (0.05, 4.9, 0.9))
    state["roll"] += wave((0.22, 0.57, 0.9), (0.12, 1.6, 2.4), (0.04, 3.7, 1.3))
    state["truck"] += 0.006 * wave((1.0, 0.5, 0.0), (0.5, 1.3, 1.0))
    state["height"] += 0.006 * wave((1.0, 0.9, 0.5), (0.6, 1.8, 2.0))
