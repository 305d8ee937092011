"""``muybridge compose``: face, garments and shoes -> a person."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from muybridge.cli.common import (
    Json,
    MaybeFile,
    MaybeNumber,
    Out,
    read,
    show,
    stop_on_terminate,
    table,
    use_threads,
)

_ASSETS = ("face", "upper", "lower", "full", "shoes", "front", "back")
_BEHIND = ("upper", "lower", "full", "shoes")


@dataclass
class Compose:
    """Put a person together from pictures of a face, garments and shoes.

    Give --face with --upper and --lower, or with --full (a dress or overall), and --shoes; --back
    is the whole person from behind. Pictures have transparency, or show one thing on a plain
    ground: a face from the front, garments laid flat or worn by nobody. A person's folder in
    place of a picture lends what this person wears. Writes a person's folder that muybridge
    animate takes in place of a photo, with front.composed.png, back.composed.png and the
    collages that they were painted from.

    Attributes:
        out: the output folder.
        face: a head from the front.
        upper: what is worn above: a shirt, a jacket.
        lower: trousers, shorts or a skirt.
        full: a dress or overall, instead of both.
        shoes: a pair, or one of them.
        front: the whole person from the front, instead of parts.
        back: the whole person from behind.
        upper_back: the upper garment from behind.
        lower_back: the lower garment from behind.
        full_back: the dress from behind.
        shoes_back: the shoes from behind.
        body: the body's shape, as gender=1,weight=0.4 (0 male, 1 female; age, height, weight,
            muscle, proportions: 0 to 1), or a person's folder.
        weights: a size of reimagine, a folder of weights, or none for the collage as it is.
        size: of the pictures that the person is made from, WIDTHxHEIGHT.
        steps: of the sampler.
        seed: of the noise.
        force: replace a folder that holds other things.
        dry_run: only say how long it will take.
        threads: to compute with; all cores unless given.
        quiet: no progress.
        json_: print the result for a program.
    """

    out: Out = Path("person")
    face: MaybeFile = None
    upper: MaybeFile = None
    lower: MaybeFile = None
    full: MaybeFile = None
    shoes: MaybeFile = None
    front: MaybeFile = None
    back: MaybeFile = None
    upper_back: MaybeFile = None
    lower_back: MaybeFile = None
    full_back: MaybeFile = None
    shoes_back: MaybeFile = None
    body: str = ""
    weights: str = "nano"
    size: str = "768x1024"
    steps: MaybeNumber = None
    seed: int = 0
    force: bool = False
    dry_run: bool = False
    threads: MaybeNumber = None
    quiet: bool = False
    json_: Json = False


def main(argv: list[str]) -> int:
    """Run the verb; returns the exit code."""
    asked = read(Compose, "compose", argv)
    use_threads(asked.threads)
    stop_on_terminate()
    from muybridge.jobs import parse_size
    from muybridge.jobs.compose import Composition, compose
    from muybridge.jobs.progress import listening

    def given(names: tuple[str, ...], ending: str = "") -> dict[str, str]:
        found = {name: getattr(asked, name + ending) for name in names}
        return {name: path for name, path in found.items() if path is not None}

    request = Composition(
        given(_ASSETS), given(_BEHIND, "_back"), asked.body, asked.weights, asked.steps,
        asked.seed, parse_size(asked.size),
    ).checked()
    if asked.dry_run:
        cost = request.forecast()
        show(cost, asked.json_, table([(name, f"{value:g}") for name, value in cost.items()]))
        return 0
    with listening(asked.quiet) as listener:
        made = compose(request, asked.out, listener=listener, force=asked.force)
    show(made.to_dict(), asked.json_, str(made.folder))
    return 0
