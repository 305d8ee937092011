"""What one photo shows of a person before anything is fitted: outline, face, skin, arms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muybridge.person.cues import PointCue, bare_arms, face_cues, hand_cues
from muybridge.person.face_detect import Face, SkinModel, find_face, skin_model
from muybridge.person.keypoints import Keypoints
from muybridge.person.observation import Observation, observe

SKIN = np.array([0.80, 0.62, 0.52])
"""Colour of skin where no face tells it, 0..1."""


@dataclass(frozen=True)
class Sight:
    """One photo, looked at.

    Attributes:
        observation: ready for fitting.
        face: where a face was found; looked for in fronts only.
        skin: of this person, learnt from the face.
    """

    observation: Observation
    face: Face | None
    skin: SkinModel

    @property
    def face_colour(self) -> np.ndarray:
        """Median colour of the cheeks and nose, 0..1 ``[3]``; a common one without a face."""
        if self.face is None:
            return SKIN
        x0, y0, x1, y1 = self.face.box
        w, h = x1 - x0, y1 - y0
        rows = slice(y0 + int(0.45 * h), y0 + int(0.75 * h))
        middle = self.observation.image[rows, x0 + int(0.25 * w) : x1 - int(0.25 * w)]
        if middle.size == 0:
            return SKIN
        return np.asarray(np.median(middle.reshape(-1, 3), 0) / 255)


def look(
    facing: str,
    image: np.ndarray,
    alpha: np.ndarray,
    *,
    keypoints: Keypoints | None = None,
    skin: SkinModel | None = None,
    exact: bool = False,
) -> Sight:
    """Looks at one photo.

    Args:
        facing: ``"front"``, ``"back"`` or ``"side"``.
        image: ``[H, W, 3]`` uint8 RGB.
        alpha: ``[H, W]`` 0..1, the person; some pixel must exceed 0.5.
        keypoints: of the body in it.
        skin: learnt from another photo of the person, for one without a face.
        exact: body and pose are known, so no points of face, hands and arms are looked for.
    """
    mask = alpha > 0.5
    face = find_face(image, mask) if facing == "front" else None
    model = skin_model(image, mask, face, reference=skin)
    likeness = model.likelihood(image) * mask
    cues: list[PointCue] = []
    arms: dict[str, np.ndarray] = {}
    if not exact:
        if face is not None and _has_no_face_points(keypoints):
            x0, y0, x1, y1 = face.box
            cues += face_cues((x0, y0, x1 - x0, y1 - y0))
        bottom = float(face.box[3]) if face is not None else 0.0
        arms = bare_arms(likeness, mask, facing, bottom)
        if facing == "front":
            cues += hand_cues(arms, float(np.ptp(np.nonzero(mask)[0])))
    return Sight(
        observe(
            facing, image, alpha, skin=likeness.astype(np.float32),
            keypoints=_as_array(keypoints), cues=cues,
            bare=np.logical_or.reduce(list(arms.values())) if arms else None,
        ),
        face, model,
    )


def _has_no_face_points(keypoints: Keypoints | None) -> bool:
    return keypoints is None or float(keypoints.confidence[:3].min()) < 0.5


def _as_array(keypoints: Keypoints | None) -> np.ndarray | None:
    if keypoints is None:
        return None
    return np.concatenate([keypoints.xy, keypoints.confidence[:, None]], 1).astype(np.float32)
