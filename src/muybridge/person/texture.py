"""Takes the person's colours off the photos and lays them on the body.

Each texel looks itself up in every photo that sees it. What two photos see is
blended by how squarely they see it, after their colours have been brought
together where they meet; what neither sees is continued around the body.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from muybridge.body import Mesh, Part
from muybridge.person.charts import (
    CHARTS,
    HEAD,
    LEFT_FOOT,
    LEFT_HAND,
    RIGHT_FOOT,
    RIGHT_HAND,
    Charts,
)
from muybridge.person.drape import PhotoCamera
from muybridge.person.fill import Samples, continue_around
from muybridge.person.head_fill import Seen
from muybridge.person.observation import Observation
from muybridge.person.palette import familiar
from muybridge.person.surface_graph import SurfaceGraph
from muybridge.render import rasterize_pixels, vertex_normals

SIZE = 2048
"""Width and height of a person's texture, pixels."""

_LIMB_GROUP = np.zeros(17, np.int64)
for _group, _names in enumerate(
    (
        ("LEFT_UPPER_ARM", "LEFT_FOREARM"),
        ("RIGHT_UPPER_ARM", "RIGHT_FOREARM"),
        ("LEFT_HAND",),
        ("RIGHT_HAND",),
        ("LEFT_THIGH", "LEFT_CALF", "LEFT_FOOT"),
        ("RIGHT_THIGH", "RIGHT_CALF", "RIGHT_FOOT"),
    ),
    start=1,
):
    for _name in _names:
        _LIMB_GROUP[Part[_name]] = _group


_BEHIND_ARMS = tuple(
    int(p) for p in (Part.TORSO, Part.HIPS, Part.LEFT_THIGH, Part.RIGHT_THIGH)
)


@dataclass(frozen=True)
class Layout:
    """Which surface point each texel shows.

    Attributes:
        texel: ``[P]`` flat index of the texels that show the surface.
        corners: ``[P, 3]`` vertices of the triangle there.
        weights: ``[P, 3]`` barycentrics.
        size: width and height of the texture.
    """

    texel: np.ndarray
    corners: np.ndarray
    weights: np.ndarray
    size: int

    @staticmethod
    def of(mesh: Mesh, size: int = SIZE) -> Layout:
        """Lays the mesh out in its texture."""
        flat = torch.cat([mesh.uv * size, torch.ones(len(mesh.uv), 1)], 1)
        drawn = rasterize_pixels(flat[None], mesh.faces_uv, size, size, cull=False)
        triangle = drawn.triangle.reshape(-1).numpy()
        texel = np.nonzero(triangle >= 0)[0]
        corners = mesh.faces.numpy()[triangle[texel]]
        weights = drawn.barycentric.reshape(-1, 3).numpy()[texel]
        return Layout(texel, corners, weights.astype(np.float32), size)

    def at(self, values: np.ndarray) -> np.ndarray:
        """Values of the vertices ``[N]`` or ``[N, C]``, blended to the texels."""
        v = values.astype(np.float32, copy=False)
        w = self.weights
        if v.ndim == 1:
            return np.asarray((v[self.corners] * w).sum(1))
        return np.asarray(np.einsum("pk,pkc->pc", w, v[self.corners]))


@dataclass(frozen=True)
class View:
    """A photo, the surface as it lies in it, and its camera."""

    observation: Observation
    camera: PhotoCamera
    vertices: np.ndarray


@dataclass(frozen=True)
class Looked:
    """What one photo says of each texel.

    Attributes:
        colour: ``[P, 3]`` 0..1.
        seen: ``[P]`` 0..1, the cosine between the surface and the ray; 0 where hidden or
            off the person.
        clear: ``[P]`` bool, no limb lies near in the picture, before or behind.
        skin: ``[P]`` 0..1 likeness to the person's skin.
    """

    colour: np.ndarray
    seen: np.ndarray
    clear: np.ndarray
    skin: np.ndarray


def look_up(layout: Layout, mesh: Mesh, view: View) -> Looked:
    """Looks every texel up in one photo."""
    o = view.observation
    height, width = o.mask.shape
    pixels = view.camera.project(view.vertices)
    drawn = rasterize_pixels(
        torch.from_numpy(pixels)[None].float(), mesh.faces, height, width, cull=False
    )
    depth = drawn.depth[0].numpy()
    triangle = drawn.triangle[0].numpy()
    normals = vertex_normals(torch.from_numpy(view.vertices)[None].float(), mesh.faces)[0].numpy()
    ray = view.vertices / np.linalg.norm(view.vertices, axis=1, keepdims=True)
    cosine = layout.at(-(normals * ray).sum(1))
    at = layout.at(pixels)
    x, y = at[:, 0] - 0.5, at[:, 1] - 0.5
    xi = np.clip(np.round(x).astype(int), 0, width - 1)
    yi = np.clip(np.round(y).astype(int), 0, height - 1)
    nearest = np.where(triangle >= 0, depth, np.inf)
    # a pixel's depth is that of its middle; steep surfaces change a lot within one
    slack = 0.006 + 0.02 * np.clip(1 - cosine, 0, 1)
    visible = at[:, 2] < nearest[yi, xi] + slack
    part = np.where(triangle >= 0, mesh.parts.numpy()[mesh.faces.numpy()[triangle, 0]], 0)
    own = mesh.parts.numpy()[layout.corners[np.arange(len(xi)), layout.weights.argmax(1)]]
    clear = _clear_of_other_limbs(part, depth, own, at[:, 2], (yi, xi), o.height)
    skin = np.zeros(o.mask.shape, np.float32) if o.skin is None else o.skin
    skin = cv2.GaussianBlur(skin, (0, 0), 0.0025 * o.height)[yi, xi]
    hand = np.isin(own, (int(Part.LEFT_HAND), int(Part.RIGHT_HAND)))
    alien = hand & (skin < 0.08) if o.skin is not None else np.zeros(len(hand), bool)
    spread = spread_inward(o.image, o.core)
    colour = _remap(spread, x, y)
    near = cv2.dilate(o.mask.astype(np.uint8), np.ones((5, 5), np.uint8))[yi, xi] > 0
    edge = np.where(o.core[yi, xi], 1.0, 0.5) * near
    if o.bare is not None:
        # an arm's skin on what lies behind it: the posed arm misses the pictured one
        stain = cv2.dilate(o.bare.astype(np.uint8), np.ones((5, 5), np.uint8))[yi, xi] > 0
        alien |= stain & np.isin(own, _BEHIND_ARMS)
    seen = np.clip(cosine, 0, 1) * visible * ~alien * edge
    return Looked(colour, seen.astype(np.float32), clear, skin)


def _clear_of_other_limbs(
    part: np.ndarray,
    depth: np.ndarray,
    own: np.ndarray,
    own_depth: np.ndarray,
    pixel: tuple[np.ndarray, np.ndarray],
    height: float,
) -> np.ndarray:
    """Texels whose pixel lies well away from every limb before or behind them, bool.

    Limbs that are near in the picture and in depth too (an arm at its shoulder) grow out
    of one another and don't count.
    """
    yi, xi = pixel
    margin = max(1, round(0.012 * height))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1,) * 2)
    group_of_pixel = np.where(part > 0, _LIMB_GROUP[part], -1)
    group_of_texel = _LIMB_GROUP[own]
    clear = np.ones(len(xi), bool)
    for group in range(7):
        mine = np.nonzero(group_of_texel == group)[0]
        if not len(mine):
            continue
        other = (group_of_pixel >= 0) & (group_of_pixel != group)
        before = cv2.erode(np.where(other, depth, 1e3).astype(np.float32), kernel)
        behind = cv2.dilate(np.where(other, depth, 0).astype(np.float32), kernel)
        y, x, z = yi[mine], xi[mine], own_depth[mine]
        clear[mine] = (before[y, x] > z - 0.03) & (behind[y, x] < z + 0.03)
    return clear


def spread_inward(image: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """The picture with every pixel outside ``inner`` replaced by the nearest one inside, so
    that no ground bleeds into the texture ``[H, W, 3]`` float32 0..1."""
    inner = inner.astype(np.uint8)
    _, label = cv2.distanceTransformWithLabels(
        1 - inner, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    seen = np.flatnonzero(inner)
    table = np.zeros(label.max() + 1, np.int64)
    table[label.reshape(-1)[seen]] = seen
    flat = image.reshape(-1, 3)
    return (flat[table[label]].astype(np.float32) / 255).reshape(image.shape)


def _remap(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bicubic samples ``[P, 3]`` of a picture at pixel-index coordinates."""
    out = np.empty((len(x), 3), np.float32)
    for start in range(0, len(x), 30000):
        stop = start + 30000
        out[start:stop] = cv2.remap(
            image, x[start:stop, None].astype(np.float32), y[start:stop, None].astype(np.float32),
            cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE,
        )[:, 0]
    return np.clip(out, 0, 1)


def level_colours(
    layout: Layout,
    graph: SurfaceGraph,
    colours: Sequence[np.ndarray],
    seen: Sequence[np.ndarray],
) -> list[np.ndarray]:
    """Brings two photos' colours together where they meet, without moving them elsewhere.

    The difference that both see along their border is measured per vertex, spread
    smoothly over the surface, and each photo takes half of it with the sign that closes it.
    """
    if len(colours) != 2:
        return list(colours)
    n = graph.laplacian.shape[0]
    both = np.minimum(seen[0], seen[1])
    dominant = layout.corners[np.arange(len(both)), layout.weights.argmax(1)]
    weight = np.bincount(dominant, both, n)
    difference = colours[0] - colours[1]
    mean = np.stack(
        [np.bincount(dominant, both * difference[:, i], n) for i in range(3)], 1
    ) / np.maximum(weight, 1e-9)[:, None]
    mean = np.clip(mean, -0.25, 0.25)
    if (weight > 1e-3).sum() < 20:
        return list(colours)
    known = np.clip(weight, 0, 1)
    root = np.sqrt(known)
    import scipy.sparse as sp

    field = graph.solve(
        sp.diags(root).tocsr(), mean * root[:, None], bend=0.5, stretch=0.05, pull=1.5e-3
    )
    half = layout.at(field) / 2
    return [np.clip(colours[0] - half, 0, 1), np.clip(colours[1] + half, 0, 1)]


@dataclass(frozen=True)
class Patches:
    """The texels of each chart, with their place on it."""

    own: tuple[np.ndarray, ...]
    along: np.ndarray
    angle: np.ndarray
    radius: tuple[float, ...]

    @staticmethod
    def of(layout: Layout, charts: Charts) -> Patches:
        """Sorts the texels by chart."""
        dominant = layout.corners[np.arange(len(layout.texel)), layout.weights.argmax(1)]
        chart = charts.chart[dominant]
        across = layout.at(charts.across)
        own = tuple(np.nonzero(chart == which)[0] for which in range(CHARTS))
        radius = tuple(
            float(np.linalg.norm(across[i], axis=1).mean()) if len(i) else 0.0 for i in own
        )
        angle = np.arctan2(across[:, 1], across[:, 0])
        return Patches(own, layout.at(charts.along), angle, radius)

    def samples(self, which: int, colour: np.ndarray, trust: np.ndarray) -> Samples:
        """The texels of one chart."""
        i = self.own[which]
        return Samples(self.along[i], self.angle[i], colour[i], trust[i], self.radius[which])


_OWN_COLOURS = (HEAD, LEFT_HAND, RIGHT_HAND, LEFT_FOOT, RIGHT_FOOT)
"""Charts whose colours are told otherwise (hands by skin) or too varied to be judged."""


def accept(patches: Patches, looked: Looked) -> np.ndarray:
    """How well each texel is seen, lowered where its colour is another limb's."""
    colour, seen, clear = looked.colour, looked.seen, looked.clear
    out = seen.copy()
    for which in range(CHARTS):
        i = patches.own[which]
        if which in _OWN_COLOURS or not len(i):
            continue
        fits = familiar(patches.samples(which, colour, seen * (seen > 0.3)), clear[i])
        out[i] *= np.where(clear[i], 1.0, fits)
    return out


@dataclass(frozen=True)
class Spread:
    """Colours of the vertices, for texels that no chart can fill.

    Attributes:
        over: ``[N, 3]`` seen colours spread over the surface.
        head: ``[N, 3]`` the head, hair and skin apart.
    """

    over: np.ndarray
    head: np.ndarray


def at_vertices(
    layout: Layout, count: int, colour: np.ndarray, trust: np.ndarray, skin: np.ndarray
) -> Seen:
    """Gathers texels at the vertex each is nearest to."""
    dominant = layout.corners[np.arange(len(trust)), layout.weights.argmax(1)]
    weight = np.bincount(dominant, trust, count)
    values = np.concatenate([colour, skin[:, None]], 1)
    mean = np.stack(
        [np.bincount(dominant, trust * values[:, i], count) for i in range(4)], 1
    ) / np.maximum(weight, 1e-9)[:, None]
    return Seen(mean[:, :3], np.clip(weight / 4, 0, 1), mean[:, 3])


def merge(
    values: Sequence[np.ndarray], seen: Sequence[np.ndarray]
) -> np.ndarray:
    """Values ``[P]`` or ``[P, C]`` of several photos, the squarest view counting most."""
    sharp = [s**3 for s in seen]
    total = np.maximum(sum(sharp), 1e-12)
    shaped = [w.reshape(-1, *([1] * (v.ndim - 1))) for v, w in zip(values, sharp, strict=True)]
    mixed = sum(v * w for v, w in zip(values, shaped, strict=True))
    return np.asarray(mixed / total.reshape(-1, *([1] * (values[0].ndim - 1))))


def compose(
    layout: Layout,
    patches: Patches,
    charts: Charts,
    blend: np.ndarray,
    best: np.ndarray,
    spread: Spread,
    one: bool,
) -> tuple[np.ndarray, float]:
    """The texture of all photos together.

    Args:
        layout: the texture's layout.
        patches: its texels by chart.
        charts: where each vertex lies on its chart.
        blend: ``[P, 3]`` colour of the texels that were seen.
        best: ``[P]`` how well the best photo saw each.
        spread: colours of the vertices.
        one: there is one photo only; a print on the chest is not to reach the back.

    Returns:
        ``[S, S, 3]`` uint8, and the share of the surface that some photo saw.
    """
    trust = np.clip((best - 0.05) / 0.10, 0, 1)
    source = np.where(best > 0.13, best, 0)
    filled = layout.at(spread.over)
    flat = layout.at(charts.flat)
    head = layout.at(spread.head)
    for which in range(CHARTS):
        i = patches.own[which]
        if which == HEAD:
            filled[i] = head[i]
        elif which not in _OWN_COLOURS:
            samples = patches.samples(which, blend, source)
            if (samples.trust > 0).mean() > 0.01:
                around = continue_around(samples, band=25.0 if one else 45.0)
                filled[i] = filled[i] * flat[i, None] + around * (1 - flat[i, None])
    colour = blend * trust[:, None] + filled * (1 - trust[:, None])
    texture = np.zeros((layout.size * layout.size, 3), np.float32)
    texture[layout.texel] = colour
    covered = np.zeros(layout.size * layout.size, bool)
    covered[layout.texel] = True
    square = (layout.size, layout.size)
    whole = np.round(np.clip(texture, 0, 1) * 255).astype(np.uint8).reshape(*square, 3)
    painted = spread_inward(whole, covered.reshape(square))
    return np.round(painted * 255).astype(np.uint8), float((trust > 0.5).mean())
