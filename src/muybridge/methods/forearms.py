"""Where the hands of a filmed person are, told by keypoints of the body.

Any detector's file will do (:mod:`muybridge.person.keypoints`). Places are shares of the picture's
width and height, so pictures may be reduced.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError
from muybridge.person.keypoints import COCO_NAMES, Keypoints, read_keypoints

_BEYOND = 0.35
"""Of the forearm's length, behind the wrist: where the middle of the hand is."""
_SURE = 0.3
"""Confidence below which a point is not known."""
_POINTS = tuple(
    tuple(COCO_NAMES.index(f"{side}_{joint}") for joint in ("elbow", "wrist"))
    for side in ("left", "right")
)


def hand_places(
    keypoints: Sequence[Keypoints], width: int, height: int
) -> Float[Tensor, "T 2 2"]:
    """Middles of the left and the right hand, x and y as shares of the picture.

    A hand goes on from the wrist as the forearm came; ``nan`` where elbow or wrist is not known.

    Args:
        keypoints: of each picture.
        width, height: of the pictures that they are of, pixels.
    """
    xy = torch.stack([torch.from_numpy(points.xy) for points in keypoints]).float()
    sure = torch.stack([torch.from_numpy(points.confidence) for points in keypoints])
    places = []
    for elbow, wrist in _POINTS:
        place = xy[:, wrist] + _BEYOND * (xy[:, wrist] - xy[:, elbow])
        known = (sure[:, elbow] > _SURE) & (sure[:, wrist] > _SURE)
        places.append(torch.where(known[:, None], place, torch.nan))
    return torch.stack(places, 1) / torch.tensor([width, height])


def read_hands(
    path: Path, pictures: int, numbers: Sequence[int], width: int, height: int
) -> Float[Tensor, "F 2 2"]:
    """Hands of some pictures of a video, from files of keypoints.

    Args:
        path: a folder with a JSON file for each picture, in the order of their names, as OpenPose
            and DWPose write it; or one file, for one picture.
        pictures: of the video. ``numbers``: those wanted.
        width, height: of the pictures, pixels.

    Raises:
        InputError: there is another number of files, or one holds no keypoints.
    """
    if not path.exists():
        raise InputError(path, "", "is not there", "check the name")
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if len(files) != pictures:
        raise InputError(
            path, "", f"holds {len(files)} files of keypoints for {pictures} pictures",
            "give one JSON for each picture of the video, named in their order",
        )
    found = {number: read_keypoints(files[number], width, height) for number in set(numbers)}
    return hand_places([found[number] for number in numbers], width, height)
