"""Where points of the true surface are seen in every picture of a clip.

A clip of our own people says what it was made from: the person is built again, clothes and
hair included, and stands as they stood, so that correspondences are exact. For clips of others
there is the body alone; what is measured with it says so (``flicker[body]``).
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from muybridge.body import Body, Mesh, PosedBody
from muybridge.data.people import SOURCE, remade
from muybridge.data.record import Clip
from muybridge.errors import InputError
from muybridge.motion import Motion
from muybridge.synthetic.figure import PosedFigure
from muybridge.synthetic.flow import Flow, Picture, correspond
from muybridge.synthetic.surface import Surface
from muybridge.synthetic.textures import TextureTable
from muybridge.video.atomic import replacing

Kind = Literal["exact", "body", "none"]
"""Whose surface it is: the clothed person's, the bare body's, or nobody's."""
Pair = tuple[Picture, Picture]
Kept = TypeVar("Kept")
WIDEST = 60.0
"""Degrees between neighbouring views from which on they are not compared."""
MOST_PAIRS = 192
"""Of one kind; of more, as many are taken evenly."""
_EDGE = 1
"""Pixels next to what is not seen in both pictures that are left out."""
_BATCH = 16
_SAME = 1e-3
"""Largest difference of rotations and places of one frame, which a file may have rounded."""
_AGREES = 0.75
"""Least overlap of a person who was built again with their own matte."""
_KEPT = 2
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class Matches:
    """Points of the surface that are seen in both pictures of a pair.

    Attributes:
        pairs: from (view, frame) to (view, frame).
        pair: number of each point's pair.
        pixel: where its centre is in the first picture, ``row * W + column``.
        place: x (right) and y (down) of the same point in the second, pixels.
    """

    pairs: tuple[Pair, ...]
    pair: Int[Tensor, "M"]  # noqa: F821
    pixel: Int[Tensor, "M"]  # noqa: F821
    place: Float[Tensor, "M 2"]

    def at_first(self, pictures: Float[Tensor, "V T C H W"]) -> Float[Tensor, "C M"]:
        """What the points look like in the first pictures."""
        flat, start, planes = self._pixels(0, pictures)
        at = start + self.pixel
        return torch.stack([flat[at + plane] for plane in planes])

    def at_second(self, pictures: Float[Tensor, "V T C H W"]) -> Float[Tensor, "C M"]:
        """The same in the second ones, between pixels bilinear, at borders the nearest."""
        H, W = pictures.shape[-2:]
        x = (self.place[:, 0] - 0.5).clamp(0, W - 1)
        y = (self.place[:, 1] - 0.5).clamp(0, H - 1)
        left, top = x.floor().long(), y.floor().long()
        fx, fy = x - left, y - top
        flat, start, planes = self._pixels(1, pictures)
        a = start + top * W + left
        b = a + (left + 1 < W)
        below = (top + 1 < H).long() * W
        c, d = a + below, b + below
        return torch.stack([
            torch.lerp(
                torch.lerp(flat[a + plane], flat[b + plane], fx),
                torch.lerp(flat[c + plane], flat[d + plane], fx), fy,
            )
            for plane in planes
        ])

    def _pixels(self, which: int, pictures: Tensor) -> tuple[Tensor, Tensor, range]:
        """All pixels, the first one of each point's picture, and how far channels are apart."""
        T, C, H, W = pictures.shape[1:]
        number = [pair[which][0] * T + pair[which][1] for pair in self.pairs]
        start = torch.tensor(number, dtype=torch.long)[self.pair] * (C * H * W)
        return pictures.reshape(-1), start, range(0, C * H * W, H * W)


class Geometry:
    """The surface of a clip's person, and where its points are seen.

    Args:
        clip: whose; any selection of what was taken.
        body: the model, for clips of others whose body is not the built-in one.
        folder: where correspondences are kept; ``None`` keeps them in memory.
    """

    def __init__(
        self, clip: Clip, body: Body | None = None, folder: Path | None = None
    ) -> None:
        self.clip = clip
        self._body = body
        self._folder = folder

    @property
    def kind(self) -> Kind:
        """Whose surface it is; ``none`` where the body's model file was not given."""
        if self.clip.source == SOURCE and isinstance(self.clip.parameters.get("cast"), dict):
            return "exact"
        return "body" if self.clip.body == "anny" or self._body is not None else "none"

    @property
    def label(self) -> str:
        """What is put behind a metric's name: nothing for exact surfaces, else ``[body]``."""
        return "" if self.kind == "exact" else f"[{self.kind}]"

    @cached_property
    def body(self) -> PosedBody:
        """The bare body in every frame.

        Raises:
            InputError: it is a licensed model that was not given.
        """
        return self.clip.posed(self._body)

    @cached_property
    def over_time(self) -> Matches:
        """Neighbouring frames of a view, at most :data:`MOST_PAIRS` of them."""
        clip = self.clip
        pairs = [
            ((v, t), (v, t + 1)) for v in range(clip.views) for t in range(clip.frames - 1)
        ]
        return self._matches("time", evenly(pairs, MOST_PAIRS))

    @cached_property
    def between_views(self) -> Matches:
        """Neighbouring views of a moment, nearer than :data:`WIDEST` degrees to each other."""
        return self._matches("views", evenly(self._neighbours(), MOST_PAIRS))

    def _neighbours(self) -> list[Pair]:
        """Views next to each other around the person, moment by moment."""
        clip = self.clip
        away = clip.cameras.centers - clip.motion.root_position.to(clip.cameras.K)
        away = F.normalize(away, dim=-1)
        azimuth = torch.atan2(away[..., 0], away[..., 2])
        limit = np.cos(np.radians(WIDEST))
        pairs: list[Pair] = []
        for t in range(clip.frames):
            ring = azimuth[:, t].argsort(stable=True).tolist()
            around = [*zip(ring, ring[1:], strict=False)]
            if len(ring) > 2:
                around.append((ring[-1], ring[0]))
            pairs += [
                ((a, t), (b, t)) for a, b in around
                if float(away[a, t] @ away[b, t]) >= limit
            ]
        return pairs

    # ------------------------------------------------------------------ making

    @cached_property
    def _posed(self) -> PosedFigure:
        if self.kind == "exact":
            whole, motion = _staged(self.clip)
            frames = frames_of(self.clip, motion)
            posed = PosedFigure(whole.surface, whole.vertices[frames], whole.bend[frames])
            self._check(posed)
            return posed
        body = self.body
        frames_, points = body.vertices.shape[:2]
        return PosedFigure(bare(body.mesh, points), body.vertices, torch.zeros(frames_, points))

    def _check(self, posed: PosedFigure) -> None:
        """Refuses a person who is not where the clip's own pictures show them."""
        clip = self.clip
        middle = (0, clip.frames // 2)
        own = correspond(posed, clip.cameras, [(middle, middle)]).person[0]
        matte = clip.read([0], [middle[1]]).matte[0, 0, 0] > 0.5
        both, either = float((own & matte).sum()), float((own | matte).sum())
        if both < _AGREES * either:
            raise InputError(
                clip.name, "parameters", "make somebody else than the pictures show",
                "make the clip again with this version of muybridge",
            )

    def _matches(self, kind: str, pairs: Sequence[Pair]) -> Matches:
        file = None
        if self._folder is not None:
            name = re.sub(r"[^\w.-]+", "_", self.clip.name)[:80]
            file = self._folder / f"{name}-{kind}-{self._digest(kind, pairs)}.npz"
            kept = _read(file, pairs)
            if kept is not None:
                return kept
        made = self._made(pairs)
        if file is not None:
            with replacing(file) as temporary:
                np.savez(temporary, pair=made.pair.numpy().astype(np.int16),
                         pixel=made.pixel.numpy().astype(np.int32), place=made.place.numpy())
        return made

    def _made(self, pairs: Sequence[Pair]) -> Matches:
        pair, pixel, place = [], [], []
        for first in range(0, len(pairs), _BATCH):
            flow = correspond(self._posed, self.clip.cameras, pairs[first : first + _BATCH])
            number, at, to = _sure(flow)
            pair.append(number + first)
            pixel.append(at)
            place.append(to)
        none = torch.zeros(0, dtype=torch.long)
        return Matches(
            tuple(pairs), torch.cat([none, *pair]), torch.cat([none, *pixel]),
            torch.cat([torch.zeros(0, 2), *place]),
        )

    def _digest(self, kind: str, pairs: Sequence[Pair]) -> str:
        clip = self.clip
        told = {
            "of": kind, "pairs": list(pairs), "surface": self.kind, "body": clip.body,
            "shape": repr(clip.shape), "size": clip.size, "edge": _EDGE,
            "parameters": clip.parameters,
        }
        digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode())
        for tensor in (clip.cameras.K, clip.cameras.T_cam_world, clip.motion.R_parent_joint,
                       clip.motion.root_position):
            digest.update(np.ascontiguousarray(tensor.float().numpy()).tobytes())
        return digest.hexdigest()[:16]


_remembered: OrderedDict[str, Geometry] = OrderedDict()
_taken: OrderedDict[str, tuple[PosedFigure, Motion]] = OrderedDict()


def geometry_of(clip: Clip) -> Geometry:
    """The geometry of a clip; that of the last two is remembered."""
    wanted = Geometry(clip)
    return _lately(_remembered, f"{clip.name}-{wanted._digest('', ())}", lambda: wanted)


def _staged(clip: Clip) -> tuple[PosedFigure, Motion]:
    """The person in every frame that was taken, without textures, and how they moved."""

    def build() -> tuple[PosedFigure, Motion]:
        person, setup = remade(clip)
        posed, motion, _ = person.staged(setup)
        return replace(posed, surface=replace(posed.surface, textures=_no_textures())), motion

    said = {key: clip.parameters.get(key) for key in ("cast", "setup")}
    return _lately(_taken, json.dumps(said, sort_keys=True, default=str), build)


def _lately(kept: OrderedDict[str, Kept], key: str, build: Callable[[], Kept]) -> Kept:
    """What was built lately; the oldest is let go."""
    if key not in kept:
        kept[key] = build()
    kept.move_to_end(key)
    while len(kept) > _KEPT:
        kept.popitem(last=False)
    return kept[key]


def evenly(pairs: Sequence[Pair], most: int) -> list[Pair]:
    """At most ``most`` of the pairs, evenly from the first to the last.

    One out of each stretch, at places in it that vary, so that views which return after as
    many pairs as a stretch is long are all taken.
    """
    if len(pairs) <= most:
        return list(pairs)
    ends = [k * len(pairs) // most for k in range(most + 1)]
    return [
        pairs[first + int(k * _GOLDEN % 1 * (end - first))]
        for k, (first, end) in enumerate(zip(ends, ends[1:], strict=False))
    ]


def frames_of(clip: Clip, whole: Motion) -> list[int]:
    """Which frames of the motion that was taken a clip's frames are.

    They are known by how the body stands; of several that stand alike, the one that comes
    after the frame before.

    Raises:
        InputError: a frame stands as none of the motion does.
    """
    own = clip.motion
    turned = own.R_parent_joint[:, None] - whole.R_parent_joint[None]
    moved = own.root_position[:, None] - whole.root_position[None]
    apart = turned.abs().flatten(2).amax(2) + moved.abs().amax(2)
    found: list[int] = []
    for t, row in enumerate(apart):
        alike = (row < _SAME).nonzero().flatten().tolist()
        if not alike:
            raise InputError(
                clip.name, "motion", f"stands in frame {t} as its parameters never do",
                "give the clip as it was made, or a selection of it",
            )
        following = found[-1] + 1 if found else 0
        found.append(min(alike, key=lambda k: abs(k - following)))
    return found


def bare(mesh: Mesh, points: int) -> Surface:
    """A body's mesh as a surface without textures, of which only the shape can be used."""
    count = len(mesh.faces)
    none = torch.zeros(count, dtype=torch.long)
    return Surface(
        mesh.faces.long(), torch.zeros(count, 6), none, none, none.bool(), _no_textures(),
        torch.ones(points), none, torch.zeros(points, dtype=torch.long),
    )


def _no_textures() -> TextureTable:
    empty = torch.zeros(0, 5, dtype=torch.long)
    return TextureTable(torch.zeros(0, 8), empty, empty, torch.zeros(0))


def _sure(flow: Flow) -> tuple[Tensor, Tensor, Tensor]:
    """Pair, pixel and place of the points that are seen in both and lie off any edge."""
    P, H, W = flow.visible.shape
    hidden = F.max_pool2d((~flow.visible).float(), 2 * _EDGE + 1, 1, _EDGE)
    pair, row, column = (hidden < 0.5).nonzero().unbind(1)
    to = flow.flow.permute(0, 2, 3, 1)[pair, row, column]
    centre = torch.stack([column, row], 1) + 0.5
    return pair, row * W + column, centre + to


def _read(file: Path, pairs: Sequence[Pair]) -> Matches | None:
    """What was kept, unless there is none or it is damaged."""
    try:
        with np.load(file, allow_pickle=False) as kept:
            pair = torch.from_numpy(kept["pair"].astype(np.int64))
            pixel = torch.from_numpy(kept["pixel"].astype(np.int64))
            place = torch.from_numpy(kept["place"].astype(np.float32))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return Matches(tuple(pairs), pair, pixel, place)
