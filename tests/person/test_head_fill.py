"""Heads: hair and skin meet at a line, ears are skin, bald heads stay bald."""

from __future__ import annotations

import numpy as np
import pytest

from muybridge.body import Part, Shape, load_anny
from muybridge.person.cues import hairless, scalp
from muybridge.person.head_fill import Seen, fill_head, spread_over
from muybridge.person.surface_graph import SurfaceGraph

SKIN, HAIR = np.array([0.85, 0.62, 0.50]), np.array([0.12, 0.10, 0.30])


@pytest.fixture(scope="module")
def head():
    body = load_anny()
    points = body.with_shape(Shape()).bind_vertices.numpy().astype(float)
    graph = SurfaceGraph.of(points, body.mesh.faces.numpy())
    own = np.isin(body.mesh.parts.numpy(), (int(Part.HEAD), int(Part.NECK)))
    ears = body.masks["ears"].numpy()
    return body, points, graph, own, ears


def seen_from_both_sides(head, haired: bool) -> tuple[Seen, np.ndarray]:
    """What two photos show: the front third and the back third; the sides are unseen."""
    body, points, _, own, _ = head
    z = points[:, 2]
    middle = (z[own].min() + z[own].max()) / 2
    reach = np.ptp(z[own]) / 2
    visible = own & (np.abs(z - middle) > 0.35 * reach)
    hair = (scalp(body) > 0.5) & haired
    colour = np.where(hair[:, None], HAIR, SKIN) * visible[:, None]
    return Seen(colour, visible.astype(float), (~hair & visible).astype(float)), visible


def fill(head, seen):
    body, _, graph, _, ears = head
    return fill_head(graph, seen, ears=ears, face=hairless(body), scalp=scalp(body), skin=SKIN)


def share_of_hair(colour):
    """0 skin .. 1 hair, and how far a colour lies off the line between them."""
    way = HAIR - SKIN
    share = (colour - SKIN) @ way / (way @ way)
    return share, np.linalg.norm(colour - SKIN - share[:, None] * way, axis=1)


def test_hair_and_skin_meet_without_grey(head):
    body, points, _, own, ears = head
    seen, visible = seen_from_both_sides(head, True)
    found = fill(head, seen)
    assert found.shape == (len(points), 3) and found.min() >= 0 and found.max() <= 1
    share, off = share_of_hair(found)
    sides = own & ~visible
    assert off[own].max() < 0.04
    grey = (share > 0.2) & (share < 0.8)
    assert grey[sides].mean() < 0.12
    assert (share[sides] > 0.8).mean() > 0.1 and (share[sides] < 0.2).mean() > 0.1
    top = sides & (scalp(body) > 0.5) & (points[:, 1] > points[own, 1].max() - 0.05)
    assert share[top].mean() > 0.9


def test_ears_stay_skin_even_where_hair_was_seen_on_them(head):
    _, _, _, own, ears = head
    seen, _ = seen_from_both_sides(head, True)
    stained = ears > 0.5
    colour, trust, skin = seen.colour.copy(), seen.trust.copy(), seen.skin.copy()
    colour[stained], trust[stained], skin[stained] = HAIR, 1.0, 0.0
    share, _ = share_of_hair(fill(head, Seen(colour, trust, skin)))
    assert (own & stained).sum() > 50
    assert share[stained].mean() < 0.1 and np.percentile(share[stained], 95) < 0.35


def test_a_bald_head_grows_no_hair(head):
    _, _, _, own, _ = head
    seen, _ = seen_from_both_sides(head, False)
    assert np.abs(fill(head, seen) - SKIN)[own].max() < 0.1


def test_a_head_of_which_nothing_is_seen_has_the_faces_colour(head):
    count = len(head[1])
    nothing = Seen(np.zeros((count, 3)), np.zeros(count), np.zeros(count))
    assert np.abs(fill(head, nothing) - SKIN).max() < 1e-9


def test_dark_eyes_and_lips_are_no_hair(head):
    """What is dark on the face does not spread hair over it."""
    body, _, _, own, _ = head
    seen, visible = seen_from_both_sides(head, True)
    dark = (body.masks["lips"].numpy() > 0.5) & visible
    colour, skin = seen.colour.copy(), seen.skin.copy()
    colour[dark], skin[dark] = (0.3, 0.05, 0.08), 0.1
    share, _ = share_of_hair(fill(head, Seen(colour, seen.trust, skin)))
    cheeks = own & (hairless(body) > 0.5) & ~dark & visible
    assert dark.sum() > 10 and share[cheeks].mean() < 0.1


def test_what_was_seen_spreads_over_all(head):
    _, points, graph, own, _ = head
    trust = (np.arange(len(points)) % 7 == 0).astype(float)
    colour = np.where(points[:, 1:2] > 0, 0.8, 0.2) * np.ones((1, 3))
    found = spread_over(graph, Seen(colour * trust[:, None], trust, trust))
    assert np.abs(found - colour).mean() < 0.03
    assert found.min() > 0.19 and found.max() < 0.81
