"""Keypoint files of several makers become COCO-17; broken ones are told."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from muybridge.errors import InputError
from muybridge.person.keypoints import COCO_NAMES, read_keypoints

W, H = 800, 1200
COCO = [[100.0 + 10 * i, 200.0 + 20 * i, 0.9] for i in range(17)]
BODY_18 = [0, 16, 15, 18, 17, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10]


def _flat(points: list[list[float]]) -> list[float]:
    return [x for p in points for x in p]


def _openpose(count: int) -> list[list[float]]:
    """COCO points laid out as OpenPose's BODY_18 or BODY_25."""
    order = {
        18: (0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10),
        25: (0, 16, 15, 18, 17, 5, 2, 6, 3, 7, 4, 12, 9, 13, 10, 14, 11),
    }[count]
    points = [[1.0, 1.0, 0.1] for _ in range(count)]
    for coco, place in enumerate(order):
        points[place] = COCO[coco]
    return points


def _mediapipe(scale: bool) -> list[dict[str, float]]:
    order = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)
    points = [{"x": 0.1, "y": 0.1, "visibility": 0.1} for _ in range(33)]
    for coco, place in enumerate(order):
        x, y, sure = COCO[coco]
        if scale:
            x, y = x / W, y / H
        points[place] = {"x": x, "y": y, "z": 0.0, "visibility": sure}
    return points


@pytest.mark.parametrize(
    "data",
    [
        COCO,
        _flat(COCO),
        {"keypoints": _flat(COCO), "num_keypoints": 17},
        [{"image_id": 1, "keypoints": _flat(COCO), "score": 1.0}],
        {"annotations": [{"keypoints": _flat(COCO)}]},
        {"instance_info": [{"keypoints": [p[:2] for p in COCO], "keypoint_scores": [0.9] * 17}]},
        {"people": [{"pose_keypoints_2d": _flat(_openpose(25))}]},
        {"people": [{"pose_keypoints_2d": _flat(_openpose(18))}]},
        {"people": [{"pose_keypoints_2d": [0.0] * 75}, {"pose_keypoints_2d": _flat(COCO)}]},
        _mediapipe(True),
        {"pose_landmarks": _mediapipe(False)},
        {"pose_landmarks": {"landmark": _mediapipe(True)}},
    ],
)
def test_every_maker_gives_the_same_points(tmp_path: Path, data: Any) -> None:
    path = tmp_path / "k.json"
    path.write_text(json.dumps(data))
    result = read_keypoints(path, W, H)
    assert np.allclose(result.xy, np.array(COCO)[:, :2], atol=0.01)
    assert np.allclose(result.confidence, 0.9, atol=1e-6)
    assert len(COCO_NAMES) == 17


def test_missing_points_have_no_confidence(tmp_path: Path) -> None:
    points: list[list[Any]] = [list(p) for p in COCO]
    points[3] = [None, None, 0.5]
    points[4] = [0, 0, 0]
    points[5] = [5000.0, 10.0, 1.0]
    path = tmp_path / "k.json"
    path.write_text(json.dumps(points))
    result = read_keypoints(path, W, H)
    assert (result.confidence[[3, 4, 5]] == 0).all() and np.isfinite(result.xy).all()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        "3",
        '"x"',
        "null",
        '{"people": []}',
        '{"keypoints": []}',
        '{"keypoints": [1, 2]}',
        '{"keypoints": "abc"}',
        '{"keypoints": [true, false, true]}',
        json.dumps({"keypoints": [0.0] * 51}),
        json.dumps({"keypoints": [1e30] * 51}),
        '{"keypoints": [' + ",".join(["NaN"] * 51) + "]}",
        '{"keypoints": [' + ",".join(["1" + "0" * 400] * 51) + "]}",
        json.dumps([{"x": 1}] * 33),
        json.dumps([[1, 2, 3, 4, 5]] * 17),
        json.dumps({"people": [3]}),
        "[" * 100000,
    ],
)
def test_bad_files(tmp_path: Path, text: str) -> None:
    path = tmp_path / "k.json"
    path.write_text(text)
    with pytest.raises(InputError):
        read_keypoints(path, W, H)


def test_no_file_and_no_text(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_keypoints(tmp_path / "none.json", W, H)
    (tmp_path / "b.json").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError):
        read_keypoints(tmp_path / "b.json", W, H)


def test_mutated_files_never_crash(tmp_path: Path) -> None:
    seed = json.dumps({"people": [{"pose_keypoints_2d": _flat(_openpose(25))}]}).encode()
    chance = random.Random(0)
    path = tmp_path / "k.json"
    for _ in range(500):
        data = bytearray(seed)
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(len(data))] = chance.choice(b'0123456789[]{},.:"e-n \x00\xff')
        path.write_bytes(bytes(data[: chance.choice([len(data), chance.randrange(len(data))])]))
        try:
            result = read_keypoints(path, W, H)
        except InputError:
            continue
        assert np.isfinite(result.xy).all() and np.isfinite(result.confidence).all()
