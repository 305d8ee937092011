"""The benchmark Plates: held-out people in motion before a ring of cameras, made from numbers.

24 people of the test split, which shares no person, garment, light or motion with what networks
are trained on. Each stands before 20 cameras, and makes four motions before eight; pictures are
framed wide, as users' own cameras are. Nothing is downloaded: ``muybridge plates`` makes it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from muybridge.data.folder import read_clip
from muybridge.data.people import MOTIONS, Programme
from muybridge.data.record import Clip, Reference
from muybridge.errors import InputError
from muybridge.synthetic.assets import unmultiplied
from muybridge.synthetic.capture import Setup
from muybridge.synthetic.casting import Cast
from muybridge.synthetic.dice import Dice
from muybridge.synthetic.moves import kind_of
from muybridge.synthetic.splits import Split, number_in

VERSION = 1
"""Goes up when the benchmark's pictures change; scores of two versions can't be compared."""
SPLIT: Split = "test"
SEED = 1878
"""Of the people; those of seed 0 are what one looks at while a method is made."""
PER_SEED = 100_000
"""People of one seed."""
ORBIT = "orbit"


@dataclass(frozen=True)
class RingProgramme(Programme):
    """What is taken of every person of Plates: an orbit, and motions before a ring of cameras.

    ``motions`` of them, no two of a kind, are seen by ``grid`` cameras each, evenly on a
    circle, the first one before the person's front in the first frame.
    """

    @property
    def pictures(self) -> int:
        """How many pictures of a person this makes, references apart."""
        return self.views + self.motions * self.grid * self.frames

    def setups(self, who: Cast) -> dict[str, Setup]:
        """Set-ups of a person's clips by name; motions are of the person's own split."""
        dice = Dice("plates", who.identity)
        n, size = who.identity, self.size
        made: dict[str, Setup] = {}
        if self.views:
            made[ORBIT] = Setup("orbit", n, None, self.views, 1, self.fps, size)
        kinds: set[str] = set()
        while len(kinds) < self.motions:
            number = number_in(who.split, dice.whole(0, MOTIONS - 1))
            if kind_of(number) not in kinds:
                made[f"motion{len(kinds)}"] = Setup(
                    "orbit", number, number, self.grid, self.frames, self.fps, size
                )
                kinds.add(kind_of(number))
        return made


def _whole() -> RingProgramme:
    return RingProgramme(
        views=20, motions=4, frames=24, fps="12", grid=8, size=(192, 256), tight=False
    )


@dataclass(frozen=True)
class Plates:
    """A set of people to measure on.

    Attributes:
        name: ``full``, ``fast``, or anything for a set of one's own.
        people: how many.
        programme: what is taken of each.
    """

    name: str = "full"
    people: int = 24
    programme: RingProgramme = field(default_factory=_whole)

    @property
    def numbers(self) -> range:
        """The people's numbers within the test split."""
        first = SEED * PER_SEED
        return range(first, first + self.people)

    @property
    def motions(self) -> tuple[str, ...]:
        """Names of every person's clips in motion."""
        return tuple(f"motion{k}" for k in range(self.programme.motions))

    @property
    def clips(self) -> tuple[str, ...]:
        """Names of all of a person's clips."""
        return ((ORBIT,) if self.programme.views else ()) + self.motions

    @property
    def pictures(self) -> int:
        """Of all people, references apart."""
        return self.people * self.programme.pictures

    def folder_of(self, root: Path, person: int, clip: str) -> Path:
        """Where a clip lies in the benchmark's folder.

        Args:
            root: the folder.
            person: from 0 on.
            clip: its name.
        """
        return root / SPLIT / f"{self.numbers[person]:07d}" / clip

    def read(self, root: Path, person: int, clip: str) -> Clip:
        """A clip; its pictures are decoded when they are asked for.

        Raises:
            InputError: it is not there, damaged, or of another set-up.
        """
        folder = self.folder_of(root, person, clip)
        found = read_clip(folder)
        programme = self.programme
        views, frames = (programme.views, 1) if clip == ORBIT else (programme.grid,
                                                                    programme.frames)
        if (found.views, found.frames, found.size) != (views, frames, programme.size):
            raise InputError(
                folder, "", f"has {found.views} views of {found.frames} frames of "
                f"{found.size[0]}x{found.size[1]} pixels",
                f"give the folder of Plates {self.name!r}, or make it with muybridge plates",
            )
        return found


FULL = Plates()
FAST = Plates("fast", 2, replace(FULL.programme, views=8, motions=1, frames=8, grid=4))
"""Two of the people and little of each: for quick looks and automatic tests."""


def cache_folder(plates: Plates) -> Path:
    """Where Plates lie unless a folder is given: in the user's cache, made at first use."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "muybridge" / f"plates-{VERSION}" / plates.name


def view_reference(clip: Clip, view: int, frame: int = 0) -> Reference:
    """One of a clip's own pictures as a reference, named ``viewNN``.

    Args:
        clip: whose.
        view, frame: which picture.
    """
    one = clip.select([view], [frame])
    rgb, matte = one.raw()
    return Reference(
        f"view{view:02d}", unmultiplied(rgb[0, 0], matte[0, 0]), one.cameras, one.motion
    )


def reference_of(clip: Clip, name: str) -> Reference:
    """``front`` or ``back``, as they lie beside the clip, or one of its own views, ``viewNN``.

    Raises:
        InputError: there is no such picture.
    """
    if name in clip.references:
        return clip.references[name]
    if name.startswith("view") and name[4:].isdigit() and int(name[4:]) < clip.views:
        return view_reference(clip, int(name[4:]))
    raise InputError(clip.name, "reference", f"there is no {name!r}",
                     "use one of " + ", ".join([*clip.references, "view00"]))
