"""Finds the body in the photos: one shape, one pose and one camera for each photo.

The posed body's outline is drawn, matched with the photo's (nearest point with
a like normal, both ways), and the matched surface points are pulled onto the
photo's outline by gradient descent, again and again. Clothes only ever add to a
silhouette, so a body inside it is forgiven and a body outside it is not, except
at hands, feet and head, which must meet it. Known keypoints, the face and the
skin's colour say what the outline can't.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import roma
import torch
from jaxtyping import Float
from torch import Tensor

from muybridge.body import JOINT_INDEX, JOINTS, AnnyBody, Part, ShapedBody
from muybridge.motion.hands import relaxed_hands
from muybridge.person.contours import match, outline
from muybridge.person.cues import face_vertices
from muybridge.person.observation import Observation
from muybridge.render import rasterize_pixels

FOCAL = 1.2
"""Focal length that a photo is expected to have, in picture heights."""
R_CAM_WORLD = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
"""The photo's camera stands at the origin and looks along -Z."""

_ACTIVE = ("spine1", "spine2", "spine3", "neck", "head") + tuple(
    f"{side}_{joint}"
    for side in ("left", "right")
    for joint in ("collar", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
)
_STIFFNESS = {
    "spine1": 3.0, "spine2": 4.0, "spine3": 3.0, "neck": 2.0, "head": 2.0, "collar": 4.0,
    "shoulder": 0.5, "elbow": 0.7, "wrist": 5.0, "hip": 0.6, "knee": 0.9, "ankle": 5.0,
}
_AXES = {
    "hip": (6.0, 1.0, 1.0),
    "knee": (6.0, 3.0, 1.0),
    "spine1": (6.0, 1.0, 1.0),
    "spine2": (4.0, 1.0, 1.0),
    "spine3": (6.0, 1.0, 1.0),
    "neck": (2.0, 1.0, 1.0),
    "shoulder": (40.0, 30.0, 1.0),
    "elbow": (6.0, 4.0, 1.5),
}
"""Extra stiffness about each axis. People stand upright for their picture and let their
arms hang; an outline can't tell a bent body from a tilted camera, nor an arm swung forward
from one swung back."""
_CAMERA_TILT = 0.22
"""Expected downward tilt of the camera, radians."""
_SHAPE_START = (0.5, 0.70, 0.5, 0.5, 0.5, 0.5)
_SHAPE_STIFFNESS = (1.5, 6.0, 1.0, 1.0, 0.3, 1.0)
_COCO = {
    5: "left_shoulder", 6: "right_shoulder", 7: "left_elbow", 8: "right_elbow",
    9: "left_wrist", 10: "right_wrist", 11: "left_hip", 12: "right_hip",
    13: "left_knee", 14: "right_knee", 15: "left_ankle", 16: "right_ankle",
}


@dataclass(frozen=True)
class BodyFit:
    """The body found in the photos.

    Attributes:
        phenotypes: the six of the built-in body.
        R_parent_joint: ``[K, 55, 3, 3]`` pose in each photo.
        root_position: ``[K, 3]`` pelvis; the photo's camera is at the origin, metres.
        focal: ``[K]`` pixels.
        residual: ``[K]`` mean distance of the outlines, in thousandths of the height.
    """

    phenotypes: Float[Tensor, "6"]
    R_parent_joint: Float[Tensor, "K 55 3 3"]
    root_position: Float[Tensor, "K 3"]
    focal: Float[Tensor, "K"]  # noqa: F821
    residual: Float[Tensor, "K"]  # noqa: F821


class _State:
    """The unknowns."""

    def __init__(self, observations: Sequence[Observation], start: Tensor | None) -> None:
        count = len(observations)
        self.rest = _standing_pose().repeat(count, 1, 1, 1) if start is None else start
        self.angles = torch.zeros(count, len(_ACTIVE), 3)
        self.root_angles = torch.tensor([_CAMERA_TILT, 0.0, 0.0]).repeat(count, 1)
        self.shape = torch.tensor(_SHAPE_START)
        self.log_focal = torch.zeros(count)
        self.facing = torch.stack(
            [
                torch.eye(3) if o.facing == "front" else torch.diag(torch.tensor([-1.0, 1, -1]))
                for o in observations
            ]
        )
        self.focal0 = torch.tensor([FOCAL * o.image.shape[0] for o in observations])
        self.center = torch.tensor(
            [[o.image.shape[1] / 2, o.image.shape[0] / 2] for o in observations]
        )
        place = []
        for o, f in zip(observations, self.focal0, strict=True):
            distance = float(f) * 1.72 / o.height
            x = (o.box[0] + o.box[2]) / 2 - o.image.shape[1] / 2
            y = o.box[1] + 0.48 * o.height - o.image.shape[0] / 2
            place.append([x * distance / float(f), -y * distance / float(f), -distance])
        self.place = torch.tensor(place)
        self.leaves = (self.angles, self.root_angles, self.shape, self.log_focal, self.place)
        for leaf in self.leaves:
            leaf.requires_grad_(True)

    @property
    def focal(self) -> Tensor:
        return self.focal0 * self.log_focal.exp()

    def rotations(self) -> Tensor:
        """Local rotations ``[K, 55, 3, 3]``."""
        R = self.rest.clone()
        active = [JOINT_INDEX[j] for j in _ACTIVE]
        R[:, active] = roma.rotvec_to_rotmat(self.angles) @ R[:, active]
        R[:, 0] = roma.rotvec_to_rotmat(self.root_angles) @ self.facing
        return R

    def project(self, points: Tensor) -> Tensor:
        """Pixels of points ``[K, P, 3]``."""
        depth = (-points[..., 2:3]).clamp(min=0.2)
        xy = points[..., :2] * torch.tensor([1.0, -1.0])
        return xy / depth * self.focal[:, None, None] + self.center[:, None]


def _standing_pose() -> Tensor:
    """Local rotations of a person who stands at ease, arms down ``[55, 3, 3]``."""
    R = torch.eye(3).repeat(len(JOINTS), 1, 1)
    down, bend = float(np.deg2rad(74.0)), float(np.deg2rad(12.0))
    for sign, side in ((1.0, "left"), (-1.0, "right")):
        turn = torch.tensor([0.0, 0.0, -sign * down])
        forward = roma.rotvec_to_rotmat(torch.tensor([-0.14, 0.0, 0.0]))
        R[JOINT_INDEX[f"{side}_shoulder"]] = forward @ roma.rotvec_to_rotmat(turn)
        R[JOINT_INDEX[f"{side}_elbow"]] = roma.rotvec_to_rotmat(
            torch.tensor([0.0, -sign * bend, -sign * 0.05])
        )
    R[25:55] = relaxed_hands()
    return R


class BodyFitter:
    """Fits the built-in body to photos."""

    def __init__(
        self,
        body: AnnyBody,
        observations: Sequence[Observation],
        start: Float[Tensor, "K 55 3 3"] | None = None,
    ) -> None:
        """
        Args:
            body: the built-in body.
            observations: the photos.
            start: pose in each photo, where an estimator has found it; the root is ignored.
        """
        self.body = body
        self.observations = list(observations)
        self.state = _State(observations, start)
        parts = body.mesh.parts
        self.tight = torch.isin(
            parts,
            torch.tensor(
                [Part.LEFT_HAND, Part.RIGHT_HAND, Part.LEFT_FOOT, Part.RIGHT_FOOT],
                dtype=parts.dtype,
            ),
        ).float()
        self.tight[parts == Part.HEAD] = 0.5
        self.face = {n: torch.from_numpy(v) for n, v in face_vertices(body).items()}
        self.unit = torch.tensor([1000.0 / o.height for o in observations])
        stiffness = torch.tensor([_STIFFNESS[j.split("_")[-1]] for j in _ACTIVE])
        axes = torch.tensor([_AXES.get(j.split("_")[-1], (1.0, 1.0, 1.0)) for j in _ACTIVE])
        self.stiffness = stiffness[None, :, None] * axes
        left = [i for i, j in enumerate(_ACTIVE) if j.startswith("left_")]
        self.mirror = (left, [_ACTIVE.index("right_" + _ACTIVE[i][5:]) for i in left])

    def fit(
        self, iterations: int = 180, progress: Callable[[float], None] | None = None
    ) -> BodyFit:
        """Runs the descent.

        Args:
            iterations: steps.
            progress: called with the fraction done.
        """
        s = self.state
        rates = (0.014, 0.012, 0.015, 0.006, 0.012)
        groups = [
            {"params": [leaf], "lr": rate} for leaf, rate in zip(s.leaves, rates, strict=True)
        ]
        optimiser = torch.optim.Adam(groups)
        matches: list[_Match] = []
        residual = torch.zeros(len(self.observations))
        for step in range(iterations):
            slow = 1.0 if step < iterations * 0.6 else 0.3
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * slow
            shaped = self.body.with_phenotypes(s.shape.clamp(0, 1))
            R, heads, _ = shaped.bones(s.rotations(), s.place)
            vertices = shaped.skin(shaped.bind_vertices, shaped.rig.weights, R, heads)
            pixels = s.project(vertices)
            if step % 2 == 0 or step > iterations - 8:
                matches = self._match(vertices.detach(), pixels.detach())
            loss, residual = self._outline_loss(pixels, matches)
            joints = shaped.joints(R, heads)
            loss = loss + self._evidence_loss(pixels, s.project(joints)) + self._prior()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if progress is not None:
                progress((step + 1) / iterations)
        with torch.no_grad():
            return BodyFit(
                s.shape.clamp(0, 1).clone(), s.rotations(), s.place.clone(),
                s.focal.clone(), residual.clone(),
            )

    def _match(self, vertices: Tensor, pixels: Tensor) -> list[_Match]:
        found = []
        for k, o in enumerate(self.observations):
            height, width = o.size_at(o.scale)
            flat = torch.cat([pixels[k] / o.scale, -vertices[k, :, 2:]], 1)
            drawn = rasterize_pixels(flat[None], self.body.mesh.faces, height, width, cull=True)
            triangle = drawn.triangle[0].numpy()
            line = outline(triangle >= 0, o.scale)
            source, goal = match(line, o.contour, o.height)
            rows, columns = line.pixels[source].T
            found.append(
                _Match(
                    self.body.mesh.faces[torch.from_numpy(triangle[rows, columns])],
                    drawn.barycentric[0][rows, columns],
                    torch.from_numpy(o.contour.points[goal]).float(),
                    torch.from_numpy(o.contour.normals[goal]).float(),
                )
            )
        return found

    def _outline_loss(self, pixels: Tensor, matches: list[_Match]) -> tuple[Tensor, Tensor]:
        total = torch.zeros(())
        residual = torch.zeros(len(matches))
        for k, m in enumerate(matches):
            on_model = (pixels[k][m.corners] * m.weights[..., None]).sum(1)
            away = (on_model - m.goal) * self.unit[k]
            outside = (away * m.normal).sum(1) > 0
            tight = (self.tight[m.corners] * m.weights).sum(1)
            weight = torch.where(outside, torch.ones(()), 0.22 + 0.78 * tight)
            distance = (away.square().sum(1) + 1e-6).sqrt()
            robust = torch.where(distance < 15, distance.square() / 30, distance - 7.5)
            total = total + (weight * robust).mean()
            residual[k] = distance.detach().mean()
        return total, residual

    def _evidence_loss(self, pixels: Tensor, joints: Tensor) -> Tensor:
        """Keypoints, the face and the hands' colour, in thousandths of the height."""
        total = torch.zeros(())
        for k, o in enumerate(self.observations):
            goals: list[tuple[Tensor, Tensor, float]] = []
            if o.keypoints is not None:
                seen = torch.from_numpy(o.keypoints).float()
                landmarks = self.body.landmarks(pixels[k])
                for i in range(17):
                    face_of_back = i < 5 and o.facing == "back"
                    weight = 0.0 if face_of_back else 0.06 * float(seen[i, 2] > 0.5)
                    name = _COCO.get(i)
                    at = landmarks[i] if name is None else joints[k, JOINT_INDEX[name]]
                    goals.append((at, seen[i, :2], weight))
            for cue in o.cues:
                if cue.name.endswith("_hand"):
                    side = cue.name.removesuffix("_hand")
                    knuckles = [JOINT_INDEX[f"{side}_{n}"] for n in ("middle1", "index2", "pinky1")]
                    goals.append((joints[k, knuckles].mean(0), _point(cue.at), 0.25 * cue.trust))
                else:
                    at = pixels[k, self.face[cue.name]].mean(0)
                    goals.append((at, _point(cue.at), 0.25 * cue.trust))
            for at, goal, weight in goals:
                distance = ((at - goal).square().sum() + 1e-6).sqrt() * self.unit[k]
                robust = torch.where(distance < 30, distance.square() / 60, distance - 15)
                total = total + weight * robust
        return total

    def _prior(self) -> Tensor:
        s = self.state
        pose = (self.stiffness * s.angles.square()).sum() * 6 * 2 / len(s.angles)
        apart = s.angles[:1] - s.angles
        left, right = self.mirror
        flip = torch.tensor([1.0, -1.0, -1.0])
        crooked = (s.angles[:, left] - s.angles[:, right] * flip).square().sum()
        stiff = torch.tensor(_SHAPE_STIFFNESS)
        shape = ((s.shape - torch.tensor(_SHAPE_START)) * stiff).square().sum()
        tilt = s.root_angles - torch.tensor([_CAMERA_TILT, 0.0, 0.0])
        lean = tilt.square() * torch.tensor([6.0, 4.0, 12.0])
        return (
            pose + 2 * apart.square().sum() + 4 * crooked * 2 / len(s.angles)
            + 6 * shape + 8 * s.log_focal.square().sum() + lean.sum()
            + 20 * (s.root_angles[:, 0] - s.root_angles[:, 0].mean()).square().sum()
        )


@dataclass(frozen=True)
class _Match:
    """Surface points on the model's outline and where they should be."""

    corners: Tensor
    weights: Tensor
    goal: Tensor
    normal: Tensor


def _point(at: tuple[float, float]) -> Tensor:
    return torch.tensor([float(at[0]), float(at[1])])


def shaped_body(body: AnnyBody, fit: BodyFit) -> ShapedBody:
    """The body of a fit, without gradients."""
    with torch.no_grad():
        return body.with_phenotypes(fit.phenotypes)
