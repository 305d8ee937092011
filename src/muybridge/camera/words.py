"""Words to camera path, and camera path to words.

``"Front view. The camera arcs left slowly, then pulls back."`` Sentences have
3DiMo's form: the viewpoint of the first frame, then moves with speed adverbs.
Left and right of a *view* are the subject's own sides (a left side view shows
their left side); left and right of a *move* are the camera's own. Where an arc
names the view at its end, and the side named would take it more than half way
around, it takes the short way: the end says more than the side.
"""

from __future__ import annotations

import re

from muybridge.camera.estimate import estimate
from muybridge.camera.grammar import Clause, Reader, azimuth_of, fail
from muybridge.camera.lexicon import PHRASES, SEQUENCE, TOGETHER
from muybridge.camera.script import VIEWS, Script, Step, view_name
from muybridge.camera.types import Cameras
from muybridge.errors import InputError

MAX_TEXT = 2000
MAX_STEPS = 32

_SIDE = r"front|back|rear|left|right"
_VIEW_WORD = r"view|viewpoint|shot|perspective|angle"
_QUARTER = r"(?:\s+(?:side|three quarters?|3 4|profile|hand|facing))*"
_VIEW = re.compile(
    rf"\b(?:(?:seen|viewed|start(?:s|ing)?|begin(?:s|ning)?)\s+)?(?:(?:at|from|with|in|as)\s+)?"
    rf"(?:a\s+|the\s+|an\s+|his\s+|her\s+|their\s+)?(?:three quarters?\s+)?({_SIDE})"
    rf"(?:\s+({_SIDE}))?{_QUARTER}\s+(?:{_VIEW_WORD}|profile)\b"
)
_FROM = re.compile(
    rf"\b(?:(?:seen|viewed|start(?:s|ing)?|begin(?:s|ning)?|view)\s+)?from\s+"
    rf"(?:the\s+|his\s+|her\s+|their\s+)?(behind|{_SIDE})(?:\s+({_SIDE}))?{_QUARTER}"
)
_AZIMUTH = re.compile(r"\b(?:view\s+)?from an azimuth of (-?\d+(?:\.\d+)?(?:e-?\d+)?) degrees")
_ELEVATION = re.compile(r"\bat an elevation of (-?\d+(?:\.\d+)?(?:e-?\d+)?) degrees")
_SIDE_ONLY = re.compile(rf"\b(?:a\s+|the\s+)?(?:side|profile)\s+(?:{_VIEW_WORD})\b")
_HEIGHTS = (
    (rf"(?:from\s+)?(?:a\s+)?(?:bird'?s eye|(?:top(?: down)?|overhead)\s+(?:{_VIEW_WORD}))", 60.0),
    (r"(?:from\s+)?(?:a\s+)?high angle|from above", 30.0),
    (r"(?:from\s+)?(?:a\s+)?(?:low angle|worm'?s eye)|from below", -12.0),
    (r"(?:at\s+)?eye level", 0.0),
)
_END = re.compile(
    rf"\b(?:to|until|till|toward|towards|reaching|ending\s+(?:at|in|on)|ends\s+(?:at|in|on)|"
    rf"up to|all the way to|into|onto)\s*(?:it reaches\s+)?"
    rf"(?:the\s+|a\s+|his\s+|her\s+|their\s+)?"
    rf"(?:((?:front|back|rear)(?:\s+(?:left|right))?)(?:\s+side)?(?:\s+(?:{_VIEW_WORD}))?"
    rf"|((?:left|right))\s+(?:side|profile)(?:\s+(?:{_VIEW_WORD}))?)\b"
)
def normalise(text: str) -> str:
    """Lower case, plain words, single spaces; punctuation that separates is kept."""
    text = text.lower().replace("\0", " ").replace("\u2019", "'").replace("\u00b0", " degrees ")
    text = text.replace("%", " percent ")
    text = re.sub(r"3/4", "three quarter", text)
    text = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", text)
    text = re.sub(r"(?<=\d)-(?=[a-z])", " ", text)
    text = re.sub(r"(?<=\d)(degrees?|deg|metres?|meters?|m|x|cm)\b", r" \1", text)
    text = re.sub(r"\.(?!\d)", " . ", text)
    text = re.sub(r"[;:!\n]", " . ", text)
    text = re.sub(r"[(),\u2014\u2013]", " , ", text)
    text = text.replace("\"", " ")
    return " ".join(text.split())


def parse(text: str) -> Script:
    """The script that a sentence says.

    Raises:
        InputError: naming the words that are not understood, and what is.
    """
    if len(text) > MAX_TEXT:
        raise fail(text, "", f"{len(text)} letters are too many")
    plain = normalise(text)
    try:
        plain, azimuth, elevation = _viewpoint(plain)
    except ValueError as error:
        raise fail(text, "viewpoint", f"{error} is no viewpoint") from None
    if elevation is not None and not -85 <= elevation <= 85:
        raise fail(text, "elevation", f"{elevation:g} degrees is out of range (-85 to 85)")
    reader = Reader(text, azimuth or 0.0)
    for clause in _clauses(plain):
        reader.take(clause)
    if not reader.heard and azimuth is None and elevation is None:
        raise fail(text, "", "says nothing about the camera")
    steps = tuple(Step(tuple(s)) for s in reader.steps if s)
    if all(m.kind == "static" for s in steps for m in s.moves):
        steps = ()
    if len(steps) > MAX_STEPS:
        raise fail(text, "", f"{len(steps)} steps are too many (at most {MAX_STEPS})")
    return Script(azimuth or 0.0, elevation, steps, reader.handheld)


def _viewpoint(text: str) -> tuple[str, float | None, float | None]:
    """Take the viewpoint of the first frame out of the text."""
    ends = [m.span() for m in _END.finditer(text)]

    def free(match: re.Match[str] | None) -> bool:
        return match is not None and not any(a < match.end() and match.start() < b for a, b in ends)

    azimuth = elevation = None
    found = _AZIMUTH.search(text)
    if found:
        azimuth = float(found[1])
        text = text[: found.start()] + " " + text[found.end():]
    found = _ELEVATION.search(text)
    if found:
        elevation = float(found[1])
        text = text[: found.start()] + " " + text[found.end():]
    for pattern, value in _HEIGHTS:
        found = re.search(rf"\b(?:{pattern})\b(?:\s+(?:{_VIEW_WORD}))?", text)
        if found and elevation is None:
            elevation = value
            text = text[: found.start()] + " " + text[found.end():]
    if azimuth is None:
        for expression in (_VIEW, _FROM):
            ends = [m.span() for m in _END.finditer(text)]
            found = next((m for m in expression.finditer(text) if free(m)), None)
            if found:
                azimuth = azimuth_of(found[1], found[2])
                text = text[: found.start()] + " " + text[found.end():]
                break
        else:
            found = _SIDE_ONLY.search(text)
            if found:
                azimuth = 90.0
                text = text[: found.start()] + " " + text[found.end():]
    return text, azimuth, elevation


def _clauses(text: str) -> list[Clause]:
    text = _END.sub(lambda m: " \0" + (m[1] or m[2]).replace(" ", "_") + " ", text)
    text = re.sub(r"\b(?:to\s+)?behind\b", " \0back ", text)
    words, out, join = text.split(), [Clause([], ".")], "."
    i = 0
    while i < len(words):
        step = 0
        for size in (3, 2, 1):
            phrase = " ".join(words[i : i + size])
            if phrase in SEQUENCE:
                join, step = "then", size
            elif phrase in TOGETHER:
                join, step = ("then" if out[-1].join == "then" and not out[-1].words
                              else "and"), size
            elif phrase in (",", "."):
                # "then" or "while" after a comma says more than the comma
                join, step = phrase, size
            if step:
                break
        if step:
            if out[-1].words:
                out.append(Clause([], join))
            elif join in ("then", "and") or out[-1].join == ",":
                out[-1].join = join
            i += step
            continue
        out[-1].words.append(words[i])
        i += 1
    return [c for c in out if c.words]


def describe(cameras: Cameras | Script, view: int = 0, *, amounts: bool = True) -> str:
    """What a camera does, in words that :func:`parse` understands.

    Args:
        cameras: any rig, whose moves are estimated from its geometry, or a script.
        view: which of its cameras.
        amounts: whether to say degrees, metres and factors; without them the
            text is like those that 3DiMo was trained on.

    Raises:
        InputError: where the rig has no such view.
    """
    if isinstance(cameras, Script):
        return cameras.text(amounts)
    if not 0 <= view < cameras.views:
        raise InputError("cameras", "view", f"{view} is not one of its {cameras.views} views",
                         "count from 0")
    return estimate(cameras, view).text(amounts)


def view_labels(cameras: Cameras) -> tuple[str, ...]:
    """A short name for each view, for the rows of a plate: ``front``, ``back-left``, ``112°``."""
    scripts = [estimate(cameras.slice(0, 1), v) for v in range(cameras.views)]
    return tuple(
        name if abs((s.azimuth - exact + 180) % 360 - 180) <= 1 else f"{s.azimuth % 360:.0f}\u00b0"
        for s in scripts
        for exact, name in [next((a, n) for a, n in VIEWS if n == view_name(s.azimuth))]
    )


VOCABULARY = tuple(sorted({p for p, t in PHRASES.items() if t[0] != "noise"}))
"""Every word and phrase that a sentence may use."""
