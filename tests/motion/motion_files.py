"""Small motion files that tests write, and a second, independent way to pose a BVH file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

# name, parent, offset in centimetres (Y up, facing +Z, T-pose).
TREE: tuple[tuple[str, str, tuple[float, float, float]], ...] = (
    ("Hips", "", (0, 0, 0)),
    ("Spine", "Hips", (0, 10, 0)),
    ("Spine1", "Spine", (0, 15, 0)),
    ("Neck", "Spine1", (0, 25, 0)),
    ("Head", "Neck", (0, 10, 2)),
    ("LeftShoulder", "Spine1", (4, 20, 0)),
    ("LeftArm", "LeftShoulder", (13, 0, 0)),
    ("LeftForeArm", "LeftArm", (28, 0, 0)),
    ("LeftHand", "LeftForeArm", (25, 0, 0)),
    ("RightShoulder", "Spine1", (-4, 20, 0)),
    ("RightArm", "RightShoulder", (-13, 0, 0)),
    ("RightForeArm", "RightArm", (-28, 0, 0)),
    ("RightHand", "RightForeArm", (-25, 0, 0)),
    ("LeftUpLeg", "Hips", (9, -4, 0)),
    ("LeftLeg", "LeftUpLeg", (0, -41, 0)),
    ("LeftFoot", "LeftLeg", (0, -40, 0)),
    ("LeftToeBase", "LeftFoot", (0, -6, 13)),
    ("RightUpLeg", "Hips", (-9, -4, 0)),
    ("RightLeg", "RightUpLeg", (0, -41, 0)),
    ("RightFoot", "RightLeg", (0, -40, 0)),
    ("RightToeBase", "RightFoot", (0, -6, 13)),
)


def bvh_text(
    frames: int = 8,
    *,
    rename: dict[str, str] | None = None,
    scale: float = 1.0,
    z_up: bool = False,
    order: str = "ZXY",
    step: str = "0.0333333",
    seed: int = 0,
    amount: float = 20.0,
) -> str:
    """A person who wriggles; ``z_up`` turns the same person so that +Z is up."""
    rename = rename or {}
    turn = Rotation.from_euler("x", 90 if z_up else 0, degrees=True)
    children: dict[str, list[str]] = {}
    for name, parent, _ in TREE:
        children.setdefault(parent, []).append(name)
    offsets = {n: turn.apply(np.array(o, dtype=float) * scale) for n, _, o in TREE}
    lines = ["HIERARCHY"]
    visited: list[str] = []

    def write(name: str, depth: int) -> None:
        visited.append(name)
        pad = "  " * depth
        kind = "ROOT" if depth == 0 else "JOINT"
        lines.append(f"{pad}{kind} {rename.get(name, name)}")
        lines.append(pad + "{")
        lines.append(f"{pad}  OFFSET " + " ".join(f"{v:.6f}" for v in offsets[name]))
        rotations = " ".join(f"{a}rotation" for a in order)
        if depth == 0:
            lines.append(f"{pad}  CHANNELS 6 Xposition Yposition Zposition {rotations}")
        else:
            lines.append(f"{pad}  CHANNELS 3 {rotations}")
        for child in children.get(name, []):
            write(child, depth + 1)
        if name not in children:
            end = turn.apply(np.array([0, 0, 7.0]) * scale)
            lines.append(f"{pad}  End Site")
            lines.append(pad + "  {")
            lines.append(f"{pad}    OFFSET " + " ".join(f"{v:.6f}" for v in end))
            lines.append(pad + "  }")
        lines.append(pad + "}")

    write("Hips", 0)
    lines += ["MOTION", f"Frames: {frames}", f"Frame Time: {step}"]
    rng = np.random.default_rng(seed)
    phases = rng.uniform(0, 6.28, (len(visited), 3))
    for k in range(frames):
        root = turn.apply(np.array([1.0 * k, 92.0, 2.0 * k]) * scale)
        angles = amount * np.sin(phases + 0.3 * k)
        angles[0] *= 0.3
        if z_up:
            local = turn * Rotation.from_euler(order, angles, degrees=True) * turn.inv()
            angles = local.as_euler(order, degrees=True)
        row = [*root, *angles.reshape(-1)]
        lines.append(" ".join(f"{v:.5f}" for v in row))
    return "\n".join(lines) + "\n"


def pose_with_scipy(text: str) -> tuple[list[str], np.ndarray]:
    """Names and world positions (T, J, 3) of a BVH text, by another road than ours."""
    head, motion = text.split("MOTION")
    tokens = head.replace("{", " { ").replace("}", " } ").split()
    names: list[str] = []
    parents: list[int] = []
    offsets: list[list[float]] = []
    channels: list[list[str]] = []
    stack: list[int] = []
    k = 0
    while k < len(tokens):
        word = tokens[k]
        if word in ("ROOT", "JOINT"):
            names.append(tokens[k + 1])
            parents.append(stack[-1] if stack else -1)
            stack.append(len(names) - 1)
            k += 3
        elif word == "End":
            k += 7  # End Site { OFFSET x y z, and its closing brace below.
            assert tokens[k] == "}"
            k += 1
        elif word == "OFFSET":
            offsets.append([float(v) for v in tokens[k + 1 : k + 4]])
            k += 4
        elif word == "CHANNELS":
            n = int(tokens[k + 1])
            channels.append(tokens[k + 2 : k + 2 + n])
            k += 2 + n
        elif word == "}":
            stack.pop()
            k += 1
        else:
            k += 1
    rows = [line for line in motion.strip().splitlines()[2:] if line.strip()]
    values = np.array([[float(v) for v in line.split()] for line in rows])
    frames = len(values)
    world: list[Rotation] = []
    position = np.zeros((frames, len(names), 3))
    at = 0
    for j, listed in enumerate(channels):
        block = values[:, at : at + len(listed)]
        at += len(listed)
        turns = [c for c in listed if c.endswith("rotation")]
        columns = [listed.index(c) for c in turns]
        local = Rotation.from_euler("".join(c[0] for c in turns), block[:, columns], degrees=True)
        if parents[j] < 0:
            moves = [listed.index(f"{a}position") for a in "XYZ"]
            position[:, j] = block[:, moves]
            world.append(local)
        else:
            parent = world[parents[j]]
            position[:, j] = position[:, parents[j]] + parent.apply(np.array(offsets[j]))
            world.append(parent * local)
    return names, position


def save_npz(path: Path, **arrays: object) -> Path:
    """``numpy.savez`` that gives the path back."""
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """One random damage: bytes changed, cut out, doubled, or tokens swapped for nasty ones."""
    raw = bytearray(data)
    kind = int(rng.integers(0, 6))
    at = int(rng.integers(0, max(len(raw), 1)))
    span = int(rng.integers(1, 40))
    if kind == 0:
        for k in rng.integers(0, len(raw), int(rng.integers(1, 6))):
            raw[int(k)] = int(rng.integers(0, 256))
    elif kind == 1:
        del raw[at : at + span]
    elif kind == 2:
        raw[at:at] = raw[at : at + span]
    elif kind == 3:
        del raw[at:]
    elif kind == 4:
        nasty = (
            b"nan",
            b"-1",
            b"1e308",
            b"inf",
            b"{",
            b"}",
            b"\x00",
            b"99999999999",
            b"0",
            b"ROOT",
        )
        raw[at : at + len(nasty[0])] = nasty[int(rng.integers(0, len(nasty)))]
    else:
        words = bytes(raw).split(b" ")
        if len(words) > 2:
            a, b = (int(v) for v in rng.integers(0, len(words), 2))
            words[a], words[b] = words[b], words[a]
        raw = bytearray(b" ".join(words))
    return bytes(raw)
