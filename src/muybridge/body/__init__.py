"""Bodies: the skeleton, the built-in body, SMPL-X and SMPL from the user's files."""

from muybridge.body.anny import AnnyBody, load_anny
from muybridge.body.load import BODIES, load_body
from muybridge.body.measures import shape_with_height
from muybridge.body.shaped import Rig, ShapedBody
from muybridge.body.skeleton import (
    BODY_JOINTS,
    JOINT_INDEX,
    JOINTS,
    LEFT_HAND_JOINTS,
    MIRROR,
    NUM_JOINTS,
    PARENTS,
    REST_DIRECTIONS,
    RIGHT_HAND_JOINTS,
)
from muybridge.body.types import Body, Mesh, Moves, Part, PosedBody, Shape

__all__ = [
    "BODIES",
    "BODY_JOINTS",
    "JOINTS",
    "JOINT_INDEX",
    "LEFT_HAND_JOINTS",
    "MIRROR",
    "NUM_JOINTS",
    "PARENTS",
    "REST_DIRECTIONS",
    "RIGHT_HAND_JOINTS",
    "AnnyBody",
    "Body",
    "Mesh",
    "Moves",
    "Part",
    "PosedBody",
    "Rig",
    "Shape",
    "ShapedBody",
    "load_anny",
    "load_body",
    "shape_with_height",
]
