"""Colours for what no photo shows where a chart around the body does not help.

Hands, feet, the head and the tops of shoulders are filled over the surface itself.
On the head hair and skin are spread apart from one another and meet at a line, so
that the side of a head shows hair and skin, not their mixture, and no second face.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muybridge.person.surface_graph import SurfaceGraph

_STIFF = 1e-2


@dataclass(frozen=True)
class Seen:
    """What the photos say at each vertex.

    Attributes:
        colour: ``[N, 3]`` 0..1.
        trust: ``[N]`` 0 where unseen.
        skin: ``[N]`` 0..1 likeness to the person's skin.
    """

    colour: np.ndarray
    trust: np.ndarray
    skin: np.ndarray


def spread_over(graph: SurfaceGraph, seen: Seen) -> np.ndarray:
    """Seen colours spread smoothly over the whole surface ``[N, 3]``."""
    return np.clip(graph.fill(seen.colour, np.clip(seen.trust, 0, 1), _STIFF, 1e-8), 0, 1)


def fill_head(
    graph: SurfaceGraph,
    seen: Seen,
    *,
    ears: np.ndarray,
    face: np.ndarray,
    scalp: np.ndarray,
    skin: np.ndarray,
) -> np.ndarray:
    """Colours of the head, ``[N, 3]`` (meaningful on head and neck only).

    Args:
        graph: of the surface.
        seen: what the photos show there; elsewhere without trust.
        ears: ``[N]`` 1 on the ears: always skin, and no source for their surroundings.
        face: ``[N]`` 1 on face and neck, where dark means eyes, lips or a collar, not hair.
        scalp: ``[N]`` 1 where hair grows on a head that has hair.
        skin: ``[3]`` the face's colour, for heads of which nothing is seen.
    """
    trust = np.clip(seen.trust, 0, 1) * (ears < 0.3)
    hair = np.clip((0.5 - seen.skin) * 4 + 0.5, 0, 1) * (1 - face)
    bare, hairy = trust * (seen.skin > 0.5), trust * (hair > 0.9)
    tone = graph.fill(seen.colour, bare, _STIFF, 1e-8) if bare.sum() > 3 else np.zeros((1, 3))
    if bare.sum() <= 3:
        tone = np.broadcast_to(skin, seen.colour.shape)
    if hairy.sum() <= 3:
        return np.clip(tone, 0, 1)
    strands = graph.fill(seen.colour, hairy, _STIFF, 1e-8)
    on_top = trust * scalp
    grows = float((on_top * hair).sum() / max(float(on_top.sum()), 1e-6)) > 0.5
    known = trust * np.where(face > 0, seen.skin > 0.5, True) + np.where(ears > 0.5, 2.0, 0.0)
    value = np.where(ears > 0.5, 0.0, hair)
    if grows:
        guess = 0.6 * scalp * (trust < 0.05) * (ears < 0.3)
        known, value = known + guess, np.where(guess > 0, 1.0, value)
    line = graph.fill(value, known, _STIFF, 1e-8)
    share = np.clip((line - 0.5) * 8 + 0.5, 0, 1)[:, None]
    return np.clip(tone * (1 - share) + strands * share, 0, 1)
