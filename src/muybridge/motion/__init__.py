"""Motions: the type, files of every kind, time, space, retargeting and built-in clips."""

from muybridge.motion import clips
from muybridge.motion.bvh_person import load_bvh
from muybridge.motion.face import FACE_ACTIONS, blink_track, check_face, expression, with_face
from muybridge.motion.hands import HAND_POSES, hand_pose, relaxed_hands, with_hands
from muybridge.motion.kinematics import forward_kinematics, local_rotations, world_rotations
from muybridge.motion.loading import FORMATS, describe, load_motion
from muybridge.motion.nominal import nominal_rest_joints
from muybridge.motion.placement import (
    calibration_frames,
    face_forward,
    lead_in,
    mirror,
    without_calibration_pose,
)
from muybridge.motion.retargeting import FOOT_MODES, foot_report, retarget
from muybridge.motion.smplx_files import load_smplx
from muybridge.motion.timing import (
    as_rate,
    concatenate,
    resample,
    smooth,
    smooth_with_camera,
    take,
)
from muybridge.motion.trackers import load_gvhmr, load_phalp
from muybridge.motion.types import Motion

__all__ = [
    "FACE_ACTIONS",
    "FOOT_MODES",
    "FORMATS",
    "HAND_POSES",
    "Motion",
    "as_rate",
    "blink_track",
    "calibration_frames",
    "check_face",
    "clips",
    "concatenate",
    "describe",
    "expression",
    "face_forward",
    "foot_report",
    "forward_kinematics",
    "hand_pose",
    "lead_in",
    "load_bvh",
    "load_gvhmr",
    "load_motion",
    "load_phalp",
    "load_smplx",
    "local_rotations",
    "mirror",
    "nominal_rest_joints",
    "relaxed_hands",
    "resample",
    "retarget",
    "smooth",
    "smooth_with_camera",
    "take",
    "with_face",
    "with_hands",
    "without_calibration_pose",
    "world_rotations",
]
