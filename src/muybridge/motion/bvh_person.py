"""A BVH skeleton's motion on our 55 joints.

The rule: let ``G_j`` be the world rotation of a joint of the file relative to the
file's zero pose, ``C`` the turn from the file's axes to ours, and ``A_j`` the smallest
rotation that takes the bone's direction in the canonical T-pose to its direction in
the file's zero pose. Then our joint's world rotation is ``C G_j C^T A_j``, and each
limb points exactly where the file's own forward kinematics puts it. The trunk is not
bent (``A = 1``): spines differ in how they are cut, not in how people stand.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path

import roma
import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body.skeleton import JOINT_INDEX, JOINTS, PARENTS, REST_DIRECTIONS
from muybridge.errors import InputError
from muybridge.motion.bvh import Bvh, read_bvh
from muybridge.motion.bvh_axes import STATURE_PER_LEG, TYPICAL, Axes, find_axes, unit_scale
from muybridge.motion.bvh_names import Matched, match
from muybridge.motion.hands import relaxed_hands
from muybridge.motion.kinematics import local_rotations, rotation_between
from muybridge.motion.nominal import STATURE, nominal_rest_joints
from muybridge.motion.types import Motion

# Joints whose bone keeps its direction; the hand goes on from the forearm.
_LIMBS = ("shoulder", "elbow", "hip", "knee")
_FINGER_NAMES = ("index", "middle", "pinky", "ring", "thumb")


def load_bvh(path: str | PathLike[str], *, up: str = "auto", unit: str | float = "auto") -> Motion:
    """Reads a BVH file of a person.

    Args:
        path: the file.
        up: the axis that points up in its world; ``auto`` finds it.
        unit: metres per unit, or m, cm, mm, in, ft, cmu; ``auto`` finds it.

    Returns:
        A motion with the file's own ``rest_joints``, frame by frame; ``notes`` say
        what was found. Where the file has no fingers the hands are relaxed.

    Raises:
        InputError: no BVH, no person, or an unknown unit or axis.
    """
    return person_from_bvh(path, read_bvh(path), up=up, unit=unit)


def person_from_bvh(
    source: str | PathLike[str], bvh: Bvh, *, up: str = "auto", unit: str | float = "auto"
) -> Motion:
    """The motion of a parsed BVH file; see :func:`load_bvh`."""
    found = match(source, bvh.names, bvh.parents)
    index = found.joints
    R_file, position = bvh.pose()
    rest = bvh.zero_positions()
    notes: list[str] = []
    if not _stands(rest, index):
        # A zero pose that is no standing person: measure from the frame that stands best.
        frame = _best_standing(source, position, index)
        notes.append(f"The zero pose does not stand; frame {frame} serves as reference.")
        R_file = R_file @ R_file[frame].transpose(-1, -2)
        rest = position[frame] - position[frame, index["pelvis"]]
    left = rest[index["left_hip"]] - rest[index["right_hip"]]
    shoulders = rest[index["left_shoulder"]] - rest[index["right_shoulder"]]
    upright = position[:, _top(index)] - _feet(position, index)
    axes = find_axes(
        source, rest[_top(index)] - _feet(rest[None], index)[0], left + shoulders, upright, up
    )
    rest = (rest - rest[index["pelvis"]]) @ axes.R_canonical_rest.T
    leg = _leg(rest, index)
    if leg < 1e-6 or float(rest.abs().max()) > 20 * leg:
        raise InputError(source, "OFFSET", "the legs have no length", "export a T-pose")
    scale, unit_name = unit_scale(source, unit, leg * STATURE_PER_LEG)
    notes.append(_said(axes, unit_name, scale, leg))
    rest = rest * scale
    aligned = _alignments(rest, index)
    R_world = _retarget(R_file, axes, aligned, found, rest, index)
    notes += _hands_said(index)
    rest_joints = _canonical_rest(rest, index, aligned, leg * scale)
    root = position[:, index["pelvis"]] @ axes.R_world_file.T * scale
    root = root - _ground(position, bvh, index, axes, scale, rest_joints)
    motion = Motion(
        local_rotations(R_world).float(),
        root.float(),
        bvh.fps,
        rest_joints.float(),
        {},
        Path(source).stem,
        tuple(notes),
    )
    if not _hands_in(index):
        R = motion.R_parent_joint.clone()
        R[:, 25:] = relaxed_hands()
        motion = replace(motion, R_parent_joint=R)
    return motion.checked(source)


def _top(index: dict[str, int]) -> int:
    return index.get("head", index["left_shoulder"])


def _feet(position: Float[Tensor, "T J 3"], index: dict[str, int]) -> Float[Tensor, "T 3"]:
    return (position[:, index["left_ankle"]] + position[:, index["right_ankle"]]) / 2


def _leg(rest: Float[Tensor, "J 3"], index: dict[str, int]) -> float:
    """Mean length of both legs."""
    total = 0.0
    for side in ("left", "right"):
        hip, knee, ankle = (rest[index[f"{side}_{n}"]] for n in ("hip", "knee", "ankle"))
        total += float((knee - hip).norm() + (ankle - knee).norm())
    return total / 2


def _standing_score(position: Float[Tensor, "T J 3"], index: dict[str, int]) -> Float[Tensor, "T"]:
    """-1..1: how straight legs and trunk are, how level the hips lie across them."""
    unit = partial(torch.nn.functional.normalize, dim=-1)
    at = {name: position[:, j] for name, j in index.items()}
    hips = (at["left_hip"] + at["right_hip"]) / 2
    trunk = unit((at["left_shoulder"] + at["right_shoulder"]) / 2 - hips)
    score = torch.ones(len(position), dtype=position.dtype)
    for side in ("left", "right"):
        for a, b in (("hip", "knee"), ("knee", "ankle")):
            down = unit(at[f"{side}_{b}"] - at[f"{side}_{a}"])
            score = torch.minimum(score, -(down * trunk).sum(-1))
    across = unit(at["left_hip"] - at["right_hip"])
    return torch.minimum(score, 1 - (across * trunk).sum(-1).abs())


def _stands(rest: Float[Tensor, "J 3"], index: dict[str, int]) -> bool:
    return float(_standing_score(rest[None], index)) > 0.6


def _best_standing(
    source: str | PathLike[str], position: Float[Tensor, "T J 3"], index: dict[str, int]
) -> int:
    score = _standing_score(position, index)
    frame = int(score.argmax())
    if float(score[frame]) < 0.6:
        raise InputError(
            source,
            "OFFSET",
            "neither the zero pose nor any frame shows a standing person",
            "export with a T-pose as zero pose",
        )
    return frame


def _alignments(
    rest: Float[Tensor, "J 3"], index: dict[str, int]
) -> dict[str, Float[Tensor, "3 3"]]:
    """``A_j`` of our joints that need one: canonical T-pose -> the file's zero pose."""
    names: list[str] = []
    canonical: list[Tensor] = []
    own: list[Tensor] = []
    for side in ("left", "right"):
        for name in (f"{side}_{limb}" for limb in _LIMBS):
            child, direction = REST_DIRECTIONS[name]
            if name in index and child in index:
                names.append(name)
                canonical.append(torch.tensor(direction, dtype=rest.dtype))
                own.append(rest[index[child]] - rest[index[name]])
        # A foot stands flat in the zero pose: only its heading is taken over.
        toe = index.get(f"{side}_foot")
        if toe is not None:
            ahead = rest[toe] - rest[index[f"{side}_ankle"]]
            level = ahead * torch.tensor([1.0, 0.0, 1.0], dtype=rest.dtype)
            if float(level.norm()) > 0.3 * float(ahead.norm()) and float(level[2]) > 0:
                names.append(f"{side}_ankle")
                canonical.append(torch.tensor([0.0, 0.0, 1.0], dtype=rest.dtype))
                own.append(level)
    turns = rotation_between(torch.stack(canonical), torch.stack(own))
    out = dict(zip(names, turns.unbind(0), strict=True))
    for side in ("left", "right"):
        if f"{side}_ankle" in out:
            out[f"{side}_foot"] = out[f"{side}_ankle"]
        # The hand and its fingers go on from the forearm.
        wrist = out.get(f"{side}_elbow", out.get(f"{side}_shoulder"))
        if wrist is not None:
            out[f"{side}_wrist"] = wrist
            for finger in _FINGER_NAMES:
                for k in (1, 2, 3):
                    out[f"{side}_{finger}{k}"] = wrist
    return out


def _retarget(
    R_file: Float[Tensor, "T F 3 3"],
    axes: Axes,
    aligned: dict[str, Float[Tensor, "3 3"]],
    found: Matched,
    rest: Float[Tensor, "F 3"],
    index: dict[str, int],
) -> Float[Tensor, "T 55 3 3"]:
    """World rotations of the 55 joints; joints that the file lacks follow their parent."""
    G = axes.R_world_file @ R_file @ axes.R_canonical_rest.T
    frames = len(G)
    world: dict[str, Tensor] = {"pelvis": G[:, index["pelvis"]]}
    chain = [world["pelvis"], *(G[:, j] for j in found.spine)]
    for k in (1, 2, 3):
        world[f"spine{k}"] = _along(chain, k / 3)
    if "head" in index:
        world["head"] = G[:, index["head"]]
        necks = [world["spine3"], *(G[:, j] for j in found.necks), world["head"]]
        world["neck"] = _along(necks, 0.5)
    hands = _hands_in(index)
    for name, j in index.items():
        finger = JOINT_INDEX[name] >= 25
        if name in world or (finger and not hands):
            continue
        world[name] = G[:, j] @ aligned[name] if name in aligned else G[:, j]
    out = torch.empty(frames, 55, 3, 3, dtype=G.dtype)
    for j, name in enumerate(JOINTS):
        parent = PARENTS[j]
        inherited = out[:, parent] if parent >= 0 else world["pelvis"]
        if name not in world and name in aligned and JOINTS[parent] not in aligned:
            inherited = inherited @ aligned[name]
        out[:, j] = world.get(name, inherited)
    return out


def _along(chain: list[Float[Tensor, "T 3 3"]], where: float) -> Float[Tensor, "T 3 3"]:
    """The rotation at a fraction of a chain, between its members by slerp."""
    at = where * (len(chain) - 1)
    low = min(int(at + 1e-9), len(chain) - 1)
    rest = at - low
    if rest < 1e-6 or low + 1 >= len(chain):
        return chain[low]
    a, b = chain[low], chain[low + 1]
    return a @ roma.rotvec_to_rotmat(roma.rotmat_to_rotvec(a.transpose(-1, -2) @ b) * rest)


def _canonical_rest(
    rest: Float[Tensor, "F 3"],
    index: dict[str, int],
    aligned: dict[str, Float[Tensor, "3 3"]],
    leg: float,
) -> Float[Tensor, "55 3"]:
    """The file's bones in the canonical T-pose; what it lacks is taken from the nominal adult."""
    nominal = nominal_rest_joints(STATURE * leg * STATURE_PER_LEG / TYPICAL).double()
    out = torch.zeros(55, 3, dtype=rest.dtype)
    pelvis = rest[index["pelvis"]]
    chest = (rest[index["left_shoulder"]] + rest[index["right_shoulder"]]) / 2 - pelvis
    spine_scale = float(chest[1]) / float(nominal[JOINT_INDEX["left_shoulder"], 1] - nominal[0, 1])
    for j, name in enumerate(JOINTS):
        parent = PARENTS[j]
        if parent < 0:
            continue
        bone = nominal[j] - nominal[parent]
        if name.startswith(("spine", "neck")):
            bone = bone * min(max(spine_scale, 0.3), 3.0)
        elif name in index and name not in ("head",):
            above = JOINTS[parent]
            if above in index:
                own = rest[index[name]] - rest[index[above]]
                turn = aligned.get(above)
                bone = own if turn is None else turn.T @ own
            elif name.endswith(("collar", "shoulder")):
                # Hangs on a spine joint that has no twin: place it where it stands.
                bone = rest[index[name]] - pelvis - out[parent]
        if j >= 25 and not _hands_in(index):
            bone = nominal[j] - nominal[parent]
        out[j] = out[parent] + bone
    ankle = JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]
    balls = JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]
    sole = min(
        float(out[list(ankle), 1].min() - nominal[ankle[0], 1]),
        float(out[list(balls), 1].min() - nominal[balls[0], 1]),
    )
    out[:, 1] -= sole
    return out


def _ground(
    position: Float[Tensor, "T F 3"],
    bvh: Bvh,
    index: dict[str, int],
    axes: Axes,
    scale: float,
    rest_joints: Float[Tensor, "55 3"],
) -> Float[Tensor, "3"]:
    """How far up the file's ground lies: where ankles and toes are when they are lowest."""
    up = axes.R_world_file[1] * scale
    lows = []
    for side in ("left", "right"):
        for name in ("ankle", "foot"):
            j = index.get(f"{side}_{name}")
            if j is not None:
                height = position[:, j] @ up - rest_joints[JOINT_INDEX[f"{side}_{name}"], 1]
                lows.append(torch.quantile(height[:: max(1, len(height) // 10_000)], 0.03))
    return torch.tensor([0.0, float(min(lows)), 0.0], dtype=position.dtype)


def _hands_in(index: dict[str, int]) -> bool:
    """Whether a file has fingers to speak of: four first knuckles on each hand."""
    return all(
        sum(f"{side}_{finger}1" in index for finger in _FINGER_NAMES) >= 4
        for side in ("left", "right")
    )


def _hands_said(index: dict[str, int]) -> list[str]:
    return [] if _hands_in(index) else ["The file has no fingers; the hands are relaxed."]


def _said(axes: Axes, unit: str, scale: float, leg: float) -> str:
    k = int(axes.R_world_file[1].abs().argmax())
    sign = "-" if float(axes.R_world_file[1, k]) < 0 else "+"
    height = leg * scale * STATURE_PER_LEG
    return f"Up is {sign}{'XYZ'[k]}, lengths are {unit} (a person of about {height:.2f} m)."
