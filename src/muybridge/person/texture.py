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
from muybridge.person.charts import CHARTS, HEAD, Charts
from muybridge.person.drape import PhotoCamera
from muybridge.person.fill import Samples, continue_around
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


def look_up(
    layout: Layout, mesh: Mesh, view: View
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What one photo says of each texel.

    Returns:
        Colours ``[P, 3]`` 0..1; how well each is seen ``[P]`` 0..1: the cosine between
        the surface and the ray, 0 where hidden or off the person; and where no other
        limb is near in the picture ``[P]`` bool.
    """
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
    clear = _clear_of_other_limbs(part, own, xi, yi, o.height)
    skin = _skin_guard(o, own, xi, yi)
    spread = spread_inward(o.image, o.core)
    colour = _remap(spread, x, y)
    near = cv2.dilate(o.mask.astype(np.uint8), np.ones((5, 5), np.uint8))[yi, xi] > 0
    edge = np.where(o.core[yi, xi], 1.0, 0.5) * near
    seen = np.clip(cosine, 0, 1) * visible * skin * edge
    return colour, seen.astype(np.float32), clear


def _clear_of_other_limbs(
    part: np.ndarray, own: np.ndarray, xi: np.ndarray, yi: np.ndarray, height: float
) -> np.ndarray:
    """Texels whose pixel lies well away from every other limb in the picture, bool."""
    margin = max(1, round(0.012 * height))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1,) * 2)
    group_of_pixel = np.where(part > 0, _LIMB_GROUP[part], -1)
    group_of_texel = _LIMB_GROUP[own]
    clear = np.ones(len(xi), bool)
    for group in range(7):
        other = (group_of_pixel >= 0) & (group_of_pixel != group)
        near = cv2.dilate(other.astype(np.uint8), kernel) > 0
        clear &= ~((group_of_texel == group) & near[yi, xi])
    return clear


def _skin_guard(o: Observation, own: np.ndarray, xi: np.ndarray, yi: np.ndarray) -> np.ndarray:
    """0 where a hand would take a colour that is not skin."""
    if o.skin is None:
        return np.ones(len(xi), np.float32)
    hand = np.isin(own, (int(Part.LEFT_HAND), int(Part.RIGHT_HAND)))
    soft = cv2.GaussianBlur(o.skin, (0, 0), 0.0025 * o.height)
    unlike = soft[yi, xi] < 0.2
    return np.where(hand & unlike, 0.0, 1.0).astype(np.float32)


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
        sp.diags(root).tocsr(), mean * root[:, None], bend=0.5, stretch=0.05, pull=2e-4
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


def accept(
    patches: Patches, colour: np.ndarray, seen: np.ndarray, clear: np.ndarray
) -> np.ndarray:
    """``seen``, lowered where a colour is another limb's."""
    out = seen.copy()
    for which in range(CHARTS):
        i = patches.own[which]
        if which == HEAD or not len(i):
            continue
        fits = familiar(patches.samples(which, colour, seen * (seen > 0.3)), clear[i])
        out[i] *= np.where(clear[i], 1.0, fits)
    return out


def compose(
    layout: Layout,
    patches: Patches,
    colours: Sequence[np.ndarray],
    seen: Sequence[np.ndarray],
    skin: np.ndarray,
) -> tuple[np.ndarray, float]:
    """The texture of all photos together.

    Args:
        layout: the texture's layout.
        patches: its texels by chart.
        colours, seen: of each photo.
        skin: ``[3]`` the person's skin, 0..1, for hands that no photo shows.

    Returns:
        ``[S, S, 3]`` uint8, and the share of the surface that some photo saw.
    """
    sharp = [s**3 for s in seen]
    total = np.maximum(sum(sharp), 1e-12)
    blend = sum(c * w[:, None] for c, w in zip(colours, sharp, strict=True)) / total[:, None]
    best = np.max(np.stack(seen), 0)
    trust = np.clip((best - 0.08) / 0.12, 0, 1)
    source = np.where(best > 0.2, best, 0)
    filled = blend.copy()
    for which in range(CHARTS):
        i = patches.own[which]
        samples = patches.samples(which, blend, source)
        if (samples.trust > 0).mean() > 0.01:
            filled[i] = continue_around(samples, band=25.0 if which == HEAD else 45.0)
        else:
            filled[i] = skin
    colour = blend * trust[:, None] + filled * (1 - trust[:, None])
    texture = np.zeros((layout.size * layout.size, 3), np.float32)
    texture[layout.texel] = colour
    covered = np.zeros(layout.size * layout.size, bool)
    covered[layout.texel] = True
    square = (layout.size, layout.size)
    whole = np.round(np.clip(texture, 0, 1) * 255).astype(np.uint8).reshape(*square, 3)
    spread = spread_inward(whole, covered.reshape(square))
    return np.round(spread * 255).astype(np.uint8), float((trust > 0.5).mean())
