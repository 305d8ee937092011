"""A motion on another body: rotations kept, path scaled, feet on the ground.

The root path is scaled by the ratio of leg lengths; where the recorded body is known,
limbs keep their directions even if the two T-poses differ. Then the feet are settled:

* ``plant``: a foot in contact stands still and flat on y = 0. Its slide is taken out
  by moving the pelvis (the slow, common part) and the legs (the rest), its tilt by the
  ankle; between contacts the correction fades over, so swings and flights keep their shape.
* ``ground``: the pelvis is moved up or down so that what touches the ground is on it.
* ``keep``: nothing is moved.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from torch import Tensor

from muybridge.body.skeleton import JOINT_INDEX
from muybridge.errors import InputError
from muybridge.motion.contacts import Contacts, find_contacts, foot_points, runs
from muybridge.motion.kinematics import (
    forward_kinematics,
    leg_length,
    local_rotations,
    rotation_between,
    world_rotations,
)
from muybridge.motion.legs import SIDES, Leg, contact_points, leg_of, move_ankle, turned
from muybridge.motion.nominal import nominal_rest_joints
from muybridge.motion.types import Motion

FOOT_MODES = ("plant", "ground", "keep")
"""What :func:`retarget` can do about feet."""
_LIMBS = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
_PELVIS_SECONDS = 0.16
_FLAT_SECONDS = 0.05


def retarget(motion: Motion, rest_joints: Float[Tensor, "55 3"], *, feet: str = "plant") -> Motion:
    """The motion on the body with these rest joints.

    Args:
        motion: as recorded; where its ``rest_joints`` are unknown, a 1.70 m adult's are taken.
        rest_joints: joints of the new body in its T-pose, soles on y = 0, metres.
        feet: ``plant``, ``ground`` or ``keep`` (see the module).

    Raises:
        InputError: an unknown ``feet``, or rest joints without legs.
    """
    if feet not in FOOT_MODES:
        raise InputError("retarget", "feet", f"is {feet!r}", "use one of " + ", ".join(FOOT_MODES))
    target = rest_joints.detach().cpu().float()
    if not bool(torch.isfinite(target).all()) or leg_length(target) < 1e-3:
        raise InputError("retarget", "rest_joints", "have no legs", "give a T-pose in metres")
    source = nominal_rest_joints() if motion.rest_joints is None else motion.rest_joints.cpu()
    ratio = leg_length(target) / max(leg_length(source), 1e-6)
    R = motion.R_parent_joint.double()
    if motion.rest_joints is not None:
        R = _keep_directions(R, source.double(), target.double())
    # Heights are scaled from the T-pose's, so that standing remains standing.
    root = motion.root_position.double() * ratio
    root[:, 1] += float(target[0, 1]) - float(source[0, 1]) * ratio
    out = replace(motion, R_parent_joint=R.float(), root_position=root.float(), rest_joints=target)
    if feet == "keep":
        return out
    contacts = find_contacts(motion, source)
    if feet == "ground" or not bool(contacts.touching.any()):
        return replace(out, root_position=_grounded(out, contacts, target).float())
    return _Planter(out, contacts, target).plant()


def _keep_directions(
    R_parent_joint: Float[Tensor, "T 55 3 3"],
    source: Float[Tensor, "55 3"],
    target: Float[Tensor, "55 3"],
) -> Float[Tensor, "T 55 3 3"]:
    """Turns limbs so that they point on the target as they did on the source."""
    R_world = world_rotations(R_parent_joint)
    out = R_world.clone()
    for side in SIDES:
        for name, child in _LIMBS:
            j, c = JOINT_INDEX[f"{side}_{name}"], JOINT_INDEX[f"{side}_{child}"]
            out[:, j] = R_world[:, j] @ rotation_between(
                target[c] - target[j], source[c] - source[j]
            )
    return local_rotations(out)


def _smoothed(values: np.ndarray, sigma: float) -> np.ndarray:
    if sigma < 1e-3 or len(values) < 2:
        return values
    return gaussian_filter1d(values, sigma, axis=0, mode="nearest")


def _bridged(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Values where they are known, a curve without overshoot between, constant outside."""
    index = np.flatnonzero(known)
    if len(index) == 0:
        return np.zeros_like(values)
    if len(index) == 1:
        return np.broadcast_to(values[index], values.shape).copy()
    curve = PchipInterpolator(index, values[index], axis=0)
    return curve(np.arange(len(values)).clip(index[0], index[-1]))


def _grounded(
    motion: Motion, contacts: Contacts, rest: Float[Tensor, "55 3"]
) -> Float[Tensor, "T 3"]:
    """The root path, moved vertically so that touching points lie on y = 0 and none below."""
    height = foot_points(motion, rest)[..., 1]
    lowest = height.flatten(1).amin(1).numpy()
    touching = contacts.touching.flatten(1)
    level = torch.where(touching, height.flatten(1), torch.full_like(height.flatten(1), 1e9))
    standing = touching.any(1).numpy()
    rate = float(motion.fps)
    if standing.any():
        gap = np.where(standing, np.minimum(level.amin(1).numpy(), 1e6), 0.0)
        shift = _smoothed(-_bridged(gap, standing), 0.06 * rate)
    else:
        shift = np.full(len(lowest), -float(np.quantile(lowest, 0.02)))
    sunk = np.maximum(-(lowest + shift), 0.0)
    shift = shift + _envelope(sunk, 0.05 * rate)
    root = motion.root_position.double().clone()
    root[:, 1] += torch.from_numpy(shift)
    return root


def _envelope(need: np.ndarray, sigma: float) -> np.ndarray:
    """A smooth curve nowhere below ``need`` (which is >= 0)."""
    if need.max() <= 0 or len(need) < 2:
        return need
    width = 2 * max(1, round(3 * sigma)) + 1
    return np.maximum(_smoothed(maximum_filter1d(need, width, mode="nearest"), sigma), need)


class _Planter:
    """The steps of ``plant``; all arrays are float64 in the world of the target body."""

    def __init__(self, motion: Motion, contacts: Contacts, rest: Float[Tensor, "55 3"]) -> None:
        self.motion, self.rest, self.rate = motion, rest, float(motion.fps)
        self.touching = contacts.touching
        self.root = _grounded(motion, contacts, rest)
        self.R, self.joints = forward_kinematics(
            motion.R_parent_joint.double(), self.root, rest.double()
        )
        self.R = self.R.clone()
        self.legs: tuple[Leg, Leg] = (leg_of(rest, "left"), leg_of(rest, "right"))
        # A clean contact of toes means their ball stands, too.
        self.on = torch.stack(
            [self.touching[..., 0], self.touching[..., 1] | self.touching[..., 2]], dim=-1
        )

    def plant(self) -> Motion:
        for k, leg in enumerate(self.legs):
            self._flatten(leg, self.on[:, k])
        points = [self._points(leg) for leg in self.legs]
        slides = [self._slide(p, self.on[:, k]) for k, p in enumerate(points)]
        pelvis = self._pelvis(slides)
        self.root = self.root + torch.from_numpy(pelvis)
        targets = []
        for k, leg in enumerate(self.legs):
            targets.append(self._ankle(leg, points[k], slides[k], self.on[:, k]))
        self._reach(targets)
        for leg, target in zip(self.legs, targets, strict=True):
            foot, toe = self.R[:, leg.ankle].clone(), self.R[:, leg.toe].clone()
            thigh, shank, _ = move_ankle(
                leg, self._hip(leg), target, self.R[:, leg.hip], self.R[:, leg.knee]
            )
            self.R[:, leg.hip], self.R[:, leg.knee] = thigh, shank
            self.R[:, leg.ankle], self.R[:, leg.toe] = foot, toe
        return replace(
            self.motion,
            R_parent_joint=local_rotations(self.R).float(),
            root_position=self.root.float(),
        )

    def _hip(self, leg: Leg) -> Float[Tensor, "T 3"]:
        return self.root + turned(self.R[:, 0], self.rest[leg.hip] - self.rest[0])

    def _points(self, leg: Leg) -> Float[Tensor, "T 3 3"]:
        ankle = self.joints[:, leg.ankle]
        return contact_points(leg, ankle, self.R[:, leg.ankle], self.R[:, leg.toe])

    def _weight(self, flags: Bool[Tensor, "T"]) -> Float[Tensor, "T"]:
        """Flags as a smooth 0..1."""
        return torch.from_numpy(
            _smoothed(flags.numpy().astype(np.float64), _FLAT_SECONDS * self.rate)
        )

    def _flatten(self, leg: Leg, on: Bool[Tensor, "T 2"]) -> None:
        """Lays the sole flat while heel and ball touch, the toes while the ball does."""
        up = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64).expand(len(self.R), 3)
        for joint, flags in ((leg.ankle, on.all(-1)), (leg.toe, on[:, 1])):
            tilt = self.R[:, joint, :, 1]
            weight = self._weight(flags)
            # Feet far from flat (on tiptoe, on the side) are meant so.
            meant = ((tilt[:, 1] - 0.80) / 0.12).clamp(0, 1) if joint == leg.ankle else 1.0
            level = tilt + (up - tilt) * (weight * meant)[:, None]
            turn = rotation_between(tilt, level)
            self.R[:, joint] = turn @ self.R[:, joint]
            if joint == leg.ankle:
                self.R[:, leg.toe] = turn @ self.R[:, leg.toe]

    def _slide(self, points: Float[Tensor, "T 3 3"], on: Bool[Tensor, "T 2"]) -> np.ndarray:
        """(T, 2) x and z by which a foot would have to move to stand still; NaN in swings."""
        frames = len(points)
        out = np.full((frames, 2), np.nan)
        level = points[:, :2, [0, 2]].numpy()
        flags = on.numpy()
        step = np.diff(level, axis=0)
        both = (flags[1:] & flags[:-1]).astype(np.float64)
        # Heel first, then ball: while both stand they share, at hand-over one leads.
        share = both / np.maximum(both.sum(1, keepdims=True), 1)
        moved = -(step * share[..., None]).sum(1)
        for start, stop in runs(on.any(-1)):
            path = np.concatenate([np.zeros((1, 2)), np.cumsum(moved[start : stop - 1], axis=0)])
            out[start:stop] = path - path.mean(0)
        return out

    def _pelvis(self, slides: list[np.ndarray]) -> np.ndarray:
        """(T, 3) the slow part of the slides that standing feet have in common."""
        known = np.stack([~np.isnan(s[:, 0]) for s in slides])
        total = sum(np.nan_to_num(s) for s in slides)
        count = known.sum(0)
        mean = total / np.maximum(count, 1)[:, None]
        smooth = _smoothed(_bridged(mean, count > 0), _PELVIS_SECONDS * self.rate)
        out = np.zeros((len(mean), 3))
        out[:, [0, 2]] = smooth
        return out

    def _ankle(
        self, leg: Leg, points: Float[Tensor, "T 3 3"], slide: np.ndarray, on: Bool[Tensor, "T 2"]
    ) -> Float[Tensor, "T 3"]:
        """Where an ankle has to be: still and on the ground in contacts, never below it."""
        standing = on.any(-1).numpy()
        shift = np.zeros((len(points), 3))
        shift[:, [0, 2]] = _bridged(np.nan_to_num(slide), standing)
        height = points[..., 1].numpy()
        touch = np.where(on.numpy(), height[:, :2], np.inf).min(1)
        gap = np.where(standing, np.minimum(touch, height.min(1)), 0.0)
        shift[:, 1] = -_bridged(gap, standing)
        # Nothing sinks: swings are lifted where they would, fading at their ends.
        low = height.min(1) + shift[:, 1]
        shift[:, 1] += _envelope(np.maximum(-low, 0.0), 0.03 * self.rate) * ~standing
        shift[:, 1] += np.maximum(-low, 0.0) * standing
        return self.joints[:, leg.ankle] + torch.from_numpy(shift)

    def _reach(self, targets: list[Float[Tensor, "T 3"]]) -> None:
        """Lowers the pelvis, smoothly, where a standing leg would not reach the ground."""
        for _ in range(3):
            need = np.zeros(len(self.root))
            for k, (leg, target) in enumerate(zip(self.legs, targets, strict=True)):
                line = self._hip(leg) - target
                level = line[:, [0, 2]].norm(dim=-1)
                tallest = ((leg.length * 0.992) ** 2 - level**2).clamp_min(0).sqrt()
                over = (line[:, 1] - tallest).clamp_min(0) * self.on[:, k].any(-1)
                over = over * (level < leg.length * 0.9)
                need = np.maximum(need, over.numpy())
            if need.max() < 1e-4:
                return
            self.root[:, 1] -= torch.from_numpy(_envelope(need, 0.06 * self.rate))


@dataclass(frozen=True)
class FootReport:
    """How well feet stand.

    Attributes:
        slide: mean speed of touching points along the ground, metres per second.
        worst_slide: 95th percentile of it.
        sink: greatest depth of a contact point below the ground, metres.
        float_: mean height of the lowest touching point above the ground, metres.
        contact: part of the frames in which a foot touches.
    """

    slide: float
    worst_slide: float
    sink: float
    float_: float
    contact: float


def foot_report(
    motion: Motion, rest_joints: Float[Tensor, "55 3"], contacts: Contacts | None = None
) -> FootReport:
    """Measures slide and sinking of a motion on a body.

    Args:
        motion: on that body.
        rest_joints: of the body.
        contacts: which points touch; by default found in this motion.
    """
    found = find_contacts(motion, rest_joints) if contacts is None else contacts
    points = foot_points(motion, rest_joints)
    speed = (points[1:] - points[:-1])[..., [0, 2]].norm(dim=-1) * float(motion.fps)
    both = found.touching[1:] & found.touching[:-1]
    both = both[..., :2]
    values = speed[..., :2][both]
    height = points[..., 1]
    lowest = torch.where(found.touching, height, torch.full_like(height, 9.0)).flatten(1).amin(1)
    stands = found.touching.flatten(1).any(1)
    return FootReport(
        float(values.mean()) if len(values) else 0.0,
        float(torch.quantile(values[:: max(1, len(values) // 100_000)], 0.95))
        if len(values)
        else 0.0,
        max(0.0, -float(height.min())),
        float(lowest[stands].abs().mean()) if bool(stands.any()) else 0.0,
        float(stands.double().mean()),
    )
