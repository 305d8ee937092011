"""What is asked of a method: the papers' protocols, as lists of items.

An item is one call of a method: a person by reference pictures, a motion, cameras; and the true
pictures that the result is held against.

>>> len(items("novel-view", FULL))
24
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from muybridge.data.record import Clip
from muybridge.errors import InputError
from muybridge.evaluation.plates import FULL, ORBIT, Plates

__all__ = ["FULL", "PROTOCOLS", "Item", "Protocol", "items", "protocol", "usual"]


@dataclass(frozen=True)
class Item:
    """One thing to make.

    Attributes:
        protocol: that asks for it.
        person: of Plates, from 0 on.
        clip: whose motion and cameras are asked for.
        views, frames: of the clip.
        references: pictures of the person that may be looked at (see
            :func:`muybridge.evaluation.plates.reference_of`).
        driving: view of the clip that shows the motion to methods that are driven by video.
    """

    protocol: str
    person: int
    clip: str
    views: tuple[int, ...]
    frames: tuple[int, ...]
    references: tuple[str, ...] = ("front",)
    driving: int | None = None

    @property
    def name(self) -> str:
        """Unique among all items of Plates; also the path of its files."""
        own = "" if self.references[0] == "front" else f"-{self.references[0]}"
        return f"{self.protocol}/{self.person:02d}-{self.clip}{own}"

    @property
    def seed(self) -> int:
        """Of whatever is drawn at random: from the name alone, so the order does not matter."""
        return int.from_bytes(hashlib.sha256(self.name.encode()).digest()[:4], "big") >> 1

    @property
    def pictures(self) -> int:
        """How many are made."""
        return len(self.views) * len(self.frames)

    def truth(self, clip: Clip) -> Clip:
        """The true pictures, with their cameras and motion."""
        return clip.select(self.views, self.frames)

    def with_back(self) -> Item:
        """The item for methods that take front and back; itself where the front is not given."""
        if self.references != ("front",):
            return self
        return replace(self, references=("front", "back"))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        lists = ("views", "frames", "references")
        return {"name": self.name, "seed": self.seed} | asdict(self) | {
            key: list(getattr(self, key)) for key in lists
        }


@dataclass(frozen=True)
class Protocol:
    """Items of one kind.

    Attributes:
        name: what ``--protocol`` takes.
        about: what is made of what.
        paper: whose protocol it follows.
        make: the items of a set of people.
        quick: it is among those of ``--fast``.
    """

    name: str
    about: str
    paper: str
    make: Callable[[Plates], list[Item]]
    quick: bool = True


def _novel_view(plates: Plates) -> list[Item]:
    views = tuple(range(plates.programme.views))
    if not views:
        return []
    return [Item("novel-view", person, ORBIT, views, (0,)) for person in range(plates.people)]


def _four_references(plates: Plates) -> list[Item]:
    """Each of four views at right angles is the reference in turn."""
    count = plates.programme.views
    quarter = [k * count // 4 for k in range(4)] if count >= 4 else []
    return [
        Item("novel-view-4ref", person, ORBIT, tuple(range(count)), (0,), (f"view{v:02d}",))
        for person in range(plates.people) for v in quarter
    ]


def _moving(
    plates: Plates, name: str, views: tuple[int, ...], driving: int | None = None
) -> list[Item]:
    frames = tuple(range(plates.programme.frames))
    return [
        Item(name, person, clip, views, frames, driving=driving)
        for clip in plates.motions for person in range(plates.people)
    ]


PROTOCOLS: dict[str, Protocol] = {
    p.name: p for p in (
        Protocol(
            "novel-view", "the standing person from all around, from the front picture",
            "HVG 4.1", _novel_view,
        ),
        Protocol(
            "novel-pose", "a motion, seen by the camera before the person's front",
            "GAS 4.3", lambda plates: _moving(plates, "novel-pose", (0,)),
        ),
        Protocol(
            "view-pose", "a motion from all around", "HVG 4.2",
            lambda plates: _moving(plates, "view-pose", tuple(range(plates.programme.grid))),
        ),
        Protocol(
            "cross-view", "a motion that the front camera sees, made from the opposite side",
            "3DiMo, across views",
            lambda plates: _moving(
                plates, "cross-view", (plates.programme.grid // 2,), driving=0
            ),
        ),
        Protocol(
            "novel-view-4ref", "the standing person from all around, from one picture out of "
            "four at right angles", "GAS 4.2", _four_references, quick=False,
        ),
    )
}


def protocol(name: str) -> Protocol:
    """A protocol by its name.

    Raises:
        InputError: there is none.
    """
    if name not in PROTOCOLS:
        raise InputError("--protocol", "", f"there is no {name!r}",
                         "use one of " + ", ".join(PROTOCOLS))
    return PROTOCOLS[name]


def usual(plates: Plates) -> tuple[str, ...]:
    """Names of the protocols that a set of people is for: all, or of small sets the quick ones."""
    return tuple(
        p.name for p in PROTOCOLS.values()
        if (p.quick or plates.name == FULL.name) and p.make(plates)
    )


def items(name: str, plates: Plates) -> list[Item]:
    """The items of a protocol.

    Raises:
        InputError: there is no such protocol, or these people have nothing for it.
    """
    made = protocol(name).make(plates)
    if not made:
        raise InputError("--protocol", name, f"has no item in Plates {plates.name!r}",
                         "use another protocol")
    return made
