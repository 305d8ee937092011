"""What one process does for ``muybridge evaluate``: an item, from its person to its scores."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import torch

from muybridge import methods
from muybridge.body import JOINT_INDEX
from muybridge.camera import Cameras
from muybridge.data.record import Clip, Reference
from muybridge.errors import InputError
from muybridge.evaluation.extractors import cut, extractor
from muybridge.evaluation.extractors.extractor import Extractor
from muybridge.evaluation.frames import Made, read_frames, rounded, write_frames
from muybridge.evaluation.manifest import check, manifest_of
from muybridge.evaluation.metrics import scores_of, with_lpips
from muybridge.evaluation.plates import Plates, reference_of
from muybridge.evaluation.protocols import Item
from muybridge.evaluation.sample import Sample, over_ground
from muybridge.evaluation.summary import Result
from muybridge.jobs import digest
from muybridge.jobs.files import write_json
from muybridge.jobs.versions import code
from muybridge.methods.background import Background
from muybridge.methods.pipeline import HumanVideoPipeline, spread
from muybridge.motion import Motion
from muybridge.person import Person
from muybridge.video import write_image
from muybridge.video.atomic import replacing

BodyKind = Literal["exact", "fitted"]
STRIP = 6
"""Pictures of an item that are kept to be looked at."""
_PERSONS = ".persons"
"""Folder in Plates where people who were dressed or fitted are kept, for all methods."""
_ROOMS = ("body", "camera", "motion", "person", "render", "video")
"""Of the program, that people come from."""
_LIMBS = tuple(f"{side}_{part}" for side in ("left", "right") for part in
               ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")) + ("neck", "head")
_CLEAR = Background("transparent")


@dataclass(frozen=True)
class Task:
    """An item to measure, with all that it depends on; plain, for other processes.

    Attributes:
        item: what is made.
        plates, root: whose pictures are true, and where they lie.
        out: folder of the evaluation.
        digest: of everything that the scores depend on.
        method: name and size; not used where ``frames`` are given.
        options: of its loader.
        body: known exactly, or fitted to the reference.
        frames: folder of somebody's frames.
        save: folder to write the frames to.
        extractors: of sets, by the name of their score: the path of their weights, or nothing.
        lpips: names of backbones and the paths of their weights.
        weights: folder of the method's weights, in place of the size's own.
    """

    item: Item
    plates: Plates
    root: Path
    out: Path
    digest: str
    method: str
    options: Mapping[str, Any] = field(default_factory=dict)
    body: BodyKind = "exact"
    frames: Path | None = None
    save: Path | None = None
    extractors: Mapping[str, str] = field(default_factory=dict)
    lpips: tuple[tuple[str, str], ...] = ()
    weights: Path | None = None

    @property
    def result_file(self) -> Path:
        """Where its scores are kept."""
        return self.out / "items" / f"{self.item.name}.json"

    @property
    def strip_file(self) -> Path:
        """Where a few of its pictures are kept: above the truth, below what was made."""
        return self.result_file.with_suffix(".png")

    @property
    def feature_file(self) -> Path:
        """Where its features are kept, for the scores of sets."""
        return self.result_file.with_suffix(".npz")


def score_item(task: Task) -> Result:
    """Makes an item, measures it, and keeps the scores.

    Raises:
        InputError: Plates are damaged or others, or the frames that were given can't be used.
    """
    whole = task.plates.read(task.root, task.item.person, task.item.clip).loaded()
    known = manifest_of(task.plates).get(f"{task.item.person:02d}/{task.item.clip}")
    status = check(whole, known)
    truth = task.item.truth(whole)
    times = Times()
    if task.frames is not None:
        made = read_frames(task.frames, task.item, truth.size)
    else:
        made, times = _make(task, whole, truth)
    if task.save is not None:
        write_frames(task.save, task.item, made)
    shot = truth.read()
    sample = Sample(
        made.on_ground, rounded(over_ground(shot.frames, shot.matte)), shot.matte, truth,
        made.matte,
    )
    scores = scores_of(sample, with_lpips(task.lpips))
    task.result_file.parent.mkdir(parents=True, exist_ok=True)
    _keep_strip(task.strip_file, sample)
    _keep_features(task, sample)
    result = Result(
        task.item.name, task.item.protocol, task.item.pictures, scores, times.method,
        times.person, times.yardstick, status, task.digest, code(),
    )
    write_json(task.result_file, told(result))
    return result


def told(result: Result) -> dict[str, Any]:
    """A result as plain values; floats are kept whole."""
    return {
        "item": result.item, "protocol": result.protocol, "pictures": result.pictures,
        "scores": dict(result.scores), "seconds": result.seconds,
        "person_seconds": result.person_seconds, "yardstick": result.yardstick,
        "truth": result.truth, "digest": result.digest, "code": result.code,
    }


# --------------------------------------------------------------------------- making


class Times(NamedTuple):
    """Seconds of an item: of the method, of its person, and of a picture of the avatar's."""

    method: float = 0.0
    person: float = 0.0
    yardstick: float = 0.0


def _make(task: Task, whole: Clip, truth: Clip) -> tuple[Made, Times]:
    """The item's pictures by a method, and how long they took."""
    began = time.perf_counter()
    person = person_of(task, whole)
    waited = time.perf_counter() - began
    cameras = truth.cameras if task.body == "exact" else to_scale(truth, person)
    pipeline = _pipeline(task, person, truth.motion, cameras)
    unit = yardstick(person, truth.motion, cameras)
    began = time.perf_counter()
    video = pipeline(person, truth.motion, cameras, seed=task.item.seed, background=_CLEAR)
    took = time.perf_counter() - began
    return Made.of(video.frames.cpu(), video.matte.cpu()), Times(took, waited, unit)


_pipelines: dict[tuple[str, str, str], HumanVideoPipeline] = {}


def load_method(
    method: str, weights: Path | None, options: Mapping[str, Any]
) -> HumanVideoPipeline:
    """A method, or a folder of weights of it.

    Args:
        method: name and size.
        weights: the folder, if any.
        options: of the loader.

    Raises:
        InputError: the weights are another method's, or none.
        MissingWeights: the size's weights are not on this machine.
    """
    if weights is None:
        return cast(HumanVideoPipeline, methods.load(method, **options))
    loaded: HumanVideoPipeline = methods.load(weights, **options)
    if loaded.spec.name != methods.spec(method)[0].name:
        raise InputError(
            weights, "", f"holds weights of {loaded.spec.name}, not of {method}",
            "name their method",
        )
    return loaded


def _pipeline(
    task: Task, person: Person, motion: Motion, cameras: Cameras
) -> HumanVideoPipeline:
    """The method, loaded once in a process; it has made a picture before it is timed."""
    key = (task.method, str(task.weights), repr(sorted(task.options.items())))
    if key not in _pipelines:
        _pipelines.clear()
        loaded = load_method(task.method, task.weights, task.options)
        loaded(person, motion.slice(0, 1), cameras.select([0]).slice(0, 1), background=_CLEAR)
        _pipelines[key] = loaded
    return _pipelines[key]


_measured: dict[tuple[int, ...], float] = {}


def yardstick(person: Person, motion: Motion, cameras: Cameras) -> float:
    """Seconds of the avatar for a picture of this size in this process; measured once.

    Methods are compared by how many times as long they take.
    """
    key = (cameras.width, cameras.height, torch.get_num_threads())
    if key not in _measured:
        avatar = methods.load("avatar")
        count = min(cameras.frames, 2)
        part, seen = motion.slice(0, count), cameras.slice(0, count)
        avatar(person, part, seen, background=_CLEAR)  # compiles, where something compiles
        began = time.perf_counter()
        avatar(person, part, seen, background=_CLEAR)
        _measured[key] = (time.perf_counter() - began) / (count * cameras.views)
    return _measured[key]


def person_of(task: Task, clip: Clip) -> Person:
    """The item's person: as kept in Plates by an earlier item, or made of its references.

    People of the common references are kept, for other items and other methods.
    """
    references = [reference_of(clip, name) for name in task.item.references]
    if task.item.references[0] != "front":
        return _person(task.body, clip, references)
    folder = task.root / _PERSONS / _key(task.body, clip, references)
    if folder.is_dir():
        with suppress(InputError):  # damaged: made again
            return Person.load(folder)
    person = _person(task.body, clip, references)
    with suppress(InputError, OSError):  # a folder that can't be written
        if not folder.is_dir():
            person.save(folder)
    return person


def _key(body: BodyKind, clip: Clip, references: list[Reference]) -> str:
    """What a person depends on: pictures, cameras, poses, shape and the program."""
    total = hashlib.sha256()
    for r in references:
        for array in (r.rgba, r.camera.K, r.camera.T_cam_world, r.pose.R_parent_joint,
                      r.pose.root_position):
            total.update(np.ascontiguousarray(array).tobytes())
    return digest.of_data([body, repr(clip.shape), total.hexdigest(), code(_ROOMS)])[:20]


def _person(body: BodyKind, clip: Clip, references: list[Reference]) -> Person:
    if body == "exact":
        return Person.from_known(*references, shape=clip.shape)
    front, back = (*(r.rgba for r in references), None)[:2]
    assert front is not None
    return Person.from_photo(front, back, layout="single")


def to_scale(truth: Clip, person: Person) -> Cameras:
    """Cameras that show a fitted person as large as the true one.

    A photo does not tell how large somebody is, and motions are taken over to the person's
    own proportions; so the cameras' places are scaled by the ratio of the two bodies.
    """
    at = [JOINT_INDEX[name] for name in _LIMBS]
    body = truth.motion.rest_joints
    if body is None:
        return truth.cameras
    true, own = (joints[at] - joints[at].mean(0) for joints in (body, person.rest_joints))
    scale = float((true * own).sum() / (true * true).sum())
    T = truth.cameras.T_cam_world.clone()
    T[..., :3, 3] *= scale
    return replace(truth.cameras, T_cam_world=T)


# --------------------------------------------------------------------------- keeping


def _keep_strip(path: Path, sample: Sample) -> None:
    """A few pictures, the truth above what was made."""
    made, truth = sample.made.flatten(0, 1), sample.truth.flatten(0, 1)
    shown = spread(len(made), STRIP)
    rows = [torch.cat(list(pictures[shown]), 2) for pictures in (truth, made)]
    write_image(path, torch.cat(rows, 1))


def _keep_features(task: Task, sample: Sample) -> None:
    """Features of the truth and of what was made, by every extractor that can take the item."""
    arrays: dict[str, np.ndarray] = {}
    for name, path in task.extractors.items():
        taken = loaded_extractor(name, path)
        if sample.made.shape[1] < taken.length:
            continue
        for side in ("made", "truth"):
            items = cut(getattr(sample, side), taken, task.item.name)
            arrays[f"{side}:{name}"] = taken.features(items).numpy()
    with replacing(task.feature_file) as part:
        np.savez(part, **arrays)  # type: ignore[arg-type]


@cache
def loaded_extractor(name: str, path: str) -> Extractor:
    """An extractor, loaded once in a process."""
    return extractor(name, Path(path) if path else None)
