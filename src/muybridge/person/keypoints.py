"""2D body keypoints of a photo: from a user's file, or from mediapipe where installed.

All are turned to the 17 points of COCO. Read are COCO results (17 points, flat or nested),
OpenPose and DWPose JSON (BODY_18 / BODY_25, ``pose_keypoints_2d``) and MediaPipe's 33
landmarks (pixels, or 0..1 of the picture).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from muybridge.errors import InputError

COCO_NAMES = (
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)
"""COCO's points; left and right are the person's own."""

_FROM_MEDIAPIPE = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)
_FROM_BODY_18 = (0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10)
_FROM_BODY_25 = (0, 16, 15, 18, 17, 5, 2, 6, 3, 7, 4, 12, 9, 13, 10, 14, 11)
_BY_COUNT = {17: tuple(range(17)), 18: _FROM_BODY_18, 25: _FROM_BODY_25, 33: _FROM_MEDIAPIPE}
_LIMIT = 32 * 1024 * 1024


@dataclass(frozen=True)
class Keypoints:
    """COCO's 17 points in one photo.

    Attributes:
        xy: float32 ``[17, 2]`` pixels; (0, 0) is the corner of the picture.
        confidence: float32 ``[17]`` in 0..1; 0 where a point is missing.
        source: where they come from.
    """

    xy: np.ndarray
    confidence: np.ndarray
    source: str


def _bad(source: str, field: str, problem: str) -> InputError:
    return InputError(
        source, field, problem, "give COCO-17, OpenPose, DWPose or MediaPipe keypoints as JSON"
    )


def _numbers(values: Any, source: str, field: str) -> np.ndarray:
    """A flat or nested list of points, or of objects with x and y, as ``[N, 3]``."""
    if not isinstance(values, list) or not values:
        raise _bad(source, field, "is no list of points")
    if len(values) > 4096:
        raise _bad(source, field, f"holds {len(values)} entries")
    if all(isinstance(v, Mapping) for v in values):
        rows = []
        for v in values:
            sure = v.get("visibility", v.get("score", v.get("confidence", 1.0)))
            rows.append([v.get("x"), v.get("y"), sure])
        values = rows
    if all(isinstance(v, list) for v in values):
        if {len(v) for v in values} == {2}:
            values = [[*v, 1.0] for v in values]
        if {len(v) for v in values} == {4}:
            values = [[v[0], v[1], v[3]] for v in values]
        if {len(v) for v in values} != {3}:
            raise _bad(source, field, "its points are not all x, y, confidence")
        flat = [x for v in values for x in v]
    else:
        flat = values
    for x in flat:
        if x is not None and (isinstance(x, bool) or not isinstance(x, (int, float))):
            raise _bad(source, field, "holds something that is no number")
    try:
        array = np.array([math.nan if x is None else float(x) for x in flat], np.float64)
    except OverflowError:
        raise _bad(source, field, "holds a number out of range") from None
    if array.size % 3 or array.size // 3 not in _BY_COUNT:
        raise _bad(source, field, f"holds {array.size} numbers: no known set of points")
    return array.reshape(-1, 3)


def _best_person(people: list[Any], source: str) -> Any:
    """Of several people, the one with the most confident points."""
    if not people:
        raise _bad(source, "people", "is empty")
    best, best_score = people[0], -1.0
    for person in people[:64]:
        values = (
            person.get("pose_keypoints_2d", person.get("keypoints"))
            if isinstance(person, Mapping)
            else person
        )
        try:
            points = _numbers(values, source, "people")
        except InputError:
            continue
        score = float(np.nansum(np.clip(points[:, 2], 0, 2)))
        if score > best_score:
            best, best_score = person, score
    return best


def _find_points(data: Any, source: str) -> np.ndarray:
    if isinstance(data, list) and data and all(isinstance(v, Mapping) for v in data):
        keyed = [v for v in data if "keypoints" in v or "pose_keypoints_2d" in v]
        if keyed:
            data = {"people": keyed}
    if isinstance(data, Mapping):
        for name in ("people", "annotations", "instances", "instance_info"):
            if isinstance(data.get(name), list):
                data = _best_person(data[name], source)
                break
    if isinstance(data, Mapping):
        for name in ("pose_keypoints_2d", "keypoints", "pose_landmarks", "landmarks"):
            values = data.get(name)
            if isinstance(values, Mapping):
                values = values.get("landmark")
            if values is not None:
                scores = data.get("keypoint_scores")
                nested = isinstance(values, list) and all(isinstance(v, list) for v in values)
                if nested and isinstance(scores, list) and len(scores) == len(values):
                    values = [[*v[:2], s] for v, s in zip(values, scores, strict=True)]
                return _numbers(values, source, name)
        raise _bad(source, "", "has none of people, keypoints, pose_keypoints_2d, landmarks")
    return _numbers(data, source, "")


def to_coco(points: np.ndarray, width: int, height: int, source: str) -> Keypoints:
    """Points ``[17 | 18 | 25 | 33, 3]`` of any known set as COCO-17 in pixels.

    Coordinates that all lie in 0..1 are taken as shares of the picture.
    """
    chosen = points[list(_BY_COUNT[len(points)])]
    missing = ~np.isfinite(chosen).all(1) | (chosen[:, 2] <= 0)
    xy = np.where(missing[:, None], 0.0, chosen[:, :2])
    sure = np.where(missing, 0.0, np.clip(np.where(missing, 0, chosen[:, 2]), 0, 1))
    seen = xy[~missing]
    if len(seen) and np.abs(seen).max() <= 2.0:
        xy = xy * np.array([width, height])
    if (np.abs(xy) > 1e6).any():
        raise _bad(source, "", "has points far outside the picture")
    outside = (xy < -0.1 * width).any(1) | (xy[:, 0] > 1.1 * width) | (xy[:, 1] > 1.1 * height)
    sure = np.where(outside, 0.0, sure)
    if (sure > 0.05).sum() < 4:
        raise _bad(source, "", "shows fewer than 4 points inside the picture")
    return Keypoints(xy.astype(np.float32), sure.astype(np.float32), source)


def read_keypoints(path: str | PathLike[str], width: int, height: int) -> Keypoints:
    """Read a user's keypoint file for a photo of ``width`` x ``height`` pixels.

    Raises:
        InputError: no such file, no JSON, or nothing in it that is a known set of points.
    """
    source = str(path)
    file = Path(path)
    if not file.is_file():
        raise InputError(source, "", "there is no such file", "give a keypoint JSON")
    if file.stat().st_size > _LIMIT:
        raise InputError(source, "", "is larger than 32 MB", "give the keypoints of one photo")
    try:
        data = json.loads(file.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise _bad(source, "", f"is no JSON ({type(error).__name__})") from error
    return to_coco(_find_points(data, source), width, height, source)


def detect_keypoints(image: np.ndarray, mask: np.ndarray | None = None) -> Keypoints | None:
    """Find keypoints with mediapipe (extra ``keypoints``); None without it or without a find.

    Args:
        image: uint8 RGB ``[H, W, 3]``.
        mask: ``[H, W]`` bool, the person; others are painted out and points off the
            person lose confidence.
    """
    try:
        from mediapipe.python.solutions import pose  # type: ignore[import-not-found, unused-ignore]
    except (ImportError, AttributeError):
        return None
    height, width = image.shape[:2]
    x0, y0, x1, y1 = 0, 0, width, height
    if mask is not None and mask.any():
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        pad = round(0.08 * (rows[-1] - rows[0] + 1))
        x0, x1 = max(0, int(columns[0]) - pad), min(width, int(columns[-1]) + pad + 1)
        y0, y1 = max(0, int(rows[0]) - pad), min(height, int(rows[-1]) + pad + 1)
    crop = np.ascontiguousarray(image[y0:y1, x0:x1])
    with pose.Pose(static_image_mode=True, model_complexity=1) as finder:
        found = finder.process(crop).pose_landmarks
    if found is None:
        return None
    points = np.array(
        [
            [m.x * (x1 - x0) + x0, m.y * (y1 - y0) + y0, max(m.visibility, 1e-3)]
            for m in found.landmark
        ]
    )
    if np.abs(points[:, :2]).max() <= 2.0:
        return None
    try:
        result = to_coco(points, width, height, "mediapipe")
    except InputError:
        return None
    if mask is None:
        return result
    x = np.clip(result.xy[:, 0].astype(int), 0, width - 1)
    y = np.clip(result.xy[:, 1].astype(int), 0, height - 1)
    on = mask[y, x]
    return Keypoints(
        result.xy, np.where(on, result.confidence, 0.3 * result.confidence), "mediapipe"
    )
