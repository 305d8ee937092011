"""The generalizable human NeRF (GAS, section 3.2; SHERF): one picture to any view and pose.

    model = HumanNeRF(**NANO)                                   # or **PAPER
    skin = posed_skin(model.canonical, shaped_body, motion)     # PosedSkin of T frames

Training. ``batch`` holds items stacked key by key; an item is one reference and ``P`` targets::

    item = training_item(reference[3,h,w], reference_skin, K[3,3], T_cam_world[4,4],
                         target[P,3,H,W], target_alpha[P,1,H,W], target_skin (P frames),
                         target_K[P,3,3], target_T_cam_world[P,4,4])
    loss, scalars = training_loss(model, batch, draws)          # draws: uniform(), normal()

    # runs as a Loss of the training engine through functools.partial(training_loss, ...)

Use. What is computed once per reference, then pictures::

    person = model.encode(reference[3,h,w], skin (1 frame), K[3,3], T_cam_world[4,4])
    rgb[B,3,H,W], alpha[B,1,H,W], depth[B,1,H,W] = model.render(
        person, target_skin (T frames), K[B,3,3], T_cam_world[B,4,4], height, width)
    rgb[V,T,3,H,W], alpha, depth = model.render_video(person, target_skin, cameras)
    person.save(path); BakedReference.load(path, model)

The released checkpoint, on the user's SMPL body (nothing in the pickle is run)::

    model = load_released("network-snapshot.pkl", canonical_skin(load_smplx("SMPL_NEUTRAL.pkl")))
    skin = posed_skin(model.canonical, shaped_body, motion, scale=1.0)

Pictures are RGB in [0, 1], premultiplied over black. Cameras are OpenCV's, world to camera,
pixel centres at +0.5.
"""

from __future__ import annotations

from muybridge.networks.human_nerf.baked import BakedReference
from muybridge.networks.human_nerf.config import NANO, PAPER
from muybridge.networks.human_nerf.features import ReferenceFeatures
from muybridge.networks.human_nerf.losses import (
    LossWeights,
    structural_similarity,
    training_item,
    training_loss,
)
from muybridge.networks.human_nerf.model import HumanNeRF
from muybridge.networks.human_nerf.release import load_released
from muybridge.networks.human_nerf.rendering import Field, SeenField
from muybridge.networks.human_nerf.skin import (
    CanonicalSkin,
    PosedSkin,
    big_pose,
    canonical_skin,
    posed_skin,
)

__all__ = [
    "NANO",
    "PAPER",
    "BakedReference",
    "CanonicalSkin",
    "Field",
    "HumanNeRF",
    "LossWeights",
    "PosedSkin",
    "ReferenceFeatures",
    "SeenField",
    "big_pose",
    "canonical_skin",
    "load_released",
    "posed_skin",
    "structural_similarity",
    "training_item",
    "training_loss",
]
