"""From photos to a person: matte, body, clothes, colours, and how sure each was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike

import numpy as np
import torch

from muybridge.body import Shape, load_anny
from muybridge.body.anny import PHENOTYPES
from muybridge.errors import InputError
from muybridge.motion import Motion, load_motion
from muybridge.person.body_fit import R_CAM_WORLD, BodyFit, BodyFitter, shaped_body
from muybridge.person.colouring import agreement, take_colours
from muybridge.person.face_detect import SkinModel
from muybridge.person.garment import Dressed, dress
from muybridge.person.keypoints import Keypoints, detect_keypoints, read_keypoints
from muybridge.person.matte import matte
from muybridge.person.observation import Observation
from muybridge.person.person import Person, Photo
from muybridge.person.photo import PhotoInput, read_photo
from muybridge.person.sight import SKIN, look

Picture = str | PathLike[str] | np.ndarray
_LOW = 0.6
"""Confidence below this is said in words."""


def person_from_photo(
    front: Picture,
    back: Picture | None = None,
    mask: Picture | None = None,
    fit: str | PathLike[str] | Motion | None = None,
    layout: str = "auto",
    *,
    back_mask: Picture | None = None,
    keypoints: str | PathLike[str] | None = None,
    back_keypoints: str | PathLike[str] | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Person:
    """Fits a person to photos; see :meth:`muybridge.person.Person.from_photo`."""

    def tell(done: float, what: str) -> None:
        if progress is not None:
            progress(done, what)

    tell(0.0, "reading the photos")
    photos = read_photo(front, back, mask, back_mask, layout)
    confidence: dict[str, float] = {}
    warnings: list[str] = []
    observations: list[Observation] = []
    alphas: list[np.ndarray] = []
    skin_colour = SKIN
    reference: SkinModel | None = None
    for i, photo in enumerate(photos):
        tell(0.02 + 0.10 * i, f"cutting out the {photo.name}")
        alpha, sure, notes = _matte(photo)
        confidence[f"{photo.name}.matte"] = sure
        warnings += [f"{photo.name}: {n}" for n in notes]
        own = _keypoints(photo, keypoints if photo.name == "front" else back_keypoints, alpha)
        sight = look(photo.name, photo.image, alpha, keypoints=own, skin=reference)
        if sight.face is not None:
            reference = sight.skin
            skin_colour = sight.face_colour
        if photo.name == "front":
            confidence["face"] = sight.face.score if sight.face is not None else 0.0
            if sight.face is None:
                warnings.append("front: no face was found; it may sit wrongly on the head")
        alphas.append(alpha)
        observations.append(sight.observation)
    body = load_anny()
    start = _starting_pose(fit, len(photos))
    fitter = BodyFitter(body, observations, start)
    with one_thread():
        found = fitter.fit(progress=lambda f: tell(0.22 + 0.36 * f, "fitting the body"))
    tell(0.58, "fitting clothes, hair and shoes")
    shaped = shaped_body(body, found)
    dressed = dress(body, shaped, found, observations)
    tell(0.75, "taking the colours")
    texture, seen = take_colours(body, dressed, observations, skin_colour)
    confidence["seen"] = seen
    values = dict(zip(PHENOTYPES, found.phenotypes.tolist(), strict=True))
    shape = Shape(**values)
    person = Person(
        shape, body.name, dressed.offsets, texture,
        tuple(_photo(o, a, found, dressed, k) for k, (o, a) in
              enumerate(zip(observations, alphas, strict=True))),
    )
    tell(0.92, "checking")
    for k, o in enumerate(observations):
        confidence[f"{o.facing}.outline"] = agreement(person, k, o.mask)
    if len(photos) == 1:
        warnings.append("the back is inferred from the front; give a photo of it with --back")
    warnings += _in_words(confidence)
    tell(1.0, "done")
    return Person(
        person.shape, person.body, person.offsets, person.texture, person.photos,
        {k: round(float(v), 4) for k, v in confidence.items()}, tuple(dict.fromkeys(warnings)),
        photos[0].notes,
    )


@contextmanager
def one_thread() -> Iterator[None]:
    """Runs torch on one thread: the fit's many small steps only lose by sharing out."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _matte(photo: PhotoInput) -> tuple[np.ndarray, float, list[str]]:
    if photo.alpha is not None:
        return photo.alpha, 1.0, []
    found = matte(photo.image)
    return found.alpha, float(found.confidence), list(found.notes)


def _keypoints(
    photo: PhotoInput, file: str | PathLike[str] | None, alpha: np.ndarray
) -> Keypoints | None:
    """The user's keypoints of a photo (in that photo's pixels), or an installed detector's."""
    if file is None:
        return detect_keypoints(photo.image, alpha > 0.5)
    height, width = photo.image.shape[:2]
    return read_keypoints(file, width, height)


def _starting_pose(
    fit: str | PathLike[str] | Motion | None, photos: int
) -> torch.Tensor | None:
    """Poses ``[K, 55, 3, 3]`` of an imported fit, its frames in the photos' order."""
    if fit is None:
        return None
    motion = fit if isinstance(fit, Motion) else load_motion(str(fit))
    if motion.frames < 1:
        raise InputError("fit", "", "holds no frame", "give the pose in the photo")
    index = [min(k, motion.frames - 1) for k in range(photos)]
    return motion.R_parent_joint[index].clone()


def _photo(
    o: Observation, alpha: np.ndarray, fit: BodyFit, dressed: Dressed, k: int
) -> Photo:
    """The photo with its camera, in a world where the person stands over the origin."""
    surface = dressed.posed[k]
    root = fit.root_position[k]
    center = torch.tensor([float(root[0]), float(surface[:, 1].min()), float(root[2])])
    T = torch.eye(4)
    T[:3, :3] = R_CAM_WORLD
    T[:3, 3] = R_CAM_WORLD @ center
    camera = dressed.cameras[k]
    K = torch.tensor(
        [[camera.focal, 0, camera.center[0]], [0, camera.focal, camera.center[1]], [0, 0, 1.0]]
    )
    return Photo(
        o.facing, o.image, alpha.astype(np.float32), K, T, fit.R_parent_joint[k].clone(),
        root - center, dressed.drape[k].clone(),
    )


def _in_words(confidence: dict[str, float]) -> list[str]:
    said = []
    for name, value in confidence.items():
        side, _, what = name.partition(".")
        if what == "matte" and value < _LOW:
            said.append(f"{side}: unsure where the person ends ({value:.0%}); give --mask")
        if what == "outline" and value < 0.93:
            said.append(
                f"{side}: the fitted person covers the photo's only to {value:.0%}; "
                "the pose, a skirt or a carried thing may be beyond this fit"
            )
        if name == "seen" and value < 0.25:
            said.append(f"only {value:.0%} of the surface was seen; the rest is continued")
    return said
