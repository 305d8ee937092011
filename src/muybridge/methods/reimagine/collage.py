"""Assets laid on a naked body: a rough picture of the person, which the networks then repaint.

The release's encoder alone has to learn where everything goes. Here garments are scaled by the
width of the trunk in them, trousers by the width of the hips, heads by their eyes, shoes by the
feet; skin that nothing covers is painted in the face's colour. What is not known of the back is
the front, mirrored, and hair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray
from torch import Tensor

from muybridge.body import Part, PosedBody
from muybridge.camera import Cameras
from muybridge.methods.reimagine.assets import (
    Anchor,
    AssetPictures,
    Rgba,
    cropped,
    resized,
    without_holes,
)
from muybridge.methods.reimagine.marks import Box, Marks, marks_of
from muybridge.person.face_detect import find_face
from muybridge.render import normal_map, part_map

_SAMPLES = 2
"""Samples per pixel, along each side."""
_UPPER_TOP, _UPPER_EASE = -0.08, 1.16
"""Of tops and dresses, in trunks below the neck and waists: collar, width of the trunk."""
_LOWER_TOP, _LOWER_EASE = -0.06, 1.09
"""Of trousers, shorts and skirts, in trunks below the pelvis and hips: waistband, its width."""
_SHOES_EASE = 1.03
_HEAD = (-0.08, 1.15)
"""Top and bottom of a picture of a head without a face that is found, in heads."""
_NECK = 0.04
"""At the neck a head's picture is faded out over so much of the trunk."""
_FACE_TO_EYES = (0.42, 0.38)
"""Distance of the eyes and their height within a found face's box, in its widths."""
_WIDENED = {
    "lower": (Part.HIPS, Part.LEFT_THIGH, Part.RIGHT_THIGH, Part.LEFT_CALF, Part.RIGHT_CALF),
    "full": (Part.TORSO, Part.HIPS, Part.LEFT_UPPER_ARM, Part.RIGHT_UPPER_ARM),
    "upper": (Part.TORSO, Part.LEFT_UPPER_ARM, Part.RIGHT_UPPER_ARM),
}
"""Parts of the body that must not peep out beside a garment."""
_OUTWARDS = 0.05
"""How far tops are widened, in trunks."""
_SHADE = 0.30
"""How much darker skin is at its outline."""


def collage(
    assets: AssetPictures, posed: PosedBody, cameras: Cameras, behind: bool = False
) -> Float[Tensor, "4 H W"]:
    """A rough picture of a person.

    Args:
        assets: what they wear, and their face.
        posed: the naked body, one frame, upright.
        cameras: one view, one frame, before the body or, with ``behind``, behind it.
        behind: from the back.

    Returns:
        RGB premultiplied over black, and matte, in [0, 1].
    """
    K = cameras.K * cameras.K.new_tensor([[_SAMPLES], [_SAMPLES], [1]])
    fine = replace(
        cameras, K=K, width=cameras.width * _SAMPLES, height=cameras.height * _SAMPLES
    )
    marks = marks_of(posed, fine)
    whole = assets.pictures.get("back" if behind else "front")
    if whole is not None:
        sheet = np.zeros((4, fine.height, fine.width), np.float32)
        _lay(sheet, *_fitted_whole(whole, marks))
    else:
        sheet = _dressed(assets, posed, fine, marks, behind)
    return F.avg_pool2d(torch.from_numpy(sheet)[None], _SAMPLES)[0].clamp(0, 1)


def _dressed(
    assets: AssetPictures, posed: PosedBody, cameras: Cameras, marks: Marks, behind: bool
) -> Float[ndarray, "4 H W"]:
    """Body, head and garments, one over the other."""
    known = {**assets.pictures, **assets.behind} if behind else dict(assets.pictures)
    flip = {n for n in known if behind and n not in assets.behind}
    source = assets.pictures.get("face", assets.pictures.get("front"))
    skin = np.array([0.75, 0.58, 0.5], np.float32) if source is None else skin_colour(source)
    sheet = _mannequin(posed, cameras, skin)
    parts = part_map(posed, cameras)[0, 0, 0].numpy()
    face = assets.pictures.get("face")
    for name in ("shoes", "lower", "full", "upper"):
        if name in known:
            picture = known[name][:, ::-1] if name in flip else known[name]
            own_back = behind and name in assets.behind
            anchor = assets.anchors.get(f"{name}-back" if own_back else name)
            if anchor is not None and name in flip:
                anchor = replace(anchor, x=picture.shape[1] - anchor.x)
            worn = np.zeros_like(sheet)
            for piece, box in _placed(name, np.ascontiguousarray(picture), marks, anchor):
                _lay(worn, piece, box)
            if name in _WIDENED:
                reach = None if name == "lower" else _OUTWARDS * marks.trunk
                worn = _widened(worn, np.isin(parts, _WIDENED[name]), reach)
            sheet = worn + sheet * (1 - worn[3:])
    if face is not None:
        # after the collar, whose inside a picture of a garment shows
        head = np.zeros_like(sheet)
        _lay_head(head, hair_of(face) if behind else face, marks, face)
        head = _widened(head, parts == Part.HEAD, None)
        sheet = head + sheet * (1 - head[3:])
    return sheet


def _placed(
    name: str, rgba: Rgba, marks: Marks, anchor: Anchor | None
) -> list[tuple[Rgba, Box]]:
    """The pieces of an asset, and where each lies."""
    if name == "shoes":
        return _shoes(rgba, marks)
    if anchor is not None:
        joint, width = (
            (marks.pelvis, marks.hips) if name == "lower" else (marks.neck, marks.waist)
        )
        scale = width / max(anchor.width, 1e-3)
        left, top = joint[0] - scale * anchor.x, joint[1] - scale * anchor.y
        return [(rgba, (left, top, left + scale * rgba.shape[1], top + scale * rgba.shape[0]))]
    if name == "lower":
        run = trunk_width(rgba, 0.02, 0.12, np.max)
        scale = _LOWER_EASE * marks.hips / run
        return [_hung(rgba, scale, marks.pelvis, _LOWER_TOP * marks.trunk, marks.body[3])]
    low, high = (0.15, 0.50) if name == "full" else (0.30, 0.80)
    run = trunk_width(rgba, low, high, lambda widths: float(np.percentile(widths, 10)))
    scale = _UPPER_EASE * marks.waist / run
    return [_hung(rgba, scale, marks.neck, _UPPER_TOP * marks.trunk, marks.body[3])]


def _hung(
    rgba: Rgba, scale: float, joint: tuple[float, float], below: float, ground: float
) -> tuple[Rgba, Box]:
    """A garment that hangs from a height, in the middle, to the ground at most."""
    top = joint[1] + below
    scale = min(scale, max(ground - top, 1.0) / rgba.shape[0])
    height, width = (scale * side for side in rgba.shape[:2])
    return rgba, (joint[0] - width / 2, top, joint[0] + width / 2, top + height)


def _shoes(rgba: Rgba, marks: Marks) -> list[tuple[Rgba, Box]]:
    """A pair as it is where it is about as wide as the feet; otherwise a shoe on each foot."""
    pair = split_pair(rgba)
    if len(pair) == 1:
        pair = [pair[0], np.ascontiguousarray(pair[0][:, ::-1])]
    placed = []
    for shoe, foot in zip(pair, marks.feet, strict=True):
        width = _SHOES_EASE * (foot[2] - foot[0])
        height = width * shoe.shape[0] / shoe.shape[1]
        most = 1.6 * (foot[3] - foot[1]) + width
        width, height = width * min(1.0, most / height), min(height, most)
        middle = (foot[0] + foot[2]) / 2
        placed.append((shoe, (middle - width / 2, foot[3] - height, middle + width / 2, foot[3])))
    return placed


def split_pair(rgba: Rgba) -> list[Rgba]:
    """Two shoes of a picture, left and right, or the one that there is."""
    mask = (rgba[..., 3] > 127).astype(np.uint8)
    count, labels, about, middles = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count < 3:
        return [cropped(rgba)]
    largest = np.argsort(about[1:, cv2.CC_STAT_AREA])[::-1][:2] + 1
    areas = about[largest, cv2.CC_STAT_AREA]
    if areas[1] < 0.3 * areas[0]:
        return [cropped(rgba)]
    first, second = sorted(largest, key=lambda k: middles[k][0])
    between = (middles[first][0] + middles[second][0]) / 2
    left, right = rgba.copy(), rgba.copy()
    columns = np.arange(rgba.shape[1])[None]
    left[..., 3] = np.where((labels == first) | ((labels == 0) & (columns < between)),
                            left[..., 3], 0)
    right[..., 3] = np.where((labels == second) | ((labels == 0) & (columns >= between)),
                             right[..., 3], 0)
    return [cropped(left), cropped(right)]


def trunk_width(
    rgba: Rgba, low: float, high: float, among: Callable[[list[int]], float]
) -> float:
    """How wide a garment is about its middle column, sleeves left out, pixels.

    Args:
        rgba: the garment, cropped to itself.
        low, high: the rows that are looked at, as shares of its height.
        among: chooses among these rows' widths: their median, least or most.
    """
    mask = without_holes(rgba[..., 3] > 127)
    height, width = mask.shape
    runs: list[int] = []
    for row in mask[int(low * height) : max(int(high * height), int(low * height) + 1)]:
        found = np.flatnonzero(row)
        if not len(found):
            continue
        middle = width // 2
        gaps = np.flatnonzero(~row)
        left = gaps[gaps < middle].max(initial=-1)
        right = gaps[gaps > middle].min(initial=width)
        runs.append(int(right - left - 1 if row[middle] else found[-1] - found[0] + 1))
    if not runs:
        return float(width)
    return float(among(runs))


def _lay_head(
    sheet: Float[ndarray, "4 H W"], picture: Rgba, marks: Marks, face: Rgba
) -> None:
    """A head where the body has its own; nothing of it below the neck.

    Args:
        sheet: laid on, in place. ``picture``: the head as it is to be seen.
        marks: of the body. ``face``: the same head from the front.
    """
    x0, y0, x1, y1 = marks.head
    eyes = eyes_in(face)
    rows, columns = picture.shape[:2]
    if eyes is None:
        top, bottom = (y0 + share * (y1 - y0) for share in _HEAD)
        half = (bottom - top) / rows * columns / 2
        box = ((x0 + x1) / 2 - half, top, (x0 + x1) / 2 + half, bottom)
    else:
        (lx, ly), (rx, ry) = eyes
        (ax, ay), (bx, by) = marks.eyes
        scale = (bx - ax) / max(rx - lx, 1e-3)
        left = (ax + bx) / 2 - scale * (lx + rx) / 2
        top = (ay + by) / 2 - scale * (ly + ry) / 2
        box = (left, top, left + scale * columns, top + scale * rows)
    rows_of_sheet = np.arange(sheet.shape[1], dtype=np.float32)
    fade = (marks.neck[1] - rows_of_sheet) / (_NECK * marks.trunk) + 0.5
    _lay(sheet, picture, box, np.clip(fade, 0, 1)[:, None])


def eyes_in(
    face: Rgba,
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Centres (x, y) of the eyes in a picture of a head; ``None`` where no face is found."""
    rows, columns = face.shape[:2]
    height = round(rows / 0.22)
    width = max(columns, round(0.3 * height))
    image = np.full((height, width, 3), 255, np.uint8)
    mask = np.zeros((height, width), bool)
    left = (width - columns) // 2
    share = face[..., 3:].astype(np.float32) / 255
    shown = face[..., :3] * share + 255 * (1 - share)
    image[:rows, left : left + columns] = np.rint(shown).astype(np.uint8)
    mask[:rows, left : left + columns] = face[..., 3] > 127
    mask[rows:, left : left + columns] = True  # a body, as the search for faces expects one
    found = find_face(image, mask)
    if found is None:
        return None
    if found.eyes is not None:
        (lx, ly), (rx, ry) = found.eyes
        return (lx - left, ly), (rx - left, ry)
    x0, y0, x1, _ = found.box
    apart, down = (share * (x1 - x0) for share in _FACE_TO_EYES)
    middle = (x0 + x1) / 2 - left
    return (middle - apart / 2, y0 + down), (middle + apart / 2, y0 + down)


def hair_of(face: Rgba) -> Rgba:
    """A head from behind: the front's outline, mirrored, in the colour of its hair."""
    mirrored = np.ascontiguousarray(face[:, ::-1])
    shown = np.flatnonzero((mirrored[..., 3] > 127).any(1))
    if not len(shown):
        return mirrored
    top, height = shown[0], len(shown)
    band = mirrored[top : top + max(2, round(0.12 * height))]
    hair = np.median(band[band[..., 3] > 127][:, :3], 0) if (band[..., 3] > 127).any() else 60
    light = cv2.GaussianBlur(mirrored[..., :3].max(-1).astype(np.float32), (0, 0), 0.08 * height)
    light = light / max(float(np.median(light[mirrored[..., 3] > 127])), 1.0)
    mirrored[..., :3] = np.clip(hair * np.clip(light[..., None], 0.8, 1.15), 0, 255)
    below = np.arange(len(mirrored))[:, None] > top + 0.8 * height
    mirrored[..., 3] = np.where(below, 0, mirrored[..., 3])
    return mirrored


def skin_colour(face: Rgba) -> Float[ndarray, "3"]:
    """The skin's colour in a picture of a head, RGB in [0, 1]: the median below the eyes."""
    rows, columns = face.shape[:2]
    found = eyes_in(face)
    if found is None:
        third = columns // 3
        middle = face[round(0.5 * rows) : round(0.75 * rows), third : columns - third]
    else:
        (lx, ly), (rx, _) = found
        wide = rx - lx
        top, bottom = round(ly + 0.35 * wide), round(ly + 0.9 * wide)
        middle = face[max(0, top) : max(top + 1, bottom), max(0, round(lx)) : max(1, round(rx))]
    colours = middle[middle[..., 3] > 127][:, :3]
    if not len(colours):
        colours = face[face[..., 3] > 127][:, :3]
    return np.asarray(np.median(colours, 0) / 255, np.float32)


def _widened(
    worn: Float[ndarray, "4 H W"], body: Bool[ndarray, "H W"], reach: float | None
) -> Float[ndarray, "4 H W"]:
    """A garment that also covers what peeps out beside it: its nearest colours are continued.

    Args:
        worn: the garment, or the head, alone.
        body: parts that it covers.
        reach: how far it is widened, outwards only, so that collars stay open and sleeves end,
            pixels; ``None``: from its first row to its last one everything is covered, and
            what is above it.
    """
    there = worn[3] > 0.5
    rows = np.flatnonzero(there.any(1))
    if not len(rows):
        return worn
    gaps = body & ~there
    gaps[rows[-1] :] = False
    away, nearest = cv2.distanceTransformWithLabels(
        (~there).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    if reach is not None:
        gaps[: rows[0]] = False
        columns = np.arange(there.shape[1])[None]
        first = np.where(there, columns, there.shape[1]).min(1)[:, None]
        last = np.where(there, columns, -1).max(1)[:, None]
        gaps &= ((columns < first) | (columns > last)) & (away < reach)
    source = np.zeros(nearest.max() + 1, np.int64)
    source[nearest[there]] = np.flatnonzero(there)
    flat = worn.reshape(4, -1)
    filled = flat.copy()
    place = np.flatnonzero(gaps)
    found = flat[:, source[nearest.reshape(-1)[place]]]
    filled[:, place] = found / np.maximum(found[3:], 1e-3)
    return filled.reshape(worn.shape)


def _mannequin(
    posed: PosedBody, cameras: Cameras, skin: Float[ndarray, "3"]
) -> Float[ndarray, "4 H W"]:
    """The naked body in one colour, darker towards its outline."""
    normals = normal_map(posed, cameras, "gas")[0, 0].numpy()
    body: Bool[ndarray, "H W"] = normals.max(0) > 0
    towards = np.clip(2 * normals[2] - 1, 0, 1)
    shade = (1 - _SHADE + _SHADE * towards) * body
    sheet = np.concatenate([skin[:, None, None] * shade, body[None]]).astype(np.float32)
    return sheet


def _fitted_whole(rgba: Rgba, marks: Marks) -> tuple[Rgba, Box]:
    """A whole person as tall as the body, the feet on its feet."""
    person = cropped(rgba)
    x0, y0, x1, y1 = marks.body
    half = (y1 - y0) * person.shape[1] / person.shape[0] / 2
    middle = marks.pelvis[0]
    return person, (middle - half, y0, middle + half, y1)


def _lay(
    sheet: Float[ndarray, "4 H W"], rgba: UInt8[ndarray, "h w 4"], box: Box,
    share: Float[ndarray, "H 1"] | None = None,
) -> None:
    """Lay a picture over a box of the sheet, in place.

    Args:
        sheet: RGB premultiplied over black, and matte.
        rgba: the picture. ``box``: in the sheet, pixels; it may reach beyond it.
        share: of the picture that is laid on, by row.
    """
    left, top = round(box[0]), round(box[1])
    width, height = max(1, round(box[2] - box[0])), max(1, round(box[3] - box[1]))
    rows, columns = sheet.shape[1:]
    x0, y0, x1, y1 = max(0, left), max(0, top), min(columns, left + width), min(rows, top + height)
    if x0 >= x1 or y0 >= y1 or width > 4 * columns or height > 4 * rows:
        return
    part = resized(rgba, width, height).numpy()[:, y0 - top : y1 - top, x0 - left : x1 - left]
    if share is not None:
        part = part * share[y0:y1]
    sheet[:, y0:y1, x0:x1] = part + sheet[:, y0:y1, x0:x1] * (1 - part[3:])
