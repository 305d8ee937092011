"""What a photo says about the body in it, gathered once before fitting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from muybridge.person.contours import Outline, outline
from muybridge.person.cues import PointCue

FIT_HEIGHT = 300.0
"""Height of the person in the picture that the body is fitted to, pixels."""
FINE_HEIGHT = 900.0
"""Height of the person in the picture that the outline is finished on, pixels."""


@dataclass(frozen=True)
class Observation:
    """One photo, ready for fitting.

    Attributes:
        facing: ``"front"`` or ``"back"``.
        image: ``[H, W, 3]`` uint8 RGB.
        mask: ``[H, W]`` bool, the person.
        box: left, top, right, bottom of the person, pixels.
        core: ``[H, W]`` bool, pixels that show nothing but the person.
        contour: outline of ``mask``, in photo pixels, traced at fitting size.
        fine: the same traced at full size (at most :data:`FINE_HEIGHT`).
        skin: ``[H, W]`` float32 0..1, how much each pixel looks like this person's skin;
            ``None`` where no face was found to learn it from.
        keypoints: ``[17, 3]`` COCO points (x, y in pixels, confidence), or ``None``.
        cues: points of the face and the hands, where found.
        bare: ``[H, W]`` bool, skin of bare arms beside the body, where found.
    """

    facing: str
    image: np.ndarray
    mask: np.ndarray
    box: tuple[int, int, int, int]
    core: np.ndarray
    contour: Outline
    fine: Outline
    skin: np.ndarray | None = None
    keypoints: np.ndarray | None = None
    cues: tuple[PointCue, ...] = ()
    bare: np.ndarray | None = None

    @property
    def height(self) -> float:
        """Height of the person, pixels."""
        return float(self.box[3] - self.box[1])

    @property
    def scale(self) -> float:
        """Photo pixels per pixel of the fitting size (at least 1)."""
        return max(self.height / FIT_HEIGHT, 1.0)

    @property
    def fine_scale(self) -> float:
        """Photo pixels per pixel of the finishing size (at least 1)."""
        return max(self.height / FINE_HEIGHT, 1.0)

    def size_at(self, scale: float) -> tuple[int, int]:
        """Height and width of the whole photo at a scale."""
        h, w = self.mask.shape
        return int(np.ceil(h / scale)), int(np.ceil(w / scale))


def observe(
    facing: str,
    image: np.ndarray,
    alpha: np.ndarray,
    *,
    skin: np.ndarray | None = None,
    keypoints: np.ndarray | None = None,
    cues: Sequence[PointCue] = (),
    bare: np.ndarray | None = None,
) -> Observation:
    """Gathers a photo for fitting.

    Args:
        facing: ``"front"`` or ``"back"``.
        image: ``[H, W, 3]`` uint8 RGB.
        alpha: ``[H, W]`` 0..1, the person; some pixel must exceed 0.5.
        skin, keypoints, cues, bare: see :class:`Observation`.
    """
    mask = alpha > 0.5
    rows, columns = np.nonzero(mask)
    box = (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
    height = box[3] - box[1]
    inset = 2 * max(1, round(0.0015 * height)) + 1
    core = cv2.erode((alpha > 0.97).astype(np.uint8), np.ones((inset, inset), np.uint8)) > 0
    contour, fine = (_trace(mask, max(height / s, 1.0)) for s in (FIT_HEIGHT, FINE_HEIGHT))
    return Observation(
        facing, image, mask, box, core if core.any() else mask, contour, fine, skin, keypoints,
        tuple(cues), bare,
    )


def _trace(mask: np.ndarray, scale: float) -> Outline:
    """The outline of a mask, traced at a smaller size, in the mask's own pixels."""
    h, w = mask.shape
    size = int(np.ceil(w / scale)), int(np.ceil(h / scale))
    # an exact multiple of the scale, so that pixel (i, j) there is i * scale, j * scale here
    matrix = np.array([[1 / scale, 0, 0.5 / scale - 0.5], [0, 1 / scale, 0.5 / scale - 0.5]])
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(scale / 2.4, 0.3))
    small = cv2.warpAffine(soft, matrix, size, flags=cv2.INTER_LINEAR) > 0.5
    return outline(small, scale)
