"""From photos to a person: matte, body, clothes, colours, and how sure each was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike

import numpy as np
import torch

from muybridge.body import AnnyBody, Part, Shape, load_anny
from muybridge.body.anny import PHENOTYPES
from muybridge.errors import InputError
from muybridge.motion import Motion, load_motion
from muybridge.person.body_fit import R_CAM_WORLD, BodyFit, BodyFitter, shaped_body
from muybridge.person.charts import unroll, zero_pose_vertices
from muybridge.person.cues import PointCue, bare_arms, face_cues, hairless, hand_cues, scalp
from muybridge.person.face_detect import find_face, skin_model
from muybridge.person.garment import Dressed, dress
from muybridge.person.head_fill import Seen, fill_head, spread_over
from muybridge.person.keypoints import Keypoints, detect_keypoints, read_keypoints
from muybridge.person.matte import matte
from muybridge.person.observation import Observation, observe
from muybridge.person.person import Person, Photo
from muybridge.person.photo import PhotoInput, read_photo
from muybridge.person.texture import Layout as TextureLayout
from muybridge.person.texture import (
    Patches,
    Spread,
    View,
    accept,
    at_vertices,
    compose,
    level_colours,
    look_up,
    merge,
)

Picture = str | PathLike[str] | np.ndarray
_LOW = 0.6
"""Confidence below this is said in words."""
_SKIN = np.array([0.80, 0.62, 0.52])


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
    skin_colour = _SKIN
    reference = None
    for i, photo in enumerate(photos):
        tell(0.02 + 0.10 * i, f"cutting out the {photo.name}")
        alpha, sure, notes = _matte(photo)
        confidence[f"{photo.name}.matte"] = sure
        warnings += [f"{photo.name}: {n}" for n in notes]
        own = _keypoints(photo, keypoints if photo.name == "front" else back_keypoints, alpha)
        face = find_face(photo.image, alpha > 0.5) if photo.name == "front" else None
        model = skin_model(photo.image, alpha > 0.5, face, reference=reference)
        if face is not None:
            reference = model
            skin_colour = _face_colour(photo.image, face.box)
        skin = model.likelihood(photo.image) * (alpha > 0.5)
        cues: list[PointCue] = []
        if photo.name == "front":
            confidence["face"] = face.score if face is not None else 0.0
            if face is None:
                warnings.append("front: no face was found; it may sit wrongly on the head")
        if face is not None and _has_no_face_points(own):
            x0, y0, x1, y1 = face.box
            cues += face_cues((x0, y0, x1 - x0, y1 - y0))
        bottom = float(face.box[3]) if face is not None else 0.0
        arms = bare_arms(skin, alpha > 0.5, photo.name, bottom)
        if photo.name == "front":
            cues += hand_cues(arms, float(np.ptp(np.nonzero(alpha > 0.5)[0])))
        alphas.append(alpha)
        observations.append(
            observe(
                photo.name, photo.image, alpha, skin=skin.astype(np.float32),
                keypoints=_as_array(own), cues=cues,
                bare=np.logical_or.reduce(list(arms.values())) if arms else None,
            )
        )
    body = load_anny()
    start = _starting_pose(fit, len(photos))
    fitter = BodyFitter(body, observations, start)
    with one_thread():
        found = fitter.fit(progress=lambda f: tell(0.22 + 0.36 * f, "fitting the body"))
    tell(0.58, "fitting clothes, hair and shoes")
    shaped = shaped_body(body, found)
    dressed = dress(body, shaped, found, observations)
    tell(0.75, "taking the colours")
    texture, seen = _colours(body, dressed, observations, skin_colour)
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
        confidence[f"{o.facing}.outline"] = _agreement(person, k, o)
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


def _face_colour(image: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """Median colour of the cheeks and nose, 0..1 ``[3]``."""
    x0, y0, x1, y1 = box
    w, h = x1 - x0, y1 - y0
    middle = image[y0 + int(0.45 * h) : y0 + int(0.75 * h), x0 + int(0.25 * w) : x1 - int(0.25 * w)]
    if middle.size == 0:
        return _SKIN
    return np.asarray(np.median(middle.reshape(-1, 3), 0) / 255)


def _keypoints(
    photo: PhotoInput, file: str | PathLike[str] | None, alpha: np.ndarray
) -> Keypoints | None:
    """The user's keypoints of a photo (in that photo's pixels), or an installed detector's."""
    if file is None:
        return detect_keypoints(photo.image, alpha > 0.5)
    height, width = photo.image.shape[:2]
    return read_keypoints(file, width, height)


def _has_no_face_points(keypoints: Keypoints | None) -> bool:
    return keypoints is None or float(keypoints.confidence[:3].min()) < 0.5


def _as_array(keypoints: Keypoints | None) -> np.ndarray | None:
    if keypoints is None:
        return None
    return np.concatenate([keypoints.xy, keypoints.confidence[:, None]], 1).astype(np.float32)


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


def _colours(
    body: AnnyBody, dressed: Dressed, observations: list[Observation], skin: np.ndarray
) -> tuple[np.ndarray, float]:
    layout = TextureLayout.of(body.mesh)
    charts = unroll(dressed.body, zero_pose_vertices(dressed.body, dressed.offsets))
    patches = Patches.of(layout, charts)
    looked = [
        look_up(layout, body.mesh, View(o, camera, vertices))
        for o, camera, vertices in zip(
            observations, dressed.cameras, dressed.posed, strict=True
        )
    ]
    seen = [accept(patches, one) for one in looked]
    colours = level_colours(layout, dressed.graph, [one.colour for one in looked], seen)
    blend = merge(colours, seen)
    likeness = merge([one.skin for one in looked], seen)
    best = np.max(np.stack(seen), 0)
    vertices = at_vertices(
        layout, len(charts.along), blend, np.where(best > 0.13, best, 0), likeness
    )
    parts = body.mesh.parts.numpy()
    head = np.isin(parts, (int(Part.HEAD), int(Part.NECK)))
    on_head = Seen(vertices.colour, vertices.trust * head, vertices.skin)
    ears = body.masks["ears"].numpy()
    spread = Spread(
        spread_over(dressed.graph, vertices),
        fill_head(
            dressed.graph, on_head, ears=ears, face=hairless(body), scalp=scalp(body), skin=skin
        ),
    )
    return compose(layout, patches, charts, blend, best, spread, len(observations) == 1)


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


def _agreement(person: Person, index: int, o: Observation) -> float:
    """Overlap (IoU) of the rendered person with the matte."""
    drawn = person.render_photo(index)[..., 3] > 127
    return float((drawn & o.mask).sum() / max(int((drawn | o.mask).sum()), 1))


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
