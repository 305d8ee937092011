"""The one skeleton: the 55 joints of SMPL-X, by name.

Every body model, motion file and map speaks of joints by these names and in
this order. In the canonical (zero) pose the person stands in a T-pose, faces
+Z, has +X at their left and +Y up.
"""

from __future__ import annotations

_BODY: tuple[tuple[str, str], ...] = (
    ("pelvis", ""),
    ("left_hip", "pelvis"),
    ("right_hip", "pelvis"),
    ("spine1", "pelvis"),
    ("left_knee", "left_hip"),
    ("right_knee", "right_hip"),
    ("spine2", "spine1"),
    ("left_ankle", "left_knee"),
    ("right_ankle", "right_knee"),
    ("spine3", "spine2"),
    ("left_foot", "left_ankle"),
    ("right_foot", "right_ankle"),
    ("neck", "spine3"),
    ("left_collar", "spine3"),
    ("right_collar", "spine3"),
    ("head", "neck"),
    ("left_shoulder", "left_collar"),
    ("right_shoulder", "right_collar"),
    ("left_elbow", "left_shoulder"),
    ("right_elbow", "right_shoulder"),
    ("left_wrist", "left_elbow"),
    ("right_wrist", "right_elbow"),
    ("jaw", "head"),
    ("left_eye", "head"),
    ("right_eye", "head"),
)


def _hand(side: str) -> tuple[tuple[str, str], ...]:
    pairs: list[tuple[str, str]] = []
    for finger in ("index", "middle", "pinky", "ring", "thumb"):
        parent = f"{side}_wrist"
        for knuckle in (1, 2, 3):
            name = f"{side}_{finger}{knuckle}"
            pairs.append((name, parent))
            parent = name
    return tuple(pairs)


_ALL = _BODY + _hand("left") + _hand("right")

JOINTS: tuple[str, ...] = tuple(name for name, _ in _ALL)
"""Names of the 55 joints, in SMPL-X's order."""

JOINT_INDEX: dict[str, int] = {name: i for i, name in enumerate(JOINTS)}
"""Joint name -> position in :data:`JOINTS`."""

PARENTS: tuple[int, ...] = tuple(JOINT_INDEX[p] if p else -1 for _, p in _ALL)
"""Parent of every joint; -1 for the pelvis. A parent always precedes its child."""

CHILDREN: tuple[tuple[int, ...], ...] = tuple(
    tuple(c for c, p in enumerate(PARENTS) if p == j) for j in range(len(JOINTS))
)

NUM_JOINTS = len(JOINTS)
BODY_JOINTS: tuple[str, ...] = JOINTS[:22]
"""Pelvis to wrists: SMPL's body without its two hand joints."""
LEFT_HAND_JOINTS: tuple[str, ...] = JOINTS[25:40]
RIGHT_HAND_JOINTS: tuple[str, ...] = JOINTS[40:55]


def mirrored(name: str) -> str:
    """The joint on the other side of the body (itself for joints on the midline)."""
    if name.startswith("left_"):
        return "right_" + name[5:]
    if name.startswith("right_"):
        return "left_" + name[6:]
    return name


MIRROR: tuple[int, ...] = tuple(JOINT_INDEX[mirrored(name)] for name in JOINTS)
"""Index of the mirrored joint, for every joint."""

REST_DIRECTIONS: dict[str, tuple[str, tuple[float, float, float]]] = {
    "left_shoulder": ("left_elbow", (1.0, 0.0, 0.0)),
    "left_elbow": ("left_wrist", (1.0, 0.0, 0.0)),
    "left_wrist": ("left_middle1", (1.0, 0.0, 0.0)),
    "left_hip": ("left_knee", (0.0915, -0.9957, -0.0120)),
    "left_knee": ("left_ankle", (-0.0344, -0.9934, -0.1091)),
    "right_shoulder": ("right_elbow", (-1.0, 0.0, 0.0)),
    "right_elbow": ("right_wrist", (-1.0, 0.0, 0.0)),
    "right_wrist": ("right_middle1", (-1.0, 0.0, 0.0)),
    "right_hip": ("right_knee", (-0.0915, -0.9957, -0.0120)),
    "right_knee": ("right_ankle", (0.0344, -0.9934, -0.1091)),
}
"""Joint -> (its child, unit direction towards it in the canonical zero pose).

The built-in body's limbs lie exactly so when every rotation is the identity;
SMPL-X's template differs by a degree or two. A motion file whose own zero pose
differs is brought here by the smallest rotation between the two directions.
"""
