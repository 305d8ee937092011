"""Motions in time: resample, take frames, smooth, concatenate.

Rotations are interpolated along great circles and averaged on SO(3); positions go
through cubic curves. Frames are never just dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import roma
import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.errors import InputError
from muybridge.motion.kinematics import axis_rotation, heading
from muybridge.motion.types import MAX_FRAMES, Motion


def as_rate(fps: Fraction | int | float | str, source: str = "fps") -> Fraction:
    """A frame rate as an exact fraction; 23.976 and 29.97 become NTSC's.

    Raises:
        InputError: no number, or not in (0, 1000].
    """
    try:
        rate = Fraction(fps)
    except (ValueError, ZeroDivisionError, OverflowError, TypeError):
        raise InputError(source, "fps", f"is {fps!r}", "give a rate as 24 or 30000/1001") from None
    if not 0 < rate <= 1000:
        raise InputError(source, "fps", f"is {float(rate):g}", "give a rate in 0..1000")
    for whole in (24, 30, 48, 60, 120):
        ntsc = Fraction(whole * 1000, 1001)
        if rate.denominator > 1 and abs(rate / ntsc - 1) < Fraction(1, 20_000):
            return ntsc
    return rate.limit_denominator(1_000_000)


def resample(motion: Motion, fps: Fraction | int | float | str) -> Motion:
    """The same motion at another frame rate.

    Frame ``k`` is the motion at exactly ``k / fps`` seconds; the last one is the last
    that does not lie beyond the motion's last frame. Rotations by slerp, the root path
    and the face by cubic interpolation (Catmull-Rom).

    Raises:
        InputError: a rate that can't be, or more than 100,000 frames.
    """
    rate = as_rate(fps)
    if rate == motion.fps:
        return motion
    ratio = motion.fps / rate
    frames = int((motion.frames - 1) / ratio) + 1
    if frames > MAX_FRAMES:
        raise InputError("motion", "fps", f"makes {frames} frames", f"stay below {MAX_FRAMES}")
    # Exact frame times: index and fraction by whole numbers.
    exact = [divmod(k * ratio.numerator, ratio.denominator) for k in range(frames)]
    low = torch.tensor([i for i, _ in exact])
    u = torch.tensor([r / ratio.denominator for _, r in exact], dtype=torch.float64)
    high = (low + 1).clamp(max=motion.frames - 1)
    R = _slerp(motion.R_parent_joint[low], motion.R_parent_joint[high], u)
    face = {n: _cubic(v, low, u).clamp(0, 1) for n, v in motion.face.items()}
    return replace(
        motion,
        R_parent_joint=R,
        root_position=_cubic(motion.root_position, low, u),
        fps=rate,
        face=face,
    )


def _slerp(
    a: Float[Tensor, "T J 3 3"], b: Float[Tensor, "T J 3 3"], u: Float[Tensor, "T"]
) -> Float[Tensor, "T J 3 3"]:
    """Great-circle interpolation; exact at ``u = 0``."""
    x, y = a.double(), b.double()
    step = roma.rotmat_to_rotvec(x.transpose(-1, -2) @ y)
    out = (x @ roma.rotvec_to_rotmat(step * u[:, None, None])).to(a)
    return torch.where((u == 0)[:, None, None, None], a, out)


def _cubic(
    values: Float[Tensor, "T *D"], low: Tensor, u: Float[Tensor, "N"]
) -> Float[Tensor, "N *D"]:
    """Catmull-Rom through all values; exact at ``u = 0``."""
    v = values.double()
    last = len(v) - 1
    p0, p1 = v[(low - 1).clamp(0, last)], v[low]
    p2, p3 = v[(low + 1).clamp(0, last)], v[(low + 2).clamp(0, last)]
    # Beyond the ends the curve goes straight on.
    first, end = (low == 0), (low + 2 > last)
    shape = (-1,) + (1,) * (v.dim() - 1)
    p0 = torch.where(first.reshape(shape), 2 * p1 - p2, p0)
    p3 = torch.where(end.reshape(shape), 2 * p2 - p1, p3)
    t = u.reshape(shape)
    curve = p1 + 0.5 * t * (
        p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0))
    )
    return curve.to(values)


def take(motion: Motion, frames: int, start: int = 0) -> Motion:
    """``frames`` frames from ``start`` on; fewer where the motion ends before, which it notes.

    Raises:
        InputError: a start beyond the end, or less than one frame.
    """
    if frames < 1:
        raise InputError("motion", "frames", f"is {frames}", "ask for at least 1")
    if not 0 <= start < motion.frames:
        raise InputError(
            "motion", "start", f"is {start} of {motion.frames} frames", "start within the motion"
        )
    part = motion.slice(start, min(start + frames, motion.frames))
    if part.frames < frames:
        return part.with_note(f"The motion has {part.frames} of the {frames} frames asked for.")
    return part


def smooth(motion: Motion, seconds: float = 0.1) -> Motion:
    """The motion without its jitter: a Gaussian mean on SO(3) and of the root path.

    Args:
        motion: what to smooth.
        seconds: standard deviation of the Gaussian; 0 changes nothing.

    Raises:
        InputError: a negative time or more than 10 s.
    """
    sigma = _sigma(motion, seconds)
    if sigma == 0 or motion.frames == 1:
        return motion
    return replace(
        motion,
        R_parent_joint=_mean_rotations(motion.R_parent_joint, sigma),
        root_position=_mean(motion.root_position, sigma),
        face={n: _mean(v, sigma) for n, v in motion.face.items()},
    )


def smooth_with_camera(
    motion: Motion, T_cam_world: Float[Tensor, "T 4 4"], seconds: float = 0.1
) -> tuple[Motion, Float[Tensor, "T 4 4"]]:
    """Smooths a tracked motion and the camera that it was seen by, together.

    What a tracker really measures is the person in the camera. So the root is smoothed
    in the camera's axes and the camera in the world's, and the root in the world follows
    from both: the person stays where they were in the picture.

    Args:
        motion: as tracked, in the world.
        T_cam_world: world to camera, one for each frame.
        seconds: standard deviation of the Gaussian.

    Returns:
        The smooth motion and the smooth camera.

    Raises:
        InputError: lengths that differ, or a time that can't be.
    """
    if len(T_cam_world) != motion.frames:
        raise InputError(
            "camera",
            "frames",
            f"{len(T_cam_world)} cameras for {motion.frames} frames",
            "give one for each frame",
        )
    sigma = _sigma(motion, seconds)
    if sigma == 0 or motion.frames == 1:
        return motion, T_cam_world
    T = T_cam_world.double()
    R_cam, t_cam = T[:, :3, :3], T[:, :3, 3]
    R_root, root = motion.R_parent_joint[:, 0].double(), motion.root_position.double()
    R_seen = _mean_rotations((R_cam @ R_root)[:, None], sigma)[:, 0]
    seen = _mean((R_cam @ root[..., None])[..., 0] + t_cam, sigma)
    centre = _mean(-(R_cam.transpose(-1, -2) @ t_cam[..., None])[..., 0], sigma)
    R_new = _mean_rotations(R_cam[:, None], sigma)[:, 0]
    t_new = -(R_new @ centre[..., None])[..., 0]
    out = T.clone()
    out[:, :3, :3], out[:, :3, 3] = R_new, t_new
    back = R_new.transpose(-1, -2)
    smoothed = smooth(motion, seconds)
    R = smoothed.R_parent_joint.clone()
    R[:, 0] = (back @ R_seen).to(R)
    path = (back @ (seen - t_new)[..., None])[..., 0].to(motion.root_position)
    return replace(smoothed, R_parent_joint=R, root_position=path), out.to(T_cam_world)


def _sigma(motion: Motion, seconds: float) -> float:
    if not 0 <= seconds <= 10:
        raise InputError("motion", "smooth", f"is {seconds} s", "give 0 to 10 seconds")
    return seconds * float(motion.fps)


def _mean(values: Float[Tensor, "T *D"], sigma: float) -> Float[Tensor, "T *D"]:
    """Gaussian mean over time; at the ends over what there is, straight lines kept straight."""
    flat = values.double().reshape(len(values), -1)
    radius = min(max(1, round(3.5 * sigma)), len(flat) - 1)
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    # Reflected through the end points, so that a straight line stays one.
    head = 2 * flat[:1] - flat[1 : radius + 1].flip(0)
    tail = 2 * flat[-1:] - flat[-radius - 1 : -1].flip(0)
    padded = torch.cat([head, flat, tail])
    out = torch.nn.functional.conv1d(padded.T[:, None], (kernel / kernel.sum())[None, None])
    return out[:, 0].T.reshape(values.shape).to(values)


def _mean_rotations(R: Float[Tensor, "T J 3 3"], sigma: float) -> Float[Tensor, "T J 3 3"]:
    """Gaussian mean over time: of unit quaternions, signs made to agree, then normalised.

    Within a window that spans less than a right angle this is the mean on SO(3) to
    second order, and it needs no decomposition.
    """
    quat = roma.rotmat_to_unitquat(R.double())
    agree = (quat[1:] * quat[:-1]).sum(-1, keepdim=True) >= 0
    signs = torch.where(agree, 1.0, -1.0).to(quat)
    quat = torch.cat([quat[:1], quat[1:] * torch.cumprod(signs, dim=0)])
    radius = min(max(1, round(3.5 * sigma)), len(R) - 1)
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)[None, None]
    flat = quat.reshape(len(R), -1).T[:, None]
    total = torch.nn.functional.conv1d(flat, kernel, padding=radius)[:, 0].T.reshape(quat.shape)
    length = total.norm(dim=-1, keepdim=True)
    mean = torch.where(length > 1e-6, total / length.clamp_min(1e-12), quat)
    return roma.unitquat_to_rotmat(mean).to(R)


def concatenate(motions: Sequence[Motion], blend: float = 0.25) -> Motion:
    """Motions one after another: each goes on where the one before stands and faces.

    Args:
        motions: at least one; all are resampled to the first one's rate.
        blend: seconds over which one passes into the next (they overlap by so much);
            0 sets them end to end.

    Raises:
        InputError: nothing to concatenate, or a negative blend.
    """
    if not motions:
        raise InputError("motion", "concatenate", "there is nothing", "give at least one motion")
    if not 0 <= blend <= 10:
        raise InputError("motion", "blend", f"is {blend} s", "give 0 to 10 seconds")
    out = motions[0]
    for nxt in motions[1:]:
        out = _append(out, resample(nxt, out.fps), blend)
    return replace(out, name="+".join(m.name for m in motions)[:200])


def _append(a: Motion, b: Motion, blend: float) -> Motion:
    overlap = min(round(blend * float(a.fps)), a.frames - 1, b.frames - 1)
    joint = a.frames - overlap if overlap > 0 else a.frames - 1
    turn = heading(a.R_parent_joint[joint, 0]) - heading(b.R_parent_joint[0, 0])
    R_turn = axis_rotation("y", turn)
    shift = a.root_position[joint] - R_turn @ b.root_position[0]
    shift = shift * torch.tensor([1.0, 0.0, 1.0]).to(shift)
    b = replace(
        b,
        R_parent_joint=torch.cat(
            [R_turn @ b.R_parent_joint[:, :1], b.R_parent_joint[:, 1:]], dim=1
        ),
        root_position=b.root_position @ R_turn.T + shift,
    )
    u = (torch.arange(overlap, dtype=torch.float64) + 1) / (overlap + 1)
    u = u * u * (3 - 2 * u)
    keep = a.frames - overlap
    R_mid = _slerp(a.R_parent_joint[keep:], b.R_parent_joint[:overlap], u)
    w = u[:, None].to(a.root_position)
    root_mid = torch.lerp(a.root_position[keep:], b.root_position[:overlap], w)
    face = {}
    for name in {*a.face, *b.face}:
        x = a.face.get(name, torch.zeros(a.frames))
        y = b.face.get(name, torch.zeros(b.frames))
        face[name] = torch.cat([x[:keep], torch.lerp(x[keep:], y[:overlap], w[:, 0]), y[overlap:]])
    return replace(
        a,
        R_parent_joint=torch.cat([a.R_parent_joint[:keep], R_mid, b.R_parent_joint[overlap:]]),
        root_position=torch.cat([a.root_position[:keep], root_mid, b.root_position[overlap:]]),
        face=face,
        notes=a.notes + b.notes,
    )
