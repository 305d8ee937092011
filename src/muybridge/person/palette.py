"""Tells a limb's own colours from those of a limb that hides it.

Where the picture of one limb meets another's, a small error of the pose puts the
wrong limb's colour on a texel. There a colour is taken only if it is one that the
same part of the body shows elsewhere, where no other limb is near.
"""

from __future__ import annotations

import cv2
import numpy as np

from muybridge.person.fill import Grid, Samples, blur_known

_LEAST = np.array([18.0, 3.5, 3.5])
"""Least spread of a part's colours in Lab that is believed."""


def familiar(samples: Samples, certain: np.ndarray) -> np.ndarray:
    """How well each sample's colour fits what the chart shows for certain nearby.

    Args:
        samples: points of one chart; ``trust`` says how well each is seen.
        certain: ``[P]`` bool, seen with no other limb near.

    Returns:
        ``[P]`` 1 for a familiar colour down to 0 for an alien one.
    """
    trust = samples.trust * certain
    if not (trust > 0).any():
        return np.ones(len(trust), np.float32)
    lab = cv2.cvtColor(
        np.ascontiguousarray(samples.colour[:, None], np.float32), cv2.COLOR_RGB2LAB
    )[:, 0]
    sure = Samples(samples.along, samples.angle, lab, trust, samples.radius)
    grid = Grid.of(sure)
    known = grid.weight > 0
    near = dict(rows=14.0, columns=30.0)
    mean = blur_known(grid.colour, known, **near)
    spread = blur_known((grid.colour - mean) ** 2, known, **near)
    share = blur_known(np.ones((*known.shape, 1)), np.ones_like(known), **near)
    reach = cv2.GaussianBlur(known.astype(np.float32), (0, 0), sigmaX=30.0, sigmaY=14.0)
    whole = lab[trust > 0]
    mean = np.where((reach * share[..., 0])[..., None] > 1e-3, mean, whole.mean(0))
    spread = np.where((reach * share[..., 0])[..., None] > 1e-3, spread, whole.var(0))
    here = grid.at(mean, samples)
    width = np.maximum(np.sqrt(np.maximum(grid.at(spread, samples), 0)), _LEAST)
    distance = np.sqrt((((lab - here) / width) ** 2).sum(1))
    return np.clip((4.0 - distance) / 1.2, 0, 1).astype(np.float32)
