"""Face, garments and shoes -> a person's folder, which every method animates."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muybridge.errors import InputError, Interrupted
from muybridge.jobs.files import discard
from muybridge.jobs.progress import Listener, Progress

if TYPE_CHECKING:
    from muybridge.body import Shape
    from muybridge.methods.reimagine.assets import AssetPictures
    from muybridge.methods.reimagine.compose import Composed
    from muybridge.methods.reimagine.networks import ReImagineNetworks
    from muybridge.person import Person

_ORIGIN = "person.json"
ROUGH = "none"
"""Weights of that name leave the collage as it is."""
_SECONDS = {"assets": 2.0, "pictures": 6.0, "person": 30.0, "save": 2.0}


@dataclass(frozen=True)
class Composition:
    """A request to put a person together.

    Attributes:
        files: pictures by the names of assets: ``face``, ``upper``, ``lower``, ``full``,
            ``shoes``, ``front``, ``back``; or folders of people, who lend what is asked for.
        behind: garments from behind, by the same names.
        body: ``gender=1,weight=0.4``, or a person's folder, whose shape is taken.
        weights: a size, a folder, or ``none``.
        steps: of the sampler; the size's own where ``None``.
        seed: of the noise.
        size: width and height of the pictures that the person is made from, pixels.
    """

    files: Mapping[str, str]
    behind: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    weights: str = "nano"
    steps: int | None = None
    seed: int = 0
    size: tuple[int, int] = (768, 1024)

    def checked(self) -> Composition:
        """This request, if it can be done; pictures are looked at later.

        Raises:
            InputError: a number is out of range.
        """
        width, height = self.size
        if not (64 <= width <= 2048 and width <= height <= 2 * width):
            raise InputError("--size", "", f"is {width}x{height}",
                             "give 64 to 2048 pixels across, and as many to twice as many down")
        return self

    def forecast(self) -> dict[str, float]:
        """Expected seconds on one core, by stage, and in all."""
        stages = dict(_SECONDS)
        if self.weights == ROUGH:
            stages["pictures"] = 3.0
        return {**stages, "seconds": sum(stages.values())}

    def shape(self) -> Shape:
        """Of the body.

        Raises:
            InputError: it is neither a shape nor a person's folder.
        """
        from muybridge.methods.reimagine.compose import shape_of
        from muybridge.person import Person

        if (Path(self.body) / _ORIGIN).is_file():
            return Person.load(self.body).shape
        return shape_of(self.body)

    def networks(self) -> ReImagineNetworks | None:
        """What paints; ``None`` for the collage as it is.

        Raises:
            InputError: a folder can't be read, or has no encoder of assets.
            MissingWeights: the size's weights are not on this machine.
        """
        from muybridge.methods.registry import spec

        if self.weights == ROUGH:
            return None
        found = spec("reimagine")[0].load(self.weights).networks
        if found.condition_encoder is None:
            raise InputError(
                self.weights, "condition_encoder", "is missing: these networks know no assets",
                f"train them on people of --canonical, or give --weights {ROUGH} for the collage",
            )
        made: ReImagineNetworks = found
        return made


@dataclass(frozen=True)
class Made:
    """A composed person, where they lie, and how long it took."""

    folder: Path
    person: Person
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "folder": str(self.folder), "seconds": round(self.seconds, 2),
            "height_metres": float(self.person.height),
            "confidence": {name: float(v) for name, v in self.person.confidence.items()},
        }


def compose(
    asked: Composition, out: Path, *, listener: Listener | None = None, force: bool = False
) -> Made:
    """Put a person together and save them; the folder is read by ``Person.load``.

    Beside the person it holds ``front.composed.png`` and ``back.composed.png`` as they were
    painted, and ``SIDE.collage.png``: the assets laid on the body.

    Args:
        asked: what they are made of.
        out: new, empty, or a person's folder, which is replaced.
        listener: told of progress.
        force: also replace a folder that holds other things.

    Raises:
        InputError: a picture can't be used, or the folder is not to be replaced.
        MissingWeights: the size's weights are not on this machine.
        Interrupted: stopped; nothing was written.
    """
    if out.exists() and not out.is_dir():
        raise InputError(out, "", "is a file", "name a folder with -o")
    if out.is_dir() and any(out.iterdir()) and not (out / _ORIGIN).is_file() and not force:
        raise InputError(
            out, "", "holds files that are not a person's",
            "name another folder with -o, or give --force",
        )
    from muybridge.methods.loading import checked_steps
    from muybridge.methods.reimagine.compose import compose as put_together

    steps = checked_steps(asked.checked().steps)
    progress = Progress(
        {k: v for k, v in asked.forecast().items() if k != "seconds"}, listener
    )
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        with progress.stage("assets"):
            shape, networks = asked.shape(), asked.networks()
            assets = _read(asked)
        with progress.stage("pictures") as step:
            composed = put_together(
                assets, networks, shape=shape, size=asked.size, steps=steps, seed=asked.seed,
                tell=step,
            )
        with progress.stage("person"):
            person = composed.person()
        with progress.stage("save"):
            person.save(part)
            _write_pictures(composed, part)
            discard(out)
            os.replace(part, out)
    except KeyboardInterrupt:
        raise Interrupted("stopped; nothing was written") from None
    finally:
        discard(part)
    return Made(out, person, sum(progress.seconds.values()))


def _read(asked: Composition) -> AssetPictures:
    """The assets, from pictures and from people who wear them."""
    from muybridge.methods.reimagine.assets import AssetPictures, read_assets, shown_whole
    from muybridge.methods.reimagine.assets_of_person import assets_of_person
    from muybridge.person import Person

    lent = {n: f for n, f in asked.files.items() if (Path(f) / _ORIGIN).is_file()}
    people = {folder: Person.load(folder) for folder in set(lent.values())}
    worn = {folder: assets_of_person(person) for folder, person in people.items()}
    pictures, behind, anchors = {}, {}, {}
    for name, folder in lent.items():
        found = {**worn[folder].pictures, **shown_whole(people[folder])}
        if name not in found:
            raise InputError(folder, name, "is not seen on this person", "give a picture of it")
        pictures[name] = found[name]
        if name in worn[folder].behind:
            behind[name] = worn[folder].behind[name]
        known = worn[folder].anchors
        anchors.update({k: known[k] for k in (name, f"{name}-back") if k in known})
    files = {n: f for n, f in asked.files.items() if n not in lent}
    own = read_assets(files, asked.behind, whole=False)
    for name in own.behind:
        anchors.pop(f"{name}-back", None)
    return AssetPictures(
        {**pictures, **own.pictures}, {**behind, **own.behind}, anchors
    ).checked()


def _write_pictures(composed: Composed, folder: Path) -> None:
    """The pictures and the collages that they were made from."""
    from muybridge.methods.reimagine.compose import SIDES
    from muybridge.video import write_image

    for name, known, laid in zip(
        SIDES, (composed.front, composed.back), composed.collages, strict=True
    ):
        write_image(folder / f"{name}.composed.png", known.rgba)
        write_image(folder / f"{name}.collage.png", laid[:3] + 1 - laid[3:])
