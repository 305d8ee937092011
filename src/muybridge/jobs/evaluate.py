"""Measure a method, or somebody's frames, on Plates: plan, run, resume, and the tables.

Every item is a file of its own that appears when it is measured, so a run that was stopped,
however hard, goes on with the next one. What is random in an item follows from its name alone,
and every process has as many threads as the others, so the number of processes changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from muybridge import methods
from muybridge.errors import InputError, Interrupted
from muybridge.evaluation.frames import LAYOUT, check_there
from muybridge.evaluation.manifest import described
from muybridge.evaluation.metrics import with_lpips
from muybridge.evaluation.plates import FULL, Plates, cache_folder
from muybridge.evaluation.protocols import Item, items, protocol, usual
from muybridge.evaluation.summary import Result
from muybridge.jobs import digest
from muybridge.jobs.evaluate_report import write_report
from muybridge.jobs.evaluate_work import (
    BodyKind,
    Task,
    load_method,
    loaded_extractor,
    score_item,
)
from muybridge.jobs.files import claim, read_json, write_json
from muybridge.jobs.plates import forecast as plates_forecast
from muybridge.jobs.plates import is_there, make_plates
from muybridge.jobs.pool import each
from muybridge.jobs.progress import Listener, Progress
from muybridge.jobs.record import method_record
from muybridge.jobs.threads import threads as with_threads
from muybridge.methods.cost import Extent
from muybridge.methods.pipeline import HumanVideoPipeline
from muybridge.methods.spec import resolve

OWN_EXTRACTORS = {"fd[nano]": "", "fd-vid[nano]": ""}
"""Extractors of sets that need no weights."""
_REQUEST = "request.json"
_PERSON_SECONDS: dict[BodyKind, float] = {"exact": 8.0, "fitted": 30.0}
_MEASURE_SECONDS = 0.1
"""Of one core: all metrics of a picture of 192x256 pixels."""


@dataclass(frozen=True)
class Evaluation:
    """What is measured.

    Attributes:
        method: its name, or name and size; any name where ``frames`` are given.
        plates: on which people.
        protocols: names; those of the set by default.
        people: only so many of them, the first ones; 0 for all.
        body: ``exact`` gives the method the true body, pose and camera of the reference, as
            papers give theirs fits to many views; ``fitted`` finds them in the reference.
        reference: ``front``, ``front+back``, or empty: what the method names first.
        options: of the method's loader.
        frames: folder of somebody's frames; nothing is made then.
        extractors: more of them for sets, by the name of their score: the path of their weights.
        lpips: backbones that LPIPS is taken with, ``squeeze``, ``alex`` or ``vgg``: the path of
            their weights.
        weights: folder of weights of the method, in place of the size's own.
    """

    method: str
    plates: Plates = FULL
    protocols: tuple[str, ...] = ()
    people: int = 0
    body: BodyKind = "exact"
    reference: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    frames: Path | None = None
    extractors: Mapping[str, str] = field(default_factory=dict)
    lpips: Mapping[str, str] = field(default_factory=dict)
    weights: Path | None = None

    def checked(self) -> Evaluation:
        """This request, completed: size, protocols and reference are said.

        Raises:
            InputError: it can't be done.
            MissingWeights: the method's weights are not on this machine.
        """
        if not 0 <= self.people <= self.plates.people:
            raise InputError("evaluate", "--people", f"is {self.people}",
                             f"give 1 to {self.plates.people}")
        if self.body not in get_args(BodyKind):
            raise InputError("--body", "", f"is {self.body!r}", "give exact or fitted")
        chosen = self.protocols or tuple(filter(self._can, usual(self.plates)))
        for name in chosen:
            protocol(name)
            if not self._can(name):
                raise InputError(
                    "--protocol", name, "shows people from the side, whom no fit takes",
                    "use --body exact, or another protocol",
                )
        method = self._named()
        found = replace(
            self, method=method, protocols=chosen, reference=self._reference(method),
            extractors={**OWN_EXTRACTORS, **self.extractors},
        )
        for name, path in found.extractors.items():
            loaded_extractor(name, path)
        with_lpips(found.backbones)
        return found

    @property
    def backbones(self) -> tuple[tuple[str, str], ...]:
        """Of LPIPS, in the order of their names."""
        return tuple(sorted(self.lpips.items()))

    def _can(self, name: str) -> bool:
        return self.body == "exact" or name != "novel-view-4ref" or self.frames is not None

    def _named(self) -> str:
        """Name and size; of frames any name."""
        if self.frames is not None:
            if not self.method or "/" in self.method:
                raise InputError("METHOD", "", f"is {self.method!r}", "give the frames a name")
            if self.options or self.weights:
                field = "--weights" if self.weights else "--set"
                raise InputError(field, "", "belongs to a method", "leave it out with frames")
            return self.method
        spec, size = methods.spec(self.method)
        return f"{spec.name}-{size}"

    def load(self) -> HumanVideoPipeline:
        """The method, with the weights that are asked for.

        Raises:
            InputError: the weights are another method's, or none.
            MissingWeights: the size's weights are not on this machine.
        """
        return load_method(self.method, self.weights, self.options)

    def _reference(self, method: str) -> str:
        if self.frames is not None:
            return self.reference or "front"
        takes = [r for r in methods.spec(method)[0].reference if r in ("front", "front+back")]
        if self.reference and self.reference not in takes:
            raise InputError("--reference", "", f"{method} does not take {self.reference!r}",
                             "use one of " + ", ".join(takes))
        if not takes:
            raise InputError(method, "reference", "is no picture of a person from the front",
                             "measure its frames with --frames-from")
        return self.reference or takes[0]

    @property
    def items(self) -> list[Item]:
        """What is asked for, protocol by protocol."""
        wanted = [item for name in self.protocols for item in items(name, self.plates)]
        some = [i for i in wanted if not self.people or i.person < self.people]
        return [i.with_back() if self.reference == "front+back" else i for i in some]

    @property
    def needed(self) -> Plates:
        """The part of Plates that has to be there."""
        return replace(self.plates, people=self.people) if self.people else self.plates

    def to_dict(self) -> dict[str, Any]:
        """What scores depend on, whatever items are asked for; plain values for JSON."""
        record: dict[str, Any] = {"name": self.method, "frames": True}
        if self.frames is None:
            spec, size = methods.spec(self.method)
            record = method_record(spec, size)
            if self.weights is not None:
                record["weights"] = [{"name": "given", "sha256": digest.of_path(self.weights)}]
        return {
            "method": record, "options": dict(self.options), "body": self.body,
            "reference": self.reference, "plates": described(self.plates),
            "metrics": [metric.name for metric in with_lpips(self.backbones)],
            "lpips": {net: digest.of_file(Path(path)) for net, path in self.backbones},
            "extractors": {n: loaded_extractor(n, p).digest for n, p in self.extractors.items()},
        }


def evaluate(
    request: Evaluation,
    out: Path,
    *,
    plates_folder: Path | None = None,
    workers: int = 2,
    threads: int = 1,
    again: bool = False,
    save_frames: Path | None = None,
    listener: Listener | None = None,
) -> dict[str, Any]:
    """Measure; items that are there already, of the same method and settings, are kept.

    Args:
        request: what is measured.
        out: the output folder: new, empty, or one of the same method and settings.
        plates_folder: where Plates lie or are to be made; the user's cache by default.
        workers: processes.
        threads: of each; scores belong to their number, in the last digits.
        again: keep nothing.
        save_frames: folder to write all frames to, as ``--frames-from`` takes them.
        listener: told of progress.

    Returns:
        What ``scores.json`` says.

    Raises:
        InputError: the request can't be done, or the folder holds something else.
        MissingWeights: the method's weights are not on this machine.
        Interrupted: stopped; the same call goes on.
    """
    request = request.checked()
    if not 1 <= workers <= 256:
        raise InputError("evaluate", "--workers", f"is {workers}", "give 1 to 256")
    wanted = request.items
    if request.frames is not None:
        check_there(request.frames, wanted)
    else:
        request.load()
    root = plates_folder or cache_folder(request.plates)
    try:
        with claim(out) as work:
            _same_request(work / _REQUEST, out, request, again)
            cost = forecast(request, workers, root)
            progress = Progress(
                {"plates": cost["plates_seconds"], "items": cost["item_seconds"], "report": 1.0},
                listener,
            )
            with progress.stage("plates", str(root)) as step:
                make_plates(request.needed, root, workers=workers,
                            listener=_within(step))
            tasks = [_task(request, item, root, out, save_frames) for item in wanted]
            began = time.monotonic()
            results = _measured(tasks, workers, threads, again, progress)
            with progress.stage("report"):
                return write_report(
                    request, results, tasks, out, workers, threads, time.monotonic() - began
                )
    except KeyboardInterrupt:
        raise Interrupted(
            f"stopped; what is measured is kept in {out}. The same command again goes on"
        ) from None


def _within(step: Callable[..., None]) -> Listener:
    """Passes the making of Plates on as one stage of the evaluation."""
    return lambda event: step(event.overall, event.text)


def _task(
    request: Evaluation, item: Item, root: Path, out: Path, save: Path | None
) -> Task:
    """An item with all that it depends on."""
    depends = {**request.to_dict(), "item": item.to_dict()}
    if request.frames is not None:
        depends["files"] = digest.of_path(request.frames / item.name)
    return Task(
        item, request.plates, root.resolve(), out, digest.of_data(depends), request.method,
        dict(request.options), request.body, request.frames, save, dict(request.extractors),
        request.backbones, request.weights and request.weights.resolve(),
    )


def _measured(
    tasks: list[Task], workers: int, threads: int, again: bool, progress: Progress
) -> list[Result]:
    """Results of all tasks, in their order; those that are kept are not measured again."""
    kept = {} if again else {t.item.name: r for t in tasks if (r := kept_result(t))}
    todo = [t for t in tasks if t.item.name not in kept]
    found = dict(kept)
    with progress.stage("items", f"{len(tasks)} items, {len(kept)} are there") as step:
        pictures = sum(t.item.pictures for t in tasks)
        done = sum(r.pictures for r in kept.values())
        begun, before = time.monotonic(), done
        for result in _run(todo, workers, threads):
            found[result.item] = result
            done += result.pictures
            left = (time.monotonic() - begun) * (pictures - done) / max(done - before, 1)
            step(done / pictures, f"{len(found)} of {len(tasks)}, about {left:.0f} s left")
    return [found[t.item.name] for t in tasks]


def _run(todo: list[Task], workers: int, threads: int) -> Iterator[Result]:
    """Measures in this process where one is enough, otherwise in several."""
    if workers > 1 and len(todo) > 1:
        yield from each(todo, score_item, workers, threads)
        return
    with with_threads(threads):
        for task in todo:
            yield score_item(task)


def kept_result(task: Task) -> Result | None:
    """The result of an equal task that is already there."""
    if not (task.result_file.is_file() and task.feature_file.is_file()):
        return None
    try:
        data = read_json(task.result_file)
        result = Result(**data)
    except (InputError, TypeError):  # damaged: measured again
        return None
    return result if result.digest == task.digest else None


def _same_request(path: Path, out: Path, request: Evaluation, again: bool) -> None:
    """Refuses a folder with the scores of another method or of other settings.

    Raises:
        InputError: saying that it is so.
    """
    asked = request.to_dict()
    if path.is_file() and not again:
        there = read_json(path)
        differing = [key for key in asked if there.get(key) != asked[key]]
        if differing:
            raise InputError(
                out, "", f"holds scores of another {', '.join(differing)}",
                "name another folder with -o, or give --again",
            )
    write_json(path, asked)


def forecast(request: Evaluation, workers: int, root: Path) -> dict[str, float]:
    """Expected seconds, of one core per process; nothing is written.

    Args:
        request: checked.
        workers: processes.
        root: where Plates lie or are to be made.
    """
    from muybridge.jobs.speed import speed

    wanted = request.items
    width, height = request.plates.programme.size
    measure = _MEASURE_SECONDS * width * height / (192 * 256)
    make = 0.0
    if request.frames is None:
        spec, size = methods.spec(request.method)
        machine, cost = speed(), resolve(spec.cost_of(size))
        people = {(i.person, i.references) for i in wanted}
        make = _PERSON_SECONDS[request.body] * len(people) + sum(
            cost(Extent(len(i.views), len(i.frames), width, height), machine).seconds
            for i in wanted
        )
    pictures = sum(i.pictures for i in wanted)
    there = is_there(request.needed, root)
    return {
        "items": len(wanted), "pictures": pictures,
        "plates_seconds": 0.0 if there else plates_forecast(request.needed, workers)["seconds"],
        "item_seconds": round((make + measure * pictures) / workers, 1),
    }


def wanted(
    plates: Plates, protocols: tuple[str, ...], people: int, root: Path
) -> dict[str, Any]:
    """What somebody whose frames are measured has to make, and where it belongs.

    Args:
        plates: on which people.
        protocols: names; those of the set by default.
        people: only the first ones; 0 for all.
        root: folder of Plates.
    """
    told = []
    for name in protocols or usual(plates):
        for item in items(name, plates):
            if not people or item.person < people:
                folder = plates.folder_of(root, item.person, item.clip)
                told.append(item.to_dict() | {"clip_folder": str(folder)})
    return {"plates": described(plates), "folder": str(root), "items": told, "layout": LAYOUT}

