"""Small clips of the bare body, painted with its own normals."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import torch

from muybridge.body import Shape, load_body
from muybridge.camera import build_cameras
from muybridge.data import Clip, HeldPictures, Reference
from muybridge.motion import clips, retarget
from muybridge.render import normal_map, part_map

SHAPE = Shape(gender=0.8, age=0.7, height=0.4, weight=0.6)
SIZE = (48, 64)


def painted(motion, cameras):
    """Pictures and mattes, 8 bit: normals over black."""
    posed = load_body().with_shape(SHAPE).pose(motion)
    rgb = normal_map(posed, cameras, frame="gas").mul(255).round().byte()
    matte = (part_map(posed, cameras) > 0)[:, :, 0].byte() * 255
    return rgb.permute(0, 1, 3, 4, 2).contiguous().numpy(), matte.numpy()


@cache
def clip(views: int = 3, frames: int = 4) -> Clip:
    body = load_body().with_shape(SHAPE)
    motion = retarget(clips.walk(frames, 8), body.rest_joints)
    points = body.pose(motion).joints
    cameras = build_cameras(f"orbit:{views}", points, width=SIZE[0], height=SIZE[1])
    rgb, matte = painted(motion, cameras)
    two = build_cameras("static:0,180", points[:1], width=SIZE[0], height=SIZE[1])
    stand = motion.slice(0, 1)
    faces, masks = painted(stand, two)
    rgba = np.concatenate([faces, masks[..., None]], -1)[:, 0]
    references = {
        name: Reference(name, rgba[k], two.select([k]), stand)
        for k, name in enumerate(("front", "back"))
    }
    return Clip(
        "walker", HeldPictures(rgb, matte), cameras, motion, "anny", SHAPE, references,
        {"upper-front": np.ascontiguousarray(rgba[0, 10:30, 14:34])},
        {"cast": {"identity": 3}, "nested": [1, 2.5, "x", None]}, "train", "tests", "CC0-1.0",
    )


def same(a: Clip, b: Clip) -> None:
    """Two records hold the same, to the last bit of their pictures."""
    for x, y in zip(a.raw(), b.raw(), strict=True):
        assert (x == y).all()
    assert torch.equal(a.cameras.K, b.cameras.K)
    assert torch.equal(a.cameras.T_cam_world, b.cameras.T_cam_world)
    # rotations pass through quaternions in the file: float32 rounding
    assert float((a.motion.R_parent_joint - b.motion.R_parent_joint).abs().max()) < 5e-6
    assert torch.equal(a.motion.root_position, b.motion.root_position)
    assert a.motion.fps == b.motion.fps
    assert list(a.references) == list(b.references) and list(a.assets) == list(b.assets)
    for name, reference in a.references.items():
        other = b.references[name]
        assert (reference.rgba == other.rgba).all()
        assert torch.equal(reference.camera.K, other.camera.K)
        assert torch.equal(reference.pose.root_position, other.pose.root_position)
    for name in a.assets:
        assert (a.assets[name] == b.assets[name]).all()
    plain = ("name", "body", "shape", "parameters", "split", "source", "licence")
    assert [getattr(a, k) for k in plain] == [getattr(b, k) for k in plain]


def with_pictures(record: Clip, rgb, matte) -> Clip:
    return replace(record, pictures=HeldPictures(rgb, matte))
