"""BVH files: text to a skeleton with channels, and the file's own forward kinematics.

The hierarchy is read by tokens, so line breaks, tabs and braces may stand anywhere;
the order of channels is whatever each joint says. Nothing here knows of people:
:mod:`muybridge.motion.bvh_person` turns the result into a motion.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import ceil, floor, isfinite
from os import PathLike

import numpy as np
import roma
import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError
from muybridge.motion.archive import read_bytes
from muybridge.motion.types import MAX_FRAMES

MAX_JOINTS = 1000
MAX_BYTES = 1 << 27
"""Larger files are refused."""
_CHANNELS = {
    f"{axis}{kind}": (kind == "rotation", k)
    for k, axis in enumerate("xyz")
    for kind in ("position", "rotation")
}
_HEADER = re.compile(r"MOTION\s+Frames\s*:\s*(\S+)\s+Frame\s+Time\s*:\s*(\S+)", re.IGNORECASE)
_NTSC = tuple(Fraction(n * 1000, 1001) for n in (24, 30, 60, 120))


@dataclass(frozen=True)
class Bvh:
    """What a BVH file says, in its own axes and units.

    Attributes:
        names: of the ``J`` joints, parents first.
        parents: index of each joint's parent, -1 for a root.
        offsets: (J, 3) joint relative to its parent in the zero pose.
        ends: end site of joints that have one, relative to the joint.
        channels: for each joint its (is rotation, axis 0..2) in file order.
        values: (T, C) all channels, rotations in degrees.
        fps: frames per second.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Float[Tensor, "J 3"]
    ends: dict[int, tuple[float, float, float]]
    channels: tuple[tuple[tuple[bool, int], ...], ...]
    values: Float[Tensor, "T C"]
    fps: Fraction

    def zero_positions(self) -> Float[Tensor, "J 3"]:
        """Joints with all channels at zero, the root at the origin."""
        out = torch.zeros_like(self.offsets)
        for j, parent in enumerate(self.parents):
            if parent >= 0:
                out[j] = out[parent] + self.offsets[j]
        return out

    def pose(self) -> tuple[Float[Tensor, "T J 3 3"], Float[Tensor, "T J 3"]]:
        """World rotation (relative to the zero pose) and position of every joint."""
        frames, joints = len(self.values), len(self.names)
        local = torch.eye(3, dtype=torch.float64).expand(frames, joints, 3, 3).clone()
        shift = self.offsets.expand(frames, joints, 3).clone()
        by_order: dict[str, list[tuple[int, list[int]]]] = {}
        column = 0
        for j, (channels, parent) in enumerate(zip(self.channels, self.parents, strict=True)):
            moved = [(column + k, axis) for k, (turns, axis) in enumerate(channels) if not turns]
            if parent < 0 or len(moved) == 3:
                # A position channel stands in place of the offset, not on top of it.
                for k, axis in moved:
                    shift[:, j, axis] = self.values[:, k]
            order = "".join("XYZ"[axis] for turns, axis in channels if turns)
            columns = [column + k for k, (turns, _) in enumerate(channels) if turns]
            by_order.setdefault(order, []).append((j, columns))
            column += len(channels)
        for order, members in by_order.items():
            if order:
                table = torch.tensor([columns for _, columns in members])
                angles = torch.deg2rad(self.values[:, table])
                turned = roma.euler_to_rotmat(order, list(angles.unbind(-1)))
                local[:, [j for j, _ in members]] = turned
        R, position = local, shift
        for level, parents in self._levels():
            above = R[:, parents]
            position[:, level] = position[:, parents] + (above @ shift[:, level, :, None])[..., 0]
            R[:, level] = above @ local[:, level]
        return R, position

    def _levels(self) -> list[tuple[list[int], list[int]]]:
        """Joints below the roots by depth, with their parents."""
        depth: list[int] = []
        rows: dict[int, tuple[list[int], list[int]]] = {}
        for j, parent in enumerate(self.parents):
            depth.append(depth[parent] + 1 if parent >= 0 else 0)
            if parent >= 0:
                row = rows.setdefault(depth[j], ([], []))
                row[0].append(j)
                row[1].append(parent)
        return [rows[d] for d in sorted(rows)]


def read_bvh(path: str | PathLike[str]) -> Bvh:
    """Reads a BVH file.

    Raises:
        InputError: it is missing, no BVH, cut short, or too large.
    """
    return parse_bvh(path, read_bytes(path, MAX_BYTES))


def parse_bvh(path: str | PathLike[str], data: bytes) -> Bvh:
    """Parses the bytes of a BVH file; ``path`` is what errors call it."""
    text = data.decode("utf-8-sig", "replace")
    header = _HEADER.search(text)
    if header is None:
        if "MOTION" in text.upper():
            problem = "is not followed by 'Frames: N' and 'Frame Time: S'"
        else:
            problem = "is missing"
        raise InputError(path, "MOTION", problem, "give a BVH file with its motion")
    frames, step = _frame_count(path, header[1]), header[2]
    tokens = text[header.end() :].split()
    hierarchy = _Hierarchy(path, text[: header.start()])
    hierarchy.read()
    columns = sum(len(c) for c in hierarchy.channels)
    if columns == 0:
        raise InputError(path, "CHANNELS", "no joint has any", "give a BVH file with its motion")
    have = len(tokens)
    if have < frames * columns:
        raise InputError(
            path,
            "Frames",
            f"{frames} frames of {columns} channels are promised, {have // columns} are there",
            "copy or export the file again",
        )
    if have >= (frames + 1) * columns:
        raise InputError(
            path,
            "Frames",
            f"{frames} frames are promised, {have // columns} are there",
            "correct the number after Frames:",
        )
    try:
        values = np.array(tokens[: frames * columns], dtype=np.float64)
    except ValueError as error:
        raise InputError(path, "MOTION", f"{error}", "numbers only, please") from None
    bad = np.flatnonzero(~np.isfinite(values) | (np.abs(values) > 1e9))
    if len(bad):
        raise InputError(
            path,
            f"frame {bad[0] // columns}",
            f"channel {bad[0] % columns} is {tokens[bad[0]]}",
            "export the file again",
        )
    return Bvh(
        tuple(hierarchy.names),
        tuple(hierarchy.parents),
        torch.tensor(hierarchy.offsets, dtype=torch.float64),
        hierarchy.ends,
        tuple(hierarchy.channels),
        torch.from_numpy(values.reshape(frames, columns)),
        frame_rate(step, path),
    )


def _frame_count(path: str | PathLike[str], count: str) -> int:
    frames = int(count) if count.isascii() and count.isdigit() and len(count) < 12 else -1
    if not 1 <= frames <= MAX_FRAMES:
        raise InputError(path, "Frames", f"is {count[:40]}", f"give 1 to {MAX_FRAMES} frames")
    return frames


def frame_rate(step: str, path: str | PathLike[str] = "BVH") -> Fraction:
    """Frames per second from a frame time as it is written.

    ``.0083333`` was meant as 1/120: of the rates that round to what is written, a
    whole one is taken, else an NTSC one, else exactly what is written.

    Raises:
        InputError: no number, zero, negative, or out of (0, 1000] frames per second.
    """
    try:
        seconds = Decimal(step)
        if not seconds.is_finite() or abs(seconds.adjusted()) > 12:
            raise InvalidOperation
    except InvalidOperation:
        raise InputError(path, "Frame Time", f"is {step!r}", "give seconds, as 0.0333") from None
    if not Decimal("0.001") <= seconds <= Decimal(100):
        raise InputError(path, "Frame Time", f"is {step} s", "give 0.001 to 100 seconds")
    exponent = seconds.as_tuple().exponent
    half = Fraction(10) ** int(exponent) / 2 if isinstance(exponent, int) else Fraction(0)
    exact = Fraction(seconds)
    low, high = 1 / (exact + half), 1 / max(exact - half, Fraction(1, 10_000))
    whole = round(1 / exact)
    if ceil(low) <= whole <= floor(high) and whole >= 1 and half <= exact / 20:
        return Fraction(whole)
    for rate in _NTSC:
        if low <= rate <= high and half <= exact / 20:
            return rate
    return (1 / exact).limit_denominator(1_000_000)


class _Hierarchy:
    """Reads the tokens before ``MOTION``."""

    def __init__(self, path: str | PathLike[str], text: str) -> None:
        self.path = path
        # Braces may touch their neighbours.
        self.tokens = text.replace("{", " { ").replace("}", " } ").split()
        self.at = 0
        self.names: list[str] = []
        self.parents: list[int] = []
        self.offsets: list[list[float]] = []
        self.ends: dict[int, tuple[float, float, float]] = {}
        self.channels: list[tuple[tuple[bool, int], ...]] = []

    def fail(self, problem: str, field: str = "HIERARCHY") -> InputError:
        return InputError(self.path, field, problem, "export the file again")

    def take(self) -> str:
        if self.at >= len(self.tokens):
            raise self.fail("ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def numbers(self, field: str) -> list[float]:
        try:
            out = [float(self.take()) for _ in range(3)]
        except ValueError:
            raise self.fail("OFFSET is not three numbers", field) from None
        if not all(isfinite(x) and abs(x) < 1e7 for x in out):
            raise self.fail("OFFSET is not three finite numbers", field)
        return out

    def name(self) -> str:
        """The words up to the brace, as one name (3ds Max writes ``Bip01 L Thigh``)."""
        words: list[str] = []
        while self.at < len(self.tokens) and self.tokens[self.at] != "{" and len(words) < 16:
            words.append(self.take())
        if not words:
            raise self.fail("a joint has no name")
        return " ".join(words)[:200]

    def read(self) -> None:
        if self.take().upper() != "HIERARCHY":
            raise self.fail("does not begin the file")
        # Open blocks: joint index, whether it is an end site.
        stack: list[tuple[int, bool]] = []
        while self.at < len(self.tokens):
            token = self.take()
            word = token.upper()
            if word in ("ROOT", "JOINT", "END"):
                if (word == "ROOT") != (not stack) or (stack and stack[-1][1]):
                    raise self.fail(f"{token} stands where it can't")
                name = self.name()
                if self.take() != "{":
                    raise self.fail("has no { after its name", name)
                stack.append(self._open(word, name, stack))
            elif word == "OFFSET":
                self._offset(stack)
            elif word == "CHANNELS":
                self._channels(stack)
            elif token == "}":
                if not stack:
                    raise self.fail("has a } too many")
                joint, end = stack.pop()
                if not end and (len(self.offsets[joint]) != 3):
                    raise self.fail("has no OFFSET", self.names[joint])
            else:
                raise self.fail(f"has the unknown word {token[:40]!r}")
        if stack:
            raise self.fail("has a } too few")
        if not self.names:
            raise self.fail("has no joints")

    def _open(self, word: str, name: str, stack: list[tuple[int, bool]]) -> tuple[int, bool]:
        parent = stack[-1][0] if stack else -1
        if word == "END":
            return parent, True
        if len(self.names) >= MAX_JOINTS:
            raise self.fail(f"has more than {MAX_JOINTS} joints")
        self.names.append(name)
        self.parents.append(parent)
        self.offsets.append([])
        self.channels.append(())
        return len(self.names) - 1, False

    def _offset(self, stack: list[tuple[int, bool]]) -> None:
        if not stack:
            raise self.fail("OFFSET stands outside a joint")
        joint, end = stack[-1]
        x, y, z = self.numbers(self.names[joint])
        if end:
            self.ends[joint] = (x, y, z)
        else:
            self.offsets[joint] = [x, y, z]

    def _channels(self, stack: list[tuple[int, bool]]) -> None:
        if not stack or stack[-1][1]:
            raise self.fail("CHANNELS stands outside a joint")
        joint = stack[-1][0]
        count = self.take()
        if count not in tuple("0123456"):
            raise self.fail(f"has {count[:20]} channels", self.names[joint])
        found = []
        for _ in range(int(count)):
            word = self.take()
            if word.lower() not in _CHANNELS:
                raise self.fail(f"has the unknown channel {word[:40]!r}", self.names[joint])
            found.append(_CHANNELS[word.lower()])
        if len(set(found)) != len(found) or self.channels[joint]:
            raise self.fail("has a channel twice", self.names[joint])
        self.channels[joint] = tuple(found)
