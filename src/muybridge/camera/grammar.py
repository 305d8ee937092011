"""From the words of one clause to moves."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from muybridge.camera.lexicon import HELP, NUMBERS, PHRASES, UNITS
from muybridge.camera.script import LIMITS, Move
from muybridge.camera.script import UNITS as UNIT_OF
from muybridge.errors import InputError

_AZIMUTH_OF = {"front": 0.0, "back": 180.0, "rear": 180.0, "behind": 180.0,
               "left": -90.0, "right": 90.0}


def fail(text: str, field: str, problem: str) -> InputError:
    """The error for a sentence, with what is understood as its remedy."""
    short = text if len(text) <= 60 else text[:57] + "..."
    return InputError(f"camera {short!r}", field, problem, HELP)


def azimuth_of(first: str, second: str | None = None) -> float:
    """Azimuth of "front", "back-left", ...; ``ValueError`` for "front-back"."""
    a = _AZIMUTH_OF[first]
    if second and second != first:
        b = _AZIMUTH_OF[second]
        pair = {first, second}
        if pair <= {"left", "right"} or pair <= {"front", "back", "rear", "behind"}:
            raise ValueError(f"{first}-{second}")
        side = b if second in ("left", "right") else a
        end = a if second in ("left", "right") else b
        return side / 2 if end == 0 else (135.0 if side > 0 else -135.0)
    return a


@dataclass
class Clause:
    """Words between two connectors, and how it joins the clause before it."""

    words: list[str]
    join: str  # "then", "and", "," or "." (a new sentence)


class Reader:
    """Turns clauses into steps, one by one."""

    def __init__(self, text: str, azimuth: float) -> None:
        self.text, self.azimuth = text, azimuth
        self.steps: list[list[Move]] = []
        self.handheld = self.heard = False
        self.verb: tuple[str, ...] | None = None

    def take(self, clause: Clause) -> None:
        """Read one clause."""
        join = clause.join
        first = next((w for w in clause.words if PHRASES.get(w, ("",))[0] == "verb"), "")
        if join == "," and first.endswith("ing"):
            join = "and"  # "zooms out, moving upward"
        for i, group in enumerate(self._groups(clause.words)):
            self._group(group, join if i == 0 else "and")

    def _tokens(self, words: list[str]) -> list[tuple[str, ...]]:
        out: list[tuple[str, ...]] = []
        unknown: list[str] = []
        i = 0
        while i < len(words):
            for size in range(min(6, len(words) - i), 0, -1):
                phrase = " ".join(words[i : i + size])
                if phrase in PHRASES:
                    out.append(PHRASES[phrase])
                    break
                if phrase in NUMBERS:
                    out.append(("number", str(NUMBERS[phrase])))
                    break
            else:
                size, word = 1, words[i]
                if word.startswith("\0"):
                    out.append(("end", *word[1:].split("_")))
                elif word in UNITS:
                    out.append(("unit", UNITS[word]))
                elif word == "factor":
                    out.append(("unit", "times"))
                elif re.fullmatch(r"[+-]?\d+(\.\d+)?(e-?\d+)?", word):
                    out.append(("number", word))
                else:
                    unknown.append(word)
            i += size
        if unknown:
            listed = ", ".join(repr(w) for w in unknown[:5])
            raise fail(self.text, "", f"{listed} {'is' if len(unknown) == 1 else 'are'} "
                        "not understood")
        return out

    def _groups(self, words: list[str]) -> list[list[tuple[str, ...]]]:
        """Tokens of a clause, one group for each verb; what comes before the first joins it."""
        groups: list[list[tuple[str, ...]]] = [[]]
        for token in self._tokens(words):
            if token[0] == "noise":
                continue
            if token[0] == "verb" and any(t[0] == "verb" for t in groups[-1]):
                groups.append([])
            groups[-1].append(token)
        return [g for g in groups if g]

    def _group(self, tokens: list[tuple[str, ...]], join: str) -> None:
        self.heard = True
        kinds = {t[0] for t in tokens}
        if "handheld" in kinds:
            self.handheld = True
            tokens = [t for t in tokens if t[0] != "handheld"]
            kinds.discard("handheld")
            if not tokens:
                return
        if "static" in kinds and "verb" not in kinds:
            extra = kinds - {"static", "speed"}
            if extra:
                raise fail(self.text, "", "a static camera does not move as well")
            self.steps.append([Move("static")])
            return
        verb = next((t[1:] for t in tokens if t[0] == "verb"), None)
        if verb is None and kinds <= {"speed", "number", "unit", "turnabout", "end"} \
                and self.steps and self.steps[-1] and self.steps[-1][-1].kind != "static":
            self._amend(tokens)
            return
        steps = self._moves(verb, tokens)
        self.verb = verb or self.verb
        last = self.steps[-1] if self.steps else []
        busy = {m.kind for m in last} | {"static"}
        if join == "and" and [m.kind for m in last] == ["static"]:
            if any(m.kind not in ("zoom", "pan", "tilt", "roll") for s in steps for m in s):
                raise fail(self.text, "", "a static camera does not move as well")
            self.steps[-1:] = steps  # "stays in place and pans left"
        elif join == "and" and last and len(steps) == 1 and "static" not in {m.kind for m in last} \
                and not busy & {m.kind for m in steps[0]}:
            last.extend(steps[0])
        else:
            self.steps.extend(steps)
        self.azimuth += sum(m.sign * m.size for s in steps for m in s if m.kind == "arc")

    def _amend(self, tokens: list[tuple[str, ...]]) -> None:
        """", slowly" or ", by 30 degrees" after a move."""
        last = self.steps[-1][-1]
        before = self.azimuth - (last.sign * last.size if last.kind == "arc" else 0.0)
        values = _Values.of(self, tokens)
        changed = replace(last, speed=values.speed or last.speed)
        slide = last.kind == "dolly" and values.metres
        amount = values.amount_for(self, "truck" if slide else last.kind)
        if amount is not None:
            changed = replace(changed, amount=amount, metres=slide)
        if values.end is not None and last.kind == "arc":
            changed = _arc_to(before, values.end, last.sign, changed)
        self.steps[-1][-1] = changed
        if changed.kind == "arc":
            self.azimuth = before + changed.sign * changed.size

    def _moves(
        self, verb: tuple[str, ...] | None, tokens: list[tuple[str, ...]]
    ) -> list[list[Move]]:
        """The steps that a group of tokens says; more than one where it swings to and fro."""
        values = _Values.of(self, tokens)
        speed = values.speed or "normal"
        name = verb[0] if verb else self.verb[0] if self.verb else "move"
        said = [verb[1]] if verb and len(verb) > 1 else []
        directions = values.directions or said
        if verb and len(verb) > 1 and values.directions:
            directions = [d for d in values.directions if d not in ("in", "out")] or said
            opposite = {"up": "down", "down": "up", "forward": "back", "back": "forward",
                        "in": "out", "out": "in"}
            if opposite.get(said[0]) in directions:
                raise fail(self.text, "", f"{said[0]} and {opposite[said[0]]} at once")
            directions = [*said, *(d for d in directions if d not in said)]
        if name == "swing":
            turn = values.amount_for(self, "arc") or 20.0
            return [[Move("zoom", 1, None, "quick"), Move("arc", 1, turn, "quick")],
                    [Move("zoom", -1, None, "quick"), Move("arc", -1, turn, "quick")]]
        if name == "aerial":
            if values.metres:
                back = Move("dolly", -1, values.amount_for(self, "crane"), speed, metres=True)
            else:
                back = Move("dolly", -1, values.amount_for(self, "dolly") or 1.8, speed)
            return [[back, Move("crane", 1, 1.6, speed)]]
        if name in ("arc", "orbit", "pan", "tilt", "roll", "turn"):
            directions = [d for d in directions if d not in ("in", "out")]  # "in the scene"
        moves: list[Move] = []
        for d in directions or [""]:
            kind, sign = self._kind(name, d, values)
            if verb is None and name not in ("move",) and kind is None:
                kind, sign = self._kind("move", d, values)
            if kind is None:
                what = f"{name} {d}".strip()
                raise fail(self.text, "", f"{what!r} does not say which way" if not d
                            else f"{what!r} is no camera move")
            slide = kind == "dolly" and values.metres
            amount = values.amount_for(self, "truck" if slide else kind)
            if kind == "arc" and amount is None:
                amount = values.turnabout
                if amount is None and name == "orbit" and values.end is None:
                    amount = 360.0
            move = Move(kind, sign, amount, speed, slide)
            if kind == "arc" and values.end is not None:
                move = _arc_to(self.azimuth, values.end, sign if d else 0, move)
            moves.append(move)
        if len({m.kind for m in moves}) < len(moves):
            if values.amount is not None or len(moves) > 2 or moves[0] == moves[1]:
                kinds = " and ".join(directions)
                raise fail(self.text, "", f"{kinds!r} can't be done at once")
            return [[m] for m in moves]
        return [moves]

    def _kind(self, name: str, d: str, values: _Values) -> tuple[str | None, int]:
        around = values.around or values.turnabout is not None
        arcs = name in ("arc", "orbit") or (
            name in ("move", "turn", "pan", "dolly")
            and (around or (values.end is not None and d in ("left", "right", ""))))
        if arcs and d in ("left", "right", "clockwise", "counterclockwise", ""):
            # from above, a camera that moves to its left travels clockwise
            return "arc", -1 if d in ("right", "counterclockwise") else 1
        if name in ("move", "dolly") or (name == "arc" and d in ("up", "down", "forward", "back")):
            if d in ("forward", "in"):
                return "dolly", 1
            if d in ("back", "out"):
                return "dolly", -1
            if d in ("left", "right"):
                return "truck", 1 if d == "right" else -1
            if d in ("up", "down"):
                return "crane", 1 if d == "up" else -1
        table: dict[str, tuple[tuple[str, str, str, int], ...]] = {
            "zoom": (("in", "zoom", "", 1), ("forward", "zoom", "", 1), ("out", "zoom", "", -1),
                     ("back", "zoom", "", -1)),
            "pan": (("right", "pan", "", 1), ("left", "pan", "", -1), ("up", "tilt", "", 1),
                    ("down", "tilt", "", -1)),
            "turn": (("right", "pan", "", 1), ("left", "pan", "", -1),
                     ("clockwise", "roll", "", 1), ("counterclockwise", "roll", "", -1)),
            "tilt": (("up", "tilt", "", 1), ("down", "tilt", "", -1), ("left", "pan", "", -1),
                     ("right", "pan", "", 1)),
            "roll": (("clockwise", "roll", "", 1), ("right", "roll", "", 1),
                     ("counterclockwise", "roll", "", -1), ("left", "roll", "", -1)),
            "vertigo": (("", "vertigo", "", 1), ("in", "vertigo", "", 1),
                        ("forward", "vertigo", "", 1), ("out", "vertigo", "", -1),
                        ("back", "vertigo", "", -1)),
            "crane": (("up", "crane", "", 1), ("down", "crane", "", -1),
                      ("left", "truck", "", -1), ("right", "truck", "", 1),
                      ("forward", "dolly", "", 1), ("back", "dolly", "", -1)),
        }
        for direction, kind, _, sign in table.get(name, ()):
            if direction == d:
                return kind, sign
        return None, 0


def _arc_to(start: float, end: float, sign: int, move: Move) -> Move:
    """The arc that ends at an azimuth, on the side named unless that is over half way around."""
    left = (end - start) % 360
    if min(left, 360 - left) < 1e-9:
        return replace(move, sign=sign or 1, amount=360.0)
    if sign == 0 or (left if sign > 0 else 360 - left) > 180 + 1e-9:
        sign = 1 if left <= 180 else -1
    amount = left if sign > 0 else 360 - left
    return replace(move, sign=sign, amount=amount)


@dataclass
class _Values:
    """What stands around a verb."""

    directions: list[str]
    speed: str | None
    amount: tuple[float, str] | None
    turnabout: float | None
    end: float | None
    around: bool

    @staticmethod
    def of(reader: Reader, tokens: list[tuple[str, ...]]) -> _Values:
        """Collect them from a group's tokens."""
        out = _Values([], None, None, None, None, False)
        number: float | None = None
        for token in tokens:
            kind = token[0]
            if kind == "dir" and token[1] not in out.directions:
                out.directions.append(token[1])
            elif kind == "speed":
                out.speed = token[1]
            elif kind == "around":
                out.around = True
            elif kind == "turnabout":
                out.turnabout, out.around = float(token[1]), True
            elif kind == "end":
                try:
                    out.end = azimuth_of(token[1], token[2] if len(token) > 2 else None)
                except ValueError as error:
                    raise fail(reader.text, "", f"{error} is no viewpoint") from None
            elif kind == "number":
                number = float(token[1])
                if out.amount is not None and out.amount[1] == "times" and out.amount[0] == 0:
                    out.amount, number = (number, "times"), None
            elif kind == "unit":
                if number is None:
                    if token[1] != "times":
                        raise fail(reader.text, "", f"{token[1]} without a number")
                    out.amount = (0.0, "times")  # "by a factor of 2": the number follows
                else:
                    out.amount, number = (number, token[1]), None
        if number is not None:
            out.amount = (number, "")
        # the verb's own direction is said once more in "forward ... in"
        if "forward" in out.directions and "in" in out.directions:
            out.directions.remove("in")
        if "back" in out.directions and "out" in out.directions:
            out.directions.remove("out")
        return out

    @property
    def metres(self) -> bool:
        """Whether the number said is a length."""
        return self.amount is not None and self.amount[1] in ("metres", "cm")

    def amount_for(self, reader: Reader, kind: str) -> float | None:
        """The number said, in the unit of a kind of move."""
        if self.amount is None or kind == "static":
            return None
        value, unit = self.amount
        want = UNIT_OF[kind]
        if unit == "cm":
            value, unit = value / 100, "metres"
        if unit == "percent" and want == "times":
            value, unit = 1 + value / 100, "times"
        if unit not in ("", want):
            if kind != "arc" and self.turnabout is None and len(self.directions) > 1:
                return None
            raise fail(reader.text, "", f"{kind} is said in {want}, not in {unit}")
        low, high = LIMITS[want]
        value = abs(value)
        if want == "times" and 0 < value < 1:
            value = 1 / value
        if not low <= value <= high:
            raise fail(reader.text, "", f"{kind} by {value:g} {want} is out of range "
                        f"({low:g} to {high:g})")
        return value
