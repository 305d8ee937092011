"""The colours of a dressed body, taken from the photos it was dressed by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from muybridge.body import AnnyBody, Part
from muybridge.person.charts import unroll, zero_pose_vertices
from muybridge.person.cues import hairless, scalp
from muybridge.person.garment import Dressed
from muybridge.person.head_fill import Seen, fill_head, spread_over
from muybridge.person.observation import Observation
from muybridge.person.person import Person
from muybridge.person.texture import Layout as TextureLayout
from muybridge.person.texture import (
    Patches,
    Spread,
    View,
    accept,
    at_vertices,
    compose,
    level_colours,
    look_up,
    merge,
)


def take_colours(
    body: AnnyBody, dressed: Dressed, observations: Sequence[Observation], skin: np.ndarray
) -> tuple[np.ndarray, float]:
    """The texture of a person, and the share of the surface that some photo saw.

    Args:
        body: the model. ``dressed``: by the photos.
        observations: the photos.
        skin: ``[3]`` colour of the face, 0..1, for what of the head no photo shows.

    Returns:
        ``[S, S, 3]`` uint8, and 0..1.
    """
    layout = TextureLayout.of(body.mesh)
    charts = unroll(dressed.body, zero_pose_vertices(dressed.body, dressed.offsets))
    patches = Patches.of(layout, charts)
    looked = [
        look_up(layout, body.mesh, View(o, camera, vertices))
        for o, camera, vertices in zip(
            observations, dressed.cameras, dressed.posed, strict=True
        )
    ]
    seen = [accept(patches, one) for one in looked]
    colours = level_colours(layout, dressed.graph, [one.colour for one in looked], seen)
    blend = merge(colours, seen)
    likeness = merge([one.skin for one in looked], seen)
    best = np.max(np.stack(seen), 0)
    vertices = at_vertices(
        layout, len(charts.along), blend, np.where(best > 0.13, best, 0), likeness
    )
    parts = body.mesh.parts.numpy()
    head = np.isin(parts, (int(Part.HEAD), int(Part.NECK)))
    on_head = Seen(vertices.colour, vertices.trust * head, vertices.skin)
    ears = body.masks["ears"].numpy()
    spread = Spread(
        spread_over(dressed.graph, vertices),
        fill_head(
            dressed.graph, on_head, ears=ears, face=hairless(body), scalp=scalp(body), skin=skin
        ),
    )
    return compose(layout, patches, charts, blend, best, spread, len(observations) == 1)



def agreement(person: Person, index: int, mask: np.ndarray) -> float:
    """Overlap (IoU) of the rendered person with a photo's mask ``[H, W]``."""
    drawn = person.render_photo(index)[..., 3] > 127
    return float((drawn & mask).sum() / max(int((drawn | mask).sum()), 1))
